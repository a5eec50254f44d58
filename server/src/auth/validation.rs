//! Verifies incoming tokens at the time of the wall clock; counts and logs each of them.

use std::sync::Arc;
use std::time::SystemTime;

use onesocket_protocol::Span;
use tracing::info;

use crate::auth::token::{Identity, TokenError, Tokens};
use crate::metrics::Metrics;

/// Verifies tokens.
pub(crate) struct Validator {
    pub(crate) tokens: Tokens,
    pub(crate) metrics: Arc<Metrics>,
}

impl Validator {
    /// Verifies a token and logs the outcome, never the token.
    pub(crate) fn validate(&self, token: Option<&str>) -> Result<Identity, TokenError> {
        self.logged(token.ok_or(TokenError::Missing).and_then(|token| self.check(token)))
    }

    /// [`validate`](Self::validate), for a token that must be that of `user`.
    pub(crate) fn validate_of(&self, token: &str, user: &str) -> Result<Identity, TokenError> {
        self.logged(self.check(token).and_then(|identity| identity.of(user)))
    }

    fn check(&self, token: &str) -> Result<Identity, TokenError> {
        self.tokens.check(token, SystemTime::now())
    }

    fn logged(&self, checked: Result<Identity, TokenError>) -> Result<Identity, TokenError> {
        match &checked {
            Ok(Identity { user, expires_in, rights: _ }) => {
                self.metrics.token("accepted");
                let expires_in_ms = Span::from(*expires_in).whole_ms();
                info!(outcome = "accepted", user, expires_in_ms, "Token validation");
            }
            Err(error) => {
                self.metrics.token(label(*error));
                info!(outcome = "refused", reason = %error, "Token validation");
            }
        }
        checked
    }
}

fn label(error: TokenError) -> &'static str {
    match error {
        TokenError::Algorithm => "algorithm",
        TokenError::Audience => "audience",
        TokenError::Claim(_) => "claims",
        TokenError::Early => "early",
        TokenError::Expired => "expired",
        TokenError::Key => "key",
        TokenError::Life => "life",
        TokenError::Missing => "missing",
        TokenError::Newline => "newline",
        TokenError::OtherUser => "other-user",
        TokenError::Shape => "shape",
        TokenError::Signature => "signature",
        TokenError::User => "user",
    }
}
