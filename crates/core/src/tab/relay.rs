//! The other end of the ports, in the tab that leads: who speaks over the connection, and under which
//! number. It remembers no message: each tab sends again what was not answered.

use onesocket_protocol::{Group, MessageId, Slot, Span};

use super::frame::{Applicant, Change, LinkStatus, PortId, Terms};
use crate::time::Time;

/// The number of the answer to a `detach`: no client gives it to anything else.
pub(super) const DETACHED: MessageId = MessageId::MAX;

/// The number of the connection's own client.
pub(super) const OWN: u16 = Slot::OWN.0;

/// The numbers of the requests that the connection's own client makes for tabs are greater: the
/// connection has some of its own. `codec.js` has the same.
pub(super) const BEFORE_FIRST: MessageId = MessageId(1 << 40);

/// The leader's end of all ports.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Relay {
    /// The number of the next news.
    pub(super) next: u64,
    pub(super) link: Link,
    /// What was told last, and when.
    told: LinkStatus,
    told_at: Time,
    /// Few: a list is smaller than a map.
    members: Vec<(PortId, Member)>,
    /// Numbers that the server still has for clients that are gone.
    leaving: Vec<u16>,
    /// The requests that the connection's own client has made for others, and that are not answered; also of
    /// those that are gone, for an answer may serve for others as well.
    asked: Vec<Asked>,
}

/// A request that the connection's own client has made for a port.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Asked {
    id: MessageId,
    port: PortId,
    /// The number by which the port knows it.
    own: MessageId,
    change: Change,
}

/// The leader's connection.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) enum Link {
    /// It is being tried for.
    #[default]
    Connecting,
    /// It is established.
    Up(Terms),
    /// It was replaced: by a tab that leads now, or by another browser. The lock says which.
    Replaced(crate::error::Error),
    /// It has failed for good.
    Failed,
}

/// A client that speaks over the connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Member {
    applicant: Applicant,
    stage: Stage,
    /// How many frames have come through its port.
    came: u64,
    /// Its groups, where the connection's own client speaks for all.
    groups: Vec<Group>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Stage {
    /// There is no connection yet, or no number is free.
    Waiting,
    /// The server was asked to take it.
    Attaching(u16),
    Open(u16),
}

/// What is to be done for one who waits.
pub(super) enum Due {
    /// It is of another user than the connection: the key of the tabs is not proof of who somebody is.
    Refuse(PortId),
    /// The server is asked to take a client under a number.
    Attach(u16, String),
    /// The port is open: the connection's own client speaks for all.
    Open(PortId),
}

/// What the server has to let go of after a client.
pub(super) enum Left {
    Nothing,
    /// A number.
    Slot(u16),
    /// Memberships that no other tab has.
    Groups(Vec<Group>),
}

impl Stage {
    fn slot(self) -> Option<u16> {
        match self {
            Self::Waiting => None,
            Self::Attaching(slot) | Self::Open(slot) => Some(slot),
        }
    }
}

impl Relay {
    /// Takes a port in, in the place of an earlier one of the same tab: see [`shut`](Self::shut).
    pub(super) fn open(&mut self, port: PortId, applicant: Applicant) -> Left {
        let earlier = self.members.iter().map(|(other, _)| *other).find(|it| it.tab == port.tab);
        let left = earlier.map_or(Left::Nothing, |earlier| self.shut(earlier));
        self.members
            .push((port, Member { applicant, stage: Stage::Waiting, came: 0, groups: Vec::new() }));
        left
    }

    /// Lets go of a port.
    pub(super) fn shut(&mut self, port: PortId) -> Left {
        let Some(member) = self.member(port) else { return Left::Nothing };
        let (slot, mut groups) = (member.stage.slot(), std::mem::take(&mut member.groups));
        self.members.retain(|(other, _)| *other != port);
        match slot {
            None => Left::Nothing,
            Some(OWN) => {
                groups.retain(|group| self.in_group(group).is_empty());
                Left::Groups(groups)
            }
            Some(slot) => {
                self.leaving.push(slot);
                Left::Slot(slot)
            }
        }
    }

    /// Says whether a port is there.
    pub(super) fn has(&self, port: PortId) -> bool {
        self.members.iter().any(|(other, _)| *other == port)
    }

    fn member(&mut self, port: PortId) -> Option<&mut Member> {
        self.members.iter_mut().find(|(other, _)| *other == port).map(|(_, member)| member)
    }

    /// Returns the status of the connection, as it is to be told now.
    pub(super) fn status(&self, now: Time) -> LinkStatus {
        let passed = now.since(self.told_at);
        let left = |span: Option<Span>| span.map(|span| span - passed);
        let LinkStatus { retry_in, token_expires_in, .. } = self.told;
        let (retry_in, token_expires_in) = (left(retry_in), left(token_expires_in));
        LinkStatus { retry_in, token_expires_in, ..self.told }
    }

    /// Takes note of the status of the connection; returns whether it is another one.
    pub(super) fn note(&mut self, status: LinkStatus, now: Time) -> bool {
        let is_new = self.status(now) != status;
        (self.told, self.told_at) = (status, now);
        is_new
    }

    /// The connection is lost, and with it everybody's place on it.
    pub(super) fn lose(&mut self) {
        self.leaving.clear();
        self.members.clear();
        self.asked.clear();
    }

    /// Returns what is agreed for all, while there is a connection.
    pub(super) fn terms(&self) -> Option<&Terms> {
        if let Link::Up(terms) = &self.link { Some(terms) } else { None }
    }

    /// Returns what is to be done next for one of those who wait, if there is anything; it waits no more.
    pub(super) fn next_waiting(&mut self) -> Option<Due> {
        let Link::Up(terms) = &self.link else { return None };
        let is_taken = |slot: &u16| {
            let mut members = self.members.iter();
            self.leaving.contains(slot) || members.any(|(_, it)| it.stage.slot() == Some(*slot))
        };
        let free = match terms.tabs {
            Some(most) => (1..=most.min(Slot::MAX.0)).find(|slot| !is_taken(slot)),
            None => Some(OWN),
        };
        let is_strange = |user: &String| !user.is_empty() && *user != terms.user;
        let (port, member) = self.members.iter_mut().find(|(_, member)| {
            let can_be = free.is_some() || is_strange(&member.applicant.user);
            member.stage == Stage::Waiting && can_be
        })?;
        let port = *port;
        Some(match free {
            _ if is_strange(&member.applicant.user) => {
                self.members.retain(|(other, _)| *other != port);
                Due::Refuse(port)
            }
            Some(slot @ 1..) => {
                member.stage = Stage::Attaching(slot);
                Due::Attach(slot, member.applicant.client.clone())
            }
            Some(_) | None => {
                member.stage = Stage::Open(OWN);
                Due::Open(port)
            }
        })
    }

    /// Takes note of a request that the connection's own client makes for a port, under another number.
    /// Returns the group that it stays in, because another tab is in the one that this one leaves.
    pub(super) fn ask(
        &mut self,
        port: PortId,
        (own, change): (MessageId, Change),
        id: MessageId,
    ) -> Option<Group> {
        self.asked.push(Asked { id, port, own, change: change.clone() });
        let groups = &mut self.member(port)?.groups;
        match change {
            Change::None => None,
            Change::Join(group) => {
                groups.retain(|known| *known != group);
                groups.push(group);
                None
            }
            Change::Leave(group) => {
                groups.retain(|known| *known != group);
                Some(group).filter(|group| !self.in_group(group).is_empty())
            }
        }
    }

    /// Says whether the connection's own client waits for answers.
    pub(super) fn is_asking(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The server has answered the request of this number, and with that of a message those of all before it;
    /// returns who hears of it, and what for it is the last of them.
    pub(super) fn acked(&mut self, id: MessageId) -> Vec<(PortId, MessageId)> {
        let is_message = |asked: &Asked| asked.change == Change::None;
        let serves = self.asked.iter().any(|asked| asked.id == id && is_message(asked));
        let mut answers: Vec<(PortId, MessageId)> = Vec::new();
        self.asked.retain(|asked| {
            let is_answered = asked.id == id || serves && asked.id < id && is_message(asked);
            if is_answered {
                answers.retain(|(known, _)| *known != asked.port);
                answers.push((asked.port, asked.own));
            }
            !is_answered
        });
        answers
    }

    /// The server has refused the request of this number; returns who hears of it.
    pub(super) fn refused(&mut self, id: MessageId) -> Option<(PortId, MessageId)> {
        let at = self.asked.iter().position(|asked| asked.id == id)?;
        let Asked { port, own, change, .. } = self.asked.remove(at);
        if let Change::Join(group) = change
            && let Some(member) = self.member(port)
        {
            member.groups.retain(|known| *known != group);
        }
        Some((port, own))
    }

    /// The server has ended the membership of the connection's own client; returns who hears of it.
    pub(super) fn ended(&mut self, group: &Group) -> Vec<PortId> {
        let to = self.in_group(group);
        for (_, member) in &mut self.members {
            member.groups.retain(|known| known != group);
        }
        to
    }

    /// Returns the ports that hear what is said in a group.
    pub(super) fn in_group(&self, group: &Group) -> Vec<PortId> {
        let is_in = |member: &Member| match member.stage {
            Stage::Open(OWN) => member.groups.contains(group),
            // The server says itself for whom it is.
            Stage::Open(_) => true,
            Stage::Waiting | Stage::Attaching(_) => false,
        };
        self.members.iter().filter(|(_, member)| is_in(member)).map(|(port, _)| *port).collect()
    }

    /// The server has taken a client; returns its port.
    pub(super) fn attached(&mut self, slot: u16) -> Option<PortId> {
        let (port, member) =
            self.members.iter_mut().find(|(_, member)| member.stage == Stage::Attaching(slot))?;
        member.stage = Stage::Open(slot);
        Some(*port)
    }

    /// The server has let go of a number; returns whether it is free now.
    pub(super) fn detached(&mut self, slot: u16, id: MessageId) -> bool {
        let before = self.leaving.len();
        if id == DETACHED {
            self.leaving.retain(|leaving| *leaving != slot);
        }
        self.leaving.len() < before
    }

    /// Returns the ports of these numbers; all that are open if none is named.
    pub(super) fn ports(&self, slots: &[u16]) -> Vec<PortId> {
        let is_meant = |member: &Member| match member.stage {
            Stage::Open(slot) => slots.is_empty() || slots.contains(&slot),
            Stage::Waiting | Stage::Attaching(_) => false,
        };
        self.members.iter().filter(|(_, member)| is_meant(member)).map(|(port, _)| *port).collect()
    }

    /// Returns the number under which a frame goes to the server that has come through a port; `None` if
    /// the port is not open, or something is missing before it.
    pub(super) fn pass(&mut self, port: PortId, place: u64) -> Option<u16> {
        let member = self.member(port)?;
        let Stage::Open(slot) = member.stage else { return None };
        if member.came != place {
            return None;
        }
        member.came += 1;
        Some(slot)
    }

    /// A tab is shown now, or hidden.
    pub(super) fn see(&mut self, tab: super::TabId, shown: bool) {
        for (port, member) in &mut self.members {
            if port.tab == tab {
                member.applicant.shown = shown;
            }
        }
    }

    /// Says whether a person sees one of the other tabs.
    pub(super) fn others_are_shown(&self, me: super::TabId) -> bool {
        self.members.iter().any(|(port, member)| port.tab != me && member.applicant.shown)
    }
}
