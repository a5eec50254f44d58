//! The events of sockets, and how a socket is let go.

use onesocket_protocol::CloseCode;

use super::attempts::CloseEvent;
use super::session::NewSession;
use super::{Connection, Output};
use crate::config::Wire;
use crate::error::Error;
use crate::heartbeat::OnLoss;
use crate::ids::Attempt;
use crate::state::{ClosingSocket, Handshake, OldSocket, Phase, Session, SocketRole, State};
use crate::stats::count;
use crate::text::{Sentence, Text};
use crate::time::Time;

impl<M: Clone> Connection<M> {
    /// Returns the role of the socket whose event has come. An event of a socket that was dropped
    /// before is counted, and that is all.
    pub(super) fn socket(&mut self, attempt: Attempt) -> Option<SocketRole> {
        let role = self.state.socket(attempt);
        if role.is_none() {
            self.count_stale();
        }
        role
    }

    pub(super) fn on_failed(&mut self, attempt: Attempt, error: Error, now: Time) {
        let Some(role) = self.socket(attempt) else { return };
        match role {
            SocketRole::Opening(_) | SocketRole::Agreeing(_) | SocketRole::Connected(_) => {
                self.fail(error, OldSocket::None);
            }
            // It was let go while the browser was creating it.
            SocketRole::Lingering => self.on_old_socket_gone(now),
            // Its `close` event comes.
            SocketRole::ServerClosing | SocketRole::Closing => self.count_stale(),
        }
    }

    pub(super) fn on_opened(&mut self, attempt: Attempt, now: Time) {
        let Some(role) = self.socket(attempt) else { return };
        match role {
            SocketRole::Opening(handshake) => {
                count(&mut self.stats.sockets_opened);
                match self.config.wire {
                    Wire::OneSocket => self.await_agreement(handshake),
                    Wire::Plain(rules) => {
                        self.outputs.push(Output::SendHello { attempt });
                        if rules.ready {
                            self.await_agreement(handshake);
                        } else {
                            self.agree(handshake, NewSession::plain(rules), now);
                        }
                    }
                }
            }
            SocketRole::Lingering => {
                count(&mut self.stats.sockets_opened);
                self.close_lingering(attempt, CloseCode::NORMAL, now);
            }
            // It took too long, and was closed.
            SocketRole::Closing
            | SocketRole::Agreeing(_)
            | SocketRole::Connected(_)
            | SocketRole::ServerClosing => self.count_stale(),
        }
    }

    fn await_agreement(&mut self, handshake: Handshake) {
        self.enter(State::Connecting(Phase::Agreeing(handshake)), None);
    }

    /// The server is closing the socket; the close code is not known yet.
    pub(super) fn on_closing(&mut self, attempt: Attempt, now: Time) {
        let Some(role) = self.socket(attempt) else { return };
        match role {
            SocketRole::Connected(_) => {
                self.lose_traffic();
                let socket = self.closing(attempt, now);
                let reason = Text::new(Sentence::ServerIsClosing);
                self.enter(State::Connecting(Phase::ServerClosing(socket)), Some(reason));
            }
            SocketRole::Opening(_)
            | SocketRole::Agreeing(_)
            | SocketRole::ServerClosing
            | SocketRole::Lingering
            | SocketRole::Closing => self.count_stale(),
        }
    }

    pub(super) fn on_closed(&mut self, attempt: Attempt, event: CloseEvent<'_>, now: Time) {
        let Some(role) = self.socket(attempt) else { return };
        match role {
            SocketRole::Connected(heartbeat) => {
                let on_loss = heartbeat.on_loss(now);
                self.lose_traffic();
                self.after_close(event, on_loss, now);
            }
            SocketRole::Opening(_) => {
                // A browser does not say why: the likely causes are named.
                let what = match self.config.wire {
                    Wire::OneSocket => Sentence::NotMade,
                    Wire::Plain(_) => Sentence::PlainNotMade,
                };
                self.after_close(CloseEvent { what, ..event }, OnLoss::BackOff, now);
            }
            SocketRole::Agreeing(_) | SocketRole::ServerClosing => {
                self.after_close(event, OnLoss::BackOff, now);
            }
            SocketRole::Lingering | SocketRole::Closing => self.on_old_socket_gone(now),
        }
    }

    /// Lets go of the socket, if there is one, and returns what is left of it.
    pub(super) fn let_go(&mut self, code: CloseCode, reason: String, now: Time) -> OldSocket {
        match &self.state {
            State::Connecting(Phase::Opening(handshake)) => self.abandon(*handshake),
            State::Connecting(Phase::Agreeing(Handshake { attempt, .. }))
            | State::Connected(Session { attempt, .. }) => {
                let attempt = *attempt;
                self.close_socket(attempt, code, reason, now)
            }
            State::Connecting(Phase::ServerClosing(socket)) => OldSocket::Closing(*socket),
            State::Connecting(Phase::Fetching | Phase::ClosingOld(_))
            | State::Idle
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => self.state.old_socket(),
        }
    }

    /// Lets go of a socket in its opening handshake. One that the shell has not created yet is not
    /// created at all.
    fn abandon(&mut self, handshake: Handshake) -> OldSocket {
        let before = self.outputs.len();
        self.outputs.retain(|output| {
            !matches!(output, Output::Open { attempt, .. } if *attempt == handshake.attempt)
        });
        if self.outputs.len() == before {
            return OldSocket::Lingering(handshake);
        }
        // The shell has not seen its number.
        self.last_attempt = Attempt(self.last_attempt.0.wrapping_sub(1));
        OldSocket::None
    }

    /// Closes a socket.
    pub(super) fn close_socket(
        &mut self,
        attempt: Attempt,
        code: CloseCode,
        reason: String,
        now: Time,
    ) -> OldSocket {
        self.outputs.push(Output::Shut { attempt, code, reason });
        OldSocket::Closing(self.closing(attempt, now))
    }

    fn closing(&self, attempt: Attempt, now: Time) -> ClosingSocket {
        ClosingSocket { attempt, detach_at: now + self.config.close_timeout }
    }

    /// Closes a lingering socket.
    fn close_lingering(&mut self, attempt: Attempt, code: CloseCode, now: Time) {
        let old_socket = self.close_socket(attempt, code, String::new(), now);
        self.state.set_old_socket(old_socket);
    }

    /// The deadline of the old socket has passed.
    pub(super) fn on_old_socket_due(&mut self, old_socket: OldSocket, now: Time) {
        match old_socket {
            OldSocket::None => {}
            OldSocket::Lingering(Handshake { attempt, .. }) => {
                self.close_lingering(attempt, CloseCode::TIMED_OUT, now);
            }
            OldSocket::Closing(ClosingSocket { attempt, .. }) => {
                self.outputs.push(Output::Detach { attempt });
                self.on_old_socket_gone(now);
            }
        }
    }

    /// The old socket is gone.
    fn on_old_socket_gone(&mut self, now: Time) {
        match &self.state {
            State::Connecting(Phase::ClosingOld(_)) => self.begin(OldSocket::None, None, now),
            State::Closing { by, .. } => {
                self.enter(State::Closed { by: *by, old_socket: OldSocket::None }, None);
            }
            State::Waiting { .. }
            | State::Closed { .. }
            | State::Failed { .. }
            | State::Idle
            | State::Connecting(_)
            | State::Connected(_) => {
                self.state.set_old_socket(OldSocket::None);
                self.changed(None);
            }
        }
    }
}
