//! How the shell speaks with the server: as `onesocket.v1` says, or as the application says.

use js_sys::{Array, ArrayBuffer, JsString};
use onesocket_core::protocol::{
    ClientFrame, CloseCode, Retry, SUBPROTOCOL, ServerFrame, client_subprotocol, token_subprotocol,
};
use onesocket_core::{PlainRules, Text, Token};
use wasm_bindgen::{JsCast, JsValue};

use crate::codec;
use crate::payload::Form;

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
        client: String,
    },
    Plain(Box<dyn PlainWire>),
}

impl Wire {
    /// Speaks `onesocket.v1`; the server knows the client again by these bytes.
    pub(crate) fn onesocket(name: &[u8; 16]) -> Self {
        Self::OneSocket { client: client_subprotocol(name) }
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
            Self::OneSocket { client } => {
                let protocols = Array::of1(&SUBPROTOCOL.into());
                if let Some(token) = token {
                    protocols.push(&token_subprotocol(token.reveal()).into());
                }
                protocols.push(&client.into());
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
            return Ok(Some(match Form::of(data) {
                Form::Bytes(_) | Form::Text => data.clone(),
                Form::Json(text) => text.into(),
            }));
        }
        if let ClientFrame::Refresh { token, .. } = frame {
            return wire.refresh(token).map(Some);
        }
        // The machine sends nothing else over an application's own wire.
        Ok(if let ClientFrame::Ping = frame { wire.ping() } else { None })
    }

    /// Reads what a `WebSocket` has received.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(crate) fn decode(&self, data: JsValue) -> Result<ServerFrame<JsValue>, Text> {
        match self {
            Self::OneSocket { .. } => codec::decode(data),
            Self::Plain(wire) if wire.is_pong(&data) => Ok(ServerFrame::Pong),
            Self::Plain(_) => Ok(ServerFrame::Message(data)),
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

/// Returns the size of what a `WebSocket` has received. Of a text these are its UTF-16 units, which
/// are its bytes where it is ASCII: to count others would be to read it.
pub(crate) fn size(data: &JsValue) -> usize {
    let length = match data.dyn_ref::<JsString>() {
        Some(text) => text.length(),
        None => data.unchecked_ref::<ArrayBuffer>().byte_length(),
    };
    length as usize
}
