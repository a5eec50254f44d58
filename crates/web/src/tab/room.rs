//! What `tab.js` has: the lock, the channel, the ports, and frames.

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::TabHandle;

#[wasm_bindgen(module = "/src/tab.js")]
extern "C" {
    /// See `tab.js`.
    pub(super) type Room;

    #[wasm_bindgen(constructor)]
    pub(super) fn new(name: &str, own: f64, tab: TabHandle) -> Room;

    #[wasm_bindgen(method)]
    pub(super) fn request(this: &Room, number: u32, steal: bool);

    #[wasm_bindgen(method)]
    pub(super) fn release(this: &Room, number: u32);

    #[wasm_bindgen(method)]
    pub(super) fn probe(this: &Room);

    #[wasm_bindgen(method)]
    pub(super) fn query(this: &Room, number: u32);

    #[wasm_bindgen(method)]
    pub(super) fn listen(this: &Room, on: bool);

    #[wasm_bindgen(method)]
    pub(super) fn post(this: &Room, kind: u8, numbers: Vec<f64>, text: &str, frame: &JsValue);

    #[wasm_bindgen(method)]
    pub(super) fn watch(this: &Room, tab: f64, port: u32);

    #[wasm_bindgen(method)]
    pub(super) fn unwatch(this: &Room);

    #[wasm_bindgen(method)]
    pub(super) fn leave(this: &Room);

    #[wasm_bindgen(method)]
    pub(super) fn ports(this: &Room) -> Function;

    pub(super) type Port;

    #[wasm_bindgen(method)]
    pub(super) fn opened(this: &Port);

    #[wasm_bindgen(method)]
    pub(super) fn received(this: &Port, data: &JsValue);

    #[wasm_bindgen(method)]
    pub(super) fn ended(this: &Port);

    #[wasm_bindgen(js_name = whyAlone)]
    pub(super) fn why_alone() -> Option<String>;

    #[wasm_bindgen(js_name = drawTab)]
    pub(super) fn draw_tab() -> f64;

    #[wasm_bindgen(js_name = isShown)]
    pub(super) fn is_shown() -> bool;

    pub(super) fn addressed(slot: u16, frame: &JsValue) -> JsValue;

    /// What goes over a wire that has no heads, of a frame.
    #[wasm_bindgen(js_name = bodyOf)]
    pub(super) fn body_of(frame: &JsValue) -> JsValue;

    /// The frame of a message that has come over such a wire.
    pub(super) fn carried(data: &JsValue) -> JsValue;

    /// That message again.
    pub(super) fn unpacked(message: &JsValue) -> JsValue;

    pub(super) fn ack(id: f64) -> JsValue;

    pub(super) fn attach(slot: u16, client: &str) -> JsValue;

    pub(super) fn detach(slot: u16, id: f64) -> JsValue;

    #[wasm_bindgen(js_name = roomName)]
    pub(super) fn room_name(url: &str, is_plain: bool, key: &str) -> String;

    #[wasm_bindgen(js_name = drawClient)]
    pub(super) fn draw_client() -> String;

    pub(super) fn welcome(
        user: &str,
        connection_id: &str,
        max_message_bytes: f64,
        epoch: Option<&str>,
    ) -> JsValue;
}
