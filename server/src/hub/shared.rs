//! The hub under its lock, and the queues of the connected clients.
//!
//! Owns how a delivery reaches a peer: at once or not at all. A peer with a full queue is closed, so
//! that a slow reader costs the others nothing. The lock is held only while frames are put into
//! queues, never over an await or a log line.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use onesocket_protocol::{Epoch, Group, MessageId, Slot};
use tracing::{info, warn};

use crate::close_cause::CloseCause;
use crate::hub::command::{Command, Count, Delivery, Known, Target};
use crate::hub::key::Key;
use crate::hub::mailbox::{Inbox, Mailbox, mailbox};
use crate::hub::registry::Hub;
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;

/// Held while the application handles a message of a user, so that they come one at a time.
type UserLock = tokio::sync::Mutex<()>;

/// The hub under its lock, and the queues of the connected clients.
pub(crate) struct SharedHub {
    /// Identifies this server process in epochs: after a restart it is another number.
    server: u64,
    max_bytes: usize,
    metrics: Arc<Metrics>,
    inner: Mutex<Inner>,
}

struct Inner {
    hub: Hub,
    mailboxes: HashMap<Key, Mailbox>,
    /// The users whose messages the application is handling.
    user_locks: HashMap<String, Weak<UserLock>>,
    last: Key,
    /// The server is shutting down: new clients are closed at once.
    leaving: bool,
}

/// A connection that is registered in the hub. Dropping it removes it.
pub(crate) struct Registration {
    pub(crate) key: Key,
    hub: Arc<SharedHub>,
}

/// What followed from a command of a back end.
struct Followed {
    /// How many connections something was delivered to, a close included.
    reached: usize,
    /// How many of them were closed, as they were to be or since they were too slow.
    closed: usize,
}

impl SharedHub {
    /// Makes a hub with queues of at most `max_bytes` per peer.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no random numbers.
    pub(crate) fn new(
        per_user: usize,
        max_bytes: usize,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let server = getrandom::u64()?;
        let inner = Inner {
            hub: Hub::new(per_user),
            mailboxes: HashMap::new(),
            user_locks: HashMap::new(),
            last: Key(0),
            leaving: false,
        };
        Ok(Self { server, max_bytes, metrics, inner: Mutex::new(inner) })
    }

    /// Registers a connection of `user` and closes an older one. Also returns the epoch of the client,
    /// if the client has a name.
    pub(crate) fn connect(
        self: &Arc<Self>,
        user: &str,
        client: Option<String>,
    ) -> (Registration, Option<Epoch>, Inbox) {
        let (mailbox, inbox) = mailbox();
        let mut inner = self.lock();
        let key = Key(inner.last.0 + 1);
        inner.last = key;
        inner.mailboxes.insert(key, mailbox);
        let command = Command::Connect { key, user: user.to_owned(), client: client.clone() };
        let deliveries = inner.hub.handle(command, now());
        let since = client.and_then(|client| inner.hub.remembers_since(user, &client));
        let epoch = since.map(|key| key.epoch(self.server));
        let closed = inner.deliver(deliveries, self.max_bytes);
        if inner.leaving {
            inner.close_all();
        }
        let clients = self.count_clients(&inner);
        drop(inner);

        self.metrics.opened.inc();
        log_closed(&closed);
        info!(user, connection = key.0, "Client connected");
        info!(clients, "Total clients: {clients}");
        (Registration { key, hub: Arc::clone(self) }, epoch, inbox)
    }

    /// Has another client of the same user share a connection; returns its number and its epoch, and
    /// nothing if the connection was replaced meanwhile.
    pub(crate) fn attach(&self, carrier: Key, slot: Slot, client: &str) -> Option<(Key, Epoch)> {
        let mut inner = self.lock();
        let key = Key(inner.last.0 + 1);
        inner.last = key;
        let client = client.to_owned();
        inner.hub.handle(Command::Attach { key, carrier, slot, client }, now());
        let since = inner.hub.remembered_since(key)?;
        Some((key, since.epoch(self.server)))
    }

    /// Passes a command to the hub and delivers what follows. The answers for the client that has sent it
    /// are returned: a peer need not queue them for itself.
    pub(crate) fn tell(&self, command: Command) -> Vec<Outgoing> {
        let speaker = command.speaker();
        let mut inner = self.lock();
        let mut answers = Vec::new();
        let mut others = Vec::new();
        let mut reached = None;
        for delivery in inner.hub.handle(command, now()) {
            match delivery {
                Delivery::LimitReached(limit) => reached = Some(limit),
                Delivery::Send { to, frame } if Some(to) == speaker => {
                    answers.push(frame.addressed(&[inner.hub.route(to).1]));
                }
                Delivery::Send { .. } | Delivery::Notice { .. } | Delivery::Close { .. } => {
                    others.push(delivery);
                }
            }
        }
        let closed = inner.deliver(others, self.max_bytes);
        drop(inner);

        if let Some(limit) = reached {
            self.metrics.refused(limit);
        }
        log_closed(&closed);
        answers
    }

    /// Delivers a message of a back end; returns the number of clients.
    pub(crate) fn publish(&self, to: Target, frame: Outgoing) -> usize {
        let Followed { reached, closed } = self.carry_out(Command::Broadcast { to, frame });
        reached - closed
    }

    /// Ends the connections of a user; returns how many there were.
    pub(crate) fn end(&self, user: &str) -> usize {
        let Followed { closed, .. } = self.carry_out(Command::End { user: user.to_owned() });
        info!(user, connections = closed, "Connections ended by a back end");
        closed
    }

    /// Takes a user out of a group; returns in how many connections the user was in it.
    pub(crate) fn remove(&self, user: &str, group: Group) -> usize {
        self.carry_out(Command::Remove { user: user.to_owned(), group }).reached
    }

    /// Carries out a command of a back end.
    fn carry_out(&self, command: Command) -> Followed {
        let mut inner = self.lock();
        let mut deliveries = inner.hub.handle(command, now());
        inner.address(&mut deliveries);
        // A peer that is being closed receives nothing more.
        deliveries.retain(|delivery| match delivery {
            Delivery::Send { to, .. }
            | Delivery::Notice { to, .. }
            | Delivery::Close { to, .. } => inner.mailboxes.contains_key(to),
            Delivery::LimitReached(_) => false,
        });
        let reached = deliveries.len();
        let closed = inner.deliver(deliveries, self.max_bytes);
        self.count_clients(&inner);
        drop(inner);

        log_closed(&closed);
        Followed { reached, closed: closed.len() }
    }

    /// Says what is known about a message that the application is to handle.
    pub(crate) fn known(&self, key: Key, id: MessageId) -> Known {
        self.lock().hub.known(key, id)
    }

    /// Returns the lock that is held while the application handles a message of `user`.
    pub(crate) fn user_lock(&self, user: &str) -> Arc<UserLock> {
        let user_locks = &mut self.lock().user_locks;
        if let Some(lock) = user_locks.get(user).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        user_locks.insert(user.to_owned(), Arc::downgrade(&lock));
        lock
    }

    /// Closes all clients, and those that connect later: the server is shutting down.
    pub(crate) fn leave(&self) {
        let mut inner = self.lock();
        inner.leaving = true;
        inner.close_all();
    }

    /// Drops what no longer needs to be remembered.
    pub(crate) fn sweep(&self) {
        let mut inner = self.lock();
        inner.hub.handle(Command::Sweep, now());
        inner.user_locks.retain(|_, lock| lock.strong_count() > 0);
    }

    /// Returns the number of sockets of a user.
    pub(crate) fn count(&self, user: &str) -> Count {
        self.lock().hub.count(user)
    }

    fn disconnect(&self, key: Key) {
        let mut inner = self.lock();
        inner.mailboxes.remove(&key);
        let before = inner.hub.clients();
        inner.hub.handle(Command::Disconnect { key }, now());
        let clients = self.count_clients(&inner);
        drop(inner);

        if clients != before {
            info!(clients, "Total clients: {clients}");
        }
    }

    /// Counts under the lock, so that the last number shown is the true one.
    fn count_clients(&self, inner: &Inner) -> usize {
        let clients = inner.hub.clients();
        self.metrics.clients.set(clients.try_into().unwrap_or(i64::MAX));
        clients
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A peer that panics in here must not take the others with it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn close_all(&mut self) {
        for (_, mailbox) in self.mailboxes.drain() {
            mailbox.close(CloseCause::ServerRestart);
        }
    }

    /// Addresses what is for clients that share a connection to the connection: once, where several of
    /// them get the same.
    fn address(&self, deliveries: &mut Vec<Delivery>) {
        let hub = &self.hub;
        let is_shared = |delivery: &Delivery| match delivery {
            Delivery::Send { to, .. } | Delivery::Notice { to, .. } => {
                hub.route(*to).1 != Slot::OWN
            }
            Delivery::Close { .. } | Delivery::LimitReached(_) => false,
        };
        if !deliveries.iter().any(is_shared) {
            return;
        }
        // Of each connection: what is sent to it, to which of its clients, and where that stands.
        let mut sent: HashMap<Key, Vec<(Outgoing, Vec<Slot>, usize)>> = HashMap::new();
        let mut addressed = Vec::with_capacity(deliveries.len());
        for delivery in deliveries.drain(..) {
            match delivery {
                Delivery::Send { to, frame } => {
                    let (to, slot) = hub.route(to);
                    let of_connection = sent.entry(to).or_default();
                    match of_connection.iter_mut().find(|(same, ..)| same.is_shared_with(&frame)) {
                        Some((_, slots, _)) => slots.push(slot),
                        None => {
                            of_connection.push((frame.clone(), vec![slot], addressed.len()));
                            addressed.push(Delivery::Send { to, frame });
                        }
                    }
                }
                Delivery::Notice { to, frame } => {
                    let (to, slot) = hub.route(to);
                    addressed.push(Delivery::Notice { to, frame: frame.addressed(&[slot]) });
                }
                Delivery::Close { .. } | Delivery::LimitReached(_) => addressed.push(delivery),
            }
        }
        for (plain, slots, at) in sent.into_values().flatten() {
            if let Delivery::Send { frame, .. } = &mut addressed[at] {
                *frame = plain.addressed(&slots);
            }
        }
        *deliveries = addressed;
    }

    /// Returns the connections that were closed, and why.
    fn deliver(
        &mut self,
        mut deliveries: Vec<Delivery>,
        max_bytes: usize,
    ) -> Vec<(Key, CloseCause)> {
        let mut closed = Vec::new();
        self.address(&mut deliveries);
        for delivery in deliveries {
            let (to, cause) = match delivery {
                Delivery::Close { to, cause } => (to, cause),
                Delivery::LimitReached(_) => continue,
                Delivery::Send { to, frame } | Delivery::Notice { to, frame } => {
                    let mailbox = self.mailboxes.get(&to);
                    if mailbox.is_none_or(|mailbox| mailbox.put(frame, max_bytes)) {
                        continue;
                    }
                    (to, CloseCause::SlowConsumer)
                }
            };
            if let Some(mailbox) = self.mailboxes.remove(&to) {
                mailbox.close(cause);
                closed.push((to, cause));
            }
        }
        closed
    }
}

impl Registration {
    /// Has another client share this connection: see [`SharedHub::attach`].
    pub(crate) fn attach(&self, slot: Slot, client: &str) -> Option<(Key, Epoch)> {
        self.hub.attach(self.key, slot, client)
    }

    /// Passes a command to the hub; returns the answers.
    pub(crate) fn tell(&self, command: Command) -> Vec<Outgoing> {
        self.hub.tell(command)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.disconnect(self.key);
    }
}

/// Logs the connections that others have closed; their own tasks log and count how they end.
fn log_closed(closed: &[(Key, CloseCause)]) {
    for (key, cause) in closed {
        let (connection, code) = (key.0, cause.code().get());
        if *cause == CloseCause::SlowConsumer {
            warn!(connection, code, "Closing a slow connection");
        } else {
            info!(connection, code, "Closing existing connection");
        }
    }
}

/// The time by tokio's clock, which a test can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
