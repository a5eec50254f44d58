//! Attempts: how one begins, what follows when it fails or its connection is lost, when the machine
//! gives up.

use onesocket_protocol::{CloseCode, Retry, Span, retry_after};

use super::liveness::OFFLINE_INTERVAL;
use super::{Connection, Output};
use crate::config::Wire;
use crate::error::Error;
use crate::heartbeat::OnLoss;
use crate::ids::Attempt;
use crate::log::LogEvent;
use crate::state::{ClosingSocket, Handshake, Network, OldSocket, Phase, State};
use crate::stats::count;
use crate::text::{Said, Sentence, Text};
use crate::time::Time;
use crate::token::{FetchReason, FetchedToken};

impl<M: Clone> Connection<M> {
    /// Begins an attempt. It first waits for an old socket that is closing, or takes over one that is
    /// opening.
    pub(super) fn begin(&mut self, old_socket: OldSocket, reason: Option<Text>, now: Time) {
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
                    Span::ZERO => {
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

    pub(super) fn open(&mut self, fetched: Option<FetchedToken>, reason: Option<Text>, now: Time) {
        self.last_attempt = Attempt(self.last_attempt.0.wrapping_add(1));
        count(&mut self.stats.attempts);
        let attempt = self.last_attempt;
        let give_up_at = now + self.config.connect_timeout;
        let token_expires_at = fetched.as_ref().and_then(|fetched| fetched.expires_at);
        let token = fetched.map(|fetched| fetched.token);
        let handshake = Handshake { attempt, give_up_at, token_expires_at };
        self.enter(State::Connecting(Phase::Opening(handshake)), reason);
        self.outputs.push(Output::Open { attempt, token });
    }

    /// Continues after the server or the network has closed the socket. No other place obeys a
    /// [`Retry`].
    pub(super) fn after_close(&mut self, event: CloseEvent<'_>, on_loss: OnLoss, now: Time) {
        let CloseEvent { code, reason, retry, what } = event;
        let again = match retry {
            Retry::Never => false,
            Retry::Soon => {
                let delay = match code {
                    CloseCode::TOO_MANY_REQUESTS => retry_after(reason).unwrap_or_default(),
                    _ => Span::ZERO,
                };
                let (numbers, said) = ([code.get().into(), 0, 0], Said::words(reason));
                let cause = Text::with(what, numbers, said);
                return match on_loss {
                    // A page learns that its socket is dead only when it has woken up.
                    OnLoss::ReplaceNow if delay.is_zero() => self.replace(cause, now),
                    OnLoss::ReplaceNow | OnLoss::BackOff => {
                        self.try_again(cause, delay, OldSocket::None, now);
                    }
                };
            }
            Retry::WithFreshToken => self.config.tokens && self.backoff.take_fresh_try(),
        };
        if again {
            let reason = Text::new(Sentence::TryingFreshToken);
            self.begin(OldSocket::None, Some(reason), now);
        } else {
            let error = Error::of_close(code, retry, reason, self.config.tokens);
            self.fail(error, OldSocket::None);
        }
    }

    /// Begins the next attempt at once if there is a network; gives up after the last one.
    pub(super) fn replace(&mut self, cause: Text, now: Time) {
        if !self.network.is_online() {
            self.try_again(cause, Span::ZERO, OldSocket::None, now);
        } else if self.grant(&cause, OldSocket::None).is_some() {
            self.log_reconnecting(&cause, self.token_fetch.deferred_for(now));
            self.begin(OldSocket::None, Some(cause), now);
        }
    }

    /// Plans the next attempt; gives up after the last one.
    pub(super) fn try_again(
        &mut self,
        cause: Text,
        min_delay: Span,
        old_socket: OldSocket,
        now: Time,
    ) {
        let Some(delay) = self.grant(&cause, old_socket) else { return };
        let min_delay = min_delay.max(self.token_fetch.deferred_for(now));
        let after = delay.max(min_delay);
        self.log_reconnecting(&cause, after);
        let (retry_at, not_before) = (now + after, now + min_delay);
        self.enter(State::Waiting { retry_at, not_before, old_socket }, Some(cause));
    }

    /// Grants one more attempt and returns the delay before it; gives up after the last one.
    pub(super) fn grant(&mut self, cause: &Text, old_socket: OldSocket) -> Option<Span> {
        let attempts = self.config.reconnect.max_attempts;
        let delay = match self.network {
            // It costs none of the attempts: a person may be in a tunnel for an hour.
            Network::Offline if attempts > 0 => Some(OFFLINE_INTERVAL),
            Network::Offline | Network::Online => self.backoff.next(&self.config.reconnect),
        };
        if delay.is_none() {
            self.fail(Error::exhausted(attempts, cause.clone()), old_socket);
        }
        delay
    }

    /// Logs why there is no connection, and the attempt that was granted.
    fn log_reconnecting(&mut self, cause: &Text, after: Span) {
        self.log(LogEvent::Lost(cause.clone()));
        let (attempt, of) = (self.backoff.attempt(), self.config.reconnect.max_attempts);
        self.log(LogEvent::Reconnecting { attempt, of, after });
    }

    /// Fails for good.
    pub(super) fn fail(&mut self, error: Error, old_socket: OldSocket) {
        self.log(LogEvent::Failed(error.clone()));
        self.abort_fetch();
        self.enter(State::Failed { error: error.clone(), old_socket }, Some(error.message.clone()));
        let calls = self.demand.failed();
        self.settle_each(calls, Err(&error));
        let undelivered = self.fail_traffic(&error);
        self.outputs.push(Output::Error { error, undelivered });
    }

    /// A deadline of the state has passed.
    pub(super) fn on_state_due(&mut self, due: Time, now: Time) {
        let old_socket = self.state.old_socket();
        if old_socket.deadline() == due {
            return self.on_old_socket_due(old_socket, now);
        }
        match self.state {
            // Only here is a socket closed in its opening handshake: it would block the next one to
            // the same host.
            State::Connecting(Phase::Opening(Handshake { attempt, .. })) => {
                self.on_timeout(attempt, Sentence::NotOpened, now);
            }
            State::Connecting(Phase::Agreeing(Handshake { attempt, .. })) => {
                let what = match self.config.wire {
                    Wire::OneSocket => Sentence::NoWelcome,
                    Wire::Plain(_) => Sentence::NotReady,
                };
                self.on_timeout(attempt, what, now);
            }
            State::Connecting(Phase::ServerClosing(ClosingSocket { attempt, .. })) => {
                self.outputs.push(Output::Detach { attempt });
                self.after_close(CloseEvent::LOST, OnLoss::BackOff, now);
            }
            State::Connected(_) => self.on_connected_due(due, now),
            State::Waiting { old_socket, .. } => self.begin(old_socket, None, now),
            // These have no deadline but that of the old socket.
            State::Connecting(Phase::Fetching | Phase::ClosingOld(_))
            | State::Idle
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    fn on_timeout(&mut self, attempt: Attempt, what: Sentence, now: Time) {
        let ms = self.config.connect_timeout.whole_ms();
        let cause = Text::with_number(what, ms);
        let old_socket = self.close_socket(attempt, CloseCode::TIMED_OUT, String::new(), now);
        self.try_again(cause, Span::ZERO, old_socket, now);
    }
}

/// The `close` event of a socket.
#[derive(Clone, Copy)]
pub(super) struct CloseEvent<'a> {
    pub(super) code: CloseCode,
    pub(super) reason: &'a str,
    pub(super) retry: Retry,
    /// How it is told.
    pub(super) what: Sentence,
}

impl CloseEvent<'_> {
    /// Stands for an event that has not come in time.
    const LOST: Self = Self {
        code: CloseCode::ABNORMAL,
        reason: "",
        retry: Retry::Soon,
        what: Sentence::SocketClosed,
    };
}
