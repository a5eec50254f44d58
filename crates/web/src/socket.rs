//! A browser's WebSocket.

use js_sys::Array;
use onesocket_core::protocol::CloseCode;
use onesocket_core::{Attempt, Sentence, Text};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::binding::Sender;
use crate::wire::OpeningHandshake;

/// The longest reason of a close, in bytes of UTF-8 (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// Makes a `WebSocket`, or an object with its interface, for a URL and the subprotocols to offer;
/// returns what was thrown instead.
pub type NewSocket = dyn Fn(&str, &Array) -> Result<JsValue, JsValue>;

/// Makes a socket of the browser's own.
///
/// # Errors
///
/// Returns what the browser threw: a malformed URL, or `ws:` on an `https:` page.
pub(crate) fn browser_socket(url: &str, protocols: &Array) -> Result<JsValue, JsValue> {
    WebSocket::new_with_str_sequence(url, protocols).map(JsValue::from)
}

/// What a socket reports.
pub(crate) enum SocketEvent {
    Opened,
    /// A string or an `ArrayBuffer`.
    Received(JsValue),
    Closed {
        code: CloseCode,
        reason: String,
    },
}

/// A socket for one attempt. Dropping it silences it.
pub(crate) struct Socket {
    pub(crate) attempt: Attempt,
    raw: WebSocket,
    /// What is sent first.
    hello: Option<JsValue>,
    // The browser holds these functions; they must outlive its last call.
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
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
        attempt: Attempt,
        on_event: impl Fn(SocketEvent) + Clone + 'static,
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
        // A `Blob` can only be read later, which would let messages overtake each other.
        raw.set_binary_type(BinaryType::Arraybuffer);

        let listener = on_event.clone();
        let on_open = Closure::<dyn Fn()>::new(move || listener(SocketEvent::Opened));
        raw.set_onopen(Some(on_open.as_ref().unchecked_ref()));

        let listener = on_event.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            listener(SocketEvent::Received(event.data()));
        });
        raw.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

        // `close` always comes, `error` does not: nothing depends on `error`.
        let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
            let code = CloseCode::seen(event.code());
            on_event(SocketEvent::Closed { code, reason: event.reason() });
        });
        raw.set_onclose(Some(on_close.as_ref().unchecked_ref()));

        let hello = handshake.hello;
        Ok(Self {
            attempt,
            raw,
            hello,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
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
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        self.raw.set_onclose(None);
    }
}
