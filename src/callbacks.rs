//! What calls JavaScript.

use js_sys::Array;
use onesocket_core::{
    Call, Error, Fetch, FetchReason, Level, LogEvent, Reconnect, Role, Said, Span, StateName,
    Status, Text,
};
use onesocket_web::Clock;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The object with the methods that `js/core.ts` describes. None of them throws: JavaScript
    /// catches what its listeners throw.
    #[derive(Clone)]
    pub type Callbacks;

    #[wasm_bindgen(method)]
    #[allow(clippy::too_many_arguments, reason = "an object built in Rust costs 2 µs")]
    fn status(
        this: &Callbacks,
        state: &str,
        ready_state: u8,
        attempt: u32,
        max_attempts: f64,
        retry_at_ms: Option<f64>,
        connection_id: Option<&str>,
        token_expires_at_ms: Option<f64>,
        exactly_once: bool,
        error_code: Option<&str>,
        error_message: Option<JsValue>,
    );

    #[wasm_bindgen(method)]
    fn changed(this: &Callbacks, current: &str, reason: Option<JsValue>);

    #[wasm_bindgen(method)]
    fn message(this: &Callbacks, arrived: JsValue);

    #[wasm_bindgen(method)]
    fn accepted(this: &Callbacks, payload: JsValue);

    #[wasm_bindgen(method)]
    fn error(this: &Callbacks, code: &str, message: &JsValue, undelivered: Option<Array>);

    #[wasm_bindgen(method)]
    fn settled(this: &Callbacks, call: u32, code: Option<&str>, message: Option<JsValue>);

    #[wasm_bindgen(method, js_name = fetchToken)]
    fn fetch_token(this: &Callbacks, fetch: u32, reason: &str);

    #[wasm_bindgen(method, js_name = abortToken)]
    fn abort_token(this: &Callbacks, fetch: u32);

    #[wasm_bindgen(method)]
    fn token(this: &Callbacks, event: &str, expires_in_ms: Option<f64>);

    #[wasm_bindgen(method)]
    pub(crate) fn role(this: &Callbacks, role: &str, reason: Option<&str>);

    #[wasm_bindgen(method)]
    fn log(this: &Callbacks, level: &str, text: &JsValue);

    #[wasm_bindgen(method)]
    fn text(this: &Callbacks, sentence: u32, a: f64, b: f64, c: f64, said: &JsValue) -> JsValue;

    #[wasm_bindgen(method)]
    fn refusal(this: &Callbacks, code: &str, message: &JsValue) -> JsValue;
}

impl Callbacks {
    /// Has a text written out: the words are in JavaScript.
    fn write(&self, text: &Text) -> JsValue {
        let said = match text.said() {
            Said::Nothing => JsValue::UNDEFINED,
            Said::Words(words) => words.into(),
            Said::Text(text) => self.write(text),
        };
        let [a, b, c] = text.numbers().map(|number| number as f64);
        self.text(text.sentence().number(), a, b, c, &said)
    }

    /// Makes what `send` throws.
    pub(crate) fn thrown(&self, error: &Error) -> JsValue {
        self.refusal(error.code.as_str(), &self.write(&error.message))
    }
}

/// Tells a JavaScript object.
pub(crate) struct JsCallbacks {
    pub(crate) callbacks: Callbacks,
    /// Whether anybody reads the log: its lines are not even written otherwise.
    pub(crate) logs: bool,
}

impl onesocket_web::Callbacks for JsCallbacks {
    fn status(&self, status: &Status, clock: &Clock) {
        let error = status.error.as_ref();
        self.callbacks.status(
            status.state.as_str(),
            status.ready_state.as_u8(),
            status.attempt,
            match status.max_attempts {
                Reconnect::WITHOUT_END => f64::INFINITY,
                number => number.into(),
            },
            status.retry_at.map(|at| clock.epoch_ms(at)),
            status.connection_id.as_ref().map(|id| id.0.as_str()),
            status.token_expires_at.map(|at| clock.epoch_ms(at)),
            status.exactly_once,
            error.map(|error| error.code.as_str()),
            error.map(|error| self.callbacks.write(&error.message)),
        );
    }

    fn changed(&self, current: StateName, reason: Option<&Text>) {
        self.callbacks.changed(current.as_str(), reason.map(|reason| self.callbacks.write(reason)));
    }

    fn message(&self, message: JsValue) {
        self.callbacks.message(message);
    }

    fn accepted(&self, payload: JsValue) {
        self.callbacks.accepted(payload);
    }

    fn error(&self, error: &Error, undelivered: Vec<JsValue>) {
        let undelivered: Option<Array> =
            (!undelivered.is_empty()).then(|| undelivered.into_iter().collect());
        let message = self.callbacks.write(&error.message);
        self.callbacks.error(error.code.as_str(), &message, undelivered);
    }

    fn settled(&self, call: Call, result: Result<(), Error>) {
        let error = result.as_ref().err();
        self.callbacks.settled(
            call.0,
            error.map(|error| error.code.as_str()),
            error.map(|error| self.callbacks.write(&error.message)),
        );
    }

    fn fetch_token(&self, fetch: Fetch, reason: FetchReason) {
        self.callbacks.fetch_token(fetch.0, reason.as_str());
    }

    fn abort_token(&self, fetch: Fetch) {
        self.callbacks.abort_token(fetch.0);
    }

    fn token_fetched(&self, result: Result<Option<Span>, Error>) {
        match result {
            Ok(life) => self.callbacks.token("fetched", life.map(Span::ms)),
            Err(_) => self.callbacks.token("failed", None),
        }
    }

    fn token_refreshed(&self, life: Option<Span>) {
        self.callbacks.token("refreshed", life.map(Span::ms));
    }

    fn alone(&self, reason: &str) {
        self.callbacks.role("alone", Some(reason));
    }

    fn role(&self, role: Role) {
        self.callbacks.role(role.as_str(), None);
    }

    fn log(&self, event: &LogEvent) {
        if self.logs {
            let level = match event.level() {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            };
            self.callbacks.log(level, &self.callbacks.write(&event.text()));
        }
    }
}
