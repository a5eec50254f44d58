//! Frames, written and read by the browser's own strings and JSON: payloads stay in JavaScript, and a
//! message costs a few calls of it.

use std::time::Duration;

use js_sys::{JsString, Uint8Array};
use onesocket_core::protocol::{
    ClientFrame, ConnectionId, Epoch, FrameError, FrameErrorCode, MessageId, ServerFrame, Welcome,
};
use onesocket_core::{Sentence, Text};
use wasm_bindgen::prelude::*;

use crate::binding::{Fields, decode_utf8, encode_utf8, json_text, parse_json};
use crate::payload::Form;

#[wasm_bindgen]
extern "C" {
    /// A string, with the methods that take what stays in JavaScript.
    type Str;

    #[wasm_bindgen(method, js_name = indexOf)]
    fn index_of(this: &Str, text: &JsString) -> i32;

    #[wasm_bindgen(method)]
    fn slice(this: &Str, from: i32) -> JsString;

    #[wasm_bindgen(method, js_name = slice)]
    fn slice_to(this: &Str, from: i32, to: i32) -> JsString;

    #[wasm_bindgen(method, js_name = concat)]
    fn with_number(this: &Str, number: f64, behind: &JsString) -> JsString;

    #[wasm_bindgen(method, js_name = concat)]
    fn with(this: &Str, first: &JsString, second: &JsString) -> JsString;

    type Bytes;

    #[wasm_bindgen(method, js_name = indexOf)]
    fn index_of(this: &Bytes, byte: u8) -> i32;
}

/// Makes the strings that JavaScript has for us: none is copied out of wasm when it is used.
macro_rules! strings {
    ($($name:ident = $text:tt;)*) => {
        #[wasm_bindgen]
        extern "C" {
            $(
                #[wasm_bindgen(thread_local_v2, static_string)]
                static $name: JsString = $text;
            )*
        }
    };
}

strings! {
    LINE_FEED = "\n";
    MESSAGE = "message";
    TEXT = "text";
    PING_FRAME = "{\"type\":\"ping\"}";
    PONG_FRAME = "{\"type\":\"pong\"}";
    MESSAGE_HEAD = "{\"type\":\"message\",\"id\":";
    PUBLISH_HEAD = "{\"type\":\"publish\",\"id\":";
    JOIN_HEAD = "{\"type\":\"join\",\"id\":";
    LEAVE_HEAD = "{\"type\":\"leave\",\"id\":";
    REFRESH_HEAD = "{\"type\":\"refresh\",\"id\":";
    GROUP_FIELD = ",\"group\":";
    TOKEN_FIELD = ",\"token\":";
    END = "}";
    END_BEFORE_PAYLOAD = "}\n";
    END_BEFORE_TEXT = ",\"format\":\"text\"}\n";
    NOTHING = "";
}

/// A string that JavaScript has for us.
type Static = wasm_bindgen::JsThreadLocal<JsString>;

/// Writes a frame: what a `WebSocket` is to send.
pub fn encode(frame: &ClientFrame<JsValue>) -> JsValue {
    match frame {
        ClientFrame::Join { id, group } => {
            closed(&with_field(&JOIN_HEAD, *id, &GROUP_FIELD, group.as_str()))
        }
        ClientFrame::Leave { id, group } => {
            closed(&with_field(&LEAVE_HEAD, *id, &GROUP_FIELD, group.as_str()))
        }
        ClientFrame::Message { id, data } => {
            with_payload(&with_id(&MESSAGE_HEAD, *id, &NOTHING), data)
        }
        ClientFrame::Ping => PING_FRAME.with(|frame| frame.into()),
        ClientFrame::Pong => PONG_FRAME.with(|frame| frame.into()),
        ClientFrame::Publish { id, group, data } => {
            with_payload(&with_field(&PUBLISH_HEAD, *id, &GROUP_FIELD, group.as_str()), data)
        }
        ClientFrame::Refresh { id, token } => {
            closed(&with_field(&REFRESH_HEAD, *id, &TOKEN_FIELD, token.reveal()))
        }
    }
}

/// Compares in JavaScript: nothing is copied.
fn is(value: &JsValue, text: &'static Static) -> bool {
    text.with(|text| value == AsRef::<JsValue>::as_ref(text))
}

fn str(text: &JsString) -> &Str {
    text.unchecked_ref()
}

fn with_id(head: &'static Static, id: MessageId, behind: &'static Static) -> JsString {
    head.with(|head| behind.with(|behind| str(head).with_number(id.0 as f64, behind)))
}

/// Writes the fields of a head that has an id and one field more.
fn with_field(
    head: &'static Static,
    id: MessageId,
    field: &'static Static,
    value: &str,
) -> JsString {
    with_id(head, id, field).concat(&quoted(value))
}

/// Ends a head behind which nothing stands.
fn closed(head: &JsString) -> JsValue {
    END.with(|end| head.concat(end)).into()
}

fn quoted(text: &str) -> JsString {
    // A string is always JSON.
    json_text(&text.into()).unwrap_or_default()
}

/// Writes a payload behind the fields of a head.
fn with_payload(head: &JsString, payload: &JsValue) -> JsValue {
    match Form::of(payload) {
        Form::Text => {
            END_BEFORE_TEXT.with(|end| str(head).with(end, payload.unchecked_ref())).into()
        }
        Form::Json(text) => END_BEFORE_PAYLOAD.with(|end| str(head).with(end, &text)).into(),
        Form::Bytes(bytes) => {
            let head = encode_utf8(&END_BEFORE_PAYLOAD.with(|end| head.concat(end)));
            let frame = Uint8Array::new_with_length(head.length() + bytes.length());
            frame.set(&head, 0);
            frame.set(bytes, head.length());
            frame.into()
        }
    }
}

/// What a `WebSocket` has received; `end` is the place of the line feed, negative if there is none.
enum Received {
    Binary { bytes: Uint8Array, end: i32 },
    Text { text: JsString, end: i32 },
}

impl Received {
    fn new(data: JsValue) -> Self {
        if data.is_string() {
            let text: JsString = data.unchecked_into();
            let end = LINE_FEED.with(|line_feed| str(&text).index_of(line_feed));
            return Self::Text { text, end };
        }
        let bytes = Uint8Array::new(&data);
        let end = bytes.unchecked_ref::<Bytes>().index_of(b'\n');
        Self::Binary { bytes, end }
    }

    fn head(&self) -> JsString {
        match self {
            Self::Binary { bytes, end: end @ 0.. } => {
                decode_utf8(&bytes.subarray(0, end.unsigned_abs()))
            }
            Self::Binary { bytes, .. } => decode_utf8(bytes),
            Self::Text { text, end: end @ 0.. } => str(text).slice_to(0, *end),
            Self::Text { text, .. } => text.clone(),
        }
    }

    /// Returns the payload: what was sent, as far as that can be known. Bytes are not copied.
    fn payload(&self, fields: &Fields) -> Result<JsValue, Text> {
        let text = match self {
            Self::Binary { end, .. } | Self::Text { end, .. } if *end < 0 => {
                return Err(Text::new(Sentence::PayloadMissing));
            }
            Self::Binary { bytes, end } => {
                return Ok(bytes.subarray(end.unsigned_abs() + 1, bytes.length()).into());
            }
            Self::Text { text, end } => str(text).slice(end + 1),
        };
        let format = fields.format();
        if format.is_undefined() {
            return parse_json(&text).map_err(|_| Text::new(Sentence::PayloadNotJson));
        }
        if is(&format, &TEXT) { Ok(text.into()) } else { Err(Text::new(Sentence::StrangeFormat)) }
    }
}

/// Reads what a `WebSocket` has received.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn decode(data: JsValue) -> Result<ServerFrame<JsValue>, Text> {
    let received = Received::new(data);
    let head = parse_json(&received.head()).map_err(|_| Text::new(Sentence::NotJson))?;
    if !head.is_object() {
        return Err(Text::new(Sentence::NotAnObject));
    }
    let fields = head.unchecked_ref::<Fields>();
    let kind = fields.kind();
    if is(&kind, &MESSAGE) {
        fields.set_data(&received.payload(fields)?);
        return Ok(ServerFrame::Message(head));
    }
    let kind = kind.as_string().unwrap_or_default();
    let frame = match kind.as_str() {
        "ack" => id(fields).map(|id| ServerFrame::Ack { id }),
        "error" => error(fields).map(ServerFrame::Error),
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
