//! How an attempt begins, what follows when it has failed or its connection is lost, and when the
//! machine gives up.

use std::time::Duration;

use onesocket_protocol::{CloseCode, Retry, retry_after};

use super::{Connection, Output};
use crate::error::{Error, quoted};
use crate::heartbeat::OnLoss;
use crate::ids::Attempt;
use crate::log::LogEvent;
use crate::state::{ClosingSocket, Handshake, OldSocket, Phase, State};
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

    /// Goes on after the server or the network has closed the socket: the one place that obeys a
    /// [`Retry`].
    pub(super) fn after_close(&mut self, event: CloseEvent<'_>, on_loss: OnLoss, now: Time) {
        let CloseEvent { code, reason, retry } = event;
        let again = match retry {
            Retry::Never => false,
            Retry::Soon => {
                let delay = match code {
                    CloseCode::TOO_MANY_REQUESTS => retry_after(reason).unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                let cause = format!("the socket closed with code {}{}", code.get(), quoted(reason));
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
            self.fail(Error::of_close(code, retry, reason), OldSocket::None);
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
}

/// How a socket was closed.
#[derive(Clone, Copy)]
pub(super) struct CloseEvent<'a> {
    pub(super) code: CloseCode,
    pub(super) reason: &'a str,
    pub(super) retry: Retry,
}

impl CloseEvent<'_> {
    /// The event has not come in time.
    const LOST: Self = Self { code: CloseCode::ABNORMAL, reason: "", retry: Retry::Soon };
}
