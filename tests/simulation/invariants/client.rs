//! What must hold of everything that a client says.

use std::collections::{BTreeMap, BTreeSet};

use onesocket_core::protocol::{CloseCode, Epoch, Group, MessageId, ServerFrame};
use onesocket_core::{
    Attempt, Call, Error, ErrorCode, Input, Output, StateName, Status, Time, TokenAnswer,
};

use crate::message::{Message, Origin};
use crate::network::Browser;
use crate::reference::{Arrival, What};
use crate::world::World;

/// What a judge remembers of a client.
pub(crate) struct Judge {
    /// What the user was told last.
    pub(crate) told: Status,
    /// The calls that have not been settled.
    pub(crate) calls: BTreeMap<Call, Want>,
    pub(crate) holders: u32,
    /// A `connect()` was answered, and the connection was not ended since.
    lasting: bool,
    /// Whether it was the last holder's release that ended it.
    released: bool,
    /// The groups that it was let into and has not left since.
    pub(crate) groups: BTreeSet<Group>,
    /// How many sockets were opened since the budget was full, and how many may be.
    opens: u32,
    budget: u32,
    connected_at: Option<Time>,
    /// The newest socket.
    pub(crate) newest: Attempt,
    /// What the server has said that it remembers: with the last welcome that came, with the last
    /// that was taken, and whether that was the same as before.
    offered: Option<Epoch>,
    epoch: Option<Epoch>,
    resumed: bool,
    /// All sockets, all renewals, and when the last one was.
    pub(crate) sockets: u64,
    pub(crate) renewals: Vec<Time>,
    /// A new token was sent and not answered in time, and no other was asked for since.
    overdue: bool,
}

/// What a call waits for.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    Close,
    Connect,
    Join(Group),
    Leave,
    /// Which of what it has sent.
    Publish(usize),
    Refresh,
}

/// What the machine was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    Close,
    Connect,
    Hold,
    Wake,
    Closed,
    Other,
}

impl Cause {
    pub(crate) fn of(input: &Input<Message>) -> Self {
        match input {
            Input::Close { .. } => Self::Close,
            Input::Connect { .. } => Self::Connect,
            Input::Hold => Self::Hold,
            Input::Online | Input::Wake => Self::Wake,
            Input::Closed { .. } => Self::Closed,
            _ => Self::Other,
        }
    }
}

impl Judge {
    pub(crate) fn new(told: Status) -> Self {
        Self {
            told,
            calls: BTreeMap::new(),
            holders: 0,
            lasting: false,
            released: false,
            groups: BTreeSet::new(),
            opens: 0,
            budget: 0,
            connected_at: None,
            newest: Attempt(0),
            offered: None,
            epoch: None,
            resumed: false,
            sockets: 0,
            renewals: Vec::new(),
            overdue: false,
        }
    }

    /// Says whether anybody wants the connection.
    pub(crate) fn is_wanted(&self) -> bool {
        self.lasting || self.holders > 0
    }
}

fn is_live(state: StateName) -> bool {
    matches!(state, StateName::Connecting | StateName::Connected | StateName::Waiting)
}

impl World {
    fn ones(&mut self, client: usize) -> &mut Judge {
        &mut self.clients[client].judge
    }

    /// Before anything is fed: a connection that has lasted has earned a full budget.
    pub(crate) fn before(&mut self, client: usize, time: Time) {
        let config = &self.clients[client].config;
        let budget = config.reconnect.max_attempts + u32::from(config.tokens);
        let stable_after = config.stable_after;
        let judge = self.ones(client);
        if judge.connected_at.is_some_and(|at| at + stable_after <= time) {
            judge.opens = 0;
            judge.budget = budget;
        }
    }

    pub(crate) fn judge(
        &mut self,
        client: usize,
        cause: Cause,
        output: &Output<Message>,
        time: Time,
    ) {
        match output {
            Output::AbortToken { fetch } => {
                let asked = self.clients[client].source.asked.take();
                self.rule(asked == Some(*fetch), || format!("{client} aborts {fetch:?}"));
                self.reach("a getToken that is aborted");
            }
            Output::FetchToken { fetch, .. } => {
                self.ones(client).overdue = false;
                let asked = self.clients[client].source.asked.replace(*fetch);
                self.rule(asked.is_none(), || format!("{client} asks getToken twice at once"));
                let state = self.ones(client).told.state;
                let trying = matches!(state, StateName::Connecting | StateName::Connected);
                self.rule(trying, || format!("{client} asks getToken while {state:?}"));
            }
            Output::Open { attempt, token } => self.judge_open(client, *attempt, token.is_some()),
            Output::Status { previous, status, reason: _ } => {
                self.judge_status(client, cause, *previous, status, time);
            }
            Output::Settle { call, result } => self.judge_settle(client, *call, result.as_ref()),
            Output::Error { error, undelivered } => {
                for message in undelivered {
                    self.judge_undelivered(client, message, error);
                }
                match error.code {
                    ErrorCode::TokenFailed if error.message.contains("did not answer the new") => {
                        self.ones(client).overdue = true;
                    }
                    ErrorCode::TokenFailed => self.reach("a getToken that fails"),
                    ErrorCode::InvalidMessage => {
                        self.rule(false, || format!("{client} cannot read the server: {error:?}"));
                    }
                    _ => {}
                }
            }
            Output::TokenRefreshed { .. } => {
                self.ones(client).renewals.push(time);
                if std::mem::take(&mut self.ones(client).overdue) {
                    self.reach("a renewal that is answered late");
                }
                self.reach("a token that is renewed over the connection");
            }
            Output::Detach { .. } => self.reach("a socket that is given up"),
            Output::Deliver(_)
            | Output::SendHello { .. }
            | Output::Log(_)
            | Output::Shut { .. }
            | Output::TokenFetched { .. }
            | Output::Transmit { .. } => {}
        }
    }

    fn judge_open(&mut self, client: usize, attempt: Attempt, token: bool) {
        let live = self.live_sockets(client);
        self.rule(live == 0, || format!("{client} opens a second socket beside {live}"));
        let needs = self.clients[client].config.tokens;
        self.rule(token == needs, || format!("{client} opens with a token: {token}"));
        let judge = self.ones(client);
        judge.newest = attempt;
        judge.sockets += 1;
        judge.opens += 1;
        let (state, opens, budget) = (judge.told.state, judge.opens, judge.budget);
        self.rule(state == StateName::Connecting, || format!("{client} opens while {state:?}"));
        self.rule(opens <= budget, || format!("{client} opens socket {opens} of {budget}"));
        if opens > 1 {
            self.reach("another attempt");
        }
    }

    /// How many sockets the machine hears.
    fn live_sockets(&self, client: usize) -> usize {
        let streams = self.clients[client].streams.iter();
        streams.filter(|socket| self.sockets[**socket].is_live()).count()
    }

    fn judge_status(
        &mut self,
        client: usize,
        cause: Cause,
        previous: StateName,
        status: &Status,
        time: Time,
    ) {
        let config = &self.clients[client].config;
        let max_attempts = config.reconnect.max_attempts;
        let budget = 1 + max_attempts + u32::from(config.tokens);
        let before = std::mem::replace(&mut self.ones(client).told, status.clone());
        self.rule(before != *status, || format!("{client} tells {status:?} twice"));
        self.rule(before.state == previous, || format!("{client} was {:?}", before.state));
        self.rule(status.attempt <= max_attempts, || format!("{client}: {status:?}"));
        let state = status.state;
        if state == previous {
            return;
        }
        if !is_live(previous) && is_live(state) {
            let exhausted = before.error.map(|error| error.code);
            let released = self.ones(client).released;
            let may = match (cause, previous) {
                (Cause::Connect, _) | (Cause::Hold, StateName::Idle) => true,
                (Cause::Hold, StateName::Closed | StateName::Closing) => released,
                (Cause::Wake, StateName::Failed) => {
                    self.reach("an end that waking up revives");
                    exhausted == Some(ErrorCode::AttemptsExhausted)
                }
                // The socket of the connection that was ended has closed, or was given up.
                _ => false,
            };
            self.rule(may, || format!("{client} goes on from {previous:?} by {cause:?}"));
            let judge = self.ones(client);
            judge.opens = 0;
            judge.budget = budget;
        }
        let judge = self.ones(client);
        judge.connected_at = (state == StateName::Connected).then_some(time);
        match state {
            StateName::Connected => self.judge_connected(client, status),
            StateName::Closing | StateName::Closed => {
                judge.lasting = false;
                judge.released = match (cause, previous) {
                    (Cause::Close, _) => false,
                    (_, StateName::Closing) => judge.released,
                    _ => true,
                };
                if judge.released {
                    self.reach("a connection that is released");
                }
            }
            StateName::Failed => {
                let code = status.error.as_ref().map(|error| error.code);
                self.reach(match code {
                    Some(ErrorCode::AttemptsExhausted) => "all attempts used up",
                    Some(ErrorCode::Replaced) => "a client that is told it was replaced",
                    Some(ErrorCode::Unauthorized) => "a client that is not let in",
                    _ => "an end for another reason",
                });
            }
            StateName::Waiting => self.reach("a wait for the next attempt"),
            StateName::Idle | StateName::Connecting => {}
        }
    }

    fn judge_connected(&mut self, client: usize, status: &Status) {
        let attempt = self.clients[client].machine.connected_attempt();
        let mut streams = self.clients[client].streams.iter().rev();
        let socket = streams.find(|socket| Some(self.sockets[**socket].attempt) == attempt);
        let peer = socket.and_then(|socket| self.sockets[*socket].peer);
        let named = status.connection_id.as_ref().map(|id| id.0.clone());
        let expected = peer.map(|(_, key)| format!("c{key}"));
        self.rule(named.is_some() && named == expected, || {
            format!("{client} is connected as {named:?} over {expected:?}")
        });
        self.reach("a session that is agreed");
        let judge = self.ones(client);
        let epoch = judge.offered.take();
        judge.resumed = epoch.is_some() && epoch == judge.epoch;
        judge.epoch = epoch;
        if judge.sockets > 1 {
            let resumed = judge.resumed;
            self.reach(if resumed { "a server that remembers" } else { "a server that forgot" });
        }
    }

    /// A frame is about to be fed.
    pub(crate) fn note_frame(&mut self, client: usize, frame: &ServerFrame<Message>) {
        match frame {
            ServerFrame::Welcome(welcome) => self.ones(client).offered.clone_from(&welcome.epoch),
            ServerFrame::Pong => self.reach("a probe that is answered"),
            _ => {}
        }
    }

    pub(crate) fn note_answer(&mut self, client: usize, answer: &TokenAnswer) {
        let state = self.ones(client).told.state;
        match answer {
            TokenAnswer::NoSession => self.reach("a getToken that knows no session"),
            TokenAnswer::Token(..) if state == StateName::Waiting => {
                self.reach("a fetch that serves the next attempt");
            }
            TokenAnswer::Later(_) => self.reach("a getToken that says when to ask again"),
            TokenAnswer::Token(..) | TokenAnswer::Failed(_) => {}
        }
    }

    fn judge_settle(&mut self, client: usize, call: Call, result: Result<&(), &Error>) {
        let want = self.ones(client).calls.remove(&call);
        let Some(want) = want else {
            return self.rule(false, || format!("{client} settles {call:?} twice"));
        };
        let state = self.ones(client).told.state;
        match want {
            Want::Connect => match result {
                Ok(()) => {
                    self.ones(client).lasting = true;
                    self.rule(state == StateName::Connected, || {
                        format!("{client}: connect() resolves while {state:?}")
                    });
                }
                Err(error) if error.code == ErrorCode::Aborted => {
                    self.reach("a connect() that is aborted");
                }
                Err(error) => {
                    self.ones(client).lasting |= state == StateName::Failed;
                    self.rule(!is_live(state), || {
                        format!("{client}: connect() rejects while {state:?}: {error}")
                    });
                }
            },
            Want::Join(group) => {
                if result.is_ok() {
                    self.ones(client).groups.insert(group);
                }
            }
            Want::Publish(number) => self.judge_publish(client, number, result),
            Want::Close => self.rule(result.is_ok(), || format!("{client}: close() rejects")),
            Want::Leave => {}
            Want::Refresh if result.is_ok() => self.reach("a refreshToken() that is kept"),
            Want::Refresh => self.reach("a refreshToken() that is not kept"),
        }
    }

    fn judge_publish(&mut self, client: usize, number: usize, result: Result<&(), &Error>) {
        let state = self.ones(client).told.state;
        let newest = self.ones(client).newest;
        let Some(item) = self.ledger.item(Origin { client, number }) else { return };
        let arrival = item.arrival;
        match result {
            Ok(()) => {
                item.fulfilled = true;
                self.rule(arrival == Arrival::Taken, || {
                    format!("{client}: publish() of {number} resolves; the server: {arrival:?}")
                });
            }
            Err(error) => {
                item.reported = Some(newest);
                self.judge_report(client, number, arrival, state, error);
            }
        }
    }

    fn judge_undelivered(&mut self, client: usize, message: &Message, error: &Error) {
        let state = self.ones(client).told.state;
        let newest = self.ones(client).newest;
        let number = message.origin().filter(|origin| origin.client == client);
        let item = number.and_then(|origin| Some((origin.number, self.ledger.item(origin)?)));
        let Some((number, item)) = item else {
            return self.rule(false, || format!("{client} reports what nobody has sent"));
        };
        let (reported, arrival, what) = (item.reported, item.arrival, item.what.clone());
        let accepted = item.accepted;
        item.reported = Some(newest);
        self.rule(accepted && reported.is_none() && what == What::Send, || {
            format!("{client} reports message {number} ({what:?}) again: {reported:?}")
        });
        self.reach("a message that is reported undelivered");
        self.judge_report(client, number, arrival, state, error);
    }

    /// While connected, only what the server refuses and what it cannot know any more is reported.
    fn judge_report(
        &mut self,
        client: usize,
        number: usize,
        arrival: Arrival,
        state: StateName,
        error: &Error,
    ) {
        if state != StateName::Connected {
            return;
        }
        let resumed = self.ones(client).resumed;
        let unconfirmed = error.code == ErrorCode::Closed;
        if unconfirmed {
            self.reach("a message that was not confirmed");
        } else {
            self.reach("a message that is refused");
        }
        let fair = if unconfirmed { !resumed } else { arrival != Arrival::Taken };
        self.rule(fair, || {
            format!("{client} reports message {number}, {error}; the server: {arrival:?}")
        });
    }

    /// The machine sends a message.
    pub(crate) fn note_sent(&mut self, client: usize, origin: Origin, id: Option<MessageId>) {
        let own = origin.client == client;
        let Some(item) = self.ledger.item(origin).filter(|_| own) else {
            return self.rule(false, || format!("{client} sends what is not its own"));
        };
        let (before, reported) = (item.id, item.reported);
        item.id = id;
        self.rule(reported.is_none(), || {
            format!("{client} sends message {} after it was reported", origin.number)
        });
        self.rule(before.is_none_or(|before| Some(before) == id), || {
            format!("{client} sends message {} as {before:?} and as {id:?}", origin.number)
        });
        if before.is_some() {
            self.reach("a message that is sent again");
        }
    }

    /// `send()` has returned.
    pub(crate) fn note_accepted(&mut self, client: usize, number: usize, sent: Result<(), Error>) {
        if let Some(item) = self.ledger.item(Origin { client, number }) {
            item.accepted = sent.is_ok();
        }
        match sent.map_err(|error| error.code) {
            Err(ErrorCode::QueueFull) => self.reach("a queue that is full"),
            Err(ErrorCode::TooLarge) => self.reach("a message that is too large"),
            Ok(()) | Err(_) => {}
        }
    }

    /// A message is handed to the user.
    pub(crate) fn judge_message(&mut self, client: usize, message: &Message) {
        let origin = message.origin();
        let item = origin.and_then(|origin| Some((origin, self.ledger.item(origin)?.clone())));
        let Some((origin, item)) = item else {
            return self.rule(false, || format!("{client} hears what nobody has sent"));
        };
        let Origin { client: sender, number } = origin;
        let right = match &item.what {
            What::Send => sender == client && message.group.is_none() && message.from.is_none(),
            What::Publish(group) => {
                let from = &self.clients[sender].user;
                message.group.as_ref() == Some(group) && message.from.as_ref() == Some(from)
            }
        };
        self.rule(right, || format!("{client} hears {origin:?} as {message:?}"));
        self.rule(item.arrival == Arrival::Taken, || {
            format!("{client} hears {origin:?}, which the server has not taken")
        });
        let last = self.clients[client].heard.insert(sender, number);
        self.rule(last.is_none_or(|last| last < number), || {
            format!("{client} hears {origin:?} after {last:?}")
        });
    }

    /// A socket that is shaking hands is closed at the connect timeout and not before.
    pub(crate) fn judge_shut(&mut self, client: usize, socket: usize, code: CloseCode) {
        if matches!(self.sockets[socket].browser, Browser::Connecting) {
            let lasted = self.time(client).since(self.sockets[socket].opened_at);
            let timeout = self.clients[client].config.connect_timeout;
            let may = code == CloseCode::TIMED_OUT && lasted >= timeout;
            self.rule(may, || format!("{client} closes a socket that shakes hands: {lasted:?}"));
            self.reach("a handshake that takes too long");
        }
    }

    /// What a client remembers is bounded.
    pub(crate) fn judge_bounds(&mut self, client: usize) {
        let queue = self.clients[client].config.queue;
        let bytes = self.clients[client].machine.queued_bytes();
        self.rule(bytes <= queue.max_bytes, || format!("{client} queues {bytes} bytes"));
        let asked = |want: &Want| matches!(want, Want::Leave);
        let leaves = self.clients[client].judge.calls.values().filter(|want| asked(want)).count();
        let most = queue.max_messages + leaves + crate::history::GROUPS.len() + 1;
        // To count is not for nothing.
        if self.clients[client].judge.calls.len() + self.ledger.items[client].len() > most {
            let kept = self.clients[client].machine.numbers().len();
            self.rule(kept <= most, || format!("{client} keeps {kept} of {most}"));
        }
    }
}
