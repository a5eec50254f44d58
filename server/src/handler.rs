//! The application's part: it handles the messages that clients send to the server itself, and may
//! decide who is let into a group.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use onesocket_protocol::{ConnectionId, Group, MessageId};

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

    /// Says whether this decides about groups; else the claims of tokens do, and what is open to all.
    /// Only then are [`may_join`](Self::may_join) and [`may_publish`](Self::may_publish) asked.
    fn decides(&self) -> bool {
        false
    }

    /// Decides whether a user may join a group. Nothing more is read of the client until it has; after
    /// 10 s, or a panic, the answer is [`Decision::Refuse`]. A membership that was allowed stays when a
    /// new token allows less: [`Publisher::remove`](crate::Publisher::remove) ends it.
    fn may_join(self: Arc<Self>, request: GroupRequest) -> Deciding {
        drop(request);
        Box::pin(std::future::ready(Decision::ByToken))
    }

    /// Decides whether a user, who has to be in the group, may publish a message to it; as for
    /// [`may_join`](Self::may_join).
    fn may_publish(self: Arc<Self>, request: GroupRequest) -> Deciding {
        drop(request);
        Box::pin(std::future::ready(Decision::ByToken))
    }
}

/// The future of a decision.
pub type Deciding = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// What a client wants of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct GroupRequest {
    /// The user.
    pub user: String,
    /// The connection over which it comes.
    pub connection: ConnectionId,
    /// The group.
    pub group: Group,
}

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// It is, whatever the token says.
    Allow,
    /// It is if the token allows it, or if the group is open to all.
    ByToken,
    /// It is not: the client hears `refused`, and not why.
    Refuse,
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
