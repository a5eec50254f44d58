//! What must hold wherever the machine has come to rest.

use onesocket_core::{
    Call, ConnectedStage, ConnectingStage, OldSocketStage, Stage, StateName, Time,
};

use crate::exploration::actions::{Action, Answer, LATER};
use crate::exploration::invariants::Step;
use crate::exploration::observed::{Kept, Socket, Want, What};
use crate::exploration::place::Place;
use crate::exploration::{PROBING, REFRESHING, Verdict, WAKE_TIMEOUT, ensure, is_live};

/// What is known of a stage by itself: which socket there is, and whether something will become
/// due.
pub(super) struct Expected {
    sockets: fn(Socket) -> bool,
    /// `None` where both may be.
    fetching: Option<bool>,
    due: Option<bool>,
}

/// Returns what is expected of a stage; `None` for one that cannot be reached. A new stage does not
/// compile until it is added here.
pub(super) fn expected(stage: Stage) -> Option<Expected> {
    let gone: fn(Socket) -> bool = |socket| socket == Socket::Gone;
    let open: fn(Socket) -> bool = |socket| socket == Socket::Open;
    let connecting: fn(Socket) -> bool = |socket| matches!(socket, Socket::Connecting { .. });
    let ended: fn(Socket) -> bool = |socket| matches!(socket, Socket::ServerClosing { .. });
    let leaving: fn(Socket) -> bool =
        |socket| matches!(socket, Socket::Shut { .. } | Socket::ServerClosing { .. });
    let (sockets, fetching, due) = match stage {
        Stage::Idle => (gone, Some(false), Some(false)),
        Stage::Connecting(connecting_stage) => match connecting_stage {
            ConnectingStage::Fetching => (gone, Some(true), Some(true)),
            ConnectingStage::Opening => (connecting, Some(false), Some(true)),
            ConnectingStage::Agreeing => (open, Some(false), Some(true)),
            // The token that a refresh has asked for serves the next attempt.
            ConnectingStage::ServerClosing => (ended, None, Some(true)),
            ConnectingStage::ClosingOld => (leaving, None, Some(true)),
        },
        Stage::Connected(connected_stage) => match connected_stage {
            // Whether something is due depends on the token's expiry and on how long the server may
            // be silent.
            ConnectedStage::Settled => (open, Some(false), None),
            ConnectedStage::Fetching => (open, Some(true), Some(true)),
            ConnectedStage::Probing => (open, None, Some(true)),
            ConnectedStage::Refreshing | ConnectedStage::Unproven => {
                (open, Some(false), Some(true))
            }
        },
        // It depends on the network.
        Stage::Waiting(OldSocketStage::Gone) => (gone, None, None),
        Stage::Waiting(OldSocketStage::Closing) => (leaving, None, Some(true)),
        Stage::Closing(_) => (leaving, Some(false), Some(true)),
        Stage::Closed(_, OldSocketStage::Gone) | Stage::Failed(OldSocketStage::Gone) => {
            (gone, Some(false), Some(false))
        }
        Stage::Closed(_, OldSocketStage::Lingering) => (connecting, Some(false), Some(true)),
        Stage::Closed(_, OldSocketStage::Closing) | Stage::Failed(OldSocketStage::Closing) => {
            (leaving, Some(false), Some(true))
        }
        // A socket that still shakes hands is let go only with the whole connection.
        Stage::Waiting(OldSocketStage::Lingering) | Stage::Failed(OldSocketStage::Lingering) => {
            return None;
        }
    };
    Some(Expected { sockets, fetching, due })
}

impl Place {
    /// Checks where the machine has come to rest.
    pub(super) fn check_at_rest(&self, step: &Step<'_>, stage: Stage, was_late: bool) -> Verdict {
        let Self { machine, now, observed } = self;
        let status = machine.status();
        ensure!(step.status == *status, "the user was not told of {status:?}");
        let Some(Expected { sockets, fetching, due }) = expected(stage) else {
            return Err(format!("{stage} should not be reached"));
        };
        ensure!(sockets(observed.socket), "{stage} with a socket that is {:?}", observed.socket);
        let fetching = fetching.is_none_or(|fetching| fetching == observed.fetching);
        ensure!(fetching, "{stage}, and fetching a token: {}", observed.fetching);
        let deadline = self.due();
        let waits = status.state == StateName::Waiting;
        let unwanted = is_live(status.state) && !observed.is_wanted();
        let due = if waits || unwanted || observed.fetching { Some(true) } else { due };
        let right = due.is_none_or(|due| due == deadline.is_some());
        ensure!(right, "{stage}: the deadline is {deadline:?}, needed: {due:?}");
        if !matches!(step.action, Action::Send(_)) {
            ensure!(
                deadline.is_none_or(|at| at > *now),
                "{stage}: what was due was not dealt with"
            );
        }
        let connected = status.state == StateName::Connected;
        let unproven = match stage {
            Stage::Connected(ConnectedStage::Unproven) => observed.stable_at.is_some(),
            // In these, either may be.
            Stage::Connected(
                ConnectedStage::Fetching | ConnectedStage::Refreshing | ConnectedStage::Probing,
            ) => true,
            Stage::Connected(ConnectedStage::Settled)
            | Stage::Idle
            | Stage::Connecting(_)
            | Stage::Waiting(_)
            | Stage::Closing(_)
            | Stage::Closed(..)
            | Stage::Failed(_) => observed.stable_at.is_none(),
        };
        ensure!(unproven, "{stage}, stable at {:?}", observed.stable_at);
        self.check_refresh(step.action, stage)?;
        if connected && !matches!(step.action, Action::Send(_)) {
            let silent_at = observed.probe.unwrap_or(observed.heard + observed.silence);
            let heeded =
                silent_at == Time::NEVER || machine.deadline().is_some_and(|at| at <= silent_at);
            ensure!(heeded, "{stage}: silence from {silent_at:?} on would not be noticed");
            let probing = observed.probe.is_some() == (stage == PROBING);
            ensure!(probing, "{stage}, and the server was asked: {:?}", observed.probe);
        }
        let attempt = connected.then_some(observed.newest);
        ensure!(machine.connected_attempt() == attempt, "{stage}: connected over another socket");

        let unsent = observed.kept.iter().filter(|kept| kept.sent.is_none());
        let waiting: usize = unsent.clone().map(|kept| kept.bytes).sum();
        ensure!(
            machine.queued_bytes() == waiting,
            "{waiting} bytes wait, not {}",
            machine.queued_bytes()
        );
        let ended = observed.end.is_some();
        let kept = step.scope.keeps(status.state);
        let dropped = ended && !kept;
        ensure!(
            !(connected && unsent.count() > 0 || dropped && !observed.kept.is_empty()),
            "{stage}: messages are left behind"
        );
        ensure!(step.accepted.is_empty(), "{:?} was not handed back", step.accepted);
        let answered = step.done.iter().find(|call| observed.calls.iter().any(|(c, _)| c == *call));
        ensure!(answered.is_none(), "{answered:?} was accepted, and is not told");
        let refused = |kept: &Kept| kept.sent.is_some() && kept.sent == step.refused_number;
        ensure!(!observed.kept.iter().any(refused), "what was refused is kept");
        for (call, want) in &observed.calls {
            let kept = observed.kept.iter().any(|kept| kept.what == What::Publish(*call));
            ensure!(*want != Want::Publish || kept, "{call:?} waits for nothing");
        }
        if step.another && connected {
            ensure!(observed.kept.is_empty(), "{stage}: messages of another user are kept");
        }
        ensure!(step.left == 0 || !connected, "{stage}: nobody is told that groups were left");
        if step.resends {
            ensure!(step.next == observed.kept.len(), "{stage}: not all was sent again");
        } else if step.connects && connected {
            let unanswered = observed.kept.iter().filter(|kept| kept.sent.is_some()).count();
            ensure!(unanswered == step.sent_new, "kept for a server that remembers nothing");
        }
        ensure!(observed.connects.is_empty() || !(connected || ended), "{stage}: connect() hangs");
        let may_wait = |(_, want): &(Call, Want)| kept && *want == Want::Publish;
        ensure!(!ended || observed.calls.iter().all(may_wait), "{stage}: a call hangs");
        let leaving = matches!(observed.socket, Socket::Shut { .. } | Socket::ServerClosing { .. });
        ensure!(observed.closes.is_empty() || leaving, "{stage}: close() hangs");
        match step.action {
            Action::Connect if !was_late => {
                let up = connected || status.state == StateName::Connecting;
                ensure!(up, "connect() has led to {stage}");
            }
            Action::Token(Answer::Later) if !was_late => {
                let early = status.retry_at.is_some_and(|at| at < *now + LATER);
                ensure!(!early, "getToken is asked again at {:?}", status.retry_at);
            }
            Action::Online | Action::Wake if connected && step.scope.can_ask() && !was_late => {
                let asked = observed.probe.is_some_and(|at| at <= *now + WAKE_TIMEOUT);
                ensure!(asked, "{stage}: waking up asks the server for nothing");
            }
            Action::Close => {
                let closed = matches!(status.state, StateName::Closing | StateName::Closed);
                ensure!(closed, "close() has led to {stage}");
            }
            _ => {}
        }
        if connected && step.connects && !step.asked_for.is_empty() {
            let missing = observed.joined.iter().find(|group| !step.asked_for.contains(group));
            ensure!(missing.is_none(), "{missing:?} was not joined again");
        }
        Ok(())
    }

    pub(super) fn check_refresh(&self, action: Action, stage: Stage) -> Verdict {
        let Self { observed, now, .. } = self;
        let connected = self.machine.status().state == StateName::Connected;
        let refreshing = observed.refreshing.is_some();
        ensure!(!refreshing || connected, "{stage}: a new token was sent");
        ensure!(
            !refreshing || !observed.fetching,
            "{stage}: a token is fetched while one was sent"
        );
        let in_time = observed.refreshing.is_none_or(|(_, until)| until > *now);
        ensure!(in_time || matches!(action, Action::Send(_)), "{stage}: no answer came");
        if stage == REFRESHING {
            ensure!(refreshing, "{stage}: no token was sent");
        } else if stage != PROBING {
            ensure!(!refreshing, "{stage}: a token was sent");
        }
        let waits = connected && (refreshing || observed.fetching);
        ensure!(observed.refreshes.is_empty() || waits, "{stage}: refreshToken() hangs");
        let spare = observed.spare.is_none() || is_live(self.machine.status().state);
        ensure!(spare, "{stage}: a token is kept");
        Ok(())
    }
}
