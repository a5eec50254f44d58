//! Which origins may connect.

use axum::http::{HeaderMap, header};
use tracing::info;

/// How many bytes of a refused origin are logged.
const MAX_LOGGED: usize = 100;

/// Says whether the origin of a request may connect. A browser always sends one; a client that is
/// not a browser sends none, and has no user whose rights it could abuse. The same origin is one
/// that equals the `Host` but for ASCII case: nothing is parsed, so nothing is parsed differently.
pub(crate) fn allowed(headers: &HeaderMap, named: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let may = origins.next().is_none()
        && (is_same_host(origin, headers) || named.iter().any(|named| named == origin));
    if !may {
        // It is visible ASCII.
        let logged = origin.get(..MAX_LOGGED).unwrap_or(origin);
        info!(origin = logged, "Origin not allowed");
    }
    may
}

fn is_same_host(origin: &str, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let origin_host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let same = |host: &str| origin_host.is_some_and(|origin| origin.eq_ignore_ascii_case(host));
    host.to_str().is_ok_and(|host| !host.is_empty() && same(host))
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
            &["https://APP.example.org"],
            &["https://app.example.org/"],
            &["https://app.example.org:443"],
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

    fn may(origins: &[&str], hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, values) in [(header::ORIGIN, origins), (header::HOST, hosts)] {
            for value in values {
                headers.append(&name, value.as_bytes().try_into().unwrap());
            }
        }
        allowed(&headers, &["https://app.example.org".to_owned()])
    }
}
