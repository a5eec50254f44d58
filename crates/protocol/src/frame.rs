//! The frames, as values. How they look as bytes is the codec's affair: `codec/` for native
//! code, the browser's own JSON for pages.

use crate::span::Span;

use crate::{ConnectionId, Epoch, FrameError, Group, MessageId, Token};

/// A payload, in one of the forms in which a frame carries it. Nobody between the two ends looks into
/// it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Payload<'a> {
    /// Bytes.
    Binary(&'a [u8]),
    /// JSON, as it was written.
    Json(&'a str),
    /// A text, as it is.
    Text(&'a str),
}

/// What a client says; `P` is a payload, in whatever form that end keeps it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ClientFrame<P> {
    /// Asks to hear what is published to a group. Answered under its id.
    Join {
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// Asks to hear no more of a group. Answered under its id.
    Leave {
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// A message to the server itself. Answered under its id.
    Message {
        /// What the answer names.
        id: MessageId,
        /// The message.
        data: P,
    },
    /// Asks for a [`ServerFrame::Pong`]: the client is not sure that the server is still there.
    Ping,
    /// Answers a [`ServerFrame::Ping`].
    Pong,
    /// A message to the members of a group. Answered under its id.
    Publish {
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
        /// The message.
        data: P,
    },
    /// A new token, before the old one runs out. Answered under its id, with
    /// [`ServerFrame::Refreshed`].
    Refresh {
        /// What the answer names.
        id: MessageId,
        /// The new token.
        token: Token,
    },
}

/// What a client says on a connection that it may share with others.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SharedFrame<P> {
    /// A client wants to speak over this connection too. Answered under its id.
    Attach {
        /// What the answer names.
        id: MessageId,
        /// The client's own name.
        client: String,
    },
    /// An attached client is gone. Answered under its id.
    Detach {
        /// What the answer names.
        id: MessageId,
    },
    /// What one of the clients says.
    Frame(ClientFrame<P>),
}

/// What a server says; `P` is a message with all that belongs to it, in whatever form that end
/// keeps it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ServerFrame<P> {
    /// What went under this id was accepted.
    Ack {
        /// Which one.
        id: MessageId,
    },
    /// Something the client said was refused; the connection stays.
    Error(FrameError),
    /// A message for the client.
    Message(P),
    /// Asks for a [`ClientFrame::Pong`].
    Ping,
    /// Answers a [`ClientFrame::Ping`].
    Pong,
    /// The new token was accepted.
    Refreshed {
        /// Which [`ClientFrame::Refresh`] is answered.
        id: MessageId,
        /// How long the new token has to live; `None` if it does not run out.
        token_expires_in: Option<Span>,
    },
    /// The session is agreed. The first frame of every connection.
    Welcome(Welcome),
}

/// A message as a server sends it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ServerMessage<D> {
    /// The message itself.
    pub data: D,
    /// The group it was published to, if to one.
    pub group: Option<Group>,
    /// The user who published it, if one did.
    pub from: Option<String>,
}

/// What both ends need to know of a session.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Welcome {
    /// The server's name for this connection.
    pub connection_id: ConnectionId,
    /// Whom the token named.
    pub user: String,
    /// How long the token has to live; `None` if it does not run out.
    pub token_expires_in: Option<Span>,
    /// How often the server pings.
    pub ping_interval: Span,
    /// The largest payload the server takes, in bytes.
    pub max_message_bytes: usize,
    /// Identifies what the server remembers of this client; `None` if it remembers nothing.
    pub epoch: Option<Epoch>,
    /// How many other clients may speak over this connection; `None` if the server takes none.
    pub tabs: Option<u16>,
}

impl<P> ClientFrame<P> {
    /// Returns the id that the answer will name; a ping and a pong have none.
    pub fn id(&self) -> Option<MessageId> {
        match self {
            Self::Join { id, .. }
            | Self::Leave { id, .. }
            | Self::Message { id, .. }
            | Self::Publish { id, .. }
            | Self::Refresh { id, .. } => Some(*id),
            Self::Ping | Self::Pong => None,
        }
    }
    /// Returns the same frame with another form of its payload, if it has one.
    pub fn map<Q>(self, payload: impl FnOnce(P) -> Q) -> ClientFrame<Q> {
        match self {
            Self::Join { id, group } => ClientFrame::Join { id, group },
            Self::Leave { id, group } => ClientFrame::Leave { id, group },
            Self::Message { id, data } => ClientFrame::Message { id, data: payload(data) },
            Self::Ping => ClientFrame::Ping,
            Self::Pong => ClientFrame::Pong,
            Self::Publish { id, group, data } => {
                ClientFrame::Publish { id, group, data: payload(data) }
            }
            Self::Refresh { id, token } => ClientFrame::Refresh { id, token },
        }
    }
}

impl<P> ServerFrame<P> {
    /// Returns the same frame with another form of its message, if it has one.
    pub fn map<Q>(self, message: impl FnOnce(P) -> Q) -> ServerFrame<Q> {
        match self {
            Self::Ack { id } => ServerFrame::Ack { id },
            Self::Error(error) => ServerFrame::Error(error),
            Self::Message(content) => ServerFrame::Message(message(content)),
            Self::Ping => ServerFrame::Ping,
            Self::Pong => ServerFrame::Pong,
            Self::Refreshed { id, token_expires_in } => {
                ServerFrame::Refreshed { id, token_expires_in }
            }
            Self::Welcome(welcome) => ServerFrame::Welcome(welcome),
        }
    }
}
