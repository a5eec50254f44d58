//! How an attempt at a socket goes: cleaning up, fetching a token, shaking hands, agreeing the
//! session, losing it, trying again, giving up.

use std::time::Duration;

use onesocket_protocol::{CloseCode, ConnectionId, Epoch, Retry, Welcome, retry_after};

use super::Connection;
use crate::config::{PLAIN_PING_INTERVAL, PlainRules, Wire};
use crate::error::{Error, ErrorCode, quoted};
use crate::heartbeat::{Heartbeat, Then, Vigil};
use crate::io::{Attempt, Note, Output};
use crate::state::{Handshake, Leaving, Link, Phase, Remains, State};
use crate::stats::count;
use crate::time::{Time, whole_ms};
use crate::token::{FetchReason, Fetched};
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
                Some(fetched) => self.open(Some(fetched), reason, now),
                None => match self.supply.asks_in(now) {
                    Duration::ZERO => {
                        self.enter(State::Connecting(Phase::Fetching), reason);
                        self.fetch(FetchReason::Connect, now);
                    }
                    after => {
                        let (retry_at, not_before) = (now + after, now + after);
                        self.enter(State::Waiting { retry_at, not_before, remains }, reason);
                    }
                },
            },
            Remains::Nothing => self.open(None, reason, now),
        }
    }

    pub(super) fn open(&mut self, fetched: Option<Fetched>, reason: Option<String>, now: Time) {
        self.last_attempt = Attempt(self.last_attempt.0.wrapping_add(1));
        count(&mut self.stats.attempts);
        let attempt = self.last_attempt;
        let give_up_at = now + self.config.connect_timeout;
        let token_dies_at = fetched.as_ref().and_then(|fetched| fetched.dies_at);
        let token = fetched.map(|fetched| fetched.token);
        let handshake = Handshake { attempt, give_up_at, token_dies_at };
        self.enter(State::Connecting(Phase::Opening(handshake)), reason);
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
                        self.outputs.push_back(Output::Greet { attempt });
                        self.agree(handshake, Terms::plain(rules), now);
                    }
                }
            }
            State::Closed { by, remains: Remains::Lingering(handshake) }
                if handshake.attempt == attempt =>
            {
                let by = *by;
                count(&mut self.stats.sockets_opened);
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
            | State::Failed { .. } => self.ignore(),
        }
    }

    pub(super) fn on_welcome(&mut self, handshake: Handshake, welcome: Welcome, now: Time) {
        self.agree(handshake, Terms::of(welcome, now), now);
    }

    /// The session is agreed.
    fn agree(&mut self, handshake: Handshake, terms: Terms, now: Time) {
        let untouched = self.backoff.is_untouched();
        if !untouched {
            count(&mut self.stats.reconnects);
        }
        let rules = self.config.heartbeat;
        let vigil = match terms.pings {
            Pings::Every(interval) => Vigil::Pinged {
                silence: rules.interval.unwrap_or(interval).saturating_add(rules.timeout),
            },
            Pings::WhenAsked => {
                Vigil::Asking { interval: rules.interval.unwrap_or(PLAIN_PING_INTERVAL) }
            }
            Pings::Never => Vigil::Listening {
                silence: rules.interval.unwrap_or(Duration::MAX).saturating_add(rules.timeout),
            },
        };
        // What the server says counts; what the application knows, where it says nothing.
        let token_expires_at = terms.token_dies_at.or(handshake.token_dies_at);
        let renewal = self.plan_renewal(token_expires_at, now);
        self.enter(
            State::Connected(Link {
                attempt: handshake.attempt,
                connection_id: terms.connection_id,
                max_message_bytes: terms.max_message_bytes,
                token_expires_at,
                stable_at: (!untouched).then(|| now + self.config.stable_after),
                heartbeat: Heartbeat::new(vigil, now),
                renewal,
            }),
            None,
        );
        self.log(Note::Connected);
        self.resume_traffic(terms.epoch);
        self.settle_all(Wishes::fulfil, Ok(()));
    }

    /// The socket will close, by the server's doing; its code is not known yet.
    pub(super) fn on_ended(&mut self, attempt: Attempt, now: Time) {
        if self.connected_attempt() != Some(attempt) {
            return self.ignore();
        }
        self.lose_traffic();
        let leaving = Leaving { attempt, detach_at: now + self.config.close_timeout };
        let reason = "the server is closing the connection".to_owned();
        self.enter(State::Connecting(Phase::Ending(leaving)), Some(reason));
    }

    pub(super) fn on_closed(&mut self, attempt: Attempt, ended: Ended<'_>, now: Time) {
        match &self.state {
            State::Connected(link) if link.attempt == attempt => {
                let then = link.heartbeat.then(now);
                self.lose_traffic();
                self.after_close(ended, then, now);
            }
            State::Connecting(
                Phase::Opening(Handshake { attempt: current, .. })
                | Phase::Agreeing(Handshake { attempt: current, .. })
                | Phase::Ending(Leaving { attempt: current, .. }),
            ) if *current == attempt => self.after_close(ended, Then::Wait, now),
            state if state.remains().attempt() == Some(attempt) => self.forget_remains(now),
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
    fn after_close(&mut self, ended: Ended<'_>, then: Then, now: Time) {
        let Ended { code, said, retry } = ended;
        let again = match retry {
            Retry::Never => false,
            Retry::Soon => {
                let delay = match code {
                    CloseCode::TOO_MANY_REQUESTS => retry_after(said).unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                let cause = closed_with(code, said);
                return match then {
                    // A page that has woken up hears only then that its socket is dead.
                    Then::Replace if delay.is_zero() => self.replace(cause, now),
                    Then::Replace | Then::Wait => {
                        self.try_again(&cause, delay, Remains::Nothing, now);
                    }
                };
            }
            Retry::WithFreshToken => self.config.tokens && self.backoff.take_fresh_try(),
        };
        if again {
            let reason = "the token was refused; trying a fresh one".to_owned();
            self.begin(Remains::Nothing, Some(reason), now);
        } else {
            self.fail(Error::of_close(code, retry, said), Remains::Nothing);
        }
    }

    /// Makes the next attempt at once where there is a network, or gives up if there was the last one.
    pub(super) fn replace(&mut self, cause: String, now: Time) {
        if !self.network.is_there() {
            self.try_again(&cause, Duration::ZERO, Remains::Nothing, now);
        } else if self.grant(&cause, Remains::Nothing).is_some() {
            self.announce(self.supply.asks_in(now));
            self.begin(Remains::Nothing, Some(cause), now);
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
        let at_least = at_least.max(self.supply.asks_in(now));
        let after = delay.max(at_least);
        self.announce(after);
        let (retry_at, not_before) = (now + after, now + at_least);
        self.enter(State::Waiting { retry_at, not_before, remains }, Some(cause.to_owned()));
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
            State::Waiting { retry_at, not_before, .. } => {
                let (retry_at, not_before) = (*retry_at, *not_before);
                let remains = Remains::Nothing;
                self.enter(State::Waiting { retry_at, not_before, remains }, None);
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
                self.after_close(Ended::LOST, Then::Wait, now);
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

/// How a socket has ended.
#[derive(Clone, Copy)]
pub(super) struct Ended<'a> {
    pub(super) code: CloseCode,
    /// The reason that came with it.
    pub(super) said: &'a str,
    pub(super) retry: Retry,
}

impl Ended<'_> {
    /// Nobody has said anything.
    const LOST: Self = Self { code: CloseCode::ABNORMAL, said: "", retry: Retry::Soon };
}

/// What is agreed with a session.
struct Terms {
    connection_id: Option<ConnectionId>,
    max_message_bytes: usize,
    /// When the token dies, if the server says so.
    token_dies_at: Option<Time>,
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

impl Terms {
    fn of(welcome: Welcome, now: Time) -> Self {
        Self {
            connection_id: Some(welcome.connection_id),
            max_message_bytes: welcome.max_message_bytes,
            token_dies_at: welcome.token_expires_in.map(|life| now + life),
            pings: Pings::Every(welcome.ping_interval),
            epoch: welcome.epoch,
        }
    }

    /// The server has said nothing.
    fn plain(rules: PlainRules) -> Self {
        Self {
            connection_id: None,
            max_message_bytes: usize::MAX,
            token_dies_at: None,
            pings: if rules.ping { Pings::WhenAsked } else { Pings::Never },
            epoch: None,
        }
    }
}

fn closed_with(code: CloseCode, said: &str) -> String {
    format!("the socket closed with code {}{}", code.get(), quoted(said))
}
