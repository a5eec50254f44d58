//! A browser's WebSocket.

use js_sys::{Array, Function};
use onesocket_core::protocol::CloseCode;
use onesocket_core::{Attempt, Sentence, Text};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use crate::wire::OpeningHandshake;

#[wasm_bindgen(module = "/src/socket.js")]
extern "C" {
    fn listen(socket: &WebSocket, raw: Option<u8>, tell: &Function);

    fn silence(socket: &WebSocket);
}

#[wasm_bindgen]
extern "C" {
    /// A `WebSocket` that is sent values which stay in JavaScript.
    type Sender;

    #[wasm_bindgen(method, catch)]
    fn send(this: &Sender, data: &JsValue) -> Result<(), JsValue>;
}

/// The longest reason of a close, in bytes of UTF-8 (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Makes a `WebSocket`, or an object with its interface, for a URL and the subprotocols to offer;
/// returns what was thrown instead.
pub type NewSocket = dyn Fn(&str, &Array) -> Result<JsValue, JsValue>;

/// What a socket reports.
pub(crate) enum SocketEvent {
    Opened,
    /// What `codec.js` has read, and how long it was.
    Received {
        kind: u8,
        value: JsValue,
        size: u32,
    },
    Closed {
        code: CloseCode,
        reason: String,
    },
}

impl SocketEvent {
    /// Reads what `socket.js` tells.
    fn told(kind: u8, value: JsValue, number: u32) -> Self {
        match kind {
            20 => Self::Opened,
            21 => Self::Closed {
                code: CloseCode::seen(number as u16),
                reason: value.as_string().unwrap_or_default(),
            },
            kind => Self::Received { kind, value, size: number },
        }
    }
}

/// A socket for one attempt. Dropping it silences it.
pub(crate) struct Socket {
    pub(crate) attempt: Attempt,
    raw: WebSocket,
    /// What is sent first.
    hello: Option<JsValue>,
    // The browser holds this function, which must outlive its last call.
    _tell: Closure<dyn Fn(u8, JsValue, u32)>,
}

impl Socket {
    /// Makes a socket; `url` is what people know it by.
    ///
    /// # Errors
    ///
    /// Says what was thrown: a malformed URL, or `ws:` on an `https:` page.
    pub(crate) fn open(
        new_socket: &NewSocket,
        url: &str,
        handshake: OpeningHandshake,
        raw_kind: Option<u8>,
        attempt: Attempt,
        on_event: impl Fn(SocketEvent) + 'static,
    ) -> Result<Self, Text> {
        let raw = new_socket(&handshake.url, &handshake.protocols);
        let raw: WebSocket = raw.map(JsValue::unchecked_into).map_err(|thrown| {
            // Its name only: in its message the browser may quote the subprotocols, and so the
            // token.
            let name = thrown.dyn_ref::<js_sys::Error>().map(|error| String::from(error.name()));
            let name = name.unwrap_or_default();
            // A token may have got into the query.
            let (url, _) = url.split_once('?').unwrap_or((url, ""));
            Text::with_words(Sentence::CannotOpen, [url, " (", &name, ")"].concat())
        })?;
        let tell = Closure::<dyn Fn(u8, JsValue, u32)>::new(move |kind, value, number| {
            on_event(SocketEvent::told(kind, value, number));
        });
        listen(&raw, raw_kind, tell.as_ref().unchecked_ref());
        Ok(Self { attempt, raw, hello: handshake.hello, _tell: tell })
    }

    /// Sends the first message, if the wire has one. The socket has just opened.
    pub(crate) fn send_hello(&self) {
        if let Some(hello) = &self.hello {
            // It throws only during the opening handshake.
            let _ = self.send(hello);
        }
    }

    /// Says whether it is closing or closed, of which the event may still be to come.
    pub(crate) fn has_ended(&self) -> bool {
        self.raw.ready_state() > WebSocket::OPEN
    }

    /// Sends a frame that stays in JavaScript. The caller has looked at [`Self::has_ended`].
    ///
    /// # Errors
    ///
    /// Returns what the browser threw: the socket is not open yet.
    pub(crate) fn send(&self, frame: &JsValue) -> Result<(), JsValue> {
        self.raw.unchecked_ref::<Sender>().send(frame)
    }

    /// Begins the closing handshake.
    pub(crate) fn shut(&self, code: CloseCode, reason: &str) {
        let code = CloseCode::sendable(code.get()).unwrap_or(CloseCode::NORMAL);
        let reason = &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)];
        // It throws only for a code or a reason that cannot be sent, and these can.
        let _ = self.raw.close_with_code_and_reason(code.get(), reason);
    }

    /// Returns how many bytes the browser has taken and not sent.
    pub(crate) fn buffered_bytes(&self) -> u32 {
        self.raw.buffered_amount()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // First silence, then drop: the browser must not call a dropped closure.
        silence(&self.raw);
    }
}
