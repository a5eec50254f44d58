//! What must hold of everything that the machine says.

mod at_rest;

use std::time::Duration;

use onesocket_core::protocol::{ClientFrame, CloseCode, MessageId, Retry};
use onesocket_core::{
    Call, ErrorCode, FetchReason, Output, ReadyState, Stage, StateName, Status, Time,
};

use super::actions::{Action, Answer, EARLIER, FROM_SERVER, Frame, LATER};
use super::coverage::{error_name, input_name, output_name};
use super::{
    CLOSING_OLD, End, FETCHING, Kept, LARGEST, LATE, Memory, Message, OPENING, PROBING, Place,
    Scope, Seen, Socket, Verdict, WAKE_INTERVAL, WAKE_TIMEOUT, Want, What, is_live, rule,
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

impl Memory {
    /// Which of its memories a server names that has forgotten, or has not.
    pub(crate) fn welcoming(&self, resumed: bool) -> u32 {
        self.remembered + u32::from(!resumed)
    }

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
    fn note(&mut self, step: &mut Step<'_>, stage: Stage, call: Call) {
        let state = step.told.state;
        if state == StateName::Connected
            && matches!(step.action, Action::Receive(_) | Action::InvalidFrame)
        {
            self.heard = step.now;
            self.probe = None;
            self.woken_until = None;
        }
        let silent_at = self.heard + self.silence;
        let slept = silent_at <= step.now && step.now.since(silent_at) > LATE;
        if state == StateName::Connected && !step.scope.can_ask() && slept {
            // It proves nothing, and cannot be asked about: it is waited anew.
            self.heard = step.now;
        }
        match step.action {
            Action::Connect => {
                self.connects.push(call);
                if !is_live(state) {
                    self.revive(step.scope);
                }
                if state == StateName::Waiting {
                    self.later = Time::ZERO;
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
            Action::Join(group) => self.calls.push((call, Want::Join(group))),
            Action::Leave(group) => {
                self.calls.push((call, Want::Leave));
                self.joined.retain(|joined| *joined != group);
                self.asked.retain(|(_, join)| *join != Some(group));
            }
            Action::Publish(_) => {
                self.calls.push((call, Want::Publish));
                let declined = step.scope.is_plain().then_some(ErrorCode::Unsupported);
                match declined.map_or_else(|| self.accepts(step, 1), Err) {
                    Ok(()) => {
                        let what = What::Publish(call);
                        self.kept.push(Kept { what, bytes: 1, sent: None });
                    }
                    Err(code) => step.declined = Some((call, code)),
                }
            }
            Action::Refresh => self.refreshes.push(call),
            Action::Offline => self.offline = true,
            Action::Online | Action::Wake => {
                self.offline &= step.action == Action::Wake;
                if state == StateName::Connected {
                    let soon = step.now + WAKE_TIMEOUT;
                    self.probe = self.probe.map(|at| if at > step.now { at.min(soon) } else { at });
                    self.woken_until = Some(soon);
                }
            }
            Action::Token(answer) => {
                self.fetching = false;
                if answer == Answer::Later {
                    self.later = step.now + LATER;
                    self.not_before = self.not_before.max(self.later);
                }
                if let Answer::Token(life) = answer {
                    if state == StateName::Connected || stage == FETCHING {
                        step.token = true;
                    } else {
                        self.spare = Some(life.map(|life| step.now + life));
                    }
                }
            }
            Action::Closed(_) | Action::OpenFailed => self.lose(Socket::Gone),
            Action::Closing => {
                self.lose(Socket::Ended { until: step.now + step.scope.config.close_timeout });
            }
            Action::Opened => {
                self.socket = Socket::Open;
                step.greets = step.scope.is_plain() && stage == OPENING;
            }
            Action::TokenSent(went) => {
                (self.renewing, self.overdue) = (None, None);
                step.renewed = went;
            }
            Action::Receive(Frame::Welcome { resumed, .. }) if state == StateName::Connecting => {
                self.remembered = self.welcoming(resumed);
                step.resends = resumed;
                if resumed {
                    step.next = 0;
                }
            }
            Action::Receive(Frame::Refreshed(id, _)) => {
                step.renewed = self.take_renewal(id);
            }
            Action::Receive(Frame::Ack(id)) => {
                let sent = self.kept.iter().position(|kept| kept.sent == Some(id));
                if let Some(at) = sent.filter(|_| state == StateName::Connected) {
                    for kept in self.kept.drain(..=at) {
                        step.next -= 1;
                        if let What::Publish(call) = kept.what {
                            step.done.push(call);
                        }
                    }
                }
                if let Some(group) = self.take_asked(id)
                    && !self.joined.contains(&group)
                {
                    self.joined.push(group);
                    self.joined.sort_unstable();
                }
            }
            Action::Receive(Frame::Refusal(id)) => {
                step.refused_number = Some(id);
                self.take_renewal(id);
                if let Some(group) = self.take_asked(id) {
                    self.joined.retain(|joined| *joined != group);
                }
            }
            Action::Abort(_)
            | Action::Due
            | Action::Elapsed
            | Action::InvalidFrame
            | Action::Receive(
                Frame::Message
                | Frame::NoHandler
                | Frame::Ping
                | Frame::Pong
                | Frame::Welcome { .. },
            )
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
        self.end_session();
    }

    /// What was asked over the connection is not answered any more.
    fn end_session(&mut self) {
        self.asked.clear();
        (self.renewing, self.overdue) = (None, None);
        (self.probe, self.woken_until) = (None, None);
    }

    /// Says whether a new token was sent under this number, which is answered.
    fn take_renewal(&mut self, id: MessageId) -> bool {
        let is_sent = self.sent_token() == Some(id);
        if is_sent {
            (self.renewing, self.overdue) = (None, None);
        }
        is_sent
    }

    /// Under which number a new token was sent that may be answered.
    pub(crate) fn sent_token(&self) -> Option<MessageId> {
        self.renewing.map(|(id, _)| id).or(self.overdue)
    }

    /// What comes of something that the user wants to be sent.
    fn accepts(&self, step: &Step<'_>, bytes: usize) -> Result<(), ErrorCode> {
        let limits = step.scope.config.queue;
        match step.told.state {
            StateName::Connected if bytes > LARGEST && !step.scope.is_plain() => {
                Err(ErrorCode::TooLarge)
            }
            StateName::Idle | StateName::Connecting | StateName::Waiting | StateName::Connected => {
                let kept: usize = self.kept.iter().map(|kept| kept.bytes).sum();
                let fits =
                    self.kept.len() < limits.max_messages && kept + bytes <= limits.max_bytes;
                if fits { Ok(()) } else { Err(ErrorCode::QueueFull) }
            }
            StateName::Closing | StateName::Closed | StateName::Failed => Err(ErrorCode::Closed),
        }
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
                rule!(step.silent || until <= step.now, "detached before its time");
                self.lose(Socket::Gone);
            }
            Output::Error { error, undelivered } => {
                seen.errors.insert(error_name(error.code));
                let code = error.code;
                if self.renewing.is_some_and(|(_, until)| until <= step.now)
                    && code == ErrorCode::TokenFailed
                {
                    self.overdue = self.renewing.take().map(|(id, _)| id);
                }
                let late = step.action == Action::Receive(Frame::Refreshed(EARLIER, None));
                let renews = step.told.state == StateName::Connected
                    && (self.fetching || self.renewing.is_some());
                let known = !(late && renews && code == ErrorCode::InvalidMessage);
                rule!(known, "an answer to an earlier token is reported");
                for data in undelivered {
                    self.drop_kept(step, What::Message(data))?;
                }
            }
            Output::SendHello { attempt } => {
                rule!(attempt == self.newest, "{attempt:?} is greeted, not the newest");
                rule!(std::mem::take(&mut step.greets), "greeted out of turn");
            }
            Output::FetchToken { fetch, reason } => {
                rule!(config.tokens, "a token is fetched where there are none");
                rule!(!self.fetching, "a second token is fetched");
                let wanted = matches!(step.action, Action::Connect | Action::Refresh);
                rule!(
                    wanted || self.later <= step.now,
                    "getToken is asked before {:?}",
                    self.later
                );
                self.later = Time::ZERO;
                rule!(fetch.0 == self.newest_fetch.0.wrapping_add(1), "{fetch:?} is no new number");
                match reason {
                    FetchReason::Connect => {
                        self.begin(step)?;
                        let dead = |at: Time| at <= step.now;
                        let spare = self.spare.take();
                        let dead = spare.is_none_or(|dies_at| dies_at.is_some_and(dead));
                        rule!(dead, "a token is fetched while there is one");
                        self.begun = true;
                    }
                    FetchReason::Refresh => {
                        rule!(step.scope.renews(), "a token is fetched that cannot be brought");
                        let connected = step.told.state == StateName::Connected;
                        rule!(connected, "a token to renew where there is no connection");
                        rule!(self.renewing.is_none(), "renewed twice at once");
                        self.overdue = None;
                    }
                }
                (self.newest_fetch, self.fetching) = (fetch, true);
            }
            Output::Log(note) => drop(note.to_string()),
            Output::Open { attempt, token } => {
                rule!(self.socket == Socket::Gone, "a second socket while {:?}", self.socket);
                rule!(attempt.0 == self.newest.0.wrapping_add(1), "{attempt:?} is no new number");
                rule!(token.is_some() == config.tokens, "opened with the token {token:?}");
                if config.tokens && !std::mem::take(&mut step.token) {
                    let dies_at = self.spare.take().ok_or("opened without a new token")?;
                    rule!(dies_at.is_none_or(|at| at > step.now), "opened with a dead token");
                }
                if !std::mem::take(&mut self.begun) {
                    self.begin(step)?;
                }
                rule!(self.end.is_none(), "opened after the end");
                self.newest = attempt;
                self.socket = Socket::Connecting { until: step.now + config.connect_timeout };
            }
            Output::Settle { call, result } => {
                let code = result.err().map(|error| error.code);
                seen.errors.extend(code.map(error_name));
                self.settle(step, call, code)?;
            }
            Output::Shut { attempt, code, .. } => {
                rule!(attempt == self.newest, "{attempt:?} is shut, not the newest");
                let may = match self.socket {
                    Socket::Connecting { until } => until <= step.now,
                    Socket::Open => true,
                    Socket::Gone | Socket::Ended { .. } | Socket::Shut { .. } => false,
                };
                rule!(may, "shut while {:?}", self.socket);
                if step.told.state == StateName::Connected && code == CloseCode::TIMED_OUT {
                    let due = self.probe.unwrap_or(self.heard + self.silence);
                    rule!(due <= step.now, "given up, though it was heard at {:?}", self.heard);
                    let asked = self.probe.is_some() || !step.scope.asks_first();
                    rule!(asked, "given up without having been asked");
                    rule!(step.now.since(due) <= LATE, "given up without a probe");
                    step.silent = true;
                }
                self.lose(Socket::Shut { until: step.now + config.close_timeout });
            }
            Output::Status { previous, status, reason: _ } => {
                rule!(previous == step.told.state, "the state before was not {previous:?}");
                rule!(status != step.told, "the same status twice: {status:?}");
                let before = std::mem::replace(&mut step.told, status);
                if step.told.state != before.state {
                    seen.edges.insert((before.state, step.told.state));
                    self.enter(step, &before)?;
                }
                let fetches = step.told.state == StateName::Connecting
                    && step.told.ready_state == ReadyState::Connecting
                    && self.socket == Socket::Gone;
                if fetches && self.fetching && !self.begun {
                    // What a renewal has asked for serves the attempt that begins.
                    self.begin(step)?;
                    self.begun = true;
                }
            }
            Output::TokenFetched { .. } => rule!(!self.fetching, "a token while one is fetched"),
            Output::TokenRefreshed { .. } => rule!(step.renewed, "renewed out of turn"),
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
        let by_itself = matches!(step.before, StateName::Waiting | StateName::Connected)
            && step.action != Action::Connect
            && !step.refused;
        rule!(!(self.offline && by_itself), "an attempt while offline");
        if step.refused {
            rule!(self.fresh, "a second fresh try");
            self.fresh = false;
        } else if !std::mem::take(&mut self.granted) {
            rule!(self.budget > 0, "an attempt too many");
            self.budget -= 1;
        }
        Ok(())
    }

    /// The user is told of another state.
    fn enter(&mut self, step: &mut Step<'_>, before: &Status) -> Verdict {
        let config = &step.scope.config;
        let status = &step.told;
        if status.state != StateName::Connected {
            self.stable_at = None;
            self.end_session();
        }
        if !is_live(status.state) {
            self.spare = None;
            self.later = Time::ZERO;
            self.granted = false;
        }
        if status.state != StateName::Connecting {
            self.begun = false;
        }
        if before.state == StateName::Connected {
            // A failing renewal does not, and what wakes up asks first.
            let keeps = matches!(
                step.action,
                Action::Token(Answer::Failed | Answer::Later | Answer::Token(_))
                    | Action::TokenSent(_)
                    | Action::Receive(_)
                    | Action::Refresh
                    | Action::Wake
                    | Action::Online
                    | Action::Offline
            );
            rule!(!keeps || step.was_late, "the connection was ended by {:?}", step.action);
        }
        // A connection that is lost just then is replaced, which is no attempt of the waking.
        let wakes = matches!(step.action, Action::Wake | Action::Online)
            && before.state != StateName::Connected;
        if wakes && status.state == StateName::Connecting && before.state == step.before {
            rule!(!self.offline, "woken while offline");
            let asked = before.state != StateName::Waiting || self.not_before <= step.now;
            rule!(asked || step.was_late, "woken before {:?}", self.not_before);
            if before.state == StateName::Failed {
                let code = before.error.as_ref().map(|error| error.code);
                rule!(code == Some(ErrorCode::AttemptsExhausted), "revived though {code:?}");
                rule!(self.is_wanted(), "revived though nobody wants it");
                self.revive(step.scope);
            }
            let in_time = before.state == StateName::Waiting
                && before.retry_at.is_some_and(|at| at <= step.now);
            let apart = self.woken_at.is_none_or(|at| step.now.since(at) >= WAKE_INTERVAL);
            rule!(apart || in_time || step.was_late, "woken too often");
            if apart {
                self.woken_at = Some(step.now);
            }
        }
        let status = &step.told;
        match status.state {
            StateName::Idle => return Err("back to idle".into()),
            StateName::Connecting => rule!(self.end.is_none(), "connecting after the end"),
            StateName::Connected => {
                let agreed = match step.action {
                    Action::Receive(Frame::Welcome { .. }) => !step.scope.is_plain(),
                    // What has to come first has gone out.
                    Action::Opened => step.scope.is_plain() && !step.greets,
                    _ => false,
                };
                self.heard = step.now;
                rule!(agreed && self.socket == Socket::Open, "connected without a welcome");
                step.connects = true;
                let full =
                    self.budget == config.reconnect.max_attempts && self.fresh == config.tokens;
                self.stable_at = (!full).then(|| step.now + config.stable_after);
            }
            StateName::Waiting => {
                let named = match step.action {
                    Action::Closed(4529) => Duration::from_secs(15),
                    _ => Duration::ZERO,
                };
                let final_end = !comes_back(step.scope, step.action);
                rule!(!final_end, "it comes back after {:?}", step.action);
                self.not_before = self.later.max(step.now + named);
                // What would be tried at once may still wait for `getToken`.
                let delayed = self.later > step.now && (step.refused || step.at_once);
                let lost = matches!(step.action, Action::Closed(code) if code != 4529);
                let may =
                    step.woken && !self.offline && before.state == StateName::Connected && lost;
                rule!(!may || delayed, "a page that has woken up waits for what was lost");
                let asked = if delayed { named } else { named.max(config.reconnect.interval) };
                let asked = self.later.max(step.now + asked);
                let early = status.retry_at.is_some_and(|at| at < asked);
                rule!(status.retry_at.is_none() == self.offline, "it is told when it tries again");
                rule!(!early, "the next attempt is too early: {:?}", status.retry_at);
                if step.refused && delayed {
                    rule!(self.fresh, "a second fresh try");
                    self.fresh = false;
                    self.granted = true;
                } else {
                    rule!(self.budget > 0 || self.granted, "an attempt too many is planned");
                }
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
                    (ErrorCode::Refused, Action::Closed(1000 | 1002 | 4101 | 4400)) => {
                        !comes_back(step.scope, step.action)
                    }
                    (ErrorCode::Unauthorized, action) if is_refusal(step.scope, action) => {
                        !self.fresh
                    }
                    (ErrorCode::Replaced, Action::Closed(4409))
                    | (ErrorCode::TooLarge, Action::Closed(4413))
                    | (ErrorCode::InvalidOptions, Action::OpenFailed) => true,
                    _ => false,
                };
                rule!(right, "failed with {code:?}, budget {}", self.budget);
                self.end = Some(End::Failed);
            }
        }
        Ok(())
    }

    fn settle(&mut self, step: &mut Step<'_>, call: Call, code: Option<ErrorCode>) -> Verdict {
        if take(&mut self.connects, call) {
            if code.is_none() {
                rule!(step.told.state == StateName::Connected, "connect() resolved too early");
                self.lasting = true;
            } else if code == Some(ErrorCode::Aborted) {
                rule!(step.action == Action::Abort(call), "aborted by nobody");
            } else {
                // Who was disappointed still wants it, should it become possible.
                self.lasting |= step.told.state == StateName::Failed;
            }
        } else if take(&mut self.closes, call) {
            let done = matches!(self.socket, Socket::Gone | Socket::Connecting { .. });
            rule!(done && code.is_none(), "close() answered {code:?} while {:?}", self.socket);
        } else if let Some(at) = self.calls.iter().position(|(other, _)| *other == call) {
            match (self.calls.remove(at).1, code) {
                (Want::Join(group), None) => {
                    rule!(self.joined.contains(&group), "join() resolved, we are not in {group}");
                }
                (Want::Join(_) | Want::Leave, _) => {}
                (Want::Publish, None) => {
                    rule!(step.done.contains(&call), "publish() resolved, and nobody accepted it");
                    rule!(step.done.first() == Some(&call), "accepted out of order");
                    step.done.remove(0);
                }
                (Want::Publish, Some(code)) => match step.declined.take() {
                    Some(declined) => {
                        rule!(declined == (call, code), "{call:?} {code:?}, not {declined:?}");
                    }
                    None => self.drop_kept(step, What::Publish(call))?,
                },
            }
        } else if take(&mut self.refreshes, call) {
            rule!(code.is_some() || step.renewed, "refreshToken() resolved too early");
        } else {
            return Err(format!("{call:?} is not waiting for an answer"));
        }
        Ok(())
    }

    fn transmit(&mut self, step: &mut Step<'_>, frame: &ClientFrame<Message>) -> Verdict {
        let Some(id) = frame.id() else {
            if *frame == ClientFrame::Ping {
                return self.probe(step);
            }
            rule!(step.action == Action::Receive(Frame::Ping), "a pong that nobody asked for");
            return Ok(());
        };
        rule!(step.told.state == StateName::Connected, "sent before the session was agreed");
        let message = matches!(frame, ClientFrame::Message { .. } | ClientFrame::Publish { .. });
        rule!(message || id > self.last_number, "{id:?} was used before");
        self.last_number = self.last_number.max(id);
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
                self.sent(step, id, |what| *what == What::Message(*data))?;
            }
            ClientFrame::Publish { .. } => {
                self.sent(step, id, |what| matches!(what, What::Publish(_)))?;
            }
            ClientFrame::Refresh { .. } => {
                rule!(std::mem::take(&mut step.token), "a token from nowhere");
                rule!(self.renewing.is_none(), "renewed twice at once");
                self.renewing = Some((id, step.now + onesocket_core::TOKEN_TIMEOUT));
            }
            ClientFrame::Ping | ClientFrame::Pong => {}
        }
        Ok(())
    }

    /// The server is asked for a sign of life.
    fn probe(&mut self, step: &Step<'_>) -> Verdict {
        rule!(step.told.state == StateName::Connected, "a probe before the session was agreed");
        let woken = matches!(step.action, Action::Wake | Action::Online);
        let asked = self.probe.is_some_and(|at| at > step.now);
        rule!(step.scope.can_ask(), "a server is asked that cannot be");
        if woken && !asked {
            self.probe = Some(step.now + WAKE_TIMEOUT);
            return Ok(());
        }
        let due = self.probe.unwrap_or(self.heard + self.silence);
        let late = step.now.since(due) > LATE;
        let first = step.scope.asks_first() && self.probe.is_none();
        rule!(due <= step.now && (late || first), "a probe without need");
        self.probe = Some(step.now + step.scope.config.heartbeat.timeout);
        Ok(())
    }

    /// A message goes out: the next one, and not again but after a loss, under the same number.
    fn sent(&mut self, step: &mut Step<'_>, id: MessageId, is: impl Fn(&What) -> bool) -> Verdict {
        step.flushed = true;
        let next = self.kept.get_mut(step.next);
        let Some(kept) = next.filter(|kept| is(&kept.what)) else {
            return Err(format!("{id:?} is out of order, or sent twice"));
        };
        if step.scope.is_plain() {
            // Nobody will say that it has arrived: what was sent is done with.
            rule!(kept.sent.is_none() && id > self.last_sent, "{id:?} is sent twice");
            self.last_sent = id;
            self.kept.remove(step.next);
            return Ok(());
        }
        step.next += 1;
        if let Some(sent) = kept.sent {
            rule!(step.connects && step.resends, "{id:?} is sent again without need");
            rule!(sent == id, "{sent:?} is sent again as {id:?}");
            return Ok(());
        }
        rule!(id > self.last_sent, "{id:?} was used before");
        rule!(self.asked.iter().all(|(asked, _)| *asked != id), "{id:?} was asked before");
        step.sent_new += 1;
        self.last_sent = id;
        kept.sent = Some(id);
        Ok(())
    }

    /// The user is told that this was not delivered.
    fn drop_kept(&mut self, step: &mut Step<'_>, what: What) -> Verdict {
        let at = self.kept.iter().position(|kept| kept.what == what);
        let at = at.ok_or_else(|| format!("{what:?} was not kept, or is reported twice"))?;
        let kept = self.kept.remove(at);
        if at < step.next {
            step.next -= 1;
        }
        let refused = kept.sent.is_some() && kept.sent == step.refused_number;
        let forgotten = step.connects && !step.resends && kept.sent.is_some();
        let limited = !step.scope.is_plain();
        let too_large = step.connects && limited && kept.sent.is_none() && kept.bytes > LARGEST;
        let ended = !is_live(step.told.state);
        rule!(refused || forgotten || too_large || ended, "{kept:?} is given up");
        let alike = |other: &Kept| {
            matches!(other.what, What::Message(_)) == matches!(what, What::Message(_))
        };
        let first = !self.kept.iter().take(at).any(alike);
        rule!(refused || too_large || first, "{kept:?} is given up out of order");
        Ok(())
    }
}

fn take(calls: &mut Vec<Call>, call: Call) -> bool {
    let before = calls.len();
    calls.retain(|other| *other != call);
    calls.len() < before
}

/// Says whether the server refuses the token.
fn is_refusal(scope: &Scope, action: Action) -> bool {
    matches!(action, Action::Closed(code) if scope.retry(code) == Retry::WithFreshToken)
}

/// Says whether the client may come back after this.
fn comes_back(scope: &Scope, action: Action) -> bool {
    !matches!(action, Action::Closed(code) if scope.retry(code) == Retry::Never)
}
