//! Do both ends agree, whatever happens between them? The real client machine, the real server's
//! session, hub and tokens, joined by a network, clocks, pages and token sources that a seed decides
//! about, on virtual time (`history.rs`). What must hold is checked all the while and when all has
//! come to rest (`invariants`).
//!
//! A history is told again, with all that happens in it, by
//! `ONESOCKET_SEED=… cargo test --test simulation history -- --nocapture`. `cargo xtask simulate`
//! goes on for as long as it is told to.
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
use std::time::{Duration, Instant};

use coverage::Reached;
use world::World;

/// How many histories there are where nobody says how many.
const HISTORIES: u64 = 3000;

/// What a history came to.
struct Told {
    lasted: Duration,
    reached: Reached,
    broken: Option<String>,
    timeline: Vec<String>,
}

/// Tells the history of a seed.
fn tell(seed: u64, traced: bool) -> Told {
    let mut told = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let (world, story) = history::begin(seed, traced);
        let world = told.insert(world);
        story.tell(world);
    }));
    let world: Option<World> = told;
    let broken = panicked.err().map(|_| "there was a panic".to_owned());
    match world {
        Some(world) => Told {
            lasted: world.now,
            reached: world.reached,
            broken: broken.or(world.broken),
            timeline: world.timeline.unwrap_or_default(),
        },
        None => Told {
            lasted: Duration::ZERO,
            reached: Reached::default(),
            broken,
            timeline: Vec::new(),
        },
    }
}

/// Reads a number that somebody has set.
fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// Says something past what captures the output of a test that passes.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(format!("{text}\n").as_bytes());
}

#[test]
fn no_history_breaks_a_promise() {
    if let Some(seed) = asked("ONESOCKET_SEED") {
        let told = tell(seed, true);
        told.timeline.iter().for_each(|line| say(line));
        told.reached.print();
        assert_eq!(told.broken, None, "history {seed}");
        return;
    }
    let seconds = asked("ONESOCKET_SECONDS").map(Duration::from_secs);
    let histories = asked("ONESOCKET_HISTORIES");
    let histories = histories.unwrap_or(if seconds.is_some() { u64::MAX } else { HISTORIES });
    let first = asked("ONESOCKET_FIRST_SEED").unwrap_or(1);
    let started = Instant::now();
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let broken: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let work = || {
        let (mut lasted, mut reached, mut count) = (Duration::ZERO, Reached::default(), 0);
        while !stop.load(Relaxed) && seconds.is_none_or(|most| started.elapsed() < most) {
            let number = next.fetch_add(1, Relaxed);
            if number >= histories {
                break;
            }
            let seed = first.wrapping_add(number);
            let told = tell(seed, false);
            if let Some(rule) = told.broken {
                stop.store(true, Relaxed);
                broken.lock().expect("nobody panics with it").get_or_insert((seed, rule));
            }
            lasted += told.lasted;
            reached.add(told.reached);
            count += 1;
        }
        (count, lasted, reached)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut count, mut lasted, mut reached) = (0_u64, Duration::ZERO, Reached::default());
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
        for worker in running {
            let (its, its_time, its_reach) = worker.join().expect("a worker does not panic");
            count += its;
            lasted += its_time;
            reached.add(its_reach);
        }
    });
    let (days, took) = (lasted.as_secs_f64() / 86_400.0, started.elapsed().as_secs_f64());
    say(&format!("{count} histories from seed {first}: {days:.1} days in {took:.1} s"));
    if let Some((seed, rule)) = broken.into_inner().expect("nobody panics with it") {
        let told = tell(seed, true);
        let lines = told.timeline.len().saturating_sub(60);
        told.timeline[lines..].iter().for_each(|line| say(line));
        panic!(
            "history {seed}: {rule}. All of it is told by\n  ONESOCKET_SEED={seed} cargo test \
             --test simulation history -- --nocapture"
        );
    }
    reached.print();
    if count >= HISTORIES {
        assert_eq!(reached.missing(), Vec::<&str>::new(), "what no history has come to");
    }
}
