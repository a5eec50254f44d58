//! The user begins and ends the connection: `connect()` and its `AbortSignal`, mounted components,
//! `close()`.

use onesocket_protocol::CloseCode;

use super::Connection;
use crate::error::{Error, ErrorCode};
use crate::ids::Call;
use crate::log::LogEvent;
use crate::state::{EndedBy, OldSocket, State};
use crate::text::Sentence;
use crate::time::Time;

impl<M: Clone> Connection<M> {
    pub(super) fn on_connect(&mut self, call: Call, now: Time) {
        self.log(LogEvent::ConnectCalled);
        self.demand.add_call(call);
        match &self.state {
            State::Connected(_) => {
                self.log(LogEvent::Reusing);
                let calls = self.demand.connected();
                self.settle_each(calls, Ok(()));
            }
            State::Connecting(_) => self.log(LogEvent::AlreadyInProgress),
            State::Waiting { old_socket, .. } => {
                let old_socket = *old_socket;
                self.clear_deferral();
                self.begin(old_socket, None, now);
            }
            State::Idle | State::Closing { .. } | State::Closed { .. } | State::Failed { .. } => {
                self.start(now);
            }
        }
    }

    pub(super) fn on_abort(&mut self, call: Call, now: Time) {
        if !self.demand.remove_call(call) {
            return;
        }
        self.settle(call, Err(Error::of(ErrorCode::Aborted, Sentence::Aborted)));
        if !self.demand.exists() && self.state.is_live() {
            self.end(EndedBy::Release, CloseCode::NORMAL, String::new(), now);
        }
    }

    pub(super) fn on_hold(&mut self, now: Time) {
        self.demand.hold();
        match self.state {
            State::Idle
            | State::Closed { by: EndedBy::Release, .. }
            | State::Closing { by: EndedBy::Release, .. } => self.start(now),
            // Mounting a component must not revive a connection that has failed or was closed: two
            // tabs would replace each other for ever.
            State::Closed { by: EndedBy::Close, .. }
            | State::Closing { by: EndedBy::Close, .. }
            | State::Failed { .. }
            | State::Connecting(_)
            | State::Connected(_)
            | State::Waiting { .. } => {}
        }
    }

    pub(super) fn on_release(&mut self, now: Time) {
        self.demand.release(now + self.config.release_after);
    }

    pub(super) fn on_revive(&mut self, now: Time) {
        if let State::Failed { .. } = self.state
            && self.demand.exists()
        {
            self.start(now);
        }
    }

    pub(super) fn on_close(&mut self, call: Call, code: CloseCode, reason: String, now: Time) {
        self.close_calls.push(call);
        self.end(EndedBy::Close, code, reason, now);
    }

    /// Begins anew, with all automatic attempts.
    pub(super) fn start(&mut self, now: Time) {
        self.backoff.reset();
        self.begin(self.state.old_socket(), None, now);
    }

    /// Ends the connection, or the attempts at it.
    pub(super) fn end(&mut self, by: EndedBy, code: CloseCode, reason: String, now: Time) {
        let error = match by {
            EndedBy::Close => Error::closed(),
            EndedBy::Release => Error::released(),
        };
        let was_live = self.state.is_live();
        let was_closed = matches!(self.state, State::Closed { .. });
        self.backoff.reset();
        let next = match self.let_go(code, reason, now) {
            OldSocket::Closing(socket) if !was_closed => State::Closing { by, socket },
            old_socket @ (OldSocket::None | OldSocket::Lingering(_) | OldSocket::Closing(_)) => {
                State::Closed { by, old_socket }
            }
        };
        if was_live {
            self.log(LogEvent::Closed(error.message.clone()));
        }
        self.abort_fetch();
        self.enter(next, was_live.then(|| error.message.clone()));
        let calls = self.demand.ended();
        self.settle_each(calls, Err(&error));
        self.give_up_on_traffic(&error);
    }
}
