//! What JavaScript calls.

use std::rc::Rc;

use onesocket_core::protocol::{CloseCode, Group};
use onesocket_core::{Call, Fetch, Input, Request, Sentence, Span, Text, Token, TokenAnswer};
use onesocket_web::{AppConnection, Parts, PlainWire};
use wasm_bindgen::prelude::*;

use crate::callbacks::{Callbacks, JsCallbacks};
use crate::convert::{self, CoreOptions};
use crate::wire::JsWire;

/// The machine and its browser shell, as `js/core.ts` describes it.
#[wasm_bindgen]
pub struct Core {
    connection: Rc<AppConnection>,
    callbacks: Callbacks,
}

// `&self` everywhere: a listener that is called may call back.
#[wasm_bindgen]
impl Core {
    /// Makes a machine that does nothing yet. The options have been checked.
    #[wasm_bindgen(constructor)]
    pub fn new(options: CoreOptions, callbacks: Callbacks) -> Self {
        let plain = options.wire().map(|wire| Rc::new(JsWire(wire)) as Rc<dyn PlainWire>);
        let parts = Parts {
            url: options.url(),
            config: convert::config(&options),
            constructor: options.web_socket(),
            plain,
            share: options.share(),
        };
        let js = JsCallbacks { callbacks: callbacks.clone(), logs: options.logs() };
        Self { connection: AppConnection::new(parts, |_| Rc::new(js)), callbacks }
    }

    /// Wants to be connected.
    pub fn connect(&self, call: u32) {
        self.connection.connect(Call(call));
    }

    /// The `AbortSignal` of a `connect()` fired.
    pub fn abort(&self, call: u32) {
        self.connection.ask(Input::Abort { call: Call(call) });
    }

    /// Closes the connection.
    pub fn close(&self, call: u32, code: Option<u16>, reason: Option<String>) {
        let code = code.and_then(CloseCode::sendable).unwrap_or(CloseCode::NORMAL);
        let reason = reason.unwrap_or_default();
        self.connection.ask(Input::Close { call: Call(call), code, reason });
    }

    /// A component needs the connection.
    pub fn hold(&self) {
        self.connection.ask(Input::Hold);
    }

    /// A component needs it no more.
    pub fn release(&self) {
        self.connection.ask(Input::Release);
    }

    /// Sends a payload of so many bytes to the server: a text, or a `Uint8Array`.
    ///
    /// # Errors
    ///
    /// Throws what the callback `refusal` makes of it.
    pub fn send(&self, payload: JsValue, bytes: usize) -> Result<(), JsValue> {
        self.connection.send((payload, bytes)).map_err(|error| self.callbacks.thrown(&error))
    }

    /// Makes a request to the server, with the group and the payload of so many bytes that it has.
    pub fn request(
        &self,
        call: u32,
        name: &str,
        group: Option<String>,
        payload: JsValue,
        bytes: usize,
    ) {
        let call = Call(call);
        let message = (!payload.is_undefined()).then_some((payload, bytes));
        let group = group.map(Group::new).transpose();
        // JavaScript has looked at the name of the group.
        match group.ok().and_then(|group| Request::named(name, group, message)) {
            Some(request) => self.connection.request(call, request),
            None => self.connection.refuse(call, Text::with_words(Sentence::NoSuchRequest, name)),
        }
    }

    /// `getToken` has answered: with a token and the milliseconds that it lives, as far as they are known
    /// (0); with why there is none (1); with the milliseconds after which to ask again (2); or that there
    /// is no session any more.
    pub fn answer(&self, fetch: u32, kind: u8, text: String, ms: Option<f64>) {
        let time = ms.map(Span::from_ms);
        let answer = match kind {
            0 => TokenAnswer::Token(Token::new(text), time),
            2 => TokenAnswer::Later(time.unwrap_or_default()),
            3 => TokenAnswer::NoSession,
            // And one that a later `js/` may have: it must sign nobody out.
            _ => TokenAnswer::Failed(text),
        };
        self.connection.answer(Input::Token { fetch: Fetch(fetch), answer });
    }

    /// Returns the counter at this place of `Stats::NAMES`. Doubles are exact up to 2^53.
    pub fn counter(&self, at: usize) -> f64 {
        self.connection.stats().values().get(at).copied().unwrap_or_default() as f64
    }

    /// Returns how many bytes wait here and in the socket.
    #[wasm_bindgen(js_name = bufferedAmount)]
    pub fn buffered_amount(&self) -> f64 {
        self.connection.buffered_bytes() as f64
    }
}
