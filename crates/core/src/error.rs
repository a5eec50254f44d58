//! What can go wrong, with a code for programs and a sentence that names the fix for people.

use std::fmt;

use onesocket_protocol::{CloseCode, FrameError, FrameErrorCode, Retry};

use crate::text::{Said, Sentence, Text};

/// What went wrong.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Error {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what happened and what to do.
    pub message: Text,
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
    AnotherUser, "another-user", "another user is signed in; what the one before had joined and not sent was dropped.";
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
    /// Makes an error of a code and a text.
    pub fn new(code: ErrorCode, message: impl Into<Text>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn of(code: ErrorCode, sentence: Sentence) -> Self {
        Self::new(code, Text::new(sentence))
    }

    pub(crate) fn closed() -> Self {
        Self::of(ErrorCode::Closed, Sentence::Closed)
    }

    pub(crate) fn released() -> Self {
        Self::of(ErrorCode::Closed, Sentence::Released)
    }

    pub(crate) fn not_open() -> Self {
        Self::of(ErrorCode::Closed, Sentence::NotOpen)
    }

    pub(crate) fn unconfirmed() -> Self {
        Self::of(ErrorCode::Closed, Sentence::Unconfirmed)
    }

    /// Says that the server has sent what it may not send now.
    pub(crate) fn out_of_turn(what: Sentence) -> Self {
        Self::of(ErrorCode::InvalidMessage, what)
    }

    pub(crate) fn exhausted(attempts: u32, cause: Text) -> Self {
        let sentence = if attempts == 0 { Sentence::ReconnectingIsOff } else { Sentence::GaveUp };
        let numbers = [attempts.into(), 0, 0];
        let message = Text::with(sentence, numbers, Said::Text(cause));
        Self::new(ErrorCode::AttemptsExhausted, message)
    }

    /// Says why a close with this code is final; `retry` is what was made of the code, and `tokens` says
    /// whether there is a `getToken`.
    pub(crate) fn of_close(code: CloseCode, retry: Retry, reason: &str, tokens: bool) -> Self {
        let number = code.get().into();
        let (code, sentence) = match code {
            _ if retry == Retry::WithFreshToken => {
                let sentence = if tokens { Sentence::TokenRefused } else { Sentence::TokenWanted };
                (ErrorCode::Unauthorized, sentence)
            }
            CloseCode::REPLACED => (ErrorCode::Replaced, Sentence::Replaced),
            CloseCode::MOVED => (ErrorCode::Replaced, Sentence::Moved),
            CloseCode::TOO_LARGE => (ErrorCode::TooLarge, Sentence::FrameTooLarge),
            _ => (ErrorCode::Refused, Sentence::ClosedForGood),
        };
        let said = Said::words(reason);
        Self::new(code, Text::with(sentence, [number, 0, 0], said))
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
        Self::new(code, Text::with_words(Sentence::ServerAnswered, error.message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
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

            let error = Error::of_close(known.code, known.code.retry(), "", true);

            assert_eq!(error.code.as_str(), name, "{known:?}");
        }
    }
}
