//! What the hub is told, and what follows from it.

use onesocket_protocol::{Group, MessageId};

use crate::close_cause::CloseCause;
use crate::hub::key::Key;
use crate::limit::Limit;
use crate::outgoing::Outgoing;

/// What the hub is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// A user has connected. Replaces the user's connection, if there is one.
    Connect {
        /// The new connection; greater than all before it.
        key: Key,
        /// Whom its token named.
        user: String,
        /// The client's own name, the same after a reconnect; without one nothing that it says is
        /// remembered.
        client: Option<String>,
    },
    /// A socket has ended. Says nothing of the connection that may have replaced it.
    Disconnect {
        /// Which one.
        key: Key,
    },
    /// A client wants to hear a group.
    Join {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// A client wants to hear a group no more.
    Leave {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// A client has something for the server itself, which echoes it.
    Message {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// What the client gets.
        echo: Outgoing,
    },
    /// A client has something for the other members of a group.
    Publish {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
        /// What they get.
        frame: Outgoing,
    },
    /// A client has a message or something to publish that is not taken, whoever is connected.
    Refuse {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The answer.
        error: Outgoing,
    },
    /// What the application made of a message. It is remembered even if the connection is gone.
    Handled {
        /// Over which connection it came.
        key: Key,
        /// Whose it was.
        user: String,
        /// The client's own name, if it has one.
        client: Option<String>,
        /// What the answer names.
        id: MessageId,
        /// What the client gets if it was accepted, or the answer if it was not.
        answer: Result<Option<Outgoing>, Outgoing>,
    },
    /// A back end has something for clients.
    Broadcast {
        /// Which clients.
        to: Target,
        /// What they get.
        frame: Outgoing,
    },
    /// Time has passed: forgets what need not be known any more.
    Sweep,
}

/// For whom a back end has something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// All who are connected.
    All,
    /// The members of a group.
    Group(Group),
    /// One user.
    User(String),
}

/// What is known of a message before it is handled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Known {
    /// It was answered before; this is the answer.
    Answered(Outgoing),
    /// It is new.
    New,
    /// It comes too late: the connection is gone or was replaced. Its successor will say it again.
    TooLate,
}

/// What follows from a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// The connection is to be closed; nothing more is delivered to it.
    Close {
        /// Which one.
        to: Key,
        /// Why.
        cause: CloseCause,
    },
    /// A limit has refused the command. The client's answer is another delivery.
    LimitReached(Limit),
    /// The client is to be sent a frame.
    Send {
        /// Which one.
        to: Key,
        /// The frame.
        frame: Outgoing,
    },
}

/// The sockets of one user, as the server counts them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// How many are open.
    pub open: usize,
    /// How many were opened, for as long as the server remembers the user.
    pub opened: u64,
}
