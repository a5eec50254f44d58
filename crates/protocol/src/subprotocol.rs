//! How a token travels in the upgrade: as a second offered subprotocol, so that it stands in no
//! URL and in no access log.

use base64ct::{Base64UrlUnpadded, Encoding as _};

/// The wire's name and version, offered by the client and echoed by the server.
pub const SUBPROTOCOL: &str = "onesocket.v1";

/// What the offered subprotocol with the token begins with; base64url without padding follows, for
/// a subprotocol may hold no `=`, `/`, `:` or space. It is never echoed.
pub const TOKEN_PREFIX: &str = "onesocket.token.";

/// What the offered subprotocol begins with that names the client, so that the server knows it again
/// after a reconnect; 1 to 64 characters of base64url follow. It is never echoed.
pub const CLIENT_PREFIX: &str = "onesocket.client.";

/// Returns the subprotocol that names a client by 16 random bytes.
pub fn client_subprotocol(name: &[u8; 16]) -> String {
    base64url(CLIENT_PREFIX, name)
}

/// Finds the client's name among the offered subprotocols; `None` if there is none, or it is not of
/// the form that [`CLIENT_PREFIX`] says.
pub fn offered_client<'a>(mut offered: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = offered.find_map(|protocol| protocol.trim().strip_prefix(CLIENT_PREFIX))?;
    is_client_name(name).then_some(name)
}

/// Says whether a client may have this name: see [`CLIENT_PREFIX`].
pub fn is_client_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Returns the subprotocol that carries `token`.
pub fn token_subprotocol(token: &str) -> String {
    base64url(TOKEN_PREFIX, token.as_bytes())
}

/// Finds the token among the offered subprotocols; `None` if there is none, or it is no base64url
/// of UTF-8.
pub fn offered_token<'a>(mut offered: impl Iterator<Item = &'a str>) -> Option<String> {
    let encoded = offered.find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PREFIX))?;
    String::from_utf8(Base64UrlUnpadded::decode_vec(encoded).ok()?).ok()
}

/// Writes a prefix and, behind it, bytes in base64url without padding (RFC 4648, section 5). The encoder
/// of base64ct takes as long for all bytes, which a client that encodes its own token does not need,
/// and is 1 KB more of wasm.
fn base64url(prefix: &str, bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::from(prefix);
    for three in bytes.chunks(3) {
        let byte = |at| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=three.len() {
            let letter = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(char::from(letter));
        }
    }
    text
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
    fn a_client_has_a_short_plain_name() {
        let offered = client_subprotocol(&[0xff; 16]);
        assert_eq!(offered_client([offered.as_str()].into_iter()).map(str::len), Some(22));
        let named = |name: &str| {
            let offered = format!("{CLIENT_PREFIX}{name}");
            offered_client([SUBPROTOCOL, &offered].into_iter()).map(str::to_owned)
        };
        assert_eq!(named("Zm9v-_1").as_deref(), Some("Zm9v-_1"));
        for bad in ["", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_base64url_is_no_token() {
        for bad in ["onesocket.token.a", "onesocket.token.a=", "onesocket.token._w", "token", ""] {
            assert_eq!(offered_token([bad].into_iter()), None, "{bad}");
        }
    }
}
