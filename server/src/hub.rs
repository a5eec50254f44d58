//! Who is connected, and in which group. A value: commands in, deliveries out.
//!
//! Owns the one order in which connections are registered. Refuses sockets, queues, locks, clocks:
//! `switchboard.rs` has the hub under its lock and carries out what it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use onesocket_protocol::{CloseCode, ConnectionId, Group, MessageId};

use crate::outgoing::Outgoing;

/// The most groups that one connection may join.
const MAX_GROUPS: usize = 100;

/// How long a user's count is kept after the last connection has gone, so that memory is bounded.
const REMEMBER: Duration = Duration::from_mins(10);

/// Which connection. The later it was registered, the greater it is; none is used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(pub u64);

/// What the hub is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// A user has connected. Replaces the user's connection, if there is one.
    Connect {
        /// The new connection; greater than all before it.
        key: Key,
        /// Whom its token named.
        user: String,
    },
    /// A socket has ended. Says nothing of the connection that may have replaced it.
    Disconnect {
        /// Which one.
        key: Key,
    },
    /// A client wants to hear a group.
    Join {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// A client wants to hear a group no more.
    Leave {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
    },
    /// A client has something for the other members of a group.
    Publish {
        /// Which client.
        key: Key,
        /// What the answer names.
        id: MessageId,
        /// The group.
        group: Group,
        /// What they get.
        frame: Outgoing,
    },
    /// Time has passed: forgets what need not be known any more.
    Sweep,
}

/// What is to be done, for one connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// The connection is to be closed; nothing more is delivered to it.
    Close {
        /// Which one.
        to: Key,
        /// Why, for programs.
        code: CloseCode,
    },
    /// The client is to be sent a frame.
    Send {
        /// Which one.
        to: Key,
        /// The frame.
        frame: Outgoing,
    },
}

/// The sockets of one user, as the server counts them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// How many are open.
    pub open: usize,
    /// How many were opened, for as long as the server remembers the user.
    pub opened: u64,
}

/// Who is connected, and in which group.
#[derive(Debug, Default)]
pub struct Hub {
    connections: HashMap<Key, Connection>,
    users: HashMap<String, User>,
    groups: BTreeMap<Group, BTreeSet<Key>>,
    clients: usize,
}

#[derive(Debug)]
struct Connection {
    user: String,
    groups: BTreeSet<Group>,
}

#[derive(Debug, Default)]
struct User {
    /// The one that has not been replaced.
    current: Option<Key>,
    count: Count,
    gone_at: Option<Instant>,
}

impl Key {
    /// Returns the connection's name on the wire.
    pub fn connection_id(self) -> ConnectionId {
        ConnectionId(format!("c{}", self.0))
    }
}

impl Hub {
    /// Takes one command, at `now`, and says what follows from it.
    pub fn handle(&mut self, command: Command, now: Instant) -> Vec<Delivery> {
        match command {
            Command::Connect { key, user } => self.connect(key, user),
            Command::Disconnect { key } => self.disconnect(key, now),
            Command::Join { key, id, group } => self.join(key, id, group),
            Command::Leave { key, id, group } => self.leave(key, id, &group),
            Command::Publish { key, id, group, frame } => self.publish(key, id, &group, &frame),
            Command::Sweep => self.sweep(now),
        }
    }

    /// Returns how many clients are connected. One that was replaced is not, even if its socket
    /// has still to close.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// Returns the sockets of a user.
    pub fn count(&self, user: &str) -> Count {
        self.users.get(user).map(|user| user.count).unwrap_or_default()
    }

    fn connect(&mut self, key: Key, name: String) -> Vec<Delivery> {
        let user = self.users.entry(name.clone()).or_default();
        user.count.open += 1;
        user.count.opened += 1;
        user.gone_at = None;
        let replaced = user.current.replace(key);
        self.connections.insert(key, Connection { user: name, groups: BTreeSet::new() });
        let Some(old) = replaced else {
            self.clients += 1;
            return Vec::new();
        };
        self.leave_all(old);
        vec![Delivery::Close { to: old, code: CloseCode::REPLACED }]
    }

    fn disconnect(&mut self, key: Key, now: Instant) -> Vec<Delivery> {
        self.leave_all(key);
        let Some(connection) = self.connections.remove(&key) else {
            return Vec::new();
        };
        if let Some(user) = self.users.get_mut(&connection.user) {
            user.count.open = user.count.open.saturating_sub(1);
            // The late end of a connection that was replaced leaves its successor alone.
            if user.current == Some(key) {
                user.current = None;
                user.gone_at = Some(now);
                self.clients -= 1;
            }
        }
        Vec::new()
    }

    fn join(&mut self, key: Key, id: MessageId, group: Group) -> Vec<Delivery> {
        let Some(connection) = self.live(key) else {
            return Vec::new();
        };
        if connection.groups.len() >= MAX_GROUPS && !connection.groups.contains(&group) {
            let message = format!("a connection may be in {MAX_GROUPS} groups; leave one first");
            return refuse(key, id, message);
        }
        connection.groups.insert(group.clone());
        self.groups.entry(group).or_default().insert(key);
        accept(key, id)
    }

    fn leave(&mut self, key: Key, id: MessageId, group: &Group) -> Vec<Delivery> {
        let Some(connection) = self.live(key) else {
            return Vec::new();
        };
        connection.groups.remove(group);
        self.remove_member(key, group);
        accept(key, id)
    }

    fn publish(
        &mut self,
        key: Key,
        id: MessageId,
        group: &Group,
        frame: &Outgoing,
    ) -> Vec<Delivery> {
        if self.live(key).is_none() {
            return Vec::new();
        }
        let members = self.groups.get(group).filter(|members| members.contains(&key));
        let Some(members) = members else {
            let message = format!("join {:?} before publishing to it", group.as_str());
            return refuse(key, id, message);
        };
        let mut deliveries = accept(key, id);
        let others = members.iter().filter(|member| **member != key);
        deliveries.extend(others.map(|to| Delivery::Send { to: *to, frame: frame.clone() }));
        deliveries
    }

    fn sweep(&mut self, now: Instant) -> Vec<Delivery> {
        self.users.retain(|_, user| {
            let gone = user.gone_at.is_some_and(|gone_at| gone_at + REMEMBER <= now);
            !gone || user.count.open > 0
        });
        Vec::new()
    }

    /// Returns a connection unless it was replaced: what a replaced one still says is too late.
    fn live(&mut self, key: Key) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(&key)?;
        let current = self.users.get(&connection.user)?.current;
        (current == Some(key)).then_some(connection)
    }

    fn leave_all(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        for group in std::mem::take(&mut connection.groups) {
            self.remove_member(key, &group);
        }
    }

    fn remove_member(&mut self, key: Key, group: &Group) {
        let Some(members) = self.groups.get_mut(group) else {
            return;
        };
        members.remove(&key);
        if members.is_empty() {
            self.groups.remove(group);
        }
    }
}

fn accept(to: Key, id: MessageId) -> Vec<Delivery> {
    vec![Delivery::Send { to, frame: Outgoing::ack(id) }]
}

fn refuse(to: Key, id: MessageId, message: String) -> Vec<Delivery> {
    vec![Delivery::Send { to, frame: Outgoing::error(Some(id), "refused", message) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId(7);

    #[test]
    fn a_user_who_connects_again_replaces_the_older_connection() {
        let mut hub = Hub::default();
        assert_eq!(connect(&mut hub, 1, "ada"), []);
        assert_eq!(connect(&mut hub, 2, "grace"), []);

        let deliveries = connect(&mut hub, 3, "ada");

        assert_eq!(deliveries, [Delivery::Close { to: Key(1), code: CloseCode::REPLACED }]);
        assert_eq!(hub.clients(), 2);
    }

    #[test]
    fn of_many_connections_of_a_user_exactly_the_newest_is_left() {
        let mut hub = Hub::default();

        let deliveries: Vec<_> = (1..=50).flat_map(|key| connect(&mut hub, key, "ada")).collect();

        let closed = (1..50).map(|key| Delivery::Close { to: Key(key), code: CloseCode::REPLACED });
        assert_eq!(deliveries, closed.collect::<Vec<_>>());
        assert_eq!(hub.clients(), 1);
    }

    #[test]
    fn the_late_end_of_a_replaced_connection_leaves_its_successor_alone() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        connect(&mut hub, 2, "ada");
        join(&mut hub, 2, "tea");

        disconnect(&mut hub, 1, Instant::now());
        disconnect(&mut hub, 1, Instant::now());

        assert_eq!(hub.clients(), 1);
        assert_eq!(hub.count("ada"), Count { open: 1, opened: 2 });
        assert_eq!(publish(&mut hub, 2, "tea"), accept(Key(2), ID));
    }

    #[test]
    fn what_is_published_reaches_the_members_other_than_the_publisher() {
        let mut hub = Hub::default();
        for (key, user) in [(1, "ada"), (2, "grace"), (3, "alan"), (4, "edsger")] {
            connect(&mut hub, key, user);
        }
        for key in [1, 2, 3] {
            assert_eq!(join(&mut hub, key, "tea"), accept(Key(key), ID));
        }
        leave(&mut hub, 3, "tea");

        let deliveries = publish(&mut hub, 1, "tea");

        let to_grace = Delivery::Send { to: Key(2), frame: frame() };
        assert_eq!(deliveries, [accept(Key(1), ID), vec![to_grace]].concat());
    }

    #[test]
    fn only_a_member_may_publish() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        connect(&mut hub, 2, "grace");
        join(&mut hub, 2, "tea");

        let message = r#"join "tea" before publishing to it"#;
        assert_eq!(publish(&mut hub, 1, "tea"), refuse(Key(1), ID, message.into()));
    }

    #[test]
    fn joining_twice_and_leaving_what_was_not_joined_are_accepted() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");

        assert_eq!(leave(&mut hub, 1, "tea"), accept(Key(1), ID));
        assert_eq!(join(&mut hub, 1, "tea"), accept(Key(1), ID));
        assert_eq!(join(&mut hub, 1, "tea"), accept(Key(1), ID));
    }

    #[test]
    fn memberships_go_with_the_connection_that_has_them() {
        let mut hub = Hub::default();
        for (key, user) in [(1, "ada"), (2, "grace"), (3, "alan")] {
            connect(&mut hub, key, user);
            join(&mut hub, key, "tea");
        }

        connect(&mut hub, 4, "ada");
        disconnect(&mut hub, 2, Instant::now());

        assert_eq!(publish(&mut hub, 3, "tea"), accept(Key(3), ID));
    }

    #[test]
    fn what_a_replaced_connection_still_says_is_too_late() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        join(&mut hub, 1, "tea");
        connect(&mut hub, 2, "ada");

        assert_eq!(join(&mut hub, 1, "tea"), []);
        assert_eq!(publish(&mut hub, 1, "tea"), []);
        assert!(hub.groups.is_empty());
    }

    #[test]
    fn a_connection_is_in_a_hundred_groups_at_most() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        for n in 0..MAX_GROUPS {
            assert_eq!(join(&mut hub, 1, &n.to_string()), accept(Key(1), ID));
        }

        let message = "a connection may be in 100 groups; leave one first";
        assert_eq!(join(&mut hub, 1, "tea"), refuse(Key(1), ID, message.into()));
        assert_eq!(join(&mut hub, 1, "0"), accept(Key(1), ID));
        leave(&mut hub, 1, "0");
        assert_eq!(join(&mut hub, 1, "tea"), accept(Key(1), ID));
    }

    #[test]
    fn sockets_are_counted_until_ten_minutes_after_the_last_has_gone() {
        let start = Instant::now();
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        connect(&mut hub, 2, "ada");
        assert_eq!(hub.count("ada"), Count { open: 2, opened: 2 });
        disconnect(&mut hub, 2, start);
        disconnect(&mut hub, 1, start);

        hub.handle(Command::Sweep, start + REMEMBER - Duration::from_millis(1));
        assert_eq!(hub.count("ada"), Count { open: 0, opened: 2 });

        hub.handle(Command::Sweep, start + REMEMBER);
        assert_eq!(hub.count("ada"), Count::default());
        assert!(hub.users.is_empty() && hub.connections.is_empty() && hub.groups.is_empty());
    }

    #[test]
    fn a_user_who_is_back_is_not_forgotten() {
        let start = Instant::now();
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        disconnect(&mut hub, 1, start);
        connect(&mut hub, 2, "ada");

        hub.handle(Command::Sweep, start + 2 * REMEMBER);

        assert_eq!(hub.count("ada"), Count { open: 1, opened: 2 });
    }

    fn connect(hub: &mut Hub, key: u64, user: &str) -> Vec<Delivery> {
        let command = Command::Connect { key: Key(key), user: user.to_owned() };
        hub.handle(command, Instant::now())
    }

    fn disconnect(hub: &mut Hub, key: u64, now: Instant) {
        assert_eq!(hub.handle(Command::Disconnect { key: Key(key) }, now), []);
    }

    fn join(hub: &mut Hub, key: u64, group: &str) -> Vec<Delivery> {
        let command = Command::Join { key: Key(key), id: ID, group: Group::new(group).unwrap() };
        hub.handle(command, Instant::now())
    }

    fn leave(hub: &mut Hub, key: u64, group: &str) -> Vec<Delivery> {
        let command = Command::Leave { key: Key(key), id: ID, group: Group::new(group).unwrap() };
        hub.handle(command, Instant::now())
    }

    fn publish(hub: &mut Hub, key: u64, group: &str) -> Vec<Delivery> {
        let group = Group::new(group).unwrap();
        let command = Command::Publish { key: Key(key), id: ID, group, frame: frame() };
        hub.handle(command, Instant::now())
    }

    fn frame() -> Outgoing {
        Outgoing::Text("hello".into())
    }
}
