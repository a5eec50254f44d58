//! The application's part: it handles the messages that clients send to the server itself.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use onesocket_protocol::{ConnectionId, MessageId};

use crate::payload::Payload;

/// Handles the messages that clients `send()`.
///
/// The messages of a user are handled in order, one at a time, and once for as long as the server
/// remembers the user, across reconnects. A message that was begun is finished even if the
/// connection ends meanwhile; the client receives its outcome after the reconnect. A message that
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
    /// Handles one message.
    fn handle(self: Arc<Self>, message: Incoming) -> Handling;
}

/// The future that a [`Handler`] returns.
pub type Handling = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A message to the server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Incoming {
    /// The user who sends it.
    pub user: String,
    /// The connection over which it comes.
    pub connection: ConnectionId,
    /// The client's id for it.
    pub id: MessageId,
    /// The payload.
    pub payload: Payload,
}

/// The answer to a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The message is accepted.
    Accept,
    /// The message is accepted, and the client receives a reply.
    Reply(Payload),
    /// The message is refused: the client reports it as undelivered, with this sentence and the code
    /// `refused`.
    Refuse(String),
}

impl fmt::Debug for dyn Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler(…)")
    }
}
