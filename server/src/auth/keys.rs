//! The secrets that sign tokens, and the ring of those in force.
//!
//! Owns which secrets are in force: one that signs and, while secrets are being rotated, a second
//! one that is still accepted. A secret is never printed; its id, for the `kid` of a token, is made
//! from its hash.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::public_key::PublicKey;

/// The minimum length of a secret, in bytes: HS256 is no stronger than its key (RFC 7518, section
/// 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// How many bytes of the hash of a secret are in its id.
const ID_BYTES: usize = 8;

/// A secret that signs tokens, or the key of a back end. Its `Debug` does not
/// show it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// The error of a secret that is too short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SecretError {
    /// Its length, in bytes.
    pub bytes: usize,
}

/// The secrets in force. A clone is a handle to the same ring.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Ring>>);

#[derive(Clone)]
pub(crate) struct Ring {
    pub(crate) signing: Arc<Key>,
    previous: Option<Arc<Key>>,
    public: Arc<[PublicKey]>,
}

/// A secret, prepared for signing and verifying.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) signing: EncodingKey,
    pub(crate) checking: DecodingKey,
    /// Of the secret and a newline: that of its file, which others may read as a part of the secret.
    with_newline: DecodingKey,
}

impl Secret {
    /// Takes bytes as a secret.
    ///
    /// # Errors
    ///
    /// Refuses fewer than [`MIN_SECRET_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let bytes = bytes.into();
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(SecretError { bytes: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// Compares `bytes` with this secret in constant time.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.0.ct_eq(bytes).into()
    }

    /// Returns its id, for the `kid` of a token: the first 16 hexadecimal digits of
    /// its SHA-256, the same on every server and for every signer.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(&self.0);
        digest.iter().take(ID_BYTES).fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}"); // a string takes all
            id
        })
    }
}

impl KeyRing {
    /// Makes a ring of a secret that signs and verifies, and an optional second one that only verifies.
    pub fn new(secret: &Secret, previous: Option<&Secret>) -> Self {
        Self(Arc::new(RwLock::new(Ring::new(secret, previous))))
    }

    /// Replaces the secrets, in every clone of this ring. Connections stay.
    pub fn replace(&self, secret: &Secret, previous: Option<&Secret>) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *ring = Ring { public: Arc::clone(&ring.public), ..Ring::new(secret, previous) };
    }

    /// Replaces the public keys that verify tokens beside the secrets, in every clone of this ring.
    pub fn replace_public(&self, keys: Vec<PublicKey>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).public = keys.into();
    }

    /// Returns the ids of the secrets, the one that signs first, and those of public keys that have one.
    pub fn ids(&self) -> Vec<String> {
        let ring = self.now();
        let public = ring.public.iter().filter_map(|key| key.id.clone());
        ring.secrets().map(|key| key.id.clone()).chain(public).collect()
    }

    /// Returns the ring as it is now.
    pub(crate) fn now(&self) -> Ring {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Ring {
    fn new(secret: &Secret, previous: Option<&Secret>) -> Self {
        Self {
            signing: Arc::new(Key::new(secret)),
            previous: previous.map(|previous| Arc::new(Key::new(previous))),
            public: Arc::default(),
        }
    }

    fn secrets(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.previous).map(Arc::as_ref)
    }

    /// Returns what verifies a token that is signed with one of the secrets and a newline after it.
    pub(crate) fn with_newline(&self) -> impl Iterator<Item = &DecodingKey> {
        self.secrets().map(|key| &key.with_newline)
    }

    /// Returns what may verify a token: the algorithm of each key, and the key. Where the token names one
    /// it is that one alone, or those that have no name.
    pub(crate) fn verifying(&self, id: Option<&str>) -> Vec<(Algorithm, &DecodingKey)> {
        let is_named = |key: Option<&str>| id.is_none() || key.is_none() || key == id;
        let secrets = self.secrets().filter(|key| is_named(Some(&key.id)));
        let public = self.public.iter().filter(|key| is_named(key.id.as_deref()));
        let secrets = secrets.map(|key| (Algorithm::HS256, &key.checking));
        secrets.chain(public.map(|key| (key.algorithm, &key.checking))).collect()
    }
}

impl Key {
    fn new(secret: &Secret) -> Self {
        Self {
            id: secret.id(),
            signing: EncodingKey::from_secret(&secret.0),
            checking: DecodingKey::from_secret(&secret.0),
            with_newline: DecodingKey::from_secret(&[secret.0.as_slice(), b"\n"].concat()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(…)")
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a secret has at least {MIN_SECRET_BYTES} bytes, this one has {}", self.bytes)
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_does_not_show_itself() {
        assert_eq!(Secret::new([1; 31]).unwrap_err(), SecretError { bytes: 31 });
        let secret = Secret::new([1; 32]).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(format!("{:?}", KeyRing::new(&secret, None)), "KeyRing(…)");
    }

    #[test]
    fn an_id_is_the_beginning_of_the_sha_256() {
        // printf 12345678901234567890123456789012 | sha256sum
        let secret = Secret::new("12345678901234567890123456789012").unwrap();

        assert_eq!(secret.id(), "e1b85b27d6bcb058");
    }

    #[test]
    fn what_is_replaced_in_one_ring_is_in_its_clones() {
        let [one, two] = [1, 2].map(|byte| Secret::new([byte; 32]).unwrap());
        let ring = KeyRing::new(&one, None);
        let clone = ring.clone();
        assert_eq!(clone.ids(), [one.id()]);

        ring.replace(&two, Some(&one));

        assert_eq!(clone.ids(), [two.id(), one.id()]);
    }
}
