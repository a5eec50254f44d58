//! What waits to be sent: bounded, in order.

use std::collections::VecDeque;

use onesocket_protocol::Group;

use crate::config::QueueLimits;
use crate::error::{Error, ErrorCode};
use crate::io::Call;

/// What the user wants to be sent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Outgoing<M> {
    /// To the server itself.
    Message { data: M, bytes: usize },
    /// To a group; the call waits for the server's answer.
    Publish { call: Call, group: Group, data: M, bytes: usize },
}

impl<M> Outgoing<M> {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Message { bytes, .. } | Self::Publish { bytes, .. } => *bytes,
        }
    }
}

/// The queue of what waits for a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Outbox<M> {
    waiting: VecDeque<Outgoing<M>>,
    bytes: usize,
}

impl<M> Outbox<M> {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0 }
    }

    /// Returns how many bytes of payload are waiting.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Says whether there is room for so many bytes more.
    pub(crate) fn check(&self, bytes: usize, limits: QueueLimits) -> Result<(), Error> {
        let fits = self.waiting.len() < limits.max_messages
            && bytes <= limits.max_bytes.saturating_sub(self.bytes);
        if fits {
            return Ok(());
        }
        let QueueLimits { max_messages, max_bytes } = limits;
        Err(Error::new(
            ErrorCode::QueueFull,
            format!(
                "The queue is full ({max_messages} messages or {max_bytes} bytes wait for a \
                 connection). Send less, or raise the option queue."
            ),
        ))
    }

    /// Appends what [`check`](Self::check) has allowed.
    pub(crate) fn push(&mut self, outgoing: Outgoing<M>) {
        self.bytes = self.bytes.saturating_add(outgoing.bytes());
        self.waiting.push_back(outgoing);
    }

    /// Takes everything, oldest first.
    pub(crate) fn take(&mut self) -> VecDeque<Outgoing<M>> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: u8, bytes: usize) -> Outgoing<u8> {
        Outgoing::Message { data, bytes }
    }

    #[test]
    fn a_full_queue_refuses_and_keeps_what_it_has() {
        let limits = QueueLimits { max_messages: 2, max_bytes: 10 };
        let mut outbox = Outbox::new();

        assert!(outbox.check(11, limits).is_err());
        outbox.push(message(1, 8));
        assert!(outbox.check(3, limits).is_err());
        assert!(outbox.check(2, limits).is_ok());
        outbox.push(message(2, 2));
        assert_eq!(outbox.check(0, limits).unwrap_err().code, ErrorCode::QueueFull);

        assert_eq!(outbox.bytes(), 10);
        assert_eq!(outbox.take(), [message(1, 8), message(2, 2)]);
        assert_eq!(outbox.bytes(), 0);
    }
}
