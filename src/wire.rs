//! An application's own wire, as `js/wire.ts` hands it over.

use js_sys::Array;
use onesocket_core::protocol::{CloseCode, Retry};
use onesocket_core::{PlainRules, Token};
use onesocket_web::{OpeningHandshake, PlainWire};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The object with the methods that `js/core.ts` describes. What one throws is an `Error` whose
    /// message is for people and holds no token.
    pub type CoreWire;

    #[wasm_bindgen(method, getter)]
    fn pings(this: &CoreWire) -> bool;

    #[wasm_bindgen(method, getter)]
    fn refreshes(this: &CoreWire) -> bool;

    #[wasm_bindgen(method, catch)]
    fn url(this: &CoreWire, url: &str, token: &str) -> Result<String, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn protocols(this: &CoreWire, token: &str) -> Result<Array, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn hello(this: &CoreWire, token: &str) -> Result<Option<JsValue>, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn refresh(this: &CoreWire, token: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method)]
    fn ping(this: &CoreWire) -> Option<JsValue>;

    #[wasm_bindgen(method, js_name = isPong)]
    fn is_pong(this: &CoreWire, data: &JsValue) -> bool;

    #[wasm_bindgen(method)]
    fn retry(this: &CoreWire, code: u16) -> u8;
}

/// Asks a JavaScript object.
pub(crate) struct JsWire(pub(crate) CoreWire);

impl PlainWire for JsWire {
    fn rules(&self) -> PlainRules {
        PlainRules { ping: self.0.pings(), refresh: self.0.refreshes() }
    }

    fn opening_handshake(
        &self,
        url: &str,
        token: Option<&Token>,
    ) -> Result<OpeningHandshake, String> {
        let token = token.map_or("", Token::reveal);
        let handshake = || -> Result<OpeningHandshake, JsValue> {
            Ok(OpeningHandshake {
                url: self.0.url(url, token)?,
                protocols: self.0.protocols(token)?,
                hello: self.0.hello(token)?,
            })
        };
        handshake().map_err(|thrown| message(&thrown))
    }

    fn refresh(&self, token: &Token) -> Result<JsValue, String> {
        self.0.refresh(token.reveal()).map_err(|thrown| message(&thrown))
    }

    fn ping(&self) -> Option<JsValue> {
        self.0.ping()
    }

    fn is_pong(&self, data: &JsValue) -> bool {
        self.0.is_pong(data)
    }

    fn retry(&self, code: CloseCode) -> Retry {
        match self.0.retry(code.get()) {
            1 => Retry::Never,
            2 => Retry::Soon,
            3 => Retry::WithFreshToken,
            _ => code.retry(),
        }
    }
}

fn message(thrown: &JsValue) -> String {
    let error = thrown.dyn_ref::<js_sys::Error>();
    error.map(|error| error.message().into()).unwrap_or_default()
}
