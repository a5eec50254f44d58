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

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_clients_frames_are_written_as_the_protocol_says() {
        let group = Group::new("tea").unwrap();
        let id = MessageId(7);
        for (frame, text) in [
            (ClientFrame::Ping, r#"{"type":"ping"}"#),
            (ClientFrame::Pong, r#"{"type":"pong"}"#),
            (
                ClientFrame::Refresh { id, token: Token::new("t") },
                r#"{"type":"refresh","id":7,"token":"t"}"#,
            ),
            (
                ClientFrame::Join { id, group: group.clone() },
                r#"{"type":"join","id":7,"group":"tea"}"#,
            ),
            (
                ClientFrame::Leave { id, group: group.clone() },
                r#"{"type":"leave","id":7,"group":"tea"}"#,
            ),
            (
                ClientFrame::Message { id, data: raw(r#""hello""#) },
                r#"{"type":"message","id":7,"data":"hello"}"#,
            ),
            (
                ClientFrame::Publish { id, group, data: raw(r#"{"a": [1, null]}"#) },
                r#"{"type":"publish","id":7,"group":"tea","data":{"a": [1, null]}}"#,
            ),
        ] {
            assert_eq!(encode_client_text(&frame), text);
            assert_eq!(encode_client_text(&decode_client_text(text).unwrap()), text);
        }
    }

    #[test]
    fn a_servers_frames_are_written_as_the_protocol_says() {
        let id = MessageId(7);
        for (frame, text) in [
            (ServerFrame::Ping, r#"{"type":"ping"}"#),
            (ServerFrame::Pong, r#"{"type":"pong"}"#),
            (
                ServerFrame::Refreshed { id, token_expires_in: Some(Duration::from_secs(300)) },
                r#"{"type":"refreshed","id":7,"tokenExpiresInMs":300000}"#,
            ),
            (ServerFrame::Ack { id }, r#"{"type":"ack","id":7}"#),
            (
                ServerFrame::Error(FrameError {
                    id: Some(id),
                    code: FrameErrorCode::NoHandler,
                    message: "m".into(),
                }),
                r#"{"type":"error","id":7,"code":"no-handler","message":"m"}"#,
            ),
            (
                ServerFrame::Message(ServerMessage {
                    data: raw("null"),
                    group: Some(Group::new("tea").unwrap()),
                    from: Some("ada".into()),
                }),
                r#"{"type":"message","group":"tea","from":"ada","data":null}"#,
            ),
            (
                ServerFrame::Welcome(Welcome {
                    connection_id: ConnectionId("c1".into()),
                    user: "ada".into(),
                    token_expires_in: Some(Duration::from_secs(300)),
                    ping_interval: Duration::from_secs(25),
                    max_message_bytes: 65536,
                    epoch: Some(Epoch("5f.42".into())),
                }),
                concat!(
                    r#"{"type":"welcome","connectionId":"c1","user":"ada","#,
                    r#""tokenExpiresInMs":300000,"pingIntervalMs":25000,"maxMessageBytes":65536,"epoch":"5f.42"}"#
                ),
            ),
        ] {
            assert_eq!(encode_server_text(&frame), text);
            assert_eq!(encode_server_text(&decode_server_text(text).unwrap()), text);
        }
    }

    #[test]
    fn a_binary_message_begins_with_its_id() {
        let bytes = encode_client_binary(MessageId(258), b"\xff\x00");
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 1, 2, 0xff, 0]);
        let frame = ClientFrame::Message { id: MessageId(258), data: &b"\xff\x00"[..] };
        assert_eq!(decode_client_binary(&bytes), Ok(frame));
        for bad in [&b""[..], &[0; 7], &[0; 8], &[0xff; 9]] {
            assert!(decode_client_binary(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_a_frame_does_not_have_is_ignored() {
        let text = r#"{"type":"pong","id":"seven","message":5,"data":null,"more":[]}"#;
        assert_eq!(decode_client_text(text).unwrap().id(), None);
    }

    #[test]
    fn what_is_no_frame_is_named_with_its_id() {
        for (text, id, message) in [
            ("", None, "no frame: EOF while parsing a value at line 1 column 0"),
            ("[]", None, "no frame: "),
            (r#"{"id":3}"#, None, "no frame: missing field `type`"),
            (r#"{"type":"dance","id":3}"#, Some(3), r#"no frame of ours has the type "dance""#),
            (r#"{"type":"join","group":"a"}"#, None, r#"a frame of type "join" needs "id""#),
            (r#"{"type":"join","id":3}"#, Some(3), r#"a frame of type "join" needs "group""#),
            (r#"{"type":"join","id":3,"group":""}"#, Some(3), "the name of a group"),
            (r#"{"type":"join","id":0,"group":"a"}"#, None, "an id is 1 to"),
            (r#"{"type":"join","id":9007199254740992,"group":"a"}"#, None, "an id is 1 to"),
            (r#"{"type":"join","id":-1,"group":"a"}"#, None, r#""id" is of the wrong type"#),
            (r#"{"type":"join","id":3,"group":7}"#, Some(3), r#""group" is of the wrong type"#),
            (r#"{"type":"message","id":3}"#, Some(3), r#"needs "data""#),
        ] {
            let error = decode_client_text(text).unwrap_err();
            assert_eq!(error.id, id.map(MessageId), "{text}");
            assert!(error.to_string().contains(message), "{text}: {error:?}");
        }
    }
}
