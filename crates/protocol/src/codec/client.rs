//! What a client says, as bytes: text frames, and binary messages.

use serde_json::value::RawValue;

use super::fields::{DecodeError, Decoded, Envelope, Fields, check_id};
use crate::{ClientFrame, MessageId, Token};

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
