//! What is said over a connection: messages, groups, the server's answers and pings.

use onesocket_protocol::{ClientFrame, Epoch, FrameError, Group, MessageId, ServerFrame};

use super::{Connection, Output};
use crate::config::Wire;
use crate::error::{Error, ErrorCode};
use crate::ids::{Attempt, Call};
use crate::outbox::{Outgoing, To};
use crate::requests::{Joining, Request};
use crate::state::{Phase, State};
use crate::stats::{add, count};
use crate::time::Time;

impl<M: Clone> Connection<M> {
    /// Takes a message for the server, of so many bytes on the wire: it goes out at once while
    /// connected, else it waits for the connection. `in_socket` is how many bytes the socket has
    /// taken and not sent: where no server says what it has had, they wait in their queue as well.
    ///
    /// # Errors
    ///
    /// `too-large` for one the server does not take, `queue-full` for one too many, `closed` where
    /// no connection is on its way.
    pub fn send(&mut self, data: M, bytes: usize, in_socket: usize) -> Result<(), Error> {
        self.accept(To::Server, data, bytes, in_socket)
    }

    pub(super) fn on_publish(&mut self, call: Call, group: Group, data: M, bytes: usize) {
        let accepted = self.require_groups();
        let accepted =
            accepted.and_then(|()| self.accept(To::Group { call, group }, data, bytes, 0));
        if let Err(error) = accepted {
            self.settle(call, Err(error));
        }
    }

    fn require_groups(&self) -> Result<(), Error> {
        match self.config.wire {
            Wire::OneSocket => Ok(()),
            Wire::Plain(_) => Err(Error::no_groups()),
        }
    }

    fn accept(&mut self, to: To, data: M, bytes: usize, in_socket: usize) -> Result<(), Error> {
        match &self.state {
            State::Connected(session) => check_size(bytes, session.max_message_bytes)?,
            State::Idle | State::Connecting(_) | State::Waiting { .. } => {}
            State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {
                return Err(Error::not_open());
            }
        }
        self.outbox.check(bytes, in_socket, self.config.queue)?;
        let id = self.next_message();
        self.outbox.push(Outgoing { id, to, data, bytes });
        self.send_waiting();
        Ok(())
    }

    /// Sends what waits, if there is a connection for it.
    fn send_waiting(&mut self) {
        let Some(attempt) = self.connected_attempt() else { return };
        while let Some(outgoing) = self.outbox.next() {
            count(&mut self.stats.messages_out);
            add(&mut self.stats.bytes_out, outgoing.bytes);
            let frame = outgoing.frame();
            self.outputs.push_back(Output::Transmit { attempt, frame });
        }
        if let Wire::Plain(_) = self.config.wire {
            // Nobody will say that it has arrived: what was sent is done with.
            self.outbox.take_unanswered();
        }
    }

    pub(super) fn on_join(&mut self, call: Call, group: Group) {
        if let Err(error) = self.require_groups() {
            return self.settle(call, Err(error));
        }
        if self.is_ended() {
            return self.settle(call, Err(Error::not_open()));
        }
        match (self.groups.join(&group, call), self.connected_attempt()) {
            (Joining::Already, _) => self.settle(call, Ok(())),
            (Joining::Ask, Some(attempt)) => self.ask_to_join(attempt, group),
            (Joining::Ask, None) | (Joining::Asked, _) => {}
        }
    }

    pub(super) fn on_leave(&mut self, call: Call, group: Group) {
        if let Err(error) = self.require_groups() {
            return self.settle(call, Err(error));
        }
        // Should it be joined again, an answer to the first join must not pass for one to that.
        self.requests.forget_join(&group);
        for waiting in self.groups.leave(&group) {
            let message = "leave() was called before the group was joined.";
            self.settle(waiting, Err(Error::new(ErrorCode::Aborted, message)));
        }
        if self.is_ended() {
            // It is not joined again, should the connection come back.
            return self.settle(call, Err(Error::not_open()));
        }
        match self.connected_attempt() {
            Some(attempt) => {
                let id = self.next_message();
                self.requests.push(id, Request::Leave(call));
                let frame = ClientFrame::Leave { id, group };
                self.outputs.push_back(Output::Transmit { attempt, frame });
            }
            // Memberships belong to a connection, and there is none.
            None => self.settle(call, Ok(())),
        }
    }

    fn ask_to_join(&mut self, attempt: Attempt, group: Group) {
        let id = self.next_message();
        self.requests.push(id, Request::Join(group.clone()));
        let frame = ClientFrame::Join { id, group };
        self.outputs.push_back(Output::Transmit { attempt, frame });
    }

    pub(super) fn on_received(
        &mut self,
        attempt: Attempt,
        frame: ServerFrame<M>,
        bytes: usize,
        now: Time,
    ) {
        let agreeing = match &self.state {
            State::Connected(session) if session.attempt == attempt => None,
            State::Connecting(Phase::Agreeing(handshake)) if handshake.attempt == attempt => {
                Some(*handshake)
            }
            // Not ours any more.
            State::Idle
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => return self.ignore(),
        };
        self.heard(now);
        match (frame, agreeing) {
            // It was a sign of life, and that is all.
            (ServerFrame::Pong, _) => {}
            (ServerFrame::Ping, _) => {
                let frame = ClientFrame::Pong;
                self.outputs.push_back(Output::Transmit { attempt, frame });
            }
            (ServerFrame::Error(error), _) => self.on_frame_error(error, now),
            (ServerFrame::Refreshed { id, token_expires_in }, _) => {
                self.on_refreshed(id, token_expires_in, now);
            }
            (ServerFrame::Welcome(welcome), Some(handshake)) => {
                self.on_welcome(handshake, welcome, now);
            }
            (ServerFrame::Welcome(_), None) => self.report(Error::out_of_turn("a second welcome")),
            (ServerFrame::Ack { id }, None) => self.on_ack(id),
            (ServerFrame::Message(message), None) => {
                count(&mut self.stats.messages_in);
                add(&mut self.stats.bytes_in, bytes);
                self.outputs.push_back(Output::Deliver(message));
            }
            (ServerFrame::Ack { .. }, Some(_)) => self.report(Error::out_of_turn("an answer")),
            (ServerFrame::Message(_), Some(_)) => self.report(Error::out_of_turn("a message")),
        }
    }

    pub(super) fn on_invalid_frame(&mut self, attempt: Attempt, problem: String, now: Time) {
        let agreeing = match &self.state {
            State::Connecting(Phase::Agreeing(handshake)) => Some(handshake.attempt),
            State::Connected(session) => Some(session.attempt),
            State::Idle
            | State::Connecting(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => None,
        };
        if agreeing != Some(attempt) {
            return self.ignore();
        }
        self.heard(now);
        self.report(Error::new(ErrorCode::InvalidMessage, problem));
    }

    fn on_ack(&mut self, id: MessageId) {
        for accepted in self.outbox.accepted(id) {
            self.settle_sender(&accepted, Ok(()));
        }
        match self.requests.answered(id) {
            Some(Request::Join(group)) => {
                for call in self.groups.joined(&group) {
                    self.settle(call, Ok(()));
                }
            }
            Some(Request::Leave(call)) => self.settle(call, Ok(())),
            None => {}
        }
    }

    fn on_frame_error(&mut self, refused: FrameError, now: Time) {
        let id = refused.id;
        let error = Error::of_frame(refused);
        let Some(id) = id else { return self.report(error) };
        if self.on_refresh_refused(id, &error, now) {
            return;
        }
        if let Some(message) = self.outbox.refused(id) {
            return self.report_undelivered(vec![message], error);
        }
        let calls = match self.requests.answered(id) {
            Some(Request::Join(group)) => self.groups.leave(&group),
            Some(Request::Leave(call)) => vec![call],
            None => Vec::new(),
        };
        if calls.is_empty() {
            return self.report(error);
        }
        for call in calls {
            self.settle(call, Err(error.clone()));
        }
    }

    /// The session is agreed: joins the groups again, sends again what was not answered, then what
    /// was waiting.
    pub(super) fn resume_traffic(&mut self, epoch: Option<Epoch>) {
        let State::Connected(session) = &self.state else { return };
        let (attempt, limit) = (session.attempt, session.max_message_bytes);
        let groups: Vec<_> = self.groups.names().cloned().collect();
        for group in groups {
            self.ask_to_join(attempt, group);
        }
        // Not whether the server remembers anything: a server that has forgotten may have said so in a
        // welcome that was lost, and remember since.
        let remembers = epoch.is_some() && epoch == self.epoch;
        self.epoch = epoch;
        if remembers {
            self.outbox.rewind();
        } else {
            // It may have arrived: to send it again might be to send it twice.
            let unanswered = self.outbox.take_unanswered();
            self.report_undelivered(unanswered, Error::unconfirmed());
        }
        for larger in self.outbox.take_larger(limit) {
            if let Err(error) = check_size(larger.bytes, limit) {
                self.report_undelivered(vec![larger], error);
            }
        }
        self.send_waiting();
    }

    /// The connection is lost: what the server was asked goes unanswered. Messages are kept, to be
    /// sent again.
    pub(super) fn lose_traffic(&mut self) {
        self.groups.lost();
        self.settle_refreshers(Err(&Error::unconfirmed()));
        for request in self.requests.take() {
            match request {
                // Asked again on the next connection.
                Request::Join(_) => {}
                // The membership ended with the connection.
                Request::Leave(call) => self.settle(call, Ok(())),
            }
        }
    }

    /// The connection has ended for good: everything that waits is answered. Returns the messages
    /// that were accepted and not confirmed.
    pub(super) fn drop_traffic(&mut self, error: &Error) -> Vec<M> {
        self.lose_traffic();
        for call in self.groups.ended() {
            self.settle(call, Err(error.clone()));
        }
        let all = self.outbox.take_all();
        self.undeliverable(all, error)
    }

    /// The same, for an end that is no error in itself: only messages that were lost make it one.
    pub(super) fn give_up_on_traffic(&mut self, error: &Error) {
        let undelivered = self.drop_traffic(error);
        if !undelivered.is_empty() {
            let error = error.clone();
            self.outputs.push_back(Output::Error { error, undelivered });
        }
    }

    /// Tells of messages that will not be delivered: each caller who waits, and in one event those
    /// that nobody waits for.
    fn report_undelivered(&mut self, messages: Vec<Outgoing<M>>, error: Error) {
        let undelivered = self.undeliverable(messages, &error);
        if !undelivered.is_empty() {
            self.outputs.push_back(Output::Error { error, undelivered });
        }
    }

    fn undeliverable(
        &mut self,
        messages: impl IntoIterator<Item = Outgoing<M>>,
        error: &Error,
    ) -> Vec<M> {
        let mut undelivered = Vec::new();
        for message in messages {
            if !self.settle_sender(&message, Err(error)) {
                undelivered.push(message.data);
            }
        }
        undelivered
    }

    /// Answers who waits for a message; false if nobody does.
    fn settle_sender(&mut self, message: &Outgoing<M>, result: Result<(), &Error>) -> bool {
        match message.to {
            To::Group { call, .. } => {
                self.settle(call, result.map_err(Error::clone));
                true
            }
            To::Server => false,
        }
    }

    /// Says whether the connection was ended, or never begun after an end.
    fn is_ended(&self) -> bool {
        match self.state {
            State::Idle | State::Connecting(_) | State::Connected(_) | State::Waiting { .. } => {
                false
            }
            State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => true,
        }
    }

    pub(super) fn next_message(&mut self) -> MessageId {
        // Far from its end: at a million a second, 2^53 lasts 285 years.
        self.last_message = MessageId(self.last_message.0.saturating_add(1));
        self.last_message
    }

    pub(super) fn report(&mut self, error: Error) {
        self.outputs.push_back(Output::Error { error, undelivered: Vec::new() });
    }
}

fn check_size(bytes: usize, limit: usize) -> Result<(), Error> {
    if bytes <= limit {
        return Ok(());
    }
    let message =
        format!("A message of {bytes} bytes; the server takes {limit}. Send smaller ones.");
    Err(Error::new(ErrorCode::TooLarge, message))
}
