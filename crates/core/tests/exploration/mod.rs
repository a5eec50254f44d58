//! A hostile world around one machine: everything that a browser, a server, a token source, a clock
//! and a user may do, at any moment, and a judge who knows nothing of the machine but what it says.
//!
//! `model.rs` explores this world exhaustively, `properties.rs` at random and at full size. What
//! may happen is in `actions.rs`; what must hold of everything that the machine says is in
//! `judge.rs`, what must hold where it comes to rest in `rest.rs`.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

mod actions;
mod coverage;
mod invariants;

use std::hash::{Hash, Hasher};
use std::time::Duration;

use onesocket_core::protocol::{CloseCode, ConnectionId, Epoch, MessageId, Retry, Welcome};
use onesocket_core::{
    Attempt, Call, Config, ConnectedStage, ConnectingStage, Connection, Fetch, HeartbeatRules,
    Moment, PlainRules, Stage, StateName, Time, Wire,
};

pub(crate) use actions::Action;
pub(crate) use coverage::{ERROR_CODES, INPUTS, OUTPUTS, Seen};

/// A message is a number.
pub(crate) type Message = u8;

/// What a rule that was broken says.
pub(crate) type Verdict = Result<(), String>;

macro_rules! rule {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
use rule;

/// How much of everything there may be, and how the machine is set.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) config: Config,
    /// How many `connect()` and `close()` calls may be unanswered at once.
    pub(crate) connects: usize,
    pub(crate) closes: usize,
    pub(crate) holders: u32,
    /// How many `join()`, `leave()` and `publish()` calls may be unanswered at once.
    pub(crate) calls: usize,
    pub(crate) groups: &'static [&'static str],
    /// Whether messages are sent, and their sizes.
    pub(crate) sizes: &'static [usize],
    /// How many `refreshToken()` calls may be unanswered at once.
    pub(crate) refreshes: usize,
    /// How long tokens live.
    pub(crate) lives: &'static [Option<Duration>],
    /// Whether the page sleeps and wakes, and the network comes and goes.
    pub(crate) wakes: bool,
    /// Whether the server remembers, when it is come back to.
    pub(crate) resumes: &'static [bool],
    /// The codes with which sockets close.
    pub(crate) codes: &'static [u16],
    /// The step in which time passes, and a long sleep.
    pub(crate) tick: Duration,
    pub(crate) sleep: Duration,
}

impl Scope {
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.config.wire, Wire::Plain(_))
    }

    /// Whether a new token can be brought to the server over the connection.
    pub(crate) fn renews(&self) -> bool {
        !matches!(self.config.wire, Wire::Plain(PlainRules { refresh: false, .. }))
    }

    /// What is made of a close code: on a plain wire the application has its own way.
    pub(crate) fn retry(&self, code: u16) -> Retry {
        match code {
            1000 if self.is_plain() => Retry::Soon,
            4100 if self.is_plain() => Retry::WithFreshToken,
            4101 if self.is_plain() => Retry::Never,
            code => CloseCode::seen(code).retry(),
        }
    }

    /// Whether the server is asked as soon as it has been silent for long.
    pub(crate) fn asks_first(&self) -> bool {
        matches!(self.config.wire, Wire::Plain(PlainRules { ping: true, .. }))
    }

    /// Whether the server can be asked for a sign of life at all.
    pub(crate) fn can_ask(&self) -> bool {
        !self.is_plain() || self.asks_first()
    }

    fn silence(&self) -> Duration {
        let HeartbeatRules { interval, timeout } = self.config.heartbeat;
        if self.asks_first() {
            interval.unwrap_or(PINGS)
        } else if self.is_plain() {
            interval.unwrap_or(Duration::MAX).saturating_add(timeout)
        } else {
            interval.unwrap_or(PINGS).saturating_add(timeout)
        }
    }
}

/// What of the newest socket is to be seen from outside. Older ones are closed or detached: whatever
/// they still say must change nothing, which is checked in every place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Socket {
    /// None was made, or it has closed, or nobody hears it any more.
    Gone,
    /// Shaking hands, and not to be disturbed before this.
    Connecting {
        until: Time,
    },
    Open,
    /// The server is closing it, and this is how long its close is waited for.
    Ended {
        until: Time,
    },
    /// We have shut it, and this is how long its close is waited for.
    Shut {
        until: Time,
    },
}

/// How the connection ended last, if it was not wanted again since.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum End {
    Asked,
    Failed,
    Released,
}

/// What was accepted for sending and was neither accepted by the server, nor refused, nor reported.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Kept {
    pub(crate) what: What,
    pub(crate) bytes: usize,
    /// Under which number it went out, on whatever connection.
    pub(crate) sent: Option<MessageId>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum What {
    Message(Message),
    Publish(Call),
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Want {
    Join(&'static str),
    Leave,
    Publish,
}

/// What a judge remembers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Memory {
    pub(crate) newest: Attempt,
    pub(crate) socket: Socket,
    pub(crate) newest_fetch: Fetch,
    pub(crate) fetching: bool,
    pub(crate) connects: Vec<Call>,
    pub(crate) closes: Vec<Call>,
    pub(crate) refreshes: Vec<Call>,
    /// The others.
    pub(crate) calls: Vec<(Call, Want)>,
    pub(crate) holders: u32,
    /// A `connect()` was answered and no `close()` came since.
    pub(crate) lasting: bool,
    /// What the server has been asked and has not answered, on the newest socket; and the group of
    /// a join. The answer to one that was left since matters to nobody.
    pub(crate) asked: Vec<(MessageId, Option<&'static str>)>,
    /// The highest number that was used, and that of a message.
    pub(crate) last_number: MessageId,
    pub(crate) last_sent: MessageId,
    /// Which of the server's memories the last welcome has named.
    pub(crate) remembered: u32,
    /// First what was sent and not answered, then what waits.
    pub(crate) kept: Vec<Kept>,
    /// An attempt has begun that waits for its token.
    pub(crate) begun: bool,
    /// A token that was fetched for a connection which was lost meanwhile, and when it dies.
    pub(crate) spare: Option<Option<Time>>,
    /// The new token was sent under this number, and this is how long the answer is waited for.
    pub(crate) renewing: Option<(MessageId, Time)>,
    /// It was not answered in time, and may be late; no other was asked for since.
    pub(crate) overdue: Option<MessageId>,
    pub(crate) offline: bool,
    /// The server, or `getToken`, wants nothing to be tried before this.
    pub(crate) not_before: Time,
    /// `getToken` wants not to be asked before this by anything that happens by itself.
    pub(crate) later: Time,
    /// The fresh try for a refused token waits for that.
    pub(crate) granted: bool,
    /// When waking up has led to an attempt.
    pub(crate) woken_at: Option<Time>,
    /// When the server was heard, how long it may be silent, and when it has to have answered a
    /// probe.
    pub(crate) heard: Time,
    pub(crate) silence: Duration,
    pub(crate) probe: Option<Time>,
    /// The page has woken up, and nothing was heard since: a loss before this is replaced at once.
    pub(crate) woken_until: Option<Time>,
    /// The groups that the server has let us into and that were not left since, on whatever
    /// connection.
    pub(crate) joined: Vec<&'static str>,
    /// How many attempts may still begin, and whether a refused token may be tried afresh.
    pub(crate) budget: u32,
    pub(crate) fresh: bool,
    /// When the budget is full again, if the connection lasts.
    pub(crate) stable_at: Option<Time>,
    pub(crate) end: Option<End>,
}

/// The machine, the time, and what the judge remembers.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) machine: Connection<Message>,
    pub(crate) now: Time,
    pub(crate) memory: Memory,
}

impl Place {
    pub(crate) fn new(scope: &Scope) -> Self {
        Self {
            machine: Connection::new(scope.config.clone()),
            now: Time::ZERO,
            memory: Memory {
                newest: Attempt(0),
                socket: Socket::Gone,
                newest_fetch: Fetch(0),
                fetching: false,
                connects: Vec::new(),
                closes: Vec::new(),
                calls: Vec::new(),
                holders: 0,
                lasting: false,
                asked: Vec::new(),
                last_number: MessageId(0),
                last_sent: MessageId(0),
                remembered: 0,
                kept: Vec::new(),
                refreshes: Vec::new(),
                begun: false,
                spare: None,
                renewing: None,
                overdue: None,
                offline: false,
                not_before: Time::ZERO,
                later: Time::ZERO,
                granted: false,
                woken_at: None,
                heard: Time::ZERO,
                silence: scope.silence(),
                probe: None,
                woken_until: None,
                joined: Vec::new(),
                budget: 0,
                fresh: false,
                stable_at: None,
                end: None,
            },
        }
    }

    /// Says whether a deadline has passed of which the machine has not been told.
    pub(crate) fn is_late(&self) -> bool {
        self.machine.deadline().is_some_and(|at| at <= self.now)
    }

    /// The same place, with the clock and the numbers begun anew.
    pub(crate) fn relative(self) -> Self {
        let Self { machine, now, mut memory } = self;
        // What is overdue keeps its order.
        let origin = machine.deadline().map_or(now, |at| at.min(now));
        let moment = Moment { origin, now };
        let time = |at: Time| moment.time(at);
        let numbers = machine.numbers();
        let number =
            |id: MessageId| MessageId(numbers.partition_point(|number| *number <= id) as u64);
        memory.newest = Attempt(4);
        memory.newest_fetch = Fetch(4);
        memory.socket = match memory.socket {
            Socket::Gone => Socket::Gone,
            Socket::Connecting { until } => Socket::Connecting { until: time(until) },
            Socket::Open => Socket::Open,
            Socket::Ended { until } => Socket::Ended { until: time(until) },
            Socket::Shut { until } => Socket::Shut { until: time(until) },
        };
        memory.remembered = 0;
        memory.stable_at = memory.stable_at.map(time);
        for (id, _) in &mut memory.asked {
            *id = number(*id);
        }
        for kept in &mut memory.kept {
            kept.sent = kept.sent.map(number);
        }
        memory.last_number = number(memory.last_number);
        memory.last_sent = number(memory.last_sent);
        memory.renewing = memory.renewing.map(|(id, until)| (number(id), time(until)));
        memory.overdue = memory.overdue.map(number);
        memory.spare = memory.spare.map(|dies_at| dies_at.map(|at| moment.end(at)));
        memory.not_before = moment.end(memory.not_before);
        memory.later = moment.end(memory.later);
        memory.woken_at = memory.woken_at.and_then(|at| moment.memory(at, WAKE_INTERVAL));
        let connected = machine.connected_attempt().is_some();
        let matters = connected && memory.silence != Duration::MAX && memory.probe.is_none();
        // Where it does not, a friendly server still speaks once a moment.
        let matters = matters || connected && memory.heard == now;
        memory.heard = if matters { time(memory.heard) } else { Time::ZERO };
        memory.probe = memory.probe.map(time);
        memory.woken_until = memory.woken_until.filter(|at| *at > now).map(time);
        Self { machine: machine.relative_to(moment), now: time(now), memory }
    }

    /// What tells this place from others: 128 bits, so that among a billion places two are taken
    /// for one with a chance of one in 10^20.
    pub(crate) fn fingerprint(&self) -> u128 {
        fingerprint(|hasher| {
            self.machine.hash(hasher);
            self.now.hash(hasher);
            self.memory.hash(hasher);
        })
    }
}

pub(crate) fn fingerprint(hash: impl Fn(&mut Twice)) -> u128 {
    let mut twice = Twice(1, 2);
    hash(&mut twice);
    u128::from(twice.0) << 64 | u128::from(twice.1)
}

/// Two simple hashers at once: nobody here chooses keys to collide.
pub(crate) struct Twice(u64, u64);

impl Hasher for Twice {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        let fold = |state: u64, key: u64| {
            let product = u128::from(state ^ word) * u128::from(key);
            (product >> 64) as u64 ^ product as u64 ^ state.rotate_left(29)
        };
        self.0 = fold(self.0, 0x9e37_79b9_7f4a_7c15);
        self.1 = fold(self.1, 0xd6e8_feb8_6659_fd93);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The stages on which what must hold depends.
pub(crate) const FETCHING: Stage = Stage::Connecting(ConnectingStage::Fetching);
pub(crate) const OPENING: Stage = Stage::Connecting(ConnectingStage::Opening);
pub(crate) const CLOSING_OLD: Stage = Stage::Connecting(ConnectingStage::ClosingOld);
pub(crate) const SERVER_CLOSING: Stage = Stage::Connecting(ConnectingStage::ServerClosing);
pub(crate) const PROBING: Stage = Stage::Connected(ConnectedStage::Probing);
pub(crate) const REFRESHING: Stage = Stage::Connected(ConnectedStage::Refreshing);

/// A timer that comes later than this has slept.
pub(crate) const LATE: Duration = Duration::from_secs(1);

/// How far apart two attempts are to which waking up leads.
pub(crate) const WAKE_INTERVAL: Duration = Duration::from_secs(1);

/// How long a probe may take after waking up.
pub(crate) const WAKE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the server pings.
const PINGS: Duration = Duration::from_secs(25);

/// The largest message that the server takes.
pub(crate) const LARGEST: usize = 10;

pub(crate) fn welcome(memory: u32, token_expires_in: Option<Duration>) -> Welcome {
    Welcome {
        connection_id: ConnectionId("c".into()),
        user: "ada".into(),
        token_expires_in,
        ping_interval: PINGS,
        max_message_bytes: LARGEST,
        epoch: Some(Epoch(memory.to_string())),
    }
}

pub(crate) fn is_live(state: StateName) -> bool {
    match state {
        StateName::Connecting | StateName::Connected | StateName::Waiting => true,
        StateName::Idle | StateName::Closing | StateName::Closed | StateName::Failed => false,
    }
}
