//! Which origins may connect. One parser reads the `Origin` of a request, its `Host` and the option.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use tracing::info;

/// How many bytes of a refused origin, and of its host, are logged.
const MAX_LOGGED: usize = 100;

/// Origins that may connect: one, or all of one label below a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AllowedOrigin {
    /// `https://app.example.org`, `chrome-extension://…`
    Exact(Origin),
    /// `https://*.example.org`: the scheme, what stands behind the label with its dot, the port.
    Below(Origin),
}

/// An origin (RFC 6454): of a port that is the scheme's own nothing is left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// What decides whether pages may connect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<AllowedOrigin>,
    /// The header in which a proxy writes the host that the client has asked for.
    host_header: Option<HeaderName>,
}

impl Origin {
    fn of(header: &HeaderValue) -> Option<Self> {
        Self::read(header.to_str().ok()?)
    }

    /// Reads an origin as a browser writes it; a host may be in capitals.
    fn read(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(letters) {
            return None;
        }
        let (host, port) = read_authority(authority)?;
        let port = port.filter(|port| Some(*port) != default_port(scheme));
        Some(Self { scheme: scheme.to_owned(), host, port })
    }

    /// Says whether it is the origin of a page of this host, whatever encrypts the way to it.
    fn is_of(&self, (host, port): &(String, Option<u16>)) -> bool {
        let default = default_port(&self.scheme);
        let port = port.filter(|port| Some(*port) != default);
        ["http", "https"].contains(&&*self.scheme) && self.host == *host && self.port == port
    }
}

impl FromStr for AllowedOrigin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some((scheme, rest)) = text.split_once("://*.") {
            let below = Origin::read(&format!("{scheme}://{rest}")).ok_or(())?;
            // All of a top-level domain, and what is no name, are nobody's.
            let is_name =
                below.host.contains('.') && below.host.contains(|c: char| c.is_ascii_alphabetic());
            return if is_name { Ok(Self::Below(below)) } else { Err(()) };
        }
        Origin::read(text).map(Self::Exact).ok_or(())
    }
}

impl AllowedOrigin {
    fn covers(&self, origin: &Origin) -> bool {
        match self {
            Self::Exact(exact) => exact == origin,
            Self::Below(below) => {
                let label =
                    origin.host.strip_suffix(&below.host).and_then(|host| host.strip_suffix('.'));
                let is_label = label.is_some_and(|label| !label.is_empty() && !label.contains('.'));
                is_label && origin.scheme == below.scheme && origin.port == below.port
            }
        }
    }
}

impl Origins {
    /// Reads what the options name; what is no origin is left out, and was named as a fault before.
    pub(crate) fn new(allowed: &[String], host_header: Option<&str>) -> Self {
        Self {
            allowed: allowed.iter().filter_map(|text| text.parse().ok()).collect(),
            host_header: host_header.and_then(|name| name.parse().ok()),
        }
    }

    /// Says whether an option names the origin.
    pub(crate) fn names(&self, origin: &HeaderValue) -> bool {
        Origin::of(origin).is_some_and(|origin| self.cover(&origin))
    }

    fn cover(&self, origin: &Origin) -> bool {
        self.allowed.iter().any(|allowed| allowed.covers(origin))
    }

    /// Says whether the origin of a request may connect. A browser always sends one; a client that is
    /// not a browser sends none, and has no user whose rights it could abuse.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return true;
        };
        let host = self.host(headers);
        let is_own = |origin: &Origin| {
            let host = host.and_then(|host| read_authority(host.to_str().ok()?));
            host.is_some_and(|host| origin.is_of(&host))
        };
        let may = origins.next().is_none()
            && Origin::of(origin).is_some_and(|origin| is_own(&origin) || self.cover(&origin));
        if !may {
            let (origin, host) = (shown(Some(origin)), shown(host));
            info!(origin, host, "Origin not allowed: --allow-origin with it would allow it");
        }
        may
    }

    /// Returns the host that the client has asked for, if there is exactly one.
    fn host<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut hosts = headers.get_all(self.host_header.as_ref().unwrap_or(&header::HOST)).iter();
        hosts.next().filter(|_| hosts.next().is_none())
    }
}

/// Reads a host and the port behind it.
fn read_authority(text: &str) -> Option<(String, Option<u16>)> {
    // The colons of an IPv6 address stand in brackets.
    let end = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at_checked(end)?;
    let port = match rest.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    let is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            !host.is_empty()
                && host.chars().all(allowed)
                && !host.starts_with('.')
                && !host.ends_with('.')
        }
    };
    is_good.then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// What is logged of a header: visible ASCII, and not too much of it.
fn shown(value: Option<&HeaderValue>) -> &str {
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    text.get(..MAX_LOGGED).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "localhost:8080";

    #[test]
    fn an_origin_is_the_same_host_or_none_or_a_named_one() {
        for good in [
            &[][..],
            &["http://localhost:8080"],
            &["https://localhost:8080"],
            &["http://LOCALHOST:8080"],
            &["https://app.example.org"],
            &["https://APP.example.org"],
            &["https://app.example.org:443"],
            &["https://a.tenants.example.org"],
            &["https://xn--bcher-kva.tenants.example.org"],
            &["chrome-extension://abcdefghijklmnop"],
            &["capacitor://localhost"],
        ] {
            assert!(may(good, &[HOST]), "{good:?}");
        }
    }

    #[test]
    fn no_trick_makes_another_origin_the_same() {
        for bad in [
            &["http://localhost:8081"][..],
            &["http://localhost"],
            &["http://app.example.org"],
            &["https://app.example.org/"],
            &["https://app.example.org:444"],
            &["https://app.example.org:80"],
            &["https://app.example.org:"],
            &["https://app.example.org:+443"],
            &["https://app.example.org:65979"],
            &["https://app.example.org\t"],
            &["https://tenants.example.org"],
            &["https://.tenants.example.org"],
            &["https://a.b.tenants.example.org"],
            &["https://a.tenants.example.org:8443"],
            &["http://a.tenants.example.org"],
            &["https://a.tenants.example.org.evil.org"],
            &["https://evil.org?.tenants.example.org"],
            &["https://atenants.example.org"],
            &["https://*.tenants.example.org"],
            &["chrome-extension://abcdefghijklmnop.evil"],
            &["capacitor://localhost:8080"],
            &["moz-extension://abcdefghijklmnop"],
            &["https://[::1"],
            &["https://[localhost]:8080"],
            &["https://[::1]x:8080"],
            &["https://app.example.org.evil.org"],
            &["https://evil.org#https://app.example.org"],
            &["https://app.example.org, https://evil.org"],
            &["http://localhost:8080@evil.org"],
            &["http://evil.org/localhost:8080"],
            &["http://evil.org?http://localhost:8080"],
            &["http://localhost:8080."],
            &["http://localhost:8080 "],
            &["ws://localhost:8080"],
            &["HTTP://localhost:8080"],
            &["javascript://localhost:8080"],
            &["localhost:8080"],
            &["//localhost:8080"],
            &["null"],
            &[""],
            &["*"],
            &["http://"],
            &["http://löcalhost:8080"],
            &["http://localhost:8080", "http://evil.org"],
            &["http://evil.org", "http://localhost:8080"],
            &["http://localhost:8080", "http://localhost:8080"],
        ] {
            assert!(!may(bad, &[HOST]), "{bad:?}");
        }
    }

    #[test]
    fn without_one_host_no_origin_is_the_same() {
        for hosts in [&[][..], &[""], &["evil.org", HOST], &[HOST, HOST]] {
            assert!(!may(&["http://localhost:8080"], hosts), "{hosts:?}");
            assert!(!may(&["http://"], hosts), "{hosts:?}");
        }
    }

    #[test]
    fn the_port_of_the_scheme_is_no_port_on_either_side() {
        for (origin, host) in [
            ("https://app.example", "app.example:443"),
            ("https://app.example:443", "app.example"),
            ("http://app.example", "app.example:80"),
            ("https://APP.example", "app.EXAMPLE"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://[::1]", "[::1]:443"),
        ] {
            assert!(may(&[origin], &[host]), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://app.example", "app.example:443"),
            ("https://app.example", "app.example:80"),
            ("https://app.example:8443", "app.example"),
            ("http://[::1]:8080", "::1:8080"),
            ("wss://app.example", "app.example"),
            ("https://app.example", "app.example:"),
        ] {
            assert!(!may(&[origin], &[host]), "{origin} {host}");
        }
    }

    #[test]
    fn a_host_of_any_length_is_read_once() {
        let long = "x".repeat(8 << 10);
        assert!(!may(&["http://localhost:8080"], &[&long]));
        assert!(may(&[&format!("http://{long}")], &[&long]));
    }

    #[test]
    fn the_host_may_come_from_a_header_that_is_named_and_from_no_other() {
        let mut headers = HeaderMap::new();
        headers.append(header::ORIGIN, HeaderValue::from_static("https://app.example"));
        headers.append(header::HOST, HeaderValue::from_static("10.0.0.7:8080"));
        headers.append("x-forwarded-host", HeaderValue::from_static("app.example"));
        assert!(!Origins::new(&[], None).allow(&headers));
        let behind_proxy = Origins::new(&[], Some("X-Forwarded-Host"));
        assert!(behind_proxy.allow(&headers));

        // Two say nothing.
        headers.append("x-forwarded-host", HeaderValue::from_static("app.example"));
        assert!(!behind_proxy.allow(&headers));
    }

    #[test]
    fn what_may_be_allowed_is_an_origin_or_one_label_below_a_name() {
        for good in [
            "http://localhost:5173",
            "https://example.org",
            "https://EXAMPLE.org:443",
            "http://[::1]:80",
            "https://*.example.org",
            "https://*.example.org:8443",
            "chrome-extension://abcdef",
            "capacitor://localhost",
        ] {
            assert!(good.parse::<AllowedOrigin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "null",
            "*",
            "example.org",
            "https://",
            "https://a/",
            "https://*",
            "https://*.org",
            "https://a.*",
            "https://*.*.example.org",
            "https://*.1",
            "https://user@a",
            "HTTPS://a",
            "https://a:99999",
            "https://a b",
        ] {
            assert!(bad.parse::<AllowedOrigin>().is_err(), "{bad}");
        }
    }

    fn may(origins: &[&str], hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, values) in [(header::ORIGIN, origins), (header::HOST, hosts)] {
            for value in values {
                headers.append(&name, value.as_bytes().try_into().unwrap());
            }
        }
        let named =
            ["https://app.example.org", "https://*.tenants.example.org", "capacitor://localhost"];
        let named = named.into_iter().chain(["chrome-extension://abcdefghijklmnop"]);
        Origins::new(&named.map(str::to_owned).collect::<Vec<_>>(), None).allow(&headers)
    }
}
