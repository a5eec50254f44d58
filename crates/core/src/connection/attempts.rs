//! How an attempt at a socket goes: cleaning up, fetching a token, shaking hands, agreeing the
//! session, losing it, trying again, giving up.

use std::time::Duration;

use onesocket_protocol::{CloseCode, Retry, Token, Welcome, retry_after};

use super::Connection;
use crate::error::{Error, ErrorCode, quoted};
use crate::heartbeat::Heartbeat;
use crate::io::{Attempt, Note, Output};
use crate::state::{Handshake, Leaving, Link, Phase, Remains, State};
use crate::time::{Time, whole_ms};
use crate::token::FetchReason;
use crate::wishes::Wishes;

impl<M: Clone> Connection<M> {
    /// Begins an attempt with what is left of an earlier socket: waits for its close, adopts it, or
    /// goes on to the token.
    pub(super) fn begin(&mut self, remains: Remains, reason: Option<String>, now: Time) {
        match remains {
            Remains::Leaving(leaving) => {
                self.log(Note::CleaningUp);
                self.enter(State::Connecting(Phase::Leaving(leaving)), reason);
            }
            Remains::Lingering(handshake) => {
                self.enter(State::Connecting(Phase::Opening(handshake)), reason);
            }
            Remains::Nothing if self.config.tokens => match self.take_fetched(now) {
                Some(token) => self.open(Some(token), reason, now),
                None => {
                    self.enter(State::Connecting(Phase::Fetching), reason);
                    self.fetch(FetchReason::Connect, now);
                }
            },
            Remains::Nothing => self.open(None, reason, now),
        }
    }

    pub(super) fn open(&mut self, token: Option<Token>, reason: Option<String>, now: Time) {
        self.last_attempt = Attempt(self.last_attempt.0.wrapping_add(1));
        let attempt = self.last_attempt;
        let give_up_at = now + self.config.connect_timeout;
        self.enter(State::Connecting(Phase::Opening(Handshake { attempt, give_up_at })), reason);
        self.outputs.push_back(Output::Open { attempt, token });
    }

    pub(super) fn on_open_failed(&mut self, attempt: Attempt, problem: String, now: Time) {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) if handshake.attempt == attempt => {
                self.fail(Error::new(ErrorCode::InvalidOptions, problem), Remains::Nothing);
            }
            // Nobody wanted it any more before the browser was asked for it: a listener may close.
            State::Closed { remains: Remains::Lingering(handshake), .. }
                if handshake.attempt == attempt =>
            {
                self.forget_remains(now);
            }
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    pub(super) fn on_opened(&mut self, attempt: Attempt, now: Time) {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) if handshake.attempt == attempt => {
                self.enter(State::Connecting(Phase::Agreeing(*handshake)), None);
            }
            State::Closed { by, remains: Remains::Lingering(handshake) }
                if handshake.attempt == attempt =>
            {
                let by = *by;
                let remains = self.shut(attempt, CloseCode::NORMAL, String::new(), now);
                self.enter(State::Closed { by, remains }, None);
            }
            // A stranger: it was given up, and shut then.
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    pub(super) fn on_welcome(&mut self, attempt: Attempt, welcome: Welcome, now: Time) {
        let stable_at = (!self.backoff.is_untouched()).then(|| now + self.config.stable_after);
        let rules = self.config.heartbeat;
        let silence = rules.interval.unwrap_or(welcome.ping_interval).saturating_add(rules.timeout);
        let renewal = self.plan_renewal(welcome.token_expires_in, now);
        self.enter(
            State::Connected(Link {
                attempt,
                connection_id: welcome.connection_id,
                max_message_bytes: welcome.max_message_bytes,
                token_expires_at: welcome.token_expires_in.map(|life| now + life),
                stable_at,
                heartbeat: Heartbeat::new(silence, now),
                renewal,
            }),
            None,
        );
        self.log(Note::Connected);
        self.resume_traffic(welcome.resumed);
        self.settle_all(Wishes::fulfil, Ok(()));
    }

    /// The socket will close, by the server's doing; its code is not known yet.
    pub(super) fn on_ended(&mut self, attempt: Attempt, now: Time) {
        if self.connected_attempt() == Some(attempt) {
            self.lose_traffic();
            let leaving = Leaving { attempt, detach_at: now + self.config.close_timeout };
            let reason = "the server is closing the connection".to_owned();
            self.enter(State::Connecting(Phase::Ending(leaving)), Some(reason));
        }
    }

    pub(super) fn on_closed(&mut self, attempt: Attempt, code: CloseCode, said: &str, now: Time) {
        match &self.state {
            State::Connected(link) if link.attempt == attempt => {
                self.lose_traffic();
                self.after_close(code, said, now);
            }
            State::Connecting(
                Phase::Opening(Handshake { attempt: current, .. })
                | Phase::Agreeing(Handshake { attempt: current, .. })
                | Phase::Ending(Leaving { attempt: current, .. }),
            ) if *current == attempt => self.after_close(code, said, now),
            state if state.remains().attempt() == Some(attempt) => self.forget_remains(now),
            // A stranger: it was detached.
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    /// Goes on after the server or the network has closed the socket: the one place that obeys
    /// [`CloseCode::retry`].
    fn after_close(&mut self, code: CloseCode, said: &str, now: Time) {
        let again = match code.retry() {
            Retry::Never => false,
            Retry::Soon => {
                let delay = match code {
                    CloseCode::TOO_MANY_REQUESTS => retry_after(said).unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                return self.try_again(&closed_with(code, said), delay, Remains::Nothing, now);
            }
            Retry::WithFreshToken => self.config.tokens && self.backoff.take_fresh_try(),
        };
        if again {
            let reason = "the token was refused; trying a fresh one".to_owned();
            self.begin(Remains::Nothing, Some(reason), now);
        } else {
            self.fail(Error::of_close(code, said), Remains::Nothing);
        }
    }

    /// Plans the next attempt, or gives up if there was the last one.
    pub(super) fn try_again(
        &mut self,
        cause: &str,
        at_least: Duration,
        remains: Remains,
        now: Time,
    ) {
        let Some(delay) = self.grant(cause, remains) else { return };
        let after = delay.max(at_least);
        self.announce(after);
        self.enter(State::Waiting { retry_at: now + after, remains }, Some(cause.to_owned()));
    }

    /// Grants one more attempt and says how long to wait for it; gives up if there was the last one.
    pub(super) fn grant(&mut self, cause: &str, remains: Remains) -> Option<Duration> {
        let delay = self.backoff.next(&self.config.reconnect);
        if delay.is_none() {
            let attempts = self.config.reconnect.max_attempts;
            self.fail(Error::exhausted(attempts, cause), remains);
        }
        delay
    }

    /// Tells the log of the attempt that was granted.
    pub(super) fn announce(&mut self, after: Duration) {
        let (attempt, of) = (self.backoff.attempt(), self.config.reconnect.max_attempts);
        self.log(Note::Reconnecting { attempt, of, after });
    }

    /// Ends the connection by itself, for good.
    pub(super) fn fail(&mut self, error: Error, remains: Remains) {
        self.log(Note::Failed(error.clone()));
        self.abort_fetch();
        self.enter(State::Failed { error: error.clone(), remains }, Some(error.message.clone()));
        self.settle_all(Wishes::disappoint, Err(&error));
        let undelivered = self.drop_traffic(&error);
        self.outputs.push_back(Output::Error { error, undelivered });
    }

    /// What was left of an earlier socket is gone.
    fn forget_remains(&mut self, now: Time) {
        match &self.state {
            State::Connecting(Phase::Leaving(_)) => self.begin(Remains::Nothing, None, now),
            State::Closing { by, .. } | State::Closed { by, .. } => {
                self.enter(State::Closed { by: *by, remains: Remains::Nothing }, None);
            }
            State::Waiting { retry_at, .. } => {
                let retry_at = *retry_at;
                self.enter(State::Waiting { retry_at, remains: Remains::Nothing }, None);
            }
            State::Failed { error, .. } => {
                let error = error.clone();
                self.enter(State::Failed { error, remains: Remains::Nothing }, None);
            }
            // They have no remains.
            State::Idle | State::Connecting(_) | State::Connected(_) => {}
        }
    }

    /// Does what the state itself has become due for.
    pub(super) fn on_state_due(&mut self, due: Time, now: Time) {
        let remains = self.state.remains();
        if remains.deadline() == Some(due) {
            return self.on_remains_due(remains, now);
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
            State::Connecting(Phase::Ending(Leaving { attempt, .. })) => {
                self.outputs.push_back(Output::Detach { attempt });
                self.after_close(CloseCode::ABNORMAL, "", now);
            }
            State::Connected(_) => self.on_connected_due(due, now),
            State::Waiting { remains, .. } => self.begin(remains, None, now),
            // Nothing but remains can be due in these.
            State::Connecting(Phase::Fetching | Phase::Leaving(_))
            | State::Idle
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    fn on_timeout(&mut self, attempt: Attempt, what: &str, now: Time) {
        let ms = whole_ms(self.config.connect_timeout);
        let cause = format!("{what} within {ms} ms");
        let remains = self.shut(attempt, CloseCode::TIMED_OUT, String::new(), now);
        self.try_again(&cause, Duration::ZERO, remains, now);
    }

    fn on_remains_due(&mut self, remains: Remains, now: Time) {
        match (remains, &self.state) {
            (Remains::Lingering(Handshake { attempt, .. }), State::Closed { by, .. }) => {
                let by = *by;
                let remains = self.shut(attempt, CloseCode::TIMED_OUT, String::new(), now);
                self.enter(State::Closed { by, remains }, None);
            }
            (
                Remains::Lingering(Handshake { attempt, .. })
                | Remains::Leaving(Leaving { attempt, .. }),
                _,
            ) => {
                self.outputs.push_back(Output::Detach { attempt });
                self.forget_remains(now);
            }
            (Remains::Nothing, _) => {}
        }
    }
}

fn closed_with(code: CloseCode, said: &str) -> String {
    format!("the socket closed with code {}{}", code.get(), quoted(said))
}
