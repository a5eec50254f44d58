//! The states of a connection, and what of them a user may know.

use onesocket_protocol::ConnectionId;

use crate::error::Error;
use crate::heartbeat::Heartbeat;
use crate::io::Attempt;
use crate::time::Time;
use crate::token::Renewal;

/// Where the connection stands, in the order of life. The data is in the variant that needs it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum State {
    /// Never asked to connect.
    Idle,
    /// On the way to a connection.
    Connecting(Phase),
    /// The session is agreed.
    Connected(Link),
    /// Between two attempts. What wakes up does not cut short what the server, or `getToken`, has asked
    /// for.
    Waiting { retry_at: Time, not_before: Time, remains: Remains },
    /// The connection was ended and its socket is not closed yet.
    Closing { by: By, leaving: Leaving },
    /// The connection was ended.
    Closed { by: By, remains: Remains },
    /// The connection ended by itself.
    Failed { error: Error, remains: Remains },
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Phase {
    /// The server is closing the socket that was connected; its code will say how to go on.
    Ending(Leaving),
    /// The old socket, which we shut, has to close first.
    Leaving(Leaving),
    /// `getToken` has been asked: see [`Supply`](crate::token::Supply).
    Fetching,
    /// The socket is shaking hands.
    Opening(Handshake),
    /// The socket is open, the welcome has not come.
    Agreeing(Handshake),
}

/// A connection on which the session is agreed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Link {
    pub(crate) attempt: Attempt,
    /// The server's name for it; a plain wire has none.
    pub(crate) connection_id: Option<ConnectionId>,
    pub(crate) max_message_bytes: usize,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) renewal: Renewal,
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
    pub(crate) token_dies_at: Option<Time>,
}

/// A socket whose close is under way.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Leaving {
    pub(crate) attempt: Attempt,
    pub(crate) detach_at: Time,
}

/// What is left of a socket that nobody needs any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Remains {
    Nothing,
    /// It is still shaking hands, and closing it now would make the browser complain: it is shut as
    /// soon as it has opened, or adopted if it is wanted again before that.
    Lingering(Handshake),
    /// We have shut it.
    Leaving(Leaving),
}

/// What the browser says of the network.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Network {
    Online,
    /// Automatic attempts are put off.
    Offline,
}

/// Who ended the connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum By {
    /// Somebody called `close()`. Only `connect()` revives it.
    Asked,
    /// The last who wanted it went. Whoever wants it next revives it.
    Released,
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
            Self::Connecting(Phase::Ending(_)) => "/ending",
            Self::Connecting(Phase::Leaving(_)) => "/leaving",
            Self::Connecting(Phase::Fetching) => "/fetching",
            Self::Connecting(Phase::Opening(_)) => "/opening",
            Self::Connecting(Phase::Agreeing(_)) => "/agreeing",
            Self::Connected(Link { heartbeat, .. }) if heartbeat.is_probing() => "/probing",
            Self::Connected(Link { renewal: Renewal::Asked { .. }, .. }) => "/asking",
            Self::Connected(Link { renewal: Renewal::Sent { .. }, .. }) => "/renewing",
            Self::Connected(Link { stable_at: Some(_), .. }) => "/unproven",
            Self::Closing { by: By::Released, .. } | Self::Closed { by: By::Released, .. } => {
                "/released"
            }
            Self::Idle
            | Self::Connected(_)
            | Self::Waiting { .. }
            | Self::Closing { .. }
            | Self::Closed { .. }
            | Self::Failed { .. } => "",
        };
        let remains = match self {
            Self::Waiting { remains, .. }
            | Self::Closed { remains, .. }
            | Self::Failed { remains, .. } => remains.name(),
            Self::Idle | Self::Connecting(_) | Self::Connected(_) | Self::Closing { .. } => "",
        };
        format!("{}{detail}{remains}", self.name().as_str())
    }

    /// Returns what the `readyState` of the socket is; without a socket, what it will be.
    pub(crate) fn ready_state(&self) -> ReadyState {
        match self {
            Self::Connecting(Phase::Fetching | Phase::Opening(_)) => ReadyState::Connecting,
            Self::Connected(_) | Self::Connecting(Phase::Agreeing(_)) => ReadyState::Open,
            Self::Closing { .. } | Self::Connecting(Phase::Ending(_) | Phase::Leaving(_)) => {
                ReadyState::Closing
            }
            Self::Idle | Self::Waiting { .. } | Self::Closed { .. } | Self::Failed { .. } => {
                ReadyState::Closed
            }
        }
    }

    /// Returns what is left of an earlier socket beside the state's own affairs.
    pub(crate) fn remains(&self) -> Remains {
        match self {
            Self::Waiting { remains, .. }
            | Self::Closed { remains, .. }
            | Self::Failed { remains, .. } => *remains,
            Self::Closing { leaving, .. } | Self::Connecting(Phase::Leaving(leaving)) => {
                Remains::Leaving(*leaving)
            }
            Self::Idle
            | Self::Connecting(
                Phase::Ending(_) | Phase::Fetching | Phase::Opening(_) | Phase::Agreeing(_),
            )
            | Self::Connected(_) => Remains::Nothing,
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
            Self::Connecting(Phase::Ending(leaving) | Phase::Leaving(leaving))
            | Self::Closing { leaving, .. } => Some(leaving.detach_at),
            Self::Connecting(Phase::Opening(handshake) | Phase::Agreeing(handshake)) => {
                Some(handshake.give_up_at)
            }
            Self::Connected(link) => {
                // A token is not renewed over a connection that may be dead: were it, the next attempt
                // would have to fetch another one.
                let can_wait =
                    matches!(link.renewal, Renewal::Planned { .. } | Renewal::Overdue { .. });
                let waits = can_wait && link.heartbeat.is_probing();
                let renewal = link.renewal.deadline().filter(|_| !waits);
                let deadlines = [link.stable_at, renewal];
                let heartbeat = link.heartbeat.deadline();
                Some(deadlines.into_iter().flatten().fold(heartbeat, Time::min))
            }
            Self::Waiting { retry_at, remains, not_before: _ } => {
                let retry_at = network.is_there().then_some(*retry_at);
                [retry_at, remains.deadline()].into_iter().flatten().min()
            }
            Self::Closed { remains, .. } | Self::Failed { remains, .. } => remains.deadline(),
            Self::Idle | Self::Connecting(Phase::Fetching) => None,
        }
    }
}

impl Network {
    pub(crate) fn is_there(self) -> bool {
        self == Self::Online
    }
}

impl Remains {
    pub(crate) fn deadline(self) -> Option<Time> {
        match self {
            Self::Nothing => None,
            Self::Lingering(handshake) => Some(handshake.give_up_at),
            Self::Leaving(leaving) => Some(leaving.detach_at),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Lingering(_) => "+lingering",
            Self::Leaving(_) => "+leaving",
        }
    }

    pub(crate) fn attempt(self) -> Option<Attempt> {
        match self {
            Self::Nothing => None,
            Self::Lingering(handshake) => Some(handshake.attempt),
            Self::Leaving(leaving) => Some(leaving.attempt),
        }
    }
}

/// The name of a state.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StateName {
    /// Made, never asked to connect.
    Idle,
    /// Loading, fetching a token, waiting for the old socket to close, shaking hands, agreeing the
    /// session.
    Connecting,
    /// The session is agreed.
    Connected,
    /// Between two attempts.
    Waiting,
    /// The connection was ended and its socket is not closed yet.
    Closing,
    /// The connection was ended.
    Closed,
    /// The connection ended by itself; the error says why.
    Failed,
}

impl StateName {
    /// All of them, in the order of life.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Connecting,
        Self::Connected,
        Self::Waiting,
        Self::Closing,
        Self::Closed,
        Self::Failed,
    ];

    /// Returns the name that JavaScript sees.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Waiting => "waiting",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }
}

/// The `readyState` of a WebSocket (HTML, "The WebSocket interface").
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ReadyState {
    /// 0
    Connecting,
    /// 1
    Open,
    /// 2
    Closing,
    /// 3
    Closed,
}

impl ReadyState {
    /// Returns the number that JavaScript sees.
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::Connecting => 0,
            Self::Open => 1,
            Self::Closing => 2,
            Self::Closed => 3,
        }
    }
}

/// What a user may know of the connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Status {
    /// The state.
    pub state: StateName,
    /// The `readyState` of the socket underneath.
    pub ready_state: ReadyState,
    /// The number of the automatic attempt in progress or planned; 0 for the first try.
    pub attempt: u32,
    /// How many automatic attempts there may be.
    pub max_attempts: u32,
    /// When the next attempt begins, while waiting.
    pub retry_at: Option<Time>,
    /// The server's name for the connection, while connected.
    pub connection_id: Option<ConnectionId>,
    /// When the token runs out, while connected.
    pub token_expires_at: Option<Time>,
    /// Why it failed.
    pub error: Option<Error>,
}
