//! The lines of the log.

use std::fmt;
use std::time::Duration;

use onesocket_protocol::whole_ms;

use crate::error::Error;

/// A line of the log. Its text does not change: people search for it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum LogEvent {
    /// `connect()` found an attempt in progress.
    AlreadyInProgress,
    /// The old socket has to close first.
    CleaningUp,
    /// The connection was closed, for this reason.
    Closed(String),
    /// `connect()` was called.
    ConnectCalled,
    /// The session is established.
    Connected,
    /// The connection has failed for good.
    Failed(Error),
    /// The next attempt is planned.
    Reconnecting {
        /// The number of the attempt.
        attempt: u32,
        /// The largest number of attempts.
        of: u32,
        /// How long until it begins.
        after: Duration,
    },
    /// `connect()` found the connection established.
    Reusing,
    /// The refresh of the token is planned.
    SchedulingRefresh {
        /// How long until it begins.
        after: Duration,
    },
}

/// The level of a [`LogEvent`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Details for debugging.
    Debug,
    /// Normal operation.
    Info,
    /// A failure that the machine recovers from.
    Warn,
    /// A failure for good.
    Error,
}

impl LogEvent {
    /// Returns the level.
    pub const fn level(&self) -> Level {
        match self {
            Self::AlreadyInProgress
            | Self::CleaningUp
            | Self::ConnectCalled
            | Self::Reusing
            | Self::SchedulingRefresh { .. } => Level::Debug,
            Self::Closed(_) | Self::Connected => Level::Info,
            Self::Failed(_) => Level::Error,
            Self::Reconnecting { .. } => Level::Warn,
        }
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInProgress => f.write_str("🔌 Connection already in progress"),
            Self::CleaningUp => {
                f.write_str("🔌 Cleaning up existing WebSocket before new connection")
            }
            Self::Closed(why) => write!(f, "🔌 WebSocket connection closed: {why}"),
            Self::ConnectCalled => f.write_str("🔌 WebSocket connect called"),
            Self::Connected => f.write_str("🔌 WebSocket connected"),
            Self::Failed(error) => write!(f, "🔌 WebSocket connection failed: {error}"),
            Self::Reconnecting { attempt, of, after } => {
                let ms = whole_ms(*after);
                write!(f, "🔌 Reconnecting (attempt {attempt} of {of}) in {ms} ms")
            }
            Self::Reusing => f.write_str("🔌 Reusing existing WebSocket connection"),
            Self::SchedulingRefresh { after } => {
                let ms = whole_ms(*after);
                write!(f, "🔌 Scheduling WebSocket token refresh in {ms} ms")
            }
        }
    }
}
