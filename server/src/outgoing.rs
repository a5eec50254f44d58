//! Frames on their way to a client, as bytes: encoded once, shared by all who get them.

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use onesocket_protocol::{
    FrameError, FrameErrorCode, MessageId, ServerFrame, ServerMessage, encode_server_text,
};
use serde_json::value::RawValue;

/// A frame on its way to a client. A clone shares the bytes.
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

    /// Says that what had this id was accepted.
    pub fn ack(id: MessageId) -> Self {
        Self::text(&ServerFrame::Ack { id })
    }

    /// Says that something was refused, and why.
    pub fn error(id: Option<MessageId>, code: FrameErrorCode, message: impl Into<String>) -> Self {
        let error = FrameError { id, code, message: message.into() };
        Self::text(&ServerFrame::Error(error))
    }

    /// Returns how many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }

    /// Says whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
