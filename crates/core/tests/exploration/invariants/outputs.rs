//! What must hold of each output, and what is known once it was carried out.

use std::sync::Arc;

use onesocket_core::protocol::CloseCode;
use onesocket_core::{ErrorCode, FetchReason, LogEvent, Output, ReadyState, StateName, Time};

use crate::exploration::actions::{Action, EARLIER, FROM_SERVER, Frame};
use crate::exploration::coverage::{Coverage, error_name};
use crate::exploration::invariants::Step;
use crate::exploration::observed::{Observed, Socket, What};
use crate::exploration::{LATE, Message, Verdict, ensure};

impl Observed {
    /// Checks one output, and carries it out.
    pub(super) fn check_output(
        &mut self,
        step: &mut Step<'_>,
        output: Output<Message>,
        coverage: &mut Coverage,
    ) -> Verdict {
        let config = &step.scope.config;
        match output {
            Output::Accepted(payloads) => {
                for (data, bytes) in payloads {
                    let kept = step.accepted.pop_front().ok_or("handed back, and not accepted")?;
                    let same = match kept.what {
                        What::Message(message) => message == data,
                        What::Publish(_) => true,
                    };
                    ensure!(same && kept.bytes == bytes, "{data} of {bytes} bytes for {kept:?}");
                }
            }
            Output::AbortToken { fetch } => {
                let current = self.fetching && fetch == self.newest_fetch;
                ensure!(current, "{fetch:?} is aborted and not under way");
                self.fetching = false;
            }
            Output::Deliver(data) => {
                let right = step.action == Action::Receive(Frame::Message) && data == FROM_SERVER;
                // What a plain server says before the session is agreed is for the application.
                let greets = step.scope.is_plain() && self.socket == Socket::Open;
                let is_heard = greets || step.status.state == StateName::Connected;
                ensure!(right && is_heard, "delivered out of turn");
            }
            Output::Detach { attempt } => {
                ensure!(attempt == self.newest, "{attempt:?} is detached, not the newest");
                let (Socket::Shut { until } | Socket::ServerClosing { until }) = self.socket else {
                    return Err(format!("detached while {:?}", self.socket));
                };
                ensure!(step.silent || until <= step.now, "detached before its time");
                self.lose(Socket::Gone);
            }
            Output::Error { error, undelivered } => {
                coverage.errors.insert(error_name(error.code));
                let code = error.code;
                if code == ErrorCode::AnotherUser {
                    step.left = 0;
                    ensure!(
                        step.another || undelivered.is_empty(),
                        "what is not theirs is dropped"
                    );
                }
                ensure!(step.logged.as_ref() == Some(&error), "{error} has no line in the log");
                if self.refreshing.is_some_and(|(_, until)| until <= step.now)
                    && code == ErrorCode::TokenFailed
                {
                    self.overdue = self.refreshing.take().map(|(id, _)| id);
                }
                let late = step.action == Action::Receive(Frame::Refreshed(EARLIER, None));
                let reported = late && code == ErrorCode::InvalidMessage;
                ensure!(!reported, "an answer to an earlier token is reported");
                for data in undelivered {
                    self.drop_kept(step, What::Message(data))?;
                }
            }
            Output::SendHello { attempt } => {
                ensure!(attempt == self.newest, "hello over {attempt:?}, not the newest");
                ensure!(std::mem::take(&mut step.hello_due), "hello out of turn");
            }
            Output::FetchToken { fetch, reason } => {
                ensure!(config.tokens, "a token is fetched where there are none");
                ensure!(!self.fetching, "a second token is fetched");
                let wanted = matches!(step.action, Action::Connect | Action::Refresh);
                ensure!(
                    wanted || self.later <= step.now,
                    "getToken is asked before {:?}",
                    self.later
                );
                self.later = Time::ZERO;
                ensure!(
                    fetch.0 == self.newest_fetch.0.wrapping_add(1),
                    "{fetch:?} is no new number"
                );
                match reason {
                    FetchReason::Connect => {
                        self.begin(step)?;
                        let dead = |at: Time| at <= step.now;
                        let spare = self.spare.take();
                        let dead = spare.is_none_or(|dies_at| dies_at.is_some_and(dead));
                        ensure!(dead, "a token is fetched while there is one");
                        self.begun = true;
                    }
                    FetchReason::Refresh => {
                        ensure!(
                            step.scope.can_refresh(),
                            "a token is fetched that cannot be brought"
                        );
                        let connected = step.status.state == StateName::Connected;
                        ensure!(connected, "a token to refresh where there is no connection");
                        ensure!(self.refreshing.is_none(), "refreshed twice at once");
                        self.overdue = None;
                    }
                }
                (self.newest_fetch, self.fetching) = (fetch, true);
            }
            Output::Log(line) => {
                drop(line.to_string());
                if let LogEvent::Error(error) | LogEvent::Failed(error) = line {
                    step.logged = Some(error);
                }
            }
            Output::Open { attempt, token } => {
                ensure!(self.socket == Socket::Gone, "a second socket while {:?}", self.socket);
                ensure!(attempt.0 == self.newest.0.wrapping_add(1), "{attempt:?} is no new number");
                ensure!(token.is_some() == config.tokens, "opened with the token {token:?}");
                if config.tokens && !std::mem::take(&mut step.token) {
                    let dies_at = self.spare.take().ok_or("opened without a new token")?;
                    ensure!(dies_at.is_none_or(|at| at > step.now), "opened with a dead token");
                }
                if !std::mem::take(&mut self.begun) {
                    self.begin(step)?;
                }
                ensure!(self.end.is_none(), "opened after the end");
                self.newest = attempt;
                self.socket = Socket::Connecting { until: step.now + config.connect_timeout };
            }
            Output::Settle { call, result } => {
                let code = result.err().map(|error| error.code);
                coverage.errors.extend(code.map(error_name));
                self.settle(step, call, code)?;
            }
            Output::Shut { attempt, code, .. } => {
                ensure!(attempt == self.newest, "{attempt:?} is shut, not the newest");
                let may = match self.socket {
                    Socket::Connecting { until } => until <= step.now,
                    Socket::Open => true,
                    Socket::Gone | Socket::ServerClosing { .. } | Socket::Shut { .. } => false,
                };
                ensure!(may, "shut while {:?}", self.socket);
                if step.status.state == StateName::Connected && code == CloseCode::TIMED_OUT {
                    let due = self.probe.unwrap_or(self.heard + self.silence);
                    ensure!(due <= step.now, "given up, though it was heard at {:?}", self.heard);
                    let asked = self.probe.is_some() || !step.scope.asks_first();
                    ensure!(asked, "given up without having been asked");
                    ensure!(step.now.since(due) <= LATE, "given up without a probe");
                    step.silent = true;
                }
                self.lose(Socket::Shut { until: step.now + config.close_timeout });
            }
            Output::Status { previous, status, reason: _ } => {
                ensure!(previous == step.status.state, "the state before was not {previous:?}");
                let status = Arc::unwrap_or_clone(status);
                ensure!(status != step.status, "the same status twice: {status:?}");
                let before = std::mem::replace(&mut step.status, status);
                if step.status.state != before.state {
                    coverage.edges.insert((before.state, step.status.state));
                    self.enter(step, &before)?;
                }
                let fetches = step.status.state == StateName::Connecting
                    && step.status.ready_state == ReadyState::Connecting
                    && self.socket == Socket::Gone;
                if fetches && self.fetching && !self.begun {
                    // What a refresh has asked for serves the attempt that begins.
                    self.begin(step)?;
                    self.begun = true;
                }
            }
            Output::TokenFetched { .. } => ensure!(!self.fetching, "a token while one is fetched"),
            Output::TokenRefreshed { .. } => ensure!(step.refreshed, "refreshed out of turn"),
            Output::Transmit { attempt, frame } => {
                let open = attempt == self.newest && self.socket == Socket::Open;
                ensure!(open, "sent over a socket that is {:?}: {frame:?}", self.socket);
                self.transmit(step, &frame)?;
            }
        }
        Ok(())
    }
}
