//! A world around one machine, for tests: it keeps the time, notes what is to be done, and speaks
//! for sockets, `getToken` and the server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use onesocket_core::protocol::{
    CloseCode, ConnectionId, Epoch, FrameError, FrameErrorCode, Group, MessageId, ServerFrame,
    Welcome,
};
use onesocket_core::{
    Attempt, Call, Config, Connection, Error, ErrorCode, Fetch, Input, Output, Request, Span,
    StateName, Time, Token, TokenAnswer,
};

/// A message is a text.
pub(crate) type Message = &'static str;

/// One machine, its time, and what it wanted to be done.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) machine: Connection<Message>,
    pub(crate) now: Time,
    pub(crate) last_call: u32,
    /// Everything the machine has said, oldest first.
    pub(crate) said: Vec<Output<Message>>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self { machine: Connection::new(config), now: Time::ZERO, last_call: 0, said: Vec::new() }
    }

    /// A machine of an application without tokens, without jitter.
    pub(crate) fn plain() -> Self {
        Self::new(config())
    }

    /// A machine of an application with tokens, without jitter.
    pub(crate) fn with_tokens() -> Self {
        Self::new(Config { tokens: true, ..config() })
    }

    /// Lets one thing happen; returns what the machine said to it.
    pub(crate) fn feed(&mut self, input: Input<Message>) -> Vec<Output<Message>> {
        self.machine.handle(input, self.now);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Vec<Output<Message>> {
        let new: Vec<_> = std::iter::from_fn(|| self.machine.poll()).collect();
        self.said.extend(new.clone());
        new
    }

    /// Moves the time to the next deadline and says so; returns how long that was.
    pub(crate) fn elapse(&mut self) -> Span {
        let before = self.now;
        self.now = self.machine.deadline().unwrap();
        self.feed(Input::Elapsed);
        self.now.since(before)
    }

    pub(crate) fn pass(&mut self, duration: Span) {
        self.now = self.now + duration;
        self.feed(Input::Elapsed);
    }

    /// The stage of the machine, as the table of the transitions names it.
    pub(crate) fn stage(&self) -> String {
        self.machine.stage().to_string()
    }

    pub(crate) fn state(&self) -> StateName {
        self.machine.status().state
    }

    pub(crate) fn call(&mut self) -> Call {
        self.last_call += 1;
        Call(self.last_call)
    }

    pub(crate) fn connect(&mut self) -> Call {
        let call = self.call();
        self.feed(Input::Connect { call });
        call
    }

    pub(crate) fn close(&mut self) -> Call {
        let call = self.call();
        self.feed(Input::Close { call, code: CloseCode::NORMAL, reason: String::new() });
        call
    }

    pub(crate) fn request(&mut self, request: Request<Message>) -> Call {
        let call = self.call();
        self.feed(Input::Request { call, request });
        call
    }

    pub(crate) fn refresh(&mut self) -> Call {
        self.request(Request::Refresh)
    }

    pub(crate) fn join(&mut self, group: &str) -> Call {
        self.request(Request::Join(Group::new(group).unwrap()))
    }

    pub(crate) fn leave(&mut self, group: &str) -> Call {
        self.request(Request::Leave(Group::new(group).unwrap()))
    }

    pub(crate) fn publish(&mut self, group: &str, data: Message) -> Call {
        let group = Group::new(group).unwrap();
        self.request(Request::Publish { group, data, bytes: data.len() })
    }

    pub(crate) fn send(&mut self, data: Message) -> Result<(), Error> {
        let result = self.machine.send(data, data.len(), 0);
        self.drain();
        result
    }

    /// The number of the socket that was made last.
    pub(crate) fn attempt(&self) -> Attempt {
        let opened = self.said.iter().rev().find_map(|output| match output {
            Output::Open { attempt, .. } => Some(*attempt),
            _ => None,
        });
        opened.unwrap()
    }

    /// How many sockets were made.
    pub(crate) fn sockets(&self) -> usize {
        self.said.iter().filter(|output| matches!(output, Output::Open { .. })).count()
    }

    pub(crate) fn opened(&mut self) {
        let attempt = self.attempt();
        self.feed(Input::Opened { attempt });
    }

    pub(crate) fn welcomed(&mut self) {
        self.receive(ServerFrame::Welcome(welcome()));
    }

    pub(crate) fn receive(&mut self, frame: ServerFrame<Message>) -> Vec<Output<Message>> {
        let attempt = self.attempt();
        self.feed(Input::Received { attempt, frame, bytes: 1 })
    }

    pub(crate) fn closed(&mut self, code: u16) {
        self.closed_saying(code, "");
    }

    pub(crate) fn closed_saying(&mut self, code: u16, reason: &str) {
        let attempt = self.attempt();
        self.feed(closed(attempt, code, reason));
    }

    /// The number of the last call of `getToken`.
    pub(crate) fn fetch(&self) -> Fetch {
        let asked = self.said.iter().rev().find_map(|output| match output {
            Output::FetchToken { fetch, .. } => Some(*fetch),
            _ => None,
        });
        asked.unwrap()
    }

    pub(crate) fn answer(&mut self, answer: TokenAnswer) {
        let fetch = self.fetch();
        self.feed(Input::Token { fetch, answer });
    }

    /// Connects, whatever it takes.
    pub(crate) fn connected(mut self) -> Self {
        self.connect();
        self.agree();
        self
    }

    /// Brings the attempt in progress to a session.
    pub(crate) fn agree(&mut self) {
        if self.stage() == "connecting/fetching" {
            self.answer(token());
        }
        self.opened();
        self.welcomed();
        assert_eq!(self.state(), StateName::Connected);
    }

    /// Lets time pass up to a point, with a server that pings as its welcome says.
    pub(crate) fn stay_connected_until(&mut self, end: Time) {
        self.stay_connected_while(|world| world.now < end);
    }

    /// The same, for as long as something holds; looked at at every deadline.
    ///
    /// # Panics
    ///
    /// Panics if it still holds after more deadlines than a day has: a fault may make it hold for ever.
    pub(crate) fn stay_connected_while(&mut self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if !holds(self) {
                return;
            }
            let ping = self.now + Span::from_secs(5);
            self.now = self.machine.deadline().map_or(ping, |due| due.min(ping));
            self.feed(Input::Elapsed);
            self.receive(ServerFrame::Ping);
        }
        panic!("for ever {}", self.stage());
    }

    /// The server takes the token that was sent under `id`.
    pub(crate) fn refreshed(&mut self, id: u64, life: u64) {
        let token_expires_in = Some(Span::from_secs(life));
        self.receive(ServerFrame::Refreshed { id: MessageId(id), token_expires_in });
    }

    /// What was answered to a call, if it was.
    pub(crate) fn answer_to(&self, call: Call) -> Option<Result<(), ErrorCode>> {
        let mut answers = self.said.iter().filter_map(|output| match output {
            Output::Settle { call: settled, result } if *settled == call => {
                Some(result.clone().map_err(|error| error.code))
            }
            _ => None,
        });
        let answer = answers.next();
        assert_eq!(answers.next(), None, "{call:?} was settled twice");
        answer
    }

    /// The error codes and undelivered messages of the `error` events.
    pub(crate) fn errors(&self) -> Vec<(ErrorCode, Vec<Message>)> {
        self.said
            .iter()
            .filter_map(|output| match output {
                Output::Error { error, undelivered } => Some((error.code, undelivered.clone())),
                _ => None,
            })
            .collect()
    }
}

/// What tells one place of a machine from others.
pub(crate) fn hash(machine: &Connection<Message>) -> u64 {
    let mut hasher = DefaultHasher::new();
    machine.hash(&mut hasher);
    hasher.finish()
}

pub(crate) fn closed(attempt: Attempt, code: u16, reason: &str) -> Input<Message> {
    let code = CloseCode::seen(code);
    Input::Closed { attempt, code, reason: reason.into(), retry: code.retry() }
}

pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.reconnect.jitter = 0.0;
    config
}

pub(crate) fn token() -> TokenAnswer {
    TokenAnswer::Token(Token::new("canary"), None)
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        connection_id: ConnectionId("c1".into()),
        user: "ada".into(),
        token_expires_in: Some(Span::from_secs(300)),
        ping_interval: Span::from_secs(25),
        max_message_bytes: 64,
        epoch: Some(Epoch("m1".into())),
        tabs: None,
    }
}

pub(crate) fn refusal(id: u64, code: FrameErrorCode) -> ServerFrame<Message> {
    let (id, message) = (Some(MessageId(id)), "no".to_owned());
    ServerFrame::Error(FrameError { id, group: None, code, message })
}
