//! How a token travels in the upgrade: as a second offered subprotocol, so that it stands in no
//! URL and in no access log.

use base64ct::{Base64UrlUnpadded, Encoding};

/// The wire's name and version, offered by the client and echoed by the server.
pub const SUBPROTOCOL: &str = "onesocket.v1";

/// What the offered subprotocol with the token begins with; base64url without padding follows, for
/// a subprotocol may hold no `=`, `/`, `:` or space. It is never echoed.
pub const TOKEN_PREFIX: &str = "onesocket.token.";

/// Returns the subprotocol that carries `token`.
pub fn token_subprotocol(token: &str) -> String {
    format!("{TOKEN_PREFIX}{}", Base64UrlUnpadded::encode_string(token.as_bytes()))
}

/// Finds the token among the offered subprotocols; `None` if there is none, or it is no base64url
/// of UTF-8.
pub fn offered_token<'a>(mut offered: impl Iterator<Item = &'a str>) -> Option<String> {
    let encoded = offered.find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PREFIX))?;
    String::from_utf8(Base64UrlUnpadded::decode_vec(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_journey() {
        for token in ["", "a", "ab", "abc", "abcd", "eyJhbGciOiJIUzI1NiJ9.e30.x-_", "ü\n §"] {
            let offered = token_subprotocol(token);
            assert!(!offered.contains(['=', '/', ':', ' ', '\n', '+']), "{offered}");
            let list = [SUBPROTOCOL, offered.as_str()];
            assert_eq!(offered_token(list.into_iter()).as_deref(), Some(token));
        }
        // RFC 4648, section 10.
        assert_eq!(token_subprotocol("foobar"), "onesocket.token.Zm9vYmFy");
        assert_eq!(token_subprotocol("fooba"), "onesocket.token.Zm9vYmE");
    }

    #[test]
    fn what_is_no_base64url_is_no_token() {
        for bad in ["onesocket.token.a", "onesocket.token.a=", "onesocket.token._w", "token", ""] {
            assert_eq!(offered_token([bad].into_iter()), None, "{bad}");
        }
    }
}
