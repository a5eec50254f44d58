//! The states of a connection.

use onesocket_protocol::ConnectionId;

use crate::error::Error;
use crate::heartbeat::Heartbeat;
use crate::ids::Attempt;
use crate::status::{ReadyState, StateName, Status};
use crate::time::Time;
use crate::token::Refresh;

/// Where the connection stands, in the order of life. The data is in the variant that needs it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum State {
    /// Never asked to connect.
    Idle,
    /// On the way to a connection.
    Connecting(Phase),
    /// The session is agreed.
    Connected(Session),
    /// Between two attempts. What wakes up does not cut short what the server, or `getToken`, has asked
    /// for.
    Waiting { retry_at: Time, not_before: Time, old_socket: OldSocket },
    /// The connection was ended and its socket is not closed yet.
    Closing { by: EndedBy, socket: ClosingSocket },
    /// The connection was ended.
    Closed { by: EndedBy, old_socket: OldSocket },
    /// The connection ended by itself.
    Failed { error: Error, old_socket: OldSocket },
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Phase {
    /// The server is closing the socket that was connected; its code will say how to go on.
    ServerClosing(ClosingSocket),
    /// The old socket, which we shut, has to close first.
    ClosingOld(ClosingSocket),
    /// `getToken` has been asked: see [`TokenFetch`](crate::token::TokenFetch).
    Fetching,
    /// The socket is shaking hands.
    Opening(Handshake),
    /// The socket is open, the welcome has not come.
    Agreeing(Handshake),
}

/// A connection on which the session is agreed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Session {
    pub(crate) attempt: Attempt,
    /// The server's name for it; a plain wire has none.
    pub(crate) connection_id: Option<ConnectionId>,
    pub(crate) max_message_bytes: usize,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) refresh: Refresh,
    pub(crate) token_expires_at: Option<Time>,
    /// When earlier failures are forgiven; `None` if there is nothing to forgive.
    pub(crate) stable_at: Option<Time>,
}

/// A socket on its way to a session.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Handshake {
    pub(crate) attempt: Attempt,
    pub(crate) give_up_at: Time,
    /// When the token dies that it was begun with, as far as the application knows.
    pub(crate) token_expires_at: Option<Time>,
}

/// A socket whose close is under way.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ClosingSocket {
    pub(crate) attempt: Attempt,
    pub(crate) detach_at: Time,
}

/// What is left of an earlier socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum OldSocket {
    None,
    /// It is still shaking hands, and closing it now would make the browser complain: it is shut as
    /// soon as it has opened, or adopted if it is wanted again before that.
    Lingering(Handshake),
    /// We have shut it, and it has not closed yet.
    Closing(ClosingSocket),
}

/// What a socket is to the connection when an event of it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SocketRole {
    /// It is shaking hands, for the attempt in progress.
    Opening(Handshake),
    /// It is open, and the welcome has not come.
    Agreeing(Handshake),
    /// The session is agreed over it.
    Connected(Heartbeat),
    /// The session was agreed over it, and the server is closing it.
    ServerClosing,
    /// It is an old one that is still shaking hands.
    Lingering,
    /// It is an old one that we have shut.
    Closing,
}

/// What the browser says of the network.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Network {
    Online,
    /// Automatic attempts are put off.
    Offline,
}

/// How the connection was ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum EndedBy {
    /// `close()` was called. Only `connect()` revives it.
    Close,
    /// The last holder released it. The next holder revives it.
    Release,
}

impl State {
    pub(crate) fn name(&self) -> StateName {
        match self {
            Self::Idle => StateName::Idle,
            Self::Connecting(_) => StateName::Connecting,
            Self::Connected(_) => StateName::Connected,
            Self::Waiting { .. } => StateName::Waiting,
            Self::Closing { .. } => StateName::Closing,
            Self::Closed { .. } => StateName::Closed,
            Self::Failed { .. } => StateName::Failed,
        }
    }

    /// Returns what the `readyState` of the socket is; without a socket, what it will be.
    pub(crate) fn ready_state(&self) -> ReadyState {
        match self {
            Self::Connecting(Phase::Fetching | Phase::Opening(_)) => ReadyState::Connecting,
            Self::Connected(_) | Self::Connecting(Phase::Agreeing(_)) => ReadyState::Open,
            Self::Closing { .. }
            | Self::Connecting(Phase::ServerClosing(_) | Phase::ClosingOld(_)) => {
                ReadyState::Closing
            }
            Self::Idle | Self::Waiting { .. } | Self::Closed { .. } | Self::Failed { .. } => {
                ReadyState::Closed
            }
        }
    }

    /// Says what of the state a user may know.
    pub(crate) fn status(&self, network: Network, attempt: u32, max_attempts: u32) -> Status {
        let mut status = Status {
            state: self.name(),
            ready_state: self.ready_state(),
            attempt,
            max_attempts,
            retry_at: None,
            connection_id: None,
            token_expires_at: None,
            error: None,
        };
        match self {
            Self::Connected(session) => {
                status.connection_id.clone_from(&session.connection_id);
                status.token_expires_at = session.token_expires_at;
            }
            Self::Waiting { retry_at, .. } => {
                status.retry_at = network.is_there().then_some(*retry_at);
            }
            Self::Failed { error, .. } => status.error = Some(error.clone()),
            Self::Idle | Self::Connecting(_) | Self::Closing { .. } | Self::Closed { .. } => {}
        }
        status
    }

    /// Says what a socket is to this state; `None` for a stranger, which was detached before.
    pub(crate) fn socket(&self, attempt: Attempt) -> Option<SocketRole> {
        let (current, role) = match self {
            Self::Connecting(Phase::Opening(handshake)) => {
                (handshake.attempt, SocketRole::Opening(*handshake))
            }
            Self::Connecting(Phase::Agreeing(handshake)) => {
                (handshake.attempt, SocketRole::Agreeing(*handshake))
            }
            Self::Connecting(Phase::ServerClosing(socket)) => {
                (socket.attempt, SocketRole::ServerClosing)
            }
            Self::Connected(session) => (session.attempt, SocketRole::Connected(session.heartbeat)),
            Self::Idle
            | Self::Connecting(Phase::Fetching | Phase::ClosingOld(_))
            | Self::Waiting { .. }
            | Self::Closing { .. }
            | Self::Closed { .. }
            | Self::Failed { .. } => match self.old_socket() {
                OldSocket::None => return None,
                OldSocket::Lingering(handshake) => (handshake.attempt, SocketRole::Lingering),
                OldSocket::Closing(socket) => (socket.attempt, SocketRole::Closing),
            },
        };
        (current == attempt).then_some(role)
    }

    /// Keeps what is left of an earlier socket, in a state that may have one beside its own affairs.
    pub(crate) fn set_old_socket(&mut self, next: OldSocket) {
        match self {
            Self::Waiting { old_socket, .. }
            | Self::Closed { old_socket, .. }
            | Self::Failed { old_socket, .. } => *old_socket = next,
            Self::Idle | Self::Connecting(_) | Self::Connected(_) | Self::Closing { .. } => {}
        }
    }

    /// Returns what is left of an earlier socket beside the state's own affairs.
    pub(crate) fn old_socket(&self) -> OldSocket {
        match self {
            Self::Waiting { old_socket, .. }
            | Self::Closed { old_socket, .. }
            | Self::Failed { old_socket, .. } => *old_socket,
            Self::Closing { socket, .. } | Self::Connecting(Phase::ClosingOld(socket)) => {
                OldSocket::Closing(*socket)
            }
            Self::Idle
            | Self::Connecting(
                Phase::ServerClosing(_) | Phase::Fetching | Phase::Opening(_) | Phase::Agreeing(_),
            )
            | Self::Connected(_) => OldSocket::None,
        }
    }

    /// Says whether the connection exists or is being tried for.
    pub(crate) fn is_live(&self) -> bool {
        match self {
            Self::Connecting(_) | Self::Connected(_) | Self::Waiting { .. } => true,
            Self::Idle | Self::Closing { .. } | Self::Closed { .. } | Self::Failed { .. } => false,
        }
    }

    /// Returns when something is due, by itself.
    pub(crate) fn deadline(&self, network: Network) -> Option<Time> {
        match self {
            Self::Connecting(Phase::ServerClosing(socket) | Phase::ClosingOld(socket))
            | Self::Closing { socket, .. } => Some(socket.detach_at),
            Self::Connecting(Phase::Opening(handshake) | Phase::Agreeing(handshake)) => {
                Some(handshake.give_up_at)
            }
            Self::Connected(session) => {
                // A token is not renewed over a connection that may be dead: were it, the next attempt
                // would have to fetch another one.
                let can_wait = matches!(session.refresh, Refresh::Planned { .. });
                let waits = can_wait && session.heartbeat.is_probing();
                let refresh = session.refresh.deadline().filter(|_| !waits);
                let deadlines = [session.stable_at, refresh];
                let heartbeat = session.heartbeat.deadline();
                Some(deadlines.into_iter().flatten().fold(heartbeat, Time::min))
            }
            Self::Waiting { retry_at, old_socket, not_before: _ } => {
                let retry_at = network.is_there().then_some(*retry_at);
                [retry_at, old_socket.deadline()].into_iter().flatten().min()
            }
            Self::Closed { old_socket, .. } | Self::Failed { old_socket, .. } => {
                old_socket.deadline()
            }
            Self::Idle | Self::Connecting(Phase::Fetching) => None,
        }
    }
}

impl Network {
    pub(crate) fn is_there(self) -> bool {
        self == Self::Online
    }
}

impl OldSocket {
    pub(crate) fn deadline(self) -> Option<Time> {
        match self {
            Self::None => None,
            Self::Lingering(handshake) => Some(handshake.give_up_at),
            Self::Closing(socket) => Some(socket.detach_at),
        }
    }
}
