//! The hub: who is connected, and in which groups. A pure value: commands in, deliveries out.
//!
//! Owns the order in which connections are registered. Refuses sockets, queues, locks and clocks:
//! `shared` holds the hub under its lock and carries out its deliveries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use onesocket_protocol::{FrameErrorCode, Group, MessageId, Slot};

use crate::auth::rights::{Access, DecidedBy};
use crate::close_cause::CloseCause;
use crate::hub::command::{Command, Count, Delivery, Known, Target};
use crate::hub::history::{Histories, History};
use crate::hub::key::Key;
use crate::limit::Limit;
use crate::outgoing::Outgoing;

/// The maximum number of groups per connection.
const MAX_GROUPS: usize = 100;

/// How long a user is remembered after the last connection has closed, so that memory is bounded.
const REMEMBER: Duration = Duration::from_mins(10);

/// Who is connected, and in which groups.
#[derive(Clone, Debug)]
pub struct Hub {
    /// How many connections a user may have.
    per_user: usize,
    connections: HashMap<Key, Connection>,
    users: HashMap<String, User>,
    groups: BTreeMap<Group, BTreeSet<Key>>,
    clients: usize,
}

/// A connection, or a client that shares one.
#[derive(Clone, Debug)]
struct Connection {
    user: String,
    client: Option<String>,
    /// Those that it is in, and by whose word.
    groups: BTreeMap<Group, DecidedBy>,
    socket: Socket,
}

#[derive(Clone, Debug)]
enum Socket {
    /// Its own, and who shares it.
    Own(BTreeMap<Slot, Key>),
    /// That of another connection, as one of its clients.
    Shared(Key, Slot),
}

#[derive(Clone, Debug, Default)]
struct User {
    /// The connections that were not replaced, oldest first.
    current: BTreeSet<Key>,
    count: Count,
    histories: Histories,
    gone_at: Option<Instant>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Hub {
    /// Makes a hub in which a user may have so many connections, at least one.
    pub fn new(per_user: usize) -> Self {
        Self {
            per_user: per_user.max(1),
            connections: HashMap::new(),
            users: HashMap::new(),
            groups: BTreeMap::new(),
            clients: 0,
        }
    }

    /// Handles one command, at `now`, and returns what follows from it.
    pub fn handle(&mut self, command: Command, now: Instant) -> Vec<Delivery> {
        match command {
            Command::Connect { key, user, client } => self.connect(key, user, client),
            Command::Disconnect { key } => self.disconnect(key, now),
            Command::Attach { key, carrier, slot, client } => {
                self.attach(key, carrier, slot, client)
            }
            Command::Detach { key } => self.detach(key),
            Command::Join { key, id, group, by } => self.join(key, id, group, by),
            Command::Leave { key, id, group } => self.leave(key, id, &group),
            Command::Message { key, id, echo } => {
                self.once(key, id, |_| Ok(vec![Delivery::Send { to: key, frame: echo }]))
            }
            Command::Publish { key, id, group, frame } => {
                self.once(key, id, |hub| hub.publish(key, id, &group, &frame))
            }
            Command::Restrict { key, access } => self.restrict(key, &access),
            Command::Refuse { key, id, error } => self.once(key, id, |_| Err(error)),
            Command::Handled { key, user, client, id, answer } => {
                self.handled(key, &user, client.as_deref(), id, answer)
            }
            Command::End { user } => self.end(&user, now),
            Command::Remove { user, group } => self.remove(&user, &group),
            Command::Broadcast { to, frame } => self.broadcast(&to, &frame),
            Command::Sweep => self.sweep(now),
        }
    }

    /// Returns the number of connected clients. One that was replaced does not count, even if its
    /// socket has not closed yet.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// Returns the number of sockets of a user.
    pub fn count(&self, user: &str) -> Count {
        self.users.get(user).map(|user| user.count).unwrap_or_default()
    }

    /// Returns the connection with which the memory of a user's client began.
    pub fn remembers_since(&self, user: &str, client: &str) -> Option<Key> {
        self.users.get(user)?.histories.since(client)
    }

    /// Returns the connection with which the memory of a client began that is there.
    pub fn remembered_since(&self, key: Key) -> Option<Key> {
        let connection = self.connections.get(&key)?;
        self.remembers_since(&connection.user, connection.client.as_deref()?)
    }

    /// Returns the connection over which a client is reached, and which of its clients it is.
    pub fn route(&self, key: Key) -> (Key, Slot) {
        match self.connections.get(&key).map(|connection| &connection.socket) {
            Some(Socket::Shared(carrier, slot)) => (*carrier, *slot),
            Some(Socket::Own(_)) | None => (key, Slot::OWN),
        }
    }

    /// Says what is known about a message that the application is to handle.
    pub fn known(&mut self, key: Key, id: MessageId) -> Known {
        if self.live(key).is_none() {
            return Known::TooLate;
        }
        self.history(key).and_then(|history| history.answer(id)).map_or(Known::New, Known::Answered)
    }

    fn connect(&mut self, key: Key, name: String, client: Option<String>) -> Vec<Delivery> {
        let user = self.users.entry(name.clone()).or_default();
        user.count.open += 1;
        user.count.opened += 1;
        user.gone_at = None;
        if let Some(client) = &client {
            self.remember(&name, client, key);
        }
        let replaced = self.replaced_by(&name, client.as_deref());
        if let Some(user) = self.users.get_mut(&name) {
            if let Some(old) = replaced {
                user.current.remove(&old);
            }
            user.current.insert(key);
        }
        let socket = Socket::Own(BTreeMap::new());
        self.connections
            .insert(key, Connection { user: name, client, groups: BTreeMap::new(), socket });
        let Some(old) = replaced else {
            self.clients += 1;
            return Vec::new();
        };
        self.leave_all(old);
        let name = |key: Key| self.connections.get(&key)?.client.as_deref();
        let is_same = name(key).is_some() && name(key) == name(old);
        let cause = if is_same { CloseCause::Moved } else { CloseCause::Replaced };
        vec![Delivery::Close { to: old, cause }]
    }

    /// Returns the connection that has to make room for a new one: that of the same client, which it has
    /// lost, else the user's oldest where there are too many. This is the only place that decides who owns
    /// a user: several nodes would have to agree on it.
    fn replaced_by(&self, user: &str, client: Option<&str>) -> Option<Key> {
        let current = &self.users.get(user)?.current;
        let is_same = |key: &&Key| {
            let name = self.connections.get(*key).and_then(|other| other.client.as_deref());
            client.is_some() && name == client
        };
        let oldest = || current.first().filter(|_| current.len() >= self.per_user);
        current.iter().find(is_same).or_else(oldest).copied()
    }

    /// Remembers what a client sends from now on, unless it is remembered already. Of those that are
    /// not connected the oldest may be forgotten for it.
    fn remember(&mut self, user: &str, client: &str, key: Key) {
        let Self { connections, users, .. } = self;
        let Some(user) = users.get_mut(user) else { return };
        let current = user.current.iter().flat_map(|key| {
            let attached = match connections.get(key).map(|connection| &connection.socket) {
                Some(Socket::Own(attached)) => Some(attached.values()),
                Some(Socket::Shared(..)) | None => None,
            };
            std::iter::once(key).chain(attached.into_iter().flatten())
        });
        let names = current.filter_map(|key| connections.get(key)?.client.as_deref());
        user.histories.connect(client, key, || names.collect());
    }

    fn attach(&mut self, key: Key, carrier: Key, slot: Slot, client: String) -> Vec<Delivery> {
        let Some(user) = self.live(carrier).map(|carrier| carrier.user.clone()) else {
            return Vec::new();
        };
        // One that has moved here is not there any more, whatever its old connection still says.
        let is_before = |other: &Connection| {
            let here =
                matches!(other.socket, Socket::Shared(at, taken) if (at, taken) == (carrier, slot));
            let moved = matches!(other.socket, Socket::Shared(..))
                && other.client.as_ref() == Some(&client);
            here || moved
        };
        for before in self.sharing(&user) {
            if self.connections.get(&before).is_some_and(is_before) {
                self.detach(before);
            }
        }
        if let Some(Socket::Own(attached)) = self.socket_of(carrier) {
            attached.insert(slot, key);
        }
        self.remember(&user, &client, key);
        let (client, socket) = (Some(client), Socket::Shared(carrier, slot));
        self.connections.insert(key, Connection { user, client, groups: BTreeMap::new(), socket });
        Vec::new()
    }

    /// Returns those that share a connection of a user.
    fn sharing(&self, user: &str) -> Vec<Key> {
        let current = self.users.get(user).into_iter().flat_map(|user| &user.current);
        current.flat_map(|key| self.attached_to(*key)).collect()
    }

    fn attached_to(&self, carrier: Key) -> Vec<Key> {
        match self.connections.get(&carrier).map(|connection| &connection.socket) {
            Some(Socket::Own(attached)) => attached.values().copied().collect(),
            Some(Socket::Shared(..)) | None => Vec::new(),
        }
    }

    fn socket_of(&mut self, key: Key) -> Option<&mut Socket> {
        self.connections.get_mut(&key).map(|connection| &mut connection.socket)
    }

    fn detach(&mut self, key: Key) -> Vec<Delivery> {
        if let (carrier, slot) = self.route(key)
            && carrier != key
        {
            self.leave_all(key);
            self.connections.remove(&key);
            if let Some(Socket::Own(attached)) = self.socket_of(carrier)
                && attached.get(&slot) == Some(&key)
            {
                attached.remove(&slot);
            }
        }
        Vec::new()
    }

    fn disconnect(&mut self, key: Key, now: Instant) -> Vec<Delivery> {
        self.leave_all(key);
        let Some(connection) = self.connections.remove(&key) else {
            return Vec::new();
        };
        if let Some(user) = self.users.get_mut(&connection.user) {
            user.count.open = user.count.open.saturating_sub(1);
            // The late end of a replaced connection does not affect its successor.
            if user.current.remove(&key) {
                user.gone_at = user.current.is_empty().then_some(now);
                self.clients -= 1;
            }
        }
        Vec::new()
    }

    fn join(&mut self, key: Key, id: MessageId, group: Group, by: DecidedBy) -> Vec<Delivery> {
        let has_room = self.has_room_for(key, &group);
        let Some(connection) = self.live(key) else {
            return Vec::new();
        };
        if !has_room {
            let message = format!("a connection may be in {MAX_GROUPS} groups; leave one first");
            let answer = Delivery::Send { to: key, frame: refusal(id, message) };
            return vec![Delivery::LimitReached(Limit::Groups), answer];
        }
        connection.groups.insert(group.clone(), by);
        self.groups.entry(group).or_default().insert(key);
        accept(key, id)
    }

    /// The groups of all that share a connection count, each once.
    fn has_room_for(&self, key: Key, group: &Group) -> bool {
        let (carrier, _) = self.route(key);
        let groups = |key: &Key| self.connections.get(key).map(|it| it.groups.keys());
        let mut all: BTreeSet<&Group> = groups(&carrier).into_iter().flatten().collect();
        all.extend(self.attached_to(carrier).iter().filter_map(groups).flatten());
        all.len() < MAX_GROUPS || all.contains(group)
    }

    fn leave(&mut self, key: Key, id: MessageId, group: &Group) -> Vec<Delivery> {
        let Some(connection) = self.live(key) else {
            return Vec::new();
        };
        connection.groups.remove(group);
        self.remove_member(key, group);
        accept(key, id)
    }

    /// Ends memberships that are not allowed any more, and tells the client of each. Nothing that is
    /// published after that reaches it.
    fn restrict(&mut self, key: Key, access: &Access) -> Vec<Delivery> {
        if self.live(key).is_none() {
            return Vec::new();
        }
        let mut all = vec![key];
        all.extend(self.attached_to(key));
        all.into_iter().flat_map(|key| self.restrict_one(key, access)).collect()
    }

    fn restrict_one(&mut self, key: Key, access: &Access) -> Vec<Delivery> {
        let Some(connection) = self.connections.get_mut(&key) else {
            return Vec::new();
        };
        let mut ended = BTreeSet::new();
        connection.groups.retain(|group, by| {
            let stays = *by == DecidedBy::Application || access.may_join(group);
            stays || !ended.insert(group.clone())
        });
        ended.iter().map(|group| self.end_membership(key, group)).collect()
    }

    fn remove(&mut self, user: &str, group: &Group) -> Vec<Delivery> {
        let mut current = self.users.get(user).map(|user| user.current.clone()).unwrap_or_default();
        current.extend(self.sharing(user));
        let is_member = |key: &Key| {
            self.connections
                .get_mut(key)
                .is_some_and(|connection| connection.groups.remove(group).is_some())
        };
        let members: Vec<Key> = current.into_iter().filter(is_member).collect();
        members.into_iter().map(|key| self.end_membership(key, group)).collect()
    }

    /// What is left of a membership goes, and the client is told.
    fn end_membership(&mut self, key: Key, group: &Group) -> Delivery {
        self.remove_member(key, group);
        Delivery::Notice { to: key, frame: Outgoing::membership_ended(group) }
    }

    fn end(&mut self, user: &str, now: Instant) -> Vec<Delivery> {
        let Some(user) = self.users.get_mut(user).filter(|user| !user.current.is_empty()) else {
            return Vec::new();
        };
        user.gone_at = Some(now);
        let ended = std::mem::take(&mut user.current);
        self.clients -= ended.len();
        for key in &ended {
            self.leave_all(*key);
        }
        let close = |to| Delivery::Close { to, cause: CloseCause::Ended };
        ended.into_iter().map(close).collect()
    }

    /// Handles a message unless it was received before; answers it either way.
    fn once(
        &mut self,
        key: Key,
        id: MessageId,
        handle: impl FnOnce(&Self) -> Result<Vec<Delivery>, Outgoing>,
    ) -> Vec<Delivery> {
        // Too late, and not recorded either: the client will send it again.
        if self.live(key).is_none() {
            return Vec::new();
        }
        if let Some(answer) = self.history(key).and_then(|history| history.answer(id)) {
            return vec![Delivery::Send { to: key, frame: answer }];
        }
        let handled = handle(self);
        if let Some(history) = self.history(key) {
            history.note(id, handled.as_ref().err());
        }
        match handled {
            Ok(deliveries) => {
                let mut answered = accepted(key, id);
                answered.extend(deliveries);
                answered
            }
            Err(error) => vec![Delivery::Send { to: key, frame: error }],
        }
    }

    fn publish(
        &self,
        key: Key,
        id: MessageId,
        group: &Group,
        frame: &Outgoing,
    ) -> Result<Vec<Delivery>, Outgoing> {
        let members = self.groups.get(group).filter(|members| members.contains(&key));
        let Some(members) = members else {
            let message = format!("join {:?} before publishing to it", group.as_str());
            return Err(refusal(id, message));
        };
        let others = members.iter().filter(|member| **member != key);
        Ok(others.map(|to| Delivery::Send { to: *to, frame: frame.clone() }).collect())
    }

    fn handled(
        &mut self,
        key: Key,
        user: &str,
        client: Option<&str>,
        id: MessageId,
        answer: Result<Option<Outgoing>, Outgoing>,
    ) -> Vec<Delivery> {
        let history =
            self.users.get_mut(user).zip(client).and_then(|(user, name)| user.histories.of(name));
        if let Some(history) = history {
            history.note(id, answer.as_ref().err());
        }
        // The client sends the message again over its new connection, and receives the recorded answer.
        if self.live(key).is_none() {
            return Vec::new();
        }
        let frames = match answer {
            Ok(reply) => [Some(Outgoing::accepted(id)), reply],
            Err(error) => [Some(error), None],
        };
        frames.into_iter().flatten().map(|frame| Delivery::Send { to: key, frame }).collect()
    }

    fn broadcast(&self, to: &Target, frame: &Outgoing) -> Vec<Delivery> {
        let keys: Vec<Key> = match to {
            Target::All => self.users.values().flat_map(|user| &user.current).copied().collect(),
            Target::Group(group) => self.groups.get(group).into_iter().flatten().copied().collect(),
            Target::User(user) => {
                self.users.get(user).into_iter().flat_map(|user| &user.current).copied().collect()
            }
        };
        keys.into_iter().map(|to| Delivery::Send { to, frame: frame.clone() }).collect()
    }

    fn sweep(&mut self, now: Instant) -> Vec<Delivery> {
        self.users.retain(|_, user| {
            let gone = user.gone_at.is_some_and(|gone_at| gone_at + REMEMBER <= now);
            !gone || user.count.open > 0
        });
        Vec::new()
    }

    /// Returns a connection unless it was replaced: messages of a replaced one come too late.
    fn live(&mut self, key: Key) -> Option<&mut Connection> {
        let (carrier, _) = self.route(key);
        let connection = self.connections.get_mut(&key)?;
        let current = &self.users.get(&connection.user)?.current;
        current.contains(&carrier).then_some(connection)
    }

    /// Returns the history of a connection's client; `None` if the client has no name.
    fn history(&mut self, key: Key) -> Option<&mut History> {
        let connection = self.connections.get(&key)?;
        let user = self.users.get_mut(&connection.user)?;
        user.histories.of(connection.client.as_deref()?)
    }

    /// Ends the memberships of a connection, and those who share it with it.
    fn leave_all(&mut self, key: Key) {
        for attached in self.attached_to(key) {
            self.detach(attached);
        }
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        for group in std::mem::take(&mut connection.groups).into_keys() {
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

/// Hashes everything that the hub knows, so that an exploration recognises a hub it has seen.
impl Hash for Hub {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { per_user: _, connections, users, groups, clients } = self;
        let connections: BTreeMap<_, _> = connections.iter().collect();
        let users: BTreeMap<_, _> = users.iter().collect();
        format!("{connections:?} {users:?} {groups:?} {clients}").hash(state);
    }
}

/// Answers a message: see [`Outgoing::Accepted`].
fn accepted(to: Key, id: MessageId) -> Vec<Delivery> {
    vec![Delivery::Send { to, frame: Outgoing::accepted(id) }]
}

/// Answers a request.
fn accept(to: Key, id: MessageId) -> Vec<Delivery> {
    vec![Delivery::Send { to, frame: Outgoing::ack(id) }]
}

fn refusal(id: MessageId, message: String) -> Outgoing {
    Outgoing::error(Some(id), FrameErrorCode::Refused, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::auth::rights::{Pattern, Rights};

    const ID: MessageId = MessageId(7);

    #[test]
    fn a_user_who_connects_again_replaces_the_older_connection() {
        let mut hub = Hub::default();
        assert_eq!(connect(&mut hub, 1, "ada"), []);
        assert_eq!(connect(&mut hub, 2, "grace"), []);

        let deliveries = connect(&mut hub, 3, "ada");

        assert_eq!(deliveries, [Delivery::Close { to: Key(1), cause: CloseCause::Replaced }]);
        assert_eq!(hub.clients(), 2);
    }

    #[test]
    fn a_user_may_have_several_devices_and_the_oldest_makes_room() {
        let mut hub = Hub::new(2);
        assert_eq!([connect(&mut hub, 1, "ada"), connect(&mut hub, 2, "ada")], [[], []]);
        assert_eq!(hub.clients(), 2);

        let deliveries = connect(&mut hub, 3, "ada");

        assert_eq!(deliveries, [Delivery::Close { to: Key(1), cause: CloseCause::Replaced }]);
        assert_eq!((hub.clients(), hub.count("ada").open), (2, 3));
        for key in [2, 3] {
            join(&mut hub, key, "tea");
        }
        let to_other = Delivery::Send { to: Key(3), frame: frame() };
        assert_eq!(publish(&mut hub, 2, "tea"), [accepted(Key(2), ID), vec![to_other]].concat());
    }

    #[test]
    fn a_client_that_comes_back_makes_room_itself_and_throws_out_no_other_device() {
        let mut hub = Hub::new(2);
        let mut connect = |key, client: &str| {
            let client = Some(client.to_owned());
            let command = Command::Connect { key: Key(key), user: "ada".into(), client };
            hub.handle(command, Instant::now())
        };
        connect(1, "phone");
        connect(2, "laptop");

        let deliveries = connect(3, "laptop");

        assert_eq!(deliveries, [Delivery::Close { to: Key(2), cause: CloseCause::Moved }]);
    }

    #[test]
    fn who_may_not_be_in_a_group_any_more_hears_so_and_nothing_else_of_it() {
        let mut hub = Hub::default();
        for (key, user) in [(1, "ada"), (2, "grace")] {
            connect(&mut hub, key, user);
            join(&mut hub, key, "tea");
            join(&mut hub, key, "milk");
        }
        let rights = Rights::new(vec![Pattern::new("milk").unwrap()], Vec::new());
        let access = Access::new(rights, Arc::default());

        let restrict = || Command::Restrict { key: Key(1), access: access.clone() };
        let deliveries = hub.handle(restrict(), Instant::now());

        let frame = Outgoing::membership_ended(&Group::new("tea").unwrap());
        assert_eq!(deliveries, [Delivery::Notice { to: Key(1), frame }]);
        assert_eq!(hub.handle(restrict(), Instant::now()), []);
        // What the application has let somebody into is not the token's to end.
        let group = Group::new("vault").unwrap();
        let by = DecidedBy::Application;
        hub.handle(Command::Join { key: Key(1), id: ID, group, by }, Instant::now());
        assert_eq!(hub.handle(restrict(), Instant::now()), []);
        assert_eq!(publish(&mut hub, 2, "tea"), accepted(Key(2), ID));
        assert_eq!(publish(&mut hub, 2, "milk").len(), 2);
    }

    #[test]
    fn a_back_end_ends_the_connections_of_a_user_or_takes_the_user_out_of_a_group() {
        let mut hub = Hub::new(2);
        for (key, user) in [(1, "ada"), (2, "ada"), (3, "grace")] {
            connect(&mut hub, key, user);
            join(&mut hub, key, "tea");
        }
        let group = Group::new("tea").unwrap();
        let remove = Command::Remove { user: "ada".into(), group };
        assert_eq!(hub.handle(remove.clone(), Instant::now()).len(), 2);
        assert_eq!(hub.handle(remove, Instant::now()), []);
        assert_eq!(publish(&mut hub, 3, "tea"), accepted(Key(3), ID));
        join(&mut hub, 1, "tea");

        let end = |user: &str| Command::End { user: user.into() };
        let deliveries = hub.handle(end("ada"), Instant::now());

        let close = |key| Delivery::Close { to: Key(key), cause: CloseCause::Ended };
        assert_eq!(deliveries, [close(1), close(2)]);
        assert_eq!(hub.handle(end("ada"), Instant::now()), []);
        assert_eq!((hub.clients(), hub.count("ada").open), (1, 2));
        assert_eq!(publish(&mut hub, 3, "tea"), accepted(Key(3), ID));
        // The late ends change nothing more.
        disconnect(&mut hub, 1, Instant::now());
        disconnect(&mut hub, 2, Instant::now());
        assert_eq!((hub.clients(), hub.count("ada").open), (1, 0));
    }

    #[test]
    fn of_many_connections_of_a_user_exactly_the_newest_is_left() {
        let mut hub = Hub::default();

        let deliveries: Vec<_> = (1..=50).flat_map(|key| connect(&mut hub, key, "ada")).collect();

        let closed =
            (1..50).map(|key| Delivery::Close { to: Key(key), cause: CloseCause::Replaced });
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
        assert_eq!(publish(&mut hub, 2, "tea"), accepted(Key(2), ID));
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
        assert_eq!(deliveries, [accepted(Key(1), ID), vec![to_grace]].concat());
    }

    #[test]
    fn only_a_member_may_publish() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        connect(&mut hub, 2, "grace");
        join(&mut hub, 2, "tea");

        assert_eq!(publish(&mut hub, 1, "tea"), refused(Key(1), ID));
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

        assert_eq!(publish(&mut hub, 3, "tea"), accepted(Key(3), ID));
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
        let refused = Delivery::Send { to: Key(1), frame: refusal(ID, message.into()) };
        assert_eq!(join(&mut hub, 1, "tea"), [Delivery::LimitReached(Limit::Groups), refused]);
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

    #[test]
    fn what_comes_again_is_answered_and_not_delivered_again() {
        let mut hub = hub_with_members(&["grace"]);
        connect_as(&mut hub, 2, "ada", "a");
        join(&mut hub, 2, "tea");
        let to_grace = Delivery::Send { to: Key(1), frame: frame() };
        let published = [accepted(Key(2), ID), vec![to_grace]].concat();
        assert_eq!(publish(&mut hub, 2, "tea"), published);
        assert_eq!(publish(&mut hub, 2, "tea"), accepted(Key(2), ID));

        // After the loss, and whatever the new connection is a member of.
        disconnect(&mut hub, 2, Instant::now());
        connect_as(&mut hub, 3, "ada", "a");

        assert_eq!(publish(&mut hub, 3, "tea"), accepted(Key(3), ID));
        assert_eq!(message(&mut hub, 3, 7), accepted(Key(3), ID));
        assert_eq!(message(&mut hub, 3, 6), accepted(Key(3), MessageId(6)));
        assert_eq!(message(&mut hub, 3, 8), echoed(Key(3), MessageId(8)));
        assert_eq!(message(&mut hub, 3, 8), accepted(Key(3), MessageId(8)));
    }

    #[test]
    fn a_refusal_is_repeated_and_what_follows_it_is_handled() {
        let mut hub = hub_with_members(&["grace"]);
        connect_as(&mut hub, 2, "ada", "a");
        assert_eq!(publish(&mut hub, 2, "tea"), refused(Key(2), ID));
        let error = Outgoing::error(Some(MessageId(8)), FrameErrorCode::TooLarge, "too large");
        let too_large = Command::Refuse { key: Key(2), id: MessageId(8), error: error.clone() };
        let said = Delivery::Send { to: Key(2), frame: error.clone() };
        assert_eq!(hub.handle(too_large, Instant::now()), [said]);

        connect_as(&mut hub, 3, "ada", "a");
        join(&mut hub, 3, "tea");

        // It could be published now, but the client may have reported it by now.
        assert_eq!(publish(&mut hub, 3, "tea"), refused(Key(3), ID));
        assert_eq!(message(&mut hub, 3, 8), [Delivery::Send { to: Key(3), frame: error }]);
        assert_eq!(message(&mut hub, 3, 9), echoed(Key(3), MessageId(9)));
    }

    #[test]
    fn what_the_application_has_handled_is_known_and_answered_again() {
        let mut hub = Hub::default();
        connect_as(&mut hub, 1, "ada", "a");
        assert_eq!(hub.known(Key(1), ID), Known::New);
        let replied = handled(&mut hub, 1, Ok(Some(frame())));
        assert_eq!(replied, echoed(Key(1), ID));

        assert_eq!(hub.known(Key(1), ID), Known::Answered(Outgoing::accepted(ID)));
        // The reply was sent once; whether it arrived nobody knows.
        connect_as(&mut hub, 2, "ada", "a");
        assert_eq!(hub.known(Key(1), ID), Known::TooLate);
        assert_eq!(hub.known(Key(2), ID), Known::Answered(Outgoing::accepted(ID)));
        assert_eq!(hub.known(Key(3), ID), Known::TooLate);
    }

    #[test]
    fn what_was_handled_after_the_connection_had_gone_is_for_its_successor() {
        for replaced in [true, false] {
            let mut hub = Hub::default();
            connect_as(&mut hub, 1, "ada", "a");
            if replaced {
                connect_as(&mut hub, 2, "ada", "a");
            } else {
                disconnect(&mut hub, 1, Instant::now());
            }
            let error = refusal(ID, "no".into());

            assert_eq!(handled(&mut hub, 1, Err(error.clone())), []);

            connect_as(&mut hub, 3, "ada", "a");
            assert_eq!(hub.known(Key(3), ID), Known::Answered(error));
        }
    }

    #[test]
    fn a_back_end_reaches_who_is_connected_and_no_one_else() {
        let mut hub = hub_with_members(&["ada", "grace", "alan"]);
        leave(&mut hub, 3, "tea");
        connect(&mut hub, 4, "grace");
        disconnect(&mut hub, 1, Instant::now());
        join(&mut hub, 4, "tea");

        for (to, keys) in [
            (Target::All, &[3, 4][..]),
            (Target::Group(Group::new("tea").unwrap()), &[4]),
            (Target::Group(Group::new("milk").unwrap()), &[]),
            (Target::User("grace".into()), &[4]),
            (Target::User("ada".into()), &[]),
            (Target::User("nobody".into()), &[]),
        ] {
            let command = Command::Broadcast { to: to.clone(), frame: frame() };
            let mut deliveries = hub.handle(command, Instant::now());
            deliveries.sort_by_key(|delivery| match delivery {
                Delivery::Send { to, .. }
                | Delivery::Notice { to, .. }
                | Delivery::Close { to, .. } => *to,
                Delivery::LimitReached(limit) => panic!("{limit:?}"),
            });
            let sent = |key: &u64| Delivery::Send { to: Key(*key), frame: frame() };
            assert_eq!(deliveries, keys.iter().map(sent).collect::<Vec<_>>(), "{to:?}");
        }
    }

    #[test]
    fn other_clients_and_other_users_have_memories_of_their_own() {
        let mut hub = Hub::default();
        connect_as(&mut hub, 1, "ada", "a");
        message(&mut hub, 1, 7);

        for (key, user, client) in [(2, "ada", "b"), (3, "grace", "a")] {
            assert_eq!(hub.remembers_since(user, client), None);
            connect_as(&mut hub, key, user, client);
            assert_eq!(hub.remembers_since(user, client), Some(Key(key)));
            assert_eq!(message(&mut hub, key, 7), echoed(Key(key), ID));
        }

        connect_as(&mut hub, 4, "ada", "a");
        assert_eq!(message(&mut hub, 4, 7), accepted(Key(4), ID));
    }

    #[test]
    fn nothing_is_remembered_of_a_client_without_a_name() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");

        for key in [1, 2] {
            connect(&mut hub, key, "ada");
            assert_eq!(message(&mut hub, key, 7), echoed(Key(key), ID));
            assert_eq!(message(&mut hub, key, 7), echoed(Key(key), ID));
        }
        assert_eq!(hub.remembers_since("ada", ""), None);
    }

    #[test]
    fn joining_and_leaving_are_not_remembered() {
        let mut hub = hub_with_members(&["grace"]);
        connect_as(&mut hub, 2, "ada", "a");

        // All under the same id.
        assert_eq!(leave(&mut hub, 2, "tea"), accept(Key(2), ID));
        assert_eq!(join(&mut hub, 2, "tea"), accept(Key(2), ID));
        assert_eq!(message(&mut hub, 2, 7), echoed(Key(2), ID));
        assert_eq!(leave(&mut hub, 2, "tea"), accept(Key(2), ID));

        let members = &hub.groups[&Group::new("tea").unwrap()];
        assert_eq!(members.iter().collect::<Vec<_>>(), [&Key(1)]);
    }

    #[test]
    fn the_late_frame_of_a_replaced_connection_is_left_to_its_successor() {
        let mut hub = hub_with_members(&["grace"]);
        connect_as(&mut hub, 2, "ada", "a");
        join(&mut hub, 2, "tea");
        connect_as(&mut hub, 3, "ada", "a");
        join(&mut hub, 3, "tea");

        // Before the successor has said it again, and after.
        assert_eq!(publish(&mut hub, 2, "tea"), []);
        let to_grace = Delivery::Send { to: Key(1), frame: frame() };
        assert_eq!(publish(&mut hub, 3, "tea"), [accepted(Key(3), ID), vec![to_grace]].concat());
        assert_eq!(publish(&mut hub, 2, "tea"), []);
        assert_eq!(message(&mut hub, 2, 9), []);

        assert_eq!(message(&mut hub, 3, 8), echoed(Key(3), MessageId(8)));
    }

    #[test]
    fn the_sixty_fifth_client_of_a_user_has_the_oldest_forgotten() {
        let mut hub = Hub::default();
        for n in 1..=65 {
            connect_as(&mut hub, n, "ada", &n.to_string());
            message(&mut hub, n, 7);
        }

        let since = |hub: &Hub, n: u64| hub.remembers_since("ada", &n.to_string());
        assert_eq!(since(&hub, 1), None);
        assert!((2..=65).all(|n| since(&hub, n) == Some(Key(n))));
        connect_as(&mut hub, 66, "ada", "1");
        assert_eq!(since(&hub, 1), Some(Key(66)));
        assert_eq!(message(&mut hub, 66, 7), echoed(Key(66), ID));
    }

    #[test]
    fn who_shares_a_connection_is_a_client_of_its_own_and_no_other_device() {
        let mut hub = Hub::default();
        connect_as(&mut hub, 1, "ada", "link");
        connect(&mut hub, 2, "grace");
        join(&mut hub, 2, "tea");
        attach(&mut hub, 3, 1, 1, "a");
        attach(&mut hub, 4, 1, 2, "b");
        assert_eq!((hub.clients(), hub.count("ada").opened), (2, 1));
        assert_eq!((hub.route(Key(3)), hub.route(Key(1))), ((Key(1), Slot(1)), (Key(1), Slot(0))));

        // Each has its own memberships and its own ids, and hears the other.
        assert_eq!(join(&mut hub, 3, "tea"), accept(Key(3), ID));
        assert_eq!(publish(&mut hub, 4, "tea"), refused(Key(4), ID));
        join(&mut hub, 4, "tea");
        let heard = |key| Delivery::Send { to: Key(key), frame: frame() };
        let published = [accepted(Key(3), ID), vec![heard(2), heard(4)]].concat();
        assert_eq!(publish(&mut hub, 3, "tea"), published);
        assert_eq!(publish(&mut hub, 3, "tea"), accepted(Key(3), ID));
        leave(&mut hub, 3, "tea");
        assert_eq!(publish(&mut hub, 2, "tea"), [accepted(Key(2), ID), vec![heard(4)]].concat());

        // With the connection all are gone, and nobody hears what they still say.
        disconnect(&mut hub, 1, Instant::now());
        assert_eq!(publish(&mut hub, 4, "tea"), []);
        assert_eq!(join(&mut hub, 3, "tea"), []);
        assert_eq!(hub.connections.len(), 1);
    }

    #[test]
    fn a_client_that_moves_to_another_connection_is_known_there_and_unknown_at_the_old_one() {
        let mut hub = Hub::new(2);
        connect_as(&mut hub, 1, "ada", "link");
        attach(&mut hub, 2, 1, 1, "a");
        attach(&mut hub, 3, 1, 2, "b");
        message(&mut hub, 2, 7);
        connect_as(&mut hub, 4, "ada", "other link");
        attach(&mut hub, 5, 4, 1, "a");

        // The same socket is still there, and so is the other client.
        assert_eq!(message(&mut hub, 2, 8), []);
        assert_eq!(message(&mut hub, 3, 8), echoed(Key(3), MessageId(8)));
        assert_eq!(hub.remembered_since(Key(5)), Some(Key(2)));
        assert_eq!(message(&mut hub, 5, 7), accepted(Key(5), ID));
        assert_eq!(message(&mut hub, 5, 8), echoed(Key(5), MessageId(8)));

        // Of another user the name says nothing.
        connect(&mut hub, 6, "grace");
        attach(&mut hub, 7, 6, 1, "a");
        assert_eq!(hub.remembered_since(Key(7)), Some(Key(7)));
        assert_eq!(message(&mut hub, 5, 9), echoed(Key(5), MessageId(9)));
    }

    #[test]
    fn a_number_that_is_taken_again_and_one_that_is_given_back() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        attach(&mut hub, 2, 1, 1, "a");
        join(&mut hub, 2, "tea");
        attach(&mut hub, 3, 1, 1, "b");
        assert_eq!(join(&mut hub, 2, "tea"), []);
        assert!(hub.groups.is_empty());

        hub.handle(Command::Detach { key: Key(3) }, Instant::now());
        assert_eq!(message(&mut hub, 3, 7), []);
        assert_eq!(hub.connections.len(), 1);
        // Its own client is not one that shares it.
        hub.handle(Command::Detach { key: Key(1) }, Instant::now());
        assert_eq!(message(&mut hub, 1, 7), echoed(Key(1), ID));
        // What is replaced takes nobody in.
        connect(&mut hub, 4, "ada");
        attach(&mut hub, 5, 1, 1, "a");
        assert_eq!(hub.remembered_since(Key(5)), None);
    }

    #[test]
    fn limits_and_rights_are_the_connections() {
        let mut hub = Hub::default();
        connect(&mut hub, 1, "ada");
        attach(&mut hub, 2, 1, 1, "a");
        attach(&mut hub, 3, 1, 2, "b");
        for n in 0..MAX_GROUPS {
            join(&mut hub, 2 + n as u64 % 2, &n.to_string());
        }

        assert_eq!(join(&mut hub, 2, "tea")[0], Delivery::LimitReached(Limit::Groups));
        assert_eq!(join(&mut hub, 2, "1"), accept(Key(2), ID));

        let ended = hub
            .handle(Command::Restrict { key: Key(1), access: Access::default() }, Instant::now());
        assert_eq!(ended.len(), MAX_GROUPS + 1);
        assert!(hub.groups.is_empty());
        join(&mut hub, 2, "tea");
        join(&mut hub, 3, "tea");
        let remove = Command::Remove { user: "ada".into(), group: Group::new("tea").unwrap() };
        assert_eq!(hub.handle(remove, Instant::now()).len(), 2);
    }

    #[test]
    fn a_client_that_is_there_is_not_forgotten_for_others_that_come_and_go() {
        let mut hub = Hub::new(2);
        connect_as(&mut hub, 1, "ada", "link");
        attach(&mut hub, 2, 1, 1, "a");
        message(&mut hub, 2, 7);
        for n in 0..200 {
            attach(&mut hub, 3 + n, 1, 2, &n.to_string());
        }

        assert_eq!(message(&mut hub, 2, 7), accepted(Key(2), ID));
        assert_eq!(hub.remembers_since("ada", "link"), Some(Key(1)));
        assert_eq!(hub.remembers_since("ada", "1"), None);
    }

    #[test]
    fn what_was_said_is_forgotten_with_the_user() {
        let start = Instant::now();
        let mut hub = Hub::default();
        connect_as(&mut hub, 1, "ada", "a");
        message(&mut hub, 1, 7);
        disconnect(&mut hub, 1, start);

        hub.handle(Command::Sweep, start + REMEMBER - Duration::from_millis(1));
        assert_eq!(hub.remembers_since("ada", "a"), Some(Key(1)));

        hub.handle(Command::Sweep, start + REMEMBER);
        assert_eq!(hub.remembers_since("ada", "a"), None);
        connect_as(&mut hub, 2, "ada", "a");
        assert_eq!(message(&mut hub, 2, 7), echoed(Key(2), ID));
    }

    /// Returns a hub with these users in the group "tea"; their keys count from 1.
    fn hub_with_members(users: &[&str]) -> Hub {
        let mut hub = Hub::default();
        for (key, user) in (1..).zip(users) {
            connect(&mut hub, key, user);
            join(&mut hub, key, "tea");
        }
        hub
    }

    fn connect(hub: &mut Hub, key: u64, user: &str) -> Vec<Delivery> {
        let command = Command::Connect { key: Key(key), user: user.to_owned(), client: None };
        hub.handle(command, Instant::now())
    }

    fn connect_as(hub: &mut Hub, key: u64, user: &str, client: &str) {
        let client = Some(client.to_owned());
        let command = Command::Connect { key: Key(key), user: user.to_owned(), client };
        hub.handle(command, Instant::now());
    }

    fn attach(hub: &mut Hub, key: u64, carrier: u64, slot: u16, client: &str) {
        let (key, carrier, slot) = (Key(key), Key(carrier), Slot(slot));
        let command = Command::Attach { key, carrier, slot, client: client.to_owned() };
        assert_eq!(hub.handle(command, Instant::now()), []);
    }

    fn disconnect(hub: &mut Hub, key: u64, now: Instant) {
        assert_eq!(hub.handle(Command::Disconnect { key: Key(key) }, now), []);
    }

    fn join(hub: &mut Hub, key: u64, group: &str) -> Vec<Delivery> {
        let command = Command::Join {
            key: Key(key),
            id: ID,
            group: Group::new(group).unwrap(),
            by: DecidedBy::Token,
        };
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

    fn message(hub: &mut Hub, key: u64, id: u64) -> Vec<Delivery> {
        let command = Command::Message { key: Key(key), id: MessageId(id), echo: frame() };
        hub.handle(command, Instant::now())
    }

    /// Has what had [`ID`] handled, of Ada's client "a".
    fn handled(
        hub: &mut Hub,
        key: u64,
        answer: Result<Option<Outgoing>, Outgoing>,
    ) -> Vec<Delivery> {
        let (key, client) = (Key(key), Some("a".to_owned()));
        let command = Command::Handled { key, user: "ada".into(), client, id: ID, answer };
        hub.handle(command, Instant::now())
    }

    fn echoed(to: Key, id: MessageId) -> Vec<Delivery> {
        [accepted(to, id), vec![Delivery::Send { to, frame: frame() }]].concat()
    }

    /// What follows from publishing to "tea" without being a member.
    fn refused(to: Key, id: MessageId) -> Vec<Delivery> {
        let message = r#"join "tea" before publishing to it"#;
        vec![Delivery::Send { to, frame: refusal(id, message.into()) }]
    }

    fn frame() -> Outgoing {
        Outgoing::Text("hello".into())
    }
}
