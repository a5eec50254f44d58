//! How the shell speaks with the server: as `onesocket.v1` says, or as the application says.

use std::rc::Rc;

use js_sys::Array;
use onesocket_core::protocol::{
    CLIENT_PREFIX, ClientFrame, CloseCode, Retry, SUBPROTOCOL, ServerFrame, TOKEN_PREFIX,
};
use onesocket_core::{PlainRules, Text, Token};
use wasm_bindgen::prelude::*;

use crate::codec::{self, bare};

#[wasm_bindgen(module = "/src/codec.js")]
extern "C" {
    fn offer(name: &str, client: &JsValue, token_prefix: &str, token: Option<&str>) -> Array;

    #[wasm_bindgen(js_name = clientSubprotocol)]
    fn client_subprotocol(prefix: &str) -> JsValue;
}

/// The same in `socket.js`.
const SHARED: u8 = 255;

/// A server that does not speak `onesocket.v1`, as an application describes it. Messages pass as
/// they are; everything else here has its place only if the application gives it one.
///
/// What goes over the socket is a JavaScript string or a `Uint8Array`. No method may panic, and
/// what one says in an error is shown to people: no token belongs into it.
pub trait PlainWire {
    /// Says what this wire has beside messages. It does not change.
    fn rules(&self) -> PlainRules;

    /// Says how a socket is begun.
    ///
    /// # Errors
    ///
    /// Says why it cannot be, for people; the connection fails with `invalid-options`.
    fn opening_handshake(
        &self,
        url: &str,
        token: Option<&Token>,
    ) -> Result<OpeningHandshake, String>;

    /// Returns the message that brings the server a new token.
    ///
    /// # Errors
    ///
    /// Says why there is none; it is tried again as after any other failed refresh.
    fn refresh(&self, token: &Token) -> Result<JsValue, String>;

    /// Returns the message by which the server is asked for a sign of life; `None` if there is none
    /// now, and then the server will be held to be gone.
    fn ping(&self) -> Option<JsValue>;

    /// Says whether a message means that the session is agreed; asked until one does, where the rules
    /// have it.
    fn is_ready(&self, data: &JsValue) -> bool;

    /// Says whether a message is only the answer to a ping, and not for the user.
    fn is_pong(&self, data: &JsValue) -> bool;

    /// Says what the client may do after a close.
    fn retry(&self, code: CloseCode) -> Retry;
}

/// How a socket is begun.
pub struct OpeningHandshake {
    /// Where to.
    pub url: String,
    /// The subprotocols that are offered, strings.
    pub protocols: Array,
    /// What is sent first, once it is open.
    pub hello: Option<JsValue>,
}

/// How the shell speaks with the server.
pub(crate) enum Wire {
    OneSocket {
        /// The subprotocol by which the server knows this client again.
        client: JsValue,
        /// As what the frames are read: see [`Wire::raw`].
        raw: Option<u8>,
    },
    Plain(Rc<dyn PlainWire>),
}

impl Wire {
    /// Speaks `onesocket.v1`, under a new name.
    pub(crate) fn onesocket() -> Self {
        Self::OneSocket { client: client_subprotocol(CLIENT_PREFIX), raw: None }
    }

    /// Speaks it under this name for several clients, whose frames pass as they are.
    pub(crate) fn shared(name: &str) -> Self {
        let mut client = String::from(CLIENT_PREFIX);
        client.push_str(name);
        Self::OneSocket { client: client.into(), raw: Some(SHARED) }
    }

    /// Says what the machine has to know of it.
    pub(crate) fn rules(&self) -> onesocket_core::Wire {
        match self {
            Self::OneSocket { .. } => onesocket_core::Wire::OneSocket,
            Self::Plain(wire) => onesocket_core::Wire::Plain(wire.rules()),
        }
    }

    /// See [`PlainWire::opening_handshake`].
    pub(crate) fn opening_handshake(
        &self,
        url: &str,
        token: Option<&Token>,
    ) -> Result<OpeningHandshake, String> {
        match self {
            Self::OneSocket { client, .. } => {
                let token = token.map(Token::reveal);
                let protocols = offer(SUBPROTOCOL, client, TOKEN_PREFIX, token);
                Ok(OpeningHandshake { url: url.to_owned(), protocols, hello: None })
            }
            Self::Plain(wire) => wire.opening_handshake(url, token),
        }
    }

    /// Writes a frame: what a `WebSocket` is to send. `None` if this wire has no such frame.
    ///
    /// # Errors
    ///
    /// Says why there is no message that brings a new token.
    pub(crate) fn encode(&self, frame: &ClientFrame<JsValue>) -> Result<Option<JsValue>, String> {
        let Self::Plain(wire) = self else { return Ok(Some(codec::encode(frame))) };
        if let ClientFrame::Message { data, .. } = frame {
            return Ok(Some(bare(data)));
        }
        if let ClientFrame::Refresh { token, .. } = frame {
            return wire.refresh(token).map(Some);
        }
        // The machine sends nothing else over an application's own wire.
        Ok(if let ClientFrame::Ping = frame { wire.ping() } else { None })
    }

    /// Says as what a message is taken that is not read in JavaScript; `None` if each is read there.
    pub(crate) fn raw(&self) -> Option<u8> {
        match self {
            Self::OneSocket { raw, .. } => *raw,
            Self::Plain(_) => Some(codec::MESSAGE),
        }
    }

    /// Makes a frame of what a `WebSocket` has received.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(crate) fn frame(&self, kind: u8, value: JsValue) -> Result<ServerFrame<JsValue>, Text> {
        match self {
            Self::Plain(wire) if wire.is_pong(&value) => Ok(ServerFrame::Pong),
            Self::OneSocket { .. } | Self::Plain(_) => codec::frame(kind, value),
        }
    }

    /// See [`PlainWire::retry`].
    pub(crate) fn retry(&self, code: CloseCode) -> Retry {
        match self {
            Self::OneSocket { .. } => code.retry(),
            Self::Plain(wire) => wire.retry(code),
        }
    }
}
