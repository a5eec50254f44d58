//! Makes payloads of what a Rust front end sends: see `codec.rs` for their forms.

use js_sys::{JSON, JsString, Object, Uint8Array};
use onesocket_core::{Error, ErrorCode, Sentence, Text};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/codec.js")]
extern "C" {
    #[wasm_bindgen(js_name = utf8Length)]
    fn utf8_length(text: &JsString) -> usize;
}

#[wasm_bindgen]
extern "C" {
    /// The JSON text of a value.
    #[wasm_bindgen(extends = Object)]
    type Json;

    #[wasm_bindgen(method, setter)]
    fn set_json(this: &Json, json: &JsString);
}

/// Makes a payload of a text; returns its size in bytes too.
pub(crate) fn text_payload(text: JsString) -> (JsValue, usize) {
    let bytes = utf8_length(&text);
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
    let text = JSON::stringify(value).ok().filter(|json| json.is_string()).ok_or_else(refused)?;
    let bytes = utf8_length(&text);
    let payload: Json = Object::new().unchecked_into();
    payload.set_json(&text);
    Ok((payload.into(), bytes))
}
