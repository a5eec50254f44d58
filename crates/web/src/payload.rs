//! Payloads that stay in JavaScript.
//!
//! One that is sent is a string, a `Uint8Array`, or an object whose field `json` is the JSON text of a
//! value. A message that was received is an object with `data`, and with `group` and `from` where the
//! server says so; over a plain wire it is a string or an `ArrayBuffer`.

use js_sys::{JsString, Object, Uint8Array};
use onesocket_core::{Error, ErrorCode, Sentence, Text};
use wasm_bindgen::prelude::*;

use crate::binding::{json_text, parse_json, utf8_len};

#[wasm_bindgen]
extern "C" {
    /// The JSON text of a value.
    #[wasm_bindgen(extends = Object)]
    pub(crate) type Json;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn json(this: &Json) -> JsString;

    #[wasm_bindgen(method, setter)]
    fn set_json(this: &Json, json: &JsString);
}

/// Makes a payload of a text; returns its size in bytes too.
pub(crate) fn text_payload(text: JsString) -> (JsValue, usize) {
    let bytes = utf8_len(&text);
    (text.into(), bytes)
}

/// Makes a payload of a copy of bytes; returns their number too.
pub(crate) fn bytes_payload(bytes: &[u8]) -> (JsValue, usize) {
    (Uint8Array::from(bytes).into(), bytes.len())
}

/// Makes a payload of a value as JSON; returns its size in bytes too.
///
/// # Errors
///
/// `invalid-message` for what JSON cannot express.
pub(crate) fn json_payload(value: &JsValue) -> Result<(JsValue, usize), Error> {
    let refused = || Error::new(ErrorCode::InvalidMessage, Text::new(Sentence::NotExpressible));
    let text = json_text(value).ok_or_else(refused)?;
    let bytes = utf8_len(&text);
    let payload: Json = Object::new().unchecked_into();
    payload.set_json(&text);
    Ok((payload.into(), bytes))
}

/// A payload, by its form.
pub(crate) enum Form<'a> {
    Bytes(&'a Uint8Array),
    Json(JsString),
    Text,
}

impl<'a> Form<'a> {
    pub(crate) fn of(payload: &'a JsValue) -> Self {
        if payload.is_string() {
            return Self::Text;
        }
        match payload.dyn_ref::<Uint8Array>() {
            Some(bytes) => Self::Bytes(bytes),
            None => Self::Json(payload.unchecked_ref::<Json>().json()),
        }
    }
}

/// Gives a payload back as the user gave it.
pub(crate) fn given(payload: JsValue) -> JsValue {
    match Form::of(&payload) {
        Form::Bytes(_) | Form::Text => payload,
        Form::Json(text) => parse_json(&text).unwrap_or(payload),
    }
}
