//! What a tab hears from others while it does not lead.

use super::frame::{Frame, TabFrame, TabId, Term};
use super::io::TabOutput;
use super::watch::Watch;
use super::{Following, Place, Port, PortStage, Tab, Wish};
use crate::time::Time;

impl<M: Frame> Tab<M> {
    pub(super) fn on_heard(&mut self, from: TabId, frame: TabFrame<M>, now: Time) {
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

    /// A leader is known now.
    pub(super) fn follow(&mut self, term: Term) {
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
    pub(super) fn leave_leader(&mut self) {
        let Place::Queued { leader: Some(Following { term, .. }), .. } = self.place else { return };
        if let Some(Port { number, stage: PortStage::Asked | PortStage::Open, .. }) = self.port {
            self.post(TabFrame::Shut { term, port: number });
        }
    }
}
