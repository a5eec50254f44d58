//! The machine: what the user wants, what becomes due, and the one place that changes the state.
//!
//! What sockets do to it is in `attempts.rs`, what tokens do in `tokens.rs`, whether the server and
//! the page are awake in `liveness.rs`, what is said over a connection in `traffic.rs`.

mod attempts;
mod input;
mod liveness;
mod output;
#[cfg(feature = "explore")]
mod relative;
mod requests;
mod session;
mod sockets;
#[cfg(feature = "explore")]
mod stage;
mod tokens;
mod traffic;

pub use input::Input;
pub use output::Output;
#[cfg(feature = "explore")]
pub use relative::Moment;
pub use requests::Request;
#[cfg(feature = "explore")]
pub use stage::{ConnectedStage, ConnectingStage, EndedStage, OldSocketStage, Stage};

use std::collections::VecDeque;

use onesocket_protocol::{ClientFrame, CloseCode, Epoch, MessageId};

use crate::backoff::Backoff;
use crate::config::Config;
use crate::demand::Demand;
use crate::error::Error;
use crate::groups::Groups;
use crate::ids::{Attempt, Call};
use crate::log::LogEvent;
use crate::outbox::Outbox;
use crate::state::{EndedBy, Network, OldSocket, State};
use crate::stats::{Stats, count};
use crate::status::Status;
use crate::time::Time;
use crate::token::{Fetch, TokenFetch};

use attempts::CloseEvent;
use requests::Pending;

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
    status_version: u32,
    demand: Demand,
    /// The `close()` calls that wait for the socket to close.
    close_calls: Vec<Call>,
    backoff: Backoff,
    outbox: Outbox<M>,
    /// What the server remembered of this client when it last welcomed it.
    epoch: Option<Epoch>,
    groups: Groups,
    pending: Pending,
    token_fetch: TokenFetch,
    /// When `getToken` has answered with a token.
    fetched_at: Option<Time>,
    /// The `refreshToken()` calls that wait for the server's answer.
    refresh_calls: Vec<Call>,
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
        let status = state.status(network, 0, config.reconnect.max_attempts);
        Self {
            config,
            state,
            status,
            status_version: 0,
            demand: Demand::default(),
            close_calls: Vec::new(),
            backoff,
            outbox: Outbox::new(),
            epoch: None,
            groups: Groups::default(),
            pending: Pending::default(),
            token_fetch: TokenFetch::Idle,
            fetched_at: None,
            refresh_calls: Vec::new(),
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
                self.on_closed(attempt, CloseEvent { code, reason: &reason, retry }, now);
            }
            Input::Connect { call } => self.on_connect(call, now),
            Input::Elapsed => {}
            Input::Closing { attempt } => self.on_closing(attempt, now),
            Input::InvalidFrame { attempt, problem } => {
                self.on_invalid_frame(attempt, problem, now)
            }
            Input::Hold => self.on_hold(now),
            Input::Offline => self.on_network(Network::Offline, now),
            Input::Online => self.on_network(Network::Online, now),
            Input::OpenFailed { attempt, problem } => self.on_open_failed(attempt, problem, now),
            Input::Opened { attempt } => self.on_opened(attempt, now),
            Input::Received { attempt, frame, bytes } => {
                self.on_received(attempt, frame, bytes, now);
            }
            Input::Release => self.on_release(now),
            Input::Request { call, request } => self.on_request(call, request, now),
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
        let release_at = self.demand.release_at().filter(|_| self.state.is_live());
        let state = self.state.deadline(self.network);
        let deadlines = [state, release_at, self.token_fetch.deadline()].into_iter().flatten();
        deadlines.min().filter(|at| *at < Time::NEVER)
    }

    /// Returns what the user may know.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Returns a number that is another one as soon as the status is: a shell that shows the status
    /// need not compare it.
    pub fn status_version(&self) -> u32 {
        self.status_version
    }

    /// Returns what was counted.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Returns the socket over which the session is agreed, while connected.
    pub fn connected_attempt(&self) -> Option<Attempt> {
        match &self.state {
            State::Connected(session) => Some(session.attempt),
            State::Idle
            | State::Connecting(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => None,
        }
    }

    /// Returns how many bytes of payload wait here to be sent.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    fn on_connect(&mut self, call: Call, now: Time) {
        self.log(LogEvent::ConnectCalled);
        self.demand.add_call(call);
        match &self.state {
            State::Connected(_) => {
                self.log(LogEvent::Reusing);
                let calls = self.demand.connected();
                self.settle_each(calls, Ok(()));
            }
            State::Connecting(_) => self.log(LogEvent::AlreadyInProgress),
            State::Waiting { old_socket, .. } => {
                let old_socket = *old_socket;
                self.ask_at_once();
                self.begin(old_socket, None, now);
            }
            State::Idle | State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {
                self.start(now);
            }
        }
    }

    fn on_abort(&mut self, call: Call, now: Time) {
        if !self.demand.withdraw(call) {
            return;
        }
        self.settle(call, Err(Error::aborted()));
        if !self.demand.any() && self.state.is_live() {
            self.end(EndedBy::Release, CloseCode::NORMAL, String::new(), now);
        }
    }

    fn on_hold(&mut self, now: Time) {
        self.demand.hold();
        match self.state {
            State::Idle
            | State::Closed { by: EndedBy::Release, .. }
            | State::Closing { by: EndedBy::Release, .. } => self.start(now),
            // A component that is mounted must not bring back what has failed or was closed: two
            // tabs would replace each other for ever.
            State::Closed { by: EndedBy::Close, .. }
            | State::Closing { by: EndedBy::Close, .. }
            | State::Failed { .. }
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. } => {}
        }
    }

    fn on_release(&mut self, now: Time) {
        self.demand.release(now + self.config.release_after);
    }

    fn on_close(&mut self, call: Call, code: CloseCode, reason: String, now: Time) {
        self.close_calls.push(call);
        self.end(EndedBy::Close, code, reason, now);
    }

    /// Starts afresh, with a full budget.
    fn start(&mut self, now: Time) {
        self.backoff.forgive();
        self.begin(self.state.old_socket(), None, now);
    }

    /// Ends the connection, or the tries for it.
    fn end(&mut self, by: EndedBy, code: CloseCode, reason: String, now: Time) {
        let error = match by {
            EndedBy::Close => Error::closed(),
            EndedBy::Release => Error::released(),
        };
        let was_live = self.state.is_live();
        let was_closed = matches!(self.state, State::Closed { .. });
        self.backoff.forgive();
        let next = match self.let_go(code, reason, now) {
            OldSocket::Closing(socket) if !was_closed => State::Closing { by, socket },
            old_socket @ (OldSocket::None | OldSocket::Lingering(_) | OldSocket::Closing(_)) => {
                State::Closed { by, old_socket }
            }
        };
        if was_live {
            self.log(LogEvent::Closed(error.message.clone()));
        }
        self.abort_fetch();
        self.enter(next, was_live.then(|| error.message.clone()));
        let calls = self.demand.ended();
        self.settle_each(calls, Err(&error));
        self.give_up_on_traffic(&error);
    }

    /// Does what has become due, in the order in which it became due.
    fn on_elapsed(&mut self, now: Time) {
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            if self.demand.release_at() == Some(due) && self.state.is_live() {
                self.end(EndedBy::Release, CloseCode::NORMAL, String::new(), now);
            } else if self.token_fetch.deadline() == Some(due) {
                self.on_fetch_due(now);
            } else {
                self.on_state_due(due, now);
            }
        }
    }

    fn forgive_if_due(&mut self, now: Time) {
        if let State::Connected(session) = &mut self.state
            && session.stable_at.is_some_and(|at| at <= now)
        {
            session.stable_at = None;
            self.backoff.forgive();
            self.changed(None);
        }
    }

    /// Changes the state. The only place that does, so no change goes unreported and nobody waits
    /// for a socket that is gone.
    fn enter(&mut self, next: State, reason: Option<String>) {
        self.state = next;
        self.changed(reason);
    }

    /// Tells of what has changed in the state.
    fn changed(&mut self, reason: Option<String>) {
        let (attempt, max_attempts) = (self.backoff.attempt(), self.config.reconnect.max_attempts);
        let status = self.state.status(self.network, attempt, max_attempts);
        if status != self.status {
            let previous = self.status.state;
            self.status = status.clone();
            self.status_version = self.status_version.wrapping_add(1);
            self.outputs.push_back(Output::Status { previous, status, reason });
        }
        if !matches!(self.state.old_socket(), OldSocket::Closing(_)) {
            let calls = std::mem::take(&mut self.close_calls);
            self.settle_each(calls, Ok(()));
        }
    }

    fn settle(&mut self, call: Call, result: Result<(), Error>) {
        self.outputs.push_back(Output::Settle { call, result });
    }

    fn settle_each(&mut self, calls: impl IntoIterator<Item = Call>, result: Result<(), &Error>) {
        for call in calls {
            self.settle(call, result.map_err(Error::clone));
        }
    }

    fn transmit(&mut self, attempt: Attempt, frame: ClientFrame<M>) {
        self.outputs.push_back(Output::Transmit { attempt, frame });
    }

    /// Something came too late, or out of nowhere: it changes nothing.
    fn count_stale(&mut self) {
        count(&mut self.stats.stale_events);
    }

    fn log(&mut self, note: LogEvent) {
        self.outputs.push_back(Output::Log(note));
    }
}
