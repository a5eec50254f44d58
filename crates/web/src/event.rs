//! What the browser tells, through one function for all of it: `page.js` and `socket.js` call it.

use onesocket_core::Attempt;
use onesocket_core::protocol::CloseCode;
use wasm_bindgen::prelude::*;

/// Something that the browser tells.
pub(crate) enum Event {
    /// A socket has opened.
    Opened,
    /// A socket has received what `codec.js` has read, and how long it was.
    Received { kind: u8, value: JsValue, size: u32 },
    /// A socket has closed.
    Closed { code: CloseCode, reason: String },
    /// The page has woken up.
    Wake,
    /// The browser has gone offline.
    Offline,
    /// The browser is online again.
    Online,
}

/// What is called with the socket (none for the page), the number of an event, and what belongs to it.
/// The browser holds the function, which must outlive its last call.
pub(crate) type Tell = Closure<dyn Fn(u32, u8, JsValue, u32)>;

/// Makes the function that the browser calls.
pub(crate) fn teller(on_event: impl Fn(Attempt, Event) + 'static) -> Tell {
    Tell::new(move |attempt, kind, value: JsValue, number| {
        let event = match kind {
            20 => Event::Opened,
            21 => Event::Closed {
                code: CloseCode::seen(number as u16),
                reason: value.as_string().unwrap_or_default(),
            },
            30 => Event::Wake,
            31 => Event::Offline,
            32 => Event::Online,
            kind => Event::Received { kind, value, size: number },
        };
        on_event(Attempt(attempt), event);
    })
}
