//! The states of a connection.

use onesocket_protocol::ConnectionId;

use crate::error::Error;
use crate::heartbeat::Heartbeat;
use crate::ids::Attempt;
use crate::status::{ReadyState, StateName, Status};
use crate::time::Time;
use crate::token::Refresh;

/// The state of the connection. Each variant has the data that it needs.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum State {
    /// Nobody has asked for a connection yet.
    Idle,
    /// An attempt is in progress.
    Connecting(Phase),
    /// The session is established.
    Connected(Session),
    /// Between two attempts. A page that wakes up may try at once, but not before `not_before`, until
    /// which the server or `getToken` asked to wait.
    Waiting { retry_at: Time, not_before: Time, old_socket: OldSocket },
    /// The connection was ended, and its socket has not closed yet.
    Closing { by: EndedBy, socket: ClosingSocket },
    /// The connection was ended.
    Closed { by: EndedBy, old_socket: OldSocket },
    /// The connection has failed for good.
    Failed { error: Error, old_socket: OldSocket },
}

/// The phase of an attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Phase {
    /// The server is closing the connected socket; the close code will say how to go on.
    ServerClosing(ClosingSocket),
    /// The old socket, which the machine has closed, has to close first.
    ClosingOld(ClosingSocket),
    /// `getToken` is running: see [`TokenFetch`](crate::token::TokenFetch).
    Fetching,
    /// The socket is in its opening handshake.
    Opening(Handshake),
    /// The socket is open, and the welcome has not come yet.
    Agreeing(Handshake),
}

/// An established session.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Session {
    pub(crate) attempt: Attempt,
    /// The server's name for the connection; a plain wire has none.
    pub(crate) connection_id: Option<ConnectionId>,
    pub(crate) max_message_bytes: usize,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) refresh: Refresh,
    pub(crate) token_expires_at: Option<Time>,
    /// The server remembers what it has had.
    pub(crate) remembers: bool,
    /// When the backoff is reset; `None` if there is nothing to reset.
    pub(crate) stable_at: Option<Time>,
}

/// A socket between its creation and the session.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Handshake {
    pub(crate) attempt: Attempt,
    pub(crate) give_up_at: Time,
    /// When its token expires, if the application knows.
    pub(crate) token_expires_at: Option<Time>,
}

/// A socket whose `close` event has not come yet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ClosingSocket {
    pub(crate) attempt: Attempt,
    pub(crate) detach_at: Time,
}

/// The rest of an earlier socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum OldSocket {
    None,
    /// It is still in its opening handshake, where a browser reports a close as an error. It is closed
    /// once it has opened, or used if a connection is wanted again before that.
    Lingering(Handshake),
    /// The machine has closed it, and its `close` event has not come yet.
    Closing(ClosingSocket),
}

/// The role of a socket whose event has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SocketRole {
    /// The socket of the attempt in progress, in its opening handshake.
    Opening(Handshake),
    /// The socket of the attempt in progress, open, before the welcome.
    Agreeing(Handshake),
    /// The socket of the session.
    Connected(Heartbeat),
    /// The socket of the last session, which the server is closing.
    ServerClosing,
    /// The old socket, still in its opening handshake.
    Lingering,
    /// The old socket, which the machine has closed.
    Closing,
}

/// The network, as the browser reports it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Network {
    Online,
    /// It may be wrong, or late to say that the network is back: automatic attempts go on, but rarely.
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

    /// Returns the `readyState` of the socket; without a socket, that of the one to come.
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

    /// Returns the status that the user sees.
    pub(crate) fn status(&self, attempt: u32, max_attempts: u32) -> Status {
        let mut status = Status {
            state: self.name(),
            ready_state: self.ready_state(),
            attempt,
            max_attempts,
            retry_at: None,
            connection_id: None,
            token_expires_at: None,
            exactly_once: false,
            error: None,
        };
        match self {
            Self::Connected(session) => {
                status.connection_id.clone_from(&session.connection_id);
                status.token_expires_at = session.token_expires_at;
                status.exactly_once = session.remembers;
            }
            Self::Waiting { retry_at, .. } => status.retry_at = Some(*retry_at),
            Self::Failed { error, .. } => status.error = Some(error.clone()),
            Self::Idle | Self::Connecting(_) | Self::Closing { .. } | Self::Closed { .. } => {}
        }
        status
    }

    /// Returns the role of a socket; `None` for one that was dropped before.
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

    /// Sets the old socket, in a state that may have one.
    pub(crate) fn set_old_socket(&mut self, next: OldSocket) {
        match self {
            Self::Waiting { old_socket, .. }
            | Self::Closed { old_socket, .. }
            | Self::Failed { old_socket, .. } => *old_socket = next,
            Self::Idle | Self::Connecting(_) | Self::Connected(_) | Self::Closing { .. } => {}
        }
    }

    /// Returns the old socket.
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

    /// Says whether there is a connection, or an attempt at one.
    pub(crate) fn is_live(&self) -> bool {
        match self {
            Self::Connecting(_) | Self::Connected(_) | Self::Waiting { .. } => true,
            Self::Idle | Self::Closing { .. } | Self::Closed { .. } | Self::Failed { .. } => false,
        }
    }

    /// Returns the next deadline of the state itself; [`Time::NEVER`] if there is none.
    pub(crate) fn deadline(&self) -> Time {
        match self {
            Self::Connecting(Phase::ServerClosing(socket) | Phase::ClosingOld(socket))
            | Self::Closing { socket, .. } => socket.detach_at,
            Self::Connecting(Phase::Opening(handshake) | Phase::Agreeing(handshake)) => {
                handshake.give_up_at
            }
            Self::Connected(session) => {
                // No refresh begins while a probe is unanswered: if the connection is dead, the next
                // attempt fetches a token anyway.
                let can_wait = matches!(session.refresh, Refresh::Planned { .. });
                let waits = can_wait && session.heartbeat.is_probing();
                let refresh = if waits { Time::NEVER } else { session.refresh.deadline() };
                let stable_at = session.stable_at.unwrap_or(Time::NEVER);
                session.heartbeat.deadline().min(refresh).min(stable_at)
            }
            Self::Waiting { retry_at, old_socket, not_before: _ } => {
                (*retry_at).min(old_socket.deadline())
            }
            Self::Closed { old_socket, .. } | Self::Failed { old_socket, .. } => {
                old_socket.deadline()
            }
            Self::Idle | Self::Connecting(Phase::Fetching) => Time::NEVER,
        }
    }
}

impl Network {
    pub(crate) fn is_online(self) -> bool {
        self == Self::Online
    }
}

impl OldSocket {
    pub(crate) fn deadline(self) -> Time {
        match self {
            Self::None => Time::NEVER,
            Self::Lingering(handshake) => handshake.give_up_at,
            Self::Closing(socket) => socket.detach_at,
        }
    }
}
