//! A browser's WebSocket.

use js_sys::{Array, Function};
use onesocket_core::protocol::CloseCode;
use onesocket_core::{Attempt, Sentence, Text};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use crate::wire::OpeningHandshake;

#[wasm_bindgen(module = "/src/socket.js")]
extern "C" {
    fn open(
        constructor: Option<&Function>,
        url: &str,
        protocols: &Array,
        known_url: &str,
        raw: Option<u8>,
        attempt: u32,
        driver: &JsValue,
    ) -> JsValue;

    fn send(socket: &WebSocket, frame: &JsValue) -> bool;

    fn shut(socket: &WebSocket, code: u16, reason: &str);

    fn silence(socket: &WebSocket);
}

/// The longest reason of a close, in bytes of UTF-8 (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// A socket for one attempt. Dropping it silences it.
pub(crate) struct Socket {
    pub(crate) attempt: Attempt,
    raw: WebSocket,
    /// What is sent first.
    hello: Option<JsValue>,
}

impl Socket {
    /// Makes a socket of a constructor, or of the browser's; people know it by `url`.
    ///
    /// # Errors
    ///
    /// Says what was thrown: a malformed URL, or `ws:` on an `https:` page.
    pub(crate) fn open(
        constructor: Option<&Function>,
        url: &str,
        handshake: OpeningHandshake,
        raw: Option<u8>,
        attempt: Attempt,
        driver: &JsValue,
    ) -> Result<Self, Text> {
        let OpeningHandshake { url: to, protocols, hello } = handshake;
        let made = open(constructor, &to, &protocols, url, raw, attempt.0, driver);
        match made.as_string() {
            Some(thrown) => Err(Text::with_words(Sentence::CannotOpen, thrown)),
            None => Ok(Self { attempt, raw: made.unchecked_into(), hello }),
        }
    }

    /// Says whether it is made of this object.
    pub(crate) fn is(&self, raw: &JsValue) -> bool {
        let own: &JsValue = self.raw.as_ref();
        own == raw
    }

    /// Sends the first message, if the wire has one. The socket has just opened.
    pub(crate) fn send_hello(&self) {
        if let Some(hello) = &self.hello {
            self.send(hello);
        }
    }

    /// Says whether it is closing or closed, of which the event may still be to come.
    pub(crate) fn has_ended(&self) -> bool {
        self.raw.ready_state() > WebSocket::OPEN
    }

    /// Sends a frame that stays in JavaScript; returns `false` if the socket is not open yet. The caller
    /// has looked at [`Self::has_ended`].
    pub(crate) fn send(&self, frame: &JsValue) -> bool {
        send(&self.raw, frame)
    }

    /// Begins the closing handshake.
    pub(crate) fn shut(&self, code: CloseCode, reason: &str) {
        let code = CloseCode::sendable(code.get()).unwrap_or(CloseCode::NORMAL);
        let reason = reason.get(..reason.floor_char_boundary(MAX_REASON_BYTES));
        shut(&self.raw, code.get(), reason.unwrap_or_default());
    }

    /// Returns how many bytes the browser has taken and not sent.
    pub(crate) fn buffered_bytes(&self) -> u32 {
        self.raw.buffered_amount()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        silence(&self.raw);
    }
}
