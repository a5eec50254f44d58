//! The machine as it would be had its clock and its numbers begun later, so that two histories that
//! lead to the same place are told to be the same. For the model in `tests/model.rs`; nothing of
//! the machine itself is decided here.
//!
//! Everything is taken apart by name: a time or a number that is added to the machine does not
//! compile until it is counted from the new beginning as well.

use std::hash::{Hash, Hasher};

use onesocket_protocol::MessageId;

use super::Connection;
use crate::io::Attempt;
use crate::requests::Requests;
use crate::state::{Handshake, Leaving, Link, Phase, Remains, State, Status};
use crate::time::Time;
use crate::token::Fetch;

/// The number that the newest attempt and the newest fetch have afterwards: a few older ones can
/// still be told from it and from each other.
const NEWEST: u32 = 4;

impl<M> Connection<M> {
    /// Returns the same machine with `origin` for the start of the clock, the number 4 for its
    /// newest attempt and its newest fetch, and its unanswered requests numbered from 1. Nothing
    /// may be left to [`poll`](Self::poll). What the generator of the jitter would say next is
    /// forgotten.
    #[doc(hidden)]
    #[must_use]
    pub fn relative_to(self, origin: Time) -> Self {
        let Self {
            config,
            state,
            status,
            mut wishes,
            closers,
            mut backoff,
            outbox,
            groups,
            requests,
            last_attempt,
            last_fetch,
            last_message: _,
            outputs,
        } = self;
        let from = Beginning { origin, last_attempt, last_fetch };
        let (requests, last_message) = numbered(requests);
        wishes.release_at = wishes.release_at.map(|at| from.time(at));
        backoff.random = 0;
        Self {
            config,
            state: from.state(state),
            status: from.status(status),
            wishes,
            closers,
            backoff,
            outbox,
            groups,
            requests,
            last_attempt: Attempt(NEWEST),
            last_fetch: Fetch(NEWEST),
            last_message,
            outputs,
        }
    }
}

/// Everything but the settings, which do not change.
impl<M: Hash> Hash for Connection<M> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            config: _,
            state,
            status,
            wishes,
            closers,
            backoff,
            outbox,
            groups,
            requests,
            last_attempt,
            last_fetch,
            last_message,
            outputs,
        } = self;
        (state, status, wishes, closers, backoff, outbox).hash(hasher);
        (groups, requests, last_attempt, last_fetch, last_message, outputs).hash(hasher);
    }
}

/// From where things are counted.
struct Beginning {
    origin: Time,
    last_attempt: Attempt,
    last_fetch: Fetch,
}

impl Beginning {
    fn time(&self, at: Time) -> Time {
        Time::since_start(at.since(self.origin))
    }

    fn attempt(&self, Attempt(attempt): Attempt) -> Attempt {
        Attempt(attempt.wrapping_sub(self.last_attempt.0).wrapping_add(NEWEST))
    }

    fn fetch(&self, Fetch(fetch): Fetch) -> Fetch {
        Fetch(fetch.wrapping_sub(self.last_fetch.0).wrapping_add(NEWEST))
    }

    fn handshake(&self, Handshake { attempt, give_up_at }: Handshake) -> Handshake {
        Handshake { attempt: self.attempt(attempt), give_up_at: self.time(give_up_at) }
    }

    fn leaving(&self, Leaving { attempt, detach_at }: Leaving) -> Leaving {
        Leaving { attempt: self.attempt(attempt), detach_at: self.time(detach_at) }
    }

    fn remains(&self, remains: Remains) -> Remains {
        match remains {
            Remains::Nothing => Remains::Nothing,
            Remains::Lingering(handshake) => Remains::Lingering(self.handshake(handshake)),
            Remains::Leaving(leaving) => Remains::Leaving(self.leaving(leaving)),
        }
    }

    fn phase(&self, phase: Phase) -> Phase {
        match phase {
            Phase::Ending(leaving) => Phase::Ending(self.leaving(leaving)),
            Phase::Leaving(leaving) => Phase::Leaving(self.leaving(leaving)),
            Phase::Fetching { fetch, give_up_at } => {
                Phase::Fetching { fetch: self.fetch(fetch), give_up_at: self.time(give_up_at) }
            }
            Phase::Opening(handshake) => Phase::Opening(self.handshake(handshake)),
            Phase::Agreeing(handshake) => Phase::Agreeing(self.handshake(handshake)),
        }
    }

    fn link(&self, link: Link) -> Link {
        let Link { attempt, connection_id, max_message_bytes, token_expires_at, stable_at } = link;
        Link {
            attempt: self.attempt(attempt),
            connection_id,
            max_message_bytes,
            token_expires_at: token_expires_at.map(|at| self.time(at)),
            stable_at: stable_at.map(|at| self.time(at)),
        }
    }

    fn state(&self, state: State) -> State {
        match state {
            State::Idle => State::Idle,
            State::Connecting(phase) => State::Connecting(self.phase(phase)),
            State::Connected(link) => State::Connected(self.link(link)),
            State::Waiting { retry_at, remains } => {
                State::Waiting { retry_at: self.time(retry_at), remains: self.remains(remains) }
            }
            State::Closing { by, leaving } => State::Closing { by, leaving: self.leaving(leaving) },
            State::Closed { by, remains } => State::Closed { by, remains: self.remains(remains) },
            State::Failed { error, remains } => {
                State::Failed { error, remains: self.remains(remains) }
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
            error,
        } = status;
        Status {
            state,
            ready_state,
            attempt,
            max_attempts,
            retry_at: retry_at.map(|at| self.time(at)),
            connection_id,
            token_expires_at: token_expires_at.map(|at| self.time(at)),
            error,
        }
    }
}

/// Numbers what was asked from 1, in the same order; returns the last number too.
fn numbered(Requests(asked): Requests) -> (Requests, MessageId) {
    let asked: std::collections::VecDeque<_> =
        (1..).map(MessageId).zip(asked).map(|(id, (_, request))| (id, request)).collect();
    let last = MessageId(asked.len() as u64);
    (Requests(asked), last)
}
