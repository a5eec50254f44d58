//! The beginning of a session.

use onesocket_protocol::{ConnectionId, Epoch, Span, Welcome};

use super::Connection;
use crate::config::{PLAIN_PING_INTERVAL, PlainRules, Wire};
use crate::error::{Error, ErrorCode};
use crate::heartbeat::{Heartbeat, HeartbeatMode};
use crate::ids::Attempt;
use crate::log::LogEvent;
use crate::state::{Handshake, Session, SocketRole, State};
use crate::stats::count;
use crate::text::Sentence;
use crate::time::Time;

/// The user of the last session, by the name that the server gives.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum LastUser {
    Nobody,
    /// What waits is theirs.
    Here(String),
    /// The connection was ended since: what waits is of whoever comes next.
    Gone(String),
}

impl LastUser {
    /// The connection was ended.
    pub(super) fn leave(&mut self) {
        if let Self::Here(user) = self {
            *self = Self::Gone(std::mem::take(user));
        }
    }
}

/// The terms of a new session.
pub(super) struct NewSession {
    connection_id: Option<ConnectionId>,
    max_message_bytes: usize,
    /// When the token expires, if the server says so.
    token_expires_at: Option<Time>,
    pings: Pings,
    /// The epoch that the server names.
    epoch: Option<Epoch>,
}

/// How the server shows that it is alive when it has nothing else to send.
enum Pings {
    Every(Span),
    WhenAsked,
    Never,
}

impl NewSession {
    fn of(welcome: Welcome, now: Time) -> Self {
        Self {
            connection_id: Some(welcome.connection_id),
            max_message_bytes: welcome.max_message_bytes,
            token_expires_at: welcome.token_expires_in.map(|life| now + life),
            pings: Pings::Every(welcome.ping_interval),
            epoch: welcome.epoch,
        }
    }

    /// The terms of a plain wire, whose server says nothing.
    pub(super) fn plain(rules: PlainRules) -> Self {
        Self {
            connection_id: None,
            max_message_bytes: usize::MAX,
            token_expires_at: None,
            pings: if rules.ping { Pings::WhenAsked } else { Pings::Never },
            epoch: None,
        }
    }
}

impl<M: Clone> Connection<M> {
    pub(super) fn on_welcome(&mut self, handshake: Handshake, mut welcome: Welcome, now: Time) {
        self.admit(std::mem::take(&mut welcome.user));
        self.agree(handshake, NewSession::of(welcome, now), now);
    }

    /// The server of a plain wire has said that the session is agreed.
    pub(super) fn on_ready(&mut self, attempt: Attempt, now: Time) {
        let Some(role) = self.socket(attempt) else { return };
        match (role, self.config.wire) {
            (SocketRole::Agreeing(handshake), Wire::Plain(rules)) => {
                self.agree(handshake, NewSession::plain(rules), now);
            }
            // It has said so before, or its socket is not heard any more.
            (
                SocketRole::Agreeing(_)
                | SocketRole::Connected(_)
                | SocketRole::Opening(_)
                | SocketRole::ServerClosing
                | SocketRole::Lingering
                | SocketRole::Closing,
                _,
            ) => self.count_stale(),
        }
    }

    /// Enters a new session.
    pub(super) fn agree(&mut self, handshake: Handshake, session: NewSession, now: Time) {
        let untouched = self.backoff.is_reset();
        if !untouched {
            count(&mut self.stats.reconnects);
        }
        let rules = self.config.heartbeat;
        let mode = match session.pings {
            Pings::Every(interval) => HeartbeatMode::ServerPings {
                silence: rules.interval.unwrap_or(interval) + rules.timeout,
            },
            Pings::WhenAsked => HeartbeatMode::ClientProbes {
                interval: rules.interval.unwrap_or(PLAIN_PING_INTERVAL),
            },
            Pings::Never => HeartbeatMode::ListenOnly {
                silence: rules.interval.unwrap_or(Span::MAX) + rules.timeout,
            },
        };
        // The server's word counts; without one, the application's.
        let token_expires_at = session.token_expires_at.or(handshake.token_expires_at);
        let refresh = self.plan_refresh(token_expires_at, now);
        self.enter(
            State::Connected(Session {
                attempt: handshake.attempt,
                connection_id: session.connection_id,
                max_message_bytes: session.max_message_bytes,
                token_expires_at,
                remembers: session.epoch.is_some(),
                stable_at: (!untouched).then(|| now + self.config.stable_after),
                heartbeat: Heartbeat::new(mode, now),
                refresh,
            }),
            None,
        );
        self.log(LogEvent::Connected);
        self.resume_traffic(session.epoch);
        let calls = self.demand.connected();
        self.settle_each(calls, Ok(()));
    }

    /// Takes note of the user. Nothing of another one before goes out under this one's name: neither
    /// groups nor messages.
    fn admit(&mut self, user: String) {
        let (is_same, waits) = match &self.last_user {
            LastUser::Nobody => (true, false),
            LastUser::Here(last) => (*last == user, true),
            LastUser::Gone(last) => (*last == user, false),
        };
        self.last_user = LastUser::Here(user);
        if is_same {
            return;
        }
        let error = Error::of(ErrorCode::AnotherUser, Sentence::AnotherUser);
        let left = self.groups.leave_joined();
        let messages = if waits { self.outbox.take_all() } else { Vec::new() };
        let undelivered = self.undeliverable(messages, &error);
        if left || !undelivered.is_empty() {
            self.report_with(error, undelivered);
        }
    }
}
