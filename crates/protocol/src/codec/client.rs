//! What a client says, as it stands on the wire.

use super::fields::{Decoded, Fields, Head};
use super::wire::{Encoded, Wire};
use crate::subprotocol::is_client_name;
use crate::{ClientFrame, Payload, SharedFrame, Slot, Token};

/// Reads a frame from a client.
///
/// # Errors
///
/// Says what is missing or wrong; names the id where there is one.
pub fn decode_client(wire: Wire<'_>) -> Decoded<ClientFrame<Payload<'_>>> {
    read(&Fields::read(wire)?)
}

/// Reads a frame from a client that may share its connection, and which one says it.
///
/// # Errors
///
/// Says what is missing or wrong; names the id and the client where there is one.
pub fn decode_shared(wire: Wire<'_>) -> Decoded<(Slot, SharedFrame<Payload<'_>>)> {
    let fields = Fields::read(wire)?;
    let slot = fields.slot()?;
    let frame = match (fields.head.kind.as_ref(), slot) {
        ("attach" | "detach", Slot::OWN) => return Err(fields.lacks("as")),
        ("attach", _) => {
            let client: String = fields.need(fields.head.client, "client")?;
            if !is_client_name(&client) {
                return Err(fields.error("this is no name of a client".to_owned()));
            }
            SharedFrame::Attach { id: fields.id()?, client }
        }
        ("detach", _) => SharedFrame::Detach { id: fields.id()? },
        _ => SharedFrame::Frame(read(&fields)?),
    };
    Ok((slot, frame))
}

fn read<'a>(fields: &Fields<'a>) -> Decoded<ClientFrame<Payload<'a>>> {
    Ok(match fields.head.kind.as_ref() {
        "join" => ClientFrame::Join { id: fields.id()?, group: fields.group()? },
        "leave" => ClientFrame::Leave { id: fields.id()?, group: fields.group()? },
        "message" => ClientFrame::Message { id: fields.id()?, data: fields.payload()? },
        "ping" => ClientFrame::Ping,
        "pong" => ClientFrame::Pong,
        "publish" => {
            let (id, group) = (fields.id()?, fields.group()?);
            ClientFrame::Publish { id, group, data: fields.payload()? }
        }
        "refresh" => {
            let token: String = fields.need(fields.head.token, "token")?;
            ClientFrame::Refresh { id: fields.id()?, token: Token::new(token) }
        }
        _ => return Err(fields.unknown()),
    })
}

/// Writes a frame of a client.
pub fn encode_client(frame: &ClientFrame<Payload<'_>>) -> Encoded {
    let mut head = match frame {
        ClientFrame::Join { group, .. } => Head { group: Some(group.as_str()), ..Head::of("join") },
        ClientFrame::Leave { group, .. } => {
            Head { group: Some(group.as_str()), ..Head::of("leave") }
        }
        ClientFrame::Message { .. } => Head::of("message"),
        ClientFrame::Ping => Head::of("ping"),
        ClientFrame::Pong => Head::of("pong"),
        ClientFrame::Publish { group, .. } => {
            Head { group: Some(group.as_str()), ..Head::of("publish") }
        }
        ClientFrame::Refresh { token, .. } => {
            Head { token: Some(token.reveal()), ..Head::of("refresh") }
        }
    };
    head.id = frame.id().map(|id| id.0);
    let payload = match frame {
        ClientFrame::Message { data, .. } | ClientFrame::Publish { data, .. } => Some(*data),
        ClientFrame::Join { .. }
        | ClientFrame::Leave { .. }
        | ClientFrame::Ping
        | ClientFrame::Pong
        | ClientFrame::Refresh { .. } => None,
    };
    head.write(payload)
}
