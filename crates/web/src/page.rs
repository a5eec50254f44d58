//! The life of the page, which `page.js` watches.

use js_sys::Function;
use onesocket_core::Input;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/page.js")]
extern "C" {
    fn listen(url: &str, tell: &Function) -> Function;

    /// Says whether the browser believes that there is no network, where the URL needs one: without
    /// a network it reports so, though a server on this machine can be reached.
    #[wasm_bindgen(js_name = isOffline)]
    pub(crate) fn is_offline(url: &str) -> bool;
}

/// The listeners on the page. Dropping it removes them.
pub(crate) struct Page {
    end: Function,
    _tell: Closure<dyn Fn(u8)>,
}

impl Page {
    /// Listens, and feeds what the machine has to know.
    pub(crate) fn listen(url: &str, feed: impl Fn(Input<JsValue>) + 'static) -> Self {
        let tell = Closure::<dyn Fn(u8)>::new(move |event: u8| {
            feed(match event {
                1 => Input::Offline,
                2 => Input::Online,
                _ => Input::Wake,
            });
        });
        let end = listen(url, tell.as_ref().unchecked_ref());
        Self { end, _tell: tell }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It does not throw.
        let _ = self.end.call0(&JsValue::UNDEFINED);
    }
}
