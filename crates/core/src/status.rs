//! The status that the user sees.

use onesocket_protocol::ConnectionId;

use crate::error::Error;
use crate::time::Time;

/// The name of a state.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StateName {
    /// Nobody has asked for a connection yet.
    Idle,
    /// Loading, fetching a token, waiting for the old socket to close, in the opening handshake, or
    /// waiting for the welcome.
    Connecting,
    /// The session is established.
    Connected,
    /// Between two attempts.
    Waiting,
    /// The connection was ended, and its socket has not closed yet.
    Closing,
    /// The connection was ended.
    Closed,
    /// The connection has failed for good; the error says why.
    Failed,
}

impl StateName {
    /// All states, in the order of a connection's life.
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

/// The status of a connection, as the user sees it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Status {
    /// The state.
    pub state: StateName,
    /// The `readyState` of the socket underneath.
    pub ready_state: ReadyState,
    /// The number of the automatic attempt that is in progress or planned; 0 for the first attempt.
    pub attempt: u32,
    /// The largest number of automatic attempts.
    pub max_attempts: u32,
    /// When the next attempt begins, while waiting.
    pub retry_at: Option<Time>,
    /// The server's name for the connection, while connected.
    pub connection_id: Option<ConnectionId>,
    /// When the token expires, while connected.
    pub token_expires_at: Option<Time>,
    /// Whether what is unanswered when the connection is lost will be sent again, and delivered once: the
    /// server remembers what it had. Else it is reported as undelivered. While connected.
    pub exactly_once: bool,
    /// Why the connection failed.
    pub error: Option<Error>,
}
