//! Why a server refuses something that a client said: the `error` frame and its codes.

use crate::{Group, MessageId};

/// Why something a client said was refused.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct FrameError {
    /// What was refused, where it had an id.
    pub id: Option<MessageId>,
    /// The group whose membership the server has ended, which nothing was asked of.
    pub group: Option<Group>,
    /// For programs.
    pub code: FrameErrorCode,
    /// For people.
    pub message: String,
}

/// Makes [`FrameErrorCode`] from the rows of one table.
macro_rules! frame_error_codes {
    ($($variant:ident, $name:literal, $meaning:literal;)*) => {
        /// The code of an `error` frame, for programs.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum FrameErrorCode {
            $(
                #[doc = concat!("`", $name, "`: ", $meaning, ".")]
                $variant,
            )*
        }

        impl FrameErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the code as it is written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns what it means, for people.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

frame_error_codes! {
    InvalidMessage, "invalid-message",
        "this is not a frame of the protocol: it is not JSON, its `type` is unknown, or a field is missing or wrong";
    NoHandler, "no-handler",
        "the server does not handle messages to itself";
    Refused, "refused",
        "this is not allowed: the user has no right to a group, the client publishes to a group that it has not joined, it joins too many groups, or the application has refused a message";
    TooLarge, "too-large",
        "the payload is above `maxMessageBytes`, in a frame that could still be read";
    Unauthorized, "unauthorized",
        "the token of a `refresh` is invalid, or is another user's";
}

impl FrameErrorCode {
    /// Reads a code. One that is unknown, of a later server for example, is read as
    /// [`Refused`](Self::Refused): whatever the reason, the server did not do what it was asked.
    pub fn read(code: &str) -> Self {
        Self::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(Self::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written() {
        for (code, text) in [
            (FrameErrorCode::InvalidMessage, "invalid-message"),
            (FrameErrorCode::NoHandler, "no-handler"),
            (FrameErrorCode::Refused, "refused"),
            (FrameErrorCode::TooLarge, "too-large"),
            (FrameErrorCode::Unauthorized, "unauthorized"),
        ] {
            assert_eq!(code.as_str(), text);
            assert_eq!(FrameErrorCode::read(text), code);
        }
    }

    #[test]
    fn a_code_of_a_later_server_is_a_refusal() {
        for unknown in ["", "quota-exceeded", "Too-Large"] {
            assert_eq!(FrameErrorCode::read(unknown), FrameErrorCode::Refused, "{unknown}");
        }
    }
}
