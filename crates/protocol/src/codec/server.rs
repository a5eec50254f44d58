//! What a server says, as text frames. Its binary frames are payloads and need no codec.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::value::RawValue;

use super::fields::{Decoded, Envelope, Fields};
use crate::{
    ConnectionId, Epoch, FrameError, FrameErrorCode, Group, MessageId, ServerFrame, ServerMessage,
    Welcome, whole_ms,
};

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
