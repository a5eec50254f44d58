//! Tokens: JWT, HS256 with a secret, or RS256, ES256 and `EdDSA` with a public key.
//!
//! Owns what makes a token valid. Refuses clocks: the time is an argument. No error of this module
//! contains a token or a part of one, so errors may be logged.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::auth::keys::{KeyRing, MIN_SECRET_BYTES, Secret, SecretError};
use crate::auth::rights::Rights;

/// The algorithms for which there are keys: HS256 for secrets, the others for public keys.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// The maximum length of the name of a user, in bytes of UTF-8.
pub const MAX_USER_BYTES: usize = 128;

/// Signs and verifies tokens for one audience.
pub struct Tokens {
    keys: KeyRing,
    /// What is checked of a token, for each algorithm that a key may be for.
    validations: Vec<(Algorithm, Validation)>,
    audience: String,
    life: Duration,
    leeway: Duration,
}

/// What a valid token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The user: its claim `sub`.
    pub user: String,
    /// The time until it expires.
    pub expires_in: Duration,
    /// The groups that it is for: its claim `groups`.
    pub rights: Rights,
}

/// Why a token was not accepted, or not issued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenError {
    /// There is no key for the algorithm in its header, or the header is unknown.
    Algorithm,
    /// It is for another audience.
    Audience,
    /// This claim is missing or has the wrong type.
    Claim(&'static str),
    /// It has expired.
    Expired,
    /// It was issued in the future, or is not valid yet.
    Early,
    /// Its `kid` names a key that the server does not have.
    Key,
    /// Its lifetime is longer than the server allows.
    Life,
    /// There is no token.
    Missing,
    /// It is signed with the secret and a newline after it: that at the end of its file, most likely.
    Newline,
    /// It is valid, but for another user.
    OtherUser,
    /// It is not a JWT.
    Shape,
    /// It is signed with another key.
    Signature,
    /// Its subject is not a valid name of a user.
    User,
}

/// What is signed when a token is issued.
#[derive(Serialize)]
struct Issued<'a> {
    sub: &'a str,
    exp: u64,
    iat: u64,
    aud: &'a str,
    jti: &'a str,
    #[serde(skip_serializing_if = "Rights::is_empty")]
    groups: &'a Rights,
}

/// The claims of a token whose signature is good.
#[derive(Deserialize)]
#[serde(transparent)]
struct Claims(serde_json::Map<String, Value>);

impl Claims {
    fn text(&self, name: &'static str) -> Result<&str, TokenError> {
        self.0.get(name).and_then(Value::as_str).ok_or(TokenError::Claim(name))
    }

    /// A point in time, in seconds since 1970; RFC 7519, section 2, allows fractions.
    fn time(&self, name: &'static str) -> Result<Duration, TokenError> {
        let seconds = self.0.get(name).and_then(Value::as_f64).ok_or(TokenError::Claim(name))?;
        if seconds < 0.0 {
            return Err(TokenError::Claim(name));
        }
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn rights(&self) -> Result<Rights, TokenError> {
        let Some(groups) = self.0.get("groups") else { return Ok(Rights::default()) };
        Rights::deserialize(groups).map_err(|_| TokenError::Claim("groups"))
    }
}

impl Tokens {
    /// Makes a signer and verifier with `secret` for `audience`; `life` is the maximum lifetime.
    pub fn new(secret: &Secret, audience: &str, life: Duration) -> Self {
        Self::of(KeyRing::new(secret, None), audience, life)
    }

    /// [`new`](Self::new), with a ring of secrets that may change.
    pub fn of(keys: KeyRing, audience: &str, life: Duration) -> Self {
        let validations = ALGORITHMS.map(|algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.set_audience(&[audience]);
            // The others are looked at here, so that what is wrong has its name.
            validation.set_required_spec_claims(&["aud"]);
            // The library would read the clock; `check_times` takes the time as an argument.
            validation.validate_exp = false;
            (algorithm, validation)
        });
        Self {
            keys,
            validations: validations.into(),
            audience: audience.to_owned(),
            life,
            leeway: Duration::from_secs(5),
        }
    }

    /// Sets the tolerated difference between the clocks of two machines: 5 s without it.
    #[must_use]
    pub fn with_leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// Returns the lifetime of the tokens that [`issue`](Self::issue) makes.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// Makes a token for `user`, without rights; `id` is its unique `jti`.
    ///
    /// # Errors
    ///
    /// Refuses an invalid name of a user.
    pub fn issue(&self, user: &str, id: &str, now: SystemTime) -> Result<String, TokenError> {
        self.issue_with(&Rights::default(), user, id, now)
    }

    /// [`issue`](Self::issue), with rights.
    ///
    /// # Errors
    ///
    /// Refuses an invalid name of a user.
    pub fn issue_with(
        &self,
        rights: &Rights,
        user: &str,
        id: &str,
        now: SystemTime,
    ) -> Result<String, TokenError> {
        check_user(user)?;
        let iat = since_epoch(now).as_secs();
        let exp = iat + self.life.as_secs();
        let claims = Issued { sub: user, exp, iat, aud: &self.audience, jti: id, groups: rights };
        let key = self.keys.now().signing;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|_| TokenError::Shape)
    }

    /// Verifies `token` and returns the identity of its bearer.
    ///
    /// # Errors
    ///
    /// Says why the token is not valid.
    pub fn check(&self, token: &str, now: SystemTime) -> Result<Identity, TokenError> {
        let claims = self.claims(token)?;
        let user = claims.text("sub")?;
        check_user(user)?;
        if claims.text("jti")?.is_empty() {
            return Err(TokenError::Claim("jti"));
        }
        let expires_in = self.check_times(&claims, since_epoch(now))?;
        Ok(Identity { user: user.to_owned(), expires_in, rights: claims.rights()? })
    }

    /// Returns the claims if one of our keys has signed them: the named one, or any.
    fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| {
            // One that is JSON has an algorithm that the library does not know.
            reason(error.kind(), TokenError::Algorithm)
        })?;
        // Critical extensions (RFC 7515, section 4.1.11): we understand none.
        if header.crit.is_some() {
            return Err(TokenError::Algorithm);
        }
        let ring = self.keys.now();
        let keys = ring.verifying(header.kid.as_deref());
        let mut found = Err(if keys.is_empty() { TokenError::Key } else { TokenError::Algorithm });
        // Each key is for one algorithm: a public one is never taken for a secret.
        let validation = self.validations.iter().find(|(it, _)| *it == header.alg);
        let Some((algorithm, validation)) = validation else { return found };
        for (_, key) in keys.into_iter().filter(|(it, _)| it == algorithm) {
            found = jsonwebtoken::decode::<Claims>(token, key, validation)
                .map(|token| token.claims)
                .map_err(|error| reason(error.kind(), TokenError::Shape));
            if found.as_ref().err() != Some(&TokenError::Signature) {
                break;
            }
        }
        let unknown = matches!(found, Err(TokenError::Signature | TokenError::Key));
        let verifies = |key| jsonwebtoken::decode::<Claims>(token, key, validation).is_ok();
        if unknown && *algorithm == Algorithm::HS256 && ring.with_newline().any(verifies) {
            return Err(TokenError::Newline);
        }
        found
    }

    fn check_times(&self, claims: &Claims, now: Duration) -> Result<Duration, TokenError> {
        let (expires_at, issued_at) = (claims.time("exp")?, claims.time("iat")?);
        let not_before = if claims.has("nbf") { claims.time("nbf")? } else { Duration::ZERO };
        if expires_at.saturating_sub(issued_at) > self.life {
            return Err(TokenError::Life);
        }
        if issued_at.max(not_before) > now + self.leeway {
            return Err(TokenError::Early);
        }
        if expires_at.saturating_add(self.leeway) <= now {
            return Err(TokenError::Expired);
        }
        Ok(expires_at.saturating_sub(now))
    }
}

impl Identity {
    /// Returns the identity if it is that of `user`.
    ///
    /// # Errors
    ///
    /// Refuses that of another user.
    pub fn of(self, user: &str) -> Result<Self, TokenError> {
        if self.user == user { Ok(self) } else { Err(TokenError::OtherUser) }
    }
}

fn check_user(user: &str) -> Result<(), TokenError> {
    let fits = (1..=MAX_USER_BYTES).contains(&user.len());
    // A control character would forge lines in logs and terminals.
    if fits && !user.chars().any(char::is_control) { Ok(()) } else { Err(TokenError::User) }
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Says what is wrong; `misfit` for JSON that is not what it should be.
// The library may add variants; whatever they are, the token is not accepted.
#[allow(clippy::wildcard_enum_match_arm)]
fn reason(kind: &ErrorKind, misfit: TokenError) -> TokenError {
    match kind {
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::MissingAlgorithm
        | ErrorKind::UnsupportedAlgorithm => TokenError::Algorithm,
        ErrorKind::InvalidAudience => TokenError::Audience,
        // It looks at no other one.
        ErrorKind::InvalidClaimFormat(_) | ErrorKind::MissingRequiredClaim(_) => {
            TokenError::Claim("aud")
        }
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::Json(error) if error.is_data() => misfit,
        _ => TokenError::Shape,
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Claim(name) => {
                return write!(f, "the token's claim `{name}` is missing or has the wrong type");
            }
            Self::Algorithm => "the token is signed with an algorithm for which there is no key",
            Self::Audience => "the token is for another audience",
            Self::Early => "the token was issued in the future, or is not to be used yet",
            Self::Expired => "the token has expired",
            Self::Key => "the token's key id is none of this server's",
            Self::Life => "the token lives longer than this server allows",
            Self::Missing => "there is no token",
            Self::Newline => {
                "the token is signed with the secret and a newline after it: where tokens are signed, \
                 remove the newline at the end of the secret"
            }
            Self::OtherUser => "the token is another user's",
            Self::Shape => "the token is no JWT",
            Self::Signature => "the token is signed with another key",
            Self::User => "a user's name is 1 to 128 bytes of UTF-8 without control characters",
        };
        f.write_str(sentence)
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::json;

    use super::*;
    use crate::auth::public_key::PublicKey;
    use crate::auth::public_key::tests::{EC, ED, RSA};
    use crate::auth::rights::Pattern;

    const NOW: SystemTime = UNIX_EPOCH;
    const LIFE: Duration = Duration::from_secs(300);

    #[test]
    fn an_issued_token_names_its_user_and_its_life() {
        let tokens = tokens();
        let now = NOW + Duration::from_millis(1500);

        let token = tokens.issue("ada", "1", now).unwrap();

        let expires_in = Duration::from_millis(299_500);
        assert_eq!(
            tokens.check(&token, now),
            Ok(Identity { user: "ada".into(), expires_in, rights: Rights::default() })
        );
    }

    #[test]
    fn a_token_runs_out_five_seconds_after_its_life() {
        let tokens = tokens();
        let token = tokens.issue("ada", "1", NOW).unwrap();
        let last = NOW + LIFE + Duration::from_secs(5);

        let before = tokens.check(&token, last - Duration::from_millis(1));
        assert_eq!(before.unwrap().expires_in, Duration::ZERO);
        assert_eq!(tokens.check(&token, last), Err(TokenError::Expired));
    }

    #[test]
    fn every_claim_is_required_and_has_its_type() {
        for claim in ["sub", "exp", "iat", "aud", "jti"] {
            let mut lacking = claims();
            lacking.as_object_mut().unwrap().remove(claim);
            assert_eq!(check(&lacking), Err(TokenError::Claim(claim)), "{claim}");

            let mut wrong = claims();
            wrong[claim] = json!(true);
            assert_eq!(check(&wrong), Err(TokenError::Claim(claim)), "{claim}");

            wrong[claim] = json!({"an": "object"});
            assert!(check(&wrong).is_err(), "{claim}");
        }
        assert_eq!(check(&claims()).unwrap().user, "ada");
    }

    #[test]
    fn a_token_that_is_too_long_lived_early_or_for_others_is_not_taken() {
        for (claim, value, error) in [
            ("exp", json!(301), TokenError::Life),
            ("exp", json!(u64::MAX), TokenError::Life),
            ("iat", json!(6), TokenError::Early),
            ("nbf", json!(6), TokenError::Early),
            ("nbf", json!("soon"), TokenError::Claim("nbf")),
            ("iat", json!(-1), TokenError::Claim("iat")),
            ("iat", json!("0"), TokenError::Claim("iat")),
            ("groups", json!("tea"), TokenError::Claim("groups")),
            ("groups", json!(null), TokenError::Claim("groups")),
            ("groups", json!(["a*b"]), TokenError::Claim("groups")),
            ("aud", json!("others"), TokenError::Audience),
            ("aud", json!(["others"]), TokenError::Audience),
            ("jti", json!(""), TokenError::Claim("jti")),
            ("sub", json!(""), TokenError::User),
            ("sub", json!("a\nb"), TokenError::User),
            ("sub", json!("x".repeat(129)), TokenError::User),
        ] {
            let mut claims = claims();
            claims[claim] = value;
            assert_eq!(check(&claims), Err(error), "{claims}");
        }
        let mut early = claims();
        early["nbf"] = json!(5);
        assert!(check(&early).is_ok(), "within the leeway");
        let mut several = claims();
        several["aud"] = json!(["others", "onesocket"]);
        assert!(check(&several).is_ok());
    }

    #[test]
    fn times_may_have_fractions() {
        let now = NOW + Duration::from_secs(1_700_000_000);
        for (iat, exp, expires_in_ms) in [
            (json!(1_700_000_000.0), json!(1_700_000_300.0), 300_000),
            (json!(1_700_000_000.25), json!(1_700_000_300.25), 300_250),
            (json!(1_699_999_999.5), json!(1_700_000_100.5), 100_500),
        ] {
            let mut claims = claims();
            (claims["iat"], claims["exp"]) = (iat, exp);
            let checked = tokens().check(&sign(&claims, Algorithm::HS256), now);
            assert_eq!(checked.unwrap().expires_in.as_millis(), expires_in_ms, "{claims}");
        }
    }

    #[test]
    fn clocks_may_differ_by_the_leeway() {
        let mut ahead = claims();
        (ahead["iat"], ahead["exp"]) = (json!(10), json!(310));
        assert_eq!(check(&ahead), Err(TokenError::Early));

        let patient = tokens().with_leeway(Duration::from_secs(10));
        assert!(patient.check(&sign(&ahead, Algorithm::HS256), NOW).is_ok());
    }

    #[test]
    fn a_token_says_which_groups_it_is_for() {
        let tokens = tokens();
        let rights = Rights::new(vec![Pattern::new("room-*").unwrap()], Vec::new());

        let token = tokens.issue_with(&rights, "ada", "1", NOW).unwrap();

        assert_eq!(tokens.check(&token, NOW).unwrap().rights, rights);
    }

    #[test]
    fn a_public_key_verifies_what_its_private_one_has_signed_and_nothing_else() {
        let keys = KeyRing::new(&Secret::new([1; 32]).unwrap(), None);
        let tokens = Tokens::of(keys.clone(), "onesocket", LIFE);
        let pairs = [(RSA, Algorithm::RS256), (EC, Algorithm::ES256), (ED, Algorithm::EdDSA)];
        let signed = pairs.map(|([private, _], algorithm)| {
            let private = private.as_bytes();
            let key = EncodingKey::from_rsa_pem(private)
                .or_else(|_| EncodingKey::from_ec_pem(private))
                .or_else(|_| EncodingKey::from_ed_pem(private));
            jsonwebtoken::encode(&Header::new(algorithm), &claims(), &key.unwrap()).unwrap()
        });
        for token in &signed {
            assert_eq!(tokens.check(token, NOW), Err(TokenError::Algorithm));
        }
        for (at, ([_, public], algorithm)) in pairs.into_iter().enumerate() {
            keys.replace_public(PublicKey::read(public).unwrap());

            for (other, token) in signed.iter().enumerate() {
                assert_eq!(tokens.check(token, NOW).is_ok(), other == at, "{algorithm:?}");
            }
            // The public key is no secret: who has it signs nothing with it.
            let confused = EncodingKey::from_secret(public.as_bytes());
            for header in [Header::new(Algorithm::HS256), Header::new(Algorithm::HS512)] {
                let token = jsonwebtoken::encode(&header, &claims(), &confused).unwrap();
                assert!(tokens.check(&token, NOW).is_err(), "{algorithm:?}");
            }
            // The secret counts as before.
            let own = tokens.issue("ada", "1", NOW).unwrap();
            assert!(tokens.check(&own, NOW).is_ok());
        }
        // Rotation of the secret leaves the public keys.
        keys.replace(&Secret::new([2; 32]).unwrap(), None);
        assert!(tokens.check(&signed[2], NOW).is_ok());
    }

    #[test]
    fn a_forged_token_is_not_taken() {
        let tokens = tokens();
        let good = tokens.issue("ada", "1", NOW).unwrap();
        let stranger = Tokens::new(&Secret::new([2; 32]).unwrap(), "onesocket", LIFE);
        let parts: Vec<&str> = good.split('.').collect();
        // {"alg":"none"}, {"alg":"RS256"}
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        let confused = format!("eyJhbGciOiJSUzI1NiJ9.{}.{}", parts[1], parts[2]);
        let sha512 = sign(&claims(), Algorithm::HS512);

        let forged = stranger.issue("ada", "1", NOW).unwrap();
        assert_eq!(tokens.check(&forged, NOW), Err(TokenError::Key));
        assert_eq!(tokens.check(&confused, NOW), Err(TokenError::Algorithm));
        assert_eq!(tokens.check(&sha512, NOW), Err(TokenError::Algorithm));
        assert_eq!(tokens.check(&unsigned, NOW), Err(TokenError::Algorithm));
        for bad in ["", "a.b.c", "....", "\u{0}", &good[1..], parts[0]] {
            assert!(tokens.check(bad, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_counts_for_as_long_as_its_secret_is_in_the_ring() {
        let [old, new] = [1, 2].map(|byte| Secret::new([byte; 32]).unwrap());
        let keys = KeyRing::new(&old, None);
        let tokens = Tokens::of(keys.clone(), "onesocket", LIFE);
        let of_old = tokens.issue("ada", "1", NOW).unwrap();

        keys.replace(&new, Some(&old));
        let of_new = tokens.issue("ada", "2", NOW).unwrap();
        assert!(tokens.check(&of_old, NOW).is_ok() && tokens.check(&of_new, NOW).is_ok());

        keys.replace(&new, None);
        assert_eq!(tokens.check(&of_old, NOW), Err(TokenError::Key));
        assert!(tokens.check(&of_new, NOW).is_ok());
    }

    #[test]
    fn a_token_names_its_key_or_any_of_the_ring_may_have_signed_it() {
        let [one, two] = [1, 2].map(|byte| Secret::new([byte; 32]).unwrap());
        let tokens = Tokens::of(KeyRing::new(&two, Some(&one)), "onesocket", LIFE);
        for (kid, error) in [
            (None, None),
            (Some(one.id()), None),
            (Some(two.id()), Some(TokenError::Signature)),
            (Some(String::new()), Some(TokenError::Key)),
            (Some(one.id().to_uppercase()), Some(TokenError::Key)),
            (Some("../../dev/null".into()), Some(TokenError::Key)),
            (Some("x'; DROP TABLE keys; --".into()), Some(TokenError::Key)),
        ] {
            let header = Header { kid: kid.clone(), ..Header::new(Algorithm::HS256) };

            let checked = tokens.check(&sign_as(&header, &claims()), NOW);

            assert_eq!(checked.err(), error, "{kid:?}");
        }
        let crit = Some(vec!["exp".to_owned()]);
        let header = Header { crit, ..Header::new(Algorithm::HS256) };
        let critical = tokens.check(&sign_as(&header, &claims()), NOW);
        assert_eq!(critical, Err(TokenError::Algorithm));
    }

    #[test]
    fn who_signs_with_the_newline_of_the_file_is_told_so() {
        let [one, two] = [1, 2].map(|byte| Secret::new([byte; 32]).unwrap());
        let tokens = Tokens::of(KeyRing::new(&two, Some(&one)), "onesocket", LIFE);
        for (byte, kid, error) in [
            (1, None, TokenError::Newline),
            (2, None, TokenError::Newline),
            (2, Some("of another secret"), TokenError::Newline),
            (3, None, TokenError::Signature),
        ] {
            let kid = kid.map(str::to_owned);
            let header = Header { kid, ..Header::new(Algorithm::HS256) };
            let mut secret = vec![byte; 32];
            secret.push(b'\n');
            let key = EncodingKey::from_secret(&secret);
            let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();

            assert_eq!(tokens.check(&token, NOW), Err(error), "{byte}");
        }
    }

    #[test]
    fn a_token_with_any_byte_flipped_is_not_taken() {
        let tokens = tokens();
        let good = tokens.issue("ada", "1", NOW).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let bad = String::from_utf8_lossy(&bytes);
                assert!(tokens.check(&bad, NOW).is_err(), "{at}, {bit}: {bad}");
            }
            assert!(tokens.check(&good[..at], NOW).is_err(), "{at}");
        }
    }

    #[test]
    fn an_identity_is_of_one_user() {
        let ada = Identity { user: "ada".into(), expires_in: LIFE, rights: Rights::default() };

        assert_eq!(ada.clone().of("ada"), Ok(ada.clone()));
        for other in ["grace", "Ada", "ada ", ""] {
            assert_eq!(ada.clone().of(other), Err(TokenError::OtherUser), "{other}");
        }
    }

    fn tokens() -> Tokens {
        Tokens::new(&Secret::new([1; 32]).unwrap(), "onesocket", LIFE)
    }

    fn claims() -> Value {
        json!({"sub": "ada", "exp": 300, "iat": 0, "aud": "onesocket", "jti": "1"})
    }

    fn sign(claims: &Value, algorithm: Algorithm) -> String {
        sign_as(&Header::new(algorithm), claims)
    }

    fn sign_as(header: &Header, claims: &Value) -> String {
        let key = EncodingKey::from_secret(&[1; 32]);
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }

    fn check(claims: &Value) -> Result<Identity, TokenError> {
        tokens().check(&sign(claims, Algorithm::HS256), NOW)
    }
}
