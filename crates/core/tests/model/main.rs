//! Does any history break a promise? Every place that the machine can be brought to is visited, by
//! the shortest way, in a hostile world (`exploration/`); and from each of them a friendly world and a
//! silent one lead to where they should.
//!
//! `ONESOCKET_MODEL_DEPTH=n` bounds or extends how many things happen after each other;
//! `ONESOCKET_MODEL_SCOPE=name` explores one of the scopes only.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]
#![allow(clippy::disallowed_methods, reason = "it says how long it took")]
#![allow(clippy::unwrap_in_result, reason = "a test that cannot go on fails")]

#[path = "../exploration/mod.rs"]
mod exploration;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use exploration::{Action, ERROR_CODES, INPUTS, OUTPUTS, Place, Scope, Seen, Verdict};
use onesocket_core::{
    Config, ConnectedStage, ConnectingStage, EndedStage, HeartbeatRules, OldSocketStage,
    PlainRules, QueueLimits, Reconnect, RefreshRules, Stage, StateName, Wire,
};

/// Every stage that the machine can be brought to.
const STAGES: [Stage; 23] = [
    Stage::Idle,
    Stage::Connecting(ConnectingStage::ServerClosing),
    Stage::Connecting(ConnectingStage::ClosingOld),
    Stage::Connecting(ConnectingStage::Fetching),
    Stage::Connecting(ConnectingStage::Opening),
    Stage::Connecting(ConnectingStage::Agreeing),
    Stage::Connected(ConnectedStage::Probing),
    Stage::Connected(ConnectedStage::Fetching),
    Stage::Connected(ConnectedStage::Refreshing),
    Stage::Connected(ConnectedStage::Unproven),
    Stage::Connected(ConnectedStage::Settled),
    Stage::Waiting(OldSocketStage::Gone),
    Stage::Waiting(OldSocketStage::Closing),
    Stage::Closing(EndedStage::Closed),
    Stage::Closing(EndedStage::Released),
    Stage::Closed(EndedStage::Closed, OldSocketStage::Gone),
    Stage::Closed(EndedStage::Closed, OldSocketStage::Lingering),
    Stage::Closed(EndedStage::Closed, OldSocketStage::Closing),
    Stage::Closed(EndedStage::Released, OldSocketStage::Gone),
    Stage::Closed(EndedStage::Released, OldSocketStage::Lingering),
    Stage::Closed(EndedStage::Released, OldSocketStage::Closing),
    Stage::Failed(OldSocketStage::Gone),
    Stage::Failed(OldSocketStage::Closing),
];

/// Times are counted in these, so that all of them meet: the time that a token may take is two.
const TICK: Duration = Duration::from_secs(5);

/// How long tokens live.
const LIVES: [Option<Duration>; 3] =
    [None, Some(Duration::from_secs(10)), Some(Duration::from_secs(30))];

/// What is explored. What no bound is named for is explored whole.
fn scopes() -> Vec<Scope> {
    let reconnect = Reconnect { interval: TICK, jitter: 0.0, ..Reconnect::default() };
    let config = Config {
        reconnect: Reconnect { max_attempts: 2, ..reconnect.clone() },
        connect_timeout: 3 * TICK,
        close_timeout: 2 * TICK,
        stable_after: 2 * TICK,
        release_after: TICK,
        // The server may be silent for ever.
        heartbeat: HeartbeatRules { interval: Some(Duration::MAX), timeout: TICK },
        refresh: RefreshRules { before_expiry: TICK, min_interval: 2 * TICK },
        queue: QueueLimits { max_messages: 2, max_bytes: 12 },
        tokens: true,
        wire: Wire::OneSocket,
        seed: 0,
    };
    let connection = Scope {
        name: "tokens",
        config: config.clone(),
        connects: 2,
        closes: 2,
        holders: 2,
        calls: 0,
        groups: &[],
        sizes: &[],
        refreshes: 0,
        lives: &[None],
        wakes: false,
        resumes: &[true],
        codes: &[1006, 1000, 4401, 4409, 4413, 4529],
        tick: TICK,
        sleep: 100 * TICK,
    };
    let no_tokens = Config { tokens: false, ..config.clone() };
    let one_attempt = Reconnect { max_attempts: 1, ..reconnect.clone() };
    let slow = Reconnect { max_attempts: 1, interval: 3 * TICK, ..reconnect.clone() };
    let traffic = Scope {
        name: "traffic",
        config: Config { reconnect: one_attempt.clone(), ..no_tokens.clone() },
        connects: 1,
        closes: 1,
        holders: 0,
        calls: 2,
        groups: &["a"],
        sizes: &[1, 11],
        codes: &[1006, 4409],
        resumes: &[false, true],
        ..connection.clone()
    };
    let second = Duration::from_secs(1);
    let heartbeat = Scope {
        name: "heartbeat",
        config: Config {
            reconnect: Reconnect { interval: 3 * second, ..one_attempt.clone() },
            connect_timeout: 2 * second,
            close_timeout: 2 * second,
            stable_after: 2 * second,
            release_after: second,
            heartbeat: HeartbeatRules { interval: Some(2 * second), timeout: 3 * second },
            ..no_tokens.clone()
        },
        connects: 1,
        closes: 1,
        holders: 1,
        sizes: &[1],
        wakes: true,
        resumes: &[false, true],
        codes: &[1006, 4409],
        tick: second,
        sleep: 100 * second,
        ..connection.clone()
    };
    let refresh = Scope {
        name: "refresh",
        config: Config {
            reconnect: one_attempt.clone(),
            refresh: RefreshRules { before_expiry: 3 * TICK, min_interval: 3 * TICK },
            ..config.clone()
        },
        connects: 1,
        closes: 1,
        holders: 1,
        refreshes: 1,
        lives: &LIVES,
        codes: &[1006, 4401],
        ..connection.clone()
    };
    let once = Scope {
        name: "once",
        config: Config {
            reconnect: one_attempt.clone(),
            queue: QueueLimits { max_messages: 3, max_bytes: 12 },
            ..no_tokens.clone()
        },
        connects: 1,
        closes: 0,
        calls: 1,
        groups: &["a"],
        sizes: &[1],
        codes: &[1006],
        resumes: &[false, true],
        ..connection.clone()
    };
    let sleep = Scope {
        name: "tokens, silence and sleep",
        config: Config {
            heartbeat: HeartbeatRules { interval: Some(TICK), timeout: TICK },
            ..refresh.config.clone()
        },
        holders: 0,
        lives: &LIVES[1..],
        wakes: true,
        codes: &[1006],
        ..refresh.clone()
    };
    let plain = |ping, refresh| Wire::Plain(PlainRules { ping, refresh });
    let plain_traffic = Scope {
        name: "plain: traffic",
        config: Config { wire: plain(false, false), ..traffic.config.clone() },
        codes: &[1006, 1000, 4101],
        ..traffic.clone()
    };
    let plain_refresh = Scope {
        name: "plain: refresh",
        config: Config { wire: plain(false, true), ..refresh.config.clone() },
        codes: &[1006, 4100],
        ..refresh.clone()
    };
    let plain_no_refresh = Scope {
        name: "plain: no refresh",
        config: Config { wire: plain(true, false), ..refresh.config.clone() },
        codes: &[1006, 4100],
        ..refresh.clone()
    };
    let plain_asking = Scope {
        name: "plain: asking",
        config: Config { wire: plain(true, false), ..heartbeat.config.clone() },
        ..heartbeat.clone()
    };
    let plain_listening = Scope {
        name: "plain: listening",
        config: Config { wire: plain(false, false), ..heartbeat.config.clone() },
        ..heartbeat.clone()
    };
    vec![
        plain_traffic,
        plain_refresh,
        plain_no_refresh,
        plain_asking,
        plain_listening,
        Scope { name: "groups", calls: 3, sizes: &[], codes: &[1006], ..traffic.clone() },
        Scope { name: "two groups", groups: &["a", "b"], sizes: &[], ..traffic.clone() },
        Scope { name: "no tokens", config: no_tokens, ..connection.clone() },
        Scope {
            name: "timers the other way round",
            config: Config {
                reconnect: slow,
                connect_timeout: TICK,
                close_timeout: TICK,
                stable_after: TICK,
                release_after: 3 * TICK,
                ..config.clone()
            },
            ..connection.clone()
        },
        Scope {
            name: "no reconnecting",
            config: Config { reconnect: Reconnect { max_attempts: 0, ..reconnect }, ..config },
            ..connection.clone()
        },
        once,
        traffic,
        connection.clone(),
        sleep,
        heartbeat,
        refresh,
        // The last is begun first: it takes longest.
        Scope {
            name: "everything",
            connects: 2,
            closes: 1,
            holders: 1,
            calls: 1,
            groups: &["a"],
            sizes: &[1],
            // Delays that a server names are explored without messages.
            codes: &[1006, 1000, 4401, 4409, 4413],
            ..connection
        },
    ]
}

/// What an exploration has come to.
struct Explored {
    places: usize,
    steps: u64,
    depth: u32,
    /// There was nothing more to explore.
    whole: bool,
    seen: Seen,
    took: Duration,
}

impl Explored {
    /// Tells the figures, past what captures the output of a test that passes.
    fn print(&self, name: &str) {
        let Self { places, steps, depth, whole, seen: _, took } = self;
        let bound = if *whole { "all there are" } else { "bounded" };
        let took = took.as_secs_f64();
        let text = format!(
            "{name}: {places} places ({bound}), {steps} steps, {depth} deep, {took:.1} s\n"
        );
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

/// How a place was reached: from which one, by what.
#[derive(Clone, Copy)]
struct Way(u32, Action);

/// An exploration under way.
struct Explorer<'a> {
    scope: &'a Scope,
    ways: Vec<Way>,
    seen: Seen,
    known: HashSet<u128>,
    /// Places from which a friendly world, and a silent one, lead to a good end.
    friendly: HashSet<u128>,
    mute: HashSet<u128>,
    steps: u64,
}

/// What broke a rule: the rule, and what happened after the place it was found from.
type Broken = (String, Vec<Action>);

impl<'a> Explorer<'a> {
    /// Explores; ends early where `stop` says that another exploration has found a fault.
    fn run(scope: &'a Scope, deepest: u32, stop: &AtomicBool) -> Result<Explored, String> {
        let started = Instant::now();
        let mut explorer = Self {
            scope,
            ways: vec![Way(0, Action::Elapsed)],
            seen: Seen::default(),
            known: HashSet::new(),
            friendly: HashSet::new(),
            mute: HashSet::new(),
            steps: 0,
        };
        let start = Place::new(scope).relative();
        explorer.known.insert(start.fingerprint());
        let mut frontier = vec![(0_u32, start)];
        let mut depth = 0;
        while !frontier.is_empty() && depth < deepest && !stop.load(Relaxed) {
            depth += 1;
            let mut next = Vec::new();
            for (index, place) in frontier {
                if stop.load(Relaxed) {
                    break;
                }
                if let Err(broken) = explorer.visit(index, &place, &mut next) {
                    stop.store(true, Relaxed);
                    return Err(explorer.history(index, broken));
                }
            }
            frontier = next;
        }
        let whole = frontier.is_empty() && !stop.load(Relaxed);
        Ok(Explored {
            places: explorer.known.len(),
            steps: explorer.steps,
            depth,
            whole,
            seen: explorer.seen,
            took: started.elapsed(),
        })
    }

    /// Judges a place and finds the new ones beyond it.
    fn visit(
        &mut self,
        index: u32,
        place: &Place,
        next: &mut Vec<(u32, Place)>,
    ) -> Result<(), Broken> {
        place.judge_strangers().map_err(|rule| (rule, Vec::new()))?;
        self.follow(place, true)?;
        self.follow(place, false)?;
        for action in place.actions(self.scope) {
            let mut there = place.clone();
            self.step(&mut there, action).map_err(|rule| (rule, vec![action]))?;
            let there = there.relative();
            if self.known.insert(there.fingerprint()) {
                let number = u32::try_from(self.ways.len()).expect("fewer than 2^32 places");
                self.ways.push(Way(index, action));
                next.push((number, there));
            }
        }
        Ok(())
    }

    fn step(&mut self, place: &mut Place, action: Action) -> Verdict {
        self.steps += 1;
        let Self { scope, seen, .. } = self;
        catch_unwind(AssertUnwindSafe(|| place.step(scope, action, seen)))
            .unwrap_or_else(|_| Err("the machine has panicked".into()))
    }

    /// Follows a world that answers everything at once, or one that answers nothing, until nothing
    /// more happens: every promise is settled then, and a connection that could be had is there.
    fn follow(&mut self, from: &Place, answers: bool) -> Result<(), Broken> {
        let mut here = from.clone();
        let mut path = Vec::new();
        let mut actions = Vec::new();
        loop {
            let fingerprint = here.fingerprint();
            let good = if answers { &mut self.friendly } else { &mut self.mute };
            if good.contains(&fingerprint) {
                good.extend(path);
                return Ok(());
            }
            path.push(fingerprint);
            let Some(action) = (if answers { here.friendly(self.scope) } else { here.mute() })
            else {
                let verdict = here.judge_quiet(answers);
                good.extend(path);
                return verdict.map_err(|rule| (rule, actions));
            };
            actions.push(action);
            if actions.len() > 100 {
                return Err(("it does not come to rest".into(), actions));
            }
            let promising = answers && here.is_promising();
            if let Err(rule) = self.step(&mut here, action) {
                return Err((rule, actions));
            }
            let connected = here.machine.status().state == StateName::Connected;
            if promising && !connected && !here.is_promising() {
                return Err(("what was wanted was given up in a friendly world".into(), actions));
            }
            here = here.relative();
        }
    }

    /// Tells the shortest history that breaks a rule.
    fn history(&self, index: u32, (rule, then): Broken) -> String {
        let mut actions = then;
        let mut at = index;
        while at != 0 {
            let Way(from, action) = self.ways[at as usize];
            actions.insert(0, action);
            at = from;
        }
        let mut text = format!("{}: {rule}. It happens so:\n", self.scope.name);
        let mut place = Place::new(self.scope).relative();
        for action in actions {
            let mut seen = Seen { said: Some(Vec::new()), ..Seen::default() };
            let _ = catch_unwind(AssertUnwindSafe(|| place.step(self.scope, action, &mut seen)));
            let _ = writeln!(text, "  {action:?} -> {}", place.machine.stage());
            for said in seen.said.unwrap_or_default() {
                let _ = writeln!(text, "      {said}");
            }
            place = place.relative();
        }
        text
    }
}

#[test]
fn no_history_breaks_a_promise() {
    let depth = std::env::var("ONESOCKET_MODEL_DEPTH").ok();
    let depth = depth.map_or(u32::MAX, |text| text.parse().expect("ONESOCKET_MODEL_DEPTH"));
    let only = std::env::var("ONESOCKET_MODEL_SCOPE").ok();
    let mut scopes = scopes();
    scopes.retain(|scope| only.as_ref().is_none_or(|only| scope.name == only));
    let (waiting, stop) = (Mutex::new(scopes), AtomicBool::new(false));
    let next = || waiting.lock().expect("nobody panics with it").pop();
    let work = || -> Result<Seen, String> {
        let mut seen = Seen::default();
        while let Some(scope) = next() {
            let explored = Explorer::run(&scope, depth, &stop)?;
            explored.print(scope.name);
            seen.add(explored.seen);
        }
        Ok(seen)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut seen = Seen::default();
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
        for worker in running {
            match worker.join().expect("a worker does not panic") {
                Ok(reached) => seen.add(reached),
                Err(history) => panic!("{history}"),
            }
        }
    });
    if only.is_none() {
        judge_reach(&seen);
    }
}

/// An exploration that goes nowhere proves nothing.
fn judge_reach(seen: &Seen) {
    assert_eq!(Vec::from_iter(seen.stages.iter().copied()), STAGES, "the stages reached");
    assert_eq!(Vec::from_iter(seen.inputs.iter().copied()), INPUTS, "the inputs fed");
    assert_eq!(Vec::from_iter(seen.outputs.iter().copied()), OUTPUTS, "the outputs seen");
    assert_eq!(Vec::from_iter(seen.errors.iter().copied()), ERROR_CODES, "the error codes seen");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md is there");
    let name = |name: &str| StateName::ALL.into_iter().find(|state| state.as_str() == name);
    let drawn: std::collections::BTreeSet<_> = readme
        .lines()
        .filter_map(|line| line.split_once(':')?.0.trim().split_once(" --> "))
        .filter_map(|(from, to)| name(from).zip(name(to)))
        .collect();
    assert!(drawn.len() > 10, "README.md has the diagram");
    let odd: Vec<_> = seen.edges.symmetric_difference(&drawn).collect();
    assert!(odd.is_empty(), "transitions that only were seen, or only are in README.md: {odd:?}");
}
