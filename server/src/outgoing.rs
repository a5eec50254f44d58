//! Outgoing frames, as bytes: encoded once, shared by all recipients.

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use onesocket_protocol::{
    FrameError, FrameErrorCode, MessageId, ServerFrame, ServerMessage, encode_server_text,
};
use serde_json::value::RawValue;

/// An outgoing frame. A clone shares the bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// The payload of a message.
    Binary(Bytes),
    /// A frame as JSON.
    Text(Utf8Bytes),
}

impl Outgoing {
    /// Encodes a frame.
    pub fn text(frame: &ServerFrame<ServerMessage<&RawValue>>) -> Self {
        Self::Text(encode_server_text(frame).into())
    }

    /// Encodes an `ack`.
    pub fn ack(id: MessageId) -> Self {
        Self::text(&ServerFrame::Ack { id })
    }

    /// Encodes an `error`.
    pub fn error(id: Option<MessageId>, code: FrameErrorCode, message: impl Into<String>) -> Self {
        let error = FrameError { id, code, message: message.into() };
        Self::text(&ServerFrame::Error(error))
    }

    /// Returns its size in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }

    /// Says whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
