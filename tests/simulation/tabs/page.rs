//! A page with a client that shares its connection: the machines of the tab, of its own connection and of
//! the one that is shared, and the shell around them, which is `tab.rs` and `driver.rs` of `onesocket-web`
//! without a browser.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use onesocket_core::protocol::{
    CloseCode, ConnectionId, Epoch, Group, ServerFrame, Welcome, client_subprotocol,
};
use onesocket_core::{
    Attempt, Call, Config, Connection, Down, Error, ErrorCode, Fetch, Input, LinkStatus, Output,
    PortId, Request, Role, Span, StateName, Tab, TabFrame, TabInput, TabOutput, Terms, Text, Time,
    Token, TokenAnswer, Up,
};

use super::room::tab_of;
use super::socket::{self, Browser};
use super::wire::{Arrived, Message, Origin, Passed, encode, read, read_shared};
use super::world::{Event, Item, World};

const NOBODY: Call = Call(0);

/// What a port says of itself when its other end is gone.
const GOING_AWAY: u16 = 1001;

/// Something that the browser has for a page. One that does not run has it later.
#[derive(Debug)]
pub(super) enum Task {
    Lock(LockEvent),
    Heard {
        from: usize,
        listens: u32,
        frame: TabFrame<Passed>,
    },
    /// It has heard itself.
    Hears,
    Opened {
        link: u32,
        attempt: Attempt,
    },
    Received {
        link: u32,
        attempt: Attempt,
        text: String,
    },
    Closed {
        link: u32,
        attempt: Attempt,
        code: CloseCode,
        reason: String,
    },
    Token {
        link: u32,
        fetch: Fetch,
        answer: TokenAnswer,
    },
    /// The timer fires, unless it was set anew.
    Alarm(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum LockEvent {
    Granted(u32),
    Lost(u32),
    Query(u32),
    Gone(PortId),
}

/// Why a page does not run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pause {
    /// It is frozen, or in the back/forward cache, and its handler has run.
    Away,
    /// It stands still and does not know it.
    Stalled,
}

/// Which of the connections of a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Which {
    Own,
    Shared(u32),
}

/// A connection and what it speaks through.
struct Driver {
    machine: Connection<Message>,
    performing: bool,
    sockets: Vec<(Attempt, End)>,
}

/// A socket of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Port(u32),
    Socket(usize),
}

struct Link {
    number: u32,
    name: String,
    driver: Driver,
}

/// The `readyState` of a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PortState {
    Connecting,
    Open,
    Closing,
    Closed,
}

/// What a call waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Want {
    Answer,
    Join(Group),
    /// A message that is published.
    Publish(usize),
}

pub(super) struct Page {
    pub(super) alive: bool,
    pub(super) paused: Option<Pause>,
    shown: bool,
    /// The name of its client.
    pub(super) client: String,
    tab: Tab<Passed>,
    performing: bool,
    own: Driver,
    config: Config,
    links: Vec<Link>,
    /// Which of them is shared.
    link: Option<u32>,
    last_link: u32,
    is_linked: bool,
    refreshes: Vec<(Call, PortId)>,
    last_refresh: u32,
    ports: BTreeMap<u32, PortState>,
    port: Option<u32>,
    last_port: u32,
    /// Ports that open once the task has ended.
    opening: VecDeque<u32>,
    tasks: VecDeque<Task>,
    alarm: Option<(Time, u32)>,
    settings: u32,
    /// The requests for the lock that were not given back.
    pub(super) requests: BTreeSet<u32>,
    /// Which time it listens.
    pub(super) listens: Option<u32>,
    pub(super) listening: u32,
    pub(super) watches: Vec<PortId>,
    calls: BTreeMap<u32, Want>,
    last_call: u32,
    /// Its groups, as the user sees it.
    pub(super) groups: BTreeSet<Group>,
    /// The number of the last message that came from each page.
    heard: BTreeMap<usize, usize>,
    /// What it has heard since that was last asked.
    pub(super) lately: Vec<Origin>,
    /// `getToken` does not answer as it should.
    pub(super) is_signed_out: bool,
    pub(super) refreshed: u32,
}

impl Driver {
    fn new(config: Config) -> Self {
        Self { machine: Connection::new(config), performing: false, sockets: Vec::new() }
    }

    fn end(&self, attempt: Attempt) -> Option<End> {
        self.sockets.iter().find(|(its, _)| *its == attempt).map(|(_, end)| *end)
    }

    fn attempt(&self, end: End) -> Option<Attempt> {
        self.sockets.iter().find(|(_, its)| *its == end).map(|(attempt, _)| *attempt)
    }
}

impl Page {
    fn runs(&self) -> bool {
        self.alive && self.paused.is_none()
    }

    pub(super) fn leads(&self) -> bool {
        self.runs() && self.tab.role() == Role::Leader
    }

    pub(super) fn role(&self) -> Role {
        self.tab.role()
    }

    pub(super) fn state(&self) -> StateName {
        self.own.machine.status().state
    }

    /// With what it has failed.
    pub(super) fn error(&self) -> Option<ErrorCode> {
        self.own.machine.status().error.as_ref().map(|error| error.code)
    }

    /// What the connection keeps that was not answered.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.own.machine.queued_bytes()
    }

    pub(super) fn open_calls(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn socket(&self) -> Option<usize> {
        let link = self.links.iter().find(|link| Some(link.number) == self.link)?;
        let attempt = link.driver.machine.connected_attempt()?;
        match link.driver.end(attempt)? {
            End::Socket(socket) => Some(socket),
            End::Port(_) => None,
        }
    }

    fn driver(&mut self, which: Which) -> Option<&mut Driver> {
        match which {
            Which::Own => Some(&mut self.own),
            Which::Shared(number) => {
                self.links.iter_mut().find(|it| it.number == number).map(|it| &mut it.driver)
            }
        }
    }
}

// The pages, their lives and their tasks.
impl World {
    /// Opens a page; its client does nothing yet.
    pub(super) fn open_page(&mut self, shown: bool) -> usize {
        let page = self.pages.len();
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.random.number().to_be_bytes());
        name[8..].copy_from_slice(&(page as u64).to_be_bytes());
        let client = client_subprotocol(&name);
        let client = client.rsplit_once('.').map_or(client.clone(), |(_, name)| name.to_owned());
        let config = Config { tokens: true, seed: self.random.number(), ..Config::default() };
        self.log(|| format!("{page} is opened, shown: {shown}"));
        self.items.push(Vec::new());
        self.pages.push(Page {
            alive: true,
            paused: None,
            shown,
            tab: Tab::new(tab_of(page), client.clone(), shown),
            client,
            performing: false,
            own: Driver::new(config.clone().through_ports()),
            config,
            links: Vec::new(),
            link: None,
            last_link: 0,
            is_linked: false,
            refreshes: Vec::new(),
            last_refresh: 0,
            ports: BTreeMap::new(),
            port: None,
            last_port: 0,
            opening: VecDeque::new(),
            tasks: VecDeque::new(),
            alarm: None,
            settings: 0,
            requests: BTreeSet::new(),
            listens: None,
            listening: 0,
            watches: Vec::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            groups: BTreeSet::new(),
            heard: BTreeMap::new(),
            lately: Vec::new(),
            is_signed_out: false,
            refreshed: 0,
        });
        page
    }

    /// The browser has something for a page.
    pub(super) fn task(&mut self, page: usize, task: Task) {
        if !self.pages[page].alive {
            return;
        }
        if self.pages[page].paused.is_some() {
            self.pages[page].tasks.push_back(task);
            return;
        }
        self.run(page, task);
        self.end_task(page);
    }

    /// What was to be done once the task has ended is done, and the timer set.
    fn end_task(&mut self, page: usize) {
        while let Some(port) = self.pages[page].opening.pop_front() {
            if self.pages[page].ports.get(&port) == Some(&PortState::Connecting) {
                self.pages[page].port = Some(port);
                self.feed_tab(page, TabInput::Open { port });
            } else {
                self.ended(page, port);
            }
        }
        let Page { tab, own, links, alarm, settings, .. } = &mut self.pages[page];
        let links = links.iter().filter_map(|link| link.driver.machine.deadline());
        let own = [tab.deadline(), own.machine.deadline()];
        let due = own.into_iter().flatten().chain(links).min();
        if due != alarm.map(|(due, _)| due) {
            *settings += 1;
            let setting = *settings;
            *alarm = due.map(|due| (due, setting));
            if let Some(due) = due {
                let delay = Duration::from(due.since(self.time()));
                let delay = self.lateness(page, delay);
                self.after(delay, Event::Task { page, task: Task::Alarm(setting) });
            }
        }
    }

    /// Returns when a timer fires that is to fire after this time: late, and not early.
    fn lateness(&mut self, page: usize, delay: Duration) -> Duration {
        let delay = delay + self.random.ms(0, 4);
        if self.pages[page].shown {
            return delay;
        }
        // That of a page that is hidden fires at the end of a second, or of a minute (Chromium).
        let every = self.throttled.as_millis();
        let at = (self.now + delay).as_millis().div_ceil(every) * every;
        Duration::from_millis(at as u64) - self.now
    }

    fn run(&mut self, page: usize, task: Task) {
        self.log(|| format!("{page} <- {task:?}"));
        match task {
            Task::Lock(event) => self.on_lock(page, event),
            Task::Heard { from, listens, frame } => {
                if self.pages[page].listens == Some(listens) {
                    self.feed_tab(page, TabInput::Heard { from: tab_of(from), frame });
                }
            }
            Task::Hears => self.feed_tab(page, TabInput::Hears),
            Task::Opened { link, attempt } => {
                if self.hears(page, link, attempt) {
                    self.feed(page, Which::Shared(link), Input::Opened { attempt });
                }
            }
            Task::Received { link, attempt, text } => {
                let frames = read_shared(&text);
                self.ensure(frames.is_ok(), || format!("{text:?}: {frames:?}"));
                for frame in frames.unwrap_or_default() {
                    if self.hears(page, link, attempt) {
                        let input = Input::Received { attempt, frame, bytes: text.len() };
                        self.feed(page, Which::Shared(link), input);
                    }
                }
            }
            Task::Closed { link, attempt, code, reason } => {
                if self.hears(page, link, attempt) {
                    let retry = code.retry();
                    let closed = Input::Closed { attempt, code, reason, retry };
                    self.feed(page, Which::Shared(link), closed);
                    self.forget(page, Which::Shared(link), attempt);
                }
            }
            Task::Token { link, fetch, answer } => {
                // The answer is that of whoever leads now.
                if self.pages[page].link == Some(link) {
                    self.feed(page, Which::Shared(link), Input::Token { fetch, answer });
                }
            }
            Task::Alarm(setting) => {
                if self.pages[page].alarm.is_some_and(|(_, newest)| newest == setting) {
                    self.pages[page].alarm = None;
                    let led = self.pages[page].leads();
                    self.feed_tab(page, TabInput::Elapsed);
                    if led && !self.pages[page].leads() && !self.pages[page].shown {
                        self.cover("a leader that hands over unseen");
                    }
                    self.feed(page, Which::Own, Input::Elapsed);
                    let links: Vec<_> =
                        self.pages[page].links.iter().map(|link| link.number).collect();
                    for link in links {
                        self.feed(page, Which::Shared(link), Input::Elapsed);
                    }
                }
            }
        }
    }

    fn hears(&mut self, page: usize, link: u32, attempt: Attempt) -> bool {
        let driver = self.pages[page].driver(Which::Shared(link));
        driver.is_some_and(|driver| driver.end(attempt).is_some())
    }

    fn on_lock(&mut self, page: usize, event: LockEvent) {
        let held = |request: u32| self.pages[page].requests.contains(&request);
        let input = match event {
            LockEvent::Granted(request) => {
                let epoch_ms = (self.now + self.clock).as_millis() as u64;
                TabInput::Granted { request, epoch_ms }
            }
            LockEvent::Lost(request) if held(request) => TabInput::Lost { request },
            LockEvent::Lost(_) => return,
            LockEvent::Query(request) => TabInput::Held(held(request)),
            LockEvent::Gone(port) => TabInput::Gone { port },
        };
        if let TabInput::Lost { request } = input {
            self.pages[page].requests.remove(&request);
        }
        self.feed_tab(page, input);
    }

    /// A page stops: frozen, or in the back/forward cache, after its handler; or without one.
    pub(super) fn pause(&mut self, page: usize, pause: Pause) {
        self.log(|| format!("{page} stops: {pause:?}"));
        if pause == Pause::Away {
            self.feed_tab(page, TabInput::Away);
            self.end_task(page);
        }
        self.pages[page].paused = Some(pause);
    }

    pub(super) fn resume(&mut self, page: usize) {
        let Some(pause) = self.pages[page].paused.take() else { return };
        self.log(|| format!("{page} goes on"));
        if pause == Pause::Away {
            self.feed_tab(page, TabInput::Back);
            self.feed(page, Which::Own, Input::Wake);
            self.end_task(page);
        }
        for task in std::mem::take(&mut self.pages[page].tasks) {
            self.task(page, task);
        }
    }

    /// A page ends: its process has crashed, or it was left, after its handler.
    pub(super) fn end_page(&mut self, page: usize, crashes: bool) {
        self.log(|| format!("{page} ends, crashes: {crashes}"));
        if !crashes {
            self.feed_tab(page, TabInput::Away);
        }
        self.pages[page].alive = false;
        for socket in 0..self.sockets.len() {
            let its = &mut self.sockets[socket];
            if its.page == page && its.browser != Browser::Closed {
                its.browser = Browser::Closed;
                self.send_up(socket, socket::Up::Fin);
            }
        }
        let delay = self.random.ms(1, 50);
        self.after(delay, Event::Freed { page });
    }

    pub(super) fn show(&mut self, page: usize) {
        let shown = !self.pages[page].shown;
        self.pages[page].shown = shown;
        self.feed_tab(page, TabInput::Shown(shown));
        if shown {
            self.feed(page, Which::Own, Input::Wake);
        }
        self.end_task(page);
    }
}

// What the user calls.
impl World {
    fn call(&mut self, page: usize, want: Want) -> Call {
        let page = &mut self.pages[page];
        page.last_call += 1;
        page.calls.insert(page.last_call, want);
        Call(page.last_call)
    }

    pub(super) fn connect(&mut self, page: usize) {
        let call = self.call(page, Want::Answer);
        self.feed(page, Which::Own, Input::Connect { call });
        self.feed_tab(page, TabInput::Urge);
        self.end_task(page);
    }

    pub(super) fn close(&mut self, page: usize) {
        let call = self.call(page, Want::Answer);
        let (code, reason) = (CloseCode::NORMAL, String::new());
        self.feed(page, Which::Own, Input::Close { call, code, reason });
        self.end_task(page);
    }

    pub(super) fn send(&mut self, page: usize) {
        let origin = Origin { page, number: self.items[page].len() };
        let data = origin.payload();
        let bytes = data.len();
        let sent = self.pages[page].own.machine.send(Message::payload(data), bytes, 0);
        self.log(|| format!("{page} sends {}: {sent:?}", origin.number));
        if sent.is_ok() {
            self.items[page].push(Item::default());
        }
        self.act(page, Which::Own);
        self.end_task(page);
    }

    fn request(&mut self, page: usize, want: Want, request: Request<Message>) {
        let call = self.call(page, want);
        if let Request::Refresh = request {
            self.feed_tab(page, TabInput::Refresh { call: call.0 });
        } else {
            self.feed(page, Which::Own, Input::Request { call, request });
        }
        self.end_task(page);
    }

    pub(super) fn publish(&mut self, page: usize, group: Group) {
        let origin = Origin { page, number: self.items[page].len() };
        self.items[page].push(Item::default());
        let data = origin.payload();
        let bytes = data.len();
        let data = Message::payload(data);
        self.request(page, Want::Publish(origin.number), Request::Publish { group, data, bytes });
    }

    pub(super) fn join(&mut self, page: usize, group: Group) {
        self.pages[page].groups.insert(group.clone());
        self.request(page, Want::Join(group.clone()), Request::Join(group));
    }

    pub(super) fn leave(&mut self, page: usize, group: Group) {
        self.pages[page].groups.remove(&group);
        self.request(page, Want::Answer, Request::Leave(group));
    }

    pub(super) fn refresh(&mut self, page: usize) {
        self.request(page, Want::Answer, Request::Refresh);
    }
}

// The connections.
impl World {
    fn feed(&mut self, page: usize, which: Which, input: Input<Message>) {
        let now = self.time();
        if let Some(driver) = self.pages[page].driver(which) {
            driver.machine.handle(input, now);
            self.act(page, which);
        }
    }

    fn act(&mut self, page: usize, which: Which) {
        let driver = |world: &mut Self| -> Option<Output<Message>> {
            world.pages[page].driver(which)?.machine.poll()
        };
        match self.pages[page].driver(which) {
            Some(driver) if !driver.performing => driver.performing = true,
            Some(_) | None => return,
        }
        while let Some(output) = driver(self) {
            self.log(|| format!("{page} {which:?} -> {output:?}"));
            self.perform(page, which, output);
        }
        if let Some(driver) = self.pages[page].driver(which) {
            driver.performing = false;
        }
    }

    fn perform(&mut self, page: usize, which: Which, output: Output<Message>) {
        match (output, which) {
            (Output::Deliver(Message::Arrived(arrived)), Which::Shared(link)) => {
                self.on_link_frame(page, link, arrived);
            }
            (Output::Deliver(message), _) => self.deliver(page, &message),
            (Output::Detach { attempt }, _) => self.forget(page, which, attempt),
            (Output::Error { undelivered, .. }, _) => {
                for message in undelivered {
                    self.report(page, message.origin());
                }
            }
            (Output::FetchToken { fetch, .. }, Which::Shared(link)) => {
                self.ask_token(page, link, fetch);
            }
            (Output::Open { attempt, token }, _) => self.open(page, which, attempt, token.as_ref()),
            (Output::Settle { call, result }, Which::Own) => {
                self.settle(page, call, result.err());
            }
            (Output::Settle { call, result }, Which::Shared(_)) => {
                let is_it = |(asked, _): &mut (Call, PortId)| *asked == call;
                let by = self.pages[page].refreshes.extract_if(.., is_it).next();
                if let Some((_, by)) = by {
                    self.feed_tab(page, TabInput::Refreshed { by, error: result.err() });
                }
            }
            (Output::Shut { attempt, .. }, _) => self.shut(page, which, attempt),
            // What it is now: this may be the report of what it was before it has failed.
            (Output::Status { .. }, Which::Own) => self.changed(page),
            (Output::Status { status, reason, .. }, Which::Shared(link)) => {
                self.on_link(page, link, status.state, reason);
            }
            (Output::TokenRefreshed { life }, Which::Shared(_)) => {
                self.feed_tab(page, TabInput::TokenRefreshed(life));
            }
            (Output::Transmit { attempt, frame }, _) => {
                self.transmit(page, which, attempt, encode(&frame));
            }
            (
                Output::Accepted(_)
                | Output::AbortToken { .. }
                | Output::Log(_)
                | Output::TokenFetched { .. },
                _,
            ) => {}
            (
                output @ (Output::SendHello { .. }
                | Output::FetchToken { .. }
                | Output::TokenRefreshed { .. }),
                Which::Own | Which::Shared(_),
            ) => {
                self.ensure(false, || format!("{output:?} of {which:?}"));
            }
        }
    }

    fn ask_token(&mut self, page: usize, link: u32, fetch: Fetch) {
        let token = self.server.issue(self.now);
        let answer = if self.pages[page].is_signed_out {
            self.cover("a getToken that knows no session");
            TokenAnswer::NoSession
        } else if self.random.percent(5) {
            self.cover("a getToken that fails");
            TokenAnswer::Failed("the token endpoint answers 500".into())
        } else {
            TokenAnswer::Token(Token::new(token), None)
        };
        let delay = self.random.ms(0, 300);
        self.after(delay, Event::Task { page, task: Task::Token { link, fetch, answer } });
    }

    fn open(&mut self, page: usize, which: Which, attempt: Attempt, token: Option<&Token>) {
        let end = match which {
            Which::Own => {
                let page = &mut self.pages[page];
                page.last_port += 1;
                page.ports.insert(page.last_port, PortState::Connecting);
                page.opening.push_back(page.last_port);
                End::Port(page.last_port)
            }
            Which::Shared(number) => {
                let link = self.pages[page].links.iter().find(|link| link.number == number);
                let name = link.map(|link| link.name.clone()).unwrap_or_default();
                End::Socket(self.open_socket(page, number, attempt, token, name))
            }
        };
        if let Some(driver) = self.pages[page].driver(which) {
            driver.sockets.push((attempt, end));
        }
    }

    fn shut(&mut self, page: usize, which: Which, attempt: Attempt) {
        let end = self.pages[page].driver(which).and_then(|driver| driver.end(attempt));
        match end {
            Some(End::Port(port)) => {
                let state = self.pages[page].ports.get_mut(&port);
                if let Some(state @ (PortState::Connecting | PortState::Open)) = state {
                    *state = PortState::Closing;
                    self.feed_tab(page, TabInput::Shut { port });
                }
            }
            Some(End::Socket(socket)) => self.shut_socket(socket),
            // It has ended since the machine has said so.
            None => {}
        }
    }

    fn transmit(&mut self, page: usize, which: Which, attempt: Attempt, text: String) {
        let end = self.pages[page].driver(which).and_then(|driver| driver.end(attempt));
        match end {
            Some(End::Port(port)) => {
                let is_ping = text == r#"{"type":"ping"}"#;
                let frame = if is_ping { Up::Ping } else { Up::Frame(Passed(text)) };
                self.feed_tab(page, TabInput::Send { port, frame });
            }
            Some(End::Socket(socket)) => {
                self.speak(socket, text);
            }
            // It has ended since the machine has said so.
            None => {}
        }
    }

    fn speak(&mut self, socket: usize, text: String) {
        // What is sent while it closes is lost in silence.
        if self.sockets[socket].browser == Browser::Open {
            self.send_up(socket, socket::Up::Frame(text));
        }
    }

    fn forget(&mut self, page: usize, which: Which, attempt: Attempt) {
        if let Some(driver) = self.pages[page].driver(which) {
            driver.sockets.retain(|(other, _)| *other != attempt);
        }
    }

    fn report(&mut self, page: usize, origin: Option<Origin>) {
        self.cover("a message that is reported undelivered");
        let is_its = origin.is_some_and(|origin| origin.page == page);
        self.ensure(is_its, || format!("{page} is told of {origin:?}"));
        if let Some(origin) = origin {
            let again = std::mem::replace(&mut self.items[page][origin.number].reported, true);
            self.ensure(!again, || format!("{origin:?} is reported twice"));
            self.check_report(page, origin.number);
        }
    }

    /// A message is given up only where the connection has ended, or a server has forgotten what it had, or
    /// never knew it apart.
    fn check_report(&mut self, page: usize, number: usize) {
        let state = self.pages[page].state();
        let has_ended = matches!(state, StateName::Closing | StateName::Closed | StateName::Failed);
        let may_be = has_ended || self.server.has_forgotten() || self.server.max_tabs() == 0;
        self.ensure(may_be, || format!("message {number} of {page} is given up while {state:?}"));
    }

    fn settle(&mut self, page: usize, call: Call, error: Option<Error>) {
        match (self.pages[page].calls.remove(&call.0), &error) {
            (Some(Want::Publish(number)), None) => {
                let taken = self.items[page][number].taken;
                self.ensure(taken, || format!("message {number} of {page} was not taken"));
            }
            (Some(Want::Publish(number)), Some(error)) => {
                self.items[page][number].reported = true;
                // Who is not in a group may not publish to it.
                if error.code != ErrorCode::Refused {
                    self.check_report(page, number);
                }
            }
            (Some(Want::Join(group)), Some(_)) => {
                self.pages[page].groups.remove(&group);
            }
            (Some(Want::Answer | Want::Join(_)), _) => {}
            (None, _) => self.ensure(false, || format!("{page} has no call {call:?} open")),
        }
    }

    fn deliver(&mut self, page: usize, message: &Message) {
        let Message::Payload { group, .. } = message else { return };
        let Some(origin) = message.origin() else {
            return self.ensure(false, || format!("{page} hears {message:?}"));
        };
        // An echo is for who has sent it, where a server tells tabs apart; what is published, for the others.
        let is_own = origin.page == page;
        let is_right =
            if group.is_some() { !is_own } else { is_own || self.server.max_tabs() == 0 };
        self.ensure(is_right, || format!("{page} hears {origin:?}, in {group:?}"));
        let last = self.pages[page].heard.insert(origin.page, origin.number);
        self.ensure(last.is_none_or(|last| last < origin.number), || {
            format!("{page} hears {origin:?} after {last:?}")
        });
        self.pages[page].lately.push(origin);
    }
}

// The tab.
impl World {
    fn feed_tab(&mut self, page: usize, input: TabInput<Passed>) {
        let now = self.time();
        self.pages[page].tab.handle(input, now);
        if std::mem::replace(&mut self.pages[page].performing, true) {
            return;
        }
        while let Some(output) = self.pages[page].tab.poll() {
            self.log(|| format!("{page} tab -> {output:?}"));
            self.perform_tab(page, output);
        }
        self.pages[page].performing = false;
    }

    fn perform_tab(&mut self, page: usize, output: TabOutput<Passed>) {
        match output {
            TabOutput::Attach { slot, client } => {
                let attach =
                    format!(r#"{{"type":"attach","id":1,"client":"{client}","as":{slot}}}"#);
                self.pass(page, attach);
            }
            TabOutput::Detach { slot, id } => {
                self.pass(page, format!(r#"{{"type":"detach","id":{},"as":{slot}}}"#, id.0));
            }
            TabOutput::Lead { link } => self.lead(page, link),
            TabOutput::Listen(on) => self.listen(page, on),
            TabOutput::Post(frame) => self.post(page, &frame),
            TabOutput::PortClosed { port, .. } => {
                if self.take_port(page, port) {
                    self.ended(page, port);
                }
            }
            TabOutput::PortFailed { port, error } => {
                let attempt = self.pages[page].own.attempt(End::Port(port));
                if self.take_port(page, port)
                    && let Some(attempt) = attempt
                {
                    self.feed(page, Which::Own, Input::Failed { attempt, error });
                    self.forget(page, Which::Own, attempt);
                }
            }
            TabOutput::PortFrame { port, frame } => {
                let frame = read(&frame.0);
                self.ensure(frame.is_ok(), || format!("{page} receives {frame:?}"));
                if let Ok(frame) = frame {
                    self.receive(page, port, frame);
                }
            }
            TabOutput::PortOpened { port, terms, epoch } => {
                if self.pages[page].port == Some(port) {
                    self.pages[page].ports.insert(port, PortState::Open);
                    if let Some(attempt) = self.pages[page].own.attempt(End::Port(port)) {
                        self.feed(page, Which::Own, Input::Opened { attempt });
                    }
                }
                let welcome = Welcome {
                    connection_id: ConnectionId(terms.connection_id),
                    user: terms.user,
                    token_expires_in: None,
                    ping_interval: Span::MAX,
                    max_message_bytes: terms.max_message_bytes,
                    epoch,
                    tabs: None,
                };
                self.receive(page, port, ServerFrame::Welcome(welcome));
            }
            TabOutput::PortStatus { .. } => self.changed(page),
            TabOutput::PortPong { port } => self.receive(page, port, ServerFrame::Pong),
            TabOutput::Probe => self.probe(page),
            TabOutput::Query => {
                let request = self.pages[page].tab.last_request();
                self.query_lock(page, request);
            }
            TabOutput::Refresh { by } => {
                let its = &mut self.pages[page];
                its.last_refresh += 1;
                let call = Call(its.last_refresh);
                its.refreshes.push((call, by));
                if let Some(link) = its.link {
                    let request = Request::Refresh;
                    self.feed(page, Which::Shared(link), Input::Request { call, request });
                }
            }
            TabOutput::Refreshed { call, error } => self.settle(page, Call(call), error),
            TabOutput::Release { request } => self.release_lock(page, request),
            TabOutput::Request { request, steal } => self.request_lock(page, request, steal),
            TabOutput::Resign => {
                self.pages[page].watches.clear();
                if let Some(link) = self.pages[page].link.take() {
                    let (code, reason) = (CloseCode::NORMAL, String::new());
                    let close = Input::Close { call: NOBODY, code, reason };
                    self.feed(page, Which::Shared(link), close);
                }
            }
            TabOutput::Revive => {
                self.cover("a tab that is revived");
                self.feed(page, Which::Own, Input::Revive);
            }
            TabOutput::Role(_) => {}
            TabOutput::TokenRefreshed(_) => self.pages[page].refreshed += 1,
            TabOutput::Watch { port } => self.watch(page, port),
            TabOutput::Up { slot: 0, frame } => {
                self.pass(page, frame.0);
            }
            TabOutput::Up { slot, frame } => {
                self.pass(page, frame.addressed(slot).0);
            }
        }
    }

    /// Sends a frame over the connection that is shared, while that is there.
    fn pass(&mut self, page: usize, text: String) {
        if let Some(socket) = self.pages[page].socket() {
            self.speak(socket, text);
        }
    }

    fn receive(&mut self, page: usize, port: u32, frame: ServerFrame<Message>) {
        let attempt = self.pages[page].own.attempt(End::Port(port));
        if self.pages[page].port == Some(port)
            && let Some(attempt) = attempt
        {
            self.feed(page, Which::Own, Input::Received { attempt, frame, bytes: 1 });
        }
    }

    fn take_port(&mut self, page: usize, port: u32) -> bool {
        self.pages[page].port.take_if(|own| *own == port).is_some()
    }

    /// A port tells its connection that it has closed.
    fn ended(&mut self, page: usize, port: u32) {
        self.pages[page].ports.insert(port, PortState::Closed);
        if let Some(attempt) = self.pages[page].own.attempt(End::Port(port)) {
            let (code, reason) = (CloseCode::seen(GOING_AWAY), String::new());
            let retry = code.retry();
            self.feed(page, Which::Own, Input::Closed { attempt, code, reason, retry });
            self.forget(page, Which::Own, attempt);
        }
    }

    /// The state of the tab's own connection: what the tab wants follows from it.
    fn changed(&mut self, page: usize) {
        let state = self.pages[page].state();
        if state == StateName::Failed {
            self.check_failure(page);
        }
        self.feed_tab(
            page,
            match state {
                StateName::Connecting | StateName::Connected | StateName::Waiting => {
                    TabInput::Wish(true)
                }
                StateName::Idle | StateName::Closing | StateName::Closed => TabInput::Wish(false),
                StateName::Failed => TabInput::Failed,
            },
        );
    }

    /// A connection fails only with a reason.
    fn check_failure(&mut self, page: usize) {
        let code = self.pages[page].error();
        let has_reason = match code {
            Some(ErrorCode::Replaced) => self.is_elsewhere,
            Some(ErrorCode::AttemptsExhausted) => self.server.has_forgotten(),
            Some(ErrorCode::Unauthorized | ErrorCode::TokenFailed) => true,
            _ => false,
        };
        self.ensure(has_reason, || format!("{page} fails with {code:?}"));
    }

    /// Makes the connection that is shared, or has it connect again.
    fn lead(&mut self, page: usize, name: String) {
        let its = &mut self.pages[page];
        let link = its.link.unwrap_or_else(|| {
            its.last_link += 1;
            its.is_linked = false;
            let number = its.last_link;
            let seed = its.config.seed.wrapping_add(number.into());
            let driver = Driver::new(Config { seed, ..its.config.clone() });
            let mut protocol = String::from(onesocket_core::protocol::CLIENT_PREFIX);
            protocol.push_str(&name);
            its.links.push(Link { number, name: protocol, driver });
            its.link = Some(number);
            number
        });
        self.feed(page, Which::Shared(link), Input::Connect { call: NOBODY });
    }

    /// The state of a connection that is, or was, shared by this tab.
    fn on_link(&mut self, page: usize, number: u32, state: StateName, reason: Option<Text>) {
        if state == StateName::Closed {
            return self.feed_tab(page, TabInput::LinkClosed);
        }
        if number != self.pages[page].last_link {
            return;
        }
        let now = self.time();
        let status = |world: &mut Self| {
            let link = world.pages[page].link?;
            Some(world.pages[page].driver(Which::Shared(link))?.machine.status().clone())
        };
        if let Some(status) = status(self) {
            let left = |at: Option<Time>| at.map(|at| at.since(now));
            let (retry_in, token_expires_in) =
                (left(status.retry_at), left(status.token_expires_at));
            let link = LinkStatus { attempt: status.attempt, retry_in, token_expires_in };
            self.feed_tab(page, TabInput::LinkStatus(link));
        }
        match state {
            StateName::Connected => self.pages[page].is_linked = true,
            StateName::Failed => {
                self.pages[page].is_linked = false;
                if let Some(error) = status(self).and_then(|status| status.error) {
                    self.feed_tab(page, TabInput::LinkFailed(error));
                }
            }
            _ => {
                if std::mem::take(&mut self.pages[page].is_linked) {
                    self.feed_tab(page, TabInput::LinkLost(reason));
                }
            }
        }
    }

    /// A frame that is not about the connection itself, and the welcome.
    fn on_link_frame(&mut self, page: usize, number: u32, arrived: Arrived) {
        let its = &self.pages[page];
        if number != its.last_link || its.link.is_none() {
            return;
        }
        let Arrived { kind, slots, id, group, head, frame } = arrived;
        if kind == "welcome" {
            let text = |field: &str| head[field].as_str().unwrap_or_default().to_owned();
            let tabs = head["tabs"].as_u64().map(|tabs| tabs as u16);
            let terms = Terms {
                user: text("user"),
                connection_id: text("connectionId"),
                max_message_bytes: head["maxMessageBytes"].as_u64().unwrap_or_default() as usize,
                tabs: tabs.filter(|tabs| *tabs > 0),
            };
            return self.feed_tab(page, TabInput::LinkUp(terms));
        }
        let what = match kind.as_str() {
            "attached" => {
                Some(Down::Attached(head["epoch"].as_str().map(|epoch| Epoch(epoch.to_owned()))))
            }
            "ack" => id.map(Down::Ack),
            "error" => id.map(Down::Refused).or_else(|| group.map(Down::Ended)),
            "message" if slots.is_empty() => group.map(Down::Group),
            _ => None,
        };
        let what = what.unwrap_or(Down::Other);
        self.feed_tab(page, TabInput::LinkFrame { slots, what, frame });
    }
}
