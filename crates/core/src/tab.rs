//! A tab among those of one user that share a connection: it waits to lead, follows whoever leads, or
//! leads and passes on what the others send and get.
//!
//! The connection of each tab ([`Connection`](crate::Connection)) speaks through a *port*, as through a
//! socket of its own. The other end of all ports is in the tab that leads, which holds the only socket.
//! A lock that the browser gives to one tab at a time decides who leads; whatever the leader had in its
//! hands when it went is sent again by the tabs themselves, under their own names and ids.
//!
//! - `frame.rs`: what tabs say to each other.
//! - `io.rs`: the inputs and outputs.
//! - `relay.rs`: the leader's end of the ports.
//! - `watch.rs`: when a leader is held to be gone.

mod frame;
mod io;
mod relay;
mod watch;

pub use frame::{
    Applicant, Change, Frame, LinkStatus, News, PortId, TabFrame, TabId, Term, Terms, Up,
};
pub use io::{Down, Role, TabInput, TabOutput};

use onesocket_protocol::{Epoch, MessageId, Span};

use crate::error::{Error, ErrorCode};
use crate::text::{Sentence, Text};
use crate::time::Time;
use relay::{BEFORE_FIRST, DETACHED, Due, Left, Link, OWN, Relay};
use watch::{Next, Steals, Watch};

/// How long a leader that nobody sees goes on while a person sees another tab: long enough for a look
/// at another window.
const HIDDEN: Span = Span::from_secs(15);

/// How long a hand-over waits for answers that nobody would get after it, before it looks again.
const ANSWERED: Span = Span::from_secs(1);

/// For how long whoever connects elsewhere may be a tab that has said that it leads no more.
const RESIGNED: Span = Span::from_secs(5);

/// How long the lock is kept when the connection has failed for good, so that the others hear so before
/// one of them is given the lock and tries again.
const LINGER: Span = Span::from_millis(300);

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

    /// Stands, or stands back, as this tab wants a connection and its page runs.
    fn settle(&mut self, now: Time) {
        let wants = self.wish == Wish::Yes && self.awake;
        match &mut self.place {
            Place::Resting if wants => {
                self.listen(true);
                self.queue(None, now);
            }
            Place::Resting => {
                if self.wish != Wish::Yes {
                    // Nobody will open it.
                    self.close_port();
                }
                self.await_revival();
            }
            Place::Queued { .. } if !wants => {
                self.leave_leader();
                self.close_port();
                self.rest();
            }
            Place::Leading(leading) if !wants => {
                if self.awake && leading.relay.link == Link::Failed {
                    return;
                }
                // The socket closes first, for whoever waits for that.
                if self.awake {
                    self.closing = self.port.take().map(|port| port.number);
                }
                self.hand_over(now);
                self.rest();
            }
            Place::Leading(leading) if leading.relay.link == Link::Failed => {
                leading.relay.link = Link::Connecting;
                leading.resign_at = Time::NEVER;
                // By a new term the others know that it is tried again.
                self.last_term += 1;
                leading.term.number = self.last_term;
                self.say_that_it_leads();
                self.lead();
            }
            Place::Queued { .. } | Place::Leading(_) => {}
        }
    }

    /// Asks for the lock, and who leads where that is not known.
    fn queue(&mut self, leader: Option<Following>, now: Time) {
        let request = self.request(false);
        self.place = Place::Queued { request, leader, watch: Watch::Heard(now) };
        if leader.is_none() {
            self.post(TabFrame::Hello);
        }
    }

    fn request(&mut self, steal: bool) -> u32 {
        self.last_request = self.last_request.wrapping_add(1);
        self.outputs.push(TabOutput::Request { request: self.last_request, steal });
        self.last_request
    }

    /// Gives the lock back, or takes the request for it back.
    fn rest(&mut self) {
        let request = match &self.place {
            Place::Resting => None,
            Place::Queued { request, .. } => Some(*request),
            Place::Leading(leading) => Some(leading.request),
        };
        if let Some(request) = request {
            self.outputs.push(TabOutput::Release { request });
        }
        self.place = Place::Resting;
        self.await_revival();
    }

    fn listen(&mut self, on: bool) {
        if self.listens != on {
            self.listens = on;
            self.outputs.push(TabOutput::Listen(on));
        }
    }

    /// Listens while it rests only if it is to connect again when another tab does.
    fn await_revival(&mut self) {
        let hopes = self.awake && matches!(self.wish, Wish::Revival(_));
        if hopes && !self.listens {
            self.listen(true);
            // Another one may have connected before.
            self.post(TabFrame::Hello);
        }
        self.listen(hopes);
    }

    /// Leads no more: everything that was posted before has been heard before that.
    fn hand_over(&mut self, now: Time) {
        if let Place::Leading(leading) = &self.place {
            self.resigned_at = Some(now);
            let term = leading.term;
            self.post(TabFrame::Bye { term });
            self.outputs.push(TabOutput::Resign);
            self.close_port();
        }
    }

    /// Another tab leads, or will.
    fn demote(&mut self, leader: Option<Following>, now: Time) {
        if let Place::Leading(_) = self.place {
            self.hand_over(now);
            self.stand_back(leader, now);
            if leader.is_some() && matches!(self.wish, Wish::Revival(_)) {
                self.outputs.push(TabOutput::Revive);
            }
        }
    }

    /// Gives the lock back, and stands again if this tab wants a connection: one that has failed does not.
    fn stand_back(&mut self, leader: Option<Following>, now: Time) {
        match &self.place {
            Place::Leading(leading) if self.wish == Wish::Yes => {
                let request = leading.request;
                self.outputs.push(TabOutput::Release { request });
                self.queue(leader, now);
            }
            Place::Resting | Place::Queued { .. } | Place::Leading(_) => self.rest(),
        }
    }

    fn on_granted(&mut self, request: u32, epoch_ms: u64, now: Time) {
        match self.place {
            Place::Queued { request: asked, .. } if asked == request => {}
            // It was taken back meanwhile.
            Place::Resting | Place::Queued { .. } | Place::Leading(_) => {
                return self.outputs.push(TabOutput::Release { request });
            }
        }
        // What is still said in an earlier term is not for this tab's port any more.
        self.leave_leader();
        self.end_refreshes();
        self.last_term = epoch_ms.max(self.last_term + 1);
        let term = Term { number: self.last_term, leader: self.id };
        self.place = Place::Leading(Leading {
            request,
            term,
            relay: Relay::default(),
            hand_over_at: if self.shown { Time::NEVER } else { now + HIDDEN },
            resign_at: Time::NEVER,
        });
        self.say_that_it_leads();
        self.lead();
        match self.port {
            Some(Port { stage: PortStage::New, .. }) => self.open_own(now),
            Some(_) => self.close_port(),
            None => {}
        }
    }

    fn lead(&mut self) {
        // The numbers of requests go on as long as a client's name is known to the server.
        if self.is_one {
            self.link.clone_from(&self.client);
        }
        self.outputs.push(TabOutput::Lead { link: self.link.clone() });
    }

    fn say_that_it_leads(&mut self) {
        let Place::Leading(leading) = &self.place else { return };
        let (term, next, link) = (leading.term, leading.relay.next, self.link.clone());
        self.post(TabFrame::Lead { term, next, link });
    }

    fn on_lost(&mut self, request: u32, now: Time) {
        match self.place {
            Place::Leading(Leading { request: held, .. }) if held == request => {
                self.demote(None, now);
            }
            Place::Queued { request: asked, leader, .. } if asked == request => {
                self.queue(leader, now);
            }
            Place::Resting | Place::Queued { .. } | Place::Leading(_) => {}
        }
    }

    fn on_heard(&mut self, from: TabId, frame: TabFrame<M>, now: Time) {
        if let TabFrame::Lead { term, link, .. } = &frame {
            self.last_term = self.last_term.max(term.number);
            if !matches!(self.place, Place::Leading(_)) {
                self.link.clone_from(link);
            }
        }
        match (&self.place, &frame) {
            (Place::Resting, TabFrame::Lead { term, .. }) => {
                // The terms of tabs that have not heard of each other say nothing.
                if let Wish::Revival(failed) = self.wish
                    && (failed < *term || failed.leader != term.leader)
                {
                    self.outputs.push(TabOutput::Revive);
                }
            }
            (Place::Resting, _) => {}
            (Place::Queued { .. }, _) => self.on_heard_in_queue(frame, now),
            (Place::Leading(_), _) => self.on_heard_as_leader(from, frame, now),
        }
    }

    fn on_heard_in_queue(&mut self, frame: TabFrame<M>, now: Time) {
        let Place::Queued { leader, watch, .. } = &mut self.place else { return };
        match (frame, leader) {
            (TabFrame::Lead { term, next, .. }, Some(following)) if following.term == term => {
                *watch = Watch::Heard(now);
                if following.next != next {
                    self.miss(now);
                }
            }
            // One that has led before, and does not know yet that another does; unless the other is silent: the
            // terms of tabs that have not heard of each other say nothing. So the other is asked.
            (TabFrame::Lead { term, .. }, Some(following))
                if term < following.term && !matches!(watch, Watch::AskedAgain { .. }) =>
            {
                if let Watch::Heard(_) = watch {
                    *watch = Watch::Asked(now);
                    let term = following.term;
                    self.post(TabFrame::Ask { term });
                }
            }
            (TabFrame::Lead { term, next, .. }, leader) => {
                *watch = Watch::Heard(now);
                *leader = Some(Following { term, next });
                self.end_refreshes();
                self.follow(term);
            }
            (TabFrame::Bye { term }, Some(following)) if following.term == term => {
                *watch = Watch::Heard(now);
                self.lose_leader();
            }
            (TabFrame::News { term, place, news }, Some(following)) if following.term == term => {
                *watch = Watch::Heard(now);
                if place == following.next {
                    following.next += 1;
                    self.on_news(&news);
                } else {
                    self.miss(now);
                }
            }
            (
                TabFrame::Hello
                | TabFrame::Bye { .. }
                | TabFrame::Ask { .. }
                | TabFrame::Seen { .. }
                | TabFrame::Open { .. }
                | TabFrame::Up { .. }
                | TabFrame::Refresh { .. }
                | TabFrame::Urge { .. }
                | TabFrame::Shut { .. }
                | TabFrame::News { .. },
                _,
            ) => {}
        }
    }

    fn on_heard_as_leader(&mut self, from: TabId, frame: TabFrame<M>, now: Time) {
        let Place::Leading(leading) = &mut self.place else { return };
        let mine = leading.term;
        match frame {
            TabFrame::Lead { term, next, .. } if term > mine => {
                self.demote(Some(Following { term, next }), now);
            }
            // Whoever asks another leader does not know yet.
            TabFrame::Hello | TabFrame::Lead { .. } => self.say_that_it_leads(),
            TabFrame::Ask { term } | TabFrame::Open { term, .. } if term != mine => {
                self.say_that_it_leads();
            }
            TabFrame::Ask { .. } => self.tell(News::Here),
            TabFrame::Seen { shown } => {
                leading.relay.see(from, shown);
                self.see(shown, now);
            }
            TabFrame::Open { port, member, .. } => {
                let shown = member.shown;
                self.open(PortId { tab: from, number: port }, member, now);
                self.see(shown, now);
            }
            TabFrame::Up { term, port, place, frame } if term == mine => {
                self.pass(PortId { tab: from, number: port }, place, frame);
            }
            TabFrame::Shut { term, port } if term == mine => {
                self.shut(PortId { tab: from, number: port });
            }
            TabFrame::Urge { term } if term == mine => self.urge(now),
            TabFrame::Bye { term } if term < mine => self.resigned_at = Some(now),
            TabFrame::Refresh { term, call } if term == mine => {
                let by = PortId { tab: from, number: call };
                self.outputs.push(TabOutput::Refresh { by });
            }
            TabFrame::Bye { .. }
            | TabFrame::Up { .. }
            | TabFrame::Refresh { .. }
            | TabFrame::Urge { .. }
            | TabFrame::Shut { .. }
            | TabFrame::News { .. } => {}
        }
    }

    /// A leader is known now.
    fn follow(&mut self, term: Term) {
        match &mut self.port {
            Some(port) if port.stage == PortStage::New => {
                port.stage = PortStage::Asked;
                let (number, member) = (port.number, self.applicant());
                self.post(TabFrame::Open { term, port: number, member });
            }
            // The next port is opened at this leader.
            Some(_) => self.close_port(),
            None => {}
        }
    }

    fn applicant(&self) -> Applicant {
        let (client, user) = (self.client.clone(), self.user.clone());
        Applicant { client, user, shown: self.shown }
    }

    /// The leader leads no more.
    fn lose_leader(&mut self) {
        self.end_refreshes();
        if let Place::Queued { leader, .. } = &mut self.place {
            *leader = None;
        }
        self.close_asked_port();
    }

    /// Something from the leader, or to it, has not arrived: a new port begins without a gap.
    fn miss(&mut self, now: Time) {
        self.leave_leader();
        if let Place::Queued { watch, .. } = &mut self.place {
            *watch = Watch::Heard(now);
        }
        self.lose_leader();
        self.post(TabFrame::Hello);
    }

    /// Tells the leader that the port is not needed any more.
    fn leave_leader(&mut self) {
        let Place::Queued { leader: Some(Following { term, .. }), .. } = self.place else { return };
        if let Some(Port { number, stage: PortStage::Asked | PortStage::Open, .. }) = self.port {
            self.post(TabFrame::Shut { term, port: number });
        }
    }

    /// Has the token refreshed, by whoever leads.
    fn refresh(&mut self, call: u32) {
        match self.place {
            Place::Leading(_) => {
                let by = PortId { tab: self.id, number: call };
                self.outputs.push(TabOutput::Refresh { by });
                self.refreshes.push(call);
            }
            Place::Queued { leader: Some(Following { term, .. }), .. } => {
                self.post(TabFrame::Refresh { term, call });
                self.refreshes.push(call);
            }
            Place::Resting | Place::Queued { leader: None, .. } => {
                let error = Some(Error::not_open());
                self.outputs.push(TabOutput::Refreshed { call, error });
            }
        }
    }

    /// Nobody will answer any more.
    fn end_refreshes(&mut self) {
        for call in std::mem::take(&mut self.refreshes) {
            let error = Some(Error::unconfirmed());
            self.outputs.push(TabOutput::Refreshed { call, error });
        }
    }

    fn on_news(&mut self, news: &News<M>) {
        if let News::Refreshed { to, error } = news {
            let calls = self.refreshes.len();
            self.refreshes.retain(|call| to.tab != self.id || *call != to.number);
            if self.refreshes.len() < calls {
                let (call, error) = (to.number, error.clone());
                self.outputs.push(TabOutput::Refreshed { call, error });
            }
        }
        let Some(port) = &mut self.port else { return };
        let (number, stage) = (port.number, port.stage);
        let own = PortId { tab: self.id, number };
        let is_asked = stage != PortStage::New;
        match news {
            News::Opened { to, terms, epoch } if *to == own && stage == PortStage::Asked => {
                port.stage = PortStage::Open;
                self.is_one = terms.tabs.is_none();
                self.user.clone_from(&terms.user);
                let (terms, epoch) = (terms.clone(), epoch.clone());
                self.outputs.push(TabOutput::PortOpened { port: number, terms, epoch });
            }
            News::Pong { to } if *to == own => {
                self.outputs.push(TabOutput::PortPong { port: number });
            }
            News::Frame { to, frame } if to.is_empty() || to.contains(&own) => {
                if stage == PortStage::Open {
                    let frame = frame.clone();
                    self.outputs.push(TabOutput::PortFrame { port: number, frame });
                }
            }
            News::Status { to, link } if is_asked && to.is_none_or(|to| to == own) => {
                self.outputs.push(TabOutput::PortStatus { port: number, link: *link });
            }
            News::Closed { to } if is_asked && *to == own => self.close_port(),
            News::Lost { reason } if is_asked => self.end_port(reason.clone()),
            // A port that opens later opens with this token.
            News::TokenRefreshed { life } if stage == PortStage::Open => {
                self.outputs.push(TabOutput::TokenRefreshed(*life));
            }
            News::Failed { to, error } if is_asked && to.is_none_or(|to| to == own) => {
                if to.is_none()
                    && let Some(term) = self.term()
                {
                    self.wish = Wish::Revival(term);
                }
                self.fail_port(error.clone());
            }
            News::Here
            | News::Opened { .. }
            | News::Pong { .. }
            | News::Frame { .. }
            | News::Status { .. }
            | News::Closed { .. }
            | News::Lost { .. }
            | News::Refreshed { .. }
            | News::TokenRefreshed { .. }
            | News::Failed { .. } => {}
        }
    }

    /// Returns the term of the leader that this tab knows, or is.
    fn term(&self) -> Option<Term> {
        match &self.place {
            Place::Resting => None,
            Place::Queued { leader, .. } => leader.map(|leader| leader.term),
            Place::Leading(leading) => Some(leading.term),
        }
    }

    fn close_asked_port(&mut self) {
        if self.port.is_some_and(|port| port.stage != PortStage::New) {
            self.close_port();
        }
    }

    /// The connection opens another.
    fn close_port(&mut self) {
        self.end_port(None);
    }

    fn end_port(&mut self, reason: Option<Text>) {
        self.end_refreshes();
        if let Some(Port { number, .. }) = self.port.take() {
            self.outputs.push(TabOutput::PortClosed { port: number, reason });
        }
    }

    /// The connection fails, and wants nothing more until it is asked to connect again.
    fn fail_port(&mut self, error: Error) {
        self.end_refreshes();
        if let Some(Port { number, .. }) = self.port.take() {
            self.outputs.push(TabOutput::PortFailed { port: number, error });
        }
    }

    fn on_open(&mut self, port: u32, now: Time) {
        self.port = Some(Port { number: port, stage: PortStage::New, sent: 0 });
        match self.place {
            Place::Resting if self.wish != Wish::Yes => self.close_port(),
            Place::Resting | Place::Queued { leader: None, .. } => {}
            Place::Queued { leader: Some(Following { term, .. }), .. } => self.follow(term),
            Place::Leading(_) => self.open_own(now),
        }
    }

    fn open_own(&mut self, now: Time) {
        if let Some(port) = &mut self.port {
            port.stage = PortStage::Asked;
            let own = PortId { tab: self.id, number: port.number };
            self.open(own, self.applicant(), now);
        }
    }

    fn on_send(&mut self, port: u32, frame: Up<M>) {
        let Some(own) = self.port.as_mut().filter(|own| own.number == port) else { return };
        if own.stage != PortStage::Open {
            return;
        }
        let place = own.sent;
        own.sent += 1;
        match &self.place {
            Place::Queued { leader: Some(Following { term, .. }), .. } => {
                let term = *term;
                self.post(TabFrame::Up { term, port, place, frame });
            }
            Place::Leading(_) => self.pass(PortId { tab: self.id, number: port }, place, frame),
            Place::Resting | Place::Queued { leader: None, .. } => {}
        }
    }

    fn on_shut(&mut self, port: u32) {
        if self.port.is_none_or(|own| own.number != port) {
            return;
        }
        self.leave_leader();
        self.shut(PortId { tab: self.id, number: port });
        self.close_port();
    }

    fn on_shown(&mut self, shown: bool, now: Time) {
        if self.shown == shown {
            return;
        }
        self.shown = shown;
        match &mut self.place {
            Place::Resting => {}
            Place::Queued { leader, watch, .. } => {
                let Some(Following { term, .. }) = *leader else { return };
                if shown {
                    *watch = Watch::Asked(now);
                    self.post(TabFrame::Ask { term });
                }
                self.post(TabFrame::Seen { shown });
            }
            Place::Leading(leading) => {
                leading.relay.see(self.id, shown);
                leading.hand_over_at = if shown { Time::NEVER } else { now + HIDDEN };
            }
        }
    }

    /// Another tab is seen by a person: a leader that is not does not wait for that in vain.
    fn see(&mut self, shown: bool, now: Time) {
        let hidden = !self.shown;
        if let Place::Leading(leading) = &mut self.place
            && shown
            && hidden
            && leading.hand_over_at == Time::NEVER
        {
            leading.hand_over_at = now + HIDDEN;
        }
    }

    fn on_due(&mut self, due: Time, now: Time) {
        match &mut self.place {
            Place::Resting => {}
            Place::Queued { watch, leader, .. } => {
                let term = leader.map(|leader| leader.term);
                let next = watch.due(&mut self.steals, now);
                if next == Next::AskAgain {
                    self.outputs.push(TabOutput::Probe);
                }
                match next {
                    Next::ListenAnew => {
                        self.listen(false);
                        self.listen(true);
                    }
                    Next::Steal => self.renew(true),
                    // A leader in the back/forward cache keeps the lock from those who wait already.
                    Next::AskAgain if term.is_none() => self.renew(false),
                    // Another one may lead.
                    Next::AskAgain => self.post(TabFrame::Hello),
                    Next::Ask => {}
                }
                self.post(term.map_or(TabFrame::Hello, |term| TabFrame::Ask { term }));
            }
            Place::Leading(leading) if leading.resign_at == due => {
                self.hand_over(now);
                self.rest();
            }
            Place::Leading(leading) => {
                let others = leading.relay.others_are_shown(self.id);
                // What one client has asked for all is not asked again by the next.
                let waits = others && leading.relay.is_asking();
                leading.hand_over_at = if waits { now + ANSWERED } else { Time::NEVER };
                if others && !waits {
                    self.hand_over(now);
                    self.stand_back(None, now);
                }
            }
        }
    }

    /// Asks for the lock anew.
    fn renew(&mut self, steal: bool) {
        let Place::Queued { request: old, .. } = self.place else { return };
        self.outputs.push(TabOutput::Release { request: old });
        let new = self.request(steal);
        if let Place::Queued { request, .. } = &mut self.place {
            *request = new;
        }
    }

    fn on_link_up(&mut self, terms: Terms) {
        let Place::Leading(leading) = &mut self.place else { return };
        self.is_one = terms.tabs.is_none();
        if self.is_one && self.link != self.client {
            // Under that name another tab has numbered requests before, which the server may remember.
            leading.relay.lose();
            self.tell_all(News::Lost { reason: None });
            self.outputs.push(TabOutput::Resign);
            return self.lead();
        }
        leading.relay.link = Link::Up(terms);
        self.attach_waiting();
    }

    fn on_link_status(&mut self, link: LinkStatus, now: Time) {
        if let Place::Leading(leading) = &mut self.place
            && leading.relay.note(link, now)
        {
            self.tell_all(News::Status { to: None, link });
        }
    }

    /// Has the connection tried again now, if it waits for that.
    fn urge(&mut self, now: Time) {
        match &self.place {
            Place::Queued { leader: Some(Following { term, .. }), .. } => {
                let term = *term;
                self.post(TabFrame::Urge { term });
            }
            Place::Leading(leading) if leading.relay.status(now).retry_in.is_some() => self.lead(),
            Place::Resting | Place::Queued { .. } | Place::Leading(_) => {}
        }
    }

    fn on_link_failed(&mut self, error: Error, now: Time) {
        let Place::Leading(leading) = &mut self.place else { return };
        let is_of_user = match error.code {
            ErrorCode::Replaced => {
                leading.relay.link = Link::Replaced(error);
                return self.outputs.push(TabOutput::Query);
            }
            ErrorCode::Unauthorized => error.message.sentence() != Sentence::NoSession,
            ErrorCode::TokenFailed | ErrorCode::InvalidOptions | ErrorCode::Unsupported => false,
            ErrorCode::Aborted
            | ErrorCode::AnotherUser
            | ErrorCode::AttemptsExhausted
            | ErrorCode::Closed
            | ErrorCode::InvalidMessage
            | ErrorCode::NoHandler
            | ErrorCode::QueueFull
            | ErrorCode::Refused
            | ErrorCode::TooLarge => true,
        };
        if is_of_user {
            return self.fail_all(error, now);
        }
        // Another tab may have what this one lacks.
        self.wish = Wish::No;
        self.fail_port(error);
        self.hand_over(now);
        self.rest();
    }

    /// The connection has failed for all.
    fn fail_all(&mut self, error: Error, now: Time) {
        let Place::Leading(leading) = &mut self.place else { return };
        leading.relay.link = Link::Failed;
        leading.relay.lose();
        leading.resign_at = now + LINGER;
        self.wish = Wish::Revival(leading.term);
        self.tell_all(News::Failed { to: None, error });
    }

    fn on_held(&mut self, held: bool, now: Time) {
        let Place::Leading(leading) = &mut self.place else { return };
        // It did not know yet that it has lost the lock to this one. A server that knows it by another name takes
        // it for another browser.
        let led_before = self.resigned_at.is_some_and(|at| now.since(at) < RESIGNED);
        match &leading.relay.link {
            Link::Replaced(error)
                if held && (led_before || error.message.sentence() == Sentence::Moved) =>
            {
                leading.relay.link = Link::Connecting;
                leading.relay.lose();
                self.tell_all(News::Lost { reason: None });
                self.lead();
            }
            Link::Replaced(error) if held => {
                let error = error.clone();
                self.fail_all(error, now);
            }
            Link::Replaced(_) => self.demote(None, now),
            Link::Connecting | Link::Up(_) | Link::Failed => {}
        }
    }

    fn on_link_frame(&mut self, slots: &[u16], what: Down, frame: M) {
        let Place::Leading(leading) = &mut self.place else { return };
        match (what, slots) {
            (Down::Attached(epoch), [slot]) => {
                if let Some(to) = leading.relay.attached(*slot) {
                    self.tell_opened(to, epoch);
                }
            }
            (Down::Ack(id), [slot]) if leading.relay.detached(*slot, id) => {
                self.attach_waiting();
            }
            // The answers to the connection's own client are those who have asked.
            (Down::Ack(id), []) => {
                let answers = leading.relay.acked(id);
                self.answer(answers, &frame);
            }
            (Down::Refused(id), []) => {
                let answer = leading.relay.refused(id);
                self.answer(answer, &frame);
            }
            (Down::Ended(group), []) => {
                let to = leading.relay.ended(&group);
                self.tell_ports(to, frame);
            }
            (Down::Group(group), []) => {
                let to = leading.relay.in_group(&group);
                self.tell_ports(to, frame);
            }
            (
                Down::Attached(_)
                | Down::Ack(_)
                | Down::Refused(_)
                | Down::Ended(_)
                | Down::Group(_)
                | Down::Other,
                _,
            ) => {
                let to = leading.relay.ports(slots);
                self.tell_ports(to, frame);
            }
        }
    }

    /// Passes an answer of the server on, to each under the number that it knows.
    fn answer(&mut self, answers: impl IntoIterator<Item = (PortId, MessageId)>, frame: &M) {
        for (to, id) in answers {
            self.tell_ports(vec![to], frame.numbered(id));
        }
    }

    /// Passes a frame of the server on.
    fn tell_ports(&mut self, mut to: Vec<PortId>, frame: M) {
        let all = to.len();
        to.retain(|to| to.tab != self.id);
        let is_for_own = to.len() < all;
        // The others first: what this tab does with the bytes is its own affair.
        if !to.is_empty() {
            self.tell(News::Frame { to, frame: frame.clone() });
        }
        if let Some(port) = self.port
            && is_for_own
        {
            self.outputs.push(TabOutput::PortFrame { port: port.number, frame });
        }
    }

    /// Opens a port at this tab, which leads.
    fn open(&mut self, port: PortId, applicant: Applicant, now: Time) {
        let Place::Leading(leading) = &mut self.place else { return };
        let left = leading.relay.open(port, applicant);
        let link = leading.relay.status(now);
        self.detach(left);
        if port.tab != self.id {
            self.outputs.push(TabOutput::Watch { port });
        }
        if link != LinkStatus::default() {
            self.tell_port(port, News::Status { to: Some(port), link });
        }
        self.attach_waiting();
    }

    /// A tab is gone that did not say so: the server is not to hold a place for it.
    fn on_gone(&mut self, port: PortId) {
        if let Place::Leading(leading) = &self.place
            && leading.relay.has(port)
        {
            self.shut(port);
            // It may have been away only: then it opens another.
            self.tell(News::Closed { to: port });
        }
    }

    /// Closes a port at this tab, if it leads.
    fn shut(&mut self, port: PortId) {
        let Place::Leading(leading) = &mut self.place else { return };
        let left = leading.relay.shut(port);
        self.detach(left);
    }

    /// Has the server let go of what a client has left.
    fn detach(&mut self, left: Left) {
        match left {
            Left::Nothing => {}
            Left::Slot(slot) => self.outputs.push(TabOutput::Detach { slot, id: DETACHED }),
            Left::Groups(groups) => {
                for group in groups {
                    let frame = M::leave(self.next_id(), group);
                    self.outputs.push(TabOutput::Up { slot: OWN, frame });
                }
            }
        }
    }

    fn next_id(&mut self) -> MessageId {
        self.last_id.0 += 1;
        self.last_id
    }

    fn attach_waiting(&mut self) {
        while let Place::Leading(leading) = &mut self.place
            && let Some(due) = leading.relay.next_waiting()
        {
            match due {
                Due::Refuse(port) => {
                    let error = Error::of(ErrorCode::AnotherUser, Sentence::AnotherUsersTabs);
                    self.tell_port(port, News::Failed { to: Some(port), error });
                }
                Due::Attach(slot, client) => {
                    self.outputs.push(TabOutput::Attach { slot, client });
                }
                Due::Open(to) => self.tell_opened(to, None),
            }
        }
    }

    fn tell_opened(&mut self, to: PortId, epoch: Option<Epoch>) {
        if let Place::Leading(leading) = &self.place
            && let Some(terms) = leading.relay.terms().cloned()
        {
            self.tell_port(to, News::Opened { to, terms, epoch });
        }
    }

    /// Passes on what has come through a port. A gap ends the port: the server holds an id that is left
    /// out for one that it has had.
    fn pass(&mut self, port: PortId, place: u64, frame: Up<M>) {
        let Place::Leading(leading) = &mut self.place else { return };
        match (leading.relay.pass(port, place), frame) {
            (Some(_), Up::Ping) => self.tell_port(port, News::Pong { to: port }),
            (Some(OWN), Up::Frame(frame)) => self.ask(port, &frame),
            (Some(slot), Up::Frame(frame)) => self.outputs.push(TabOutput::Up { slot, frame }),
            (None, _) => {
                self.shut(port);
                self.tell_port(port, News::Closed { to: port });
            }
        }
    }

    /// Makes a request of a port that of the connection's own client.
    fn ask(&mut self, port: PortId, frame: &M) {
        let Some(request) = frame.request() else { return };
        let id = self.next_id();
        let Place::Leading(leading) = &mut self.place else { return };
        let frame = match leading.relay.ask(port, request, id) {
            // It is answered like the end of the membership that this request would have ended.
            Some(group) => M::join(id, group),
            None => frame.numbered(id),
        };
        self.outputs.push(TabOutput::Up { slot: OWN, frame });
    }

    /// Tells one port.
    fn tell_port(&mut self, port: PortId, news: News<M>) {
        if port.tab == self.id { self.on_news(&news) } else { self.tell(news) }
    }

    /// Tells all ports.
    fn tell_all(&mut self, news: News<M>) {
        if let Place::Leading(_) = self.place {
            self.on_news(&news);
            self.tell(news);
        }
    }

    /// Tells the followers.
    fn tell(&mut self, news: News<M>) {
        let Place::Leading(leading) = &mut self.place else { return };
        let (term, place) = (leading.term, leading.relay.next);
        leading.relay.next += 1;
        self.post(TabFrame::News { term, place, news });
    }

    fn post(&mut self, frame: TabFrame<M>) {
        self.outputs.push(TabOutput::Post(frame));
    }
}
