//! Frames: messages go out, frames come in, and what is unanswered survives a reconnect.

use onesocket_protocol::{ClientFrame, Epoch, MessageId, ServerFrame};

use super::requests::Answer;
use super::{Connection, Output};
use crate::config::{WhenFailed, Wire};
use crate::error::{Error, ErrorCode};
use crate::ids::Attempt;
use crate::log::LogEvent;
use crate::outbox::{Destination, Outgoing};
use crate::state::{SocketRole, State};
use crate::stats::{add, count};
use crate::text::{Said, Sentence, Text};
use crate::time::Time;

impl<M: Clone> Connection<M> {
    /// Sends a message of `bytes` on the wire to the server: at once while connected, else once there
    /// is a connection. `in_socket` are the bytes that the socket has not sent yet; they count against
    /// the limits of the queue.
    ///
    /// # Errors
    ///
    /// `too-large` if the server does not accept the size, `queue-full` if the queue is full, `closed`
    /// if the connection was ended or has failed.
    pub fn send(&mut self, data: M, bytes: usize, in_socket: usize) -> Result<(), Error> {
        self.accept(Destination::Server, data, bytes, in_socket)
    }

    pub(super) fn accept(
        &mut self,
        to: Destination,
        data: M,
        bytes: usize,
        in_socket: usize,
    ) -> Result<(), Error> {
        self.require_accepting()?;
        if let State::Connected(session) = &self.state {
            check_size(bytes, session.max_message_bytes)?;
        }
        self.outbox.check(bytes, in_socket, self.config.queue)?;
        let id = self.next_message();
        self.outbox.push(Outgoing { id, to, data, bytes });
        self.send_waiting();
        Ok(())
    }

    /// Returns an error if no message may wait in this state.
    fn require_accepting(&self) -> Result<(), Error> {
        match (&self.state, self.config.when_failed) {
            (State::Failed { .. }, WhenFailed::Wait) => Ok(()),
            _ => self.require_not_ended(),
        }
    }

    /// Sends the waiting messages, if there is a connection.
    fn send_waiting(&mut self) {
        let Some(attempt) = self.connected_attempt() else { return };
        while let Some(outgoing) = self.outbox.next() {
            count(&mut self.stats.messages_out);
            add(&mut self.stats.bytes_out, outgoing.bytes);
            let frame = outgoing.frame();
            self.transmit(attempt, frame);
        }
        if let Wire::Plain(_) = self.config.wire {
            // No server confirms messages here: they are done once sent.
            self.outbox.take_unanswered();
        }
    }

    pub(super) fn on_received(
        &mut self,
        attempt: Attempt,
        frame: ServerFrame<M>,
        bytes: usize,
        now: Time,
    ) {
        let Some(role) = self.socket(attempt) else { return };
        let agreeing = match role {
            SocketRole::Connected(_) => None,
            SocketRole::Agreeing(handshake) => Some(handshake),
            SocketRole::Opening(_)
            | SocketRole::ServerClosing
            | SocketRole::Lingering
            | SocketRole::Closing => return self.count_stale(),
        };
        self.heard(now);
        match (frame, agreeing) {
            // That it has come is all that it says.
            (ServerFrame::Pong, _) => {}
            (ServerFrame::Ping, _) => {
                self.transmit(attempt, ClientFrame::Pong);
            }
            (ServerFrame::Error(error), _) => match error.id {
                Some(id) => self.on_answer(id, Answer::Refused(Error::of_frame(error)), now),
                None => {
                    if let Some(group) = &error.group {
                        self.groups.membership_ended(group);
                    }
                    self.report(Error::of_frame(error));
                }
            },
            (ServerFrame::Refreshed { id, token_expires_in }, _) => {
                self.on_answer(id, Answer::Refreshed(token_expires_in), now);
            }
            (ServerFrame::Welcome(welcome), Some(handshake)) => {
                self.on_welcome(handshake, welcome, now);
            }
            (ServerFrame::Welcome(_), None) => {
                self.report(Error::out_of_turn(Sentence::SecondWelcome))
            }
            (ServerFrame::Ack { id }, None) => self.on_answer(id, Answer::Accepted, now),
            (ServerFrame::Message(message), None) => self.deliver(message, bytes),
            (ServerFrame::Ack { .. }, Some(_)) => {
                self.report(Error::out_of_turn(Sentence::AnswerOutOfTurn))
            }
            (ServerFrame::Message(message), Some(_)) => match self.config.wire {
                Wire::OneSocket => self.report(Error::out_of_turn(Sentence::MessageOutOfTurn)),
                // What a server of the application's own says first is for the application.
                Wire::Plain(_) => self.deliver(message, bytes),
            },
        }
    }

    fn deliver(&mut self, message: M, bytes: usize) {
        count(&mut self.stats.messages_in);
        add(&mut self.stats.bytes_in, bytes);
        self.outputs.push(Output::Deliver(message));
    }

    pub(super) fn on_invalid_frame(&mut self, attempt: Attempt, problem: Text, now: Time) {
        let Some(role) = self.socket(attempt) else { return };
        match role {
            SocketRole::Connected(_) | SocketRole::Agreeing(_) => {
                self.heard(now);
                self.report(Error::new(ErrorCode::InvalidMessage, problem));
            }
            SocketRole::Opening(_)
            | SocketRole::ServerClosing
            | SocketRole::Lingering
            | SocketRole::Closing => self.count_stale(),
        }
    }

    /// The server has answered a number that is no pending request: a message, if anything.
    pub(super) fn on_answer_to_message(&mut self, id: MessageId, answer: Answer) {
        match answer {
            Answer::Accepted => {
                let mut payloads = Vec::new();
                for accepted in self.outbox.accepted(id) {
                    self.settle_sender(&accepted, Ok(()));
                    payloads.push((accepted.data, accepted.bytes));
                }
                if !payloads.is_empty() {
                    self.outputs.push(Output::Accepted(payloads));
                }
            }
            Answer::Refused(error) => match self.outbox.refused(id) {
                Some(message) => self.report_undelivered(vec![message], error),
                None => self.report(error),
            },
            // It is late: a newer token has followed, or it was answered before.
            Answer::Refreshed(_) if id <= self.last_message => self.count_stale(),
            Answer::Refreshed(_) => self.report(Error::out_of_turn(Sentence::TokenAnswerOutOfTurn)),
        }
    }

    /// The session is established: joins the groups again, sends the unanswered messages again, then
    /// those that wait.
    pub(super) fn resume_traffic(&mut self, epoch: Option<Epoch>) {
        let State::Connected(session) = &self.state else { return };
        let (attempt, limit) = (session.attempt, session.max_message_bytes);
        let groups: Vec<_> = self.groups.names().cloned().collect();
        for group in groups {
            self.ask_to_join(attempt, group);
        }
        // The epochs are compared, as a server that has lost its memory may have said so in a welcome
        // that never arrived.
        let remembers = epoch.is_some() && epoch == self.epoch;
        self.epoch = epoch;
        if remembers {
            self.outbox.rewind();
        } else {
            // They may have arrived; sending them again could deliver them twice.
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

    /// The connection is lost. Requests are given up; messages stay, to be sent again.
    pub(super) fn lose_traffic(&mut self) {
        self.groups.lost();
        self.lose_requests();
    }

    /// The connection has failed. Returns the messages that do not wait for the next one, and for which
    /// no call waits.
    pub(super) fn fail_traffic(&mut self, error: &Error) -> Vec<M> {
        match self.config.when_failed {
            WhenFailed::Refuse => self.drop_traffic(error),
            WhenFailed::Wait => {
                self.end_requests(error);
                Vec::new()
            }
        }
    }

    /// Settles every call but those of messages.
    fn end_requests(&mut self, error: &Error) {
        self.lose_traffic();
        let waiting = self.groups.ended();
        self.settle_each(waiting, Err(error));
    }

    /// The connection has ended for good: settles every call. Returns the messages that no call waits
    /// for.
    fn drop_traffic(&mut self, error: &Error) -> Vec<M> {
        self.end_requests(error);
        self.last_user.leave();
        let all = self.outbox.take_all();
        self.undeliverable(all, error)
    }

    /// The same for an end that is not an error by itself: it is reported only with lost messages.
    pub(super) fn give_up_on_traffic(&mut self, error: &Error) {
        let undelivered = self.drop_traffic(error);
        if !undelivered.is_empty() {
            self.report_with(error.clone(), undelivered);
        }
    }

    /// Reports messages that will not be delivered: to the calls that wait for them, and the others in
    /// one event.
    fn report_undelivered(&mut self, messages: Vec<Outgoing<M>>, error: Error) {
        let undelivered = self.undeliverable(messages, &error);
        if !undelivered.is_empty() {
            self.report_with(error, undelivered);
        }
    }

    pub(super) fn undeliverable(
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

    /// Settles the call that waits for a message; returns `false` if none does.
    fn settle_sender(&mut self, message: &Outgoing<M>, result: Result<(), &Error>) -> bool {
        match message.to {
            Destination::Group { call, .. } => {
                self.settle(call, result.map_err(Error::clone));
                true
            }
            Destination::Server => false,
        }
    }

    pub(super) fn next_message(&mut self) -> MessageId {
        // 2^53 last 285 years at a million a second.
        self.last_message = MessageId(self.last_message.0.saturating_add(1));
        self.last_message
    }

    pub(super) fn report(&mut self, error: Error) {
        self.report_with(error, Vec::new());
    }

    /// Reports an error of a connection that goes on, or was ended, with the messages that will not be
    /// delivered.
    pub(super) fn report_with(&mut self, error: Error, undelivered: Vec<M>) {
        self.log(LogEvent::Error(error.clone()));
        self.outputs.push(Output::Error { error, undelivered });
    }
}

fn check_size(bytes: usize, limit: usize) -> Result<(), Error> {
    if bytes <= limit {
        return Ok(());
    }
    let numbers = [bytes as u64, limit as u64, 0];
    Err(Error::new(ErrorCode::TooLarge, Text::with(Sentence::TooLarge, numbers, Said::Nothing)))
}
