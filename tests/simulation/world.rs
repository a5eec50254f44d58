//! What there is, the time, and what will happen when.

use std::collections::BTreeMap;
use std::time::Duration;

use onesocket_core::protocol::Group;
use onesocket_core::{Fetch, TokenAnswer};
use onesocket_server::Pattern;

use crate::agenda::Agenda;
use crate::client::Client;
use crate::history::{Later, groups};
use crate::network::{Socket, Way};
use crate::random::Random;
use crate::record::Record;
use crate::reference::{Grant, Reference};
use crate::server::Server;

/// All clients, the server, and the network between them.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) random: Random,
    pub(crate) clients: Vec<Client>,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) server: Server,
    pub(crate) reference: Reference,
    /// What the back end grants each user at the moment.
    pub(crate) grants: BTreeMap<String, Grant>,
    pub(crate) record: Record,
    agenda: Agenda<Event>,
}

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// The timer of a page fires, unless it was set anew.
    Alarm { client: usize, setting: u32 },
    /// `getToken` answers.
    Answer { client: usize, fetch: Fetch, answer: TokenAnswer },
    /// Something has come through, one way or the other.
    Arrive { socket: usize, way: Way },
    /// A browser does not wait any longer for the end of a socket that is closing.
    GiveUp { socket: usize },
    /// Something that was begun comes to its end.
    Later(Later),
    /// A peer has something to do.
    Serve { process: u32, key: u64 },
    /// The server looks for what it may forget.
    Sweep { process: u32 },
    /// What was sent has not been acknowledged for too long.
    Unacknowledged { socket: usize, way: Way },
}

impl World {
    pub(crate) fn new(seed: u64, server: Server, traced: bool) -> Self {
        let is_open = |group: &Group| {
            server.config.open_groups.iter().any(|it| match it {
                Pattern::Exact(name) => name == group,
                Pattern::Prefix(prefix) => prefix.is_empty(),
            })
        };
        let open = groups().into_iter().filter(is_open).collect();
        let mut world = Self {
            now: Duration::ZERO,
            random: Random::new(seed),
            clients: Vec::new(),
            sockets: Vec::new(),
            server,
            reference: Reference::of(open),
            grants: BTreeMap::new(),
            record: Record::new(traced),
            agenda: Agenda::new(),
        };
        world.start_server();
        world
    }

    /// Plans something.
    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.agenda.add(self.now + delay, event);
    }

    /// Lets everything happen up to a point in time, unless an invariant is broken first.
    pub(crate) fn run_until(&mut self, end: Duration) {
        while self.record.broken.is_none()
            && let Some((at, event)) = self.agenda.next(end)
        {
            self.now = self.now.max(at);
            self.happen(event);
        }
        if self.record.broken.is_none() {
            self.now = self.now.max(end);
        }
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// Ends now everything that was begun and was to end later.
    pub(crate) fn end_what_was_begun(&mut self) {
        for event in self.agenda.take(|event| matches!(event, Event::Later(_))) {
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Alarm { client, setting } => self.ring(client, setting),
            Event::Answer { client, fetch, answer } => self.answer(client, fetch, answer),
            Event::Arrive { socket, way } => self.arrive(socket, way),
            Event::GiveUp { socket } => self.give_up(socket),
            Event::Later(later) => self.later(later),
            Event::Serve { process, key } => self.serve_if(process, key),
            Event::Sweep { process } => self.sweep(process),
            Event::Unacknowledged { socket, way } => self.unacknowledged(socket, way),
        }
    }

    /// Notes that an invariant is broken, if it is.
    pub(crate) fn ensure(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.record.ensure(self.now, holds, what);
    }

    /// Adds a line to the timeline, where there is one.
    pub(crate) fn log(&mut self, what: impl FnOnce() -> String) {
        self.record.log(self.now, what);
    }

    pub(crate) fn cover(&mut self, what: &'static str) {
        self.record.cover(what);
    }
}
