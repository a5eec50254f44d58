//! The commands of the hub, and the deliveries that follow from them.

use onesocket_protocol::{Group, MessageId, Slot};

use crate::auth::rights::{Access, DecidedBy};
use crate::close_cause::CloseCause;
use crate::hub::key::Key;
use crate::limit::Limit;
use crate::outgoing::Outgoing;

/// A command to the hub.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// A user has connected. Replaces the user's connection, if there is one.
    Connect {
        /// The new connection; greater than all before it.
        key: Key,
        /// The user that its token names.
        user: String,
        /// The client's own name, the same after a reconnect. Without one the hub does not remember
        /// which of its messages it has received.
        client: Option<String>,
    },
    /// A socket has closed. A connection that has replaced it is not affected.
    Disconnect {
        /// The connection.
        key: Key,
    },
    /// Another client of the same user shares a connection. It speaks and listens over it as one that
    /// has its own.
    Attach {
        /// The number of the client; greater than all before it.
        key: Key,
        /// The connection that it shares.
        carrier: Key,
        /// Which of the connection's clients it is.
        slot: Slot,
        /// The client's own name.
        client: String,
    },
    /// A client that shares a connection is gone.
    Detach {
        /// The client.
        key: Key,
    },
    /// A client joins a group.
    Join {
        /// The connection of the client.
        key: Key,
        /// The id for the answer.
        id: MessageId,
        /// The group.
        group: Group,
        /// Who has let it in: what the application decides outlasts the token.
        by: DecidedBy,
    },
    /// A client leaves a group.
    Leave {
        /// The connection of the client.
        key: Key,
        /// The id for the answer.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// A client sends a message to the server itself, which echoes it.
    Message {
        /// The connection of the client.
        key: Key,
        /// The id for the answer.
        id: MessageId,
        /// The echo.
        echo: Outgoing,
    },
    /// A client publishes a message to the other members of a group.
    Publish {
        /// The connection of the client.
        key: Key,
        /// The id for the answer.
        id: MessageId,
        /// The group.
        group: Group,
        /// The message, as they receive it.
        frame: Outgoing,
    },
    /// A client has other rights than before: what it may not be in any more, it leaves.
    Restrict {
        /// The connection of the client.
        key: Key,
        /// What it may do now.
        access: Access,
    },
    /// A message of a client, to the server or to a group, is refused.
    Refuse {
        /// The connection of the client.
        key: Key,
        /// The id for the answer.
        id: MessageId,
        /// The answer.
        error: Outgoing,
    },
    /// The application has handled a message. The hub remembers this even if the connection is gone.
    Handled {
        /// The connection over which it came.
        key: Key,
        /// The user who sent it.
        user: String,
        /// The client's own name, if it has one.
        client: Option<String>,
        /// The id for the answer.
        id: MessageId,
        /// The reply if the message was accepted and there is one, or the refusal.
        answer: Result<Option<Outgoing>, Outgoing>,
    },
    /// A back end ends all connections of a user.
    End {
        /// The user.
        user: String,
    },
    /// A back end takes a user out of a group, which may be joined again where there is a right.
    Remove {
        /// The user.
        user: String,
        /// The group.
        group: Group,
    },
    /// A back end sends a message to clients.
    Broadcast {
        /// The clients.
        to: Target,
        /// The message, as they receive it.
        frame: Outgoing,
    },
    /// Time has passed: the hub drops what it no longer needs to remember.
    Sweep,
}

impl Command {
    /// Returns the client that has sent what the command is about, if one has.
    pub(crate) fn speaker(&self) -> Option<Key> {
        match self {
            Self::Join { key, .. }
            | Self::Leave { key, .. }
            | Self::Message { key, .. }
            | Self::Publish { key, .. }
            | Self::Refuse { key, .. }
            | Self::Handled { key, .. } => Some(*key),
            Self::Connect { .. }
            | Self::Disconnect { .. }
            | Self::Attach { .. }
            | Self::Detach { .. }
            | Self::Restrict { .. }
            | Self::End { .. }
            | Self::Remove { .. }
            | Self::Broadcast { .. }
            | Self::Sweep => None,
        }
    }
}

/// The recipients of a message from a back end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// All connected clients.
    All,
    /// The members of a group.
    Group(Group),
    /// One user.
    User(String),
}

/// What the hub knows about a message before it is handled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Known {
    /// It was answered before, with this answer.
    Answered(Outgoing),
    /// It is new.
    New,
    /// It comes too late: the connection is gone or was replaced. The client will send it again over
    /// the new connection.
    TooLate,
}

/// What follows from a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// The connection is to be closed; nothing more is delivered to it.
    Close {
        /// The connection.
        to: Key,
        /// The reason.
        cause: CloseCause,
    },
    /// A limit has refused the command. The client's answer is another delivery.
    LimitReached(Limit),
    /// A frame is to be sent to the client, behind everything that was delivered to it before.
    Notice {
        /// The connection.
        to: Key,
        /// The frame.
        frame: Outgoing,
    },
    /// A frame is to be sent to the client; an answer need not wait for what others have delivered.
    Send {
        /// The connection.
        to: Key,
        /// The frame.
        frame: Outgoing,
    },
}

/// The number of sockets of one user.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Open now.
    pub open: usize,
    /// Opened for as long as the server has remembered the user.
    pub opened: u64,
}
