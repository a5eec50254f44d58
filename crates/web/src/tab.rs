//! A tab among those that share a connection, in a browser: performs what the machine
//! ([`Tab`]) says. `tab.js` has the lock and the channel.

mod callbacks;
mod frames;
mod room;

use std::cell::Cell;
use std::rc::{Rc, Weak};

use js_sys::Function;
use onesocket_core::protocol::{Epoch, Group, MessageId};
use onesocket_core::{
    Call, Config, Down, Error, ErrorCode, Frame, Input, LinkStatus, PortId, ReadyState, Request,
    Sentence, Span, StateName, Stats, Status, Tab, TabId, TabInput, TabOutput, Terms, Text, Time,
    Up,
};
use wasm_bindgen::prelude::*;

use crate::alarm::Alarm;
use crate::codec::Head;
use crate::driver::{Driver, Lent, NOBODY};
use crate::wire::{PlainWire, Wire};
use crate::{Callbacks, Clock};
use callbacks::{OfLink, OfTab};
use frames::{Parts, Passed, decode, encode};
use room::{
    Port, Room, ack, addressed, attach, body_of, carried, detach, draw_client, draw_tab, is_shown,
    room_name, welcome, why_alone,
};

/// The URL of a port: like this machine, it can be reached without a network.
const PORT_URL: &str = "ws://localhost";

/// How often it is looked whether a socket with more to send than may wait has sent it: no event says so.
const DRAINED: Span = Span::from_millis(100);

const PING: &str = "{\"type\":\"ping\"}";
const PONG: &str = "{\"type\":\"pong\"}";

/// One tab of those that share a connection. Its own connection is an ordinary [`Driver`], whose sockets
/// are ports; the leader has a second one, which has the socket.
pub(crate) struct Shared {
    tab: Lent<Tab<Passed>>,
    performing: Cell<bool>,
    alarm: Alarm,
    clock: Clock,
    room: Room,
    /// The connection of this tab.
    app: Lent<Option<Rc<Driver>>>,
    /// Its port.
    port: Lent<Option<(u32, JsValue)>>,
    /// The connection that is shared, while this tab leads, and which of them it is.
    link: Lent<Option<Rc<Driver>>>,
    last_link: Cell<u32>,
    is_linked: Cell<bool>,
    /// The refreshes of its token that tabs have asked for, by the numbers that it has of them.
    refreshes: Lent<Vec<(Call, PortId)>>,
    last_refresh: Cell<u32>,
    /// The newest message for a server that answers nothing, whose sender was not told yet that it is sent.
    unsent: Cell<Option<MessageId>>,
    /// How often the server has taken a new token while this tab was connected.
    refreshed: Cell<u32>,
    /// Why it was lost, until that is told.
    lost: Cell<Option<Text>>,
    /// The status of the connection that is shared, and since when.
    link_status: Cell<Option<(LinkStatus, Time)>>,
    url: String,
    config: Config,
    constructor: Option<Function>,
    /// A wire of the application's own.
    plain: Option<Rc<dyn PlainWire>>,
    callbacks: Rc<dyn Callbacks>,
    me: Weak<Self>,
}

impl Shared {
    /// Says why tabs cannot share a connection here; `None` where they can.
    pub(crate) fn why_alone() -> Option<String> {
        why_alone()
    }

    /// Makes a tab that does nothing yet, of those that have this key, and its connection; the arguments
    /// are those of [`Driver::new`].
    pub(crate) fn new(
        key: &str,
        url: String,
        config: Config,
        constructor: Option<Function>,
        plain: Option<Rc<dyn PlainWire>>,
        callbacks: Rc<dyn Callbacks>,
    ) -> (Rc<Self>, Rc<Driver>) {
        let id = TabId(draw_tab() as u64);
        let name = room_name(&url, plain.is_some(), key);
        let shared = Rc::new_cyclic(|me: &Weak<Self>| Self {
            tab: Lent::new(Tab::new(id, draw_client(), is_shown())),
            performing: Cell::new(false),
            alarm: Alarm::default(),
            clock: Clock::start(),
            room: Room::new(&name, id.0 as f64, TabHandle(me.clone())),
            app: Lent::new(None),
            port: Lent::new(None),
            link: Lent::new(None),
            last_link: Cell::new(0),
            is_linked: Cell::new(false),
            refreshes: Lent::new(Vec::new()),
            last_refresh: Cell::new(NOBODY.0),
            unsent: Cell::new(None),
            refreshed: Cell::new(0),
            lost: Cell::new(None),
            link_status: Cell::new(None),
            url,
            config: config.clone(),
            constructor,
            plain,
            callbacks,
            me: me.clone(),
        });
        if shared.plain.is_some() {
            shared.tab.with(Tab::speak_for_all);
        }
        let own = shared.me.clone();
        let inner = Rc::clone(&shared.callbacks);
        let app = Driver::new(
            PORT_URL.to_owned(),
            config.through_ports(),
            Some(shared.room.ports()),
            None,
            Rc::new(OfTab { shared: own, inner }),
        );
        shared.app.with(|own| *own = Some(Rc::clone(&app)));
        (shared, app)
    }

    /// `getToken` has answered: the token is that of the connection that is shared.
    pub(crate) fn answer(&self, input: Input<JsValue>) {
        if let Some(link) = self.link() {
            link.feed(input);
        }
    }

    /// `connect()` was called: a connection that waits is tried again at once.
    pub(crate) fn urge(&self) {
        self.feed(TabInput::Urge);
    }

    /// Makes a request of this tab. The tab that leads has the token, and a wire of the application's own
    /// has no groups.
    pub(crate) fn request(&self, call: Call, request: Request<JsValue>) {
        if let Request::Refresh = request {
            self.feed(TabInput::Refresh { call: call.0 });
        } else if let Some(app) = self.app().filter(|_| self.plain.is_none()) {
            app.ask(Input::Request { call, request });
        } else {
            let error = Error::new(ErrorCode::Unsupported, Text::new(Sentence::NoGroups));
            self.callbacks.settled(call, Err(error));
        }
    }

    /// Has the connection that is shared refresh its token.
    fn refresh(&self, by: PortId) {
        let call = Call(self.last_refresh.get() + 1);
        self.last_refresh.set(call.0);
        self.refreshes.with(|refreshes| refreshes.push((call, by)));
        if let Some(link) = self.link() {
            link.ask(Input::Request { call, request: Request::Refresh });
        }
    }

    fn on_refreshed(&self, call: Call, error: Option<Error>) {
        let is_it = |(asked, _): &mut (Call, PortId)| *asked == call;
        let by = self.refreshes.with(|refreshes| refreshes.extract_if(.., is_it).next());
        if let Some((_, by)) = by {
            self.feed(TabInput::Refreshed { by, error });
        }
    }

    /// Returns what the connection of this tab has counted, with what it has seen of tokens.
    pub(crate) fn counted(&self, stats: Stats) -> Stats {
        Stats { refreshes: self.refreshed.get().into(), ..stats }
    }

    /// Lets go: the connection of this tab was closed before.
    pub(crate) fn retire(&self) {
        self.feed(TabInput::Wish(false));
        self.room.leave();
        self.app.with(|app| *app = None);
    }

    fn app(&self) -> Option<Rc<Driver>> {
        self.app.with(|app| app.clone())
    }

    fn link(&self) -> Option<Rc<Driver>> {
        self.link.with(|link| link.clone())
    }

    fn feed(&self, input: TabInput<Passed>) {
        let now = self.clock.now();
        self.tab.with(|tab| tab.handle(input, now));
        if self.performing.replace(true) {
            return;
        }
        while let Some(output) = self.tab.with(|tab| tab.poll()) {
            self.perform(output);
        }
        self.performing.set(false);
        self.answer_sent();
        self.set_alarm();
    }

    fn perform(&self, output: TabOutput<Passed>) {
        match output {
            TabOutput::Attach { slot, client } => {
                self.transmit(&attach(slot, &client));
            }
            TabOutput::Detach { slot, id } => {
                self.transmit(&detach(slot, id.0 as f64));
            }
            TabOutput::Lead { link } => self.lead(&link),
            TabOutput::Listen(on) => self.room.listen(on),
            TabOutput::Post(frame) => {
                let Parts { kind, numbers, text, frame } = encode(&frame);
                self.room.post(kind, numbers, &text, &frame);
            }
            TabOutput::PortClosed { port, reason } => {
                // What has told of a loss tells what becomes of it.
                if reason.is_none() {
                    self.link_status.set(None);
                }
                self.lost.set(reason);
                if let Some(port) = self.take_port(port) {
                    port.unchecked_ref::<Port>().ended();
                }
            }
            TabOutput::PortFailed { port, error } => {
                if let (Some(port), Some(app)) = (self.take_port(port), self.app()) {
                    app.fail_socket(&port, error);
                }
            }
            TabOutput::PortFrame { port, frame } => self.receive(port, &frame.0),
            TabOutput::PortOpened { port, terms, epoch } => {
                self.with_port(port, Port::opened);
                let epoch = epoch.as_ref().map(|epoch| epoch.0.as_str());
                let Terms { user, connection_id, max_message_bytes, .. } = terms;
                let data = welcome(&user, &connection_id, max_message_bytes as f64, epoch);
                self.receive(port, &data);
            }
            TabOutput::PortStatus { port: _, link } => {
                if let Some(app) = self.app() {
                    self.link_status.set(Some((link, app.now())));
                    app.tell_status();
                }
            }
            TabOutput::PortPong { port } => self.receive(port, &PONG.into()),
            TabOutput::Probe => self.room.probe(),
            TabOutput::Query => self.room.query(self.tab.with(|tab| tab.last_request())),
            TabOutput::Refresh { by } => self.refresh(by),
            TabOutput::Refreshed { call, error } => {
                self.callbacks.settled(Call(call), error.map_or(Ok(()), Err));
            }
            TabOutput::Release { request } => self.room.release(request),
            TabOutput::Request { request, steal } => self.room.request(request, steal),
            TabOutput::Resign => self.resign(),
            TabOutput::Revive => {
                if let Some(app) = self.app() {
                    app.feed(Input::Revive);
                }
            }
            TabOutput::Role(role) => self.callbacks.role(role),
            TabOutput::TokenRefreshed(life) => {
                self.refreshed.set(self.refreshed.get() + 1);
                self.callbacks.token_refreshed(life);
            }
            TabOutput::Watch { port } => self.room.watch(port.tab.0 as f64, port.number),
            TabOutput::Up { slot: 0, frame } => self.speak(frame),
            TabOutput::Up { slot, frame } => {
                self.transmit(&addressed(slot, &frame.0));
            }
        }
    }

    /// Sends a frame as the connection's own client.
    fn speak(&self, frame: Passed) {
        if self.plain.is_none() {
            self.transmit(&frame.0);
            return;
        }
        let body = body_of(&frame.0);
        if !body.is_undefined()
            && self.transmit(&body)
            && let Some((id, _)) = frame.request()
        {
            self.unsent.set(Some(id));
        }
    }

    /// Answers in place of a server that answers nothing: it has had what the socket has taken, unless more
    /// waits in that than may. Until then messages wait with their senders too, whose queues are full then.
    fn answer_sent(&self) {
        let Some(id) = self.unsent.get() else { return };
        let link = self.link().filter(|link| link.is_connected());
        // What was in the socket of a connection that is lost may not have been sent.
        let Some(link) = link else { return self.unsent.set(None) };
        if link.buffered_bytes() <= self.config.queue.max_bytes {
            self.unsent.take();
            let (slots, frame) = (Vec::new(), Passed(ack(id.0 as f64)));
            self.feed(TabInput::LinkFrame { slots, what: Down::Ack(id), frame });
        }
    }

    /// Makes of the status of this tab's connection what the user sees: of attempts and tokens that of
    /// the connection that it shares, with which it waits.
    pub(crate) fn overlay(&self, status: &mut Status) {
        status.max_attempts = self.config.reconnect.max_attempts;
        // A server that says nothing has named none.
        status.connection_id.take_if(|id| id.0.is_empty());
        if let Some(retry_at) = self.waits_until(status.state) {
            status.state = StateName::Waiting;
            status.ready_state = ReadyState::Closed;
            status.retry_at = Some(retry_at);
        }
        let Some((link, since)) = self.link_status.get() else { return };
        status.attempt = link.attempt;
        if status.state == StateName::Connected {
            status.token_expires_at = link.token_expires_in.map(|span| since + span);
        }
    }

    /// Returns until when a tab waits whose own connection is in this state; `None` if it does not.
    fn waits_until(&self, state: StateName) -> Option<Time> {
        let (link, since) = self.link_status.get()?;
        Some(since + link.retry_in?).filter(|_| state == StateName::Connecting)
    }

    fn transmit(&self, frame: &JsValue) -> bool {
        self.link().is_some_and(|link| link.pass(frame))
    }

    fn receive(&self, number: u32, data: &JsValue) {
        self.with_port(number, |port| port.received(data));
    }

    // Nothing is lent while foreign code runs.
    fn with_port(&self, number: u32, act: impl FnOnce(&Port)) {
        let own = self.port.with(|port| port.clone());
        if let Some((_, port)) = own.filter(|(own, _)| *own == number) {
            act(port.unchecked_ref());
        }
    }

    fn take_port(&self, number: u32) -> Option<JsValue> {
        self.port.with(|port| port.take_if(|(own, _)| *own == number)).map(|(_, port)| port)
    }

    /// Makes the connection that is shared, or has it connect again.
    fn lead(&self, name: &str) {
        let link = self.link().unwrap_or_else(|| {
            let number = self.last_link.get() + 1;
            self.last_link.set(number);
            self.is_linked.set(false);
            let (shared, inner) = (self.me.clone(), Rc::clone(&self.callbacks));
            let link = Driver::with_wire(
                self.url.clone(),
                self.config.clone(),
                self.constructor.clone(),
                self.plain.clone().map_or_else(|| Wire::shared(name), Wire::Plain),
                Rc::new(OfLink { number, shared, inner }),
            );
            self.link.with(|own| *own = Some(Rc::clone(&link)));
            link
        });
        link.ask(Input::Connect { call: NOBODY });
    }

    fn resign(&self) {
        self.room.unwatch();
        let link = self.link.with(Option::take);
        if let Some(link) = link {
            link.retire();
        }
    }

    /// The state of a connection that is, or was, shared by this tab.
    fn on_link(&self, number: u32, state: StateName, reason: Option<&Text>) {
        if state == StateName::Closed {
            return self.feed(TabInput::LinkClosed);
        }
        if number != self.last_link.get() {
            return;
        }
        if let Some(link) = self.link() {
            self.feed(TabInput::LinkStatus(link.shared_status()));
        }
        match state {
            StateName::Connected => {
                self.is_linked.set(true);
                if self.plain.is_some() {
                    let (user, connection_id) = Default::default();
                    let max_message_bytes = usize::MAX;
                    let terms = Terms { user, connection_id, max_message_bytes, tabs: None };
                    self.feed(TabInput::LinkUp(terms));
                }
            }
            StateName::Failed => {
                self.is_linked.set(false);
                let error = self.link().and_then(|link| link.status().error);
                if let Some(error) = error {
                    self.feed(TabInput::LinkFailed(error));
                }
            }
            StateName::Idle
            | StateName::Connecting
            | StateName::Waiting
            | StateName::Closing
            | StateName::Closed => {
                if self.is_linked.replace(false) {
                    self.feed(TabInput::LinkLost(reason.cloned()));
                }
            }
        }
    }

    /// A frame that is not about the connection itself, and the welcome.
    fn on_link_frame(&self, number: u32, arrived: &JsValue) {
        if number != self.last_link.get() || self.link().is_none() {
            return;
        }
        if self.plain.is_some() {
            let (slots, frame) = (Vec::new(), Passed(carried(arrived)));
            return self.feed(TabInput::LinkFrame { slots, what: Down::Other, frame });
        }
        let arrived: &Head = arrived.unchecked_ref();
        let kind = arrived.kind();
        if kind == "welcome" {
            return self.feed(TabInput::LinkUp(Terms {
                user: arrived.user(),
                connection_id: arrived.connection_id(),
                max_message_bytes: arrived.max_message_bytes() as usize,
                tabs: arrived.tabs().filter(|tabs| *tabs > 0),
            }));
        }
        let slots =
            arrived.slots().into_iter().filter_map(|slot| slot.as_f64()).map(|slot| slot as u16);
        let slots: Vec<u16> = slots.collect();
        let id = || arrived.id().map(|id| MessageId(id as u64));
        let group = || arrived.group().and_then(|group| Group::new(group).ok());
        let what = match kind.as_str() {
            "attached" => Some(Down::Attached(arrived.epoch().map(Epoch))),
            "ack" => id().map(Down::Ack),
            "error" => id().map(Down::Refused).or_else(|| group().map(Down::Ended)),
            "message" if slots.is_empty() => group().map(Down::Group),
            _ => None,
        };
        let (what, frame) = (what.unwrap_or(Down::Other), Passed(arrived.frame()));
        self.feed(TabInput::LinkFrame { slots, what, frame });
    }

    fn on_event(&self, kind: u8, number: u32, value: JsValue) {
        let input = match kind {
            0 => TabInput::Away,
            1 => TabInput::Back,
            2 => TabInput::Shown(number != 0),
            3 => {
                let epoch_ms = value.as_f64().unwrap_or_default() as u64;
                TabInput::Granted { request: number, epoch_ms }
            }
            4 => TabInput::Lost { request: number },
            5 => TabInput::Held(number != 0),
            6 => {
                self.port.with(|port| *port = Some((number, value)));
                TabInput::Open { port: number }
            }
            7 => {
                let is_ping = value.as_string().is_some_and(|text| text == PING);
                let frame = if is_ping { Up::Ping } else { Up::Frame(Passed(value)) };
                TabInput::Send { port: number, frame }
            }
            9 => {
                let tab = TabId(value.as_f64().unwrap_or_default() as u64);
                TabInput::Gone { port: PortId { tab, number } }
            }
            10 => TabInput::Hears,
            _ => TabInput::Shut { port: number },
        };
        self.feed(input);
    }

    fn set_alarm(&self) {
        // Whenever it rings, the deadlines of the tab are looked at too.
        let deadline = match self.unsent.get() {
            Some(_) => Some(self.clock.now() + DRAINED),
            None => self.tab.with(|tab| tab.deadline()),
        };
        let me = self.me.clone();
        self.alarm.set(deadline, &self.clock, move || {
            if let Some(shared) = me.upgrade() {
                shared.alarm.has_rung();
                shared.feed(TabInput::Elapsed);
            }
        });
    }
}

/// What JavaScript has of a tab.
#[wasm_bindgen(skip_typescript)]
pub struct TabHandle(Weak<Shared>);

#[wasm_bindgen]
impl TabHandle {
    /// Tells what another tab has posted, if it is anything.
    #[doc(hidden)]
    pub fn hear(&self, from: f64, kind: u8, numbers: &[f64], text: &str, frame: &JsValue) {
        if let Some(shared) = self.0.upgrade()
            && let Some(frame) = decode(kind, numbers, text, frame)
        {
            shared.feed(TabInput::Heard { from: TabId(from as u64), frame });
        }
    }

    /// Tells of something that happened: `tab.js` has the numbers.
    #[doc(hidden)]
    pub fn tell(&self, kind: u8, number: u32, value: JsValue) {
        if let Some(shared) = self.0.upgrade() {
            shared.on_event(kind, number, value);
        }
    }
}
