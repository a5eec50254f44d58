//! What can go wrong, with a code for programs and a sentence that names the fix for people.

use std::fmt;

use onesocket_protocol::{CloseCode, FrameError, FrameErrorCode, Retry};

/// What went wrong.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Error {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what happened and what to do.
    pub message: String,
}

/// Makes [`ErrorCode`] from the rows of one table.
macro_rules! error_codes {
    ($($variant:ident, $name:literal, $meaning:literal;)*) => {
        /// The kind of an [`Error`].
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum ErrorCode {
            $(
                #[doc = concat!("`", $name, "`: ", $meaning)]
                $variant,
            )*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the stable name that JavaScript sees.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

error_codes! {
    Aborted, "aborted", "the caller's `AbortSignal` fired.";
    AttemptsExhausted, "attempts-exhausted", "all automatic attempts have failed.";
    Closed, "closed", "`close()` was called, or the connection takes no messages in this state.";
    InvalidMessage, "invalid-message", "a frame or a payload cannot be read or written.";
    InvalidOptions, "invalid-options", "the browser refuses an option.";
    NoHandler, "no-handler", "the server does not handle messages to itself.";
    QueueFull, "queue-full", "more messages wait to be sent than the limits allow.";
    Refused, "refused", "the server has refused a request, or the connection.";
    Replaced, "replaced", "the same user has connected elsewhere.";
    TokenFailed, "token-failed", "the application's `getToken` failed.";
    TooLarge, "too-large", "a message is larger than the server takes.";
    Unauthorized, "unauthorized", "the server does not accept the token, or there is no session.";
    Unsupported, "unsupported", "this wire or this environment lacks a feature, groups for example.";
}

impl Error {
    /// Makes an error of a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn aborted() -> Self {
        Self::new(ErrorCode::Aborted, "The AbortSignal of this connect() fired.")
    }

    pub(crate) fn closed() -> Self {
        Self::new(ErrorCode::Closed, "close() was called. Call connect() to connect again.")
    }

    pub(crate) fn released() -> Self {
        Self::new(ErrorCode::Closed, "Nobody wanted the connection any more, so it was closed.")
    }

    pub(crate) fn not_open() -> Self {
        Self::new(
            ErrorCode::Closed,
            "The connection is closed, so nothing can be sent. Call connect() first.",
        )
    }

    pub(crate) fn unconfirmed() -> Self {
        Self::new(
            ErrorCode::Closed,
            "The connection was lost before the server answered; it may have arrived or not.",
        )
    }

    pub(crate) fn exhausted(attempts: u32, cause: &str) -> Self {
        let message = if attempts == 0 {
            format!("The connection failed and reconnecting is off; {cause}. Call connect().")
        } else {
            format!(
                "Gave up after {attempts} attempts to reconnect; {cause}. Check that the server \
                 is up and the url is right, then call connect()."
            )
        };
        Self::new(ErrorCode::AttemptsExhausted, message)
    }

    pub(crate) fn no_session() -> Self {
        Self::new(
            ErrorCode::Unauthorized,
            "getToken says that there is no session. Sign in, then call connect().",
        )
    }

    pub(crate) fn out_of_turn(what: &str) -> Self {
        Self::new(
            ErrorCode::InvalidMessage,
            format!("The server sent {what} out of turn; it was ignored. See PROTOCOL.md."),
        )
    }

    pub(crate) fn no_groups() -> Self {
        Self::new(
            ErrorCode::Unsupported,
            "A plain wire has no groups. Use send(), or a server that speaks onesocket.v1.",
        )
    }

    pub(crate) fn no_refresh() -> Self {
        Self::new(
            ErrorCode::Unsupported,
            "This wire has no refresh message, so the token is refreshed at the next reconnect. Give \
             the wire a refresh().",
        )
    }

    /// Says why a close with this code is final; `retry` is what was made of the code.
    pub(crate) fn of_close(code: CloseCode, retry: Retry, reason: &str) -> Self {
        let said = quoted(reason);
        let (code, message) = match code {
            _ if retry == Retry::WithFreshToken => (
                ErrorCode::Unauthorized,
                format!("The server refused the token{said}. Sign in, then call connect()."),
            ),
            CloseCode::REPLACED => (
                ErrorCode::Replaced,
                "The same user has connected elsewhere. Call connect() to take over; do so only \
                 when a person asks for it."
                    .to_owned(),
            ),
            CloseCode::TOO_LARGE => (
                ErrorCode::TooLarge,
                format!("A message was larger than the server takes{said}. Send smaller ones."),
            ),
            other => (
                ErrorCode::Refused,
                format!("The server closed the connection for good: code {}{said}.", other.get()),
            ),
        };
        Self::new(code, message)
    }

    /// Says what a server's error frame says.
    pub(crate) fn of_frame(error: FrameError) -> Self {
        let code = match error.code {
            FrameErrorCode::InvalidMessage => ErrorCode::InvalidMessage,
            FrameErrorCode::NoHandler => ErrorCode::NoHandler,
            FrameErrorCode::Refused => ErrorCode::Refused,
            FrameErrorCode::TooLarge => ErrorCode::TooLarge,
            FrameErrorCode::Unauthorized => ErrorCode::Unauthorized,
        };
        Self::new(code, format!("The server answered: {}", error.message))
    }
}

/// Returns what a close said, to be put behind the code; nothing if it said nothing.
pub(crate) fn quoted(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" \"{reason}\"") }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_close_fails_with_the_error_that_the_table_of_close_codes_names() {
        for known in CloseCode::NAMED {
            let Some(name) = known.error else { continue };

            let error = Error::of_close(known.code, known.code.retry(), "");

            assert_eq!(error.code.as_str(), name, "{known:?}");
        }
    }
}
