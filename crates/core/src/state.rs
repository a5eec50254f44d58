//! The states of a connection.

use onesocket_protocol::ConnectionId;

use crate::error::Error;
use crate::heartbeat::Heartbeat;
use crate::ids::Attempt;
use crate::status::{ReadyState, StateName};
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

    pub(crate) fn stage(&self) -> String {
        let detail = match self {
            Self::Connecting(Phase::ServerClosing(_)) => "/server-closing",
            Self::Connecting(Phase::ClosingOld(_)) => "/closing-old",
            Self::Connecting(Phase::Fetching) => "/fetching",
            Self::Connecting(Phase::Opening(_)) => "/opening",
            Self::Connecting(Phase::Agreeing(_)) => "/agreeing",
            Self::Connected(Session { heartbeat, .. }) if heartbeat.is_probing() => "/probing",
            Self::Connected(Session { refresh: Refresh::Fetching { .. }, .. }) => "/fetching",
            Self::Connected(Session { refresh: Refresh::Sent { .. }, .. }) => "/refreshing",
            Self::Connected(Session { stable_at: Some(_), .. }) => "/unproven",
            Self::Closing { by: EndedBy::Release, .. }
            | Self::Closed { by: EndedBy::Release, .. } => "/released",
            Self::Idle
            | Self::Connected(_)
            | Self::Waiting { .. }
            | Self::Closing { .. }
            | Self::Closed { .. }
            | Self::Failed { .. } => "",
        };
        let old_socket = match self {
            Self::Waiting { old_socket, .. }
            | Self::Closed { old_socket, .. }
            | Self::Failed { old_socket, .. } => old_socket.name(),
            Self::Idle | Self::Connecting(_) | Self::Connected(_) | Self::Closing { .. } => "",
        };
        format!("{}{detail}{old_socket}", self.name().as_str())
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

    fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Lingering(_) => "+lingering",
            Self::Closing(_) => "+closing",
        }
    }

    pub(crate) fn attempt(self) -> Option<Attempt> {
        match self {
            Self::None => None,
            Self::Lingering(handshake) => Some(handshake.attempt),
            Self::Closing(socket) => Some(socket.attempt),
        }
    }
}
