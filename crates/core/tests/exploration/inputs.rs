//! What the machine is told of an action.

use onesocket_core::protocol::{
    CloseCode, FrameError, FrameErrorCode, Group, Retry, ServerFrame, Welcome,
};
use onesocket_core::{Attempt, Call, Error, ErrorCode, Input, Request, Token, TokenAnswer};

use crate::exploration::Message;
use crate::exploration::actions::{Action, Answer, FROM_SERVER, Frame, LATER};
use crate::exploration::place::Place;
use crate::exploration::scope::Scope;

impl Place {
    /// The smallest number that no unanswered call has.
    pub(crate) fn free_call(&self) -> Call {
        let observed = &self.observed;
        let taken = |call: &Call| {
            let mut calls = observed.calls.iter().map(|(call, _)| call);
            observed.connects.contains(call)
                || observed.closes.contains(call)
                || observed.refreshes.contains(call)
                || calls.any(|taken| taken == call)
        };
        (1..).map(Call).find(|call| !taken(call)).expect("there are free numbers")
    }

    /// What the machine is told of an action; `None` for what it is not told, or not as an input.
    pub(crate) fn input(
        &self,
        scope: &Scope,
        action: Action,
        call: Call,
    ) -> Option<Input<Message>> {
        let attempt = self.observed.newest;
        Some(match action {
            Action::Abort(call) => Input::Abort { call },
            Action::Activity => Input::Activity,
            Action::Close => Input::Close { call, code: CloseCode::NORMAL, reason: String::new() },
            Action::Connect => Input::Connect { call },
            Action::Hold => Input::Hold,
            Action::Offline => Input::Offline,
            Action::Online => Input::Online,
            Action::Refresh => Input::Request { call, request: Request::Refresh },
            Action::Revive => Input::Revive,
            Action::Wake => Input::Wake,
            Action::Join(group) => Input::Request { call, request: Request::Join(named(group)) },
            Action::Leave(group) => Input::Request { call, request: Request::Leave(named(group)) },
            Action::Publish(group) => {
                let (group, data, bytes) = (named(group), u8::MAX, 1);
                Input::Request { call, request: Request::Publish { group, data, bytes } }
            }
            Action::Release => Input::Release,
            Action::Send(_) | Action::Tick | Action::Sleep => return None,
            Action::Elapsed | Action::Due => Input::Elapsed,
            Action::Token(answer) => {
                let answer = match answer {
                    Answer::Failed => TokenAnswer::Failed("it threw".into()),
                    Answer::Later => TokenAnswer::Later(LATER),
                    Answer::NoSession => TokenAnswer::NoSession,
                    Answer::Token(life) => TokenAnswer::Token(Token::new("t"), life),
                };
                Input::Token { fetch: self.observed.newest_fetch, answer }
            }
            Action::TokenSent(went) => {
                let id = self.observed.sent_token()?;
                let result = if went { Ok(()) } else { Err("it threw".into()) };
                Input::TokenSent { attempt, id, result }
            }
            Action::Closed(code) => closed(attempt, code, scope.retry(code)),
            Action::Closing => Input::Closing { attempt },
            Action::InvalidFrame => Input::InvalidFrame { attempt, problem: "no JSON".into() },
            Action::Failed => {
                Input::Failed { attempt, error: Error::new(ErrorCode::InvalidOptions, "no") }
            }
            Action::Opened => Input::Opened { attempt },
            Action::Ready => Input::Ready { attempt },
            Action::Receive(frame) => {
                Input::Received { attempt, frame: self.frame(frame), bytes: 1 }
            }
        })
    }

    pub(super) fn frame(&self, frame: Frame) -> ServerFrame<Message> {
        let error = |id, group, code| {
            ServerFrame::Error(FrameError { id, group, code, message: "no".into() })
        };
        let refusal = |id, code| error(id, None, code);
        match frame {
            Frame::Ack(id) => ServerFrame::Ack { id },
            Frame::Ended(group) => error(None, Some(named(group)), FrameErrorCode::Refused),
            Frame::Message => ServerFrame::Message(FROM_SERVER),
            Frame::NoHandler => refusal(None, FrameErrorCode::NoHandler),
            Frame::Ping => ServerFrame::Ping,
            Frame::Pong => ServerFrame::Pong,
            Frame::Refreshed(id, token_expires_in) => {
                ServerFrame::Refreshed { id, token_expires_in }
            }
            Frame::Refusal(id) => refusal(Some(id), FrameErrorCode::Refused),
            Frame::Welcome { resumed, life, other } => {
                let welcome = super::welcome(self.observed.next_epoch(resumed), life);
                let user = self.observed.next_user(other).to_owned();
                ServerFrame::Welcome(Welcome { user, ..welcome })
            }
        }
    }
}

pub(super) fn closed(attempt: Attempt, code: u16, retry: Retry) -> Input<Message> {
    let reason = if code == 4529 { "retry-after-ms=15000" } else { "" };
    Input::Closed { attempt, code: CloseCode::seen(code), reason: reason.into(), retry }
}

fn named(group: &str) -> Group {
    Group::new(group).expect("the name of a group")
}
