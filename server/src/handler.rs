//! The application's part: it handles the messages that clients send to the server itself.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use onesocket_protocol::{ConnectionId, MessageId};

use crate::payload::Payload;

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

impl fmt::Debug for dyn Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler(…)")
    }
}
