//! Public keys: who signs tokens elsewhere keeps the private one. Each key has one algorithm, and no other
//! is taken for it.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, RSAKeyParameters};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The least size of an RSA key (RFC 7518, section 3.3).
const MIN_RSA_BITS: usize = 2048;

/// A public key that verifies tokens.
#[derive(Clone)]
pub struct PublicKey {
    /// The `kid` that names it; one without is tried for every token.
    pub(crate) id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) checking: DecodingKey,
}

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PublicKeyError {
    /// It is neither PEM nor a JWK or a set of them.
    Unreadable,
    /// It has a private part, which does not belong here.
    Private,
    /// It is an RSA key of fewer than 2048 bits.
    Weak,
    /// Two keys have the same `kid`.
    Twice,
    /// It is for an algorithm that is none of RS256, ES256 and EdDSA.
    Algorithm,
    /// There is no key in it.
    Empty,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Map<String, Value>>,
}

impl PublicKey {
    /// Reads the keys in a text: PEM (`PUBLIC KEY`), a JWK, or a JWK set (RFC 7517). RSA is for RS256,
    /// P-256 for ES256, Ed25519 for `EdDSA`.
    ///
    /// # Errors
    ///
    /// Refuses the whole text for one key in it that is not good.
    pub fn read(text: &str) -> Result<Vec<Self>, PublicKeyError> {
        let keys: Vec<Self> = if text.trim_start().starts_with('{') {
            let single = || serde_json::from_str(text).map(|key| Set { keys: vec![key] });
            let set: Set = serde_json::from_str(text)
                .or_else(|_| single())
                .map_err(|_| PublicKeyError::Unreadable)?;
            // Those for encryption are for somebody else.
            let signs = |key: &&Map<String, Value>| key.get("use").is_none_or(|it| it == "sig");
            set.keys.iter().filter(signs).map(Self::of_jwk).collect::<Result<_, _>>()?
        } else {
            let blocks = text.split_inclusive("-----END PUBLIC KEY-----");
            let blocks = blocks.filter(|block| !block.trim().is_empty());
            blocks.map(|block| Self::of_pem(block.trim())).collect::<Result<_, _>>()?
        };
        let mut ids: Vec<&str> = keys.iter().filter_map(|key| key.id.as_deref()).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(PublicKeyError::Twice);
        }
        if keys.is_empty() { Err(PublicKeyError::Empty) } else { Ok(keys) }
    }

    fn of_jwk(key: &Map<String, Value>) -> Result<Self, PublicKeyError> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        if ["d", "p", "q", "k"].iter().any(|part| key.contains_key(*part)) {
            return Err(PublicKeyError::Private);
        }
        let part = |name: &str| text(name).ok_or(PublicKeyError::Unreadable);
        let checking = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => DecodingKey::from_rsa_components(part("n")?, part("e")?),
            (Some("EC"), Some("P-256")) => DecodingKey::from_ec_components(part("x")?, part("y")?),
            (Some("OKP"), Some("Ed25519")) => DecodingKey::from_ed_components(part("x")?),
            (Some(_), _) => return Err(PublicKeyError::Algorithm),
            (None, _) => return Err(PublicKeyError::Unreadable),
        };
        let checking = checking.map_err(|_| PublicKeyError::Unreadable)?;
        let algorithm = algorithm_of(&checking)?;
        if text("alg").is_some_and(|named| named.parse() != Ok(algorithm)) {
            return Err(PublicKeyError::Algorithm);
        }
        Ok(Self { id: text("kid").map(str::to_owned), algorithm, checking })
    }

    fn of_pem(block: &str) -> Result<Self, PublicKeyError> {
        if block.contains("PRIVATE KEY") {
            return Err(PublicKeyError::Private);
        }
        if !block.starts_with("-----BEGIN PUBLIC KEY-----") {
            return Err(PublicKeyError::Unreadable);
        }
        let pem = block.as_bytes();
        let checking = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map_err(|_| PublicKeyError::Unreadable)?;
        let algorithm = algorithm_of(&checking)?;
        Ok(Self { id: None, algorithm, checking })
    }
}

/// Says which algorithm a key is for; it has to be a strong one.
// The library may add variants; whatever they are, the key is not taken.
#[allow(clippy::wildcard_enum_match_arm)]
fn algorithm_of(key: &DecodingKey) -> Result<Algorithm, PublicKeyError> {
    let parts = Jwk::from_decoding_key(key, None).map_err(|_| PublicKeyError::Unreadable)?;
    match parts.algorithm {
        AlgorithmParameters::RSA(RSAKeyParameters { n, e, .. }) => {
            let key = DecodingKey::from_rsa_components(&n, &e);
            let key = key.map_err(|_| PublicKeyError::Unreadable)?;
            let bits = match key.kind() {
                DecodingKeyKind::RsaModulusExponent { n, .. } => bits(n),
                DecodingKeyKind::SecretOrDer(_) => 0,
            };
            if bits < MIN_RSA_BITS { Err(PublicKeyError::Weak) } else { Ok(Algorithm::RS256) }
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Ok(Algorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(_) => Ok(Algorithm::EdDSA),
        _ => Err(PublicKeyError::Algorithm),
    }
}

/// How many bits a number has, whatever zeros stand before it.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (number.len() - zeros) * 8 - first as usize
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {:?})", self.algorithm, self.id)
    }
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it is neither PEM with a PUBLIC KEY, nor a JWK or a set of them",
            Self::Private => "it has a private part, which belongs to who signs and to nobody else",
            Self::Weak => "an RSA key has at least 2048 bits",
            Self::Twice => "two keys have the same kid",
            Self::Algorithm => "a key is for RS256 (RSA), ES256 (P-256) or EdDSA (Ed25519)",
            Self::Empty => "there is no key in it",
        })
    }
}

impl std::error::Error for PublicKeyError {}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Private keys that were made for these tests and for nothing else, by `openssl genpkey`, and their
    /// public ones.
    pub(crate) const RSA: [&str; 2] = [
        "-----BEGIN PRIVATE KEY-----\n\
         MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCwZ/mEKzRZOR0B\n\
         R6Ds1tiQFiQ1tLV20j/vNEZcj7URurPr2SfFhxEmkot6lGbS/tmEZ+WOPK+dM0bd\n\
         YAXiWFENGX8VbrWJ085yXmsC1PrM9yFPxXdcZocSrJngiyJ2Ing76iwr/lTh5l4d\n\
         fbSjx969jB1WJNu+kGGvELl7rQ2x9KcA8x4MR2M8gNsa6dnhslec5ivi+VWaNUKu\n\
         NZ2x5ISJVe1VcLMuP5gDAxc5Yz4eRQlsei5bsL03bfartMI0/Mg8CAdeFmWLx9mi\n\
         rMsraCHvJ6Fb+o2NBmHpOyxxwhcaqSBSXywdwb7hHkSvR0JHrJj0eUygm1h/3Fjn\n\
         d3pz1NAPAgMBAAECggEARXrGS3jK1wOIOYtRRkc+p82YuHBy8phP5zKTLfzKB/Ad\n\
         0lxG7mVK64LXndGaiCspWB2ly/Z6ArQCCso5txMq5TpwE+x1YxJB40jt5AEnwRfr\n\
         DmTLpOCa/c9ukgKq8ZWU/qA2gqNbIlheJEZxIfrkb4qiuV2uESoD13SCYcRguwBk\n\
         rlkf/H7PlYqDX3anRto+GeIuqLgGINYZL5vDWltPQg73iPO1kawHCL5PSgEQePw9\n\
         Y7+3H7lWysYY9MIRpYDAfKA1VJQA3rz0JsmqeevD9JROCt27NaEhfLxhElpoQClB\n\
         a31W92avMTheqsMA/Mw+WliO6S2U8bGuDlEUeDJGXQKBgQD1XkjUsZZRQjegUOey\n\
         89FP6fh8p9OljLv/9FnrkAH11XE7OkVJNQaTtkzxkOChelPc6Ck3t9kA3HKcDSlz\n\
         VLRn2RgnSl75M2ue9hIe3RUY0EnUKwTLbGpqKCLd0XhTu5CErTXrVhAFIdd5yxQq\n\
         DHfUDzAqJMn1aR8jHCz14QEOywKBgQC4DLyU0lXn+lCZbcJGX4aFlnO2J5FioHED\n\
         jaaRNZ6a95vnbefGc7rXkr3keeYJbAOjCwl0C27mm8j4TAJPrcDP2PSWLXWf+qjp\n\
         7BByo4ZTfB6m6YuIx6Ejgead1NKAiRt6dUu+ANGM65QDP05+pesDzDCcVv0boRWg\n\
         8dg+Wol3TQKBgF/N6ZgKowulVDzneiB4bNDMJTbe/JeWRM2ipf2BJBLNvUGH9geo\n\
         iaHhO1fS3rKOJfKKP5W+1h8s9B8UUIv0leA6duDYfA7HUg0mPVsJrbQbl8gc5+lZ\n\
         so8yjrKXmGjxQnNbgkMaPnUSiqTGc2AbsCn/qCm8ZZLJ8dtuo+t5aEVTAoGAJ2/7\n\
         PLxxUfruKGI/fcrcTWW2t7J00bhlXwiMR5NAwB4MlyOSxZBo2eaEsB96rkwp31bv\n\
         GKGWiu2Yu7O1zxMBPMhVaJSnHrecWDuQLrBhiSQQgV2L26xDGBOuseU3kflPHQdj\n\
         SnxsapDUL3nyPOsal766L9Xn+HKk6s7Hsly+FgUCgYEAk7mr7Tckx4ZgRkwfafrd\n\
         AhAOF+UoRndHAhJpJGA25wkjK5T6vqmJrAAblp/D3qt16ur5iCTrM57Vx4J7f/yG\n\
         TtHNzxRbxGeFs2Jk/Uo/nGtJSh1FcJbAwOVrRyYnk49L1gPJ42MB8G+V5n9pRDRC\n\
         8BCwTSoEtNZ/Nt9lMGfjfMU=\n\
         -----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n\
         MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsGf5hCs0WTkdAUeg7NbY\n\
         kBYkNbS1dtI/7zRGXI+1Ebqz69knxYcRJpKLepRm0v7ZhGfljjyvnTNG3WAF4lhR\n\
         DRl/FW61idPOcl5rAtT6zPchT8V3XGaHEqyZ4IsidiJ4O+osK/5U4eZeHX20o8fe\n\
         vYwdViTbvpBhrxC5e60NsfSnAPMeDEdjPIDbGunZ4bJXnOYr4vlVmjVCrjWdseSE\n\
         iVXtVXCzLj+YAwMXOWM+HkUJbHouW7C9N232q7TCNPzIPAgHXhZli8fZoqzLK2gh\n\
         7yehW/qNjQZh6TssccIXGqkgUl8sHcG+4R5Er0dCR6yY9HlMoJtYf9xY53d6c9TQ\n\
         DwIDAQAB\n\
         -----END PUBLIC KEY-----\n",
    ];
    pub(crate) const EC: [&str; 2] = [
        "-----BEGIN PRIVATE KEY-----\n\
         MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqzj15EAVzItZp7f6\n\
         wJG6E+IlMaw/xB2gQ+a4aEsY8JGhRANCAAQMQisr1UbPNPJesVnvO0I+pttQDdNR\n\
         +u1G68xXV340c+GENxmYUMmc0b/9HdGlFPdvjj5eJRiI64dIWpwgCQ99\n\
         -----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n\
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDEIrK9VGzzTyXrFZ7ztCPqbbUA3T\n\
         UfrtRuvMV1d+NHPhhDcZmFDJnNG//R3RpRT3b44+XiUYiOuHSFqcIAkPfQ==\n\
         -----END PUBLIC KEY-----\n",
    ];
    pub(crate) const ED: [&str; 2] = [
        "-----BEGIN PRIVATE KEY-----\n\
         MC4CAQAwBQYDK2VwBCIEIFrseOtghV9PmpNzgxE34L1GS0MZQOCsxelHdgZyA6Ou\n\
         -----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n\
         MCowBQYDK2VwAyEAeB2GxAzfp7Yg0ZlkF4N2flqAy0EdCGSnEPybh589O8M=\n\
         -----END PUBLIC KEY-----\n",
    ];

    /// Of 1024 bits.
    const WEAK: &str = "-----BEGIN PUBLIC KEY-----\n\
         MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC8SIy0kXwBgCSUP8/2d0Bk8p1w\n\
         wcRoFM845fgLTrkOYUMed6eDail4o3cfT0yhxYVfcCk9HHtyIouKFPRFLoc2e//V\n\
         HD0k+B9YluqtdRtkuu2NfytHFivlgFxb9j5QKn5pn8eLX5H2ZqEKmEBQ206GfY3J\n\
         sKYwJ7QsV/vDMtZU4wIDAQAB\n\
         -----END PUBLIC KEY-----\n";

    /// Of 2040 bits.
    const ALMOST: &str = "-----BEGIN PUBLIC KEY-----\n\
         MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQAAzw7G9NK7IZLz5IBNAyUM\n\
         i2h7+95mvR+cf4qYuxamxcpfbrls50+9A29aW5ZmvVJq/K6NSbnAjpK2HnXDoeGi\n\
         Q7hXm30tj4YfTckhevWEcf59CPf0YMX5jgqXX2ffCBkHfYpEBWqDtEKlLr5di8VJ\n\
         aEpADu1s2hL+1rIKxI5Ku9i2JkBHIdj6N0uxuehEwFWvTG7eAD/9wSjitRyJXAPc\n\
         QqMsAzD3MVSyngIBqu8hlMVYib+isE6ZS/y+Yy1nBBi+N6oyzpQn2tty5KXx97dX\n\
         ZOFr0DJyPvP3TOiuXgHb/SgqIDiYhAN3PTS5/ppHsqMzDF/ky0SF9Or0dA2HbGH5\n\
         AgMBAAE=\n\
         -----END PUBLIC KEY-----\n";

    const P384: &str = "-----BEGIN PUBLIC KEY-----\n\
         MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAECxxxqkqSUB7hoPE14piHkBoElSQN6FL2\n\
         Ys9YO0nu6LtagsyZ9/xj+6V+2Vwy2XBXMexhqycFxiZNFfPebhUj1konttY52Y3z\n\
         Z+NXFHYnqp8RNXlTxQUjRzPMz+AG9e1W\n\
         -----END PUBLIC KEY-----\n";

    /// RFC 8037, appendix A.2.
    const ED_JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"one",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn read(text: &str) -> Result<Vec<(Algorithm, Option<String>)>, PublicKeyError> {
        let keys = PublicKey::read(text)?;
        Ok(keys.into_iter().map(|key| (key.algorithm, key.id)).collect())
    }

    #[test]
    fn a_key_says_which_algorithm_it_is_for() {
        let all = format!("{}\n{}{}", RSA[1], EC[1], ED[1]);
        let expected = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(|it| (it, None));
        assert_eq!(read(&all).unwrap(), expected);

        let one = (Algorithm::EdDSA, Some("one".to_owned()));
        assert_eq!(read(ED_JWK), Ok(vec![one.clone()]));
        let two = ED_JWK.replace("one", "two");
        let encrypts = ED_JWK.replace("\"kid\"", "\"use\":\"enc\",\"kid\"");
        let set = format!(r#"{{"keys":[{ED_JWK},{two},{encrypts}]}}"#);
        assert_eq!(read(&set), Ok(vec![one, (Algorithm::EdDSA, Some("two".to_owned()))]));
    }

    #[test]
    fn what_is_weak_private_or_for_another_algorithm_is_not_taken() {
        let with = |from: &str, to: &str| ED_JWK.replace(from, to);
        for (text, error) in [
            (WEAK.to_owned(), PublicKeyError::Weak),
            (ALMOST.to_owned(), PublicKeyError::Weak),
            (P384.to_owned(), PublicKeyError::Algorithm),
            // Zeros before it make a number no larger.
            (
                format!(r#"{{"kty":"RSA","n":"{}AQAB","e":"AQAB"}}"#, "A".repeat(400)),
                PublicKeyError::Weak,
            ),
            (RSA[0].to_owned(), PublicKeyError::Private),
            (ED[0].to_owned(), PublicKeyError::Private),
            (with("\"kid\"", "\"d\":\"AA\",\"kid\""), PublicKeyError::Private),
            (r#"{"kty":"oct","k":"AAAA"}"#.into(), PublicKeyError::Private),
            (r#"{"kty":"oct"}"#.into(), PublicKeyError::Algorithm),
            (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.into(), PublicKeyError::Weak),
            (with("Ed25519", "X25519"), PublicKeyError::Algorithm),
            (with("\"kid\"", "\"alg\":\"HS256\",\"kid\""), PublicKeyError::Algorithm),
            (with("\"kid\"", "\"alg\":\"none\",\"kid\""), PublicKeyError::Algorithm),
            (format!(r#"{{"keys":[{ED_JWK},{ED_JWK}]}}"#), PublicKeyError::Twice),
            (r#"{"keys":[]}"#.into(), PublicKeyError::Empty),
            (String::new(), PublicKeyError::Empty),
            ("a secret that is no key at all, of some length".into(), PublicKeyError::Unreadable),
            ("{".into(), PublicKeyError::Unreadable),
            (r#"{"keys":{}}"#.into(), PublicKeyError::Unreadable),
            (format!("{}garbage", RSA[1]), PublicKeyError::Unreadable),
        ] {
            assert_eq!(read(&text), Err(error), "{text}");
        }
    }
}
