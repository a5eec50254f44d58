//! The secrets that tokens are signed with, and the ring of those that count.
//!
//! Owns which secrets there are at the moment: one that signs, and while secrets are being changed
//! a second one. A secret never shows itself; its id, which a token's `kid` may name, is made of
//! its hash.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The fewest bytes that a secret has: HS256 is no stronger than its key (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// How many bytes of a secret's hash its id is made of.
const ID_BYTES: usize = 8;

/// What tokens are signed and checked with, or what a back end has to know. Its `Debug` does not
/// show it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// A secret that is too short to be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SecretError {
    /// How many bytes it has.
    pub bytes: usize,
}

/// The secrets that count. A clone is the same ring: what is replaced in one is in all.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Ring>>);

#[derive(Clone)]
pub(crate) struct Ring {
    pub(crate) signing: Arc<Key>,
    previous: Option<Arc<Key>>,
}

/// A secret, ready for use.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) signing: EncodingKey,
    pub(crate) checking: DecodingKey,
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

    /// Says whether `bytes` are this secret, in a time that does not depend on how much of them is.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.0.ct_eq(bytes).into()
    }

    /// Returns the name by which a token's `kid` may call it: the first 16 hexadecimal digits of
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
    /// Makes a ring of a secret that signs and checks, and perhaps a second one that checks.
    pub fn new(secret: &Secret, previous: Option<&Secret>) -> Self {
        Self(Arc::new(RwLock::new(Ring::new(secret, previous))))
    }

    /// Replaces the secrets, for all who have a clone of this ring. Connections stay.
    pub fn replace(&self, secret: &Secret, previous: Option<&Secret>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Ring::new(secret, previous);
    }

    /// Returns the ids of the secrets, the one that signs first.
    pub fn ids(&self) -> Vec<String> {
        self.now().all().map(|key| key.id.clone()).collect()
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
        }
    }

    /// Returns the keys, the one that signs first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.previous).map(Arc::as_ref)
    }
}

impl Key {
    fn new(secret: &Secret) -> Self {
        Self {
            id: secret.id(),
            signing: EncodingKey::from_secret(&secret.0),
            checking: DecodingKey::from_secret(&secret.0),
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
