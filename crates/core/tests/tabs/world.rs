//! Tabs with all that is around them: the lock, the channel, the leader's connection and the server.
//!
//! What a browser does that surprises is here: a grant comes before or after what the last leader has
//! posted, a page that is frozen is granted the lock, what is posted to a page that does not listen is
//! lost, and a server may have had what a leader that has crashed never heard of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use onesocket_core::protocol::{Epoch, Group, MessageId};
use onesocket_core::{
    Change, Down, Error, ErrorCode, LinkStatus, PortId, Role, Sentence, Span, Tab, TabFrame, TabId,
    TabInput, TabOutput, Terms, Text, Time, Up,
};

/// A frame of the wire.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Frame {
    /// A message of a tab's client, which says who sends which with it: the head may have another number.
    Message { id: u64, client: usize, text: u64 },
    /// Its answer.
    Ack { id: u64 },
    /// A request for a membership, or for its end.
    Group { id: u64, change: Change },
}

impl onesocket_core::Frame for Frame {
    fn request(&self) -> Option<(MessageId, Change)> {
        match self {
            Self::Message { id, .. } => Some((MessageId(*id), Change::None)),
            Self::Group { id, change } => Some((MessageId(*id), change.clone())),
            Self::Ack { .. } => None,
        }
    }

    fn numbered(&self, MessageId(new): MessageId) -> Self {
        let mut frame = self.clone();
        let (Self::Message { id, .. } | Self::Ack { id } | Self::Group { id, .. }) = &mut frame;
        *id = new;
        frame
    }

    fn join(MessageId(id): MessageId, group: Group) -> Self {
        Self::Group { id, change: Change::Join(group) }
    }

    fn leave(MessageId(id): MessageId, group: Group) -> Self {
        Self::Group { id, change: Change::Leave(group) }
    }
}

/// What may happen next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Action {
    /// `connect()` in a tab.
    Connect(usize),
    /// `close()` in a tab.
    Close(usize),
    /// A tab's application sends a message.
    Send(usize),
    /// What a tab has posted arrives at another.
    Hear { from: usize, to: usize },
    /// The browser tells a tab of the lock.
    Lock(usize),
    /// A leader's socket opens.
    Accept(usize),
    /// The server reads a frame, or the end, of a leader's socket.
    Read { tab: usize, old: bool },
    /// A leader hears from the server.
    Link(usize),
    /// A leader's connection breaks.
    Break(usize),
    /// The user connects in another browser.
    Elsewhere,
    /// A tab's process ends.
    Crash(usize),
    /// A page is frozen, or goes into the back/forward cache, and its handler runs.
    Away(usize),
    /// It runs again.
    Back(usize),
    /// A page stops without an event.
    Stall(usize),
    /// It goes on.
    Resume(usize),
    /// A tab's timer fires.
    Elapse(usize),
    /// A person looks at another window: a tab is shown that was hidden, or the other way round.
    Look(usize),
}

/// How often things may happen.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Budget {
    pub(crate) closes: u8,
    pub(crate) connects: u8,
    pub(crate) messages: u8,
    pub(crate) breaks: u8,
    pub(crate) elsewhere: u8,
    pub(crate) crashes: u8,
    pub(crate) freezes: u8,
    pub(crate) stalls: u8,
    pub(crate) timers: u8,
    pub(crate) looks: u8,
    /// The server knows of one client on a connection.
    pub(crate) is_one: bool,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum LockEvent {
    Granted(u32),
    Lost(u32),
    Query,
    /// A tab that was watched listens no more.
    Gone(PortId),
    /// It has heard itself.
    Hears,
}

/// Something that a leader hears from its connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Heard {
    Up,
    Attached(u16),
    Answer(u16, MessageId),
    /// By another browser.
    Replaced,
    /// By a tab of this one.
    Moved,
    Lost,
    Closed,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Spoken {
    Attach(u16, String),
    Detach(u16, MessageId),
    Frame(u16, Frame),
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
enum Stage {
    #[default]
    None,
    Connecting,
    /// The server has it.
    Up,
    Ended,
}

/// The connection of a leader, both ends.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Link {
    stage: Stage,
    up: VecDeque<Spoken>,
    down: VecDeque<Heard>,
    attached: BTreeMap<u16, String>,
    /// The server has replaced it: nothing of it counts.
    replaced: bool,
    /// The name of its client.
    name: String,
}

/// The connection of a tab, which keeps what was not answered.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct App {
    wish: bool,
    failed: bool,
    port: Option<u32>,
    open: bool,
    /// It is told that the shared connection waits.
    waits: bool,
    last_port: u32,
    last_id: u64,
    unanswered: Vec<u64>,
    /// Up to this one they have gone through a port.
    sent: u64,
    /// Up to this one they were given up, and reported.
    given_up: u64,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Page {
    tab: Tab<Frame>,
    app: App,
    now: Time,
    alive: bool,
    shown: bool,
    /// Frozen, with its handlers run.
    away: bool,
    /// It stands still, and does not know it.
    stalled: bool,
    listens: bool,
    lock: VecDeque<LockEvent>,
    /// The tabs that it watches.
    watches: BTreeSet<PortId>,
    link: Link,
    /// The one before it, which is closing.
    old: Option<Link>,
}

/// All of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct World {
    pages: Vec<Page>,
    holder: Option<(usize, u32)>,
    queue: VecDeque<(usize, u32)>,
    /// What was posted and has not arrived: by sender and receiver.
    channel: BTreeMap<(usize, usize), VecDeque<TabFrame<Frame>>>,
    /// The highest message of each client that the server has had.
    highest: BTreeMap<usize, u64>,
    /// The highest number of each connection's own client.
    numbers: BTreeMap<String, u64>,
    pub(crate) budget: Budget,
    stolen: bool,
    /// The user has connected in another browser.
    elsewhere: bool,
}

/// What a connection that is lost waits for.
const WAITS: LinkStatus =
    LinkStatus { attempt: 1, retry_in: Some(Span::from_secs(5)), token_expires_in: None };

fn client(tab: usize) -> String {
    format!("tab-{tab}")
}

impl World {
    pub(crate) fn new(tabs: usize, budget: Budget) -> Self {
        let page = |at: usize| Page {
            tab: Tab::new(TabId(at as u64 + 1), client(at), true),
            app: App::default(),
            now: Time::ZERO,
            alive: true,
            shown: true,
            away: false,
            stalled: false,
            listens: false,
            lock: VecDeque::new(),
            watches: BTreeSet::new(),
            link: Link::default(),
            old: None,
        };
        Self {
            pages: (0..tabs).map(page).collect(),
            holder: None,
            queue: VecDeque::new(),
            channel: BTreeMap::new(),
            highest: BTreeMap::new(),
            numbers: BTreeMap::new(),
            budget,
            stolen: false,
            elsewhere: false,
        }
    }

    /// Returns what may happen.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = self.inner_actions();
        let budget = self.budget;
        for (at, page) in self.pages.iter().enumerate() {
            if !page.alive {
                continue;
            }
            if page.runs() {
                let app = &page.app;
                if (!app.wish || app.waits || app.failed) && budget.connects > 0 {
                    actions.push(Action::Connect(at));
                }
                if app.wish && budget.closes > 0 {
                    actions.push(Action::Close(at));
                }
                if app.wish && !app.failed && budget.messages > 0 {
                    actions.push(Action::Send(at));
                }
                if budget.freezes > 0 && page.tab.role() != Role::None {
                    actions.push(Action::Away(at));
                }
                if budget.looks > 0 {
                    actions.push(Action::Look(at));
                }
                if budget.stalls > 0 && page.tab.role() == Role::Leader {
                    actions.push(Action::Stall(at));
                }
                if budget.timers > 0 && page.tab.deadline().is_some() {
                    actions.push(Action::Elapse(at));
                }
            }
            if page.link.stage == Stage::Up && budget.breaks > 0 {
                actions.push(Action::Break(at));
            }
            if budget.crashes > 0 && page.app.wish {
                actions.push(Action::Crash(at));
            }
        }
        if budget.elsewhere > 0 && self.pages.iter().any(|page| page.link.stage == Stage::Up) {
            actions.push(Action::Elsewhere);
        }
        actions
    }

    /// Returns what happens without anybody's doing.
    fn inner_actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for ((from, to), posted) in &self.channel {
            if !posted.is_empty() && self.pages[*to].runs() {
                actions.push(Action::Hear { from: *from, to: *to });
            }
        }
        for (at, page) in self.pages.iter().enumerate().filter(|(_, page)| page.alive) {
            if page.runs() && !page.lock.is_empty() {
                actions.push(Action::Lock(at));
            }
            if page.link.stage == Stage::Connecting {
                actions.push(Action::Accept(at));
            }
            if page.link.stage == Stage::Up && !page.link.up.is_empty() {
                actions.push(Action::Read { tab: at, old: false });
            }
            if page.old.is_some() {
                actions.push(Action::Read { tab: at, old: true });
            }
            if page.runs() && !page.link.down.is_empty() {
                actions.push(Action::Link(at));
            }
            if page.away {
                actions.push(Action::Back(at));
            }
            if page.stalled {
                actions.push(Action::Resume(at));
            }
        }
        actions
    }

    /// Returns what a friendly world does next; nothing once it rests.
    pub(crate) fn friendly(&self) -> Option<Action> {
        let inner = self.inner_actions();
        inner.first().copied().or_else(|| {
            // A timer fires only where somebody waits for more than that.
            let is_served = |page: &Page| {
                let app = &page.app;
                app.open && app.unanswered.is_empty() || app.failed || !app.wish
            };
            let lingers = |page: &Page| {
                page.tab.role() == Role::Leader && (!page.app.wish || page.app.failed)
            };
            let waits =
                self.pages.iter().any(|page| page.alive && (!is_served(page) || lingers(page)));
            let due = |page: &&Page| page.runs() && page.tab.deadline().is_some();
            let pages = self.pages.iter().enumerate().filter(|(_, page)| due(page) && waits);
            let (at, _) = pages.min_by_key(|(_, page)| page.tab.deadline())?;
            Some(Action::Elapse(at))
        })
    }

    /// Has it happen.
    pub(crate) fn step(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Connect(at) => {
                self.budget.connects -= 1;
                let app = &self.pages[at].app;
                if app.wish && !app.failed {
                    self.feed(at, TabInput::Urge);
                } else {
                    self.connect(at);
                }
            }
            Action::Close(at) => {
                self.budget.closes -= 1;
                let app = &mut self.pages[at].app;
                app.wish = false;
                app.failed = false;
                app.unanswered.clear();
                app.given_up = app.last_id;
                let port = app.port.take();
                (app.open, app.waits) = (false, false);
                self.feed(at, TabInput::Wish(false));
                if let Some(port) = port {
                    self.feed(at, TabInput::Shut { port });
                }
            }
            Action::Send(at) => {
                self.budget.messages -= 1;
                let app = &mut self.pages[at].app;
                app.last_id += 1;
                app.unanswered.push(app.last_id);
                if app.open {
                    self.send(at, self.pages[at].app.last_id);
                }
            }
            Action::Hear { from, to } => {
                let frame = self.channel.get_mut(&(from, to)).and_then(VecDeque::pop_front);
                self.channel.retain(|_, posted| !posted.is_empty());
                if let Some(frame) = frame {
                    let from = TabId(from as u64 + 1);
                    self.feed(to, TabInput::Heard { from, frame });
                }
            }
            Action::Lock(at) => {
                if let Some(event) = self.pages[at].lock.pop_front() {
                    let input = match event {
                        LockEvent::Granted(request) => TabInput::Granted { request, epoch_ms: 0 },
                        LockEvent::Lost(request) => TabInput::Lost { request },
                        LockEvent::Gone(port) => TabInput::Gone { port },
                        LockEvent::Hears => TabInput::Hears,
                        LockEvent::Query => {
                            let mine = |(tab, request): (usize, u32)| {
                                tab == at && request == self.pages[at].tab.last_request()
                            };
                            TabInput::Held(self.holder.is_some_and(mine))
                        }
                    };
                    self.feed(at, input);
                }
            }
            Action::Accept(at) => {
                self.replace(Heard::Moved);
                self.pages[at].link.stage = Stage::Up;
                self.pages[at].link.down.push_back(Heard::Up);
            }
            Action::Read { tab, old } => self.read(tab, old)?,
            Action::Link(at) => self.hear_link(at),
            Action::Break(at) => {
                self.budget.breaks -= 1;
                let link = &mut self.pages[at].link;
                let name = std::mem::take(&mut link.name);
                *link = Link { stage: Stage::Ended, name, ..Link::default() };
                link.down.push_back(Heard::Lost);
            }
            Action::Elsewhere => {
                self.budget.elsewhere -= 1;
                self.elsewhere = true;
                self.replace(Heard::Replaced);
            }
            Action::Crash(at) => {
                self.budget.crashes -= 1;
                let page = &mut self.pages[at];
                page.alive = false;
                page.app = App::default();
                page.link = Link::default();
                page.old = None;
                page.lock.clear();
                page.watches.clear();
                self.gone(at);
                self.channel.retain(|(from, to), _| *from != at && *to != at);
                self.queue.retain(|(tab, _)| *tab != at);
                if self.holder.is_some_and(|(tab, _)| tab == at) {
                    self.holder = None;
                    self.grant();
                }
            }
            Action::Away(at) => {
                self.budget.freezes -= 1;
                self.feed(at, TabInput::Away);
                self.pages[at].away = true;
                // The browser closes the sockets of a page that is frozen.
                self.pages[at].link = Link::default();
            }
            Action::Back(at) => {
                self.pages[at].away = false;
                self.feed(at, TabInput::Back);
            }
            Action::Stall(at) => {
                self.budget.stalls -= 1;
                self.pages[at].stalled = true;
            }
            Action::Resume(at) => self.pages[at].stalled = false,
            Action::Look(at) => {
                self.budget.looks -= 1;
                let page = &mut self.pages[at];
                page.shown = !page.shown;
                let shown = page.shown;
                self.feed(at, TabInput::Shown(shown));
            }
            Action::Elapse(at) => {
                self.budget.timers = self.budget.timers.saturating_sub(1);
                if let Some(due) = self.pages[at].tab.deadline() {
                    self.pages[at].now = due;
                    self.feed(at, TabInput::Elapsed);
                }
            }
        }
        self.check()
    }

    /// What holds always.
    fn check(&self) -> Result<(), String> {
        let up = |page: &&Page| page.link.stage == Stage::Up && !page.link.replaced;
        let live = self.pages.iter().filter(up).count();
        if live > 1 {
            return Err(format!("{live} live sockets"));
        }
        let leads = |page: &&Page| page.runs() && page.tab.role() == Role::Leader;
        if !self.stolen && self.pages.iter().filter(leads).count() > 1 {
            return Err("two tabs lead, though none has taken the lock from another".into());
        }
        Ok(())
    }

    /// What holds once nothing more happens in a friendly world.
    pub(crate) fn check_at_rest(&self) -> Result<(), String> {
        let leads = |page: &&Page| page.tab.role() == Role::Leader;
        let alive = || self.pages.iter().filter(|page| page.alive);
        let wanted = alive().any(|page| page.app.wish && !page.app.failed);
        if wanted && alive().any(|page| page.app.failed) {
            return Err("one tab has failed and others have not".into());
        }
        let leaders = alive().filter(leads).count();
        if leaders != usize::from(wanted) {
            return Err(format!("{leaders} tabs lead, and a connection is wanted: {wanted}"));
        }
        for (at, page) in self.pages.iter().enumerate().filter(|(_, page)| page.alive) {
            let Page { app, .. } = page;
            if app.failed && !self.elsewhere {
                return Err(format!("tab {at} has failed, though nobody has connected elsewhere"));
            }
            let is_there = |name: &String| {
                let mut pages = self.pages.iter().enumerate();
                pages.any(|(other, page)| *name == client(other) && page.alive && page.app.wish)
            };
            if page.link.stage == Stage::Up && !page.link.attached.values().all(is_there) {
                return Err(format!("the server has a place for {:?}", page.link.attached));
            }
            if !app.wish || app.failed {
                if page.link.stage == Stage::Up || page.listens != app.failed {
                    return Err(format!("tab {at} wants nothing, and something is left of it"));
                }
                continue;
            }
            if !app.open || app.waits {
                return Err(format!("tab {at} wants a connection and has none"));
            }
            if !app.unanswered.is_empty() {
                return Err(format!("tab {at} was not answered {:?}", app.unanswered));
            }
            let highest = self.highest.get(&at).copied().unwrap_or_default();
            if highest < app.last_id && app.last_id > app.given_up {
                return Err(format!("tab {at} has sent {}, the server had {highest}", app.last_id));
            }
        }
        if self.holder.is_some() != wanted || !self.queue.is_empty() && leaders == 0 {
            return Err(format!("the lock is {:?}", self.holder));
        }
        Ok(())
    }

    fn feed(&mut self, at: usize, input: TabInput<Frame>) {
        let page = &mut self.pages[at];
        page.tab.handle(input, page.now);
        while let Some(output) = self.pages[at].tab.poll() {
            self.perform(at, output);
        }
    }

    fn perform(&mut self, at: usize, output: TabOutput<Frame>) {
        match output {
            TabOutput::Attach { slot, client } => self.speak(at, Spoken::Attach(slot, client)),
            TabOutput::Detach { slot, id } => self.speak(at, Spoken::Detach(slot, id)),
            TabOutput::Up { slot, frame } => self.speak(at, Spoken::Frame(slot, frame)),
            TabOutput::Lead { link: name } => {
                self.pages[at].link = Link { stage: Stage::Connecting, name, ..Link::default() };
            }
            TabOutput::Resign => {
                let link = std::mem::take(&mut self.pages[at].link);
                self.pages[at].old = Some(link);
                self.pages[at].watches.clear();
            }
            TabOutput::Listen(on) => {
                self.pages[at].listens = on;
                if !on {
                    self.gone(at);
                }
                self.channel.retain(|(_, to), _| *to != at);
            }
            TabOutput::Post(frame) => {
                for to in 0..self.pages.len() {
                    if to != at && self.pages[to].alive && self.pages[to].listens {
                        self.channel.entry((at, to)).or_default().push_back(frame.clone());
                    }
                }
            }
            TabOutput::PortClosed { port, .. } => {
                let app = &mut self.pages[at].app;
                if app.port == Some(port) {
                    app.port = None;
                    (app.open, app.waits) = (false, false);
                    if app.wish {
                        self.open(at);
                    }
                }
            }
            TabOutput::PortFailed { port, .. } => {
                let app = &mut self.pages[at].app;
                if app.port == Some(port) {
                    *app = App {
                        wish: true,
                        failed: true,
                        last_port: app.last_port,
                        last_id: app.last_id,
                        sent: app.last_id,
                        given_up: app.last_id,
                        ..App::default()
                    };
                    self.feed(at, TabInput::Failed);
                }
            }
            TabOutput::PortFrame { port, frame } => {
                let app = &mut self.pages[at].app;
                if let (Some(own), Frame::Ack { id }) = (app.port, frame)
                    && own == port
                {
                    app.unanswered.retain(|waiting| *waiting > id);
                }
            }
            TabOutput::PortOpened { port, epoch, .. } => {
                let app = &mut self.pages[at].app;
                if app.port == Some(port) {
                    (app.open, app.waits) = (true, false);
                    if epoch.is_none() {
                        // Nobody knows what has become of those, and the user is told.
                        app.unanswered.retain(|id| *id > app.sent);
                        app.given_up = app.given_up.max(app.sent);
                    }
                    for id in app.unanswered.clone() {
                        self.send(at, id);
                    }
                }
            }
            TabOutput::PortStatus { port, link } => {
                let app = &mut self.pages[at].app;
                if app.port == Some(port) {
                    app.waits = link.retry_in.is_some();
                }
            }
            TabOutput::PortPong { .. }
            | TabOutput::Refresh { .. }
            | TabOutput::Refreshed { .. }
            | TabOutput::TokenRefreshed(_)
            | TabOutput::Role(_) => {}
            TabOutput::Revive => {
                if self.pages[at].app.failed {
                    self.connect(at);
                }
            }
            TabOutput::Watch { port } => {
                let page = &self.pages[port.tab.0 as usize - 1];
                if page.alive && page.listens {
                    self.pages[at].watches.insert(port);
                } else {
                    self.pages[at].lock.push_back(LockEvent::Gone(port));
                }
            }
            TabOutput::Probe => self.pages[at].lock.push_back(LockEvent::Hears),
            TabOutput::Query => self.pages[at].lock.push_back(LockEvent::Query),
            TabOutput::Release { request } => {
                self.queue.retain(|waiting| *waiting != (at, request));
                if self.holder == Some((at, request)) {
                    self.holder = None;
                    self.grant();
                }
            }
            TabOutput::Request { request, steal } => {
                if steal {
                    self.stolen = true;
                    if let Some((victim, lost)) = self.holder.replace((at, request)) {
                        self.pages[victim].lock.push_back(LockEvent::Lost(lost));
                    }
                    self.pages[at].lock.push_back(LockEvent::Granted(request));
                } else {
                    self.queue.push_back((at, request));
                    self.grant();
                }
            }
        }
    }

    fn grant(&mut self) {
        if self.holder.is_none()
            && let Some((tab, request)) = self.queue.pop_front()
        {
            self.holder = Some((tab, request));
            self.pages[tab].lock.push_back(LockEvent::Granted(request));
        }
    }

    /// A tab listens no more, or its process has ended: its lock goes to those that watch it.
    fn gone(&mut self, tab: usize) {
        let is_its = |port: &PortId| port.tab.0 as usize - 1 == tab;
        for page in &mut self.pages {
            page.lock.extend(page.watches.extract_if(.., is_its).map(LockEvent::Gone));
        }
    }

    fn open(&mut self, at: usize) {
        let app = &mut self.pages[at].app;
        app.last_port += 1;
        app.port = Some(app.last_port);
        let port = app.last_port;
        self.feed(at, TabInput::Open { port });
    }

    fn connect(&mut self, at: usize) {
        let app = &mut self.pages[at].app;
        (app.wish, app.failed) = (true, false);
        self.feed(at, TabInput::Wish(true));
        self.open(at);
    }

    fn send(&mut self, at: usize, id: u64) {
        let app = &mut self.pages[at].app;
        if let Some(port) = app.port {
            app.sent = app.sent.max(id);
            let frame = Up::Frame(Frame::Message { client: at, id, text: id });
            self.feed(at, TabInput::Send { port, frame });
        }
    }

    /// A leader sends over its socket, if that is open: what goes nowhere is lost.
    fn speak(&mut self, at: usize, spoken: Spoken) {
        let link = &mut self.pages[at].link;
        if link.stage == Stage::Up {
            link.up.push_back(spoken);
        }
    }

    /// The user has connected once more: the server closes what was there.
    fn replace(&mut self, heard: Heard) {
        for page in &mut self.pages {
            if page.link.stage == Stage::Up {
                page.link.stage = Stage::Ended;
                page.link.up.clear();
                page.link.replaced = true;
                page.link.down.push_back(heard.clone());
            }
            if let Some(old) = &mut page.old {
                old.up.clear();
            }
        }
    }

    fn read(&mut self, at: usize, old: bool) -> Result<(), String> {
        let page = &mut self.pages[at];
        let Some(link) = (if old { page.old.as_mut() } else { Some(&mut page.link) }) else {
            return Ok(());
        };
        let Some(spoken) = link.up.pop_front() else {
            // It has closed.
            page.old = None;
            page.link.down.push_back(Heard::Closed);
            return Ok(());
        };
        match spoken {
            Spoken::Attach(slot, client) => {
                link.attached.insert(slot, client);
                link.down.push_back(Heard::Attached(slot));
            }
            Spoken::Detach(slot, id) => {
                link.attached.remove(&slot);
                link.down.push_back(Heard::Answer(slot, id));
            }
            Spoken::Frame(slot, Frame::Message { client: of, id: number, text: id }) => {
                link.down.push_back(Heard::Answer(slot, MessageId(number)));
                if slot == 0 {
                    let highest = self.numbers.entry(link.name.clone()).or_default();
                    if number <= *highest {
                        return Err(format!("{:?} uses the number {number} again", link.name));
                    }
                    *highest = number;
                } else if link.attached.get(&slot) != Some(&client(of)) || number != id {
                    return Err(format!("a message of tab {of} came as another's"));
                }
                let given_up = self.pages[of].app.given_up;
                let highest = self.highest.entry(of).or_default();
                let before = given_up.max(*highest);
                if id > before + 1 {
                    return Err(format!("message {} of tab {of} was left out", before + 1));
                }
                if slot == 0 && id <= *highest {
                    return Err(format!("message {id} of tab {of} has come twice"));
                }
                *highest = id.max(*highest);
            }
            Spoken::Frame(_, Frame::Group { .. } | Frame::Ack { .. }) => {
                return Err("something that no client sends".into());
            }
        }
        Ok(())
    }

    fn hear_link(&mut self, at: usize) {
        let Some(heard) = self.pages[at].link.down.pop_front() else { return };
        let input = match heard {
            Heard::Up => {
                self.feed(at, TabInput::LinkStatus(LinkStatus::default()));
                let terms = Terms {
                    user: "ada".into(),
                    connection_id: "c1".into(),
                    max_message_bytes: 9,
                    tabs: (!self.budget.is_one).then_some(64),
                };
                TabInput::LinkUp(terms)
            }
            Heard::Attached(slot) => {
                let what = Down::Attached(Some(Epoch("e".into())));
                TabInput::LinkFrame { slots: vec![slot], what, frame: Frame::Ack { id: 0 } }
            }
            Heard::Answer(slot, id) => TabInput::LinkFrame {
                slots: if slot == 0 { Vec::new() } else { vec![slot] },
                what: Down::Ack(id),
                frame: Frame::Ack { id: id.0 },
            },
            Heard::Replaced => {
                TabInput::LinkFailed(Error::new(ErrorCode::Replaced, "somebody came"))
            }
            Heard::Moved => {
                let moved = Text::new(Sentence::Moved);
                TabInput::LinkFailed(Error::new(ErrorCode::Replaced, moved))
            }
            Heard::Lost => {
                self.pages[at].link.stage = Stage::Connecting;
                self.feed(at, TabInput::LinkLost(None));
                TabInput::LinkStatus(WAITS)
            }
            Heard::Closed => TabInput::LinkClosed,
        };
        self.feed(at, input);
    }
}

impl Page {
    fn runs(&self) -> bool {
        self.alive && !self.away && !self.stalled
    }
}

impl World {
    /// A line for people.
    pub(crate) fn told(&self) -> String {
        let page = |page: &Page| {
            let App { port, open, failed, unanswered, .. } = &page.app;
            let role = page.tab.role().as_str();
            format!(
                "{role}/{:?} port {port:?} open {open} failed {failed} {unanswered:?}",
                page.link.stage
            )
        };
        let pages: Vec<_> = self.pages.iter().map(page).collect();
        format!("{pages:?} lock {:?} queue {:?}", self.holder, self.queue)
    }
}
