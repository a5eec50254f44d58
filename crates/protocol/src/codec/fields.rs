//! The head of a frame and its payload, and what is wrong with bytes that are not a frame.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wire::{Encoded, Wire};
use crate::{Group, MessageId, Payload, Slot, Span};

/// Why bytes are no frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeError {
    /// The id in them, where one could be read: the answer to it is an error.
    pub id: Option<MessageId>,
    /// Which of the clients that share the connection has said it.
    pub slot: Slot,
    /// What is wrong, for people.
    pub message: String,
}

impl DecodeError {
    pub(super) fn new(id: Option<MessageId>, message: impl Into<String>) -> Self {
        Self { id, slot: Slot::OWN, message: message.into() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

/// What decoding gives.
pub type Decoded<T> = Result<T, DecodeError>;

/// A frame that is read: its head, and what stands behind it.
pub(super) struct Fields<'a> {
    pub(super) head: ReadHead<'a>,
    behind: Option<Wire<'a>>,
}

/// The fields of a head that is read, each as it was written: a frame is judged by those that its
/// type has, whatever else is in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadHead<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) group: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) from: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) format: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) code: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) connection_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) user: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) token_expires_in_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) ping_interval_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) max_message_bytes: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) epoch: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tabs: Option<&'a RawValue>,
    #[serde(rename = "as", borrow)]
    pub(super) slot: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) client: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(wire: Wire<'a>) -> Decoded<Self> {
        let no_frame = |why: &dyn fmt::Display| DecodeError::new(None, format!("no frame: {why}"));
        let (head, behind) = match wire {
            Wire::Text(text) => match text.split_once('\n') {
                Some((head, behind)) => (head, Some(Wire::Text(behind))),
                None => (text, None),
            },
            Wire::Binary(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let (head, behind) = bytes.split_at(end.unwrap_or(bytes.len()));
                let head = std::str::from_utf8(head).map_err(|error| no_frame(&error))?;
                (head, end.map(|_| Wire::Binary(&behind[1..])))
            }
        };
        let head = serde_json::from_str(head).map_err(|error| no_frame(&error))?;
        Ok(Self { head, behind })
    }

    pub(super) fn id(&self) -> Decoded<MessageId> {
        check_id(MessageId(self.need(self.head.id, "id")?))
    }

    /// Returns the client that speaks: the connection's own if the frame names none.
    pub(super) fn slot(&self) -> Decoded<Slot> {
        let read = self.head.slot.map(|raw| serde_json::from_str(raw.get()).map(Slot));
        match read {
            None => Ok(Slot::OWN),
            Some(Ok(slot)) if (Slot(1)..=Slot::MAX).contains(&slot) => Ok(slot),
            Some(_) => Err(DecodeError::new(None, format!("\"as\" is 1 to {}", Slot::MAX.0))),
        }
    }

    pub(super) fn group(&self) -> Decoded<Group> {
        let name: String = self.need(self.head.group, "group")?;
        Group::new(name).map_err(|error| self.error(error.to_string()))
    }

    /// Returns the payload, which the frame must have.
    pub(super) fn payload(&self) -> Decoded<Payload<'a>> {
        let behind = self.behind.ok_or_else(|| {
            self.error(format!("a frame of type \"{}\" needs a payload", self.head.kind))
        })?;
        match behind {
            Wire::Binary(bytes) => Ok(Payload::Binary(bytes)),
            Wire::Text(text) => {
                match self.may::<Cow<str>>(self.head.format, "format")?.as_deref() {
                    None => Ok(Payload::Json(text)),
                    Some(TEXT) => Ok(Payload::Text(text)),
                    Some(_) => Err(self.error("the \"format\" is none of ours".to_owned())),
                }
            }
        }
    }

    pub(super) fn token_expires_in(&self) -> Decoded<Option<Span>> {
        let ms: Option<u64> = self.may(self.head.token_expires_in_ms, "tokenExpiresInMs")?;
        Ok(ms.map(Span::from_millis))
    }

    /// Reads a field that the frame must have.
    pub(super) fn need<T: Deserialize<'a>>(
        &self,
        field: Option<&'a RawValue>,
        name: &str,
    ) -> Decoded<T> {
        self.may(field, name)?.ok_or_else(|| self.lacks(name))
    }

    /// Reads a field that the frame may have.
    pub(super) fn may<T: Deserialize<'a>>(
        &self,
        field: Option<&'a RawValue>,
        name: &str,
    ) -> Decoded<Option<T>> {
        let read = field.map(|raw| serde_json::from_str(raw.get())).transpose();
        read.map_err(|_| self.error(format!("the field \"{name}\" is of the wrong type")))
    }

    pub(super) fn lacks(&self, field: &str) -> DecodeError {
        self.error(format!("a frame of type \"{}\" needs \"{field}\"", self.head.kind))
    }

    pub(super) fn unknown(&self) -> DecodeError {
        let kind: String = self.head.kind.chars().take(32).collect();
        self.error(format!("no frame of ours has the type \"{kind}\""))
    }

    pub(super) fn error(&self, message: String) -> DecodeError {
        let id = self.head.id.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let id = id.and_then(|id| check_id(MessageId(id)).ok());
        DecodeError { slot: self.slot().unwrap_or_default(), ..DecodeError::new(id, message) }
    }
}

/// The fields of a head that is written.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_expires_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ping_interval_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_message_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tabs: Option<u16>,
}

impl<'a> Head<'a> {
    pub(super) fn of(kind: &'a str) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Writes the frame, with its payload if it has one.
    pub(super) fn write(mut self, payload: Option<Payload<'_>>) -> Encoded {
        if let Some(Payload::Text(_)) = payload {
            self.format = Some(TEXT);
        }
        // Nothing in a head can fail to serialise: no maps, no foreign `Serialize`.
        let mut head = serde_json::to_string(&self).unwrap_or_default();
        match payload {
            None => Encoded::Text(head),
            Some(Payload::Json(text) | Payload::Text(text)) => {
                head.reserve_exact(1 + text.len());
                head.push('\n');
                head.push_str(text);
                Encoded::Text(head)
            }
            Some(Payload::Binary(data)) => {
                let mut bytes = head.into_bytes();
                bytes.reserve_exact(1 + data.len());
                bytes.push(b'\n');
                bytes.extend_from_slice(data);
                Encoded::Binary(bytes)
            }
        }
    }
}

/// The `format` of a payload that is a text and not JSON.
const TEXT: &str = "text";

pub(super) fn check_id(id: MessageId) -> Decoded<MessageId> {
    if (MessageId(1)..=MessageId::MAX).contains(&id) {
        return Ok(id);
    }
    Err(DecodeError::new(None, format!("an id is 1 to {}", MessageId::MAX.0)))
}
