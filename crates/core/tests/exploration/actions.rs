//! Everything that may happen in a place.

use std::time::Duration;

use onesocket_core::protocol::{
    CloseCode, FrameError, FrameErrorCode, Group, MessageId, Retry, ServerFrame,
};
use onesocket_core::{Attempt, Call, Input, Request, StateName, Time, Token, TokenAnswer};

use super::{Message, Place, Scope, Socket};

/// Something that may happen, small enough to remember millions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    // The user.
    Abort(Call),
    Close,
    Connect,
    Hold,
    Refresh,
    Join(&'static str),
    Leave(&'static str),
    Publish(&'static str),
    Release,
    Send(usize),
    // The clock. Time passes before the machine is told: whatever else happens may come first.
    Tick,
    Sleep,
    Elapsed,
    /// Time passes to the next deadline, and the timer is punctual.
    Due,
    // The token source, and the shell that brings its answer to a plain server, or cannot.
    Token(Answer),
    TokenSent(bool),
    // The browser and the server.
    Closed(u16),
    Closing,
    InvalidFrame,
    OpenFailed,
    Opened,
    Receive(Frame),
    Offline,
    Online,
    Wake,
}

/// What `getToken` answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Failed,
    /// It is to be asked again after [`LATER`].
    Later,
    NoSession,
    /// It lives so long, as far as the application knows.
    Token(Option<Duration>),
}

/// What a server sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Frame {
    Ack(MessageId),
    Message,
    NoHandler,
    Ping,
    Pong,
    /// The new token was taken, and lives so long.
    Refreshed(MessageId, Option<Duration>),
    Refusal(MessageId),
    Welcome {
        /// The server remembers what it has had.
        resumed: bool,
        /// How long the token lives.
        life: Option<Duration>,
    },
}

/// A number that no request has.
const UNKNOWN: MessageId = MessageId(1 << 50);

/// A number that a request had which is done with.
pub(crate) const EARLIER: MessageId = MessageId(0);

/// How long `getToken` wants not to be asked again.
pub(crate) const LATER: Duration = Duration::from_secs(20);

/// Any welcome.
const WELCOME: Frame = Frame::Welcome { resumed: false, life: None };

/// What the server sends in its messages.
pub(crate) const FROM_SERVER: Message = 200;

impl Place {
    /// Everything that may happen here.
    pub(crate) fn actions(&self, scope: &Scope) -> Vec<Action> {
        let mut actions = Vec::with_capacity(32);
        self.user(scope, &mut actions);
        self.clock(&mut actions);
        if self.memory.fetching {
            actions.extend([Answer::Failed, Answer::NoSession].map(Action::Token));
            actions.extend(scope.lives.iter().map(|life| Action::Token(Answer::Token(*life))));
            if scope.refreshes > 0 {
                actions.push(Action::Token(Answer::Later));
            }
        }
        self.network(scope, &mut actions);
        actions
    }

    fn user(&self, scope: &Scope, actions: &mut Vec<Action>) {
        let memory = &self.memory;
        if memory.connects.len() < scope.connects {
            actions.push(Action::Connect);
        }
        actions.extend(memory.connects.iter().map(|call| Action::Abort(*call)));
        if memory.closes.len() < scope.closes {
            actions.push(Action::Close);
        }
        if memory.holders < scope.holders {
            actions.push(Action::Hold);
        }
        if memory.holders > 0 {
            actions.push(Action::Release);
        }
        if memory.refreshes.len() < scope.refreshes {
            actions.push(Action::Refresh);
        }
        if scope.wakes {
            let network = if memory.offline { Action::Online } else { Action::Offline };
            actions.extend([Action::Wake, network]);
        }
        // A server that answers out of turn could be asked without end.
        if memory.calls.len() < scope.calls && memory.asked.len() <= scope.calls {
            for group in scope.groups {
                actions.extend([Action::Join(group), Action::Leave(group), Action::Publish(group)]);
            }
        }
        actions.extend(scope.sizes.iter().map(|size| Action::Send(*size)));
    }

    fn clock(&self, actions: &mut Vec<Action>) {
        // Where nothing is waited for, time makes no difference.
        let Some(at) = self.due() else {
            // Or for no longer than until the token is dead.
            if self.machine.status().token_expires_at.is_some_and(|at| at > self.now) {
                actions.push(Action::Tick);
            }
            return;
        };
        if self.now <= at {
            actions.extend([Action::Tick, Action::Sleep]);
        }
        if self.now >= at {
            actions.push(Action::Elapsed);
        }
    }

    fn network(&self, scope: &Scope, actions: &mut Vec<Action>) {
        let closed = scope.codes.iter().map(|code| Action::Closed(*code));
        match self.memory.socket {
            Socket::Gone => {}
            Socket::Connecting { .. } => {
                actions.extend([Action::Opened, Action::OpenFailed]);
                actions.extend(closed);
            }
            Socket::Open if scope.is_plain() => {
                actions.extend([Frame::Message, Frame::Pong].map(Action::Receive));
                if self.memory.sent_token().is_some() {
                    actions.extend([true, false].map(Action::TokenSent));
                }
                actions.push(Action::Closing);
                actions.extend(closed);
            }
            Socket::Open => {
                actions.extend([
                    Action::InvalidFrame,
                    Action::Receive(Frame::Ping),
                    Action::Receive(Frame::Message),
                    Action::Receive(Frame::NoHandler),
                    Action::Receive(Frame::Ack(UNKNOWN)),
                ]);
                for resumed in scope.resumes {
                    for life in scope.lives {
                        let (resumed, life) = (*resumed, *life);
                        actions.push(Action::Receive(Frame::Welcome { resumed, life }));
                    }
                }
                let asked = self.memory.asked.iter().map(|(id, _)| *id);
                for id in asked.chain(self.memory.kept.iter().filter_map(|kept| kept.sent)) {
                    actions.push(Action::Receive(Frame::Ack(id)));
                    actions.push(Action::Receive(Frame::Refusal(id)));
                }
                if scope.refreshes > 0 || scope.wakes {
                    actions.push(Action::Receive(Frame::Pong));
                    actions.push(Action::Receive(Frame::Refreshed(UNKNOWN, None)));
                    actions.push(Action::Receive(Frame::Refreshed(EARLIER, None)));
                }
                if let Some(id) = self.memory.sent_token() {
                    for life in scope.lives {
                        actions.push(Action::Receive(Frame::Refreshed(id, *life)));
                    }
                    actions.push(Action::Receive(Frame::Ack(id)));
                    actions.push(Action::Receive(Frame::Refusal(id)));
                }
                if self.machine.connected_attempt().is_some() {
                    actions.push(Action::Closing);
                }
                actions.extend(closed);
            }
            // What the code is does not matter where we shut it; both kinds are tried.
            Socket::Shut { .. } => actions.extend(closed.take(2)),
            Socket::Ended { .. } => actions.extend(closed),
        }
    }

    /// What a friendly world does next: tokens are given, sockets open and are welcomed, what was
    /// shut closes, questions are answered, timers are punctual. `None` if all is quiet.
    pub(crate) fn friendly(&self, scope: &Scope) -> Option<Action> {
        let status = self.machine.status();
        let memory = &self.memory;
        if memory.offline {
            return Some(Action::Online);
        }
        if memory.fetching {
            return Some(Action::Token(Answer::Token(None)));
        }
        match self.memory.socket {
            Socket::Connecting { .. } => return Some(Action::Opened),
            Socket::Open if status.state == StateName::Connected => {
                if let Some((id, _)) = memory.asked.first() {
                    return Some(Action::Receive(Frame::Ack(*id)));
                }
                if let Some(id) = memory.kept.iter().rev().find_map(|kept| kept.sent) {
                    return Some(Action::Receive(Frame::Ack(id)));
                }
                if let Some((id, _)) = memory.renewing {
                    return Some(if scope.is_plain() {
                        Action::TokenSent(true)
                    } else {
                        Action::Receive(Frame::Refreshed(id, None))
                    });
                }
                if memory.probe.is_some() {
                    return Some(Action::Receive(Frame::Pong));
                }
                let silent_at = memory.heard + memory.silence;
                let next = self.due()?;
                if memory.stable_at.is_none() && memory.is_wanted() && !self.is_late() {
                    // A server that lives and a token that is renewed: so it may stay.
                    let renewed = status.token_expires_at.is_none_or(|at| at <= self.now);
                    return (!renewed && next < silent_at).then_some(Action::Due);
                }
                if next < silent_at && memory.heard == self.now {
                    return Some(Action::Due);
                }
                let heard = memory.heard == self.now;
                let sign = if scope.is_plain() { Frame::Message } else { Frame::Ping };
                return Some(if heard { Action::Tick } else { Action::Receive(sign) });
            }
            Socket::Open => {
                let (resumed, life) = (true, None);
                return Some(Action::Receive(Frame::Welcome { resumed, life }));
            }
            Socket::Ended { .. } | Socket::Shut { .. } => return Some(Action::Closed(1006)),
            Socket::Gone => {}
        }
        self.mute()
    }

    /// What a world does next in which nothing ever answers, and only time passes.
    pub(crate) fn mute(&self) -> Option<Action> {
        self.due().map(|_| Action::Due)
    }

    /// When something becomes due.
    pub(crate) fn due(&self) -> Option<Time> {
        self.machine.deadline()
    }

    /// The smallest number that no unanswered call has.
    pub(crate) fn free_call(&self) -> Call {
        let memory = &self.memory;
        let taken = |call: &Call| {
            let mut calls = memory.calls.iter().map(|(call, _)| call);
            memory.connects.contains(call)
                || memory.closes.contains(call)
                || memory.refreshes.contains(call)
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
        let attempt = self.memory.newest;
        Some(match action {
            Action::Abort(call) => Input::Abort { call },
            Action::Close => Input::Close { call, code: CloseCode::NORMAL, reason: String::new() },
            Action::Connect => Input::Connect { call },
            Action::Hold => Input::Hold,
            Action::Offline => Input::Offline,
            Action::Online => Input::Online,
            Action::Refresh => Input::Request { call, request: Request::Refresh },
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
                Input::Token { fetch: self.memory.newest_fetch, answer }
            }
            Action::TokenSent(went) => {
                let id = self.memory.sent_token()?;
                let result = if went { Ok(()) } else { Err("it threw".into()) };
                Input::TokenSent { attempt, id, result }
            }
            Action::Closed(code) => closed(attempt, code, scope.retry(code)),
            Action::Closing => Input::Closing { attempt },
            Action::InvalidFrame => Input::InvalidFrame { attempt, problem: "no JSON".into() },
            Action::OpenFailed => Input::OpenFailed { attempt, problem: "no".into() },
            Action::Opened => Input::Opened { attempt },
            Action::Receive(frame) => {
                Input::Received { attempt, frame: self.frame(frame), bytes: 1 }
            }
        })
    }

    fn frame(&self, frame: Frame) -> ServerFrame<Message> {
        let refusal = |id, code| ServerFrame::Error(FrameError { id, code, message: "no".into() });
        match frame {
            Frame::Ack(id) => ServerFrame::Ack { id },
            Frame::Message => ServerFrame::Message(FROM_SERVER),
            Frame::NoHandler => refusal(None, FrameErrorCode::NoHandler),
            Frame::Ping => ServerFrame::Ping,
            Frame::Pong => ServerFrame::Pong,
            Frame::Refreshed(id, token_expires_in) => {
                ServerFrame::Refreshed { id, token_expires_in }
            }
            Frame::Refusal(id) => refusal(Some(id), FrameErrorCode::Refused),
            Frame::Welcome { resumed, life } => {
                ServerFrame::Welcome(super::welcome(self.memory.welcoming(resumed), life))
            }
        }
    }

    /// What must change nothing here: the late and double events of sockets that are closed,
    /// detached or shut, and of token fetches that are over; and those of some that never were.
    pub(crate) fn strangers(&self) -> Vec<Input<Message>> {
        let memory = &self.memory;
        let mut inputs = vec![Input::Abort { call: Call(9999) }];
        let around = |newest: u32| [newest.wrapping_sub(1), newest.wrapping_add(1)];
        for attempt in around(memory.newest.0).map(Attempt) {
            inputs.push(closed(attempt, 4409, Retry::Never));
            self.speak(attempt, &mut inputs);
        }
        match memory.socket {
            Socket::Gone => {
                inputs.push(closed(memory.newest, 4409, Retry::Never));
                self.speak(memory.newest, &mut inputs);
            }
            Socket::Shut { .. } | Socket::Ended { .. } => self.speak(memory.newest, &mut inputs),
            Socket::Connecting { .. } => {
                inputs.push(Input::Closing { attempt: memory.newest });
                for frame in [WELCOME, Frame::Message] {
                    let frame = self.frame(frame);
                    inputs.push(Input::Received { attempt: memory.newest, frame, bytes: 1 });
                }
            }
            Socket::Open => {
                inputs.push(Input::Opened { attempt: memory.newest });
                inputs.push(Input::OpenFailed { attempt: memory.newest, problem: "no".into() });
            }
        }
        let mut fetches = around(memory.newest_fetch.0).to_vec();
        if !memory.fetching {
            fetches.push(memory.newest_fetch.0);
        }
        for fetch in fetches.into_iter().map(onesocket_core::Fetch) {
            let answer = TokenAnswer::Token(Token::new("late"), Some(Duration::from_secs(9)));
            inputs.push(Input::Token { fetch, answer });
            inputs.push(Input::Token { fetch, answer: TokenAnswer::NoSession });
        }
        inputs
    }

    /// Everything but a close that a socket may say.
    fn speak(&self, attempt: Attempt, inputs: &mut Vec<Input<Message>>) {
        inputs.extend([
            Input::Closing { attempt },
            Input::InvalidFrame { attempt, problem: "no JSON".into() },
            Input::OpenFailed { attempt, problem: "no".into() },
            Input::Opened { attempt },
            Input::TokenSent { attempt, id: UNKNOWN, result: Ok(()) },
            Input::TokenSent { attempt, id: MessageId(1), result: Err("late".into()) },
        ]);
        let frames = [
            WELCOME,
            Frame::Message,
            Frame::Ping,
            Frame::Pong,
            Frame::NoHandler,
            Frame::Ack(MessageId(1)),
            Frame::Refusal(MessageId(1)),
            Frame::Refreshed(MessageId(1), None),
        ];
        for frame in frames {
            inputs.push(Input::Received { attempt, frame: self.frame(frame), bytes: 1 });
        }
    }
}

fn closed(attempt: Attempt, code: u16, retry: Retry) -> Input<Message> {
    let reason = if code == 4529 { "retry-after-ms=15000" } else { "" };
    Input::Closed { attempt, code: CloseCode::seen(code), reason: reason.into(), retry }
}

fn named(group: &str) -> Group {
    Group::new(group).expect("the name of a group")
}
