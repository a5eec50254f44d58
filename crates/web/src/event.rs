//! What the browser tells, through one method for all of it: `page.js` and `socket.js` call it.

use std::rc::Weak;

use onesocket_core::Attempt;
use onesocket_core::protocol::CloseCode;
use wasm_bindgen::prelude::*;

use crate::driver::Driver;

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

/// What JavaScript has of a driver. An object with a method is half as large as a closure, and its call
/// is cheaper.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct DriverHandle(Weak<Driver>);

impl DriverHandle {
    pub(crate) fn of(driver: Weak<Driver>) -> JsValue {
        Self(driver).into()
    }
}

#[wasm_bindgen]
impl DriverHandle {
    /// Tells of the socket of an attempt (0 for the page) the number of an event, and what belongs to it.
    #[doc(hidden)]
    pub fn tell(&self, attempt: u32, kind: u8, value: JsValue, number: u32) {
        let Some(driver) = self.0.upgrade() else { return };
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
        driver.on_event(Attempt(attempt), event);
    }
}
