//! What there is, the time, and what will happen when.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use onesocket_core::{Span, Time};

use super::page::{Page, Task};
use super::server::Server;
use super::socket::{Down, Socket, Up};
use super::wire::Origin;
use crate::agenda::Agenda;
use crate::random::Random;
use crate::record::Record;
use crate::runner::Outcome;

/// Whose tabs they are.
pub(super) const USER: &str = "ada";

/// The tabs of a user, their browser, the server, and the network in between.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) random: Random,
    pub(super) pages: Vec<Page>,
    /// Which page has the lock, and by which request.
    pub(super) holder: Option<(usize, u32)>,
    pub(super) queue: VecDeque<(usize, u32)>,
    /// When the last post of a page arrives at another.
    pub(super) posted: BTreeMap<(usize, usize), Duration>,
    pub(super) sockets: Vec<Socket>,
    pub(super) server: Server,
    /// What each page has sent.
    pub(super) items: Vec<Vec<Item>>,
    /// The newest message of each page that the server has taken.
    pub(super) taken: BTreeMap<usize, usize>,
    /// How often timers of hidden pages fire.
    pub(super) throttled: Duration,
    /// What the wall clock shows at the beginning; somebody may set it.
    pub(super) clock: Duration,
    pub(super) stolen: bool,
    /// The user has connected in another browser.
    pub(super) is_elsewhere: bool,
    pub(super) record: Record,
    agenda: Agenda<Event>,
}

/// A message that a page has sent or published.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    /// The server has taken it.
    pub(super) taken: bool,
    /// The user was told that it may not have been.
    pub(super) reported: bool,
}

#[derive(Debug)]
pub(super) enum Event {
    /// The browser has something for a page.
    Task { page: usize, task: Task },
    /// The lock of a page that has ended is free.
    Freed { page: usize },
    /// A frame comes to the server.
    Up { socket: usize, up: Up },
    /// A frame comes to a browser.
    Down { socket: usize, down: Down },
    /// A connection of the server has something to do.
    Serve { key: u64 },
    /// It says what it has accepted.
    Flush { key: u64 },
    /// It waits no longer for the end of a handshake.
    GiveUp { key: u64 },
    /// The server is there again.
    Start,
}

impl World {
    pub(super) fn new(seed: u64, traced: bool, max_tabs: u16) -> Self {
        Self {
            now: Duration::ZERO,
            random: Random::new(seed),
            pages: Vec::new(),
            holder: None,
            queue: VecDeque::new(),
            posted: BTreeMap::new(),
            sockets: Vec::new(),
            server: Server::new(max_tabs),
            items: Vec::new(),
            taken: BTreeMap::new(),
            throttled: Duration::from_secs(if seed.is_multiple_of(5) { 60 } else { 1 }),
            clock: Duration::from_secs(1_700_000_000),
            stolen: false,
            is_elsewhere: false,
            record: Record::new(traced),
            agenda: Agenda::new(),
        }
    }

    pub(super) fn time(&self) -> Time {
        Time::ZERO + Span::from(self.now)
    }

    pub(super) fn after(&mut self, delay: Duration, event: Event) {
        self.agenda.add(self.now + delay, event);
    }

    /// Lets everything happen for a while, unless a promise is broken first.
    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.record.broken.is_none()
            && let Some((at, event)) = self.agenda.next(end)
        {
            self.now = self.now.max(at);
            self.happen(event);
            self.check();
        }
        if self.record.broken.is_none() {
            self.now = end;
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Task { page, task } => self.task(page, task),
            Event::Freed { page } => self.free(page),
            Event::Up { socket, up } => self.on_up(socket, up),
            Event::Down { socket, down } => self.on_down(socket, down),
            Event::Serve { key } => self.serve(key),
            Event::Flush { key } => self.flush(key),
            Event::GiveUp { key } => self.end_peer(key),
            Event::Start => self.server.up = true,
        }
    }

    /// What holds at any time.
    fn check(&mut self) {
        let open = self.server.sockets().len();
        self.ensure(open <= 1, || format!("{open} live sockets"));
        let leaders = self.pages.iter().filter(|page| page.leads()).count();
        let may_be = self.stolen || leaders <= 1;
        self.ensure(may_be, || format!("{leaders} tabs lead, and none has taken the lock"));
    }

    /// The server takes a message that it has not had.
    pub(super) fn take(&mut self, origin: Origin) {
        let Origin { page, number } = origin;
        let last = self.taken.insert(page, number);
        self.ensure(last.is_none_or(|last| last < number), || {
            format!("message {number} of tab {page} comes after {last:?}")
        });
        let first = last.map_or(0, |last| last + 1);
        let left_out = (first..number).find(|between| !self.items[page][*between].reported);
        self.ensure(left_out.is_none(), || {
            format!("message {left_out:?} of tab {page} was left out before {number}")
        });
        self.items[page][number].taken = true;
    }

    /// Notes that a promise is broken, if it is.
    pub(super) fn ensure(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.record.ensure(self.now, holds, what);
    }

    /// Adds a line to the timeline, where there is one.
    pub(super) fn log(&mut self, what: impl FnOnce() -> String) {
        self.record.log(self.now, what);
    }

    pub(super) fn cover(&mut self, what: &'static str) {
        self.record.cover(what);
    }
}

impl From<World> for Outcome {
    fn from(world: World) -> Self {
        world.record.outcome(world.now)
    }
}
