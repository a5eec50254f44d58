//! Do both ends agree, whatever happens between them? The real client machine, the real server's
//! session, hub and tokens, joined by a network, clocks, pages and token sources that a seed
//! decides about, on virtual time (`history.rs`). What must hold is checked all the while and when
//! all has come to rest (`invariants`).
//!
//! `ONESOCKET_SEED=… cargo test --test simulation history -- --nocapture` runs one history again
//! and prints all that happens in it. `ONESOCKET_SECONDS=300 …` runs as many as there is time for,
//! from seeds that nobody has chosen, and `ONESOCKET_HISTORIES=…` so many.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

mod acceptance;
mod acts;
mod client;
mod configs;
mod coverage;
mod history;
mod invariants;
mod message;
mod network;
mod page;
mod peer;
mod random;
mod reference;
mod server;
mod source;
mod world;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coverage::Coverage;
use world::World;

/// How many histories a run has by default.
const HISTORIES: u64 = 3000;

/// What came of a history.
struct Outcome {
    lasted: Duration,
    coverage: Coverage,
    broken: Option<String>,
    timeline: Vec<String>,
}

/// Runs the history of a seed.
fn run(seed: u64, traced: bool) -> Outcome {
    let mut outcome = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let (world, history) = history::begin(seed, traced);
        let world = outcome.insert(world);
        history.run(world);
    }));
    let world: Option<World> = outcome;
    let broken = panicked.err().map(|_| "there was a panic".to_owned());
    match world {
        Some(world) => Outcome {
            lasted: world.now,
            coverage: world.coverage,
            broken: broken.or(world.broken),
            timeline: world.timeline.unwrap_or_default(),
        },
        None => Outcome {
            lasted: Duration::ZERO,
            coverage: Coverage::default(),
            broken,
            timeline: Vec::new(),
        },
    }
}

/// Reads a number from a variable of the environment, if it is set.
fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// A seed that nobody has chosen: another each second, with room for those that count up from it.
fn unchosen() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() << 20
}

/// Prints a line, also where the test passes.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(format!("{text}\n").as_bytes());
}

#[test]
fn no_history_breaks_a_promise() {
    if let Some(seed) = asked("ONESOCKET_SEED") {
        let outcome = run(seed, true);
        outcome.timeline.iter().for_each(|line| say(line));
        outcome.coverage.print();
        assert_eq!(outcome.broken, None, "history {seed}");
        return;
    }
    let seconds = asked("ONESOCKET_SECONDS").map(Duration::from_secs);
    let histories = asked("ONESOCKET_HISTORIES");
    let histories = histories.unwrap_or(if seconds.is_some() { u64::MAX } else { HISTORIES });
    // A run of its own length is there to find what the seeds of every run do not have.
    let first = if seconds.is_some() { unchosen() } else { 1 };
    let started = Instant::now();
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let broken: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let work = || {
        let (mut lasted, mut coverage, mut count) = (Duration::ZERO, Coverage::default(), 0);
        while !stop.load(Relaxed) && seconds.is_none_or(|most| started.elapsed() < most) {
            let number = next.fetch_add(1, Relaxed);
            if number >= histories {
                break;
            }
            let seed = first.wrapping_add(number);
            let outcome = run(seed, false);
            if let Some(invariant) = outcome.broken {
                stop.store(true, Relaxed);
                broken.lock().expect("nobody panics with it").get_or_insert((seed, invariant));
            }
            lasted += outcome.lasted;
            coverage.add(outcome.coverage);
            count += 1;
        }
        (count, lasted, coverage)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut count, mut lasted, mut coverage) = (0_u64, Duration::ZERO, Coverage::default());
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
        for worker in running {
            let (its, its_time, its_coverage) = worker.join().expect("a worker does not panic");
            count += its;
            lasted += its_time;
            coverage.add(its_coverage);
        }
    });
    let (days, took) = (lasted.as_secs_f64() / 86_400.0, started.elapsed().as_secs_f64());
    say(&format!("{count} histories from seed {first}: {days:.1} days in {took:.1} s"));
    if let Some((seed, invariant)) = broken.into_inner().expect("nobody panics with it") {
        let outcome = run(seed, true);
        let lines = outcome.timeline.len().saturating_sub(60);
        outcome.timeline[lines..].iter().for_each(|line| say(line));
        panic!(
            "history {seed}: {invariant}. All of it is printed by\n  ONESOCKET_SEED={seed} \
             cargo test --test simulation history -- --nocapture"
        );
    }
    coverage.print();
    if count >= HISTORIES {
        assert_eq!(coverage.missing(), Vec::<&str>::new(), "what no history has come to");
    }
}
