//! What must hold of everything that the machine says.

mod at_end;
mod at_rest;
mod inputs;
mod outputs;
mod traffic;
mod transitions;

use onesocket_core::protocol::{MessageId, Retry};
use onesocket_core::{Call, ErrorCode, StateName, Status, Time};

use crate::exploration::actions::Action;
use crate::exploration::coverage::{Seen, error_name, input_name, output_name};
use crate::exploration::memory::{Kept, Socket, What};
use crate::exploration::place::Place;
use crate::exploration::scope::Scope;
use crate::exploration::{CLOSING_OLD, FETCHING, PROBING, Verdict, is_live, rule};

/// One step, while it is judged.
pub(super) struct Step<'a> {
    pub(super) scope: &'a Scope,
    pub(super) action: Action,
    now: Time,
    /// What the user was told last.
    pub(super) told: Status,
    /// The server has refused the token of the connection or attempt that was there.
    refused: bool,
    /// The next attempt may begin at once.
    at_once: bool,
    /// It has to: the page has woken up just before.
    woken: bool,
    /// The session is agreed in this step.
    pub(super) connects: bool,
    /// A message has gone out in this step.
    flushed: bool,
    /// What the user was told before this step.
    before: StateName,
    was_late: bool,
    /// The server remembers, and is sent again what it has not answered.
    pub(super) resends: bool,
    /// Which of what is kept goes out next, and how many have for the first time.
    pub(super) next: usize,
    pub(super) sent_new: usize,
    /// What the server has accepted and refused in this step.
    pub(super) done: Vec<Call>,
    pub(super) refused_number: Option<MessageId>,
    /// What `publish()` is answered where it is not accepted.
    declined: Option<(Call, ErrorCode)>,
    /// `getToken` has answered with a token in this step, and nobody has used it.
    token: bool,
    /// The server has taken the new token in this step.
    renewed: bool,
    /// The server was held to be gone in this step.
    silent: bool,
    /// A plain socket has opened that is wanted, and nothing was sent over it.
    greets: bool,
    /// The groups that were asked for in this step.
    pub(super) asked_for: Vec<&'static str>,
}

impl Place {
    /// Lets one thing happen and judges what the machine says to it.
    pub(crate) fn step(&mut self, scope: &Scope, action: Action, seen: &mut Seen) -> Verdict {
        match action {
            Action::Tick => self.now = self.now + scope.tick,
            Action::Sleep => self.now = self.now + scope.sleep,
            Action::Due => {
                let due = self.machine.deadline().ok_or("nothing is due")?;
                self.now = self.now.max(due);
            }
            _ => {}
        }
        let was_late = self.is_late();
        let stage = self.machine.stage();
        let told = self.machine.status().clone();
        let woken = self.memory.woken_until.is_some_and(|until| until > self.now);
        let was_up = matches!(told.state, StateName::Connecting | StateName::Connected);
        let mut step = Step {
            scope,
            action,
            now: self.now,
            told,
            refused: is_refusal(scope, action) && was_up && stage != CLOSING_OLD,
            at_once: woken || matches!(stage, CLOSING_OLD | PROBING),
            woken,
            connects: false,
            flushed: false,
            before: self.machine.status().state,
            was_late,
            resends: false,
            next: self.memory.kept.iter().filter(|kept| kept.sent.is_some()).count(),
            sent_new: 0,
            done: Vec::new(),
            refused_number: None,
            declined: None,
            token: false,
            renewed: false,
            silent: false,
            greets: false,
            asked_for: Vec::new(),
        };
        let call = self.free_call();
        if let Some(input) = self.input(scope, action, call) {
            seen.inputs.insert(input_name(&input));
            self.memory.forgive_if_due(&step);
            self.memory.note(&mut step, stage, call);
            self.machine.handle(input, self.now);
        } else if let Action::Send(bytes) = action {
            self.send(&step, bytes, seen)?;
        } else {
            return Ok(());
        }
        while let Some(output) = self.machine.poll() {
            seen.outputs.insert(output_name(&output));
            if let Some(said) = &mut seen.said {
                said.push(format!("{output:?}"));
            }
            self.memory.judge(&mut step, output, seen)?;
        }
        let stage = self.machine.stage();
        rule!(!step.greets, "a socket is not greeted");
        if !matches!(action, Action::Send(_)) {
            self.memory.forgive_if_due(&step);
        }
        let begun = stage != FETCHING || self.memory.begun;
        rule!(begun, "an attempt without a token");
        // Where the connection is let go in the same step, the socket is not made.
        let live = is_live(self.machine.status().state);
        rule!(!step.token || !live, "a token is not used");
        let gone = !step.silent || !matches!(self.memory.socket, Socket::Shut { .. });
        rule!(gone, "the socket of a server that is gone is waited for");
        self.judge_rest(&step, stage, was_late)?;
        seen.stages.insert(stage);
        Ok(())
    }

    fn send(&mut self, step: &Step<'_>, bytes: usize, seen: &mut Seen) -> Verdict {
        let expected = self.memory.accepts(step, bytes);
        let kept = &mut self.memory.kept;
        let taken = |number: &u8| kept.iter().any(|kept| kept.what == What::Message(*number));
        let data = (1..).find(|number| !taken(number)).ok_or("no free number")?;
        let result = self.machine.send(data, bytes, 0).map_err(|error| error.code);
        rule!(result == expected, "send() answered {result:?}, not {expected:?}");
        match result {
            Ok(()) => kept.push(Kept { what: What::Message(data), bytes, sent: None }),
            Err(code) => drop(seen.errors.insert(error_name(code))),
        }
        Ok(())
    }
}

/// Says whether the server refuses the token.
fn is_refusal(scope: &Scope, action: Action) -> bool {
    matches!(action, Action::Closed(code) if scope.retry(code) == Retry::WithFreshToken)
}
