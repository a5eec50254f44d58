//! The payload of a message, to and from the application.

use std::fmt;

use bytes::Bytes;
use onesocket_protocol::{Group, Payload as WirePayload, ServerFrame, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::outgoing::Outgoing;

/// The payload of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Payload {
    /// Bytes.
    Binary(Bytes),
    /// Any JSON.
    Json(Json),
    /// A text: what a client sends as a string.
    Text(String),
}

/// JSON, as it was written. That of a client is not looked into before [`decode`](Self::decode): it
/// may be none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Json(String);

impl Payload {
    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error for a value that JSON cannot express.
    pub fn json(value: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_string(value).map(|text| Self::Json(Json(text)))
    }

    /// Takes a payload that was received, in `frame`.
    pub(crate) fn of(payload: WirePayload<'_>, frame: &Bytes) -> Self {
        match payload {
            WirePayload::Binary(bytes) => Self::Binary(frame.slice_ref(bytes)),
            WirePayload::Json(text) => Self::Json(Json(text.to_owned())),
            WirePayload::Text(text) => Self::Text(text.to_owned()),
        }
    }

    /// Returns its size in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Json(Json(text)) | Self::Text(text) => text.len(),
        }
    }

    /// Encodes it as a message from the server, to a group if there is one.
    pub(crate) fn frame(&self, group: Option<Group>) -> Outgoing {
        let data = match self {
            Self::Binary(bytes) => WirePayload::Binary(bytes),
            Self::Json(Json(text)) => WirePayload::Json(text),
            Self::Text(text) => WirePayload::Text(text),
        };
        Outgoing::new(&ServerFrame::Message(ServerMessage { data, group, from: None }))
    }
}

impl Json {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Deserialises it.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not a `T`, or no JSON at all.
    pub fn decode<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.as_str())
    }
}

/// A payload that is larger than the server sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLarge {
    /// Its size, in bytes.
    pub bytes: usize,
    /// The largest size: `max_message` of the [`Config`](crate::Config), in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, limit } = self;
        write!(f, "a payload of {bytes} bytes; this server sends {limit}")
    }
}

impl std::error::Error for TooLarge {}
