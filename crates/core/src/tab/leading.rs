//! What a tab does for all while it leads.

use onesocket_protocol::{Epoch, MessageId, Span};

use super::frame::{Applicant, Frame, LinkStatus, News, PortId, TabFrame, TabId, Terms, Up};
use super::io::{Down, TabOutput};
use super::relay::{DETACHED, Due, Left, Link, OWN};
use super::{Following, Place, Tab, Wish};
use crate::error::{Error, ErrorCode};
use crate::text::Sentence;
use crate::time::Time;

/// For how long whoever connects elsewhere may be a tab that has said that it leads no more.
const RESIGNED: Span = Span::from_secs(5);

/// How long the lock is kept when the connection has failed for good, so that the others hear so before
/// one of them is given the lock and tries again.
const LINGER: Span = Span::from_millis(300);

impl<M: Frame> Tab<M> {
    pub(super) fn on_heard_as_leader(&mut self, from: TabId, frame: TabFrame<M>, now: Time) {
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

    pub(super) fn on_link_up(&mut self, terms: Terms) {
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

    pub(super) fn on_link_status(&mut self, link: LinkStatus, now: Time) {
        if let Place::Leading(leading) = &mut self.place
            && leading.relay.note(link, now)
        {
            self.tell_all(News::Status { to: None, link });
        }
    }

    /// Has the connection tried again now, if it waits for that.
    pub(super) fn urge(&mut self, now: Time) {
        match &self.place {
            Place::Queued { leader: Some(Following { term, .. }), .. } => {
                let term = *term;
                self.post(TabFrame::Urge { term });
            }
            Place::Leading(leading) if leading.relay.status(now).retry_in.is_some() => self.lead(),
            Place::Resting | Place::Queued { .. } | Place::Leading(_) => {}
        }
    }

    pub(super) fn on_link_failed(&mut self, error: Error, now: Time) {
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

    pub(super) fn on_held(&mut self, held: bool, now: Time) {
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

    pub(super) fn on_link_frame(&mut self, slots: &[u16], what: Down, frame: M) {
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
    pub(super) fn open(&mut self, port: PortId, applicant: Applicant, now: Time) {
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
    pub(super) fn on_gone(&mut self, port: PortId) {
        if let Place::Leading(leading) = &self.place
            && leading.relay.has(port)
        {
            self.shut(port);
            // It may have been away only: then it opens another.
            self.tell(News::Closed { to: port });
        }
    }

    /// Closes a port at this tab, if it leads.
    pub(super) fn shut(&mut self, port: PortId) {
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
    pub(super) fn pass(&mut self, port: PortId, place: u64, frame: Up<M>) {
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
    pub(super) fn tell_port(&mut self, port: PortId, news: News<M>) {
        if port.tab == self.id { self.on_news(&news) } else { self.tell(news) }
    }

    /// Tells all ports.
    pub(super) fn tell_all(&mut self, news: News<M>) {
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
}
