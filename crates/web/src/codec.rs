//! Frames, written and read by the browser's own JSON: payloads stay in JavaScript.
//!
//! A payload that is sent is the JSON text of it, a JavaScript string, or bytes, a `Uint8Array`. A
//! message that was received is the whole parsed frame, or an `ArrayBuffer`.

use std::time::Duration;

use js_sys::{JSON, JsString, Uint8Array};
use onesocket_core::protocol::{
    ClientFrame, ConnectionId, Epoch, FrameError, FrameErrorCode, Group, MessageId, ServerFrame,
    Welcome,
};
use onesocket_core::{Sentence, Text};
use wasm_bindgen::{JsCast, JsValue};

use crate::binding::{Fields, parse_json};

/// Writes a frame: what a `WebSocket` is to send.
pub fn encode(frame: &ClientFrame<JsValue>) -> JsValue {
    match frame {
        ClientFrame::Join { id, group } => {
            with_group("join", *id, group).concat(&"}".into()).into()
        }
        ClientFrame::Leave { id, group } => {
            with_group("leave", *id, group).concat(&"}".into()).into()
        }
        ClientFrame::Message { id, data } => match data.dyn_ref::<Uint8Array>() {
            Some(bytes) => binary(*id, bytes).into(),
            None => {
                let head = format!(r#"{{"type":"message","id":{},"data":"#, id.0);
                JsString::from(head).concat(data).concat(&"}".into()).into()
            }
        },
        ClientFrame::Ping => r#"{"type":"ping"}"#.into(),
        ClientFrame::Pong => r#"{"type":"pong"}"#.into(),
        ClientFrame::Publish { id, group, data } => {
            let head = with_group("publish", *id, group).concat(&r#","data":"#.into());
            head.concat(data).concat(&"}".into()).into()
        }
        ClientFrame::Refresh { id, token } => {
            let head = JsString::from(format!(r#"{{"type":"refresh","id":{},"token":"#, id.0));
            head.concat(&quoted(token.reveal())).concat(&"}".into()).into()
        }
    }
}

fn with_group(kind: &str, id: MessageId, group: &Group) -> JsString {
    let head = JsString::from(format!(r#"{{"type":"{kind}","id":{},"group":"#, id.0));
    head.concat(&quoted(group.as_str()))
}

fn quoted(text: &str) -> JsString {
    // A string is always JSON.
    JSON::stringify(&text.into()).unwrap_or_default()
}

fn binary(id: MessageId, data: &Uint8Array) -> Uint8Array {
    let id = id.0.to_be_bytes();
    let frame = Uint8Array::new_with_length(8 + data.length());
    frame.subarray(0, 8).copy_from(&id);
    frame.set(data, 8);
    frame
}

/// Reads what a `WebSocket` has received.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn decode(data: JsValue) -> Result<ServerFrame<JsValue>, Text> {
    if !data.is_string() {
        return Ok(ServerFrame::Message(data));
    }
    let parsed = parse_json(&data).map_err(|_| Text::new(Sentence::NotJson))?;
    if !parsed.is_object() {
        return Err(Text::new(Sentence::NotAnObject));
    }
    let fields = parsed.unchecked_ref::<Fields>();
    let kind = fields.kind().as_string().unwrap_or_default();
    let frame = match kind.as_str() {
        "ack" => id(fields).map(|id| ServerFrame::Ack { id }),
        "error" => error(fields).map(ServerFrame::Error),
        "message" if fields.data().is_undefined() => None,
        "message" => Some(ServerFrame::Message(parsed)),
        "ping" => Some(ServerFrame::Ping),
        "pong" => Some(ServerFrame::Pong),
        "refreshed" => {
            id(fields).map(|id| ServerFrame::Refreshed { id, token_expires_in: token_life(fields) })
        }
        "welcome" => welcome(fields).map(ServerFrame::Welcome),
        _ => return Err(unknown(&kind)),
    };
    frame.ok_or_else(|| Text::with_words(Sentence::FieldMissing, kind))
}

/// Names a type only if it is a short word, as types are: what else is there may be of any size, and
/// a token.
fn unknown(kind: &str) -> Text {
    let is_word = kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    match kind {
        "" => Text::new(Sentence::NoType),
        _ if is_word && kind.len() <= 20 => Text::with_words(Sentence::UnknownType, kind),
        _ => Text::new(Sentence::StrangeType),
    }
}

fn id(fields: &Fields) -> Option<MessageId> {
    whole(&fields.id()).map(MessageId)
}

fn error(fields: &Fields) -> Option<FrameError> {
    Some(FrameError {
        id: id(fields),
        code: FrameErrorCode::read(&fields.code().as_string()?),
        message: fields.message().as_string()?,
    })
}

fn welcome(fields: &Fields) -> Option<Welcome> {
    Some(Welcome {
        connection_id: ConnectionId(fields.connection_id().as_string()?),
        user: fields.user().as_string()?,
        token_expires_in: token_life(fields),
        ping_interval: Duration::from_millis(whole(&fields.ping_interval_ms())?),
        max_message_bytes: usize::try_from(whole(&fields.max_message_bytes())?).ok()?,
        epoch: fields.epoch().as_string().map(Epoch),
    })
}

fn token_life(fields: &Fields) -> Option<Duration> {
    whole(&fields.token_expires_in_ms()).map(Duration::from_millis)
}

/// Takes a number that is whole and exact.
fn whole(value: &JsValue) -> Option<u64> {
    let number = value.as_f64()?;
    let exact = (0.0..=MessageId::MAX.0 as f64).contains(&number) && number.fract() == 0.0;
    exact.then_some(number as u64)
}
