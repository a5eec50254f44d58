//! The port of this tab's connection, and what comes through it.

use super::frame::{Applicant, Frame, News, PortId, TabFrame, Up};
use super::io::TabOutput;
use super::{Following, Place, Port, PortStage, Tab, Wish};
use crate::error::Error;
use crate::text::Text;
use crate::time::Time;

impl<M: Frame> Tab<M> {
    pub(super) fn on_open(&mut self, port: u32, now: Time) {
        self.port = Some(Port { number: port, stage: PortStage::New, sent: 0 });
        match self.place {
            Place::Resting if self.wish != Wish::Yes => self.close_port(),
            Place::Resting | Place::Queued { leader: None, .. } => {}
            Place::Queued { leader: Some(Following { term, .. }), .. } => self.follow(term),
            Place::Leading(_) => self.open_own(now),
        }
    }

    pub(super) fn open_own(&mut self, now: Time) {
        if let Some(port) = &mut self.port {
            port.stage = PortStage::Asked;
            let own = PortId { tab: self.id, number: port.number };
            self.open(own, self.applicant(), now);
        }
    }

    pub(super) fn applicant(&self) -> Applicant {
        let (client, user) = (self.client.clone(), self.user.clone());
        Applicant { client, user, shown: self.shown }
    }

    pub(super) fn on_send(&mut self, port: u32, frame: Up<M>) {
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

    pub(super) fn on_shut(&mut self, port: u32) {
        if self.port.is_none_or(|own| own.number != port) {
            return;
        }
        self.leave_leader();
        self.shut(PortId { tab: self.id, number: port });
        self.close_port();
    }

    pub(super) fn on_news(&mut self, news: &News<M>) {
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

    pub(super) fn close_asked_port(&mut self) {
        if self.port.is_some_and(|port| port.stage != PortStage::New) {
            self.close_port();
        }
    }

    /// The connection opens another.
    pub(super) fn close_port(&mut self) {
        self.end_port(None);
    }

    fn end_port(&mut self, reason: Option<Text>) {
        self.end_refreshes();
        if let Some(Port { number, .. }) = self.port.take() {
            self.outputs.push(TabOutput::PortClosed { port: number, reason });
        }
    }

    /// The connection fails, and wants nothing more until it is asked to connect again.
    pub(super) fn fail_port(&mut self, error: Error) {
        self.end_refreshes();
        if let Some(Port { number, .. }) = self.port.take() {
            self.outputs.push(TabOutput::PortFailed { port: number, error });
        }
    }

    /// Has the token refreshed, by whoever leads.
    pub(super) fn refresh(&mut self, call: u32) {
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
    pub(super) fn end_refreshes(&mut self) {
        for call in std::mem::take(&mut self.refreshes) {
            let error = Some(Error::unconfirmed());
            self.outputs.push(TabOutput::Refreshed { call, error });
        }
    }
}
