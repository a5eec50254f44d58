//! Tokens: what the application's `getToken` is asked, and what it may answer.

use std::time::Duration;

use onesocket_protocol::Token;

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
