//! A tab among those of one user that share a connection: it waits to lead, follows whoever leads, or
//! leads and passes on what the others send and get.
//!
//! The connection of each tab ([`Connection`](crate::Connection)) speaks through a *port*, as through a
//! socket of its own. The other end of all ports is in the tab that leads, which holds the only socket.
//! A lock that the browser gives to one tab at a time decides who leads; whatever the leader had in its
//! hands when it went is sent again by the tabs themselves, under their own names and ids.
//!
//! - `election.rs`: who leads.
//! - `following.rs`: what a tab hears from others while it does not lead.
//! - `frame.rs`: what tabs say to each other.
//! - `io.rs`: the inputs and outputs.
//! - `leading.rs`: what a tab does for all while it leads.
//! - `port.rs`: the port of this tab's connection, and what comes through it.
//! - `relay.rs`: the leader's end of the ports.
//! - `watch.rs`: when a leader is held to be gone.

mod election;
mod following;
mod frame;
mod io;
mod leading;
mod port;
mod relay;
mod watch;

pub use frame::{
    Applicant, Change, Frame, LinkStatus, News, PortId, TabFrame, TabId, Term, Terms, Up,
};
pub use io::{Down, Role, TabInput, TabOutput};

use onesocket_protocol::MessageId;

use crate::time::Time;
use relay::{BEFORE_FIRST, Link, Relay};
use watch::{Steals, Watch};

/// The machine of one tab. It uses no lock, no channel and no clock: see
/// [`TabInput`] and [`TabOutput`]. `M` is a frame of the wire: see [`Frame`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tab<M> {
    id: TabId,
    /// The name of this tab's client.
    client: String,
    /// The name of the client that has the connection: of the tab that has led first.
    link: String,
    /// The user that the server has named last; empty before that.
    user: String,
    wish: Wish,
    shown: bool,
    awake: bool,
    listens: bool,
    /// The server was last heard to know of one client on a connection, which is this tab's when it leads.
    is_one: bool,
    /// The last number of a request that this tab's client has made for all.
    last_id: MessageId,
    place: Place,
    port: Option<Port>,
    /// The calls of `refreshToken()` that the leader has been asked to answer.
    refreshes: Vec<u32>,
    /// A port that closes once the leader's socket has.
    closing: Option<u32>,
    last_request: u32,
    /// The number of the latest term that this tab has heard of.
    last_term: u64,
    /// When a tab that has led before has said that it leads no more, or this one has.
    resigned_at: Option<Time>,
    steals: Steals,
    role: Role,
    outputs: Vec<TabOutput<M>>,
}

/// Whether a tab wants a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Wish {
    No,
    Yes,
    /// It has failed with all others, and connects again when one of them does: in a term after this.
    Revival(Term),
}

/// What a tab is to the others, with what it needs for that.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Place {
    /// It wants no connection, or its page does not run.
    Resting,
    /// It waits for the lock, and uses the connection of a leader that it knows.
    Queued { request: u32, leader: Option<Following>, watch: Watch },
    /// It has the lock.
    Leading(Leading),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Following {
    term: Term,
    /// The number of the news that comes next.
    next: u64,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Leading {
    request: u32,
    term: Term,
    relay: Relay,
    /// When it hands over to a tab that a person sees, if there is one then.
    hand_over_at: Time,
    /// When it gives the lock back, after the connection has failed.
    resign_at: Time,
}

/// The port of this tab's connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Port {
    number: u32,
    stage: PortStage,
    /// How many frames were sent through it.
    sent: u64,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum PortStage {
    /// No leader has been asked yet.
    New,
    /// The leader was asked.
    Asked,
    Open,
}

impl<M: Frame> Tab<M> {
    /// Makes a tab that wants nothing yet, of a page that runs. `client` is the name of its client.
    pub fn new(id: TabId, client: impl Into<String>, shown: bool) -> Self {
        let client = client.into();
        Self {
            id,
            link: client.clone(),
            client,
            user: String::new(),
            wish: Wish::No,
            shown,
            awake: true,
            listens: false,
            is_one: false,
            last_id: BEFORE_FIRST,
            place: Place::Resting,
            port: None,
            refreshes: Vec::new(),
            closing: None,
            last_request: 0,
            last_term: 0,
            resigned_at: None,
            steals: Steals::default(),
            role: Role::None,
            outputs: Vec::new(),
        }
    }

    /// Has one client speak for all from the start, where no server says otherwise.
    pub fn speak_for_all(&mut self) {
        self.is_one = true;
    }

    /// Handles one input, which happened at `now`.
    pub fn handle(&mut self, input: TabInput<M>, now: Time) {
        match input {
            TabInput::Away => {
                self.awake = false;
                self.settle(now);
            }
            TabInput::Back => {
                self.awake = true;
                self.settle(now);
            }
            TabInput::Elapsed => {}
            TabInput::Failed => {
                // Without the others, or it is known already.
                if self.wish == Wish::Yes {
                    self.wish = Wish::No;
                }
                self.settle(now);
            }
            TabInput::Gone { port } => self.on_gone(port),
            TabInput::Granted { request, epoch_ms } => self.on_granted(request, epoch_ms, now),
            TabInput::Heard { from, frame } => self.on_heard(from, frame, now),
            TabInput::Hears => {
                if let Place::Queued { watch, .. } = &mut self.place {
                    watch.hear();
                }
            }
            TabInput::Held(held) => self.on_held(held, now),
            TabInput::LinkClosed => {
                if let Some(port) = self.closing.take() {
                    self.outputs.push(TabOutput::PortClosed { port, reason: None });
                }
            }
            TabInput::LinkFailed(error) => self.on_link_failed(error, now),
            TabInput::LinkFrame { slots, what, frame } => self.on_link_frame(&slots, what, frame),
            TabInput::LinkLost(reason) => {
                if let Place::Leading(leading) = &mut self.place {
                    leading.relay.link = Link::Connecting;
                    leading.relay.lose();
                    self.tell_all(News::Lost { reason });
                }
            }
            TabInput::LinkUp(terms) => self.on_link_up(terms),
            TabInput::LinkStatus(status) => self.on_link_status(status, now),
            TabInput::Lost { request } => self.on_lost(request, now),
            TabInput::Open { port } => self.on_open(port, now),
            TabInput::Refresh { call } => self.refresh(call),
            TabInput::Refreshed { by, error } => {
                self.tell_port(by, News::Refreshed { to: by, error });
            }
            TabInput::Send { port, frame } => self.on_send(port, frame),
            TabInput::Shown(shown) => self.on_shown(shown, now),
            TabInput::Shut { port } => self.on_shut(port),
            TabInput::TokenRefreshed(life) => self.tell_all(News::TokenRefreshed { life }),
            TabInput::Urge => self.urge(now),
            TabInput::Wish(wish) => {
                self.wish = if wish { Wish::Yes } else { Wish::No };
                self.settle(now);
            }
        }
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            self.on_due(due, now);
        }
        let role = match self.place {
            Place::Resting => Role::None,
            Place::Queued { .. } => Role::Follower,
            Place::Leading(_) => Role::Leader,
        };
        if role != self.role {
            self.role = role;
            self.outputs.push(TabOutput::Role(role));
        }
    }

    /// Returns the next output, oldest first; `None` if there is none.
    pub fn poll(&mut self) -> Option<TabOutput<M>> {
        // As in `Connection::poll`.
        let mut outputs = std::mem::take(&mut self.outputs).into_iter();
        let next = outputs.next();
        self.outputs = outputs.collect();
        next
    }

    /// Returns when to handle [`TabInput::Elapsed`]; `None` while there is no deadline.
    pub fn deadline(&self) -> Option<Time> {
        let due = match &self.place {
            Place::Resting => Time::NEVER,
            // Whoever is served and not seen by anybody does not ask, and learns of the leader's end by the
            // lock, or by the next one's word.
            Place::Queued { leader: Some(_), watch: Watch::Heard(_), .. }
                if !self.shown && self.is_open() =>
            {
                Time::NEVER
            }
            Place::Queued { watch, .. } => watch.deadline(),
            Place::Leading(leading) => leading.hand_over_at.min(leading.resign_at),
        };
        (due < Time::NEVER).then_some(due)
    }

    fn is_open(&self) -> bool {
        self.port.is_some_and(|port| port.stage == PortStage::Open)
    }

    /// Returns the number of the newest request for the lock.
    pub fn last_request(&self) -> u32 {
        self.last_request
    }

    /// Returns what this tab is to the others.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the term of the leader that this tab knows, or is.
    fn term(&self) -> Option<Term> {
        match &self.place {
            Place::Resting => None,
            Place::Queued { leader, .. } => leader.map(|leader| leader.term),
            Place::Leading(leading) => Some(leading.term),
        }
    }

    fn post(&mut self, frame: TabFrame<M>) {
        self.outputs.push(TabOutput::Post(frame));
    }
}
