//! What the inputs and outputs of a client have shown so far.

use std::collections::{BTreeMap, BTreeSet};

use onesocket_core::protocol::{Epoch, Group, MessageId};
use onesocket_core::{Attempt, Call, Input, StateName, Status, Time};

use crate::message::Message;

/// What was observed of a client.
pub(crate) struct Observed {
    /// The status that was told last.
    pub(crate) status: Status,
    /// The calls that have not been settled.
    pub(crate) calls: BTreeMap<Call, Want>,
    pub(crate) holders: u32,
    /// A `connect()` was answered, and the connection was not ended since.
    pub(crate) lasting: bool,
    /// Whether it was the last holder's release that ended it.
    pub(crate) released: bool,
    /// The groups that it was let into and has not left since.
    pub(crate) groups: BTreeSet<Group>,
    /// What it has asked to join over the newest socket.
    pub(crate) asked: BTreeMap<MessageId, Group>,
    /// How often it has joined each group and not left it.
    joins: BTreeMap<Group, u32>,
    /// How many sockets were opened since the budget was full, and how many may be.
    pub(crate) opens: u32,
    pub(crate) budget: u32,
    /// The browser has said that it is offline; an attempt that was planned then costs nothing.
    pub(crate) offline: bool,
    pub(crate) is_free: bool,
    pub(crate) connected_at: Option<Time>,
    /// The newest socket.
    pub(crate) newest: Attempt,
    /// The epoch of the last welcome that came, of the last that was taken, and whether that was
    /// the same as before.
    pub(crate) offered: Option<Epoch>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) resumed: bool,
    /// All sockets, all refreshes, and when the last one was.
    pub(crate) sockets: u64,
    pub(crate) refreshes: Vec<Time>,
    /// A new token was sent and not answered in time, and no other was asked for since.
    pub(crate) overdue: bool,
}

impl Observed {
    pub(crate) fn new(status: Status) -> Self {
        Self {
            status,
            calls: BTreeMap::new(),
            holders: 0,
            lasting: false,
            released: false,
            groups: BTreeSet::new(),
            asked: BTreeMap::new(),
            joins: BTreeMap::new(),
            opens: 0,
            budget: 0,
            offline: false,
            is_free: false,
            connected_at: None,
            newest: Attempt(0),
            offered: None,
            epoch: None,
            resumed: false,
            sockets: 0,
            refreshes: Vec::new(),
            overdue: false,
        }
    }

    pub(crate) fn join(&mut self, group: &Group) {
        *self.joins.entry(group.clone()).or_default() += 1;
    }

    /// Takes back one `join()`.
    pub(crate) fn leave(&mut self, group: &Group) {
        match self.joins.get_mut(group) {
            Some(joins) if *joins > 1 => *joins -= 1,
            _ => self.expel(group),
        }
    }

    /// Takes back all of them.
    pub(crate) fn expel(&mut self, group: &Group) {
        self.joins.remove(group);
        self.groups.remove(group);
    }

    /// Says whether anybody wants the connection.
    pub(crate) fn is_wanted(&self) -> bool {
        self.lasting || self.holders > 0
    }
}

/// What a call waits for.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    Close,
    Connect,
    Join(Group),
    Leave,
    /// Which of what it has sent.
    Publish(usize),
    Refresh,
}

/// What the machine was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    Close,
    Connect,
    Hold,
    Wake,
    Closed,
    Other,
}

impl Cause {
    pub(crate) fn of(input: &Input<Message>) -> Self {
        match input {
            Input::Close { .. } => Self::Close,
            Input::Connect { .. } => Self::Connect,
            Input::Hold => Self::Hold,
            Input::Online | Input::Wake => Self::Wake,
            Input::Closed { .. } => Self::Closed,
            _ => Self::Other,
        }
    }
}

pub(crate) fn is_live(state: StateName) -> bool {
    matches!(state, StateName::Connecting | StateName::Connected | StateName::Waiting)
}
