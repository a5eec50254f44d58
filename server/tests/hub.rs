//! Does any order of events break a promise of the hub? Every one is tried, by the shortest way:
//! up to three connections of two users come, are shared by tabs, say things, are replaced, end (of themselves, or since
//! a token has run out or a sweep has found them silent: to the hub it is one and the same), end
//! again, and time passes. The hub itself is explored, not a copy of it; what it does is compared with what a few
//! lines of plain bookkeeping say that it has to, and what is left after quiet is asked for.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use onesocket_protocol::{FrameErrorCode, Group, MessageId, Slot};
use onesocket_server::hub::{Command, Count, Delivery, Hub, Key, Target};
use onesocket_server::{Access, CloseCause, DecidedBy, Outgoing};

/// Who connects: users, and their clients. Those that have a name are remembered.
const CLIENTS: [(&str, Option<&str>); 4] =
    [("ada", Some("a")), ("grace", None), ("ada", None), ("ada", Some("b"))];

/// Of two users one client each.
const TWO_USERS: [usize; 2] = [0, 1];

/// Two clients of one user.
const TWO_DEVICES: [usize; 2] = [0, 2];

const USERS: [&str; 2] = ["ada", "grace"];

const GROUPS: [&str; 1] = ["tea"];

/// A scope: what may happen in one exploration.
#[derive(Clone, Copy)]
struct Scope {
    /// How many connections a user may have.
    per_user: usize,
    /// Who connects.
    clients: &'static [usize],
    /// How many connections there are, one after another or at once.
    connections: usize,
    /// Who shares connections.
    tabs: &'static [usize],
    /// How many times one does.
    attached: usize,
    /// How often time passes.
    ticks: u32,
    /// Ids of what is published: they may come again, and out of order.
    ids: &'static [u64],
}

/// A user is remembered for two of these.
const TICK: Duration = Duration::from_mins(5);

/// How often time passes at most.
const TICKS: u32 = 2;

/// The id of what is not remembered.
const ASKED: MessageId = MessageId(9);

/// What may happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Action {
    Connect {
        client: usize,
    },
    Disconnect {
        key: u64,
    },
    /// A client shares a connection, under a number.
    Attach {
        carrier: u64,
        slot: u16,
        client: usize,
    },
    Detach {
        key: u64,
    },
    Join {
        key: u64,
        group: usize,
    },
    Leave {
        key: u64,
        group: usize,
    },
    Publish {
        key: u64,
        group: usize,
        id: u64,
    },
    /// The user may be in no group any more.
    Restrict {
        key: u64,
    },
    /// A back end ends the connections of the user.
    End {
        user: usize,
    },
    /// Time passes, and the server looks for what need not be known any more.
    Sweep,
}

/// A hub, and what it has to know.
#[derive(Clone)]
struct Place {
    hub: Hub,
    truth: Truth,
    depth: usize,
}

/// What the hub has to know, told in as few words as possible.
#[derive(Clone, Default, Hash)]
struct Truth {
    /// How many connections a user may have.
    per_user: usize,
    /// All that there ever were, by key.
    connections: BTreeMap<u64, Connection>,
    ticks: u32,
    /// Of users of whom something is known: when the last connection went, unless there is one.
    gone_at: BTreeMap<&'static str, Option<u32>>,
    /// How many of a user's connections were opened while it was known.
    opened: BTreeMap<&'static str, u64>,
    /// The highest id that a named client has published, and which were refused.
    said: BTreeMap<usize, (u64, BTreeSet<u64>)>,
    /// Since which connection of a named client that is known.
    since: BTreeMap<usize, u64>,
}

#[derive(Clone, Hash)]
struct Connection {
    client: usize,
    /// Its socket has not ended.
    open: bool,
    /// It was replaced, or ended by a back end: its socket may close later.
    replaced: bool,
    groups: BTreeSet<usize>,
    /// It has no socket of its own, but shares this connection, under this number.
    shares: Option<(u64, u16)>,
}

#[test]
fn whatever_happens_each_user_has_one_connection_and_the_gone_are_in_no_group() {
    explore(Scope { clients: &TWO_USERS, ..Scope::new(1) });
}

#[test]
fn whatever_happens_each_user_has_two_connections_at_most_where_two_are_allowed() {
    explore(Scope { clients: &TWO_DEVICES, ..Scope::new(2) });
}

#[test]
fn whatever_happens_tabs_that_share_a_connection_are_clients_of_their_own() {
    explore(Scope {
        clients: &[2],
        connections: 2,
        tabs: &[0, 3],
        attached: 2,
        per_user: 1,
        ticks: 0,
        ids: &[1],
    });
}

impl Scope {
    /// Nobody shares a connection.
    fn new(per_user: usize) -> Self {
        Self {
            per_user,
            clients: &[],
            connections: 3,
            tabs: &[],
            attached: 0,
            ticks: TICKS,
            ids: &[1, 2],
        }
    }
}

fn explore(scope: Scope) {
    let start = Instant::now();
    let Scope { per_user, .. } = scope;
    let truth = Truth { per_user, ..Truth::default() };
    let first = Place { hub: Hub::new(per_user), truth, depth: 0 };
    let mut seen = HashSet::from([fingerprint(&first)]);
    let mut queue = VecDeque::from([first]);
    let (mut steps, mut deepest) = (0_usize, 0);
    while let Some(place) = queue.pop_front() {
        deepest = deepest.max(place.depth);
        for action in actions(&place.truth, scope) {
            let mut next = place.clone();
            next.depth += 1;
            next.take(action, start);
            steps += 1;
            if seen.insert(fingerprint(&next)) {
                next.check(start);
                queue.push_back(next);
            }
        }
    }
    println!("the hub: {} places, {steps} steps, {deepest} deep", seen.len());
    assert!(seen.len() > 10_000, "only {} places were visited", seen.len());
}

/// Returns all that may happen next.
fn actions(truth: &Truth, scope: Scope) -> Vec<Action> {
    let mut actions = Vec::new();
    let sockets = || truth.connections.iter().filter(|(_, it)| it.shares.is_none());
    if sockets().count() < scope.connections {
        actions.extend(scope.clients.iter().map(|client| Action::Connect { client: *client }));
    }
    if truth.connections.len() - sockets().count() < scope.attached {
        for (carrier, _) in sockets() {
            let attach =
                |client: &usize| Action::Attach { carrier: *carrier, slot: 1, client: *client };
            actions.extend(scope.tabs.iter().map(attach));
        }
    }
    for (key, connection) in &truth.connections {
        let key = *key;
        // One that has ended may be said to end again, and what it has said may come late.
        match connection.shares {
            None => actions.push(Action::Disconnect { key }),
            Some(_) => actions.push(Action::Detach { key }),
        }
        for group in 0..GROUPS.len() {
            actions.push(Action::Join { key, group });
            actions.push(Action::Leave { key, group });
        }
        if connection.shares.is_none() {
            actions.push(Action::Restrict { key });
        }
        // In one group only: it is the same code.
        actions.extend(scope.ids.iter().map(|id| Action::Publish { key, group: 0, id: *id }));
    }
    // Of one user only: it is the same code.
    actions.push(Action::End { user: 0 });
    if truth.ticks < scope.ticks {
        actions.push(Action::Sweep);
    }
    actions
}

impl Place {
    /// Has it happen, to the hub and to what it has to know, and compares.
    fn take(&mut self, action: Action, start: Instant) {
        let now = start + TICK * self.truth.ticks;
        let (command, expected) = match action {
            Action::Connect { client } => {
                let key = Key(self.truth.connections.len() as u64 + 1);
                let (user, name) = CLIENTS[client];
                let name = name.map(str::to_owned);
                if let Some(name) = &name {
                    let since = self.hub.remembers_since(user, name);
                    assert_eq!(since, self.truth.since.get(&client).copied().map(Key));
                }
                let command = Command::Connect { key, user: user.to_owned(), client: name };
                (command, self.truth.connect(key.0, client))
            }
            Action::Disconnect { key } => {
                self.truth.disconnect(key);
                (Command::Disconnect { key: Key(key) }, Vec::new())
            }
            Action::Attach { carrier, slot, client } => {
                let key = Key(self.truth.connections.len() as u64 + 1);
                self.truth.attach(key.0, carrier, slot, client);
                let name = CLIENTS[client].1.expect("a name").to_owned();
                let command =
                    Command::Attach { key, carrier: Key(carrier), slot: Slot(slot), client: name };
                (command, Vec::new())
            }
            Action::Detach { key } => {
                self.truth.connections.get_mut(&key).expect("it is there").open = false;
                (Command::Detach { key: Key(key) }, Vec::new())
            }
            Action::Join { key, group } => {
                let command = Command::Join {
                    key: Key(key),
                    id: ASKED,
                    group: name(group),
                    by: DecidedBy::Token,
                };
                (command, self.truth.change(key, |groups| _ = groups.insert(group)))
            }
            Action::Leave { key, group } => {
                let command = Command::Leave { key: Key(key), id: ASKED, group: name(group) };
                (command, self.truth.change(key, |groups| _ = groups.remove(&group)))
            }
            Action::Publish { key, group, id } => {
                let id_on_wire = MessageId(id);
                let (key_, group_) = (Key(key), name(group));
                let frame = frame();
                let command = Command::Publish { key: key_, id: id_on_wire, group: group_, frame };
                (command, self.truth.publish(key, group, id))
            }
            Action::Restrict { key } => {
                let command = Command::Restrict { key: Key(key), access: Access::default() };
                (command, self.truth.restrict(key))
            }
            Action::End { user } => {
                let user = USERS[user];
                (Command::End { user: user.to_owned() }, self.truth.end(user))
            }
            Action::Sweep => {
                self.truth.ticks += 1;
                self.truth.forget();
                (Command::Sweep, Vec::new())
            }
        };
        let now = if action == Action::Sweep { now + TICK } else { now };
        let deliveries = self.hub.handle(command, now);
        assert_eq!(sorted(deliveries), sorted(expected), "{action:?}");
    }

    /// Asks the hub what it knows, then lets all come to rest.
    fn check(&self, start: Instant) {
        let Truth { connections, .. } = &self.truth;
        let sockets = || connections.iter().filter(|(_, it)| it.shares.is_none());
        let mut owners = 0;
        for user in USERS {
            let live = self.truth.live_of(user);
            assert!(live.len() <= self.truth.per_user, "{user} has {live:?}");
            owners += live.len();
            let heard = self.ask(Target::User(user.to_owned()));
            assert_eq!(heard, live, "what {user} has");
            let open = sockets().filter(|(_, it)| it.user() == user && it.open).count();
            let opened = self.truth.opened.get(user).copied().unwrap_or_default();
            assert_eq!(self.hub.count(user), Count { open, opened }, "{user}");
        }
        assert_eq!(self.hub.clients(), owners);
        let all = USERS.iter().flat_map(|user| self.truth.live_of(user)).collect();
        assert_eq!(self.ask(Target::All), all);
        for group in 0..GROUPS.len() {
            let members: BTreeSet<u64> = connections
                .iter()
                .filter(|(key, it)| it.groups.contains(&group) && self.truth.is_live(**key))
                .map(|(key, _)| *key)
                .collect();
            assert_eq!(self.ask(Target::Group(name(group))), members, "who is in {group}");
        }

        // Quiet: whoever was replaced ends, and then all do.
        let mut quiet = self.clone();
        for (key, connection) in sockets() {
            if connection.open && connection.replaced {
                quiet.take(Action::Disconnect { key: *key }, start);
            }
        }
        for user in USERS {
            // The newest is there unless it has ended, by itself or by a back end.
            let newest = sockets().rfind(|(_, it)| it.user() == user);
            let there = newest.filter(|(_, it)| it.open && !it.replaced).map(|(key, _)| *key);
            let heard = quiet.ask(Target::User(user.to_owned()));
            assert!(there.is_none_or(|newest| heard.contains(&newest)), "{user} has {heard:?}");
            assert_eq!(quiet.hub.count(user).open, heard.len());
        }
        for (key, _) in sockets() {
            quiet.take(Action::Disconnect { key: *key }, start);
        }
        let later = start + TICK * (TICKS + 3);
        assert_eq!(quiet.hub.handle(Command::Sweep, later), []);
        assert_eq!(hash(&quiet.hub), hash(&Hub::new(self.truth.per_user)), "something is left");
    }

    /// Returns who hears what is for these.
    fn ask(&self, to: Target) -> BTreeSet<u64> {
        let command = Command::Broadcast { to, frame: frame() };
        let deliveries = self.hub.clone().handle(command, Instant::now());
        let count = deliveries.len();
        let keys: BTreeSet<u64> = deliveries
            .into_iter()
            .map(|delivery| match delivery {
                Delivery::Send { to, frame: sent } if sent == frame() => to.0,
                Delivery::Send { .. }
                | Delivery::Notice { .. }
                | Delivery::Close { .. }
                | Delivery::LimitReached(_) => panic!("{delivery:?}"),
            })
            .collect();
        assert_eq!(keys.len(), count, "somebody hears it twice");
        keys
    }
}

impl Truth {
    fn connect(&mut self, key: u64, client: usize) -> Vec<Delivery> {
        let (user, name) = CLIENTS[client];
        let live = self.live_of(user);
        let lost = live.iter().find(|key| name.is_some() && self.connections[key].client == client);
        let oldest = live.first().filter(|_| live.len() == self.per_user);
        let old = lost.or(oldest).copied();
        if let Some(old) = old {
            self.connections.get_mut(&old).expect("it is there").replaced = true;
        }
        self.connections.insert(key, Connection::new(client, None));
        self.gone_at.insert(user, None);
        *self.opened.entry(user).or_default() += 1;
        if name.is_some() {
            self.said.entry(client).or_default();
            self.since.entry(client).or_insert(key);
        }
        let cause = if lost.is_some() { CloseCause::Moved } else { CloseCause::Replaced };
        let close = |old| Delivery::Close { to: Key(old), cause };
        old.map(close).into_iter().collect()
    }

    fn attach(&mut self, key: u64, carrier: u64, slot: u16, client: usize) {
        let shares = Some((carrier, slot));
        let is_live = self.is_live(carrier);
        if is_live {
            for other in self.connections.values_mut().filter(|other| other.shares.is_some()) {
                if other.shares == shares || other.client == client {
                    other.open = false;
                }
            }
            self.said.entry(client).or_default();
            self.since.entry(client).or_insert(key);
        }
        let attached = Connection { open: is_live, ..Connection::new(client, shares) };
        self.connections.insert(key, attached);
    }

    fn disconnect(&mut self, key: u64) {
        let was_live = self.is_live(key);
        let connection = self.connections.get_mut(&key).expect("one of ours");
        connection.open = false;
        let user = connection.user();
        if was_live {
            let gone_at = self.live_of(user).is_empty().then_some(self.ticks);
            self.gone_at.insert(user, gone_at);
        }
    }

    fn change(&mut self, key: u64, change: impl FnOnce(&mut BTreeSet<usize>)) -> Vec<Delivery> {
        if !self.is_live(key) {
            return Vec::new();
        }
        change(&mut self.connections.get_mut(&key).expect("it is there").groups);
        vec![send(key, Outgoing::ack(ASKED))]
    }

    fn end(&mut self, user: &'static str) -> Vec<Delivery> {
        let live = self.live_of(user);
        if !live.is_empty() {
            self.gone_at.insert(user, Some(self.ticks));
        }
        for key in &live {
            self.connections.get_mut(key).expect("it is there").replaced = true;
        }
        let close = |key| Delivery::Close { to: Key(key), cause: CloseCause::Ended };
        live.into_iter().map(close).collect()
    }

    fn restrict(&mut self, key: u64) -> Vec<Delivery> {
        if !self.is_live(key) {
            return Vec::new();
        }
        let shares = |other: &u64| self.connections[other].shares.is_some_and(|(at, _)| at == key);
        let sharing = self.connections.keys().copied().filter(shares);
        let live: Vec<u64> = sharing.chain([key]).filter(|key| self.is_live(*key)).collect();
        let mut told = Vec::new();
        for key in live {
            let groups = &mut self.connections.get_mut(&key).expect("it is there").groups;
            told.extend(std::mem::take(groups).into_iter().map(|group| {
                let frame = Outgoing::membership_ended(&name(group));
                Delivery::Notice { to: Key(key), frame }
            }));
        }
        told
    }

    fn publish(&mut self, key: u64, group: usize, id: u64) -> Vec<Delivery> {
        if !self.is_live(key) {
            return Vec::new();
        }
        let client = self.connections[&key].client;
        let is_member = self.connections[&key].groups.contains(&group);
        let refusal = || {
            let sentence = format!("join {:?} before publishing to it", GROUPS[group]);
            send(key, Outgoing::error(Some(MessageId(id)), FrameErrorCode::Refused, sentence))
        };
        let ack = send(key, Outgoing::accepted(MessageId(id)));
        if let Some((highest, refused)) = self.said.get_mut(&client) {
            if id <= *highest {
                return vec![if refused.contains(&id) { refusal() } else { ack }];
            }
            *highest = id;
            if !is_member {
                refused.insert(id);
            }
        }
        if !is_member {
            return vec![refusal()];
        }
        let hears = |other: &u64| {
            *other != key && self.is_live(*other) && self.connections[other].groups.contains(&group)
        };
        let heard = self.connections.keys().filter(|key| hears(key)).map(|to| send(*to, frame()));
        [ack].into_iter().chain(heard).collect()
    }

    /// Two ticks after the last connection has gone a user is forgotten, unless a socket is open.
    fn forget(&mut self) {
        let open = |user: &str| {
            let mut sockets = self.connections.values().filter(|it| it.shares.is_none());
            sockets.any(|it| it.user() == user && it.open)
        };
        let forgotten: Vec<&str> = USERS
            .into_iter()
            .filter(|user| matches!(self.gone_at.get(user), Some(Some(at)) if at + 2 <= self.ticks))
            .filter(|user| !open(user))
            .collect();
        for user in forgotten {
            self.gone_at.remove(user);
            self.opened.remove(user);
            self.said.retain(|client, _| CLIENTS[*client].0 != user);
            self.since.retain(|client, _| CLIENTS[*client].0 != user);
        }
    }

    /// Returns the connections of a user that have neither ended nor been replaced.
    fn live_of(&self, user: &str) -> BTreeSet<u64> {
        let sockets = self.connections.iter().filter(|(_, it)| it.shares.is_none());
        let of_user = sockets.filter(|(_, it)| it.user() == user);
        of_user.filter(|(key, _)| self.is_live(**key)).map(|(key, _)| *key).collect()
    }

    fn is_live(&self, key: u64) -> bool {
        let Connection { open, replaced, shares, .. } = self.connections[&key];
        open && !replaced && shares.is_none_or(|(carrier, _)| self.is_live(carrier))
    }
}

impl Connection {
    fn new(client: usize, shares: Option<(u64, u16)>) -> Self {
        Self { client, open: true, replaced: false, groups: BTreeSet::new(), shares }
    }

    fn user(&self) -> &'static str {
        CLIENTS[self.client].0
    }
}

fn send(to: u64, frame: Outgoing) -> Delivery {
    Delivery::Send { to: Key(to), frame }
}

fn frame() -> Outgoing {
    Outgoing::Text("hello".into())
}

fn name(group: usize) -> Group {
    Group::new(GROUPS[group]).expect("a name")
}

fn sorted(mut deliveries: Vec<Delivery>) -> Vec<Delivery> {
    deliveries.sort_by_cached_key(|delivery| format!("{delivery:?}"));
    deliveries
}

fn fingerprint(place: &Place) -> u64 {
    hash(&(&place.hub, &place.truth))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
