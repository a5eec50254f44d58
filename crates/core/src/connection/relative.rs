//! The machine with its clock and its numbers counted from a later start, so that the model in
//! `tests/model` recognises a place that two histories lead to. No decision of the machine is
//! here.
//!
//! Every struct is taken apart by name: a time or a number that is added to the machine does not
//! compile until it is counted from the new start as well.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use onesocket_protocol::{Epoch, MessageId, Span};

use super::Connection;
use super::liveness::WAKE_INTERVAL;
use super::requests::Asked;
use crate::heartbeat::{Heartbeat, Liveness};
use crate::ids::Attempt;
use crate::state::{ClosingSocket, Handshake, OldSocket, Phase, Session, State};
use crate::stats::Stats;
use crate::status::Status;
use crate::time::Time;
use crate::token::{Fetch, FetchedToken, Refresh, TokenFetch};

/// The new number of the newest attempt and the newest fetch; it leaves room for a few older ones.
const NEWEST: u32 = 4;

/// The new time of the origin; it leaves room for a past.
const ORIGIN: Span = Span::from_hours(1_000_000);

/// The origin of times, and the present.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time from which the others are counted.
    pub origin: Time,
    /// The present.
    pub now: Time,
}

impl Moment {
    /// Counts a time from the origin.
    pub fn time(self, at: Time) -> Time {
        // It stays out of reach.
        if at == Time::NEVER {
            return Time::NEVER;
        }
        let later = ORIGIN + at.since(self.origin);
        Time::since_start(later - self.origin.since(at))
    }

    /// The same for a time that matters only until it is past.
    pub fn end(self, at: Time) -> Time {
        self.time(at.max(self.now))
    }

    /// The same for the time of an event that matters only for a while.
    pub fn memory(self, at: Time, lasts: Span) -> Option<Time> {
        (at + lasts > self.now).then(|| self.time(at))
    }
}

impl<M> Connection<M> {
    /// Returns the numbers of the messages in the outbox and of the pending requests, in order.
    pub fn numbers(&self) -> Vec<MessageId> {
        let kept = self.outbox.kept.iter().map(|outgoing| outgoing.id);
        let asked = self.pending.0.iter().map(|(id, _)| *id);
        let mut numbers: Vec<_> = kept.chain(asked).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the same machine with another start of the clock, the number 4 for its newest attempt
    /// and its newest fetch, and its [`numbers`](Self::numbers) counted from 1. Every output must have
    /// been polled. The state of the jitter is dropped, and so are times that no longer matter.
    #[must_use]
    pub fn relative_to(self, moment: Moment) -> Self {
        let numbers = self.numbers();
        let Self {
            config,
            state,
            status,
            status_version: _,
            mut demand,
            close_calls,
            mut backoff,
            mut outbox,
            epoch,
            last_user,
            groups,
            mut pending,
            token_fetch,
            fetched_at,
            refresh_calls,
            network,
            woken_at,
            last_attempt,
            last_fetch,
            last_message: _,
            stats: _,
            outputs,
        } = self;
        let last_message = MessageId(numbers.len() as u64);
        let from = Beginning { moment, last_attempt, last_fetch, numbers };
        for outgoing in &mut outbox.kept {
            outgoing.id = from.number(outgoing.id);
        }
        for (id, asked) in &mut pending.0 {
            *id = from.number(*id);
            if let Asked::Refresh { expires_at } = asked {
                *expires_at = from.end(*expires_at);
            }
        }
        // A fetch older than the shortest interval between fetches delays nothing.
        let fetches_apart = config.refresh.min_interval;
        demand.release_at = demand.release_at.map(|at| from.time(at.max(moment.origin)));
        backoff.random = 0;
        Self {
            config,
            state: from.state(state),
            status: Arc::new(from.status(Arc::unwrap_or_clone(status))),
            status_version: 0,
            demand,
            close_calls,
            backoff,
            outbox,
            // It is only compared with the next one.
            epoch: epoch.map(|_| Epoch("0".into())),
            last_user,
            groups,
            pending,
            token_fetch: from.token_fetch(token_fetch),
            fetched_at: fetched_at.and_then(|at| moment.memory(at, fetches_apart)),
            refresh_calls,
            network,
            woken_at: woken_at.and_then(|at| moment.memory(at, WAKE_INTERVAL)),
            last_attempt: Attempt(NEWEST),
            last_fetch: Fetch(NEWEST),
            last_message,
            stats: Stats::default(),
            outputs,
        }
    }
}

/// Everything but the settings and the counters.
impl<M: Hash> Hash for Connection<M> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            config: _,
            state,
            status,
            status_version: _,
            demand,
            close_calls,
            backoff,
            outbox,
            epoch,
            last_user,
            groups,
            pending,
            token_fetch,
            fetched_at,
            refresh_calls,
            network,
            woken_at,
            last_attempt,
            last_fetch,
            last_message,
            stats: _,
            outputs,
        } = self;
        (state, status, demand, close_calls, backoff, outbox, epoch, last_user).hash(hasher);
        (token_fetch, fetched_at, refresh_calls, network, woken_at).hash(hasher);
        (groups, pending, last_attempt, last_fetch, last_message, outputs).hash(hasher);
    }
}

/// The start from which times and numbers are counted.
struct Beginning {
    moment: Moment,
    last_attempt: Attempt,
    last_fetch: Fetch,
    numbers: Vec<MessageId>,
}

impl Beginning {
    fn time(&self, at: Time) -> Time {
        self.moment.time(at)
    }

    fn number(&self, id: MessageId) -> MessageId {
        MessageId(self.numbers.partition_point(|number| *number <= id) as u64)
    }

    fn attempt(&self, Attempt(attempt): Attempt) -> Attempt {
        Attempt(attempt.wrapping_sub(self.last_attempt.0).wrapping_add(NEWEST))
    }

    fn fetch(&self, Fetch(fetch): Fetch) -> Fetch {
        Fetch(fetch.wrapping_sub(self.last_fetch.0).wrapping_add(NEWEST))
    }

    /// A time that matters only until it is past.
    fn end(&self, at: Option<Time>) -> Option<Time> {
        at.map(|at| self.moment.end(at))
    }

    fn handshake(&self, handshake: Handshake) -> Handshake {
        let Handshake { attempt, give_up_at, token_expires_at } = handshake;
        Handshake {
            attempt: self.attempt(attempt),
            give_up_at: self.time(give_up_at),
            token_expires_at: self.end(token_expires_at),
        }
    }

    fn socket(&self, ClosingSocket { attempt, detach_at }: ClosingSocket) -> ClosingSocket {
        ClosingSocket { attempt: self.attempt(attempt), detach_at: self.time(detach_at) }
    }

    fn old_socket(&self, old_socket: OldSocket) -> OldSocket {
        match old_socket {
            OldSocket::None => OldSocket::None,
            OldSocket::Lingering(handshake) => OldSocket::Lingering(self.handshake(handshake)),
            OldSocket::Closing(socket) => OldSocket::Closing(self.socket(socket)),
        }
    }

    fn phase(&self, phase: Phase) -> Phase {
        match phase {
            Phase::ServerClosing(socket) => Phase::ServerClosing(self.socket(socket)),
            Phase::ClosingOld(socket) => Phase::ClosingOld(self.socket(socket)),
            Phase::Fetching => Phase::Fetching,
            Phase::Opening(handshake) => Phase::Opening(self.handshake(handshake)),
            Phase::Agreeing(handshake) => Phase::Agreeing(self.handshake(handshake)),
        }
    }

    fn token_fetch(&self, token_fetch: TokenFetch) -> TokenFetch {
        match token_fetch {
            TokenFetch::Idle => TokenFetch::Idle,
            TokenFetch::Fetching { fetch, give_up_at } => {
                TokenFetch::Fetching { fetch: self.fetch(fetch), give_up_at: self.time(give_up_at) }
            }
            TokenFetch::Later { at } => TokenFetch::Later { at: self.moment.end(at) },
            TokenFetch::Fetched(FetchedToken { token, expires_at }) => {
                TokenFetch::Fetched(FetchedToken { token, expires_at: self.end(expires_at) })
            }
        }
    }

    fn refresh(&self, refresh: Refresh) -> Refresh {
        match refresh {
            Refresh::Never => Refresh::Never,
            Refresh::Planned { at, failures } => {
                Refresh::Planned { at: self.put_off(at), failures }
            }
            Refresh::Fetching { failures } => Refresh::Fetching { failures },
            Refresh::Sent { give_up_at, failures } => {
                Refresh::Sent { give_up_at: self.time(give_up_at), failures }
            }
        }
    }

    fn heartbeat(&self, heartbeat: Heartbeat) -> Heartbeat {
        let endless = heartbeat.deadline() == Time::NEVER;
        // If silence does not matter, neither does its length.
        let heard = |at| if endless { Time::ZERO } else { self.time(at) };
        let Heartbeat { mode, liveness } = heartbeat;
        let liveness = match liveness {
            Liveness::Woken { heard_at, until } if until > self.moment.now => {
                Liveness::Woken { heard_at: heard(heard_at), until: self.time(until) }
            }
            Liveness::Heard { at } | Liveness::Woken { heard_at: at, .. } => {
                Liveness::Heard { at: heard(at) }
            }
            Liveness::Probing { give_up_at, on_loss } => {
                Liveness::Probing { give_up_at: self.time(give_up_at), on_loss }
            }
        };
        Heartbeat { mode, liveness }
    }

    fn session(&self, session: Session) -> Session {
        let Session {
            attempt,
            connection_id,
            max_message_bytes,
            heartbeat,
            refresh,
            token_expires_at,
            remembers,
            stable_at,
        } = session;
        Session {
            attempt: self.attempt(attempt),
            connection_id,
            max_message_bytes,
            heartbeat: self.heartbeat(heartbeat),
            refresh: self.refresh(refresh),
            token_expires_at: self.end(token_expires_at),
            remembers,
            stable_at: stable_at.map(|at| self.time(at)),
        }
    }

    /// A deadline that is suspended, while offline or during a probe, may be long past.
    fn put_off(&self, at: Time) -> Time {
        let past = at < self.moment.origin;
        if past { Time::since_start(ORIGIN - Span::from_millis(1)) } else { self.time(at) }
    }

    fn state(&self, state: State) -> State {
        match state {
            State::Idle => State::Idle,
            State::Connecting(phase) => State::Connecting(self.phase(phase)),
            State::Connected(session) => State::Connected(self.session(session)),
            State::Waiting { retry_at, not_before, old_socket } => State::Waiting {
                retry_at: self.put_off(retry_at),
                not_before: self.moment.end(not_before),
                old_socket: self.old_socket(old_socket),
            },
            State::Closing { by, socket } => State::Closing { by, socket: self.socket(socket) },
            State::Closed { by, old_socket } => {
                State::Closed { by, old_socket: self.old_socket(old_socket) }
            }
            State::Failed { error, old_socket } => {
                State::Failed { error, old_socket: self.old_socket(old_socket) }
            }
        }
    }

    fn status(&self, status: Status) -> Status {
        let Status {
            state,
            ready_state,
            attempt,
            max_attempts,
            retry_at,
            connection_id,
            token_expires_at,
            exactly_once,
            error,
        } = status;
        Status {
            state,
            ready_state,
            attempt,
            max_attempts,
            retry_at: retry_at.map(|at| self.put_off(at)),
            connection_id,
            token_expires_at: self.end(token_expires_at),
            exactly_once,
            error,
        }
    }
}
