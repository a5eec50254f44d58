//! The queue of outgoing messages: bounded, in order, each kept until the server has answered it.

use onesocket_protocol::{ClientFrame, Group, MessageId};

use crate::config::QueueLimits;
use crate::error::{Error, ErrorCode};
use crate::ids::Call;
use crate::text::{Said, Sentence, Text};

/// A message to send.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Outgoing<M> {
    pub(crate) id: MessageId,
    pub(crate) to: Destination,
    pub(crate) data: M,
    pub(crate) bytes: usize,
}

/// The destination of a message.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Destination {
    /// The members of a group; the call waits for the server's answer.
    Group { call: Call, group: Group },
    /// The server itself.
    Server,
}

impl<M: Clone> Outgoing<M> {
    pub(crate) fn frame(&self) -> ClientFrame<M> {
        let (id, data) = (self.id, self.data.clone());
        match &self.to {
            Destination::Group { group, .. } => {
                ClientFrame::Publish { id, group: group.clone(), data }
            }
            Destination::Server => ClientFrame::Message { id, data },
        }
    }
}

/// The messages that were accepted and are not done: first those that were sent and not answered,
/// then those that wait.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Outbox<M> {
    pub(crate) kept: Vec<Outgoing<M>>,
    /// How many of them were sent, on this connection or on the last.
    sent: usize,
    bytes: usize,
    sent_bytes: usize,
}

impl<M> Outbox<M> {
    pub(crate) fn new() -> Self {
        Self { kept: Vec::new(), sent: 0, bytes: 0, sent_bytes: 0 }
    }

    /// Returns how many bytes of payload wait to be sent.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.bytes.saturating_sub(self.sent_bytes)
    }

    /// Checks that a message of `bytes` fits, beside the `in_socket` bytes that wait in the socket. A
    /// message that was sent and not answered may wait in the socket too, and counts once.
    pub(crate) fn check(
        &self,
        bytes: usize,
        in_socket: usize,
        limits: QueueLimits,
    ) -> Result<(), Error> {
        let taken = self.bytes.max(self.waiting_bytes().saturating_add(in_socket));
        let fits = self.kept.len() < limits.max_messages
            && bytes <= limits.max_bytes.saturating_sub(taken);
        if fits {
            return Ok(());
        }
        let QueueLimits { max_messages, max_bytes } = limits;
        let numbers = [max_messages as u64, max_bytes as u64, 0];
        let message = Text::with(Sentence::QueueFull, numbers, Said::Nothing);
        Err(Error::new(ErrorCode::QueueFull, message))
    }

    /// Appends a message that [`check`](Self::check) has allowed.
    pub(crate) fn push(&mut self, outgoing: Outgoing<M>) {
        self.bytes = self.bytes.saturating_add(outgoing.bytes);
        self.kept.push(outgoing);
    }

    /// Returns the next message to send, and marks it as sent.
    pub(crate) fn next(&mut self) -> Option<&Outgoing<M>> {
        let next = self.kept.get(self.sent)?;
        self.sent += 1;
        self.sent_bytes = self.sent_bytes.saturating_add(next.bytes);
        Some(next)
    }

    /// Marks what was not answered as not sent, so that it is sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
        self.sent_bytes = 0;
    }

    /// Takes a message that the server has accepted, and all before it. Returns none if `id` names no
    /// message that was sent.
    pub(crate) fn accepted(&mut self, id: MessageId) -> Vec<Outgoing<M>> {
        match self.position(id) {
            Some(last) => self.take(&|at, _| at <= last),
            None => Vec::new(),
        }
    }

    /// Takes a message that the server has refused.
    pub(crate) fn refused(&mut self, id: MessageId) -> Option<Outgoing<M>> {
        let refused = self.position(id)?;
        self.take(&|at, _| at == refused).pop()
    }

    /// Takes the messages that were sent and not answered.
    pub(crate) fn take_unanswered(&mut self) -> Vec<Outgoing<M>> {
        let sent = self.sent;
        self.take(&|at, _| at < sent)
    }

    /// Takes the waiting messages that are larger than the server accepts.
    pub(crate) fn take_larger(&mut self, limit: usize) -> Vec<Outgoing<M>> {
        let sent = self.sent;
        self.take(&|at, outgoing| at >= sent && outgoing.bytes > limit)
    }

    /// Takes everything, oldest first.
    pub(crate) fn take_all(&mut self) -> Vec<Outgoing<M>> {
        std::mem::replace(self, Self::new()).kept
    }

    fn position(&self, id: MessageId) -> Option<usize> {
        self.kept.iter().take(self.sent).position(|outgoing| outgoing.id == id)
    }

    /// Takes some messages, by their place and what they are.
    fn take(&mut self, is_taken: &dyn Fn(usize, &Outgoing<M>) -> bool) -> Vec<Outgoing<M>> {
        let (mut taken, sent) = (Vec::new(), self.sent);
        for (at, outgoing) in std::mem::take(&mut self.kept).into_iter().enumerate() {
            if !is_taken(at, &outgoing) {
                self.kept.push(outgoing);
                continue;
            }
            self.bytes = self.bytes.saturating_sub(outgoing.bytes);
            if at < sent {
                self.sent -= 1;
                self.sent_bytes = self.sent_bytes.saturating_sub(outgoing.bytes);
            }
            taken.push(outgoing);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64, bytes: usize) -> Outgoing<u64> {
        Outgoing { id: MessageId(id), to: Destination::Server, data: id, bytes }
    }

    fn ids(messages: impl IntoIterator<Item = Outgoing<u64>>) -> Vec<u64> {
        messages.into_iter().map(|outgoing| outgoing.id.0).collect()
    }

    #[test]
    fn a_full_outbox_refuses_and_keeps_what_it_has_until_it_is_answered() {
        let limits = QueueLimits { max_messages: 2, max_bytes: 10 };
        let mut outbox = Outbox::new();

        assert!(outbox.check(11, 0, limits).is_err());
        outbox.push(message(1, 8));
        assert!(outbox.check(3, 0, limits).is_err());
        assert!(outbox.check(2, 0, limits).is_ok());
        outbox.push(message(2, 2));
        assert_eq!(outbox.check(0, 0, limits).unwrap_err().code, ErrorCode::QueueFull);

        outbox.next();
        assert_eq!(outbox.waiting_bytes(), 2);
        assert!(outbox.check(0, 0, limits).is_err());
        assert_eq!(ids(outbox.accepted(MessageId(1))), [1]);
        assert!(outbox.check(8, 0, limits).is_ok());
        assert_eq!(outbox.waiting_bytes(), 2);
    }

    #[test]
    fn one_answer_may_stand_for_all_before_it_but_not_for_what_was_not_sent() {
        let mut outbox = Outbox::new();
        for id in 1..=4 {
            outbox.push(message(id, 1));
        }
        for _ in 0..3 {
            outbox.next();
        }

        assert!(outbox.accepted(MessageId(4)).is_empty());
        assert_eq!(outbox.refused(MessageId(2)).map(|outgoing| outgoing.data), Some(2));
        assert_eq!(ids(outbox.accepted(MessageId(3))), [1, 3]);
        assert!(outbox.accepted(MessageId(3)).is_empty());
        assert_eq!(outbox.next().map(|outgoing| outgoing.data), Some(4));
    }

    #[test]
    fn what_was_not_answered_is_sent_again_first() {
        let mut outbox = Outbox::new();
        outbox.push(message(1, 1));
        outbox.push(message(2, 1));
        outbox.next();
        outbox.rewind();

        assert_eq!(outbox.next().map(|outgoing| outgoing.data), Some(1));
        assert_eq!(outbox.next().map(|outgoing| outgoing.data), Some(2));
        assert_eq!(outbox.next(), None);
        assert_eq!(ids(outbox.take_unanswered()), [1, 2]);
    }

    #[test]
    fn what_is_too_large_is_taken_out_of_what_waits() {
        let mut outbox = Outbox::new();
        outbox.push(message(1, 9));
        outbox.next();
        for id in 2..=4 {
            outbox.push(message(id, id as usize));
        }

        assert_eq!(ids(outbox.take_larger(3)), [4]);
        assert_eq!(outbox.waiting_bytes(), 5);
        assert_eq!(ids(outbox.take_all()), [1, 2, 3]);
    }
}
