//! The stages of the machine: its states, with the details that [`Status`](crate::Status) does not
//! tell. For tests and what they print; nothing of it is in the product.

use std::fmt;

use super::Connection;
use crate::state::{EndedBy, OldSocket, Phase, Session, State};
use crate::status::StateName;
use crate::token::Refresh;

/// A state of the machine and how far it has come in it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are those of `State`, which says what they mean")]
pub enum Stage {
    Idle,
    Connecting(ConnectingStage),
    Connected(ConnectedStage),
    Waiting(OldSocketStage),
    Closing(EndedStage),
    Closed(EndedStage, OldSocketStage),
    Failed(OldSocketStage),
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are those of `Phase`, which says what they mean")]
pub enum ConnectingStage {
    ServerClosing,
    ClosingOld,
    Fetching,
    Opening,
    Agreeing,
}

/// What a connection is busy with; the first that is true.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ConnectedStage {
    /// The server was asked for a sign of life.
    Probing,
    /// A new token is being fetched.
    Fetching,
    /// A new token was sent.
    Refreshing,
    /// Earlier failures still count.
    Unproven,
    /// With nothing.
    Settled,
}

/// How a connection was ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EndedStage {
    /// `close()` was called.
    Closed,
    /// The last holder released it.
    Released,
}

/// What is left of an earlier socket.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum OldSocketStage {
    /// Nothing.
    Gone,
    /// It is still shaking hands.
    Lingering,
    /// We have shut it, and it has not closed yet.
    Closing,
}

impl<M: Clone> Connection<M> {
    /// Returns the state with the details that [`status`](Self::status) does not tell.
    pub fn stage(&self) -> Stage {
        Stage::of(&self.state)
    }
}

impl Stage {
    fn of(state: &State) -> Self {
        match state {
            State::Idle => Self::Idle,
            State::Connecting(phase) => Self::Connecting(match phase {
                Phase::ServerClosing(_) => ConnectingStage::ServerClosing,
                Phase::ClosingOld(_) => ConnectingStage::ClosingOld,
                Phase::Fetching => ConnectingStage::Fetching,
                Phase::Opening(_) => ConnectingStage::Opening,
                Phase::Agreeing(_) => ConnectingStage::Agreeing,
            }),
            State::Connected(session) => Self::Connected(ConnectedStage::of(session)),
            State::Waiting { old_socket, .. } => Self::Waiting(OldSocketStage::of(*old_socket)),
            State::Closing { by, .. } => Self::Closing(EndedStage::of(*by)),
            State::Closed { by, old_socket } => {
                Self::Closed(EndedStage::of(*by), OldSocketStage::of(*old_socket))
            }
            State::Failed { old_socket, .. } => Self::Failed(OldSocketStage::of(*old_socket)),
        }
    }

    fn state(self) -> StateName {
        match self {
            Self::Idle => StateName::Idle,
            Self::Connecting(_) => StateName::Connecting,
            Self::Connected(_) => StateName::Connected,
            Self::Waiting(_) => StateName::Waiting,
            Self::Closing(_) => StateName::Closing,
            Self::Closed(..) => StateName::Closed,
            Self::Failed(_) => StateName::Failed,
        }
    }
}

impl ConnectedStage {
    fn of(session: &Session) -> Self {
        if session.heartbeat.is_probing() {
            return Self::Probing;
        }
        match (&session.refresh, session.stable_at) {
            (Refresh::Fetching { .. }, _) => Self::Fetching,
            (Refresh::Sent { .. }, _) => Self::Refreshing,
            (Refresh::Never | Refresh::Planned { .. }, Some(_)) => Self::Unproven,
            (Refresh::Never | Refresh::Planned { .. }, None) => Self::Settled,
        }
    }
}

impl EndedStage {
    fn of(by: EndedBy) -> Self {
        match by {
            EndedBy::Close => Self::Closed,
            EndedBy::Release => Self::Released,
        }
    }
}

impl OldSocketStage {
    fn of(old_socket: OldSocket) -> Self {
        match old_socket {
            OldSocket::None => Self::Gone,
            OldSocket::Lingering(_) => Self::Lingering,
            OldSocket::Closing(_) => Self::Closing,
        }
    }
}

/// Writes it as the table of the transitions names it: `closed/released+lingering`.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = match self {
            Self::Connecting(ConnectingStage::ServerClosing) => "/server-closing",
            Self::Connecting(ConnectingStage::ClosingOld) => "/closing-old",
            Self::Connecting(ConnectingStage::Opening) => "/opening",
            Self::Connecting(ConnectingStage::Agreeing) => "/agreeing",
            Self::Connecting(ConnectingStage::Fetching)
            | Self::Connected(ConnectedStage::Fetching) => "/fetching",
            Self::Connected(ConnectedStage::Probing) => "/probing",
            Self::Connected(ConnectedStage::Refreshing) => "/refreshing",
            Self::Connected(ConnectedStage::Unproven) => "/unproven",
            Self::Closing(EndedStage::Released) | Self::Closed(EndedStage::Released, _) => {
                "/released"
            }
            Self::Idle
            | Self::Connected(ConnectedStage::Settled)
            | Self::Waiting(_)
            | Self::Closing(EndedStage::Closed)
            | Self::Closed(EndedStage::Closed, _)
            | Self::Failed(_) => "",
        };
        let old_socket = match self {
            Self::Waiting(old_socket) | Self::Closed(_, old_socket) | Self::Failed(old_socket) => {
                match old_socket {
                    OldSocketStage::Gone => "",
                    OldSocketStage::Lingering => "+lingering",
                    OldSocketStage::Closing => "+closing",
                }
            }
            Self::Idle | Self::Connecting(_) | Self::Connected(_) | Self::Closing(_) => "",
        };
        write!(f, "{}{detail}{old_socket}", self.state().as_str())
    }
}
