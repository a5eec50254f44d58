//! Outgoing frames, as they go over the wire: encoded once, shared by all recipients.

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use onesocket_protocol::{
    Encoded, FrameError, FrameErrorCode, Group, MessageId, Payload, ServerFrame, ServerMessage,
    encode_server,
};

/// An outgoing frame. A clone shares the bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// The answer to a message that was accepted. It is not encoded yet: it says the same of every
    /// earlier message that was not refused, so the newest one can stand for all.
    Accepted(MessageId),
    /// A binary frame.
    Binary(Bytes),
    /// A text frame.
    Text(Utf8Bytes),
}

impl Outgoing {
    /// Encodes a frame.
    pub fn new(frame: &ServerFrame<ServerMessage<Payload<'_>>>) -> Self {
        match encode_server(frame) {
            Encoded::Binary(bytes) => Self::Binary(bytes.into()),
            Encoded::Text(text) => Self::Text(text.into()),
        }
    }

    /// Encodes an `ack`.
    pub fn ack(id: MessageId) -> Self {
        Self::new(&ServerFrame::Ack { id })
    }

    /// Encodes an `error`.
    pub fn error(id: Option<MessageId>, code: FrameErrorCode, message: impl Into<String>) -> Self {
        let error = FrameError { id, group: None, code, message: message.into() };
        Self::new(&ServerFrame::Error(error))
    }

    /// Encodes the `error` that says that a membership has ended.
    pub fn membership_ended(group: &Group) -> Self {
        Self::new(&ServerFrame::Error(FrameError {
            id: None,
            group: Some(group.clone()),
            code: FrameErrorCode::Refused,
            message: format!("this user may not be in {:?} any more", group.as_str()),
        }))
    }

    /// Returns its size in bytes; 0 of what is not encoded yet.
    pub fn len(&self) -> usize {
        match self {
            Self::Accepted(_) => 0,
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }

    /// Says whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
