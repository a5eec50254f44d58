//! What is known from an input alone, before the machine has answered it.

use onesocket_core::protocol::MessageId;
use onesocket_core::{Call, ErrorCode, StateName, Time};

use crate::exploration::actions::{Action, Answer, Frame, LATER};
use crate::exploration::invariants::Step;
use crate::exploration::observed::{End, Kept, Observed, Socket, Want, What};
use crate::exploration::scope::Scope;
use crate::exploration::{LARGEST, LATE, WAKE_TIMEOUT, is_live, is_over};

impl Observed {
    /// Takes note of an input before the machine is given it.
    pub(super) fn note_input(&mut self, step: &mut Step<'_>, call: Call) {
        let state = step.status.state;
        if state == StateName::Connected
            && matches!(step.action, Action::Receive(_) | Action::InvalidFrame)
        {
            self.heard = step.now;
            self.probe = None;
            self.woken_until = None;
        }
        let silent_at = self.heard + self.silence;
        let slept = silent_at <= step.now && step.now.since(silent_at) > LATE;
        if state == StateName::Connected && !step.scope.can_ask() && slept {
            // After a sleep the silence proves nothing, and this server cannot be asked: the wait
            // begins anew.
            self.heard = step.now;
        }
        match step.action {
            Action::Connect => {
                self.connects.push(call);
                if !is_live(state) {
                    self.revive(step.scope);
                }
                if state == StateName::Waiting {
                    self.later = Time::ZERO;
                }
            }
            Action::Hold => {
                self.holders += 1;
                if state == StateName::Idle || self.end == Some(End::Released) {
                    self.revive(step.scope);
                }
            }
            Action::Release => self.holders -= 1,
            Action::Revive => {
                if self.is_wanted() {
                    self.revive(step.scope);
                }
            }
            Action::Close => {
                self.closes.push(call);
                self.end = Some(End::Asked);
                self.lasting = false;
            }
            Action::Join(group) => {
                self.calls.push((call, Want::Join(group)));
                if !is_over(state) && !step.scope.is_plain() {
                    self.wishes.push(group);
                    self.wishes.sort_unstable();
                }
            }
            Action::Leave(group) => {
                self.calls.push((call, Want::Leave));
                step.stays = self.wishes(group) > 1;
                self.take_wish(group);
                if !step.stays {
                    self.asked.retain(|(_, join)| *join != Some(group));
                }
            }
            Action::Publish(_) => {
                self.calls.push((call, Want::Publish));
                let declined = step.scope.is_plain().then_some(ErrorCode::Unsupported);
                match declined.map_or_else(|| self.accepts(step, 1), Err) {
                    Ok(()) => {
                        let what = What::Publish(call);
                        self.kept.push(Kept { what, bytes: 1, sent: None });
                    }
                    Err(code) => step.declined = Some((call, code)),
                }
            }
            Action::Refresh => self.refreshes.push(call),
            Action::Offline => self.offline = true,
            Action::Online | Action::Wake => {
                self.offline &= step.action == Action::Wake;
                if state == StateName::Connected {
                    let soon = step.now + WAKE_TIMEOUT;
                    self.probe = self.probe.map(|at| if at > step.now { at.min(soon) } else { at });
                    self.woken_until = Some(soon);
                }
            }
            Action::Token(answer) => {
                self.fetching = false;
                if answer == Answer::Later {
                    self.later = step.now + LATER;
                    self.not_before = self.not_before.max(self.later);
                }
                if let Answer::Token(life) = answer {
                    if state == StateName::Connected || self.waits_for_token(state) {
                        step.token = true;
                    } else {
                        self.spare = Some(life.map(|life| step.now + life));
                    }
                }
            }
            Action::Closed(_) | Action::Failed => self.lose(Socket::Gone),
            Action::Closing => {
                self.lose(Socket::ServerClosing {
                    until: step.now + step.scope.config.close_timeout,
                });
            }
            Action::Opened => {
                self.socket = Socket::Open;
                step.hello_due = step.scope.is_plain() && state == StateName::Connecting;
            }
            Action::TokenSent(went) => {
                (self.refreshing, self.overdue) = (None, None);
                step.refreshed = went;
            }
            Action::Receive(Frame::Welcome { resumed, other, .. })
                if state == StateName::Connecting =>
            {
                self.epoch = self.next_epoch(resumed);
                step.resends = resumed;
                if resumed {
                    step.next = 0;
                }
                self.user = Some(self.next_user(other));
                if other {
                    // A join() that is not answered stays, unless a leave() has taken it back.
                    let mut wishes: Vec<_> = Vec::new();
                    for (_, want) in &self.calls {
                        if let Want::Join(group) = want
                            && let Some(at) = self.wishes.iter().position(|wish| wish == group)
                        {
                            wishes.push(self.wishes.remove(at));
                        }
                    }
                    wishes.sort_unstable();
                    step.left = self.wishes.len();
                    self.wishes = wishes;
                    // What waits to be let in is in it with the answer, like a first join().
                    self.joined.clear();
                    step.another = !self.ended_since;
                }
                self.ended_since = false;
            }
            Action::Receive(Frame::Refreshed(id, _)) => {
                step.refreshed = self.take_refresh(id);
            }
            Action::Receive(Frame::Ack(id)) => {
                let sent = self.kept.iter().position(|kept| kept.sent == Some(id));
                if let Some(at) = sent.filter(|_| state == StateName::Connected) {
                    for kept in self.kept.drain(..=at) {
                        step.next -= 1;
                        if let What::Publish(call) = kept.what {
                            step.done.push(call);
                        }
                        step.accepted.push_back(kept);
                    }
                }
                if let Some(group) = self.take_asked(id)
                    && !self.joined.contains(&group)
                {
                    self.joined.push(group);
                    self.joined.sort_unstable();
                }
            }
            Action::Receive(Frame::Refusal(id)) => {
                step.refused_number = Some(id);
                self.take_refresh(id);
                if let Some(group) = self.take_asked(id) {
                    // Whoever has joined it is out.
                    self.wishes.retain(|wish| *wish != group);
                    self.joined.retain(|joined| *joined != group);
                }
            }
            // A connection begins with no membership that could end: each is asked for again.
            Action::Receive(Frame::Ended(group)) if state == StateName::Connected => {
                let is_asked = self.asked.iter().any(|(_, join)| *join == Some(group));
                if self.joined.contains(&group) && !is_asked {
                    self.wishes.retain(|wish| *wish != group);
                    self.joined.retain(|joined| *joined != group);
                }
            }
            Action::Abort(_)
            | Action::Activity
            | Action::Due
            | Action::Elapsed
            | Action::InvalidFrame
            | Action::Ready
            | Action::Receive(
                Frame::Ended(_)
                | Frame::Message
                | Frame::NoHandler
                | Frame::Ping
                | Frame::Pong
                | Frame::Welcome { .. },
            )
            | Action::Send(_)
            | Action::Sleep
            | Action::Tick => {}
        }
    }

    pub(super) fn take_asked(&mut self, id: MessageId) -> Option<&'static str> {
        let at = self.asked.iter().position(|(asked, _)| *asked == id)?;
        self.asked.remove(at).1
    }

    /// The socket has been lost: it answers nothing any more.
    pub(super) fn lose(&mut self, socket: Socket) {
        self.socket = socket;
        self.end_session();
    }

    /// The session is over: what was asked over it will not be answered.
    pub(super) fn end_session(&mut self) {
        self.asked.clear();
        (self.refreshing, self.overdue) = (None, None);
        (self.probe, self.woken_until) = (None, None);
    }

    /// Settles the refresh that was sent under this number; says whether there was one.
    pub(super) fn take_refresh(&mut self, id: MessageId) -> bool {
        let is_sent = self.sent_token() == Some(id);
        if is_sent {
            (self.refreshing, self.overdue) = (None, None);
        }
        is_sent
    }

    /// `connect()` or a mounted component has asked for the connection anew: all attempts are
    /// allowed again, less the one that is adopted.
    pub(super) fn revive(&mut self, scope: &Scope) {
        let adopted = matches!(self.socket, Socket::Connecting { .. });
        self.budget = scope.config.reconnect.max_attempts + u32::from(!adopted);
        self.fresh = scope.config.tokens;
        self.end = None;
    }

    pub(super) fn reset_failures_if_stable(&mut self, step: &Step<'_>) {
        if self.stable_at.is_some_and(|at| at <= step.now) {
            self.budget = step.scope.config.reconnect.max_attempts;
            self.fresh = step.scope.config.tokens;
            self.stable_at = None;
        }
    }

    /// Returns the answer that `send()` and `publish()` have to give for a message of this size.
    pub(super) fn accepts(&self, step: &Step<'_>, bytes: usize) -> Result<(), ErrorCode> {
        let limits = step.scope.config.queue;
        match step.status.state {
            StateName::Failed if !step.scope.keeps(StateName::Failed) => Err(ErrorCode::Closed),
            StateName::Connected if bytes > LARGEST && !step.scope.is_plain() => {
                Err(ErrorCode::TooLarge)
            }
            StateName::Idle
            | StateName::Connecting
            | StateName::Waiting
            | StateName::Connected
            | StateName::Failed => {
                let kept: usize = self.kept.iter().map(|kept| kept.bytes).sum();
                let fits =
                    self.kept.len() < limits.max_messages && kept + bytes <= limits.max_bytes;
                if fits { Ok(()) } else { Err(ErrorCode::QueueFull) }
            }
            StateName::Closing | StateName::Closed => Err(ErrorCode::Closed),
        }
    }
}
