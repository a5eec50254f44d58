//! The lines of the log.

use std::fmt;

use onesocket_protocol::Span;

use crate::config::Reconnect;
use crate::error::Error;
use crate::text::{Said, Sentence, Text};

/// A line of the log. Its text does not change: people search for it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum LogEvent {
    /// `connect()` found an attempt in progress.
    AlreadyInProgress,
    /// The old socket has to close first.
    CleaningUp,
    /// The connection was closed, for this reason.
    Closed(Text),
    /// `connect()` was called.
    ConnectCalled,
    /// The session is established.
    Connected,
    /// Something went wrong, and the connection goes on.
    Error(Error),
    /// The connection has failed for good.
    Failed(Error),
    /// A connection is lost, or an attempt has failed, for this reason.
    Lost(Text),
    /// The next attempt is planned.
    Reconnecting {
        /// The number of the attempt.
        attempt: u32,
        /// The largest number of attempts.
        of: u32,
        /// How long until it begins.
        after: Span,
    },
    /// `connect()` found the connection established.
    Reusing,
    /// The refresh of the token is planned.
    SchedulingRefresh {
        /// How long until it begins.
        after: Span,
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
            Self::Error(_) | Self::Lost(_) | Self::Reconnecting { .. } => Level::Warn,
        }
    }
}

impl LogEvent {
    /// Returns the line, to be written out.
    pub fn text(&self) -> Text {
        match self {
            Self::AlreadyInProgress => Text::new(Sentence::LogAlreadyInProgress),
            Self::CleaningUp => Text::new(Sentence::LogCleaningUp),
            Self::Closed(why) => Text::with_cause(Sentence::LogClosed, why.clone()),
            Self::ConnectCalled => Text::new(Sentence::LogConnectCalled),
            Self::Connected => Text::new(Sentence::LogConnected),
            Self::Error(error) => Text::with_cause(Sentence::LogError, error.message.clone()),
            Self::Failed(error) => Text::with_cause(Sentence::LogFailed, error.message.clone()),
            Self::Lost(why) => Text::with_cause(Sentence::LogLost, why.clone()),
            Self::Reconnecting { attempt, of, after } => {
                let sentence = match *of {
                    Reconnect::WITHOUT_END => Sentence::LogReconnectingForever,
                    _ => Sentence::LogReconnecting,
                };
                let numbers = [(*attempt).into(), (*of).into(), after.whole_ms()];
                Text::with(sentence, numbers, Said::Nothing)
            }
            Self::Reusing => Text::new(Sentence::LogReusing),
            Self::SchedulingRefresh { after } => {
                Text::with_number(Sentence::LogSchedulingRefresh, after.whole_ms())
            }
        }
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_numbers() {
        let after = Span::from_millis(5250);
        let again = LogEvent::Reconnecting { attempt: 2, of: 5, after };
        assert!(again.to_string().ends_with("(attempt 2 of 5) in 5250 ms"), "{again}");

        let endless = LogEvent::Reconnecting { attempt: 2, of: Reconnect::WITHOUT_END, after };
        assert!(endless.to_string().ends_with("(attempt 2) in 5250 ms"), "{endless}");

        let refresh = LogEvent::SchedulingRefresh { after };
        assert!(refresh.to_string().ends_with("refresh in 5250 ms"), "{refresh}");
    }
}
