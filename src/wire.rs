//! An application's own wire, as `js/wire.ts` hands it over.

use js_sys::Array;
use onesocket_core::protocol::{CloseCode, Retry};
use onesocket_core::{PlainRules, Token};
use onesocket_web::{OpeningHandshake, PlainWire};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The object with the methods that `js/core.ts` describes.
    pub type CoreWire;

    #[wasm_bindgen(method, getter)]
    fn pings(this: &CoreWire) -> bool;

    #[wasm_bindgen(method, getter)]
    fn refreshes(this: &CoreWire) -> bool;

    #[wasm_bindgen(method, getter)]
    fn agrees(this: &CoreWire) -> bool;

    #[wasm_bindgen(method)]
    fn open(this: &CoreWire, url: &str, token: &str) -> Answer;

    #[wasm_bindgen(method)]
    fn refresh(this: &CoreWire, token: &str) -> Answer;

    #[wasm_bindgen(method)]
    fn ping(this: &CoreWire) -> Option<JsValue>;

    #[wasm_bindgen(method, js_name = isReady)]
    fn is_ready(this: &CoreWire, data: &JsValue) -> bool;

    #[wasm_bindgen(method, js_name = isPong)]
    fn is_pong(this: &CoreWire, data: &JsValue) -> bool;

    #[wasm_bindgen(method)]
    fn retry(this: &CoreWire, code: u16) -> u8;

    /// What the application has answered, or what is wrong with that.
    type Answer;

    #[wasm_bindgen(method, getter)]
    fn fault(this: &Answer) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    fn url(this: &Answer) -> String;

    #[wasm_bindgen(method, getter)]
    fn protocols(this: &Answer) -> Array;

    #[wasm_bindgen(method, getter)]
    fn message(this: &Answer) -> Option<JsValue>;
}

/// Asks a JavaScript object.
pub(crate) struct JsWire(pub(crate) CoreWire);

impl PlainWire for JsWire {
    fn rules(&self) -> PlainRules {
        PlainRules { ping: self.0.pings(), refresh: self.0.refreshes(), ready: self.0.agrees() }
    }

    fn opening_handshake(
        &self,
        url: &str,
        token: Option<&Token>,
    ) -> Result<OpeningHandshake, String> {
        let answer = self.0.open(url, token.map_or("", Token::reveal)).checked()?;
        Ok(OpeningHandshake {
            url: answer.url(),
            protocols: answer.protocols(),
            hello: answer.message(),
        })
    }

    fn refresh(&self, token: &Token) -> Result<JsValue, String> {
        let answer = self.0.refresh(token.reveal()).checked()?;
        Ok(answer.message().unwrap_or_default())
    }

    fn ping(&self) -> Option<JsValue> {
        self.0.ping()
    }

    fn is_ready(&self, data: &JsValue) -> bool {
        self.0.is_ready(data)
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

impl Answer {
    fn checked(self) -> Result<Self, String> {
        self.fault().map_or(Ok(self), Err)
    }
}
