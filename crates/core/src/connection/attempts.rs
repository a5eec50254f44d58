//! How an attempt at a socket goes: cleaning up, fetching a token, shaking hands, agreeing the
//! session, losing it, trying again, giving up.

use std::time::Duration;

use onesocket_protocol::{CloseCode, ConnectionId, Epoch, Retry, Welcome, retry_after};

use super::{Connection, Output};
use crate::config::{PLAIN_PING_INTERVAL, PlainRules, Wire};
use crate::error::{Error, ErrorCode, quoted};
use crate::heartbeat::{Heartbeat, HeartbeatMode, OnLoss};
use crate::ids::Attempt;
use crate::log::LogEvent;
use crate::state::{ClosingSocket, Handshake, OldSocket, Phase, Session, State};
use crate::stats::count;
use crate::time::{Time, whole_ms};
use crate::token::{FetchReason, Fetched};

impl<M: Clone> Connection<M> {
    /// Begins an attempt with what is left of an earlier socket: waits for its close, adopts it, or
    /// goes on to the token.
    pub(super) fn begin(&mut self, old_socket: OldSocket, reason: Option<String>, now: Time) {
        match old_socket {
            OldSocket::Closing(socket) => {
                self.log(LogEvent::CleaningUp);
                self.enter(State::Connecting(Phase::ClosingOld(socket)), reason);
            }
            OldSocket::Lingering(handshake) => {
                self.enter(State::Connecting(Phase::Opening(handshake)), reason);
            }
            OldSocket::None if self.config.tokens => match self.take_fetched(now) {
                Some(fetched) => self.open(Some(fetched), reason, now),
                None => match self.token_fetch.deferred_for(now) {
                    Duration::ZERO => {
                        self.enter(State::Connecting(Phase::Fetching), reason);
                        self.fetch(FetchReason::Connect, now);
                    }
                    after => {
                        let (retry_at, not_before) = (now + after, now + after);
                        self.enter(State::Waiting { retry_at, not_before, old_socket }, reason);
                    }
                },
            },
            OldSocket::None => self.open(None, reason, now),
        }
    }

    pub(super) fn open(&mut self, fetched: Option<Fetched>, reason: Option<String>, now: Time) {
        self.last_attempt = Attempt(self.last_attempt.0.wrapping_add(1));
        count(&mut self.stats.attempts);
        let attempt = self.last_attempt;
        let give_up_at = now + self.config.connect_timeout;
        let token_expires_at = fetched.as_ref().and_then(|fetched| fetched.expires_at);
        let token = fetched.map(|fetched| fetched.token);
        let handshake = Handshake { attempt, give_up_at, token_expires_at };
        self.enter(State::Connecting(Phase::Opening(handshake)), reason);
        self.outputs.push_back(Output::Open { attempt, token });
    }

    pub(super) fn on_open_failed(&mut self, attempt: Attempt, problem: String, now: Time) {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) if handshake.attempt == attempt => {
                self.fail(Error::new(ErrorCode::InvalidOptions, problem), OldSocket::None);
            }
            // Nobody wanted it any more before the browser was asked for it: a listener may close.
            State::Closed { old_socket: OldSocket::Lingering(handshake), .. }
                if handshake.attempt == attempt =>
            {
                self.on_old_socket_gone(now);
            }
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => self.ignore(),
        }
    }

    pub(super) fn on_opened(&mut self, attempt: Attempt, now: Time) {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) if handshake.attempt == attempt => {
                let handshake = *handshake;
                count(&mut self.stats.sockets_opened);
                match self.config.wire {
                    Wire::OneSocket => {
                        self.enter(State::Connecting(Phase::Agreeing(handshake)), None);
                    }
                    Wire::Plain(rules) => {
                        self.outputs.push_back(Output::SendHello { attempt });
                        self.agree(handshake, NewSession::plain(rules), now);
                    }
                }
            }
            State::Closed { by, old_socket: OldSocket::Lingering(handshake) }
                if handshake.attempt == attempt =>
            {
                let by = *by;
                count(&mut self.stats.sockets_opened);
                let old_socket = self.shut(attempt, CloseCode::NORMAL, String::new(), now);
                self.enter(State::Closed { by, old_socket }, None);
            }
            // A stranger: it was given up, and shut then.
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => self.ignore(),
        }
    }

    pub(super) fn on_welcome(&mut self, handshake: Handshake, welcome: Welcome, now: Time) {
        self.agree(handshake, NewSession::of(welcome, now), now);
    }

    /// The session is agreed.
    fn agree(&mut self, handshake: Handshake, session: NewSession, now: Time) {
        let untouched = self.backoff.is_untouched();
        if !untouched {
            count(&mut self.stats.reconnects);
        }
        let rules = self.config.heartbeat;
        let mode = match session.pings {
            Pings::Every(interval) => HeartbeatMode::ServerPings {
                silence: rules.interval.unwrap_or(interval).saturating_add(rules.timeout),
            },
            Pings::WhenAsked => HeartbeatMode::ClientProbes {
                interval: rules.interval.unwrap_or(PLAIN_PING_INTERVAL),
            },
            Pings::Never => HeartbeatMode::ListenOnly {
                silence: rules.interval.unwrap_or(Duration::MAX).saturating_add(rules.timeout),
            },
        };
        // What the server says counts; what the application knows, where it says nothing.
        let token_expires_at = session.token_expires_at.or(handshake.token_expires_at);
        let refresh = self.plan_refresh(token_expires_at, now);
        self.enter(
            State::Connected(Session {
                attempt: handshake.attempt,
                connection_id: session.connection_id,
                max_message_bytes: session.max_message_bytes,
                token_expires_at,
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

    /// The socket will close, by the server's doing; its code is not known yet.
    pub(super) fn on_closing(&mut self, attempt: Attempt, now: Time) {
        if self.connected_attempt() != Some(attempt) {
            return self.ignore();
        }
        self.lose_traffic();
        let socket = ClosingSocket { attempt, detach_at: now + self.config.close_timeout };
        let reason = "the server is closing the connection".to_owned();
        self.enter(State::Connecting(Phase::ServerClosing(socket)), Some(reason));
    }

    pub(super) fn on_closed(&mut self, attempt: Attempt, ended: CloseEvent<'_>, now: Time) {
        match &self.state {
            State::Connected(session) if session.attempt == attempt => {
                let on_loss = session.heartbeat.on_loss(now);
                self.lose_traffic();
                self.after_close(ended, on_loss, now);
            }
            State::Connecting(
                Phase::Opening(Handshake { attempt: current, .. })
                | Phase::Agreeing(Handshake { attempt: current, .. })
                | Phase::ServerClosing(ClosingSocket { attempt: current, .. }),
            ) if *current == attempt => self.after_close(ended, OnLoss::BackOff, now),
            state if state.old_socket().attempt() == Some(attempt) => self.on_old_socket_gone(now),
            // A stranger: it was detached.
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => self.ignore(),
        }
    }

    /// Goes on after the server or the network has closed the socket: the one place that obeys a
    /// [`Retry`].
    fn after_close(&mut self, ended: CloseEvent<'_>, on_loss: OnLoss, now: Time) {
        let CloseEvent { code, said, retry } = ended;
        let again = match retry {
            Retry::Never => false,
            Retry::Soon => {
                let delay = match code {
                    CloseCode::TOO_MANY_REQUESTS => retry_after(said).unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                let cause = closed_with(code, said);
                return match on_loss {
                    // A page that has woken up hears only then that its socket is dead.
                    OnLoss::ReplaceNow if delay.is_zero() => self.replace(cause, now),
                    OnLoss::ReplaceNow | OnLoss::BackOff => {
                        self.try_again(&cause, delay, OldSocket::None, now);
                    }
                };
            }
            Retry::WithFreshToken => self.config.tokens && self.backoff.take_fresh_try(),
        };
        if again {
            let reason = "the token was refused; trying a fresh one".to_owned();
            self.begin(OldSocket::None, Some(reason), now);
        } else {
            self.fail(Error::of_close(code, retry, said), OldSocket::None);
        }
    }

    /// Makes the next attempt at once where there is a network, or gives up if there was the last one.
    pub(super) fn replace(&mut self, cause: String, now: Time) {
        if !self.network.is_there() {
            self.try_again(&cause, Duration::ZERO, OldSocket::None, now);
        } else if self.grant(&cause, OldSocket::None).is_some() {
            self.announce(self.token_fetch.deferred_for(now));
            self.begin(OldSocket::None, Some(cause), now);
        }
    }

    /// Plans the next attempt, or gives up if there was the last one.
    pub(super) fn try_again(
        &mut self,
        cause: &str,
        at_least: Duration,
        old_socket: OldSocket,
        now: Time,
    ) {
        let Some(delay) = self.grant(cause, old_socket) else { return };
        let at_least = at_least.max(self.token_fetch.deferred_for(now));
        let after = delay.max(at_least);
        self.announce(after);
        let (retry_at, not_before) = (now + after, now + at_least);
        self.enter(State::Waiting { retry_at, not_before, old_socket }, Some(cause.to_owned()));
    }

    /// Grants one more attempt and says how long to wait for it; gives up if there was the last one.
    pub(super) fn grant(&mut self, cause: &str, old_socket: OldSocket) -> Option<Duration> {
        let delay = self.backoff.next(&self.config.reconnect);
        if delay.is_none() {
            let attempts = self.config.reconnect.max_attempts;
            self.fail(Error::exhausted(attempts, cause), old_socket);
        }
        delay
    }

    /// Tells the log of the attempt that was granted.
    pub(super) fn announce(&mut self, after: Duration) {
        let (attempt, of) = (self.backoff.attempt(), self.config.reconnect.max_attempts);
        self.log(LogEvent::Reconnecting { attempt, of, after });
    }

    /// Ends the connection by itself, for good.
    pub(super) fn fail(&mut self, error: Error, old_socket: OldSocket) {
        self.log(LogEvent::Failed(error.clone()));
        self.abort_fetch();
        self.enter(State::Failed { error: error.clone(), old_socket }, Some(error.message.clone()));
        let calls = self.demand.failed();
        self.settle_each(calls, Err(&error));
        let undelivered = self.drop_traffic(&error);
        self.outputs.push_back(Output::Error { error, undelivered });
    }

    /// What was left of an earlier socket is gone.
    fn on_old_socket_gone(&mut self, now: Time) {
        match &self.state {
            State::Connecting(Phase::ClosingOld(_)) => self.begin(OldSocket::None, None, now),
            State::Closing { by, .. } | State::Closed { by, .. } => {
                self.enter(State::Closed { by: *by, old_socket: OldSocket::None }, None);
            }
            State::Waiting { retry_at, not_before, .. } => {
                let (retry_at, not_before) = (*retry_at, *not_before);
                let old_socket = OldSocket::None;
                self.enter(State::Waiting { retry_at, not_before, old_socket }, None);
            }
            State::Failed { error, .. } => {
                let error = error.clone();
                self.enter(State::Failed { error, old_socket: OldSocket::None }, None);
            }
            // They have no old_socket.
            State::Idle | State::Connecting(_) | State::Connected(_) => {}
        }
    }

    /// Does what the state itself has become due for.
    pub(super) fn on_state_due(&mut self, due: Time, now: Time) {
        let old_socket = self.state.old_socket();
        if old_socket.deadline() == Some(due) {
            return self.on_old_socket_due(old_socket, now);
        }
        match self.state {
            // A socket that still shakes hands is closed here and nowhere else: it would block the
            // next one to the same host.
            State::Connecting(Phase::Opening(Handshake { attempt, .. })) => {
                self.on_timeout(attempt, "the socket did not open", now);
            }
            State::Connecting(Phase::Agreeing(Handshake { attempt, .. })) => {
                self.on_timeout(attempt, "no welcome came", now);
            }
            State::Connecting(Phase::ServerClosing(ClosingSocket { attempt, .. })) => {
                self.outputs.push_back(Output::Detach { attempt });
                self.after_close(CloseEvent::LOST, OnLoss::BackOff, now);
            }
            State::Connected(_) => self.on_connected_due(due, now),
            State::Waiting { old_socket, .. } => self.begin(old_socket, None, now),
            // Nothing but old_socket can be due in these.
            State::Connecting(Phase::Fetching | Phase::ClosingOld(_))
            | State::Idle
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    fn on_timeout(&mut self, attempt: Attempt, what: &str, now: Time) {
        let ms = whole_ms(self.config.connect_timeout);
        let cause = format!("{what} within {ms} ms");
        let old_socket = self.shut(attempt, CloseCode::TIMED_OUT, String::new(), now);
        self.try_again(&cause, Duration::ZERO, old_socket, now);
    }

    fn on_old_socket_due(&mut self, old_socket: OldSocket, now: Time) {
        match (old_socket, &self.state) {
            (OldSocket::Lingering(Handshake { attempt, .. }), State::Closed { by, .. }) => {
                let by = *by;
                let old_socket = self.shut(attempt, CloseCode::TIMED_OUT, String::new(), now);
                self.enter(State::Closed { by, old_socket }, None);
            }
            (
                OldSocket::Lingering(Handshake { attempt, .. })
                | OldSocket::Closing(ClosingSocket { attempt, .. }),
                _,
            ) => {
                self.outputs.push_back(Output::Detach { attempt });
                self.on_old_socket_gone(now);
            }
            (OldSocket::None, _) => {}
        }
    }
}

/// How a socket has ended.
#[derive(Clone, Copy)]
pub(super) struct CloseEvent<'a> {
    pub(super) code: CloseCode,
    /// The reason that came with it.
    pub(super) said: &'a str,
    pub(super) retry: Retry,
}

impl CloseEvent<'_> {
    /// Nobody has said anything.
    const LOST: Self = Self { code: CloseCode::ABNORMAL, said: "", retry: Retry::Soon };
}

/// What is agreed with a session.
struct NewSession {
    connection_id: Option<ConnectionId>,
    max_message_bytes: usize,
    /// When the token dies, if the server says so.
    token_expires_at: Option<Time>,
    pings: Pings,
    /// What the server remembers of this client.
    epoch: Option<Epoch>,
}

/// When something comes from the server, if nothing else does.
enum Pings {
    Every(Duration),
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

    /// The server has said nothing.
    fn plain(rules: PlainRules) -> Self {
        Self {
            connection_id: None,
            max_message_bytes: usize::MAX,
            token_expires_at: None,
            pings: if rules.ping { Pings::WhenAsked } else { Pings::Never },
            epoch: None,
        }
    }
}

fn closed_with(code: CloseCode, said: &str) -> String {
    format!("the socket closed with code {}{}", code.get(), quoted(said))
}
