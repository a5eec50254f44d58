//! The fields of text frames, and what is wrong with bytes that are not a frame.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Group, MessageId};

/// Why bytes are no frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeError {
    /// The id in them, where one could be read: the answer to it is an error.
    pub id: Option<MessageId>,
    /// What is wrong, for people.
    pub message: String,
}

impl DecodeError {
    pub(super) fn new(id: Option<MessageId>, message: impl Into<String>) -> Self {
        Self { id, message: message.into() }
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

/// The fields of a text frame that is read, each as it was written: a frame is judged by those that
/// its type has, whatever else is in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) group: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) from: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) data: Option<&'a RawValue>,
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
}

/// Keeps a `null` that was written apart from a field that was not.
fn present<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

impl<'a> Fields<'a> {
    pub(super) fn read(text: &'a str) -> Decoded<Self> {
        serde_json::from_str(text)
            .map_err(|error| DecodeError::new(None, format!("no frame: {error}")))
    }

    pub(super) fn id(&self) -> Decoded<MessageId> {
        check_id(MessageId(self.need(self.id, "id")?))
    }

    pub(super) fn group(&self) -> Decoded<Group> {
        let name: String = self.need(self.group, "group")?;
        Group::new(name).map_err(|error| self.error(error.to_string()))
    }

    pub(super) fn data(&self) -> Decoded<&'a RawValue> {
        self.data.ok_or_else(|| self.lacks("data"))
    }

    pub(super) fn token_expires_in(&self) -> Decoded<Option<Duration>> {
        let ms: Option<u64> = self.may(self.token_expires_in_ms, "tokenExpiresInMs")?;
        Ok(ms.map(Duration::from_millis))
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
        self.error(format!("a frame of type \"{}\" needs \"{field}\"", self.kind))
    }

    pub(super) fn unknown(&self) -> DecodeError {
        let kind: String = self.kind.chars().take(32).collect();
        self.error(format!("no frame of ours has the type \"{kind}\""))
    }

    pub(super) fn error(&self, message: String) -> DecodeError {
        let id = self.id.and_then(|raw| serde_json::from_str(raw.get()).ok());
        DecodeError::new(id.and_then(|id| check_id(MessageId(id)).ok()), message)
    }
}

/// The fields of a text frame that is written.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a RawValue>,
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
}

impl<'a> Envelope<'a> {
    pub(super) fn of(kind: &'a str) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(super) fn write(&self) -> String {
        // Nothing in an envelope can fail to serialise: no maps, no foreign `Serialize`.
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub(super) fn check_id(id: MessageId) -> Decoded<MessageId> {
    if (MessageId(1)..=MessageId::MAX).contains(&id) {
        return Ok(id);
    }
    Err(DecodeError::new(None, format!("an id is 1 to {}", MessageId::MAX.0)))
}
