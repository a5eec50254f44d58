//! Runs histories, on all cores, and says with which seed a promise was broken.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::coverage::Coverage;

/// What is run.
pub(crate) struct Plan {
    /// By which its test is found.
    pub(crate) name: &'static str,
    /// How many histories a run has by default.
    pub(crate) histories: u64,
    /// Every event that a run of full length has to come to.
    pub(crate) all: &'static [&'static str],
    /// Runs the history of a seed.
    pub(crate) run: fn(seed: u64, traced: bool) -> Outcome,
}

/// What came of a history.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) lasted: Duration,
    pub(crate) coverage: Coverage,
    pub(crate) broken: Option<String>,
    pub(crate) timeline: Vec<String>,
}

/// Runs a history, which keeps its world where it is found if there is a panic.
pub(crate) fn outcome<W: Into<Outcome>>(run: impl FnOnce(&mut Option<W>)) -> Outcome {
    let mut kept = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| run(&mut kept)));
    let mut outcome: Outcome = kept.map(Into::into).unwrap_or_default();
    if panicked.is_err() {
        outcome.broken.get_or_insert("there was a panic".to_owned());
    }
    outcome
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

/// Runs as many histories as the plan or the environment says; fails with the first promise that is broken.
pub(crate) fn run_histories(plan: &Plan) {
    let Plan { name, run, .. } = *plan;
    if let Some(seed) = asked("ONESOCKET_SEED") {
        let outcome = run(seed, true);
        outcome.timeline.iter().for_each(|line| say(line));
        outcome.coverage.print();
        assert_eq!(outcome.broken, None, "history {seed}");
        return;
    }
    let seconds = asked("ONESOCKET_SECONDS").map(Duration::from_secs);
    let histories = asked("ONESOCKET_HISTORIES");
    let histories = histories.unwrap_or(if seconds.is_some() { u64::MAX } else { plan.histories });
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
            if let Some(promise) = outcome.broken {
                stop.store(true, Relaxed);
                broken.lock().expect("nobody panics with it").get_or_insert((seed, promise));
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
    say(&format!("{count} histories of {name} from seed {first}: {days:.1} days in {took:.1} s"));
    if let Some((seed, promise)) = broken.into_inner().expect("nobody panics with it") {
        let outcome = run(seed, true);
        let lines = outcome.timeline.len().saturating_sub(60);
        outcome.timeline[lines..].iter().for_each(|line| say(line));
        panic!(
            "history {seed}: {promise}. All of it is printed by\n  ONESOCKET_SEED={seed} \
             cargo test --test simulation {name} -- --nocapture"
        );
    }
    coverage.print();
    if count >= plan.histories {
        assert_eq!(coverage.missing(plan.all), Vec::<&str>::new(), "what no history has come to");
    }
}
