//! The connection of an application, which is its own or shared with other tabs.

use std::rc::{Rc, Weak};

use js_sys::Function;
use onesocket_core::{Call, Config, Error, Input, Request, Stats, Status, Text};
use wasm_bindgen::JsValue;

use crate::driver::Driver;
use crate::tab::Shared;
use crate::{Callbacks, PlainWire};

/// What a connection is made of.
pub struct Parts {
    /// The URL of the server, `ws:` or `wss:`.
    pub url: String,
    /// The settings.
    pub config: Config,
    /// What makes its sockets, out of a URL and the subprotocols to offer; without one they are the
    /// browser's own.
    pub constructor: Option<Function>,
    /// A wire of the application's own; without one it speaks `onesocket.v1`.
    pub plain: Option<Rc<dyn PlainWire>>,
    /// What the tabs have in common that share the connection; without it none does.
    pub share: Option<String>,
}

/// The connection of an application: its own, or one that tabs share. Dropping it closes it.
///
/// Everything may be called from inside a callback that it made.
pub struct AppConnection {
    driver: Rc<Driver>,
    shared: Option<Rc<Shared>>,
}

impl AppConnection {
    /// Makes a connection that does nothing yet. `callbacks` makes the callbacks; it is given a reference
    /// to the connection, which they may call.
    pub fn new(parts: Parts, callbacks: impl FnOnce(Weak<Self>) -> Rc<dyn Callbacks>) -> Rc<Self> {
        Rc::new_cyclic(|me| {
            let Parts { url, config, constructor, plain, share } = parts;
            let callbacks = callbacks(me.clone());
            if let Some(key) = share {
                match Shared::why_alone() {
                    Some(reason) => callbacks.alone(&reason),
                    None => {
                        let (shared, driver) =
                            Shared::new(&key, url, config, constructor, plain, callbacks);
                        return Self { driver, shared: Some(shared) };
                    }
                }
            }
            let driver = Driver::new(url, config, constructor, plain, callbacks);
            Self { driver, shared: None }
        })
    }

    /// Wants to be connected. One that waits tries again at once, whichever tab has it.
    pub fn connect(&self, call: Call) {
        self.ask(Input::Connect { call });
        if let Some(shared) = &self.shared {
            shared.urge();
        }
    }

    /// Feeds what the user wants: `Abort`, `Close`, `Hold` and `Release`. The rest has methods of its own.
    pub fn ask(&self, input: Input<JsValue>) {
        self.driver.ask(input);
    }

    /// Sends a payload of so many bytes to the server: see `codec.rs` for its forms.
    ///
    /// # Errors
    ///
    /// Says why it is refused.
    pub fn send(&self, payload: (JsValue, usize)) -> Result<(), Error> {
        self.driver.send(payload)
    }

    /// Makes a request to the server.
    pub fn request(&self, call: Call, request: Request<JsValue>) {
        match &self.shared {
            Some(shared) => shared.request(call, request),
            None => self.driver.ask(Input::Request { call, request }),
        }
    }

    /// Answers a call whose request cannot be made at all.
    pub fn refuse(&self, call: Call, why: Text) {
        self.driver.refuse(call, why);
    }

    /// Takes the answer of `getToken`: `Input::Token`.
    pub fn answer(&self, input: Input<JsValue>) {
        match &self.shared {
            Some(shared) => shared.answer(input),
            None => self.driver.feed(input),
        }
    }

    /// Returns what the user may know.
    pub fn status(&self) -> Status {
        let mut status = self.driver.status();
        if let Some(shared) = &self.shared {
            shared.overlay(&mut status);
        }
        status
    }

    /// Returns what was counted.
    pub fn stats(&self) -> Stats {
        let stats = self.driver.stats();
        match &self.shared {
            Some(shared) => shared.counted(stats),
            None => stats,
        }
    }

    /// Returns how many bytes wait here and in the sockets.
    pub fn buffered_bytes(&self) -> usize {
        self.driver.buffered_bytes()
    }
}

impl Drop for AppConnection {
    fn drop(&mut self) {
        self.driver.retire();
        if let Some(shared) = &self.shared {
            shared.retire();
        }
    }
}
