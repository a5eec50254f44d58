//! What must hold of every output of a client.

use onesocket_core::protocol::{CloseCode, FrameError, ServerFrame};
use onesocket_core::{
    Attempt, Call, Error, ErrorCode, Output, Sentence, StateName, Status, Time, TokenAnswer,
};

use crate::invariants::observed::{Cause, Observed, Want, is_live};
use crate::message::Message;
use crate::network::Browser;
use crate::world::World;

impl World {
    pub(crate) fn observed(&mut self, client: usize) -> &mut Observed {
        &mut self.clients[client].observed
    }

    /// Before anything is fed: a connection that has lasted has earned a full budget.
    pub(crate) fn before(&mut self, client: usize, time: Time) {
        let config = &self.clients[client].config;
        let budget = config.reconnect.max_attempts + u32::from(config.tokens);
        let stable_after = config.stable_after;
        let observed = self.observed(client);
        if observed.connected_at.is_some_and(|at| at + stable_after <= time) {
            observed.opens = 0;
            observed.budget = budget;
        }
    }

    pub(crate) fn check_output(
        &mut self,
        client: usize,
        cause: Cause,
        output: &Output<Message>,
        time: Time,
    ) {
        match output {
            Output::AbortToken { fetch } => {
                let asked = self.clients[client].source.asked.take();
                self.ensure(asked == Some(*fetch), || format!("{client} aborts {fetch:?}"));
                self.cover("a getToken that is aborted");
            }
            Output::FetchToken { fetch, .. } => {
                self.observed(client).overdue = false;
                let asked = self.clients[client].source.asked.replace(*fetch);
                self.ensure(asked.is_none(), || format!("{client} asks getToken twice at once"));
                let state = self.observed(client).status.state;
                let trying = matches!(state, StateName::Connecting | StateName::Connected);
                self.ensure(trying, || format!("{client} asks getToken while {state:?}"));
            }
            Output::Open { attempt, token } => self.check_open(client, *attempt, token.is_some()),
            Output::Status { previous, status, reason: _ } => {
                self.check_status(client, cause, *previous, status, time);
            }
            Output::Settle { call, result } => self.check_settle(client, *call, result.as_ref()),
            Output::Error { error, undelivered } => {
                for message in undelivered {
                    self.check_undelivered(client, message, error);
                }
                match error.code {
                    ErrorCode::TokenFailed
                        if error.message.sentence() == Sentence::NewTokenNotAnswered =>
                    {
                        self.observed(client).overdue = true;
                    }
                    ErrorCode::TokenFailed => self.cover("a getToken that fails"),
                    ErrorCode::InvalidMessage => {
                        self.ensure(false, || {
                            format!("{client} cannot read the server: {error:?}")
                        });
                    }
                    _ => {}
                }
            }
            Output::TokenRefreshed { .. } => {
                self.observed(client).refreshes.push(time);
                if std::mem::take(&mut self.observed(client).overdue) {
                    self.cover("a refresh that is answered late");
                }
                self.cover("a token that is refreshed over the connection");
            }
            Output::Detach { .. } => self.cover("a socket that is given up"),
            Output::Accepted(_)
            | Output::Deliver(_)
            | Output::SendHello { .. }
            | Output::Log(_)
            | Output::Shut { .. }
            | Output::TokenFetched { .. }
            | Output::Transmit { .. } => {}
        }
    }

    pub(crate) fn check_open(&mut self, client: usize, attempt: Attempt, token: bool) {
        let live = self.live_sockets(client);
        self.ensure(live == 0, || format!("{client} opens a second socket beside {live}"));
        let needs = self.clients[client].config.tokens;
        self.ensure(token == needs, || format!("{client} opens with a token: {token}"));
        let observed = self.observed(client);
        observed.newest = attempt;
        observed.asked.clear();
        observed.sockets += 1;
        let is_free = std::mem::take(&mut observed.is_free);
        observed.opens += u32::from(!is_free);
        let (state, opens, budget) = (observed.status.state, observed.opens, observed.budget);
        self.ensure(state == StateName::Connecting, || format!("{client} opens while {state:?}"));
        self.ensure(opens <= budget, || format!("{client} opens socket {opens} of {budget}"));
        if is_free {
            self.cover("an attempt that was planned offline");
        }
        if opens > 1 {
            self.cover("another attempt");
        }
    }

    /// How many sockets the machine hears.
    pub(crate) fn live_sockets(&self, client: usize) -> usize {
        let streams = self.clients[client].streams.iter();
        streams.filter(|socket| self.sockets[**socket].is_live()).count()
    }

    pub(crate) fn check_status(
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
        let before = std::mem::replace(&mut self.observed(client).status, status.clone());
        self.ensure(before != *status, || format!("{client} tells {status:?} twice"));
        self.ensure(before.state == previous, || format!("{client} was {:?}", before.state));
        self.ensure(status.attempt <= max_attempts, || format!("{client}: {status:?}"));
        let state = status.state;
        if state == previous {
            return;
        }
        if !is_live(previous) && is_live(state) {
            let exhausted = before.error.map(|error| error.code);
            let released = self.observed(client).released;
            let may = match (cause, previous) {
                (Cause::Connect, _) | (Cause::Hold, StateName::Idle) => true,
                (Cause::Hold, StateName::Closed | StateName::Closing) => released,
                (Cause::Wake, StateName::Failed) => {
                    self.cover("an end that waking up revives");
                    exhausted == Some(ErrorCode::AttemptsExhausted)
                }
                // The socket of the connection that was ended has closed, or was given up.
                _ => false,
            };
            self.ensure(may, || format!("{client} goes on from {previous:?} by {cause:?}"));
            let observed = self.observed(client);
            observed.opens = 0;
            observed.budget = budget;
        }
        let observed = self.observed(client);
        observed.connected_at = (state == StateName::Connected).then_some(time);
        match state {
            StateName::Connected => self.check_connected(client, status),
            StateName::Closing | StateName::Closed => {
                observed.lasting = false;
                observed.released = match (cause, previous) {
                    (Cause::Close, _) => false,
                    (_, StateName::Closing) => observed.released,
                    _ => true,
                };
                if observed.released {
                    self.cover("a connection that is released");
                }
            }
            StateName::Failed => {
                let code = status.error.as_ref().map(|error| error.code);
                self.cover(match code {
                    Some(ErrorCode::AttemptsExhausted) => "all attempts used up",
                    Some(ErrorCode::Replaced) => "a client that is told it was replaced",
                    Some(ErrorCode::Unauthorized) => "a client that is not let in",
                    _ => "an end for another reason",
                });
            }
            StateName::Waiting => {
                observed.is_free = observed.offline;
                self.cover("a wait for the next attempt");
            }
            StateName::Idle | StateName::Connecting => {}
        }
    }

    pub(crate) fn check_connected(&mut self, client: usize, status: &Status) {
        // The machine may be further already: it was told late that nobody holds it any more.
        let attempt = self.observed(client).newest;
        let mut streams = self.clients[client].streams.iter().rev();
        let socket = streams.find(|socket| self.sockets[**socket].attempt == attempt);
        let peer = socket.and_then(|socket| self.sockets[*socket].peer);
        let named = status.connection_id.as_ref().map(|id| id.0.clone());
        let expected = peer.map(|(_, key)| format!("c{key}"));
        self.ensure(named.is_some() && named == expected, || {
            format!("{client} is connected as {named:?} over {expected:?}")
        });
        self.cover("a session that is agreed");
        let observed = self.observed(client);
        let epoch = observed.offered.take();
        observed.resumed = epoch.is_some() && epoch == observed.epoch;
        observed.epoch = epoch;
        if observed.sockets > 1 {
            let resumed = observed.resumed;
            self.cover(if resumed { "a server that remembers" } else { "a server that forgot" });
        }
    }

    /// A frame is about to be fed.
    pub(crate) fn note_frame(&mut self, client: usize, frame: &ServerFrame<Message>) {
        match frame {
            ServerFrame::Welcome(welcome) => {
                self.observed(client).offered.clone_from(&welcome.epoch)
            }
            ServerFrame::Pong => self.cover("a probe that is answered"),
            ServerFrame::Error(error) => self.note_refusal(client, error),
            _ => {}
        }
    }

    /// The server has refused something, or ended a membership: the client is not in that group.
    fn note_refusal(&mut self, client: usize, error: &FrameError) {
        let observed = self.observed(client);
        let asked = error.id.and_then(|id| observed.asked.remove(&id));
        let Some(group) = asked.as_ref().or(error.group.as_ref()) else { return };
        if asked.is_some() && observed.groups.contains(group) {
            self.cover("a group that is refused after a reconnect");
        }
        self.observed(client).expel(group);
    }

    pub(crate) fn note_answer(&mut self, client: usize, answer: &TokenAnswer) {
        let state = self.observed(client).status.state;
        match answer {
            TokenAnswer::NoSession => self.cover("a getToken that knows no session"),
            TokenAnswer::Token(..) if state == StateName::Waiting => {
                self.cover("a fetch that serves the next attempt");
            }
            TokenAnswer::Later(_) => self.cover("a getToken that says when to ask again"),
            TokenAnswer::Token(..) | TokenAnswer::Failed(_) => {}
        }
    }

    pub(crate) fn check_settle(&mut self, client: usize, call: Call, result: Result<&(), &Error>) {
        let want = self.observed(client).calls.remove(&call);
        let Some(want) = want else {
            return self.ensure(false, || format!("{client} settles {call:?} twice"));
        };
        let state = self.observed(client).status.state;
        match want {
            Want::Connect => match result {
                Ok(()) => {
                    self.observed(client).lasting = true;
                    self.ensure(state == StateName::Connected, || {
                        format!("{client}: connect() resolves while {state:?}")
                    });
                }
                Err(error) if error.code == ErrorCode::Aborted => {
                    self.cover("a connect() that is aborted");
                }
                Err(error) => {
                    self.observed(client).lasting |= state == StateName::Failed;
                    self.ensure(!is_live(state), || {
                        format!("{client}: connect() rejects while {state:?}: {error}")
                    });
                }
            },
            Want::Join(group) => {
                match result {
                    Ok(()) => {
                        self.observed(client).groups.insert(group);
                    }
                    // A leave() has taken it back before.
                    Err(error) if error.code == ErrorCode::Aborted => {}
                    // The server lets nobody in.
                    Err(_) if is_live(state) => self.observed(client).expel(&group),
                    Err(_) => self.observed(client).leave(&group),
                }
            }
            Want::Publish(number) => self.check_publish(client, number, result),
            Want::Close => self.ensure(result.is_ok(), || format!("{client}: close() rejects")),
            Want::Leave => {}
            Want::Refresh if result.is_ok() => self.cover("a refreshToken() that is kept"),
            Want::Refresh => self.cover("a refreshToken() that is not kept"),
        }
    }

    /// A socket that is shaking hands is closed at the connect timeout and not before.
    pub(crate) fn check_shut(&mut self, client: usize, socket: usize, code: CloseCode) {
        if matches!(self.sockets[socket].browser, Browser::Connecting) {
            let lasted = self.time(client).since(self.sockets[socket].opened_at);
            let timeout = self.clients[client].config.connect_timeout;
            let may = code == CloseCode::TIMED_OUT && lasted >= timeout;
            self.ensure(may, || format!("{client} closes a socket that shakes hands: {lasted:?}"));
            self.cover("a handshake that takes too long");
        }
    }

    /// What a client remembers is bounded.
    pub(crate) fn check_bounds(&mut self, client: usize) {
        let queue = self.clients[client].config.queue;
        let bytes = self.clients[client].machine.queued_bytes();
        self.ensure(bytes <= queue.max_bytes, || format!("{client} queues {bytes} bytes"));
        let asked = |want: &Want| matches!(want, Want::Leave);
        let leaves =
            self.clients[client].observed.calls.values().filter(|want| asked(want)).count();
        let most = queue.max_messages + leaves + crate::history::groups().len() + 1;
        // To count is not for nothing.
        if self.clients[client].observed.calls.len() + self.reference.items[client].len() > most {
            let kept = self.clients[client].machine.numbers().len();
            self.ensure(kept <= most, || format!("{client} keeps {kept} of {most}"));
        }
    }
}
