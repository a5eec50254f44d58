//! The heartbeat of the server, a page that wakes up, and the network.

use onesocket_protocol::{ClientFrame, CloseCode, Span};

use super::{Connection, Output};
use crate::error::ErrorCode;
use crate::heartbeat::{Due, OnLoss};
use crate::state::{Network, OldSocket, State};
use crate::text::{Sentence, Text};
use crate::time::Time;

/// The shortest time between two attempts that a waking page leads to.
pub(super) const WAKE_INTERVAL: Span = Span::from_secs(1);

/// The shortest time between two automatic attempts while the browser says that it is offline.
///
/// 30 s: a user who is online in spite of that waits no longer, and an attempt without a network costs
/// nothing but a line in the console.
pub(super) const OFFLINE_INTERVAL: Span = Span::from_secs(30);

impl<M: Clone> Connection<M> {
    pub(super) fn on_online(&mut self, now: Time) {
        self.network = Network::Online;
        self.on_wake(now);
    }

    pub(super) fn on_wake(&mut self, now: Time) {
        let may_try = self.woken_at.is_none_or(|at| now.since(at) >= WAKE_INTERVAL);
        match &mut self.state {
            State::Connected(session) => {
                if session.heartbeat.wake(now) {
                    self.probe();
                }
            }
            State::Waiting { old_socket, not_before, .. }
                if may_try && *not_before <= now && self.network.is_online() =>
            {
                let old_socket = *old_socket;
                self.woken_at = Some(now);
                self.begin(old_socket, None, now);
            }
            State::Failed { error, .. }
                if may_try
                    && error.code == ErrorCode::AttemptsExhausted
                    && self.demand.exists()
                    && self.network.is_online() =>
            {
                self.woken_at = Some(now);
                self.start(now);
            }
            State::Idle
            | State::Connecting(_)
            | State::Waiting { .. }
            | State::Closing { .. }
            | State::Closed { .. }
            | State::Failed { .. } => {}
        }
    }

    /// A person uses the page, which revives what has used up its attempts; what is still being tried
    /// goes on at its own pace.
    pub(super) fn on_activity(&mut self, now: Time) {
        if let State::Failed { .. } = self.state {
            self.on_wake(now);
        }
    }

    /// A frame has come from the server.
    pub(super) fn heard(&mut self, now: Time) {
        if let State::Connected(session) = &mut self.state {
            session.heartbeat.heard(now);
        }
    }

    /// A deadline of the session has passed.
    pub(super) fn on_connected_due(&mut self, due: Time, now: Time) {
        let timeout = self.config.heartbeat.timeout;
        let State::Connected(session) = &mut self.state else { return };
        if session.refresh.deadline() == due {
            let refresh = session.refresh;
            return self.on_refresh_due(refresh, now);
        }
        if session.stable_at == Some(due) {
            return self.reset_backoff_if_due(now);
        }
        match session.heartbeat.due(timeout, now) {
            Due::Again => {}
            Due::Probe => self.probe(),
            Due::Lost(on_loss) => self.on_silence(on_loss, now),
        }
    }

    fn probe(&mut self) {
        if let Some(attempt) = self.connected_attempt() {
            self.transmit(attempt, ClientFrame::Ping);
        }
    }

    /// The server is lost. The machine does not wait for the socket: a browser may take a minute to
    /// close it.
    fn on_silence(&mut self, on_loss: OnLoss, now: Time) {
        let Some(attempt) = self.connected_attempt() else { return };
        let cause = Text::new(Sentence::FellSilent);
        self.close_socket(attempt, CloseCode::TIMED_OUT, String::new(), now);
        self.outputs.push(Output::Detach { attempt });
        self.lose_traffic();
        match on_loss {
            OnLoss::BackOff => self.try_again(cause, Span::ZERO, OldSocket::None, now),
            OnLoss::ReplaceNow => self.replace(cause, now),
        }
    }
}
