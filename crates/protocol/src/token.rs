//! A secret that travels.

use std::fmt;

/// A token. It is never printed.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token(String);

impl Token {
    /// Takes a token as it was issued.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_printed_is_said_to_be_one_and_not_which() {
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(…)");
    }
}
