//! What bounds an exploration: how much of everything there may be, and how the machine is set.

use onesocket_core::protocol::{CloseCode, Retry};
use onesocket_core::{Config, HeartbeatRules, PlainRules, Span, StateName, WhenFailed, Wire};

use crate::exploration::PINGS;

/// How much of everything there may be, and how the machine is set.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) config: Config,
    /// How many `connect()` and `close()` calls may be unanswered at once.
    pub(crate) connects: usize,
    pub(crate) closes: usize,
    pub(crate) holders: u32,
    /// How many `join()`, `leave()` and `publish()` calls may be unanswered at once.
    pub(crate) calls: usize,
    pub(crate) groups: &'static [&'static str],
    /// Whether messages are sent, and their sizes.
    pub(crate) sizes: &'static [usize],
    /// How many `refreshToken()` calls may be unanswered at once.
    pub(crate) refreshes: usize,
    /// How long tokens live.
    pub(crate) lives: &'static [Option<Span>],
    /// Whether the page sleeps and wakes, and the network comes and goes.
    pub(crate) wakes: bool,
    /// Whether the server remembers, when it is come back to.
    pub(crate) resumes: &'static [bool],
    /// Whether another user may be there, when the server is come back to.
    pub(crate) users: bool,
    /// The codes with which sockets close.
    pub(crate) codes: &'static [u16],
    /// The step in which time passes, and a long sleep.
    pub(crate) tick: Span,
    pub(crate) sleep: Span,
}

impl Scope {
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.config.wire, Wire::Plain(_))
    }

    /// Whether messages wait in a state in which there is no way to a connection but `connect()`.
    pub(crate) fn keeps(&self, state: StateName) -> bool {
        state == StateName::Failed && self.config.when_failed == WhenFailed::Wait
    }

    /// Whether the session is agreed as soon as the socket is open.
    pub(crate) fn agrees_at_once(&self) -> bool {
        matches!(self.config.wire, Wire::Plain(PlainRules { ready: false, .. }))
    }

    /// Whether a new token can be brought to the server over the connection.
    pub(crate) fn can_refresh(&self) -> bool {
        !matches!(self.config.wire, Wire::Plain(PlainRules { refresh: false, .. }))
    }

    /// What is made of a close code: on a plain wire the application has its own way.
    pub(crate) fn retry(&self, code: u16) -> Retry {
        match code {
            1000 if self.is_plain() => Retry::Soon,
            4100 if self.is_plain() => Retry::WithFreshToken,
            4101 if self.is_plain() => Retry::Never,
            code => CloseCode::seen(code).retry(),
        }
    }

    /// Whether the server is asked as soon as it has been silent for long.
    pub(crate) fn asks_first(&self) -> bool {
        matches!(self.config.wire, Wire::Plain(PlainRules { ping: true, .. }))
    }

    /// Whether the server can be asked for a sign of life at all.
    pub(crate) fn can_ask(&self) -> bool {
        !self.is_plain() || self.asks_first()
    }

    pub(super) fn silence(&self) -> Span {
        let HeartbeatRules { interval, timeout } = self.config.heartbeat;
        if self.asks_first() {
            interval.unwrap_or(PINGS)
        } else if self.is_plain() {
            interval.unwrap_or(Span::MAX) + timeout
        } else {
            interval.unwrap_or(PINGS) + timeout
        }
    }
}
