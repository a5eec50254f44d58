//! What must hold of each output, and what is known once it was carried out.

use onesocket_core::protocol::CloseCode;
use onesocket_core::{ErrorCode, FetchReason, Output, ReadyState, StateName, Time};

use crate::exploration::actions::{Action, EARLIER, FROM_SERVER, Frame};
use crate::exploration::coverage::{Seen, error_name};
use crate::exploration::invariants::Step;
use crate::exploration::memory::{Memory, Socket, What};
use crate::exploration::{LATE, Message, Verdict, rule};

impl Memory {
    /// Judges one thing that the machine wants to be done, and does it.
    pub(super) fn judge(
        &mut self,
        step: &mut Step<'_>,
        output: Output<Message>,
        seen: &mut Seen,
    ) -> Verdict {
        let config = &step.scope.config;
        match output {
            Output::AbortToken { fetch } => {
                let current = self.fetching && fetch == self.newest_fetch;
                rule!(current, "{fetch:?} is aborted and not under way");
                self.fetching = false;
            }
            Output::Deliver(data) => {
                let right = step.action == Action::Receive(Frame::Message) && data == FROM_SERVER;
                rule!(right && step.told.state == StateName::Connected, "delivered out of turn");
            }
            Output::Detach { attempt } => {
                rule!(attempt == self.newest, "{attempt:?} is detached, not the newest");
                let (Socket::Shut { until } | Socket::Ended { until }) = self.socket else {
                    return Err(format!("detached while {:?}", self.socket));
                };
                rule!(step.silent || until <= step.now, "detached before its time");
                self.lose(Socket::Gone);
            }
            Output::Error { error, undelivered } => {
                seen.errors.insert(error_name(error.code));
                let code = error.code;
                if self.renewing.is_some_and(|(_, until)| until <= step.now)
                    && code == ErrorCode::TokenFailed
                {
                    self.overdue = self.renewing.take().map(|(id, _)| id);
                }
                let late = step.action == Action::Receive(Frame::Refreshed(EARLIER, None));
                let renews = step.told.state == StateName::Connected
                    && (self.fetching || self.renewing.is_some());
                let known = !(late && renews && code == ErrorCode::InvalidMessage);
                rule!(known, "an answer to an earlier token is reported");
                for data in undelivered {
                    self.drop_kept(step, What::Message(data))?;
                }
            }
            Output::SendHello { attempt } => {
                rule!(attempt == self.newest, "{attempt:?} is greeted, not the newest");
                rule!(std::mem::take(&mut step.greets), "greeted out of turn");
            }
            Output::FetchToken { fetch, reason } => {
                rule!(config.tokens, "a token is fetched where there are none");
                rule!(!self.fetching, "a second token is fetched");
                let wanted = matches!(step.action, Action::Connect | Action::Refresh);
                rule!(
                    wanted || self.later <= step.now,
                    "getToken is asked before {:?}",
                    self.later
                );
                self.later = Time::ZERO;
                rule!(fetch.0 == self.newest_fetch.0.wrapping_add(1), "{fetch:?} is no new number");
                match reason {
                    FetchReason::Connect => {
                        self.begin(step)?;
                        let dead = |at: Time| at <= step.now;
                        let spare = self.spare.take();
                        let dead = spare.is_none_or(|dies_at| dies_at.is_some_and(dead));
                        rule!(dead, "a token is fetched while there is one");
                        self.begun = true;
                    }
                    FetchReason::Refresh => {
                        rule!(step.scope.renews(), "a token is fetched that cannot be brought");
                        let connected = step.told.state == StateName::Connected;
                        rule!(connected, "a token to renew where there is no connection");
                        rule!(self.renewing.is_none(), "renewed twice at once");
                        self.overdue = None;
                    }
                }
                (self.newest_fetch, self.fetching) = (fetch, true);
            }
            Output::Log(note) => drop(note.to_string()),
            Output::Open { attempt, token } => {
                rule!(self.socket == Socket::Gone, "a second socket while {:?}", self.socket);
                rule!(attempt.0 == self.newest.0.wrapping_add(1), "{attempt:?} is no new number");
                rule!(token.is_some() == config.tokens, "opened with the token {token:?}");
                if config.tokens && !std::mem::take(&mut step.token) {
                    let dies_at = self.spare.take().ok_or("opened without a new token")?;
                    rule!(dies_at.is_none_or(|at| at > step.now), "opened with a dead token");
                }
                if !std::mem::take(&mut self.begun) {
                    self.begin(step)?;
                }
                rule!(self.end.is_none(), "opened after the end");
                self.newest = attempt;
                self.socket = Socket::Connecting { until: step.now + config.connect_timeout };
            }
            Output::Settle { call, result } => {
                let code = result.err().map(|error| error.code);
                seen.errors.extend(code.map(error_name));
                self.settle(step, call, code)?;
            }
            Output::Shut { attempt, code, .. } => {
                rule!(attempt == self.newest, "{attempt:?} is shut, not the newest");
                let may = match self.socket {
                    Socket::Connecting { until } => until <= step.now,
                    Socket::Open => true,
                    Socket::Gone | Socket::Ended { .. } | Socket::Shut { .. } => false,
                };
                rule!(may, "shut while {:?}", self.socket);
                if step.told.state == StateName::Connected && code == CloseCode::TIMED_OUT {
                    let due = self.probe.unwrap_or(self.heard + self.silence);
                    rule!(due <= step.now, "given up, though it was heard at {:?}", self.heard);
                    let asked = self.probe.is_some() || !step.scope.asks_first();
                    rule!(asked, "given up without having been asked");
                    rule!(step.now.since(due) <= LATE, "given up without a probe");
                    step.silent = true;
                }
                self.lose(Socket::Shut { until: step.now + config.close_timeout });
            }
            Output::Status { previous, status, reason: _ } => {
                rule!(previous == step.told.state, "the state before was not {previous:?}");
                rule!(status != step.told, "the same status twice: {status:?}");
                let before = std::mem::replace(&mut step.told, status);
                if step.told.state != before.state {
                    seen.edges.insert((before.state, step.told.state));
                    self.enter(step, &before)?;
                }
                let fetches = step.told.state == StateName::Connecting
                    && step.told.ready_state == ReadyState::Connecting
                    && self.socket == Socket::Gone;
                if fetches && self.fetching && !self.begun {
                    // What a renewal has asked for serves the attempt that begins.
                    self.begin(step)?;
                    self.begun = true;
                }
            }
            Output::TokenFetched { .. } => rule!(!self.fetching, "a token while one is fetched"),
            Output::TokenRefreshed { .. } => rule!(step.renewed, "renewed out of turn"),
            Output::Transmit { attempt, frame } => {
                let open = attempt == self.newest && self.socket == Socket::Open;
                rule!(open, "sent over a socket that is {:?}: {frame:?}", self.socket);
                self.transmit(step, &frame)?;
            }
        }
        Ok(())
    }
}
