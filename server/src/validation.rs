//! Tokens as they come in: checked at the time of the wall clock, each with a line in the log.

use std::time::SystemTime;

use tracing::info;

use crate::token::{Identity, TokenError, Tokens};

/// Says who the bearer of a token is, and logs the outcome; never the token.
pub(crate) fn validate(tokens: &Tokens, token: Option<&str>) -> Result<Identity, TokenError> {
    logged(token.ok_or(TokenError::Missing).and_then(|token| check(tokens, token)))
}

/// [`validate`], of a token that has to be `user`'s.
pub(crate) fn validate_of(
    tokens: &Tokens,
    token: &str,
    user: &str,
) -> Result<Identity, TokenError> {
    logged(check(tokens, token).and_then(|identity| identity.of(user)))
}

fn check(tokens: &Tokens, token: &str) -> Result<Identity, TokenError> {
    tokens.check(token, SystemTime::now())
}

fn logged(checked: Result<Identity, TokenError>) -> Result<Identity, TokenError> {
    match &checked {
        Ok(Identity { user, expires_in }) => {
            let expires_in_ms = u64::try_from(expires_in.as_millis()).unwrap_or(u64::MAX);
            info!(outcome = "accepted", user, expires_in_ms, "Token validation");
        }
        Err(error) => info!(outcome = "refused", reason = %error, "Token validation"),
    }
    checked
}
