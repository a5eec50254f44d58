//! The life of the page: hidden and visible, frozen and resumed, offline and online.

use js_sys::{Function, Object, Reflect};
use onesocket_core::Input;
use wasm_bindgen::prelude::*;

use crate::binding::{EventTarget, PageEvent};

/// The events, each with its target.
const EVENTS: [(&str, &str); 5] = [
    ("document", "resume"),
    ("document", "visibilitychange"),
    ("window", "offline"),
    ("window", "online"),
    ("window", "pageshow"),
];

/// The listeners on the page. Dropping it removes them.
pub(crate) struct Page {
    targets: Vec<(EventTarget, &'static str)>,
    listener: Closure<dyn Fn(PageEvent)>,
}

impl Page {
    /// Listens, and feeds what the machine has to know. `needs_no_network` where the server is on
    /// this machine: one without a network reports that it is offline. Where there is no page, in a
    /// worker for example, there is nothing to listen to.
    pub(crate) fn listen(needs_no_network: bool, feed: impl Fn(Input<JsValue>) + 'static) -> Self {
        let listener = Closure::<dyn Fn(PageEvent)>::new(move |event: PageEvent| {
            let input = match event.kind().as_str() {
                "offline" if needs_no_network => None,
                "offline" => Some(Input::Offline),
                "online" => Some(Input::Online),
                // Hidden now: nothing to look at.
                "visibilitychange" if is_hidden() => None,
                // Shown for the first time, not brought back.
                "pageshow" if !event.persisted() => None,
                _ => Some(Input::Wake),
            };
            if let Some(input) = input {
                feed(input);
            }
        });
        let mut page = Self { targets: Vec::new(), listener };
        for (target, event) in EVENTS {
            if let Some(target) = global(target) {
                target.add(event, page.function());
                page.targets.push((target, event));
            }
        }
        page
    }

    fn function(&self) -> &Function {
        self.listener.as_ref().unchecked_ref()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for (target, event) in &self.targets {
            target.remove(event, self.function());
        }
    }
}

/// Says whether the browser believes that there is no network.
pub(crate) fn is_offline() -> bool {
    let navigator = property(&js_sys::global(), "navigator");
    navigator.is_some_and(|navigator| property(&navigator, "onLine") == Some(JsValue::FALSE))
}

fn is_hidden() -> bool {
    let document = global("document");
    document.is_some_and(|document| {
        property(document.as_ref(), "visibilityState") == Some("hidden".into())
    })
}

fn global(name: &str) -> Option<EventTarget> {
    let object = property(&js_sys::global(), name)?;
    object.is_object().then(|| object.unchecked_into())
}

fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    let object: &Object = object.dyn_ref()?;
    Reflect::get(object, &name.into()).ok()
}
