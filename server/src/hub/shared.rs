//! The hub under its lock, and the queues of those who are connected.
//!
//! Owns how a delivery gets to a peer: at once or not at all. A full queue ends its peer, so that
//! one who reads slowly costs the others nothing. The lock is held for as long as it takes to put
//! frames into queues, never over an await or a line of log.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use onesocket_protocol::{Epoch, MessageId};
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
    /// Names this server, in what it remembers: the one after a restart has another name.
    server: u64,
    max_bytes: usize,
    metrics: Arc<Metrics>,
    inner: Mutex<Inner>,
}

struct Inner {
    hub: Hub,
    mailboxes: HashMap<Key, Mailbox>,
    /// Whose messages the application handles at the moment.
    user_locks: HashMap<String, Weak<UserLock>>,
    last: Key,
    /// The server is going: who comes now is told so.
    leaving: bool,
}

/// A place in the hub. Dropping it gives it up.
pub(crate) struct Registration {
    pub(crate) key: Key,
    hub: Arc<SharedHub>,
}

impl SharedHub {
    /// Makes a hub that lets `max_bytes` wait for each peer.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no random numbers.
    pub(crate) fn new(max_bytes: usize, metrics: Arc<Metrics>) -> io::Result<Self> {
        let server = getrandom::u64()?;
        let inner = Inner {
            hub: Hub::default(),
            mailboxes: HashMap::new(),
            user_locks: HashMap::new(),
            last: Key(0),
            leaving: false,
        };
        Ok(Self { server, max_bytes, metrics, inner: Mutex::new(inner) })
    }

    /// Registers a connection of `user`, whose client may have a name of its own, and has the older
    /// one closed; returns as well what the hub remembers of the client.
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

    /// Tells the hub something and delivers what follows, except to `own`: that is returned, for
    /// a peer need not queue what it tells itself.
    pub(crate) fn tell(&self, own: Key, command: Command) -> Vec<Outgoing> {
        let mut inner = self.lock();
        let mut answers = Vec::new();
        let mut others = Vec::new();
        let mut reached = None;
        for delivery in inner.hub.handle(command, now()) {
            match delivery {
                Delivery::LimitReached(limit) => reached = Some(limit),
                Delivery::Send { to, frame } if to == own => answers.push(frame),
                Delivery::Send { .. } | Delivery::Close { .. } => others.push(delivery),
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

    /// Delivers what a back end has; returns to how many clients.
    pub(crate) fn publish(&self, to: Target, frame: Outgoing) -> usize {
        let mut inner = self.lock();
        let mut deliveries = inner.hub.handle(Command::Broadcast { to, frame }, now());
        // Who is to be closed already gets nothing more.
        deliveries.retain(|delivery| match delivery {
            Delivery::Send { to, .. } | Delivery::Close { to, .. } => {
                inner.mailboxes.contains_key(to)
            }
            Delivery::LimitReached(_) => false,
        });
        let members = deliveries.len();
        let closed = inner.deliver(deliveries, self.max_bytes);
        drop(inner);

        log_closed(&closed);
        members - closed.len()
    }

    /// Says what is known of a message that the application is to handle.
    pub(crate) fn known(&self, key: Key, id: MessageId) -> Known {
        self.lock().hub.known(key, id)
    }

    /// Returns what is guard while the application handles a message of `user`.
    pub(crate) fn user_lock(&self, user: &str) -> Arc<UserLock> {
        let user_locks = &mut self.lock().user_locks;
        if let Some(lock) = user_locks.get(user).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        user_locks.insert(user.to_owned(), Arc::downgrade(&lock));
        lock
    }

    /// Closes all who are connected, and all who will be: the server is going.
    pub(crate) fn leave(&self) {
        let mut inner = self.lock();
        inner.leaving = true;
        inner.close_all();
    }

    /// Forgets what need not be known any more.
    pub(crate) fn sweep(&self) {
        let mut inner = self.lock();
        inner.hub.handle(Command::Sweep, now());
        inner.user_locks.retain(|_, lock| lock.strong_count() > 0);
    }

    /// Returns the sockets of a user.
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

    /// Under the lock, so that the last number shown is the last there was.
    fn count_clients(&self, inner: &Inner) -> usize {
        let clients = inner.hub.clients();
        self.metrics.clients.set(clients.try_into().unwrap_or(i64::MAX));
        clients
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A peer that panicked in here must not take all the others with it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn close_all(&mut self) {
        for (_, mailbox) in self.mailboxes.drain() {
            mailbox.close(CloseCause::ServerRestart);
        }
    }

    /// Returns who was closed, and why.
    fn deliver(&mut self, deliveries: Vec<Delivery>, max_bytes: usize) -> Vec<(Key, CloseCause)> {
        let mut closed = Vec::new();
        for delivery in deliveries {
            let (to, cause) = match delivery {
                Delivery::Close { to, cause } => (to, cause),
                Delivery::LimitReached(_) => continue,
                Delivery::Send { to, frame } => {
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
    /// Tells the hub something; returns what it has for this connection.
    pub(crate) fn tell(&self, command: Command) -> Vec<Outgoing> {
        self.hub.tell(self.key, command)
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

/// Tokio's clock, which a test may stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
