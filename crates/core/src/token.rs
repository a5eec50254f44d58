//! Tokens: what the application's `getToken` is asked, and what it may answer.

use std::fmt;
use std::time::Duration;

/// A token. It is never printed.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token(String);

impl Token {
    /// Takes what `getToken` answered.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Returns the secret itself, to be sent and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Numbers the calls of `getToken`, so that a late answer to an earlier one is told.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fetch(pub u32);

/// What `getToken` answered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TokenAnswer {
    /// It threw, or answered what is no token; a sentence says what.
    Failed(String),
    /// There is no session any more: nobody is signed in.
    NoSession,
    /// A token, and how long it lives where the application knows.
    Token(Token, Option<Duration>),
}
