//! The client of a Rust front end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use futures_channel::oneshot;
use onesocket_core::protocol::{CloseCode, Group};
use onesocket_core::{
    Call, Config, Error, Fetch, FetchReason, Input, LogEvent, Request, Role, Span, StateName,
    Stats, Status, Text, TokenAnswer,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::payload::{bytes_payload, json_payload, text_payload};
use crate::{AppConnection, Callbacks, Clock, Parts, PlainWire};

type TokenSource = Box<dyn Fn() -> Pin<Box<dyn Future<Output = TokenAnswer>>>>;
type Listener<E> = dyn Fn(&E);

/// What a [`Client`] is made of.
pub struct Options {
    parts: Parts,
    token_source: Option<TokenSource>,
}

impl Options {
    /// Takes the URL of the server, `ws:` or `wss:`, and the defaults for all else.
    pub fn new(url: impl Into<String>) -> Self {
        let (url, config) = (url.into(), Config::default());
        let parts = Parts { url, config, constructor: None, plain: None, share: None };
        Self { parts, token_source: None }
    }

    /// Changes the settings.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.parts.config);
        self
    }

    /// Says where tokens come from. It is asked at every attempt, never twice at once; its answer
    /// is dropped if the attempt has ended meanwhile.
    #[must_use]
    pub fn token_source<F>(mut self, source: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = TokenAnswer> + 'static,
    {
        self.token_source = Some(Box::new(move || Box::pin(source())));
        self
    }

    /// Says how to speak with a server that does not speak `onesocket.v1`. It has no groups.
    #[must_use]
    pub fn plain_wire(mut self, wire: impl PlainWire + 'static) -> Self {
        self.parts.plain = Some(Rc::new(wire));
        self
    }

    /// Shares one connection among all tabs of the origin that have this key, server and kind of wire in
    /// common. The key is the user's id, say: no proof of who somebody is, for tabs with it trust each
    /// other.
    #[must_use]
    pub fn share(mut self, key: impl Into<String>) -> Self {
        self.parts.share = Some(key.into());
        self
    }
}

/// One WebSocket connection, for a Rust front end.
///
/// Every method takes effect when it is called, not when its future is awaited; the futures only
/// tell of the outcome and may be dropped. Dropping the client closes the connection.
pub struct Client {
    connection: Rc<AppConnection>,
    subscribers: Rc<Subscribers>,
    last_call: Cell<u32>,
}

impl Client {
    /// Makes a client that does nothing yet.
    pub fn new(options: Options) -> Self {
        let Options { mut parts, token_source } = options;
        parts.config.tokens = token_source.is_some();
        parts.config.seed = (js_sys::Math::random() * u64::MAX as f64) as u64;
        let subscribers = Rc::new(Subscribers::default());
        let told = subscribers.clone();
        let connection = AppConnection::new(parts, |connection| {
            Rc::new(RustCallbacks { subscribers: told, token_source, connection })
        });
        Self { connection, subscribers, last_call: Cell::new(0) }
    }

    /// Connects, or joins the attempt in progress, or finds the connection there.
    ///
    /// # Errors
    ///
    /// Why it failed for good, or `closed`.
    pub fn connect(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        let (call, answer) = self.new_call();
        self.connection.connect(call);
        answer
    }

    /// Closes the connection and waits until the socket has closed.
    pub fn close(&self) -> impl Future<Output = ()> + use<> {
        let (code, reason) = (CloseCode::NORMAL, String::new());
        let (call, closed) = self.new_call();
        self.connection.ask(Input::Close { call, code, reason });
        async {
            // It cannot fail.
            let _ = closed.await;
        }
    }

    /// Connects while the result lives; see [`Held`].
    #[must_use]
    pub fn hold(&self) -> Held {
        self.connection.ask(Input::Hold);
        Held(Rc::downgrade(&self.connection))
    }

    /// Joins a group, now and after every reconnect, until it was left as often as it was joined.
    ///
    /// # Errors
    ///
    /// The server's refusal, or `closed`.
    pub fn join(&self, group: Group) -> impl Future<Output = Result<(), Error>> + use<> {
        self.request(Request::Join(group))
    }

    /// Takes back one `join`, and leaves the group with the last one.
    ///
    /// # Errors
    ///
    /// The server's refusal.
    pub fn leave(&self, group: Group) -> impl Future<Output = Result<(), Error>> + use<> {
        self.request(Request::Leave(group))
    }

    /// Sends a text to the server.
    ///
    /// # Errors
    ///
    /// `queue-full`, `too-large` or `closed`.
    pub fn send_text(&self, text: &str) -> Result<(), Error> {
        self.connection.send(text_payload(text.into()))
    }

    /// Sends bytes to the server.
    ///
    /// # Errors
    ///
    /// `queue-full`, `too-large` or `closed`.
    pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        self.connection.send(bytes_payload(bytes))
    }

    /// Sends a value to the server, as JSON.
    ///
    /// # Errors
    ///
    /// `invalid-message` if it does not serialise; else as [`send_text`](Self::send_text).
    #[cfg(feature = "serde")]
    pub fn send<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<(), Error> {
        self.connection.send(json_payload(&typed::to_js(value)?)?)
    }

    /// Sends a value to the members of a group, as JSON.
    ///
    /// # Errors
    ///
    /// `invalid-message` if it does not serialise, the server's refusal, or `closed`.
    #[cfg(feature = "serde")]
    pub fn publish<T>(
        &self,
        group: Group,
        value: &T,
    ) -> impl Future<Output = Result<(), Error>> + use<T>
    where
        T: serde::Serialize + ?Sized,
    {
        let payload = typed::to_js(value).and_then(|value| json_payload(&value));
        self.publish_payload(group, payload)
    }

    /// Sends a JavaScript value to the members of a group, as JSON.
    ///
    /// # Errors
    ///
    /// `invalid-message` for what JSON cannot express, the server's refusal, or `closed`.
    pub fn publish_js(
        &self,
        group: Group,
        value: &JsValue,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        self.publish_payload(group, json_payload(value))
    }

    /// Sends bytes to the members of a group.
    ///
    /// # Errors
    ///
    /// The server's refusal, or `closed`.
    pub fn publish_bytes(
        &self,
        group: Group,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        self.publish_payload(group, Ok(bytes_payload(bytes)))
    }

    /// Makes any request to the server; [`join`](Self::join) and the like are short for it.
    ///
    /// # Errors
    ///
    /// The server's refusal, or `closed`.
    pub fn request(
        &self,
        request: Request<JsValue>,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let (call, answer) = self.new_call();
        self.connection.request(call, request);
        answer
    }

    /// Refreshes the token now.
    ///
    /// # Errors
    ///
    /// `token-failed` if there is none to be had, the server's refusal, or `closed`.
    pub fn refresh_token(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        self.request(Request::Refresh)
    }

    /// Returns what may be known of the connection now.
    pub fn status(&self) -> Status {
        self.connection.status()
    }

    /// Returns what this tab is to the others that share its connection.
    pub fn role(&self) -> Role {
        self.subscribers.role.get()
    }

    /// Says why this tab shares no connection, though it was to: `insecure-context`, `opaque-origin`,
    /// `no-locks` or `no-channel`.
    pub fn alone_reason(&self) -> Option<String> {
        self.subscribers.alone_reason.borrow().clone()
    }

    /// Returns what was counted since the client was made.
    pub fn stats(&self) -> Stats {
        self.connection.stats()
    }

    /// Listens to changes of the status, and of the [role](Self::role).
    #[must_use]
    pub fn on_status(&self, listener: impl Fn(&Status) + 'static) -> Subscription {
        self.subscribers.status.add(listener)
    }

    /// Listens to messages.
    #[must_use]
    pub fn on_message(&self, listener: impl Fn(&Message) + 'static) -> Subscription {
        self.subscribers.message.add(listener)
    }

    /// Listens to errors.
    #[must_use]
    pub fn on_error(&self, listener: impl Fn(&Error) + 'static) -> Subscription {
        self.subscribers.error.add(listener)
    }

    /// Listens to the log.
    #[must_use]
    pub fn on_log(&self, listener: impl Fn(&LogEvent) + 'static) -> Subscription {
        self.subscribers.log.add(listener)
    }

    fn publish_payload(
        &self,
        group: Group,
        payload: Result<(JsValue, usize), Error>,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let answer =
            payload.map(|(data, bytes)| self.request(Request::Publish { group, data, bytes }));
        async { answer?.await }
    }

    fn new_call(&self) -> (Call, impl Future<Output = Result<(), Error>> + use<>) {
        let call = Call(self.last_call.get().wrapping_add(1));
        self.last_call.set(call.0);
        let (sender, receiver) = oneshot::channel();
        self.subscribers.calls.borrow_mut().insert(call, sender);
        // A client that is dropped answers its calls; so does the machine, always.
        (call, async { receiver.await.unwrap_or(Ok(())) })
    }
}

/// Holds the connection, as a mounted component does: it starts one that was never asked for, and
/// lets it go a little after the last of its kind is dropped. It does not revive what has failed or
/// was closed.
pub struct Held(Weak<AppConnection>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.upgrade() {
            connection.ask(Input::Release);
        }
    }
}

/// Dropping it ends the listening.
pub struct Subscription {
    _end: Box<dyn std::any::Any>,
}

#[wasm_bindgen]
extern "C" {
    /// What a message has beside its payload, as the server has sent it.
    type Fields;

    #[wasm_bindgen(method, getter)]
    fn data(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    fn group(this: &Fields) -> JsValue;

    #[wasm_bindgen(method, getter)]
    fn from(this: &Fields) -> JsValue;
}

/// A message from the server.
#[derive(Clone, Debug)]
pub struct Message(JsValue);

impl Message {
    /// Returns what was sent: any JSON value, a string, or bytes: a `Uint8Array`, and an
    /// `ArrayBuffer` over a plain wire.
    pub fn data(&self) -> JsValue {
        self.fields().map_or_else(|| self.0.clone(), Fields::data)
    }

    /// Returns the group to which it was published, if to one.
    pub fn group(&self) -> Option<String> {
        self.fields()?.group().as_string()
    }

    /// Returns the user who published it, if one did.
    pub fn from(&self) -> Option<String> {
        self.fields()?.from().as_string()
    }

    /// Reads what was sent as a value of a type.
    ///
    /// # Errors
    ///
    /// Says what does not fit.
    #[cfg(feature = "serde")]
    pub fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        typed::from_js(self.data())
    }

    fn fields(&self) -> Option<&Fields> {
        let framed = self.0.is_object() && !self.0.is_instance_of::<js_sys::ArrayBuffer>();
        framed.then(|| self.0.unchecked_ref())
    }
}

#[cfg(feature = "serde")]
mod typed {
    use onesocket_core::{Error, ErrorCode};
    use wasm_bindgen::JsValue;

    fn invalid(error: &serde_wasm_bindgen::Error) -> Error {
        Error::new(ErrorCode::InvalidMessage, error.to_string())
    }

    pub(super) fn to_js<T: serde::Serialize + ?Sized>(value: &T) -> Result<JsValue, Error> {
        // Maps as objects: JSON knows no `Map`.
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        value.serialize(&serializer).map_err(|error| invalid(&error))
    }

    pub(super) fn from_js<T: serde::de::DeserializeOwned>(value: JsValue) -> Result<T, Error> {
        serde_wasm_bindgen::from_value(value).map_err(|error| invalid(&error))
    }
}

/// Who listens, and who waits.
#[derive(Default)]
struct Subscribers {
    role: Cell<Role>,
    alone_reason: RefCell<Option<String>>,
    status: Listeners<Status>,
    message: Listeners<Message>,
    error: Listeners<Error>,
    log: Listeners<LogEvent>,
    calls: RefCell<BTreeMap<Call, oneshot::Sender<Result<(), Error>>>>,
}

/// The listeners to one kind of event; whoever subscribes keeps his own alive.
struct Listeners<E>(RefCell<Vec<Weak<Listener<E>>>>);

impl<E> Default for Listeners<E> {
    fn default() -> Self {
        Self(RefCell::new(Vec::new()))
    }
}

impl<E: 'static> Listeners<E> {
    fn add(&self, listener: impl Fn(&E) + 'static) -> Subscription {
        let listener: Rc<Listener<E>> = Rc::new(listener);
        self.0.borrow_mut().push(Rc::downgrade(&listener));
        Subscription { _end: Box::new(listener) }
    }

    fn tell(&self, event: &E) {
        self.0.borrow_mut().retain(|listener| listener.strong_count() > 0);
        let now = self.0.borrow().clone();
        for listener in now.iter().filter_map(Weak::upgrade) {
            listener(event);
        }
    }
}

struct RustCallbacks {
    subscribers: Rc<Subscribers>,
    token_source: Option<TokenSource>,
    connection: Weak<AppConnection>,
}

impl RustCallbacks {
    fn tell_status(&self) {
        if let Some(connection) = self.connection.upgrade() {
            self.subscribers.status.tell(&connection.status());
        }
    }
}

impl Callbacks for RustCallbacks {
    // `Client::status` asks the machine itself.
    fn status(&self, _status: &Status, _clock: &Clock) {}

    fn changed(&self, _current: StateName, _reason: Option<&Text>) {
        self.tell_status();
    }

    fn message(&self, message: JsValue) {
        self.subscribers.message.tell(&Message(message));
    }

    fn error(&self, error: &Error, _undelivered: Vec<JsValue>) {
        self.subscribers.error.tell(error);
    }

    fn settled(&self, call: Call, result: Result<(), Error>) {
        let waiting = self.subscribers.calls.borrow_mut().remove(&call);
        if let Some(sender) = waiting {
            // Whoever waited may have gone.
            let _ = sender.send(result);
        }
    }

    fn fetch_token(&self, fetch: Fetch, _reason: FetchReason) {
        let Some(source) = &self.token_source else {
            return;
        };
        let (answer, connection) = (source(), self.connection.clone());
        spawn_local(async move {
            let answer = answer.await;
            if let Some(connection) = connection.upgrade() {
                connection.answer(Input::Token { fetch, answer });
            }
        });
    }

    // The machine drops the answer.
    fn abort_token(&self, _fetch: Fetch) {}

    // The status and the errors say it all.
    fn token_fetched(&self, _result: Result<Option<Span>, Error>) {}

    fn token_refreshed(&self, _life: Option<Span>) {}

    fn alone(&self, reason: &str) {
        *self.subscribers.alone_reason.borrow_mut() = Some(reason.to_owned());
    }

    fn role(&self, role: Role) {
        self.subscribers.role.set(role);
        self.tell_status();
    }

    fn log(&self, event: &LogEvent) {
        self.subscribers.log.tell(event);
    }
}
