//! The payload of a message, to and from the application.

use std::fmt;

use bytes::Bytes;
use onesocket_protocol::{Group, ServerFrame, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::outgoing::Outgoing;

/// The payload of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Payload {
    /// Bytes.
    Binary(Bytes),
    /// Any JSON.
    Json(Json),
}

/// JSON, as it was written.
#[derive(Clone, Debug)]
pub struct Json(Box<RawValue>);

impl Payload {
    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error for a value that JSON cannot express.
    pub fn json(value: &impl Serialize) -> serde_json::Result<Self> {
        to_raw_value(value).map(|raw| Self::Json(Json(raw)))
    }

    /// Returns its size in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Json(json) => json.as_str().len(),
        }
    }

    /// Encodes it as a message from the server, to a group if there is one.
    pub(crate) fn frame(&self, group: Option<Group>) -> Outgoing {
        match self {
            Self::Binary(bytes) => Outgoing::Binary(bytes.clone()),
            Self::Json(Json(data)) => {
                let data: &RawValue = data;
                let message = ServerMessage { data, group, from: None };
                Outgoing::text(&ServerFrame::Message(message))
            }
        }
    }
}

impl Json {
    pub(crate) fn new(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Deserialises it.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.as_str())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

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
