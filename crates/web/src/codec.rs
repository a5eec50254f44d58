//! Frames: `codec.js` reads and writes them, so payloads stay in JavaScript and a message costs two
//! calls across the border.
//!
//! A payload that is sent is a string, a `Uint8Array` (whatever stands before it in its buffer is room
//! for a head, and overwritten), or an object whose field `json` is the JSON text of a value. A message that was received is an object with `data`, and with `group` and `from` where
//! the server says so; over a plain wire it is a string or an `ArrayBuffer`.

#[cfg(feature = "explore")]
use std::cell::RefCell;
#[cfg(feature = "explore")]
use std::rc::Rc;

use js_sys::Array;
use onesocket_core::protocol::{
    ClientFrame, ConnectionId, Epoch, FrameError, FrameErrorCode, Group, MessageId, ServerFrame,
    Welcome,
};
use onesocket_core::{Sentence, Span, Text};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/codec.js")]
extern "C" {
    /// Writes a frame that begins as one of `BEGINNINGS`.
    fn write(kind: u8, id: f64, value: Option<&str>, payload: &JsValue) -> JsValue;

    /// Returns what goes over a wire that has no heads.
    pub(crate) fn bare(payload: &JsValue) -> JsValue;

    /// Gives a payload back as the user gave it.
    pub(crate) fn given(payload: JsValue) -> JsValue;

    #[cfg(feature = "explore")]
    fn read(data: &JsValue, driver: &JsValue, attempt: u32);
}

#[wasm_bindgen]
extern "C" {
    /// The head of a frame, which `codec.js` has checked: of a server's, or of one that tabs pass on.
    pub(crate) type Head;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn id(this: &Head) -> Option<f64>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn group(this: &Head) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn code(this: &Head) -> String;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn message(this: &Head) -> String;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn user(this: &Head) -> String;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn epoch(this: &Head) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn tabs(this: &Head) -> Option<u16>;

    #[wasm_bindgen(method, getter, js_name = connectionId)]
    pub(crate) fn connection_id(this: &Head) -> String;

    #[wasm_bindgen(method, getter, js_name = tokenExpiresInMs)]
    pub(crate) fn token_expires_in_ms(this: &Head) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = pingIntervalMs)]
    pub(crate) fn ping_interval_ms(this: &Head) -> f64;

    #[wasm_bindgen(method, getter, js_name = maxMessageBytes)]
    pub(crate) fn max_message_bytes(this: &Head) -> f64;

    /// The rest are those of a connection that tabs share: see `readShared`.
    #[wasm_bindgen(method, getter, js_name = type)]
    pub(crate) fn kind(this: &Head) -> String;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn slots(this: &Head) -> Array;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn frame(this: &Head) -> JsValue;
}

/// The number of what passes as it is.
pub(crate) const MESSAGE: u8 = 0;

/// What may be wrong with a frame, from the number 7.
const PROBLEMS: [Sentence; 9] = [
    Sentence::NotJson,
    Sentence::NotAnObject,
    Sentence::NoType,
    Sentence::UnknownType,
    Sentence::StrangeType,
    Sentence::FieldMissing,
    Sentence::PayloadMissing,
    Sentence::PayloadNotJson,
    Sentence::StrangeFormat,
];

/// Makes a frame of what `codec.js` has read.
///
/// # Errors
///
/// Says what is wrong with it.
pub(crate) fn frame(kind: u8, value: JsValue) -> Result<ServerFrame<JsValue>, Text> {
    let head: &Head = value.unchecked_ref();
    let number = || head.id().map(|id| MessageId(id as u64));
    // It has one: what has none does not get here.
    let id = || number().unwrap_or(MessageId(0));
    let life = || head.token_expires_in_ms().map(|ms| Span::from_millis(ms as u64));
    Ok(match kind {
        MESSAGE => ServerFrame::Message(value),
        1 => ServerFrame::Ping,
        2 => ServerFrame::Pong,
        3 => ServerFrame::Ack { id: id() },
        4 => ServerFrame::Refreshed { id: id(), token_expires_in: life() },
        5 => ServerFrame::Error(FrameError {
            id: number(),
            group: head.group().and_then(|group| Group::new(group).ok()),
            code: FrameErrorCode::read(&head.code()),
            message: head.message(),
        }),
        6 => ServerFrame::Welcome(Welcome {
            connection_id: ConnectionId(head.connection_id()),
            user: head.user(),
            token_expires_in: life(),
            ping_interval: Span::from_millis(head.ping_interval_ms() as u64),
            max_message_bytes: head.max_message_bytes() as usize,
            epoch: head.epoch().map(Epoch),
            tabs: head.tabs(),
        }),
        problem => {
            let problem = PROBLEMS.get(usize::from(problem) - 7).copied();
            let mut text = Text::new(problem.unwrap_or(Sentence::StrangeType));
            if let Some(kind) = value.as_string() {
                text = Text::with_words(text.sentence(), kind);
            }
            return Err(text);
        }
    })
}

/// Writes a frame: what a `WebSocket` is to send.
pub fn encode(frame: &ClientFrame<JsValue>) -> JsValue {
    let (kind, id, value, payload) = match frame {
        ClientFrame::Ping => return JsValue::from_str("{\"type\":\"ping\"}"),
        ClientFrame::Pong => return JsValue::from_str("{\"type\":\"pong\"}"),
        ClientFrame::Message { id, data } => (0, id, None, data),
        ClientFrame::Publish { id, group, data } => (1, id, Some(group.as_str()), data),
        ClientFrame::Join { id, group } => (2, id, Some(group.as_str()), &JsValue::UNDEFINED),
        ClientFrame::Leave { id, group } => (3, id, Some(group.as_str()), &JsValue::UNDEFINED),
        ClientFrame::Refresh { id, token } => (4, id, Some(token.reveal()), &JsValue::UNDEFINED),
    };
    write(kind, id.0 as f64, value, payload)
}

/// Reads what a `WebSocket` has received.
///
/// # Errors
///
/// Says what is wrong with it.
#[cfg(feature = "explore")]
pub fn decode(data: JsValue) -> Result<ServerFrame<JsValue>, Text> {
    let decoded = Rc::new(RefCell::new(Err(Text::new(Sentence::NotJson))));
    let told = Rc::clone(&decoded);
    let tell = Closure::<dyn FnMut(u32, u8, JsValue, u32)>::new(move |_, kind, value, _| {
        *told.borrow_mut() = frame(kind, value);
    });
    // Stands where a `DriverHandle` does.
    let driver = js_sys::Object::new();
    let _ = js_sys::Reflect::set(&driver, &"tell".into(), tell.as_ref());
    read(&data, &driver, 0);
    decoded.replace(Err(Text::new(Sentence::NotJson)))
}
