//! The only thing that performs what the machine says.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Function;
use onesocket_core::protocol::{ClientFrame, CloseCode};
use onesocket_core::{
    Attempt, Call, Config, Connection, Error, ErrorCode, Input, LinkStatus, Output, Stats, Status,
    Text, Time, Token,
};
use wasm_bindgen::prelude::*;

use crate::alarm::Alarm;
use crate::codec::given;
use crate::event::Event;
use crate::page::{Page, is_offline};
use crate::socket::Socket;
use crate::wire::{PlainWire, Wire};
use crate::{Callbacks, Clock};

/// The call that nobody waits for; callers number theirs from 1.
pub(crate) const NOBODY: Call = Call(0);

/// From so many bytes on the memory of a payload is used again: that of 16 KiB is found and cleared in
/// about the time of the call that hands it back, that of 64 KiB in 50 µs.
const WORTH_REUSING: usize = 16 << 10;

/// Runs one connection machine in a page: feeds it what happens, and does what it says.
///
/// Everything may be called from inside a callback that the driver made: the machine takes the
/// input at once, so the caller sees its effect, and the call already running performs what
/// follows. Nothing is lent while foreign code runs.
pub(crate) struct Driver {
    connection: Lent<Connection<JsValue>>,
    /// Which status was reported last: see [`Connection::status_version`].
    published: Cell<u32>,
    sockets: Lent<Vec<Rc<Socket>>>,
    /// Listens to the page until the driver is let go of.
    page: Cell<Option<Page>>,
    /// What JavaScript has of this.
    handle: JsValue,
    alarm: Alarm,
    performing: Cell<bool>,
    clock: Clock,
    url: String,
    /// The constructor of sockets, where it is not the browser's `WebSocket`.
    constructor: Option<Function>,
    wire: Wire,
    callbacks: Rc<dyn Callbacks>,
    me: Weak<Self>,
    /// Keeps a driver that was let go of until its last socket has closed.
    retired: Cell<Option<Rc<Self>>>,
}

/// What is lent for one call at a time: so no borrow outlives it, and each place that borrows is smaller.
pub(crate) struct Lent<T>(RefCell<T>);

impl<T> Lent<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Uses it. No foreign code may run meanwhile, which could come back here.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.borrow_mut())
    }
}

impl Driver {
    /// Makes a driver that does nothing yet; without a `plain` wire it speaks `onesocket.v1`.
    /// `constructor` makes its sockets, out of a URL and the subprotocols to offer; without one they are
    /// the browser's own.
    pub(crate) fn new(
        url: String,
        config: Config,
        constructor: Option<Function>,
        plain: Option<Rc<dyn PlainWire>>,
        callbacks: Rc<dyn Callbacks>,
    ) -> Rc<Self> {
        let wire = plain.map_or_else(Wire::onesocket, Wire::Plain);
        Self::with_wire(url, config, constructor, wire, callbacks)
    }

    pub(crate) fn with_wire(
        url: String,
        mut config: Config,
        constructor: Option<Function>,
        wire: Wire,
        callbacks: Rc<dyn Callbacks>,
    ) -> Rc<Self> {
        config.wire = wire.rules();
        let mut connection = Connection::new(config);
        if is_offline(&url) {
            connection.handle(Input::Offline, Time::ZERO);
        }
        let driver = Rc::new_cyclic(|me: &Weak<Self>| Self {
            published: Cell::new(connection.status_version()),
            connection: Lent::new(connection),
            page: Cell::new(None),
            handle: DriverHandle(me.clone()).into(),
            sockets: Lent::new(Vec::new()),
            alarm: Alarm::default(),
            performing: Cell::new(false),
            clock: Clock::start(),
            url,
            constructor,
            wire,
            callbacks,
            me: me.clone(),
            retired: Cell::new(None),
        });
        driver.page.set(Some(Page::listen(&driver.url, &driver.handle)));
        driver
    }

    /// Feeds one input and carries out everything that follows from it.
    pub(crate) fn feed(&self, input: Input<JsValue>) {
        let now = self.clock.now();
        self.connection.with(|connection| connection.handle(input, now));
        self.act();
    }

    /// Feeds what the user wants, after a look at the socket: what the machine believes to be open
    /// may be closing, though no event has said so.
    pub(crate) fn ask(&self, input: Input<JsValue>) {
        self.inspect();
        self.feed(input);
    }

    /// Sends a payload of so many bytes to the server: see `codec.rs` for its forms.
    ///
    /// # Errors
    ///
    /// See [`Connection::send`].
    pub(crate) fn send(&self, (payload, bytes): (JsValue, usize)) -> Result<(), Error> {
        self.inspect();
        let waiting = self.bytes_in_sockets();
        let sent = self.connection.with(|connection| connection.send(payload, bytes, waiting));
        self.act();
        sent
    }

    /// Answers a call whose request cannot be made at all.
    pub(crate) fn refuse(&self, call: Call, why: Text) {
        self.callbacks.settled(call, Err(Error::new(ErrorCode::InvalidMessage, why)));
    }

    /// Returns what the user may know.
    pub(crate) fn status(&self) -> Status {
        self.connection.with(|connection| connection.status().clone())
    }

    /// Returns what is seen of the status by all who share the connection.
    pub(crate) fn shared_status(&self) -> LinkStatus {
        let Status { attempt, retry_at, token_expires_at, .. } = self.status();
        let now = self.clock.now();
        let left = |at: Option<Time>| at.map(|at| at.since(now));
        let (retry_in, token_expires_in) = (left(retry_at), left(token_expires_at));
        LinkStatus { attempt, retry_in, token_expires_in }
    }

    /// Returns how many bytes wait here and in the sockets.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.connection.with(|connection| connection.queued_bytes()) + self.bytes_in_sockets()
    }

    /// Returns what was counted.
    pub(crate) fn stats(&self) -> Stats {
        self.connection.with(|connection| connection.stats())
    }

    /// Says whether there is a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.with(|connection| connection.connected_attempt().is_some())
    }

    fn bytes_in_sockets(&self) -> usize {
        // None is lent while a socket is asked: one that an application has made may call back.
        let socket = |at| self.sockets.with(|sockets| sockets.get(at).cloned());
        let bytes: u32 = (0..).map_while(socket).map(|socket| socket.buffered_bytes()).sum();
        bytes as usize
    }

    /// Sends a frame as it is, while connected; returns whether it was. What is not sent is lost with the
    /// connection.
    pub(crate) fn pass(&self, frame: &JsValue) -> bool {
        self.inspect();
        let connected = self.connection.with(|connection| connection.connected_attempt());
        let sent = connected.and_then(|attempt| self.with_socket(attempt, |it| it.send(frame)));
        sent == Some(true)
    }

    /// A socket has failed for good, of which no event comes.
    pub(crate) fn fail_socket(&self, raw: &JsValue, error: Error) {
        let attempt = self.sockets.with(|sockets| {
            sockets.iter().find(|socket| socket.is(raw)).map(|socket| socket.attempt)
        });
        if let Some(attempt) = attempt {
            self.feed(Input::Failed { attempt, error });
            self.forget(attempt);
        }
    }

    /// Closes the connection and lets go: what is left of a socket is seen to its end.
    pub(crate) fn retire(&self) {
        self.page.take();
        self.retired.set(self.me.upgrade());
        let (code, reason) = (CloseCode::NORMAL, String::new());
        self.feed(Input::Close { call: NOBODY, code, reason });
        self.end_if_retired();
    }

    fn on_event(&self, attempt: Attempt, event: Event) {
        match event {
            Event::Opened => self.feed(Input::Opened { attempt }),
            Event::Received { kind, value, size } => {
                let bytes = size as usize;
                if let Wire::Plain(wire) = &self.wire
                    && self.connection.with(|connection| connection.connected_attempt())
                        != Some(attempt)
                    && wire.is_ready(&value)
                {
                    self.feed(Input::Ready { attempt });
                }
                self.feed(match self.wire.frame(kind, value) {
                    Ok(frame) => Input::Received { attempt, frame, bytes },
                    Err(problem) => Input::InvalidFrame { attempt, problem },
                });
            }
            Event::Closed { code, reason } => {
                let retry = self.wire.retry(code);
                self.feed(Input::Closed { attempt, code, reason, retry });
                self.forget(attempt);
            }
            Event::Refused { problem } => {
                self.fail(attempt, problem);
                self.forget(attempt);
            }
            Event::Wake => self.feed(Input::Wake),
            Event::Offline => self.feed(Input::Offline),
            Event::Online => self.feed(Input::Online),
            Event::Activity => self.feed(Input::Activity),
        }
    }

    /// Drops a socket.
    fn forget(&self, attempt: Attempt) {
        let forgotten = self.socket(attempt);
        self.sockets.with(|sockets| sockets.retain(|socket| socket.attempt != attempt));
        // Its handlers are taken from it after that.
        drop(forgotten);
        self.end_if_retired();
    }

    fn end_if_retired(&self) {
        if self.sockets.with(|sockets| sockets.is_empty()) {
            drop(self.retired.take());
        }
    }

    fn inspect(&self) {
        let connected = self.connection.with(|connection| connection.connected_attempt());
        if let Some(attempt) = connected
            && self.with_socket(attempt, Socket::has_ended).unwrap_or(true)
        {
            self.feed(Input::Closing { attempt });
        }
    }

    fn act(&self) {
        self.publish_status();
        if self.performing.replace(true) {
            return;
        }
        while let Some(output) = self.connection.with(|connection| connection.poll()) {
            self.perform(output);
        }
        self.performing.set(false);
        self.set_alarm();
    }

    /// Tells the status as it is, though it is as it was.
    pub(crate) fn tell_status(&self) {
        let status = self.status();
        self.callbacks.status(&status, &self.clock);
        self.callbacks.changed(status.state, None);
    }

    /// Returns the time by which the status goes.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    fn publish_status(&self) {
        self.connection.with(|connection| {
            let version = connection.status_version();
            if self.published.replace(version) != version {
                self.callbacks.status(connection.status(), &self.clock);
            }
        });
    }

    fn perform(&self, output: Output<JsValue>) {
        match output {
            Output::AbortToken { fetch } => self.callbacks.abort_token(fetch),
            Output::Accepted(payloads) => {
                // Another socket than the browser's may look at them even now.
                for (data, bytes) in payloads {
                    if bytes >= WORTH_REUSING && self.constructor.is_none() {
                        self.callbacks.accepted(data);
                    }
                }
            }
            Output::Deliver(message) => self.callbacks.message(message),
            Output::Detach { attempt } => self.forget(attempt),
            Output::Error { error, undelivered } => {
                let undelivered = undelivered.into_iter().map(given).collect();
                self.callbacks.error(&error, undelivered);
            }
            Output::FetchToken { fetch, reason } => self.callbacks.fetch_token(fetch, reason),
            Output::SendHello { attempt } => {
                self.with_socket(attempt, Socket::send_hello);
            }
            Output::Log(event) => self.callbacks.log(&event),
            Output::Open { attempt, token } => self.open(attempt, token.as_ref()),
            Output::Settle { call, result } => self.callbacks.settled(call, result),
            Output::Shut { attempt, code, reason } => {
                self.with_socket(attempt, |socket| socket.shut(code, &reason));
            }
            Output::Status { status, reason, .. } => {
                self.callbacks.changed(status.state, reason.as_ref());
            }
            Output::TokenFetched { result } => self.callbacks.token_fetched(result),
            Output::TokenRefreshed { life } => self.callbacks.token_refreshed(life),
            Output::Transmit { attempt, frame } => self.transmit(attempt, &frame),
        }
    }

    fn open(&self, attempt: Attempt, token: Option<&Token>) {
        let handshake = self.wire.opening_handshake(&self.url, token).map_err(Text::from);
        let (constructor, raw) = (self.constructor.as_ref(), self.wire.raw());
        match handshake
            .and_then(|it| Socket::open(constructor, &self.url, it, raw, attempt, &self.handle))
        {
            Ok(socket) => self.sockets.with(|sockets| sockets.push(Rc::new(socket))),
            Err(problem) => self.fail(attempt, problem),
        }
    }

    /// A socket cannot be made.
    fn fail(&self, attempt: Attempt, problem: Text) {
        let error = Error::new(ErrorCode::InvalidOptions, problem);
        self.feed(Input::Failed { attempt, error });
    }

    fn transmit(&self, attempt: Attempt, frame: &ClientFrame<JsValue>) {
        let encoded = self.wire.encode(frame);
        if let Ok(Some(data)) = &encoded
            && let Some(false) = self.with_socket(attempt, |socket| socket.send(data))
        {
            // Only a socket in its opening handshake throws, and the machine never sends over one.
            self.feed(Input::Closing { attempt });
        }
        if let (Wire::Plain(_), ClientFrame::Refresh { id, .. }) = (&self.wire, frame) {
            let result = encoded.map(drop).map_err(Text::from);
            self.feed(Input::TokenSent { attempt, id: *id, result });
        }
    }

    fn with_socket<T>(&self, attempt: Attempt, act: impl FnOnce(&Socket) -> T) -> Option<T> {
        self.socket(attempt).map(|socket| act(&socket))
    }

    // Nothing is lent after this: a socket that an application has made may call back from anything.
    fn socket(&self, attempt: Attempt) -> Option<Rc<Socket>> {
        self.sockets
            .with(|sockets| sockets.iter().find(|socket| socket.attempt == attempt).cloned())
    }

    fn set_alarm(&self) {
        let deadline = self.connection.with(|connection| connection.deadline());
        let me = self.me.clone();
        self.alarm.set(deadline, &self.clock, move || {
            if let Some(driver) = me.upgrade() {
                driver.alarm.has_rung();
                driver.feed(Input::Elapsed);
            }
        });
    }
}

/// What JavaScript has of a driver. An object with a method is half as large as a closure, and its call
/// is cheaper.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct DriverHandle(Weak<Driver>);

#[wasm_bindgen]
impl DriverHandle {
    /// Tells of the socket of an attempt (0 for the page) the number of an event, and what belongs to it:
    /// `page.js` and `socket.js` do.
    #[doc(hidden)]
    pub fn tell(&self, attempt: u32, kind: u8, value: JsValue, number: u32) {
        if let Some(driver) = self.0.upgrade() {
            driver.on_event(Attempt(attempt), Event::of(kind, value, number));
        }
    }
}
