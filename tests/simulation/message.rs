//! Messages whose sender and number can be told wherever they turn up, and the frames around them:
//! written and read by the codec of `onesocket-protocol`, as another native client would.

use std::sync::Arc;

use bytes::Bytes;
use onesocket_core::protocol::{ClientFrame, Group, ServerFrame, ServerMessage};
use onesocket_protocol::{Encoded, Payload as WirePayload, Wire, decode_server, encode_client};
use onesocket_server::Outgoing;

/// A message: its payload, and what a server says of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) payload: Payload,
    pub(crate) group: Option<Group>,
    pub(crate) from: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Payload {
    Binary(Bytes),
    /// As JSON.
    Text(Arc<str>),
}

/// Which client has sent it, and as which of what it sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    pub(crate) client: usize,
    pub(crate) number: usize,
}

/// A frame on its way to the server.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Binary(Bytes),
    Text(String),
}

impl Message {
    pub(crate) fn text(origin: Origin, filler: usize) -> Self {
        let Origin { client, number } = origin;
        let text = format!(r#"[{client},{number},"{}"]"#, "ü".repeat(filler / 2));
        Self { payload: Payload::Text(text.into()), group: None, from: None }
    }

    pub(crate) fn binary(origin: Origin, filler: usize) -> Self {
        let mut bytes = vec![0; 16 + filler];
        bytes[..8].copy_from_slice(&(origin.client as u64).to_be_bytes());
        bytes[8..16].copy_from_slice(&(origin.number as u64).to_be_bytes());
        Self { payload: Payload::Binary(bytes.into()), group: None, from: None }
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.payload {
            Payload::Binary(bytes) => bytes.len(),
            Payload::Text(text) => text.len(),
        }
    }

    /// Reads where it comes from; `None` if that was lost on the way.
    pub(crate) fn origin(&self) -> Option<Origin> {
        match &self.payload {
            Payload::Binary(bytes) => {
                let word = |at: usize| -> Option<usize> {
                    let bytes = bytes.get(at..at + 8)?.try_into().ok()?;
                    usize::try_from(u64::from_be_bytes(bytes)).ok()
                };
                Some(Origin { client: word(0)?, number: word(8)? })
            }
            Payload::Text(text) => {
                let (client, number, _): (usize, usize, String) =
                    serde_json::from_str(text).ok()?;
                Some(Origin { client, number })
            }
        }
    }
}

/// Writes a frame; says which message is in it, if one is.
pub(crate) fn encode(frame: &ClientFrame<Message>) -> (Frame, Option<Origin>) {
    let message = match frame {
        ClientFrame::Message { data, .. } | ClientFrame::Publish { data, .. } => Some(data),
        ClientFrame::Join { .. }
        | ClientFrame::Leave { .. }
        | ClientFrame::Ping
        | ClientFrame::Pong
        | ClientFrame::Refresh { .. } => None,
    };
    let data = match message.map(|message| &message.payload) {
        Some(Payload::Binary(bytes)) => WirePayload::Binary(bytes),
        Some(Payload::Text(text)) => WirePayload::Json(text),
        None => WirePayload::Text(""),
    };
    let frame = match encode_client(&frame.clone().map(|_| data)) {
        Encoded::Binary(bytes) => Frame::Binary(bytes.into()),
        Encoded::Text(text) => Frame::Text(text),
    };
    (frame, message.and_then(Message::origin))
}

/// Reads of a client's frame which group it names, and whether it asks to join that.
pub(crate) fn asked(frame: &Frame) -> Option<(bool, Group)> {
    let Frame::Text(text) = frame else { return None };
    let head: serde_json::Value = serde_json::from_str(text.lines().next()?).ok()?;
    Some((head["type"] == "join", Group::new(head["group"].as_str()?).ok()?))
}

/// Reads a frame from the server.
pub(crate) fn decode(frame: &Outgoing) -> Result<ServerFrame<Message>, String> {
    let wire = match frame {
        Outgoing::Accepted { id, .. } => return Ok(ServerFrame::Ack { id: *id }),
        Outgoing::Binary(bytes) => Wire::Binary(bytes),
        Outgoing::Text(text) => Wire::Text(text),
    };
    let frame = decode_server(wire).map_err(|error| error.message)?;
    Ok(frame.map(|ServerMessage { data, group, from }| {
        let payload = match data {
            WirePayload::Binary(bytes) => Payload::Binary(Bytes::copy_from_slice(bytes)),
            WirePayload::Json(text) | WirePayload::Text(text) => Payload::Text(text.into()),
        };
        Message { payload, group, from }
    }))
}

/// Says whether a frame of the server holds a message.
pub(crate) fn is_message(frame: &Outgoing) -> bool {
    match frame {
        Outgoing::Accepted { .. } => false,
        Outgoing::Binary(_) => true,
        Outgoing::Text(text) => text.starts_with(r#"{"type":"message""#),
    }
}
