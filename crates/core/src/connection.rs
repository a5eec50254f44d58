//! The machine: what the user wants, what becomes due, and the one place that changes the state.
//!
//! What sockets do to it is in `attempts.rs`, what tokens do in `tokens.rs`, whether the server and
//! the page are awake in `liveness.rs`, what is said over a connection in `traffic.rs`.

mod attempts;
mod liveness;
mod relative;
mod tokens;
mod traffic;

pub use relative::Moment;

use std::collections::VecDeque;

use onesocket_protocol::{CloseCode, Epoch, MessageId};

use crate::backoff::Backoff;
use crate::config::Config;
use crate::error::Error;
use crate::io::{Attempt, Call, Input, Note, Output};
use crate::outbox::Outbox;
use crate::requests::{Groups, Requests};
use crate::state::{By, Leaving, Network, Phase, Remains, State, Status};
use crate::stats::{Stats, count};
use crate::time::Time;
use crate::token::{Fetch, Supply};
use crate::wishes::Wishes;

use attempts::Ended;

/// One WebSocket connection that is wanted, tried for, kept, and let go of.
///
/// - [`handle`](Self::handle) takes what happens, [`send`](Self::send) what the user sends.
/// - [`poll`](Self::poll) gives what is to be done. Call it until it gives `None`.
/// - [`deadline`](Self::deadline) says when to call with [`Input::Elapsed`]. One timer will do.
/// - The getters say what is true now, whether or not everything was polled.
///
/// `M` is a message in the form that the shell keeps it; the machine never looks into one.
#[derive(Clone, Debug)]
pub struct Connection<M> {
    config: Config,
    state: State,
    /// What the user was told last.
    status: Status,
    wishes: Wishes,
    /// The `close()` calls that wait for the socket to close.
    closers: Vec<Call>,
    backoff: Backoff,
    outbox: Outbox<M>,
    /// What the server remembered of this client when it last welcomed it.
    epoch: Option<Epoch>,
    groups: Groups,
    requests: Requests,
    supply: Supply,
    /// When `getToken` has answered with a token.
    fetched_at: Option<Time>,
    /// The `refreshToken()` calls that wait for the server's answer.
    refreshers: Vec<Call>,
    network: Network,
    /// When the page's waking up has last led to an attempt.
    woken_at: Option<Time>,
    last_attempt: Attempt,
    last_fetch: Fetch,
    last_message: MessageId,
    stats: Stats,
    outputs: VecDeque<Output<M>>,
}

impl<M: Clone> Connection<M> {
    /// Makes a connection that does nothing yet.
    pub fn new(config: Config) -> Self {
        let backoff = Backoff::new(config.seed);
        let state = State::Idle;
        let network = Network::Online;
        let status = project(&state, &backoff, network, config.reconnect.max_attempts);
        Self {
            config,
            state,
            status,
            wishes: Wishes::default(),
            closers: Vec::new(),
            backoff,
            outbox: Outbox::new(),
            epoch: None,
            groups: Groups::default(),
            requests: Requests::default(),
            supply: Supply::Empty,
            fetched_at: None,
            refreshers: Vec::new(),
            network,
            woken_at: None,
            last_attempt: Attempt(0),
            last_fetch: Fetch(0),
            last_message: MessageId(0),
            stats: Stats::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one thing that happened, at `now`.
    pub fn handle(&mut self, input: Input<M>, now: Time) {
        // Timers come late, so what was due before this is dealt with where it matters: a
        // connection that has lasted is forgiven before its end is counted.
        self.forgive_if_due(now);
        match input {
            Input::Abort { call } => self.on_abort(call, now),
            Input::Close { call, code, reason } => self.on_close(call, code, reason, now),
            Input::Closed { attempt, code, reason, retry } => {
                self.on_closed(attempt, Ended { code, said: &reason, retry }, now);
            }
            Input::Connect { call } => self.on_connect(call, now),
            Input::Elapsed => {}
            Input::Ended { attempt } => self.on_ended(attempt, now),
            Input::Garbled { attempt, problem } => self.on_garbled(attempt, problem, now),
            Input::Hold => self.on_hold(now),
            Input::Join { call, group } => self.on_join(call, group),
            Input::Leave { call, group } => self.on_leave(call, group),
            Input::Offline => self.on_network(Network::Offline, now),
            Input::Online => self.on_network(Network::Online, now),
            Input::OpenFailed { attempt, problem } => self.on_open_failed(attempt, problem, now),
            Input::Opened { attempt } => self.on_opened(attempt, now),
            Input::Publish { call, group, data, bytes } => {
                self.on_publish(call, group, data, bytes);
            }
            Input::Received { attempt, frame, bytes } => {
                self.on_received(attempt, frame, bytes, now);
            }
            Input::Refresh { call } => self.on_refresh(call, now),
            Input::Release => self.on_release(now),
            Input::Token { fetch, answer } => self.on_token(fetch, answer, now),
            Input::TokenSent { attempt, id, result } => {
                self.on_token_sent(attempt, id, result, now);
            }
            Input::Wake => self.on_wake(now),
        }
        self.on_elapsed(now);
    }

    /// Returns the next thing to do, oldest first; `None` once all is done.
    pub fn poll(&mut self) -> Option<Output<M>> {
        self.outputs.pop_front()
    }

    /// Returns when to call [`handle`](Self::handle) with [`Input::Elapsed`]; `None` while nothing
    /// can become due.
    pub fn deadline(&self) -> Option<Time> {
        let release_at = self.wishes.release_at().filter(|_| self.state.is_live());
        let state = self.state.deadline(self.network);
        let deadlines = [state, release_at, self.supply.deadline()].into_iter().flatten();
        deadlines.min().filter(|at| *at < Time::NEVER)
    }

    /// Returns what the user may know.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Returns what was counted.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Names the state with the details that [`Status`] does not tell, for logs and tables.
    pub fn stage(&self) -> String {
        self.state.stage()
    }

    /// Returns the socket over which the session is agreed, while connected.
    pub fn connected_attempt(&self) -> Option<Attempt> {
        match &self.state {
            State::Connected(link) => Some(link.attempt),
            State::Idle
            | State::Connecting(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => None,
        }
    }

    /// Says whether a socket that is to be made is still wanted: a listener may have closed the
    /// connection since.
    pub fn wants(&self, attempt: Attempt) -> bool {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) => handshake.attempt == attempt,
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => false,
        }
    }

    /// Returns how many bytes of payload wait here to be sent.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    fn on_connect(&mut self, call: Call, now: Time) {
        self.log(Note::ConnectCalled);
        self.wishes.add_call(call);
        match &self.state {
            State::Connected(_) => {
                self.log(Note::Reusing);
                self.settle_all(Wishes::fulfil, Ok(()));
            }
            State::Connecting(_) => self.log(Note::AlreadyInProgress),
            State::Waiting { remains, .. } => {
                let remains = *remains;
                self.ask_at_once();
                self.begin(remains, None, now);
            }
            State::Idle | State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {
                self.start(now);
            }
        }
    }

    fn on_abort(&mut self, call: Call, now: Time) {
        if !self.wishes.withdraw(call) {
            return;
        }
        self.settle(call, Err(Error::aborted()));
        if !self.wishes.any() && self.state.is_live() {
            self.end(By::Released, CloseCode::NORMAL, String::new(), now);
        }
    }

    fn on_hold(&mut self, now: Time) {
        self.wishes.hold();
        match self.state {
            State::Idle
            | State::Closed { by: By::Released, .. }
            | State::Closing { by: By::Released, .. } => self.start(now),
            // A component that is mounted must not bring back what has failed or was closed: two
            // tabs would replace each other for ever.
            State::Closed { by: By::Asked, .. }
            | State::Closing { by: By::Asked, .. }
            | State::Failed { .. }
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. } => {}
        }
    }

    fn on_release(&mut self, now: Time) {
        self.wishes.release(now + self.config.release_after);
    }

    fn on_close(&mut self, call: Call, code: CloseCode, reason: String, now: Time) {
        self.closers.push(call);
        self.end(By::Asked, code, reason, now);
    }

    /// Starts afresh, with a full budget.
    fn start(&mut self, now: Time) {
        self.backoff.forgive();
        self.begin(self.state.remains(), None, now);
    }

    /// Ends the connection, or the tries for it.
    fn end(&mut self, by: By, code: CloseCode, reason: String, now: Time) {
        let error = match by {
            By::Asked => Error::closed(),
            By::Released => Error::released(),
        };
        let was_live = self.state.is_live();
        let was_closed = matches!(self.state, State::Closed { .. });
        self.backoff.forgive();
        let next = match self.let_go(code, reason, now) {
            Remains::Leaving(leaving) if !was_closed => State::Closing { by, leaving },
            remains @ (Remains::Nothing | Remains::Lingering(_) | Remains::Leaving(_)) => {
                State::Closed { by, remains }
            }
        };
        if was_live {
            self.log(Note::Closed(error.message.clone()));
        }
        self.abort_fetch();
        self.enter(next, was_live.then(|| error.message.clone()));
        self.settle_all(Wishes::end, Err(&error));
        self.give_up_on_traffic(&error);
    }

    /// Lets go of the socket, if there is one, and says what is left of it.
    fn let_go(&mut self, code: CloseCode, reason: String, now: Time) -> Remains {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) => Remains::Lingering(*handshake),
            State::Connecting(Phase::Agreeing(handshake)) => {
                let attempt = handshake.attempt;
                self.shut(attempt, code, reason, now)
            }
            State::Connecting(Phase::Ending(leaving)) => Remains::Leaving(*leaving),
            State::Connected(link) => {
                let attempt = link.attempt;
                self.shut(attempt, code, reason, now)
            }
            State::Connecting(Phase::Fetching | Phase::Leaving(_))
            | State::Idle
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => self.state.remains(),
        }
    }

    fn shut(&mut self, attempt: Attempt, code: CloseCode, reason: String, now: Time) -> Remains {
        self.outputs.push_back(Output::Shut { attempt, code, reason });
        Remains::Leaving(Leaving { attempt, detach_at: now + self.config.close_timeout })
    }

    /// Does what has become due, in the order in which it became due.
    fn on_elapsed(&mut self, now: Time) {
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            if self.wishes.release_at() == Some(due) && self.state.is_live() {
                self.end(By::Released, CloseCode::NORMAL, String::new(), now);
            } else if self.supply.deadline() == Some(due) {
                self.on_fetch_due(now);
            } else {
                self.on_state_due(due, now);
            }
        }
    }

    fn forgive_if_due(&mut self, now: Time) {
        if let State::Connected(link) = &mut self.state
            && link.stable_at.is_some_and(|at| at <= now)
        {
            link.stable_at = None;
            self.backoff.forgive();
            self.enter(self.state.clone(), None);
        }
    }

    /// Changes the state. The only place that does, so no change goes unreported and nobody waits
    /// for a socket that is gone.
    fn enter(&mut self, next: State, reason: Option<String>) {
        self.state = next;
        let max_attempts = self.config.reconnect.max_attempts;
        let status = project(&self.state, &self.backoff, self.network, max_attempts);
        if status != self.status {
            let previous = self.status.state;
            self.status = status.clone();
            self.outputs.push_back(Output::Status { previous, status, reason });
        }
        if !matches!(self.state.remains(), Remains::Leaving(_)) {
            for call in std::mem::take(&mut self.closers) {
                self.settle(call, Ok(()));
            }
        }
    }

    fn settle(&mut self, call: Call, result: Result<(), Error>) {
        self.outputs.push_back(Output::Settle { call, result });
    }

    /// Answers the `connect()` calls that `take` takes out of the wishes.
    fn settle_all(&mut self, take: fn(&mut Wishes) -> Vec<Call>, result: Result<(), &Error>) {
        for call in take(&mut self.wishes) {
            self.settle(call, result.map_err(Error::clone));
        }
    }

    /// Something came too late, or out of nowhere: it changes nothing.
    fn ignore(&mut self) {
        count(&mut self.stats.stale_events);
    }

    fn log(&mut self, note: Note) {
        self.outputs.push_back(Output::Log(note));
    }
}

/// Says what of a state a user may know.
fn project(state: &State, backoff: &Backoff, network: Network, max_attempts: u32) -> Status {
    let mut status = Status {
        state: state.name(),
        ready_state: state.ready_state(),
        attempt: backoff.attempt(),
        max_attempts,
        retry_at: None,
        connection_id: None,
        token_expires_at: None,
        error: None,
    };
    match state {
        State::Connected(link) => {
            status.connection_id.clone_from(&link.connection_id);
            status.token_expires_at = link.token_expires_at;
        }
        State::Waiting { retry_at, .. } => {
            status.retry_at = network.is_there().then_some(*retry_at);
        }
        State::Failed { error, .. } => status.error = Some(error.clone()),
        State::Idle | State::Connecting(_) | State::Closing { .. } | State::Closed { .. } => {}
    }
    status
}
