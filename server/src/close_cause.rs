//! Why the server closes a connection: one cause, from where it is decided to the close frame, the
//! log and the metrics.

use std::borrow::Cow;
use std::time::Duration;

use onesocket_protocol::{CloseCode, retry_after_reason};

use crate::limit::Limit;

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CloseCause {
    /// A back end has ended the user's connections.
    Ended,
    /// A frame is larger than the server takes.
    FrameTooLarge,
    /// A text frame is not UTF-8.
    InvalidText,
    /// There is no valid token.
    InvalidToken,
    /// There is no token.
    MissingToken,
    /// The client did not offer the subprotocol.
    MissingSubprotocol,
    /// Pages of this origin may not connect.
    OriginNotAllowed,
    /// The same client has connected again.
    Moved,
    /// A frame breaks RFC 6455.
    ProtocolError,
    /// The same user has connected elsewhere.
    Replaced,
    /// The outgoing queue is full.
    SlowConsumer,
    /// A write took too long.
    SlowWrite,
    /// The server is shutting down.
    ServerRestart,
    /// No frame came for too long.
    Stale,
    /// The token has expired.
    TokenExpired,
    /// Too many frames were not frames of the protocol.
    TooManyInvalidFrames,
    /// The client sends too often; it may reconnect after this delay.
    TooManyMessages(Duration),
}

impl CloseCause {
    /// Returns the code of the close frame.
    pub const fn code(self) -> CloseCode {
        match self {
            Self::FrameTooLarge => CloseCode::TOO_LARGE,
            Self::InvalidText => CloseCode::INVALID_PAYLOAD,
            Self::InvalidToken | Self::MissingToken | Self::TokenExpired => CloseCode::UNAUTHORIZED,
            Self::MissingSubprotocol | Self::TooManyInvalidFrames => CloseCode::BAD_FRAME,
            Self::Ended | Self::OriginNotAllowed => CloseCode::FORBIDDEN,
            Self::Moved => CloseCode::MOVED,
            Self::ProtocolError => CloseCode::PROTOCOL_ERROR,
            Self::Replaced => CloseCode::REPLACED,
            Self::ServerRestart => CloseCode::SERVICE_RESTART,
            Self::SlowConsumer | Self::SlowWrite => CloseCode::SLOW_CONSUMER,
            Self::Stale => CloseCode::STALE,
            Self::TooManyMessages(_) => CloseCode::TOO_MANY_REQUESTS,
        }
    }

    /// Returns the reason in the close frame and in the log.
    pub fn reason(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Ended => "the application has ended this user's connections",
            Self::FrameTooLarge => "the frame is too large",
            Self::InvalidText => "the text is not UTF-8",
            Self::InvalidToken => "the token is not valid",
            Self::MissingSubprotocol => "offer the subprotocol onesocket.v1",
            Self::MissingToken => "no token",
            Self::OriginNotAllowed => {
                "pages of this origin may not connect: the server needs --allow-origin with it"
            }
            Self::Moved => "the same client has connected again",
            Self::ProtocolError => "the frame breaks RFC 6455",
            Self::Replaced => "the same user has connected elsewhere",
            Self::ServerRestart => "the server is restarting and will be back",
            Self::SlowConsumer => "too much waits to be sent",
            Self::SlowWrite => "a write took too long",
            Self::Stale => "no frame for too long",
            Self::TokenExpired => "the token has expired",
            Self::TooManyInvalidFrames => "too many frames were not frames of onesocket.v1",
            Self::TooManyMessages(delay) => return Cow::Owned(retry_after_reason(delay.into())),
        })
    }

    /// Returns the limit that has closed the connection, if one has.
    pub const fn limit(self) -> Option<Limit> {
        match self {
            Self::FrameTooLarge => Some(Limit::Message),
            Self::OriginNotAllowed => Some(Limit::Origin),
            Self::SlowConsumer => Some(Limit::Queue),
            Self::SlowWrite => Some(Limit::Write),
            Self::TooManyMessages(_) => Some(Limit::Rate),
            Self::Ended
            | Self::InvalidText
            | Self::InvalidToken
            | Self::MissingSubprotocol
            | Self::MissingToken
            | Self::Moved
            | Self::ProtocolError
            | Self::Replaced
            | Self::ServerRestart
            | Self::Stale
            | Self::TokenExpired
            | Self::TooManyInvalidFrames => None,
        }
    }
}
