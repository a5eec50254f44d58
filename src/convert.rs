//! The options.

use js_sys::Function;
use onesocket_core::Config;
use wasm_bindgen::prelude::*;

use crate::wire::CoreWire;

#[wasm_bindgen]
extern "C" {
    /// The options as `js/core.ts` describes them, checked and complete.
    pub type CoreOptions;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn url(this: &CoreOptions) -> String;
    #[wasm_bindgen(method, getter, js_name = hasToken)]
    fn has_token(this: &CoreOptions) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn wire(this: &CoreOptions) -> Option<CoreWire>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn logs(this: &CoreOptions) -> bool;
    #[wasm_bindgen(method, getter)]
    fn seed(this: &CoreOptions) -> u32;
    /// What the tabs have in common that share a connection.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn share(this: &CoreOptions) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = WebSocket)]
    pub(crate) fn web_socket(this: &CoreOptions) -> Option<Function>;
    /// Returns what the user has set: the option at this place of [`Config::OPTIONS`].
    #[wasm_bindgen(method)]
    fn number(this: &CoreOptions, at: usize) -> Option<f64>;
}

/// Returns the defaults with what the user has set. The driver knows the wire.
pub(crate) fn config(options: &CoreOptions) -> Config {
    let mut config =
        Config { tokens: options.has_token(), seed: options.seed().into(), ..Config::default() };
    for at in 0..Config::OPTIONS.len() {
        if let Some(value) = options.number(at) {
            config.set(at, value);
        }
    }
    config
}
