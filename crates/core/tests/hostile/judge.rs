//! What must hold of everything that the machine says.

use onesocket_core::protocol::{ClientFrame, MessageId};
use onesocket_core::{Call, ErrorCode, Output, StateName, Status, Time};

use super::actions::{Action, Answer, FROM_SERVER, Frame};
use super::seen::{error_name, input_name, output_name};
use super::{
    End, LARGEST, Memory, Message, Place, Queued, Scope, Seen, Socket, Verdict, is_live, rule,
};

/// One step, while it is judged.
pub(super) struct Step<'a> {
    pub(super) scope: &'a Scope,
    pub(super) action: Action,
    now: Time,
    /// What the user was told last.
    pub(super) told: Status,
    /// The server has refused the token of the connection or attempt that was there.
    refused: bool,
    /// The session is agreed in this step.
    pub(super) connects: bool,
    /// A message has gone out in this step.
    flushed: bool,
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
        let was_up = matches!(told.state, StateName::Connecting | StateName::Connected);
        let mut step = Step {
            scope,
            action,
            now: self.now,
            told,
            refused: action == Action::Closed(4401) && was_up && stage != "connecting/leaving",
            connects: false,
            flushed: false,
            asked_for: Vec::new(),
        };
        let call = self.free_call();
        if let Some(input) = self.input(action, call) {
            seen.inputs.insert(input_name(&input));
            self.memory.forgive_if_due(&step);
            self.memory.note(&step, call);
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
        self.judge_rest(&step, &stage, was_late)?;
        if !seen.stages.contains(&stage) {
            seen.stages.insert(stage);
        }
        Ok(())
    }

    fn send(&mut self, step: &Step<'_>, bytes: usize, seen: &mut Seen) -> Verdict {
        let queue = &mut self.memory.queue;
        let waiting: usize = queue.iter().map(Queued::bytes).sum();
        let limits = step.scope.config.queue;
        let expected = match step.told.state {
            StateName::Connected if bytes <= LARGEST => Ok(()),
            StateName::Connected => Err(ErrorCode::TooLarge),
            StateName::Idle | StateName::Connecting | StateName::Waiting => {
                let fits = queue.len() < limits.max_messages && waiting + bytes <= limits.max_bytes;
                if fits { Ok(()) } else { Err(ErrorCode::QueueFull) }
            }
            StateName::Closing | StateName::Closed | StateName::Failed => Err(ErrorCode::Closed),
        };
        let taken = |number: &u8| {
            queue.iter().any(|item| matches!(item, Queued::Message(data, _) if data == number))
        };
        let data = (1..).find(|number| !taken(number)).ok_or("no free number")?;
        let result = self.machine.send(data, bytes).map_err(|error| error.code);
        rule!(result == expected, "send() answered {result:?}, not {expected:?}");
        match result {
            Ok(()) => queue.push(Queued::Message(data, bytes)),
            Err(code) => drop(seen.errors.insert(error_name(code))),
        }
        Ok(())
    }
}

impl Memory {
    pub(crate) fn is_wanted(&self) -> bool {
        self.lasting || self.holders > 0 || !self.connects.is_empty()
    }

    /// A person, or a component that was mounted, wants the connection anew: the budget is full,
    /// but for the attempt that is adopted.
    fn revive(&mut self, scope: &Scope) {
        let adopted = matches!(self.socket, Socket::Connecting { .. });
        self.budget = scope.config.reconnect.max_attempts + u32::from(!adopted);
        self.fresh = scope.config.tokens;
        self.end = None;
    }

    fn forgive_if_due(&mut self, step: &Step<'_>) {
        if self.stable_at.is_some_and(|at| at <= step.now) {
            self.budget = step.scope.config.reconnect.max_attempts;
            self.fresh = step.scope.config.tokens;
            self.stable_at = None;
        }
    }

    /// Notes what is about to happen.
    fn note(&mut self, step: &Step<'_>, call: Call) {
        let state = step.told.state;
        match step.action {
            Action::Connect => {
                self.connects.push(call);
                if !is_live(state) {
                    self.revive(step.scope);
                }
            }
            Action::Hold => {
                self.holders += 1;
                if state == StateName::Idle || self.end == Some(End::Released) {
                    self.revive(step.scope);
                }
            }
            Action::Release => self.holders -= 1,
            Action::Close => {
                self.closes.push(call);
                self.end = Some(End::Asked);
                self.lasting = false;
            }
            Action::Join(group) => self.calls.push((call, Some(group))),
            Action::Leave(group) => {
                self.calls.push((call, None));
                self.joined.retain(|joined| *joined != group);
                self.asked.retain(|(_, join)| *join != Some(group));
            }
            Action::Publish(_) => {
                self.calls.push((call, None));
                self.queue.push(Queued::Publish(call, 1));
            }
            Action::Token(_) => self.fetching = false,
            Action::Closed(_) | Action::OpenFailed => self.lose(Socket::Gone),
            Action::Ended => {
                self.lose(Socket::Ended { until: step.now + step.scope.config.close_timeout });
            }
            Action::Opened => self.socket = Socket::Open,
            Action::Receive(Frame::Ack(id)) => {
                if let Some(group) = self.take_asked(id)
                    && !self.joined.contains(&group)
                {
                    self.joined.push(group);
                    self.joined.sort_unstable();
                }
            }
            Action::Receive(Frame::Refusal(id)) => {
                if let Some(group) = self.take_asked(id) {
                    self.joined.retain(|joined| *joined != group);
                }
            }
            Action::Abort(_)
            | Action::Due
            | Action::Elapsed
            | Action::Garbled
            | Action::Receive(Frame::Message | Frame::NoHandler | Frame::Ping | Frame::Welcome)
            | Action::Send(_)
            | Action::Sleep
            | Action::Tick => {}
        }
    }

    fn take_asked(&mut self, id: MessageId) -> Option<&'static str> {
        let at = self.asked.iter().position(|(asked, _)| *asked == id)?;
        self.asked.remove(at).1
    }

    /// The socket is no longer one that answers.
    fn lose(&mut self, socket: Socket) {
        self.socket = socket;
        self.asked.clear();
    }

    /// Judges one thing that the machine wants to be done, and does it.
    fn judge(&mut self, step: &mut Step<'_>, output: Output<Message>, seen: &mut Seen) -> Verdict {
        let config = &step.scope.config;
        match output {
            Output::AbortToken { fetch } => {
                let current = self.fetching && fetch == self.newest_fetch;
                rule!(current, "{fetch:?} is aborted and not under way");
                self.fetching = false;
            }
            Output::Deliver(data) => {
                let right = step.action == Action::Receive(Frame::Message) && data == FROM_SERVER;
                rule!(right && step.told.state == StateName::Connected, "delivered out of turn");
            }
            Output::Detach { attempt } => {
                rule!(attempt == self.newest, "{attempt:?} is detached, not the newest");
                let (Socket::Shut { until } | Socket::Ended { until }) = self.socket else {
                    return Err(format!("detached while {:?}", self.socket));
                };
                rule!(until <= step.now, "detached before its time");
                self.lose(Socket::Gone);
            }
            Output::Error { error, undelivered } => {
                seen.errors.insert(error_name(error.code));
                for data in undelivered {
                    self.take_queued(
                        |item| matches!(item, Queued::Message(queued, _) if *queued == data),
                    )?;
                }
            }
            Output::FetchToken { fetch } => {
                rule!(config.tokens, "a token is fetched where there are none");
                rule!(!self.fetching, "a second token is fetched");
                rule!(fetch.0 == self.newest_fetch.0.wrapping_add(1), "{fetch:?} is no new number");
                self.begin(step)?;
                (self.newest_fetch, self.fetching) = (fetch, true);
            }
            Output::Log(note) => drop(note.to_string()),
            Output::Open { attempt, token } => {
                rule!(self.socket == Socket::Gone, "a second socket while {:?}", self.socket);
                rule!(attempt.0 == self.newest.0.wrapping_add(1), "{attempt:?} is no new number");
                rule!(token.is_some() == config.tokens, "opened with the token {token:?}");
                if config.tokens {
                    let answered = step.action == Action::Token(Answer::Token);
                    rule!(answered && self.end.is_none(), "opened without a new token");
                } else {
                    self.begin(step)?;
                }
                self.newest = attempt;
                self.socket = Socket::Connecting { until: step.now + config.connect_timeout };
            }
            Output::Settle { call, result } => {
                let code = result.err().map(|error| error.code);
                seen.errors.extend(code.map(error_name));
                self.settle(step, call, code)?;
            }
            Output::Shut { attempt, .. } => {
                rule!(attempt == self.newest, "{attempt:?} is shut, not the newest");
                let may = match self.socket {
                    Socket::Connecting { until } => until <= step.now,
                    Socket::Open => true,
                    Socket::Gone | Socket::Ended { .. } | Socket::Shut { .. } => false,
                };
                rule!(may, "shut while {:?}", self.socket);
                self.lose(Socket::Shut { until: step.now + config.close_timeout });
            }
            Output::Status { previous, status, reason: _ } => {
                rule!(previous == step.told.state, "the state before was not {previous:?}");
                rule!(status != step.told, "the same status twice: {status:?}");
                let before = std::mem::replace(&mut step.told, status);
                if step.told.state != before.state {
                    seen.edges.insert((before.state, step.told.state));
                    self.enter(step)?;
                }
            }
            Output::TokenFetched { .. } => rule!(!self.fetching, "a token while one is fetched"),
            Output::Transmit { attempt, frame } => {
                let open = attempt == self.newest && self.socket == Socket::Open;
                rule!(open, "sent over a socket that is {:?}: {frame:?}", self.socket);
                self.transmit(step, &frame)?;
            }
        }
        Ok(())
    }

    /// An attempt begins.
    fn begin(&mut self, step: &Step<'_>) -> Verdict {
        rule!(self.end.is_none(), "an attempt after the end: {:?}", self.end);
        rule!(self.socket == Socket::Gone, "an attempt while the old socket is {:?}", self.socket);
        if step.refused {
            rule!(self.fresh, "a second fresh try");
            self.fresh = false;
        } else {
            rule!(self.budget > 0, "an attempt too many");
            self.budget -= 1;
        }
        Ok(())
    }

    /// The user is told of another state.
    fn enter(&mut self, step: &mut Step<'_>) -> Verdict {
        let config = &step.scope.config;
        let status = &step.told;
        if status.state != StateName::Connected {
            self.stable_at = None;
            self.asked.clear();
        }
        match status.state {
            StateName::Idle => return Err("back to idle".into()),
            StateName::Connecting => rule!(self.end.is_none(), "connecting after the end"),
            StateName::Connected => {
                let agreed = step.action == Action::Receive(Frame::Welcome);
                rule!(agreed && self.socket == Socket::Open, "connected without a welcome");
                step.connects = true;
                let full =
                    self.budget == config.reconnect.max_attempts && self.fresh == config.tokens;
                self.stable_at = (!full).then(|| step.now + config.stable_after);
            }
            StateName::Waiting => {
                let asked = match step.action {
                    Action::Closed(4529) => std::time::Duration::from_secs(15),
                    _ => config.reconnect.interval,
                };
                let early = status.retry_at.is_none_or(|at| at < step.now + asked);
                rule!(!early, "the next attempt is too early: {:?}", status.retry_at);
                rule!(self.budget > 0, "an attempt too many is planned");
            }
            StateName::Closing | StateName::Closed => {
                if self.end.is_none() {
                    rule!(!self.is_wanted(), "let go while it is wanted");
                    self.end = Some(End::Released);
                }
            }
            StateName::Failed => {
                let code = status.error.as_ref().map(|error| error.code).ok_or("no error")?;
                let right = match (code, step.action) {
                    (ErrorCode::AttemptsExhausted, _) => self.budget == 0,
                    (ErrorCode::Unauthorized, Action::Token(Answer::NoSession)) => true,
                    (ErrorCode::Unauthorized, Action::Closed(4401)) => !self.fresh,
                    (ErrorCode::Replaced, Action::Closed(4409))
                    | (ErrorCode::TooLarge, Action::Closed(4413))
                    | (ErrorCode::Refused, Action::Closed(1000 | 1002 | 4400))
                    | (ErrorCode::InvalidOptions, Action::OpenFailed) => true,
                    _ => false,
                };
                rule!(right, "failed with {code:?}, budget {}", self.budget);
                self.end = Some(End::Failed);
            }
        }
        Ok(())
    }

    fn settle(&mut self, step: &Step<'_>, call: Call, code: Option<ErrorCode>) -> Verdict {
        if take(&mut self.connects, call) {
            if code.is_none() {
                rule!(step.told.state == StateName::Connected, "connect() resolved too early");
                self.lasting = true;
            } else if code == Some(ErrorCode::Aborted) {
                rule!(step.action == Action::Abort(call), "aborted by nobody");
            }
        } else if take(&mut self.closes, call) {
            let done = matches!(self.socket, Socket::Gone | Socket::Connecting { .. });
            rule!(done && code.is_none(), "close() answered {code:?} while {:?}", self.socket);
        } else if let Some(at) = self.calls.iter().position(|(other, _)| *other == call) {
            let (_, group) = self.calls.remove(at);
            if let (Some(group), None) = (group, code) {
                rule!(self.joined.contains(&group), "join() resolved, and we are not in {group}");
            }
            let queued =
                |item: &Queued| matches!(item, Queued::Publish(other, _) if *other == call);
            if let Some(at) = self.queue.iter().position(queued) {
                rule!(code.is_some(), "a publish() that was not sent was answered with success");
                self.queue.remove(at);
            }
        } else {
            return Err(format!("{call:?} is not waiting for an answer"));
        }
        Ok(())
    }

    fn transmit(&mut self, step: &mut Step<'_>, frame: &ClientFrame<Message>) -> Verdict {
        let Some(id) = frame.id() else {
            rule!(step.action == Action::Receive(Frame::Ping), "a pong that nobody asked for");
            return Ok(());
        };
        rule!(step.told.state == StateName::Connected, "sent before the session was agreed");
        rule!(id > self.last_message, "{id:?} was used before");
        self.last_message = id;
        match frame {
            ClientFrame::Join { group, .. } => {
                let mut groups = step.scope.groups.iter();
                let group = *groups.find(|name| **name == group.as_str()).ok_or("what group?")?;
                rule!(!step.flushed, "a group is joined after messages have gone out");
                rule!(!step.asked_for.contains(&group), "{group} is joined twice");
                step.asked_for.push(group);
                self.asked.push((id, Some(group)));
            }
            ClientFrame::Leave { .. } => self.asked.push((id, None)),
            ClientFrame::Message { data, .. } => {
                step.flushed = true;
                self.take_queued(
                    |item| matches!(item, Queued::Message(queued, _) if queued == data),
                )?;
            }
            ClientFrame::Publish { .. } => {
                step.flushed = true;
                self.take_queued(|item| matches!(item, Queued::Publish(..)))?;
                self.asked.push((id, None));
            }
            ClientFrame::Pong => {}
        }
        Ok(())
    }

    /// Takes the oldest thing from the queue, which must be this.
    fn take_queued(&mut self, is: impl Fn(&Queued) -> bool) -> Verdict {
        let first = self.queue.first();
        rule!(first.is_some_and(is), "out of order, or twice; the next is {first:?}");
        self.queue.remove(0);
        Ok(())
    }
}

fn take(calls: &mut Vec<Call>, call: Call) -> bool {
    let before = calls.len();
    calls.retain(|other| *other != call);
    calls.len() < before
}
