//! The invariants: what must hold of every output of the machine, of where it comes to rest, and of
//! where nothing more happens.
//!
//! They are checked against [`Observed`](crate::exploration::observed::Observed), which is derived
//! from inputs and outputs alone: the newest socket and its timeouts, the calls and messages that
//! are unanswered, the groups, the token that is fetched or sent, the demand of the user, the
//! budget of attempts, when the server was heard. A getter of the machine is *checked* against it
//! where it is `status()` (which has to be what the last `Output::Status` told), `queued_bytes()`,
//! `connected_attempt()`, and the answer of `send()`.
//!
//! These are *believed*, so a fault in them alone is for other tests to find (`transitions`):
//! - `stage()`, for the one thing that no output tells: whether an attempt waits for the close of
//!   an old socket, or for that of the connection, whose code will say how to go on. At rest each
//!   stage is checked against the socket, the fetch, the refresh and the probe that were observed.
//! - `deadline()`, as the time at which the timer fires. At rest it has to exist where something
//!   that was observed needs it, to lie ahead, and not to lie behind the end of the server's
//!   silence.
//! - `status().token_expires_at`, for when a token has expired.
//! - `numbers()` and `relative_to()`, by which two places are compared: `properties.rs` checks
//!   them.

mod at_end;
mod at_rest;
mod inputs;
mod outputs;
mod traffic;
mod transitions;

use std::collections::VecDeque;

use onesocket_core::protocol::{MessageId, Retry};
use onesocket_core::{Call, Error, ErrorCode, StateName, Status, Time};

use crate::exploration::actions::Action;
use crate::exploration::coverage::{Coverage, error_name, input_name, output_name};
use crate::exploration::observed::{End, Kept, Socket, What};
use crate::exploration::place::Place;
use crate::exploration::scope::Scope;
use crate::exploration::{CLOSING_OLD, Verdict, ensure};

/// One step, while its outputs are checked.
pub(super) struct Step<'a> {
    pub(super) scope: &'a Scope,
    pub(super) action: Action,
    now: Time,
    /// The status that the last output has told.
    pub(super) status: Status,
    /// The server has refused the token of the connection or attempt that was there.
    refused: bool,
    /// The next attempt may begin at once.
    at_once: bool,
    /// The next attempt has to begin at once: the page has just woken up.
    woken: bool,
    /// The session is agreed in this step.
    pub(super) connects: bool,
    /// A message has gone out in this step.
    flushed: bool,
    /// The state before this step.
    pub(super) before: StateName,
    was_late: bool,
    /// The server remembers, and is sent again what it has not answered.
    pub(super) resends: bool,
    /// The index of the kept message that goes out next, and how many went out for the first time.
    pub(super) next: usize,
    pub(super) sent_new: usize,
    /// What the server has accepted in this step: the calls that wait for it, the messages that were not
    /// handed back yet; and the number that it has refused.
    pub(super) done: Vec<Call>,
    pub(super) accepted: VecDeque<Kept>,
    pub(super) refused_number: Option<MessageId>,
    /// The error with which a `publish()` has to be rejected at once.
    declined: Option<(Call, ErrorCode)>,
    /// `getToken` has answered with a token in this step, and nobody has used it.
    token: bool,
    /// The server has taken the new token in this step.
    refreshed: bool,
    /// The server was given up as silent in this step.
    silent: bool,
    /// A plain socket that is wanted has opened, and hello was not sent over it yet.
    hello_due: bool,
    /// The groups that were asked for in this step.
    pub(super) asked_for: Vec<&'static str>,
    /// What waits is another user's, who has not ended the connection, and how many have left a group with
    /// that user.
    pub(super) another: bool,
    pub(super) left: usize,
    /// A group is left that others have joined too.
    pub(super) stays: bool,
    /// The error that a line of the log has told last in this step.
    pub(super) logged: Option<Error>,
}

impl Place {
    /// Lets one thing happen and checks what the machine answers.
    pub(crate) fn step(
        &mut self,
        scope: &Scope,
        action: Action,
        coverage: &mut Coverage,
    ) -> Verdict {
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
        let status = self.machine.status().clone();
        let woken = self.observed.woken_until.is_some_and(|until| until > self.now);
        let was_up = matches!(status.state, StateName::Connecting | StateName::Connected);
        let mut step = Step {
            scope,
            action,
            now: self.now,
            status,
            refused: is_refusal(scope, action) && was_up && stage != CLOSING_OLD,
            at_once: woken || stage == CLOSING_OLD || self.observed.probe.is_some(),
            woken,
            connects: false,
            flushed: false,
            before: self.machine.status().state,
            was_late,
            resends: false,
            next: self.observed.kept.iter().filter(|kept| kept.sent.is_some()).count(),
            sent_new: 0,
            done: Vec::new(),
            accepted: VecDeque::new(),
            refused_number: None,
            declined: None,
            token: false,
            refreshed: false,
            silent: false,
            hello_due: false,
            asked_for: Vec::new(),
            another: false,
            left: 0,
            stays: false,
            logged: None,
        };
        let call = self.free_call();
        if let Some(input) = self.input(scope, action, call) {
            coverage.inputs.insert(input_name(&input));
            self.observed.reset_failures_if_stable(&step);
            self.observed.note_input(&mut step, call);
            self.machine.handle(input, self.now);
        } else if let Action::Send(bytes) = action {
            self.send(&step, bytes, coverage)?;
        } else {
            return Ok(());
        }
        while let Some(output) = self.machine.poll() {
            coverage.outputs.insert(output_name(&output));
            if let Some(said) = &mut coverage.said {
                said.push(format!("{output:?}"));
            }
            self.observed.check_output(&mut step, output, coverage)?;
        }
        let stage = self.machine.stage();
        ensure!(!step.hello_due, "hello was not sent");
        if !matches!(action, Action::Send(_)) {
            self.observed.reset_failures_if_stable(&step);
        }
        let waits = self.observed.waits_for_token(step.status.state);
        let begun = !waits || self.observed.begun;
        ensure!(begun, "an attempt without a token");
        // Where the connection is released in the same step, the socket is not made.
        let released = self.observed.end == Some(End::Released);
        ensure!(!step.token || released, "a token is not used");
        let gone = !step.silent || !matches!(self.observed.socket, Socket::Shut { .. });
        ensure!(gone, "the socket of a server that is gone is waited for");
        self.check_at_rest(&step, stage, was_late)?;
        coverage.stages.insert(stage);
        Ok(())
    }

    fn send(&mut self, step: &Step<'_>, bytes: usize, coverage: &mut Coverage) -> Verdict {
        let expected = self.observed.accepts(step, bytes);
        let kept = &mut self.observed.kept;
        let taken = |number: &u8| kept.iter().any(|kept| kept.what == What::Message(*number));
        let data = (1..).find(|number| !taken(number)).ok_or("no free number")?;
        let result = self.machine.send(data, bytes, 0).map_err(|error| error.code);
        ensure!(result == expected, "send() answered {result:?}, not {expected:?}");
        match result {
            Ok(()) => kept.push(Kept { what: What::Message(data), bytes, sent: None }),
            Err(code) => drop(coverage.errors.insert(error_name(code))),
        }
        Ok(())
    }
}

/// Says whether the server refuses the token.
fn is_refusal(scope: &Scope, action: Action) -> bool {
    matches!(action, Action::Closed(code) if scope.retry(code) == Retry::WithFreshToken)
}
