//! Two worlds that lead every place to its end: a friendly one, which answers everything, and a
//! silent one, in which only time passes.

use onesocket_core::{StateName, Time};

use crate::exploration::actions::{Action, Answer, Frame};
use crate::exploration::observed::Socket;
use crate::exploration::place::Place;
use crate::exploration::scope::Scope;

impl Place {
    /// What a friendly world does next: tokens are given, sockets open and are welcomed, what was
    /// shut closes, questions are answered, timers are punctual. `None` if all is quiet.
    pub(crate) fn friendly(&self, scope: &Scope) -> Option<Action> {
        let status = self.machine.status();
        let observed = &self.observed;
        if observed.offline {
            return Some(Action::Online);
        }
        if observed.fetching {
            return Some(Action::Token(Answer::Token(None)));
        }
        match self.observed.socket {
            Socket::Connecting { .. } => return Some(Action::Opened),
            Socket::Open if status.state == StateName::Connected => {
                if let Some((id, _)) = observed.asked.first() {
                    return Some(Action::Receive(Frame::Ack(*id)));
                }
                if let Some(id) = observed.kept.iter().rev().find_map(|kept| kept.sent) {
                    return Some(Action::Receive(Frame::Ack(id)));
                }
                if let Some((id, _)) = observed.refreshing {
                    return Some(if scope.is_plain() {
                        Action::TokenSent(true)
                    } else {
                        Action::Receive(Frame::Refreshed(id, None))
                    });
                }
                if observed.probe.is_some() {
                    return Some(Action::Receive(Frame::Pong));
                }
                let silent_at = observed.heard + observed.silence;
                let next = self.due()?;
                if observed.stable_at.is_none() && observed.is_wanted() && !self.is_late() {
                    // A server that lives and a token that is refreshed: so it may stay.
                    let refreshed = status.token_expires_at.is_none_or(|at| at <= self.now);
                    return (!refreshed && next < silent_at).then_some(Action::Due);
                }
                if next < silent_at && observed.heard == self.now {
                    return Some(Action::Due);
                }
                let heard = observed.heard == self.now;
                let sign = if scope.is_plain() { Frame::Message } else { Frame::Ping };
                return Some(if heard { Action::Tick } else { Action::Receive(sign) });
            }
            Socket::Open if scope.is_plain() => return Some(Action::Ready),
            Socket::Open => {
                let (resumed, life, other) = (true, None, false);
                return Some(Action::Receive(Frame::Welcome { resumed, life, other }));
            }
            Socket::ServerClosing { .. } | Socket::Shut { .. } => {
                return Some(Action::Closed(1006));
            }
            Socket::Gone => {}
        }
        self.silent()
    }

    /// What a world does next in which nothing ever answers, and only time passes.
    pub(crate) fn silent(&self) -> Option<Action> {
        if self.observed.offline && self.machine.status().state == StateName::Waiting {
            // It would try without end.
            return Some(Action::Online);
        }
        self.due().map(|_| Action::Due)
    }

    /// When something becomes due.
    pub(crate) fn due(&self) -> Option<Time> {
        self.machine.deadline()
    }
}
