//! What takes the messages to the server itself: the application that this server is a part of.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use onesocket_protocol::{ConnectionId, Group, MessageId, ServerFrame, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::outgoing::Outgoing;

/// Takes what clients `send()`.
///
/// A user's messages come in order, one at a time, each once for as long as the server remembers
/// the user, across reconnects: a message that was begun is brought to its end even if the
/// connection ends meanwhile, and its outcome is what the client is told when it is back. One that
/// takes more than 10 s, or panics, is refused.
///
/// ```
/// use std::sync::Arc;
///
/// use onesocket_server::{Answer, Handler, Handling, Incoming, Payload};
///
/// struct Greeter;
///
/// impl Handler for Greeter {
///     fn handle(self: Arc<Self>, message: Incoming) -> Handling {
///         Box::pin(async move {
///             match Payload::json(&format!("hello, {}", message.user)) {
///                 Ok(greeting) => Answer::Reply(greeting),
///                 Err(error) => Answer::Refuse(error.to_string()),
///             }
///         })
///     }
/// }
/// ```
pub trait Handler: Send + Sync {
    /// Takes one message and says what becomes of it.
    fn handle(self: Arc<Self>, message: Incoming) -> Handling;
}

/// What a [`Handler`] is at.
pub type Handling = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A message to the server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Incoming {
    /// Who sends it.
    pub user: String,
    /// Over which connection.
    pub connection: ConnectionId,
    /// The client's own number for it.
    pub id: MessageId,
    /// What it says.
    pub payload: Payload,
}

/// What becomes of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It was accepted.
    Accept,
    /// It was accepted, and the client gets a message.
    Reply(Payload),
    /// It was refused: the client's `send()` is reported with this sentence, under `refused`.
    Refuse(String),
}

/// What a message says.
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
    /// Returns why there is no JSON for it.
    pub fn json(value: &impl Serialize) -> serde_json::Result<Self> {
        to_raw_value(value).map(|raw| Self::Json(Json(raw)))
    }

    /// Returns how many bytes it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Json(json) => json.as_str().len(),
        }
    }

    /// Returns it as the frame of a message from the server, perhaps to a group.
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

    /// Reads it as a value.
    ///
    /// # Errors
    ///
    /// Returns why it is none of these.
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

impl fmt::Debug for dyn Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler(…)")
    }
}
