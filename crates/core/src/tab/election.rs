//! Who leads: a tab asks for the lock, has it, and gives it back.

use onesocket_protocol::Span;

use super::frame::{Frame, TabFrame, Term};
use super::io::TabOutput;
use super::relay::{Link, Relay};
use super::watch::{Next, Watch};
use super::{Following, Leading, Place, Port, PortStage, Tab, Wish};
use crate::time::Time;

/// How long a leader that nobody sees goes on while a person sees another tab: long enough for a look
/// at another window.
const HIDDEN: Span = Span::from_secs(15);

/// How long a hand-over waits for answers that nobody would get after it, before it looks again.
const ANSWERED: Span = Span::from_secs(1);

impl<M: Frame> Tab<M> {
    /// Stands, or stands back, as this tab wants a connection and its page runs.
    pub(super) fn settle(&mut self, now: Time) {
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

    /// Asks for the lock anew.
    fn renew(&mut self, steal: bool) {
        let Place::Queued { request: old, .. } = self.place else { return };
        self.outputs.push(TabOutput::Release { request: old });
        let new = self.request(steal);
        if let Place::Queued { request, .. } = &mut self.place {
            *request = new;
        }
    }

    pub(super) fn on_granted(&mut self, request: u32, epoch_ms: u64, now: Time) {
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

    pub(super) fn lead(&mut self) {
        // The numbers of requests go on as long as a client's name is known to the server.
        if self.is_one {
            self.link.clone_from(&self.client);
        }
        self.outputs.push(TabOutput::Lead { link: self.link.clone() });
    }

    pub(super) fn say_that_it_leads(&mut self) {
        let Place::Leading(leading) = &self.place else { return };
        let (term, next, link) = (leading.term, leading.relay.next, self.link.clone());
        self.post(TabFrame::Lead { term, next, link });
    }

    pub(super) fn on_lost(&mut self, request: u32, now: Time) {
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

    /// Gives the lock back, or takes the request for it back.
    pub(super) fn rest(&mut self) {
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

    /// Leads no more: everything that was posted before has been heard before that.
    pub(super) fn hand_over(&mut self, now: Time) {
        if let Place::Leading(leading) = &self.place {
            self.resigned_at = Some(now);
            let term = leading.term;
            self.post(TabFrame::Bye { term });
            self.outputs.push(TabOutput::Resign);
            self.close_port();
        }
    }

    /// Another tab leads, or will.
    pub(super) fn demote(&mut self, leader: Option<Following>, now: Time) {
        if let Place::Leading(_) = self.place {
            self.hand_over(now);
            self.stand_back(leader, now);
            if leader.is_some() && matches!(self.wish, Wish::Revival(_)) {
                self.outputs.push(TabOutput::Revive);
            }
        }
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

    pub(super) fn on_shown(&mut self, shown: bool, now: Time) {
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
    pub(super) fn see(&mut self, shown: bool, now: Time) {
        let hidden = !self.shown;
        if let Place::Leading(leading) = &mut self.place
            && shown
            && hidden
            && leading.hand_over_at == Time::NEVER
        {
            leading.hand_over_at = now + HIDDEN;
        }
    }

    pub(super) fn on_due(&mut self, due: Time, now: Time) {
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
}
