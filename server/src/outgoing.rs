//! Outgoing frames, as they go over the wire: encoded once, shared by all recipients.

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use onesocket_protocol::{
    Encoded, Epoch, FrameError, FrameErrorCode, Group, MessageId, Payload, ServerFrame,
    ServerMessage, Slot, encode_attached, encode_server,
};

/// An outgoing frame. A clone shares the bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// The answer to a message that was accepted. It is not encoded yet: it says the same of every
    /// earlier message that was not refused, so the newest one can stand for all.
    Accepted {
        /// The client that has sent it.
        slot: Slot,
        /// Its id.
        id: MessageId,
    },
    /// A binary frame.
    Binary(Bytes),
    /// A text frame.
    Text(Utf8Bytes),
}

impl Outgoing {
    /// Encodes a frame.
    pub fn new(frame: &ServerFrame<ServerMessage<Payload<'_>>>) -> Self {
        encode_server(frame).into()
    }

    /// Encodes an `ack`.
    pub fn ack(id: MessageId) -> Self {
        Self::new(&ServerFrame::Ack { id })
    }

    /// Answers a message that was accepted.
    pub fn accepted(id: MessageId) -> Self {
        Self::Accepted { slot: Slot::OWN, id }
    }

    /// Encodes the answer to a client that is attached, with the epoch of its memory.
    pub fn attached(id: MessageId, epoch: &Epoch) -> Self {
        encode_attached(id, epoch).into()
    }

    /// Returns the frame for these of the clients that share a connection. Nothing changes for the
    /// connection's own client alone.
    #[must_use]
    pub fn addressed(self, slots: &[Slot]) -> Self {
        let numbers = match slots {
            [] | [Slot::OWN] => return self,
            [Slot(one)] => one.to_string(),
            many => format!("{:?}", many.iter().map(|slot| slot.0).collect::<Vec<_>>()),
        };
        // A head is a JSON object and never empty.
        let begins = format!("{{\"as\":{numbers},");
        match self {
            Self::Accepted { id, .. } => {
                Self::Accepted { slot: slots.first().copied().unwrap_or_default(), id }
            }
            Self::Binary(bytes) => Self::Binary(
                [begins.as_bytes(), bytes.get(1..).unwrap_or_default()].concat().into(),
            ),
            Self::Text(text) => Self::Text((begins + text.get(1..).unwrap_or_default()).into()),
        }
    }

    /// Says whether two share their bytes.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Binary(one), Self::Binary(other)) => {
                std::ptr::eq(&raw const **one, &raw const **other)
            }
            (Self::Text(one), Self::Text(other)) => std::ptr::eq(one.as_str(), other.as_str()),
            (Self::Accepted { .. } | Self::Binary(_) | Self::Text(_), _) => false,
        }
    }

    /// Encodes an `error`.
    pub fn error(id: Option<MessageId>, code: FrameErrorCode, message: impl Into<String>) -> Self {
        let error = FrameError { id, group: None, code, message: message.into() };
        Self::new(&ServerFrame::Error(error))
    }

    /// Encodes the `error` that says that a membership has ended.
    pub fn membership_ended(group: &Group) -> Self {
        Self::new(&ServerFrame::Error(FrameError {
            id: None,
            group: Some(group.clone()),
            code: FrameErrorCode::Refused,
            message: format!("this user may not be in {:?} any more", group.as_str()),
        }))
    }

    /// Returns its size in bytes; 0 of what is not encoded yet.
    pub fn len(&self) -> usize {
        match self {
            Self::Accepted { .. } => 0,
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }

    /// Says whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Encoded> for Outgoing {
    fn from(encoded: Encoded) -> Self {
        match encoded {
            Encoded::Binary(bytes) => Self::Binary(bytes.into()),
            Encoded::Text(text) => Self::Text(text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_for_whom_it_is_where_that_is_not_the_connections_own_client_alone() {
        let text = || Outgoing::Text("{\"type\":\"message\"}\n{1}".into());
        let to = |slots: &[u16]| {
            text().addressed(&slots.iter().map(|slot| Slot(*slot)).collect::<Vec<_>>())
        };

        assert_eq!(to(&[0]), text());
        assert_eq!(to(&[3]), Outgoing::Text("{\"as\":3,\"type\":\"message\"}\n{1}".into()));
        assert_eq!(to(&[0, 3]), Outgoing::Text("{\"as\":[0, 3],\"type\":\"message\"}\n{1}".into()));
        let binary = Outgoing::Binary(Bytes::from_static(b"{\"type\":\"message\"}\n\xff"));
        let addressed = Bytes::from_static(b"{\"as\":3,\"type\":\"message\"}\n\xff");
        assert_eq!(binary.addressed(&[Slot(3)]), Outgoing::Binary(addressed));
        let accepted = Outgoing::accepted(MessageId(7)).addressed(&[Slot(3)]);
        assert_eq!(accepted, Outgoing::Accepted { slot: Slot(3), id: MessageId(7) });
    }
}
