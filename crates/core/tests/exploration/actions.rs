//! Everything that may happen in a place.

use onesocket_core::protocol::MessageId;
use onesocket_core::{Call, Span, StateName};

use crate::exploration::Message;
use crate::exploration::observed::Socket;
use crate::exploration::place::Place;
use crate::exploration::scope::Scope;

/// Something that may happen, small enough to remember millions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    // The user.
    Abort(Call),
    Activity,
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
    Failed,
    Opened,
    Ready,
    Receive(Frame),
    Offline,
    Online,
    Revive,
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
    Token(Option<Span>),
}

/// What a server sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Frame {
    Ack(MessageId),
    /// A membership has ended, of which nothing was asked.
    Ended(&'static str),
    Message,
    NoHandler,
    Ping,
    Pong,
    /// The new token was taken, and lives so long.
    Refreshed(MessageId, Option<Span>),
    Refusal(MessageId),
    Welcome {
        /// The server remembers what it has had.
        resumed: bool,
        /// How long the token lives.
        life: Option<Span>,
        /// It is another user than before.
        other: bool,
    },
}

/// A number that no request has.
pub(super) const UNKNOWN: MessageId = MessageId(1 << 50);

/// A number that a request had which is done with.
pub(crate) const EARLIER: MessageId = MessageId(0);

/// How long `getToken` wants not to be asked again.
pub(crate) const LATER: Span = Span::from_secs(20);

/// Any welcome.
pub(super) const WELCOME: Frame = Frame::Welcome { resumed: false, life: None, other: false };

/// What the server sends in its messages.
pub(crate) const FROM_SERVER: Message = 200;

impl Place {
    /// Everything that may happen here.
    pub(crate) fn actions(&self, scope: &Scope) -> Vec<Action> {
        let mut actions = Vec::with_capacity(32);
        self.user(scope, &mut actions);
        self.clock(&mut actions);
        if self.observed.fetching {
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
        let observed = &self.observed;
        if observed.connects.len() < scope.connects {
            actions.push(Action::Connect);
        }
        actions.extend(observed.connects.iter().map(|call| Action::Abort(*call)));
        if observed.closes.len() < scope.closes {
            actions.push(Action::Close);
        }
        if observed.holders < scope.holders {
            actions.push(Action::Hold);
        }
        if observed.holders > 0 {
            actions.push(Action::Release);
        }
        if observed.refreshes.len() < scope.refreshes {
            actions.push(Action::Refresh);
        }
        if scope.wakes {
            let network = if observed.offline { Action::Online } else { Action::Offline };
            actions.extend([Action::Activity, Action::Wake, network]);
            if self.machine.status().state == StateName::Failed {
                actions.push(Action::Revive);
            }
        }
        // A server that answers out of turn could be asked without end.
        if observed.calls.len() < scope.calls && observed.asked.len() <= scope.calls {
            for group in scope.groups {
                actions.extend([Action::Leave(group), Action::Publish(group)]);
                // Two are as good as many: the third would join and leave as the second does.
                if observed.wishes(group) < 2 {
                    actions.push(Action::Join(group));
                }
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
        match self.observed.socket {
            Socket::Gone => {}
            Socket::Connecting { .. } => {
                actions.extend([Action::Opened, Action::Failed]);
                actions.extend(closed);
            }
            Socket::Open if scope.is_plain() => {
                actions.push(Action::Failed);
                actions.extend([Frame::Message, Frame::Pong].map(Action::Receive));
                if self.observed.sent_token().is_some() {
                    actions.extend([true, false].map(Action::TokenSent));
                }
                if self.machine.connected_attempt().is_some() {
                    actions.push(Action::Closing);
                } else {
                    actions.push(Action::Ready);
                }
                actions.extend(closed);
            }
            Socket::Open => {
                actions.extend([
                    Action::Failed,
                    Action::InvalidFrame,
                    Action::Receive(Frame::Ping),
                    Action::Receive(Frame::Message),
                    Action::Receive(Frame::NoHandler),
                    Action::Receive(Frame::Ack(UNKNOWN)),
                ]);
                for resumed in scope.resumes {
                    for life in scope.lives {
                        let (resumed, life) = (*resumed, *life);
                        let welcome =
                            |other| Action::Receive(Frame::Welcome { resumed, life, other });
                        actions.push(welcome(false));
                        if scope.users && self.observed.user.is_some() {
                            actions.push(welcome(true));
                        }
                    }
                }
                actions
                    .extend(scope.groups.iter().map(|group| Action::Receive(Frame::Ended(group))));
                let asked = self.observed.asked.iter().map(|(id, _)| *id);
                for id in asked.chain(self.observed.kept.iter().filter_map(|kept| kept.sent)) {
                    actions.push(Action::Receive(Frame::Ack(id)));
                    actions.push(Action::Receive(Frame::Refusal(id)));
                }
                if scope.refreshes > 0 || scope.wakes {
                    actions.push(Action::Receive(Frame::Pong));
                    actions.push(Action::Receive(Frame::Refreshed(UNKNOWN, None)));
                    actions.push(Action::Receive(Frame::Refreshed(EARLIER, None)));
                }
                if let Some(id) = self.observed.sent_token() {
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
            Socket::ServerClosing { .. } => actions.extend(closed),
        }
    }
}
