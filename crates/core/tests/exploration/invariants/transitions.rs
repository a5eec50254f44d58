//! What must hold where an attempt begins and where the user is told of another state.

use onesocket_core::protocol::Retry;
use onesocket_core::{ErrorCode, Span, StateName, Status, Time};

use crate::exploration::actions::{Action, Answer, Frame};
use crate::exploration::invariants::{Step, is_refusal};
use crate::exploration::observed::{End, Observed, Socket};
use crate::exploration::scope::Scope;
use crate::exploration::{OFFLINE_INTERVAL, Verdict, WAKE_INTERVAL, ensure, is_live};

impl Observed {
    /// Checks that an attempt may begin.
    pub(super) fn begin(&mut self, step: &Step<'_>) -> Verdict {
        ensure!(self.end.is_none(), "an attempt after the end: {:?}", self.end);
        ensure!(
            self.socket == Socket::Gone,
            "an attempt while the old socket is {:?}",
            self.socket
        );
        if step.refused {
            ensure!(self.fresh, "a second fresh try");
            self.fresh = false;
        } else if !std::mem::take(&mut self.granted) {
            ensure!(self.budget > 0, "an attempt too many");
            self.budget -= 1;
        }
        Ok(())
    }

    /// Checks a change of the state.
    pub(super) fn enter(&mut self, step: &mut Step<'_>, before: &Status) -> Verdict {
        let config = &step.scope.config;
        let status = &step.status;
        if status.state != StateName::Connected {
            self.stable_at = None;
            self.end_session();
        }
        if !is_live(status.state) {
            self.ended_since |= !step.scope.keeps(status.state);
            self.spare = None;
            self.later = Time::ZERO;
            self.granted = false;
        }
        if status.state != StateName::Connecting {
            self.begun = false;
        }
        if before.state == StateName::Connected {
            // A failing refresh does not end a connection, and waking up asks the server first.
            let keeps = matches!(
                step.action,
                Action::Token(Answer::Failed | Answer::Later | Answer::Token(_))
                    | Action::TokenSent(_)
                    | Action::Receive(_)
                    | Action::Refresh
                    | Action::Activity
                    | Action::Wake
                    | Action::Online
                    | Action::Offline
            );
            ensure!(!keeps || step.was_late, "the connection was ended by {:?}", step.action);
        }
        // A connection that is lost in this moment is replaced; waking up is not the cause of that.
        let used = step.action == Action::Activity && before.state == StateName::Failed;
        let wakes = (used || matches!(step.action, Action::Wake | Action::Online))
            && before.state != StateName::Connected;
        if wakes && status.state == StateName::Connecting && before.state == step.before {
            let in_time = before.state == StateName::Waiting
                && before.retry_at.is_some_and(|at| at <= step.now);
            ensure!(!self.offline || in_time, "woken while offline");
            let asked = before.state != StateName::Waiting || self.not_before <= step.now;
            ensure!(asked || step.was_late, "woken before {:?}", self.not_before);
            if before.state == StateName::Failed {
                let code = before.error.as_ref().map(|error| error.code);
                ensure!(code == Some(ErrorCode::AttemptsExhausted), "revived though {code:?}");
                ensure!(self.is_wanted(), "revived though nobody wants it");
                self.revive(step.scope);
            }
            let apart = self.woken_at.is_none_or(|at| step.now.since(at) >= WAKE_INTERVAL);
            ensure!(apart || in_time || step.was_late, "woken too often");
            // Offline it is the time that has led to it.
            if apart && !self.offline {
                self.woken_at = Some(step.now);
            }
        }
        if step.action == Action::Revive {
            let is_live = status.state == StateName::Connecting;
            ensure!(is_live == self.is_wanted(), "revived, and wanted: {}", self.is_wanted());
        }
        let status = &step.status;
        match status.state {
            StateName::Idle => return Err("back to idle".into()),
            StateName::Connecting => ensure!(self.end.is_none(), "connecting after the end"),
            StateName::Connected => {
                let agreed = match step.action {
                    Action::Receive(Frame::Welcome { .. }) => !step.scope.is_plain(),
                    // Hello has gone out, which has to come first.
                    Action::Opened => step.scope.agrees_at_once() && !step.hello_due,
                    Action::Ready => !step.scope.agrees_at_once(),
                    _ => false,
                };
                self.heard = step.now;
                ensure!(agreed && self.socket == Socket::Open, "connected without a welcome");
                step.connects = true;
                let full =
                    self.budget == config.reconnect.max_attempts && self.fresh == config.tokens;
                self.stable_at = (!full).then(|| step.now + config.stable_after);
            }
            StateName::Waiting => {
                let named = match step.action {
                    Action::Closed(4529) => Span::from_secs(15),
                    _ => Span::ZERO,
                };
                let final_end = !comes_back(step.scope, step.action);
                ensure!(!final_end, "it comes back after {:?}", step.action);
                self.not_before = self.later.max(step.now + named);
                // An attempt that may begin at once still waits for the delay of `getToken`.
                let delayed = self.later > step.now && (step.refused || step.at_once);
                let lost = matches!(step.action, Action::Closed(code) if code != 4529);
                let may =
                    step.woken && !self.offline && before.state == StateName::Connected && lost;
                ensure!(!may || delayed, "a page that has woken up waits for what was lost");
                let interval =
                    if self.offline { OFFLINE_INTERVAL } else { config.reconnect.interval };
                let asked = if delayed { named } else { named.max(interval) };
                let asked = self.later.max(step.now + asked);
                let early = status.retry_at.is_some_and(|at| at < asked);
                ensure!(status.retry_at.is_some(), "it is not told when it tries again");
                ensure!(!early, "the next attempt is too early: {:?}", status.retry_at);
                if step.refused && delayed {
                    ensure!(self.fresh, "a second fresh try");
                    self.fresh = false;
                    self.granted = true;
                } else if self.offline {
                    // That costs nothing, where there are attempts at all.
                    self.granted = config.reconnect.max_attempts > 0;
                    ensure!(self.granted, "an attempt is planned where there are none");
                } else {
                    ensure!(self.budget > 0 || self.granted, "an attempt too many is planned");
                }
            }
            StateName::Closing | StateName::Closed => {
                if self.end.is_none() {
                    ensure!(!self.is_wanted(), "let go while it is wanted");
                    self.end = Some(End::Released);
                }
            }
            StateName::Failed => {
                let code = status.error.as_ref().map(|error| error.code).ok_or("no error")?;
                let right = match (code, step.action) {
                    (ErrorCode::AttemptsExhausted, _) => self.budget == 0,
                    (ErrorCode::Unauthorized, Action::Token(Answer::NoSession)) => true,
                    (ErrorCode::Refused, Action::Closed(1000 | 1002 | 4101 | 4400)) => {
                        !comes_back(step.scope, step.action)
                    }
                    (ErrorCode::Unauthorized, action) if is_refusal(step.scope, action) => {
                        !self.fresh
                    }
                    (ErrorCode::Replaced, Action::Closed(4409))
                    | (ErrorCode::TooLarge, Action::Closed(4413))
                    | (ErrorCode::InvalidOptions, Action::Failed) => true,
                    _ => false,
                };
                ensure!(right, "failed with {code:?}, budget {}", self.budget);
                self.end = Some(End::Failed);
            }
        }
        Ok(())
    }
}

/// Says whether the client may come back after this.
pub(super) fn comes_back(scope: &Scope, action: Action) -> bool {
    !matches!(action, Action::Closed(code) if scope.retry(code) == Retry::Never)
}
