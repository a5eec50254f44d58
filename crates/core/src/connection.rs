//! The machine: takes inputs, gives outputs and deadlines, and changes the state in one place.
//!
//! - `lifetime.rs`: the user connects, holds, releases and closes.
//! - `attempts.rs`: an attempt begins, fails, is tried again or given up.
//! - `sockets.rs`: the events of sockets, and how a socket is let go of.
//! - `session.rs`: a session begins.
//! - `liveness.rs`: the heartbeat, a page that wakes up, the network.
//! - `tokens.rs`: tokens are fetched and refreshed.
//! - `traffic.rs`: messages are sent, frames are received.
//! - `requests.rs`: the user asks, the server answers.

mod attempts;
mod input;
mod lifetime;
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

use std::sync::Arc;

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
use crate::text::{Sentence, Text};
use crate::time::Time;
use crate::token::{Fetch, TokenFetch};

use attempts::CloseEvent;
use requests::Pending;
use session::LastUser;

/// The machine of one WebSocket connection.
///
/// - [`handle`](Self::handle) takes an input, [`send`](Self::send) a message of the user.
/// - [`poll`](Self::poll) returns the outputs. Call it until it returns `None`.
/// - [`deadline`](Self::deadline) says when to handle [`Input::Elapsed`]. One timer is enough.
/// - The getters are up to date, whether or not every output was polled.
///
/// `M` is a message in the form in which the shell keeps it; the machine never looks into it.
#[derive(Clone, Debug)]
pub struct Connection<M> {
    config: Config,
    state: State,
    /// The status that was reported last.
    status: Arc<Status>,
    status_version: u32,
    demand: Demand,
    /// The `close()` calls that wait for the socket to close.
    close_calls: Vec<Call>,
    backoff: Backoff,
    outbox: Outbox<M>,
    /// The epoch that the server named in its last welcome.
    epoch: Option<Epoch>,
    last_user: LastUser,
    groups: Groups,
    pending: Pending,
    token_fetch: TokenFetch,
    /// When `getToken` last answered with a token.
    fetched_at: Option<Time>,
    /// The `refreshToken()` calls that wait for the server's answer.
    refresh_calls: Vec<Call>,
    network: Network,
    /// When the page's waking up last led to an attempt.
    woken_at: Option<Time>,
    last_attempt: Attempt,
    last_fetch: Fetch,
    last_message: MessageId,
    stats: Stats,
    outputs: Vec<Output<M>>,
}

impl<M: Clone> Connection<M> {
    /// Makes a connection that does nothing yet.
    pub fn new(config: Config) -> Self {
        let backoff = Backoff::new(config.seed);
        let state = State::Idle;
        let network = Network::Online;
        let status = state.status(0, config.reconnect.max_attempts);
        Self {
            config,
            state,
            status: Arc::new(status),
            status_version: 0,
            demand: Demand::default(),
            close_calls: Vec::new(),
            backoff,
            outbox: Outbox::new(),
            epoch: None,
            last_user: LastUser::Nobody,
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
            outputs: Vec::new(),
        }
    }

    /// Handles one input, which happened at `now`.
    pub fn handle(&mut self, input: Input<M>, now: Time) {
        // Timers come late. A connection that has lasted long enough resets the backoff before its
        // end is counted.
        self.reset_backoff_if_due(now);
        match input {
            Input::Abort { call } => self.on_abort(call, now),
            Input::Activity => self.on_activity(now),
            Input::Close { call, code, reason } => self.on_close(call, code, reason, now),
            Input::Closed { attempt, code, reason, retry } => {
                let what = Sentence::SocketClosed;
                self.on_closed(attempt, CloseEvent { code, reason: &reason, retry, what }, now);
            }
            Input::Closing { attempt } => self.on_closing(attempt, now),
            Input::Connect { call } => self.on_connect(call, now),
            Input::Elapsed => {}
            Input::Hold => self.on_hold(now),
            Input::InvalidFrame { attempt, problem } => {
                self.on_invalid_frame(attempt, problem, now);
            }
            Input::Offline => self.network = Network::Offline,
            Input::Online => self.on_online(now),
            Input::Failed { attempt, error } => self.on_failed(attempt, error, now),
            Input::Opened { attempt } => self.on_opened(attempt, now),
            Input::Ready { attempt } => self.on_ready(attempt, now),
            Input::Received { attempt, frame, bytes } => {
                self.on_received(attempt, frame, bytes, now);
            }
            Input::Release => self.on_release(now),
            Input::Request { call, request } => self.on_request(call, request, now),
            Input::Token { fetch, answer } => self.on_token(fetch, answer, now),
            Input::TokenSent { attempt, id, result } => {
                self.on_token_sent(attempt, id, result, now);
            }
            Input::Revive => self.on_revive(now),
            Input::Wake => self.on_wake(now),
        }
        self.on_elapsed(now);
    }

    /// Returns the next output, oldest first; `None` if there is none.
    pub fn poll(&mut self) -> Option<Output<M>> {
        // `Vec::remove` says in words which place there is not.
        let mut outputs = std::mem::take(&mut self.outputs).into_iter();
        let next = outputs.next();
        self.outputs = outputs.collect();
        next
    }

    /// Returns when to handle [`Input::Elapsed`]; `None` while there is no deadline.
    pub fn deadline(&self) -> Option<Time> {
        let due = self.state.deadline().min(self.token_fetch.deadline());
        let due = if self.state.is_live() { due.min(self.demand.release_at()) } else { due };
        (due < Time::NEVER).then_some(due)
    }

    /// Returns the status that the user sees.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Returns a number that changes with the status, so that a shell need not compare statuses.
    pub fn status_version(&self) -> u32 {
        self.status_version
    }

    /// Returns the counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Returns the socket of the session, while connected.
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

    /// Returns how many bytes of payload wait in the queue.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    /// Handles the deadlines that have passed, in their order.
    fn on_elapsed(&mut self, now: Time) {
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            if self.demand.release_at() == due && self.state.is_live() {
                self.end(EndedBy::Release, CloseCode::NORMAL, String::new(), now);
            } else if self.token_fetch.deadline() == due {
                self.on_fetch_due(now);
            } else {
                self.on_state_due(due, now);
            }
        }
    }

    fn reset_backoff_if_due(&mut self, now: Time) {
        if let State::Connected(session) = &mut self.state
            && session.stable_at.is_some_and(|at| at <= now)
        {
            session.stable_at = None;
            self.backoff.reset();
            self.changed(None);
        }
    }

    /// Changes the state. No other place does, so every change is reported, and no call waits for a
    /// socket that is gone.
    fn enter(&mut self, next: State, reason: Option<Text>) {
        self.state = next;
        self.changed(reason);
    }

    /// Reports a change of the state.
    fn changed(&mut self, reason: Option<Text>) {
        let (attempt, max_attempts) = (self.backoff.attempt(), self.config.reconnect.max_attempts);
        let status = self.state.status(attempt, max_attempts);
        if status != *self.status {
            let previous = self.status.state;
            self.status = Arc::new(status);
            let status = Arc::clone(&self.status);
            self.status_version = self.status_version.wrapping_add(1);
            self.outputs.push(Output::Status { previous, status, reason });
        }
        if !matches!(self.state.old_socket(), OldSocket::Closing(_)) {
            let calls = std::mem::take(&mut self.close_calls);
            self.settle_each(calls, Ok(()));
        }
    }

    fn settle(&mut self, call: Call, result: Result<(), Error>) {
        self.outputs.push(Output::Settle { call, result });
    }

    fn settle_each(&mut self, calls: Vec<Call>, result: Result<(), &Error>) {
        for call in calls {
            self.settle(call, result.map_err(Error::clone));
        }
    }

    fn transmit(&mut self, attempt: Attempt, frame: ClientFrame<M>) {
        self.outputs.push(Output::Transmit { attempt, frame });
    }

    /// Counts an event that comes too late to change anything.
    fn count_stale(&mut self) {
        count(&mut self.stats.stale_events);
    }

    fn log(&mut self, event: LogEvent) {
        self.outputs.push(Output::Log(event));
    }
}
