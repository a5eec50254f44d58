//! The addresses to which limits apply.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;

/// The headers by which proxies say for whom they ask (RFC 7239, and what came before it).
const FORWARDING: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Returns the header by which a request says that a proxy has forwarded it, if it does.
pub(crate) fn forwarding_header(headers: &HeaderMap) -> Option<&'static str> {
    FORWARDING.into_iter().find(|name| headers.contains_key(*name))
}

/// The unit to which limits per address apply: an IPv4 address, or the /64 network of an IPv6 address,
/// because whoever has one of those has 2^64.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Address(IpAddr);

impl Address {
    /// Returns the address of a connection. One from this machine comes from a proxy, which serves many
    /// clients, and has none.
    pub(crate) fn of(peer: IpAddr) -> Option<Self> {
        let peer = peer.to_canonical();
        (!peer.is_loopback()).then(|| Self::network(peer))
    }

    /// Returns the address of a request if a proxy writes it into `header`: the last one
    /// there, because the client may have made up those before it.
    pub(crate) fn named(headers: &HeaderMap, header: &str, peer: IpAddr) -> Option<Self> {
        let last = headers.get_all(header).iter().next_back();
        let named = last
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|address| address.trim().parse::<IpAddr>().ok());
        named.map_or_else(|| Self::of(peer), |named| Some(Self::network(named.to_canonical())))
    }

    fn network(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_v4_address_or_a_v6_network_and_never_this_machine() {
        for (peer, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("127.0.0.1", None),
            ("::ffff:127.0.0.1", None),
            ("::1", None),
        ] {
            assert_eq!(Address::of(ip(peer)), expected.map(|it| Address(ip(it))), "{peer}");
        }
    }

    #[test]
    fn a_proxy_names_the_client_last() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], Some("192.0.2.1")),
            (&["203.0.113.9, 192.0.2.1"], Some("192.0.2.1")),
            (&["203.0.113.9", "192.0.2.1"], Some("192.0.2.1")),
            (&["127.0.0.1"], Some("127.0.0.1")),
            (&["192.0.2.1, unknown"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }

            let named = Address::named(&headers, "x-forwarded-for", ip("127.0.0.1"));

            assert_eq!(named, expected.map(|it| Address(ip(it))), "{lines:?}");
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }
}
