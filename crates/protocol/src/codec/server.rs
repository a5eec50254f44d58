//! What a server says, as it stands on the wire.

use std::borrow::Cow;

use super::fields::{Decoded, Fields, Head};
use super::wire::{Encoded, Wire};
use crate::{
    ConnectionId, Epoch, FrameError, FrameErrorCode, Group, MessageId, Payload, ServerFrame,
    ServerMessage, Span, Welcome,
};

/// Reads a frame from a server.
///
/// # Errors
///
/// Says what is missing or wrong; names the id where there is one.
pub fn decode_server(wire: Wire<'_>) -> Decoded<ServerFrame<ServerMessage<Payload<'_>>>> {
    let fields = Fields::read(wire)?;
    let head = &fields.head;
    Ok(match head.kind.as_ref() {
        "ack" => ServerFrame::Ack { id: fields.id()? },
        "error" => ServerFrame::Error(FrameError {
            id: fields.may(head.id, "id")?.map(MessageId),
            group: head.group.map(|_| fields.group()).transpose()?,
            code: FrameErrorCode::read(&fields.need::<Cow<str>>(head.code, "code")?),
            message: fields.need(head.message, "message")?,
        }),
        "message" => ServerFrame::Message(ServerMessage {
            data: fields.payload()?,
            group: head.group.map(|_| fields.group()).transpose()?,
            from: fields.may(head.from, "from")?,
        }),
        "ping" => ServerFrame::Ping,
        "pong" => ServerFrame::Pong,
        "refreshed" => ServerFrame::Refreshed {
            id: fields.id()?,
            token_expires_in: fields.token_expires_in()?,
        },
        "welcome" => {
            let token_expires_in = fields.token_expires_in()?;
            let ping_interval = fields.need(head.ping_interval_ms, "pingIntervalMs")?;
            ServerFrame::Welcome(Welcome {
                connection_id: ConnectionId(fields.need(head.connection_id, "connectionId")?),
                user: fields.need(head.user, "user")?,
                token_expires_in,
                ping_interval: Span::from_millis(ping_interval),
                max_message_bytes: fields.need(head.max_message_bytes, "maxMessageBytes")?,
                epoch: fields.may(head.epoch, "epoch")?.map(Epoch),
                tabs: fields.may(head.tabs, "tabs")?,
            })
        }
        _ => return Err(fields.unknown()),
    })
}

/// Writes the answer to a client that is attached to a connection: the epoch is that of its memory.
pub fn encode_attached(id: MessageId, epoch: &Epoch) -> Encoded {
    Head { id: Some(id.0), epoch: Some(epoch.0.as_str()), ..Head::of("attached") }.write(None)
}

/// Writes a frame of a server.
pub fn encode_server(frame: &ServerFrame<ServerMessage<Payload<'_>>>) -> Encoded {
    let head = match frame {
        ServerFrame::Ack { id } => Head { id: Some(id.0), ..Head::of("ack") },
        ServerFrame::Error(error) => Head {
            id: error.id.map(|id| id.0),
            group: error.group.as_ref().map(Group::as_str),
            code: Some(error.code.as_str()),
            message: Some(error.message.as_str()),
            ..Head::of("error")
        },
        ServerFrame::Message(message) => Head {
            group: message.group.as_ref().map(Group::as_str),
            from: message.from.as_deref(),
            ..Head::of("message")
        },
        ServerFrame::Ping => Head::of("ping"),
        ServerFrame::Pong => Head::of("pong"),
        ServerFrame::Refreshed { id, token_expires_in } => Head {
            id: Some(id.0),
            token_expires_in_ms: token_expires_in.map(Span::whole_ms),
            ..Head::of("refreshed")
        },
        ServerFrame::Welcome(welcome) => Head {
            connection_id: Some(welcome.connection_id.0.as_str()),
            user: Some(welcome.user.as_str()),
            token_expires_in_ms: welcome.token_expires_in.map(Span::whole_ms),
            ping_interval_ms: Some(welcome.ping_interval.whole_ms()),
            max_message_bytes: Some(welcome.max_message_bytes),
            epoch: welcome.epoch.as_ref().map(|epoch| epoch.0.as_str()),
            tabs: welcome.tabs,
            ..Head::of("welcome")
        },
    };
    let payload = match frame {
        ServerFrame::Message(message) => Some(message.data),
        ServerFrame::Ack { .. }
        | ServerFrame::Error(_)
        | ServerFrame::Ping
        | ServerFrame::Pong
        | ServerFrame::Refreshed { .. }
        | ServerFrame::Welcome(_) => None,
    };
    head.write(payload)
}
