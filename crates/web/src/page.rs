//! The life of the page, which `page.js` watches.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/page.js")]
extern "C" {
    fn listen(url: &str, driver: &JsValue) -> JsValue;

    fn end(listener: &JsValue);

    /// Says whether the browser believes that there is no network, where the URL needs one: without
    /// a network it reports so, though a server on this machine can be reached.
    #[wasm_bindgen(js_name = isOffline)]
    pub(crate) fn is_offline(url: &str) -> bool;
}

/// The listener on the page. Dropping it removes it.
pub(crate) struct Page(JsValue);

impl Page {
    /// Listens, and tells what the machine has to know.
    pub(crate) fn listen(url: &str, driver: &JsValue) -> Self {
        Self(listen(url, driver))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        end(&self.0);
    }
}
