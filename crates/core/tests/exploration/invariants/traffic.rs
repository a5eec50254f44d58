//! What must hold of what is sent, and of the answer to each call.

use onesocket_core::protocol::{ClientFrame, MessageId};
use onesocket_core::{Call, ErrorCode, StateName};

use crate::exploration::actions::{Action, Frame};
use crate::exploration::invariants::Step;
use crate::exploration::observed::{Kept, Observed, Socket, Want, What};
use crate::exploration::{LARGEST, LATE, Message, Verdict, WAKE_TIMEOUT, ensure, is_live, is_over};

impl Observed {
    pub(super) fn settle(
        &mut self,
        step: &mut Step<'_>,
        call: Call,
        code: Option<ErrorCode>,
    ) -> Verdict {
        if take(&mut self.connects, call) {
            if code.is_none() {
                ensure!(step.status.state == StateName::Connected, "connect() resolved too early");
                self.lasting = true;
            } else if code == Some(ErrorCode::Aborted) {
                ensure!(step.action == Action::Abort(call), "aborted by nobody");
            } else {
                // A caller whose connect() has failed still wants the connection once it is
                // possible.
                self.lasting |= step.status.state == StateName::Failed;
            }
        } else if take(&mut self.closes, call) {
            let done = matches!(self.socket, Socket::Gone | Socket::Connecting { .. });
            ensure!(done && code.is_none(), "close() answered {code:?} while {:?}", self.socket);
        } else if let Some(at) = self.calls.iter().position(|(other, _)| *other == call) {
            match (self.calls.remove(at).1, code) {
                (Want::Join(group), None) => {
                    ensure!(self.joined.contains(&group), "join() resolved, we are not in {group}");
                }
                (Want::Join(group), Some(_)) => {
                    // Else the machine has not taken it, or a leave() or the server has ended it before.
                    if is_over(step.status.state) && !is_over(step.before) {
                        self.take_wish(group);
                    }
                }
                (Want::Leave, code) => {
                    ensure!(!step.stays || code != Some(ErrorCode::Refused), "leave() was refused");
                }
                (Want::Publish, None) => {
                    ensure!(
                        step.done.contains(&call),
                        "publish() resolved, and nobody accepted it"
                    );
                    ensure!(step.done.first() == Some(&call), "accepted out of order");
                    step.done.remove(0);
                }
                (Want::Publish, Some(code)) => match step.declined.take() {
                    Some(declined) => {
                        ensure!(declined == (call, code), "{call:?} {code:?}, not {declined:?}");
                    }
                    None => self.drop_kept(step, What::Publish(call))?,
                },
            }
        } else if take(&mut self.refreshes, call) {
            ensure!(code.is_some() || step.refreshed, "refreshToken() resolved too early");
        } else {
            return Err(format!("{call:?} is not waiting for an answer"));
        }
        Ok(())
    }

    pub(super) fn transmit(
        &mut self,
        step: &mut Step<'_>,
        frame: &ClientFrame<Message>,
    ) -> Verdict {
        let Some(id) = frame.id() else {
            if *frame == ClientFrame::Ping {
                return self.probe(step);
            }
            ensure!(step.action == Action::Receive(Frame::Ping), "a pong that nobody asked for");
            return Ok(());
        };
        ensure!(step.status.state == StateName::Connected, "sent before the session was agreed");
        let message = matches!(frame, ClientFrame::Message { .. } | ClientFrame::Publish { .. });
        ensure!(message || id > self.last_number, "{id:?} was used before");
        self.last_number = self.last_number.max(id);
        match frame {
            ClientFrame::Join { group, .. } => {
                let mut groups = step.scope.groups.iter();
                let group = *groups.find(|name| **name == group.as_str()).ok_or("what group?")?;
                ensure!(!step.flushed, "a group is joined after messages have gone out");
                ensure!(!step.asked_for.contains(&group), "{group} is joined twice");
                step.asked_for.push(group);
                self.asked.push((id, Some(group)));
            }
            ClientFrame::Leave { .. } => {
                ensure!(!step.stays, "a group is left that others are in");
                self.asked.push((id, None));
            }
            ClientFrame::Message { data, .. } => {
                self.sent(step, id, |what| *what == What::Message(*data))?;
            }
            ClientFrame::Publish { .. } => {
                self.sent(step, id, |what| matches!(what, What::Publish(_)))?;
            }
            ClientFrame::Refresh { .. } => {
                ensure!(std::mem::take(&mut step.token), "a token from nowhere");
                ensure!(self.refreshing.is_none(), "refreshed twice at once");
                self.refreshing = Some((id, step.now + onesocket_core::TOKEN_TIMEOUT));
            }
            ClientFrame::Ping | ClientFrame::Pong => {}
        }
        Ok(())
    }

    /// Checks a probe: a ping that asks the server for a sign of life.
    pub(super) fn probe(&mut self, step: &Step<'_>) -> Verdict {
        ensure!(step.status.state == StateName::Connected, "a probe before the session was agreed");
        let woken = matches!(step.action, Action::Wake | Action::Online);
        let asked = self.probe.is_some_and(|at| at > step.now);
        ensure!(step.scope.can_ask(), "a server is asked that cannot be");
        if woken && !asked {
            self.probe = Some(step.now + WAKE_TIMEOUT);
            return Ok(());
        }
        let due = self.probe.unwrap_or(self.heard + self.silence);
        let late = step.now.since(due) > LATE;
        let first = step.scope.asks_first() && self.probe.is_none();
        ensure!(due <= step.now && (late || first), "a probe without need");
        self.probe = Some(step.now + step.scope.config.heartbeat.timeout);
        Ok(())
    }

    /// Checks a message that goes out: it is the next one, and goes again only after a loss and
    /// under the same number.
    pub(super) fn sent(
        &mut self,
        step: &mut Step<'_>,
        id: MessageId,
        is: impl Fn(&What) -> bool,
    ) -> Verdict {
        step.flushed = true;
        let next = self.kept.get_mut(step.next);
        let Some(kept) = next.filter(|kept| is(&kept.what)) else {
            return Err(format!("{id:?} is out of order, or sent twice"));
        };
        if step.scope.is_plain() {
            // A plain server acknowledges nothing: what was sent is done with.
            ensure!(kept.sent.is_none() && id > self.last_sent, "{id:?} is sent twice");
            self.last_sent = id;
            self.kept.remove(step.next);
            return Ok(());
        }
        step.next += 1;
        if let Some(sent) = kept.sent {
            ensure!(step.connects && step.resends, "{id:?} is sent again without need");
            ensure!(sent == id, "{sent:?} is sent again as {id:?}");
            return Ok(());
        }
        ensure!(id > self.last_sent, "{id:?} was used before");
        ensure!(self.asked.iter().all(|(asked, _)| *asked != id), "{id:?} was asked before");
        step.sent_new += 1;
        self.last_sent = id;
        kept.sent = Some(id);
        Ok(())
    }

    /// Checks that a message is reported undelivered: there is a reason, and the order is kept.
    pub(super) fn drop_kept(&mut self, step: &mut Step<'_>, what: What) -> Verdict {
        let at = self.kept.iter().position(|kept| kept.what == what);
        let at = at.ok_or_else(|| format!("{what:?} was not kept, or is reported twice"))?;
        let kept = self.kept.remove(at);
        if at < step.next {
            step.next -= 1;
        }
        let refused = kept.sent.is_some() && kept.sent == step.refused_number;
        let forgotten = step.connects && !step.resends && kept.sent.is_some();
        let limited = !step.scope.is_plain();
        let too_large = step.connects && limited && kept.sent.is_none() && kept.bytes > LARGEST;
        let state = step.status.state;
        let ended = !is_live(state) && !step.scope.keeps(state);
        ensure!(refused || forgotten || too_large || ended || step.another, "{kept:?} is given up");
        let alike = |other: &Kept| {
            matches!(other.what, What::Message(_)) == matches!(what, What::Message(_))
        };
        let first = !self.kept.iter().take(at).any(alike);
        ensure!(refused || too_large || first, "{kept:?} is given up out of order");
        Ok(())
    }
}

pub(super) fn take(calls: &mut Vec<Call>, call: Call) -> bool {
    let before = calls.len();
    calls.retain(|other| *other != call);
    calls.len() < before
}
