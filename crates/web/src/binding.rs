//! What the browser offers and `web-sys` gives only with a copy of the text into wasm.

use js_sys::{Function, JSON, JsString, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Parses JSON that stays in JavaScript.
    #[wasm_bindgen(catch, js_namespace = JSON, js_name = parse)]
    pub(crate) fn parse_json(text: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn performance_now() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    pub(crate) fn fill_with_random(bytes: &Uint8Array);

    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    #[wasm_bindgen(method)]
    fn encode(this: &TextEncoder, text: &JsString) -> Uint8Array;

    type TextDecoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextDecoder;

    #[wasm_bindgen(method)]
    fn decode(this: &TextDecoder, bytes: &Uint8Array) -> JsString;

    #[wasm_bindgen(js_name = URL)]
    pub(crate) type Url;

    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    pub(crate) fn new(url: &str) -> Result<Url, JsValue>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn hostname(this: &Url) -> String;

    /// `window` or `document`.
    #[derive(Clone)]
    pub(crate) type EventTarget;

    #[wasm_bindgen(method, js_name = addEventListener)]
    pub(crate) fn add(this: &EventTarget, event: &str, listener: &Function);

    #[wasm_bindgen(method, js_name = removeEventListener)]
    pub(crate) fn remove(this: &EventTarget, event: &str, listener: &Function);

    /// An event of the page.
    pub(crate) type PageEvent;

    #[wasm_bindgen(method, getter, js_name = type)]
    pub(crate) fn kind(this: &PageEvent) -> String;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn persisted(this: &PageEvent) -> bool;

    /// A `WebSocket` that is sent values which stay in JavaScript.
    pub(crate) type Sender;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn send(this: &Sender, data: &JsValue) -> Result<(), JsValue>;

    /// A parsed frame from a server: any field may be missing, or of any type.
    pub(crate) type Fields;

    #[wasm_bindgen(method, getter, js_name = type)]
    pub(crate) fn kind(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn id(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_data(this: &Fields, data: &JsValue);

    #[wasm_bindgen(method, getter)]
    pub(crate) fn format(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn group(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn from(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn code(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn message(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn user(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn epoch(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter, js_name = connectionId)]
    pub(crate) fn connection_id(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter, js_name = tokenExpiresInMs)]
    pub(crate) fn token_expires_in_ms(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter, js_name = pingIntervalMs)]
    pub(crate) fn ping_interval_ms(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter, js_name = maxMessageBytes)]
    pub(crate) fn max_message_bytes(this: &Fields) -> JsValue;
}

thread_local! {
    static ENCODER: TextEncoder = TextEncoder::new();
    static DECODER: TextDecoder = TextDecoder::new();
}

/// Writes a value as JSON, as a text that stays in JavaScript; `None` for what JSON cannot express.
pub(crate) fn json_text(value: &JsValue) -> Option<JsString> {
    JSON::stringify(value).ok().filter(|json| json.is_string())
}

/// Writes a text as UTF-8.
pub(crate) fn encode_utf8(text: &JsString) -> Uint8Array {
    ENCODER.with(|encoder| encoder.encode(text))
}

/// Reads UTF-8; what is none becomes U+FFFD.
pub(crate) fn decode_utf8(bytes: &Uint8Array) -> JsString {
    DECODER.with(|decoder| decoder.decode(bytes))
}

/// Returns how many bytes a text is in UTF-8, without bringing it into wasm.
pub(crate) fn utf8_len(text: &JsString) -> usize {
    encode_utf8(text).length() as usize
}
