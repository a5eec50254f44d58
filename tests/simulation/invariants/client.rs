//! What must hold of everything that a client says.

use onesocket_core::protocol::{CloseCode, ServerFrame};
use onesocket_core::{
    Attempt, Call, Error, ErrorCode, Output, StateName, Status, Time, TokenAnswer,
};

use crate::invariants::observed::{Cause, Judge, Want, is_live};
use crate::message::Message;
use crate::network::Browser;
use crate::world::World;

impl World {
    pub(crate) fn ones(&mut self, client: usize) -> &mut Judge {
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

    pub(crate) fn judge_open(&mut self, client: usize, attempt: Attempt, token: bool) {
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
    pub(crate) fn live_sockets(&self, client: usize) -> usize {
        let streams = self.clients[client].streams.iter();
        streams.filter(|socket| self.sockets[**socket].is_live()).count()
    }

    pub(crate) fn judge_status(
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

    pub(crate) fn judge_connected(&mut self, client: usize, status: &Status) {
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

    pub(crate) fn judge_settle(&mut self, client: usize, call: Call, result: Result<&(), &Error>) {
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
