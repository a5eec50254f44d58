//! Frames as bytes, for native code. A browser reads and writes the same JSON with its own parser
//! and serialiser, so that payloads need not be copied into wasm.
//!
//! A text frame is one JSON object with a `type`. A binary frame from a client is its id, 8 bytes
//! big-endian, and the payload; one from a server is the payload and nothing else. A payload that
//! is JSON is checked, never interpreted, and passed on as it was written.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ClientFrame, ConnectionId, Epoch, FrameError, FrameErrorCode, Group, MessageId, ServerFrame,
    ServerMessage, Token, Welcome,
};

/// Why bytes are no frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeError {
    /// The id in them, where one could be read: the answer to it is an error.
    pub id: Option<MessageId>,
    /// What is wrong, for people.
    pub message: String,
}

impl DecodeError {
    fn new(id: Option<MessageId>, message: impl Into<String>) -> Self {
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
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    group: Option<&'a RawValue>,
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    connection_id: Option<&'a RawValue>,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
    #[serde(borrow)]
    token_expires_in_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    ping_interval_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    max_message_bytes: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    epoch: Option<&'a RawValue>,
}

/// Keeps a `null` that was written apart from a field that was not.
fn present<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Decoded<Self> {
        serde_json::from_str(text)
            .map_err(|error| DecodeError::new(None, format!("no frame: {error}")))
    }

    fn id(&self) -> Decoded<MessageId> {
        check_id(MessageId(self.need(self.id, "id")?))
    }

    fn group(&self) -> Decoded<Group> {
        let name: String = self.need(self.group, "group")?;
        Group::new(name).map_err(|error| self.error(error.to_string()))
    }

    fn data(&self) -> Decoded<&'a RawValue> {
        self.data.ok_or_else(|| self.lacks("data"))
    }

    fn token_expires_in(&self) -> Decoded<Option<Duration>> {
        let ms: Option<u64> = self.may(self.token_expires_in_ms, "tokenExpiresInMs")?;
        Ok(ms.map(Duration::from_millis))
    }

    /// Reads a field that the frame must have.
    fn need<T: Deserialize<'a>>(&self, field: Option<&'a RawValue>, name: &str) -> Decoded<T> {
        self.may(field, name)?.ok_or_else(|| self.lacks(name))
    }

    /// Reads a field that the frame may have.
    fn may<T: Deserialize<'a>>(
        &self,
        field: Option<&'a RawValue>,
        name: &str,
    ) -> Decoded<Option<T>> {
        let read = field.map(|raw| serde_json::from_str(raw.get())).transpose();
        read.map_err(|_| self.error(format!("the field \"{name}\" is of the wrong type")))
    }

    fn lacks(&self, field: &str) -> DecodeError {
        self.error(format!("a frame of type \"{}\" needs \"{field}\"", self.kind))
    }

    fn unknown(&self) -> DecodeError {
        let kind: String = self.kind.chars().take(32).collect();
        self.error(format!("no frame of ours has the type \"{kind}\""))
    }

    fn error(&self, message: String) -> DecodeError {
        let id = self.id.and_then(|raw| serde_json::from_str(raw.get()).ok());
        DecodeError::new(id.and_then(|id| check_id(MessageId(id)).ok()), message)
    }
}

/// The fields of a text frame that is written.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_expires_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_interval_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_message_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    fn of(kind: &'a str) -> Self {
        Self { kind, ..Self::default() }
    }

    fn write(&self) -> String {
        // Nothing in an envelope can fail to serialise: no maps, no foreign `Serialize`.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn check_id(id: MessageId) -> Decoded<MessageId> {
    if (MessageId(1)..=MessageId::MAX).contains(&id) {
        return Ok(id);
    }
    Err(DecodeError::new(None, format!("an id is 1 to {}", MessageId::MAX.0)))
}

/// Reads a text frame from a client.
///
/// # Errors
///
/// Says what is missing or wrong; names the id where there is one.
pub fn decode_client_text(text: &str) -> Decoded<ClientFrame<&RawValue>> {
    let fields = Fields::read(text)?;
    Ok(match fields.kind.as_ref() {
        "join" => ClientFrame::Join { id: fields.id()?, group: fields.group()? },
        "leave" => ClientFrame::Leave { id: fields.id()?, group: fields.group()? },
        "message" => ClientFrame::Message { id: fields.id()?, data: fields.data()? },
        "ping" => ClientFrame::Ping,
        "pong" => ClientFrame::Pong,
        "publish" => {
            let (id, group) = (fields.id()?, fields.group()?);
            ClientFrame::Publish { id, group, data: fields.data()? }
        }
        "refresh" => {
            let token: String = fields.need(fields.token, "token")?;
            ClientFrame::Refresh { id: fields.id()?, token: Token::new(token) }
        }
        _ => return Err(fields.unknown()),
    })
}

/// Reads a binary frame from a client: always a [`ClientFrame::Message`].
///
/// # Errors
///
/// Says so if there is no id in it.
pub fn decode_client_binary(bytes: &[u8]) -> Decoded<ClientFrame<&[u8]>> {
    let Some((id, data)) = bytes.split_first_chunk() else {
        return Err(DecodeError::new(None, "a binary frame begins with an id of 8 bytes"));
    };
    let id = check_id(MessageId(u64::from_be_bytes(*id)))?;
    Ok(ClientFrame::Message { id, data })
}

/// Writes a text frame of a client.
pub fn encode_client_text(frame: &ClientFrame<&RawValue>) -> String {
    let mut envelope = match frame {
        ClientFrame::Join { group, .. } => {
            Envelope { group: Some(group.as_str()), ..Envelope::of("join") }
        }
        ClientFrame::Leave { group, .. } => {
            Envelope { group: Some(group.as_str()), ..Envelope::of("leave") }
        }
        ClientFrame::Message { data, .. } => {
            Envelope { data: Some(*data), ..Envelope::of("message") }
        }
        ClientFrame::Ping => Envelope::of("ping"),
        ClientFrame::Pong => Envelope::of("pong"),
        ClientFrame::Publish { group, data, .. } => {
            Envelope { group: Some(group.as_str()), data: Some(*data), ..Envelope::of("publish") }
        }
        ClientFrame::Refresh { token, .. } => {
            Envelope { token: Some(token.reveal()), ..Envelope::of("refresh") }
        }
    };
    envelope.id = frame.id().map(|id| id.0);
    envelope.write()
}

/// Writes a binary message of a client.
pub fn encode_client_binary(id: MessageId, data: &[u8]) -> Vec<u8> {
    [&id.0.to_be_bytes(), data].concat()
}

/// Reads a text frame from a server.
///
/// # Errors
///
/// Says what is missing or wrong; names the id where there is one.
pub fn decode_server_text(text: &str) -> Decoded<ServerFrame<ServerMessage<&RawValue>>> {
    let fields = Fields::read(text)?;
    Ok(match fields.kind.as_ref() {
        "ack" => ServerFrame::Ack { id: fields.id()? },
        "error" => ServerFrame::Error(FrameError {
            id: fields.may(fields.id, "id")?.map(MessageId),
            code: FrameErrorCode::read(&fields.need::<Cow<str>>(fields.code, "code")?),
            message: fields.need(fields.message, "message")?,
        }),
        "message" => ServerFrame::Message(ServerMessage {
            data: fields.data()?,
            group: fields.group.map(|_| fields.group()).transpose()?,
            from: fields.may(fields.from, "from")?,
        }),
        "ping" => ServerFrame::Ping,
        "pong" => ServerFrame::Pong,
        "refreshed" => ServerFrame::Refreshed {
            id: fields.id()?,
            token_expires_in: fields.token_expires_in()?,
        },
        "welcome" => {
            let token_expires_in = fields.token_expires_in()?;
            let ping_interval = fields.need(fields.ping_interval_ms, "pingIntervalMs")?;
            ServerFrame::Welcome(Welcome {
                connection_id: ConnectionId(fields.need(fields.connection_id, "connectionId")?),
                user: fields.need(fields.user, "user")?,
                token_expires_in,
                ping_interval: Duration::from_millis(ping_interval),
                max_message_bytes: fields.need(fields.max_message_bytes, "maxMessageBytes")?,
                epoch: fields.may(fields.epoch, "epoch")?.map(Epoch),
            })
        }
        _ => return Err(fields.unknown()),
    })
}

/// Writes a text frame of a server.
pub fn encode_server_text(frame: &ServerFrame<ServerMessage<&RawValue>>) -> String {
    match frame {
        ServerFrame::Ack { id } => Envelope { id: Some(id.0), ..Envelope::of("ack") },
        ServerFrame::Error(error) => Envelope {
            id: error.id.map(|id| id.0),
            code: Some(error.code.as_str()),
            message: Some(error.message.as_str()),
            ..Envelope::of("error")
        },
        ServerFrame::Message(message) => Envelope {
            group: message.group.as_ref().map(Group::as_str),
            from: message.from.as_deref(),
            data: Some(message.data),
            ..Envelope::of("message")
        },
        ServerFrame::Ping => Envelope::of("ping"),
        ServerFrame::Pong => Envelope::of("pong"),
        ServerFrame::Refreshed { id, token_expires_in } => Envelope {
            id: Some(id.0),
            token_expires_in_ms: token_expires_in.map(whole_ms),
            ..Envelope::of("refreshed")
        },
        ServerFrame::Welcome(welcome) => Envelope {
            connection_id: Some(welcome.connection_id.0.as_str()),
            user: Some(welcome.user.as_str()),
            token_expires_in_ms: welcome.token_expires_in.map(whole_ms),
            ping_interval_ms: Some(whole_ms(welcome.ping_interval)),
            max_message_bytes: Some(welcome.max_message_bytes),
            epoch: welcome.epoch.as_ref().map(|epoch| epoch.0.as_str()),
            ..Envelope::of("welcome")
        },
    }
    .write()
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
