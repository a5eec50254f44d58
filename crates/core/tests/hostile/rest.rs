//! What must hold wherever the machine has come to rest.

use std::hash::Hash;

use onesocket_core::StateName;

use super::actions::{Action, Frame};
use super::judge::Step;
use super::{Memory, Place, Queued, Socket, Verdict, fingerprint, is_live, rule};

/// What is known of a stage from its name alone: which socket there is, and whether something will
/// become due.
struct Expected {
    sockets: fn(Socket) -> bool,
    fetching: bool,
    due: bool,
}

/// A new stage fails here until it is said what is expected of it.
fn expected(stage: &str) -> Option<Expected> {
    let gone: fn(Socket) -> bool = |socket| socket == Socket::Gone;
    let open: fn(Socket) -> bool = |socket| socket == Socket::Open;
    let connecting: fn(Socket) -> bool = |socket| matches!(socket, Socket::Connecting { .. });
    let ended: fn(Socket) -> bool = |socket| matches!(socket, Socket::Ended { .. });
    let leaving: fn(Socket) -> bool =
        |socket| matches!(socket, Socket::Shut { .. } | Socket::Ended { .. });
    let (sockets, fetching, due) = match stage {
        "idle" | "closed" | "closed/released" | "failed" => (gone, false, false),
        "connecting/fetching" => (gone, true, true),
        "connecting/opening" => (connecting, false, true),
        "connecting/agreeing" => (open, false, true),
        "connecting/ending" => (ended, false, true),
        "connecting/leaving" | "closing" | "closing/released" => (leaving, false, true),
        "connected" => (open, false, false),
        "connected/unproven" => (open, false, true),
        "waiting" => (gone, false, true),
        "closed+lingering" | "closed/released+lingering" => (connecting, false, true),
        "waiting+leaving" | "closed+leaving" | "closed/released+leaving" | "failed+leaving" => {
            (leaving, false, true)
        }
        _ => return None,
    };
    Some(Expected { sockets, fetching, due })
}

impl Place {
    /// Judges where the machine has come to rest.
    pub(super) fn judge_rest(&self, step: &Step<'_>, stage: &str, was_late: bool) -> Verdict {
        let Self { machine, now, memory } = self;
        let status = machine.status();
        rule!(step.told == *status, "the user was not told of {status:?}");
        let Some(Expected { sockets, fetching, due }) = expected(stage) else {
            return Err(format!("what is expected of the stage {stage}?"));
        };
        rule!(sockets(memory.socket), "{stage} with a socket that is {:?}", memory.socket);
        rule!(fetching == memory.fetching, "{stage}, and fetching a token: {}", memory.fetching);
        let due = due || is_live(status.state) && !memory.is_wanted();
        let deadline = machine.deadline();
        rule!(deadline.is_some() == due, "{stage}: the deadline is {deadline:?}, needed: {due}");
        if !matches!(step.action, Action::Send(_)) {
            rule!(deadline.is_none_or(|at| at > *now), "{stage}: what was due was not dealt with");
        }
        let unproven = stage == "connected/unproven";
        rule!(
            unproven == memory.stable_at.is_some(),
            "{stage}, to be forgiven at {:?}",
            memory.stable_at
        );
        let connected = status.state == StateName::Connected;
        let attempt = connected.then_some(memory.newest);
        rule!(machine.connected_attempt() == attempt, "{stage}: connected over another socket");

        let waiting: usize = memory.queue.iter().map(Queued::bytes).sum();
        rule!(
            machine.queued_bytes() == waiting,
            "{waiting} bytes wait, not {}",
            machine.queued_bytes()
        );
        let ended = memory.end.is_some();
        rule!(
            memory.queue.is_empty() || !(connected || ended),
            "{stage}: messages are left behind"
        );
        rule!(memory.connects.is_empty() || !(connected || ended), "{stage}: connect() hangs");
        rule!(memory.calls.is_empty() || !ended, "{stage}: a call hangs");
        let leaving = matches!(memory.socket, Socket::Shut { .. } | Socket::Ended { .. });
        rule!(memory.closes.is_empty() || leaving, "{stage}: close() hangs");
        match step.action {
            Action::Connect if !was_late => {
                let up = connected || status.state == StateName::Connecting;
                rule!(up, "connect() has led to {stage}");
            }
            Action::Close => {
                let closed = matches!(status.state, StateName::Closing | StateName::Closed);
                rule!(closed, "close() has led to {stage}");
            }
            _ => {}
        }
        if connected && step.action == Action::Receive(Frame::Welcome) && !step.asked_for.is_empty()
        {
            let missing = memory.joined.iter().find(|group| !step.asked_for.contains(group));
            rule!(missing.is_none(), "{missing:?} was not joined again");
        }
        Ok(())
    }

    /// Checks that what must change nothing changes nothing.
    pub(crate) fn judge_strangers(&self) -> Verdict {
        if self.is_late() {
            return Ok(());
        }
        let before = fingerprint(|hasher| self.machine.hash(hasher));
        let mut machine = self.machine.clone();
        for input in self.strangers() {
            machine.handle(input.clone(), self.now);
            let after = fingerprint(|hasher| machine.hash(hasher));
            rule!(after == before, "it was no stranger: {input:?}: {:?}", machine.poll());
        }
        Ok(())
    }

    /// Says whether the connection is wanted, and can be had by what is under way.
    pub(crate) fn is_promising(&self) -> bool {
        let budget = self.memory.budget > 0 || self.machine.stage() != "connecting/ending";
        is_live(self.machine.status().state) && self.memory.is_wanted() && !self.is_late() && budget
    }

    /// Judges a place in which nothing more happens by itself.
    pub(crate) fn judge_quiet(&self, answers: bool) -> Verdict {
        let Memory { connects, closes, calls, .. } = &self.memory;
        rule!(connects.is_empty(), "connect() is never answered: {connects:?}");
        rule!(closes.is_empty(), "close() is never answered: {closes:?}");
        let may_wait = match self.machine.status().state {
            // For somebody who calls connect().
            StateName::Idle => true,
            StateName::Connected => !answers,
            StateName::Closed | StateName::Failed => false,
            state @ (StateName::Connecting | StateName::Waiting | StateName::Closing) => {
                return Err(format!("stuck in {}", state.as_str()));
            }
        };
        rule!(calls.is_empty() || may_wait, "a call is never answered: {calls:?}");
        Ok(())
    }
}
