//! What tabs have between them: the lock and the channel, as a browser has them. See `tab.js` of
//! `onesocket-web`.

use std::time::Duration;

use onesocket_core::{PortId, TabFrame, TabId};

use super::page::{LockEvent, Task};
use super::wire::Passed;
use super::world::{Event, World};

/// How long a browser takes to tell a page something of a lock, at most.
const LOCK_MS: u64 = 10;

impl World {
    fn tell_of_lock(&mut self, page: usize, event: LockEvent) {
        let delay = self.random.ms(0, LOCK_MS);
        self.after(delay, Event::Task { page, task: Task::Lock(event) });
    }

    pub(super) fn request_lock(&mut self, page: usize, request: u32, steal: bool) {
        self.pages[page].requests.insert(request);
        if !steal {
            self.queue.push_back((page, request));
            return self.grant();
        }
        self.cover("a lock that is stolen");
        self.stolen = true;
        if let Some((victim, lost)) = self.holder.replace((page, request)) {
            self.tell_of_lock(victim, LockEvent::Lost(lost));
        }
        self.tell_of_lock(page, LockEvent::Granted(request));
    }

    pub(super) fn release_lock(&mut self, page: usize, request: u32) {
        self.pages[page].requests.remove(&request);
        self.queue.retain(|waiting| *waiting != (page, request));
        if self.holder == Some((page, request)) {
            self.holder = None;
            self.grant();
        }
    }

    fn grant(&mut self) {
        if self.holder.is_none()
            && let Some((page, request)) = self.queue.pop_front()
        {
            self.holder = Some((page, request));
            self.tell_of_lock(page, LockEvent::Granted(request));
        }
    }

    pub(super) fn query_lock(&mut self, page: usize, request: u32) {
        // By then the browser has told of a lock that was taken away before.
        let delay = Duration::from_millis(LOCK_MS + 1);
        self.after(delay, Event::Task { page, task: Task::Lock(LockEvent::Query(request)) });
    }

    pub(super) fn listen(&mut self, page: usize, on: bool) {
        let listens = &mut self.pages[page].listens;
        let before = listens.take();
        self.pages[page].listening += u32::from(on);
        self.pages[page].listens = on.then_some(self.pages[page].listening);
        if before.is_some() {
            self.gone(page);
        }
    }

    /// Posts to all who listen, each of whom hears what a tab posts in its order.
    pub(super) fn post(&mut self, from: usize, frame: &TabFrame<Passed>) {
        for to in 0..self.pages.len() {
            let Some(listens) = self.pages[to].listens.filter(|_| to != from) else { continue };
            let delay = self.random.ms(0, 5);
            let last = self.posted.entry((from, to)).or_default();
            *last = (*last).max(self.now + delay);
            let after = *last - self.now;
            let task = Task::Heard { from, listens, frame: frame.clone() };
            self.after(after, Event::Task { page: to, task });
        }
    }

    pub(super) fn probe(&mut self, page: usize) {
        self.after(Duration::ZERO, Event::Task { page, task: Task::Hears });
    }

    pub(super) fn watch(&mut self, page: usize, port: PortId) {
        let of = page_of(port.tab);
        if self.pages[of].listens.is_some() {
            self.pages[page].watches.retain(|other| other.tab != port.tab);
            self.pages[page].watches.push(port);
        } else {
            self.tell_of_lock(page, LockEvent::Gone(port));
        }
    }

    /// A tab listens no more: those that watch it are told.
    fn gone(&mut self, page: usize) {
        for watcher in 0..self.pages.len() {
            let is_its = |port: &mut PortId| page_of(port.tab) == page;
            let gone: Vec<_> = self.pages[watcher].watches.extract_if(.., is_its).collect();
            for port in gone {
                self.tell_of_lock(watcher, LockEvent::Gone(port));
            }
        }
    }

    /// The locks of a page that has ended are free.
    pub(super) fn free(&mut self, page: usize) {
        self.listen(page, false);
        self.pages[page].watches.clear();
        self.queue.retain(|(waiting, _)| *waiting != page);
        if self.holder.is_some_and(|(holder, _)| holder == page) {
            self.holder = None;
            self.grant();
        }
    }
}

pub(super) fn tab_of(page: usize) -> TabId {
    TabId(page as u64 + 1)
}

pub(super) fn page_of(tab: TabId) -> usize {
    tab.0 as usize - 1
}
