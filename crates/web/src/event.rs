//! What the browser tells.

use onesocket_core::protocol::CloseCode;
use onesocket_core::{Sentence, Text};
use wasm_bindgen::prelude::*;

/// Something that the browser tells.
pub(crate) enum Event {
    /// A socket has opened.
    Opened,
    /// A socket has received what `codec.js` has read, and how long it was.
    Received { kind: u8, value: JsValue, size: u32 },
    /// A socket has closed.
    Closed { code: CloseCode, reason: String },
    /// A socket will never open, and is gone.
    Refused { problem: Text },
    /// The page has woken up.
    Wake,
    /// The browser has gone offline.
    Offline,
    /// The browser is online again.
    Online,
    /// A person uses the page.
    Activity,
}

impl Event {
    /// Reads what `page.js` and `socket.js` tell: the number of an event, and what belongs to it.
    pub(crate) fn of(kind: u8, value: JsValue, number: u32) -> Self {
        match kind {
            20 => Self::Opened,
            21 => Self::Closed {
                code: CloseCode::seen(number as u16),
                reason: value.as_string().unwrap_or_default(),
            },
            22 => Self::Refused { problem: Text::new(Sentence::WrongSubprotocol) },
            23 => Self::Refused {
                problem: Text::with_words(
                    Sentence::Forbidden,
                    value.as_string().unwrap_or_default(),
                ),
            },
            30 => Self::Wake,
            31 => Self::Offline,
            32 => Self::Online,
            33 => Self::Activity,
            kind => Self::Received { kind, value, size: number },
        }
    }
}
