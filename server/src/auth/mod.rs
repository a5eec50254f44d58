//! Who may connect: tokens, the keys that sign them, and the origins of pages.

pub(crate) mod keys;
pub(crate) mod origin;
pub(crate) mod public_key;
pub(crate) mod rights;
pub mod token;
pub(crate) mod validation;
