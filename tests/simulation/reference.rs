//! The reference model of the server: what was sent, whether it arrived, who is connected and in
//! which groups, by rules of its own. What the server does is compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onesocket_core::Attempt;
use onesocket_core::protocol::{Group, MessageId, ServerFrame};
use onesocket_server::Outgoing;
use onesocket_server::hub::{Command, Delivery};

use crate::message::{Origin, decode};

/// What the server remembers, as PROTOCOL.md has it.
const CLIENTS_OF_A_USER: usize = 64;
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// To whom something was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum What {
    Publish(Group),
    Send,
}

/// Something that a client has sent, or wanted to.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) what: What,
    /// The client has taken it.
    pub(crate) accepted: bool,
    /// Under which number it went out.
    pub(crate) id: Option<MessageId>,
    pub(crate) arrival: Arrival,
    /// It was reported undelivered, when this was the newest socket.
    pub(crate) reported: Option<Attempt>,
    /// Its promise was kept.
    pub(crate) fulfilled: bool,
}

/// Whether the server has had something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    No,
    Taken,
    Refused,
}

/// What the server should know.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    /// By client, then by number.
    pub(crate) items: Vec<Vec<Item>>,
    /// Of each client, the number of the last item that the server has had.
    last: BTreeMap<usize, usize>,
    users: BTreeMap<String, Known>,
    places: BTreeMap<u64, Place>,
    /// The groups that are open to everybody.
    open: BTreeSet<Group>,
}

/// What a server knows of a user.
#[derive(Debug, Default)]
struct Known {
    current: Option<u64>,
    open: usize,
    /// The clients that it remembers, and since which connection; the least recently connected
    /// first.
    clients: Vec<(usize, u64)>,
    gone_at: Option<Duration>,
}

/// A connection at the server.
#[derive(Debug)]
struct Place {
    user: String,
    client: usize,
    groups: BTreeSet<Group>,
    grant: Grant,
    /// What a newer token allows, which the session has accepted and the hub has not heard of.
    newer: Option<Grant>,
}

/// What a token allows, by the back end that issued it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Grant {
    pub(crate) join: BTreeSet<Group>,
    pub(crate) publish: BTreeSet<Group>,
}

/// What has to follow from a command.
#[derive(Debug)]
pub(crate) enum Expected {
    Nothing,
    Ack(MessageId),
    /// It is new: the sender is told that it was taken, and these get it.
    Taken(MessageId, Vec<u64>),
    Refused(MessageId),
    /// The memberships in these end.
    Restricted(Vec<Group>),
    /// It has come before; `None` if how it was answered may be forgotten.
    Again(MessageId, Arrival),
}

impl Reference {
    /// Makes the model of a server that knows nothing; `open` are the groups that are open to everybody.
    pub(crate) fn of(open: BTreeSet<Group>) -> Self {
        Self { open, ..Self::default() }
    }

    /// Notes that a client is about to send something; returns its number.
    pub(crate) fn begin(&mut self, client: usize, what: What) -> usize {
        let items = &mut self.items[client];
        items.push(Item {
            what,
            accepted: false,
            id: None,
            arrival: Arrival::No,
            reported: None,
            fulfilled: false,
        });
        items.len() - 1
    }

    pub(crate) fn item(&mut self, origin: Origin) -> Option<&mut Item> {
        self.items.get_mut(origin.client)?.get_mut(origin.number)
    }

    /// The server's process has ended, and with it what it knew.
    pub(crate) fn forget_all(&mut self) {
        self.users.clear();
        self.places.clear();
    }

    /// Returns the connection since which the server has to remember a client.
    pub(crate) fn remembers_since(&self, user: &str, client: usize) -> Option<u64> {
        let clients = &self.users.get(user)?.clients;
        clients.iter().find(|(known, _)| *known == client).map(|(_, since)| *since)
    }

    /// How many users are connected.
    pub(crate) fn connected(&self) -> usize {
        self.users.values().filter(|known| known.current.is_some()).count()
    }

    /// How many sockets of a user are open.
    pub(crate) fn open(&self, user: &str) -> usize {
        self.users.get(user).map_or(0, |known| known.open)
    }

    pub(crate) fn current(&self, user: &str) -> Option<u64> {
        self.users.get(user)?.current
    }

    /// The groups of a connection.
    pub(crate) fn groups(&self, key: u64) -> Option<&BTreeSet<Group>> {
        self.places.get(&key).map(|place| &place.groups)
    }

    /// Returns the client of a connection.
    pub(crate) fn client_of(&self, key: u64) -> Option<usize> {
        self.places.get(&key).map(|place| place.client)
    }

    /// A client of a user has connected; returns the connection that is replaced, and whether the
    /// server has to have forgotten another client.
    pub(crate) fn connect(
        &mut self,
        key: u64,
        user: &str,
        client: usize,
        grant: Grant,
    ) -> (Option<u64>, bool) {
        let known = self.users.entry(user.to_owned()).or_default();
        known.open += 1;
        known.gone_at = None;
        let at = known.clients.iter().position(|(known, _)| *known == client);
        let remembered = at.map(|at| known.clients.remove(at));
        known.clients.push(remembered.unwrap_or((client, key)));
        let forgets = known.clients.len() > CLIENTS_OF_A_USER;
        if forgets {
            known.clients.remove(0);
        }
        let replaced = known.current.replace(key);
        if let Some(place) = replaced.and_then(|old| self.places.get_mut(&old)) {
            place.groups.clear();
        }
        let groups = BTreeSet::new();
        let place = Place { user: user.to_owned(), client, groups, grant, newer: None };
        self.places.insert(key, place);
        (replaced, forgets)
    }

    /// A session has accepted a newer token.
    pub(crate) fn grant(&mut self, key: u64, grant: Grant) {
        if let Some(place) = self.places.get_mut(&key) {
            place.newer = Some(grant);
        }
    }

    /// Says whether the session of a connection may refuse a user the right to join, or to publish.
    pub(crate) fn lacks_right(&self, key: u64, joins: bool, group: &Group) -> bool {
        self.places.get(&key).is_some_and(|place| {
            let grant = place.newer.as_ref().unwrap_or(&place.grant);
            let granted = if joins { &grant.join } else { &grant.publish };
            !is_allowed(granted, &self.open, group)
        })
    }

    pub(crate) fn disconnect(&mut self, key: u64, now: Duration) {
        let Some(place) = self.places.remove(&key) else { return };
        if let Some(known) = self.users.get_mut(&place.user) {
            known.open -= 1;
            if known.current == Some(key) {
                known.current = None;
                known.gone_at = Some(now);
            }
        }
    }

    /// Forgets the users who have been gone for long; returns how many.
    pub(crate) fn sweep(&mut self, now: Duration) -> usize {
        let before = self.users.len();
        self.users.retain(|_, known| {
            known.open > 0 || known.gone_at.is_none_or(|at| now < at + REMEMBERED_FOR)
        });
        before - self.users.len()
    }

    /// Says what has to follow from what a client says, and notes it.
    pub(crate) fn expect(
        &mut self,
        key: u64,
        command: &Command,
        said: Option<Origin>,
    ) -> Result<Expected, String> {
        let user = self.places.get(&key).map(|place| place.user.clone());
        let live = user.and_then(|user| self.current(&user)) == Some(key);
        let Some(place) = self.places.get_mut(&key).filter(|_| live) else {
            return Ok(Expected::Nothing);
        };
        let newer = place.newer.take();
        if let Command::Restrict { .. } = command {
            let Some(newer) = newer.filter(|newer| *newer != place.grant) else {
                return Err("rights are restricted that are as they were".to_owned());
            };
            place.grant = newer;
            let Place { grant, groups, .. } = place;
            let stays = |group: &Group| is_allowed(&grant.join, &self.open, group);
            let ended = groups.iter().filter(|group| !stays(group)).cloned().collect();
            groups.retain(stays);
            return Ok(Expected::Restricted(ended));
        }
        if newer.is_some_and(|newer| newer != place.grant) {
            return Err("the hub does not hear of other rights".to_owned());
        }
        let may = |granted, group| {
            let denied = || format!("{group:?} is reached without a right");
            is_allowed(granted, &self.open, group).then_some(()).ok_or_else(denied)
        };
        let (id, to) = match command {
            Command::Join { id, group, .. } => {
                may(&place.grant.join, group)?;
                place.groups.insert(group.clone());
                return Ok(Expected::Ack(*id));
            }
            Command::Leave { id, group, .. } => {
                place.groups.remove(group);
                return Ok(Expected::Ack(*id));
            }
            Command::Message { id, .. } => (*id, Some(vec![key])),
            Command::Publish { id, group, .. } => {
                may(&place.grant.publish, group)?;
                let is_member = place.groups.contains(group);
                (*id, is_member.then(|| self.members_but(group, key)))
            }
            Command::Refuse { id, .. } => (*id, None),
            Command::Attach { .. }
            | Command::Broadcast { .. }
            | Command::Detach { .. }
            | Command::Connect { .. }
            | Command::Disconnect { .. }
            | Command::End { .. }
            | Command::Remove { .. }
            | Command::Handled { .. }
            | Command::Restrict { .. }
            | Command::Sweep => {
                return Err(format!("a session says {command:?}"));
            }
        };
        let origin = said.ok_or("a session tells of a message that nobody has sent")?;
        self.expect_message(id, origin, to)
    }

    fn members_but(&self, group: &Group, key: u64) -> Vec<u64> {
        let members = self.places.iter().filter(|(_, place)| place.groups.contains(group));
        members.map(|(member, _)| *member).filter(|member| *member != key).collect()
    }

    /// `to` are those who get it; `None` if it has to be refused.
    fn expect_message(
        &mut self,
        id: MessageId,
        origin: Origin,
        to: Option<Vec<u64>>,
    ) -> Result<Expected, String> {
        let Origin { client, number } = origin;
        let last = self.last.get(&client).copied();
        let item = self.item(origin).ok_or("a message that nobody has sent")?;
        if item.id != Some(id) {
            return Err(format!("message {number} of {client} is {:?} and now {id:?}", item.id));
        }
        if item.arrival != Arrival::No {
            let arrival = item.arrival;
            return Ok(Expected::Again(id, arrival));
        }
        item.arrival = if to.is_some() { Arrival::Taken } else { Arrival::Refused };
        if last.is_some_and(|last| number <= last) {
            return Err(format!("message {number} of {client} comes after {last:?}"));
        }
        self.last.insert(client, number);
        Ok(to.map_or(Expected::Refused(id), |to| Expected::Taken(id, to)))
    }
}

impl Expected {
    /// Says whether the hub has done what it has to, for what came over `key`.
    pub(crate) fn is_met(&self, key: u64, deliveries: &[Delivery]) -> bool {
        let mut sent = Vec::new();
        for delivery in deliveries {
            match delivery {
                Delivery::Send { to, frame } | Delivery::Notice { to, frame } => {
                    sent.push((to.0, frame));
                }
                Delivery::Close { .. } | Delivery::LimitReached(_) => return false,
            }
        }
        let answer = |id: MessageId, arrival: Arrival| {
            sent.first().is_some_and(|(to, frame)| *to == key && answers(frame, id, arrival))
        };
        match self {
            Self::Nothing => sent.is_empty(),
            Self::Ack(id) => sent.len() == 1 && answer(*id, Arrival::Taken),
            Self::Taken(id, to) => {
                let others: Vec<u64> = sent.iter().skip(1).map(|(to, _)| *to).collect();
                answer(*id, Arrival::Taken) && others == *to
            }
            Self::Refused(id) => sent.len() == 1 && answer(*id, Arrival::Refused),
            Self::Again(id, arrival) => sent.len() == 1 && answer(*id, *arrival),
            Self::Restricted(groups) => {
                let ended = sent.iter().map(|(to, frame)| (*to == key).then(|| ended(frame))?);
                ended.eq(groups.iter().cloned().map(Some))
            }
        }
    }
}

/// Says whether a group may be joined, or published to: by what was granted, or because it is open.
fn is_allowed(granted: &BTreeSet<Group>, open: &BTreeSet<Group>, group: &Group) -> bool {
    granted.contains(group) || open.contains(group)
}

/// Returns the group of which a frame says that the membership has ended.
fn ended(frame: &Outgoing) -> Option<Group> {
    match decode(frame) {
        Ok(ServerFrame::Error(error)) if error.id.is_none() => error.group,
        _ => None,
    }
}

/// Says whether a frame answers this, and so.
fn answers(frame: &Outgoing, id: MessageId, arrival: Arrival) -> bool {
    match (decode(frame), arrival) {
        (Ok(ServerFrame::Ack { id: named }), Arrival::Taken) => named == id,
        (Ok(ServerFrame::Error(error)), Arrival::Refused) => error.id == Some(id),
        _ => false,
    }
}
