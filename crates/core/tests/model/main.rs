//! Does any history break a promise? Every place that the machine can be brought to is visited, by
//! the shortest way, in a hostile world (`exploration/`); and from each of them a friendly world
//! and a silent one lead to where they should.
//!
//! `ONESOCKET_MODEL_DEPTH=n` bounds or extends how many things happen after each other;
//! `ONESOCKET_MODEL_SCOPE=name` explores one of the scopes only.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]
#![allow(clippy::disallowed_methods, reason = "it says how long it took")]
#![allow(clippy::unwrap_in_result, reason = "a test that cannot go on fails")]

mod coverage;
#[path = "../exploration/mod.rs"]
mod exploration;
mod explorer;
mod scopes;

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use coverage::check_coverage;
use exploration::Coverage;
use explorer::Explorer;
use scopes::scopes;

#[test]
fn no_history_breaks_a_promise() {
    let depth = std::env::var("ONESOCKET_MODEL_DEPTH").ok();
    let depth = depth.map_or(u32::MAX, |text| text.parse().expect("ONESOCKET_MODEL_DEPTH"));
    let only = std::env::var("ONESOCKET_MODEL_SCOPE").ok();
    let mut scopes = scopes();
    scopes.retain(|scope| only.as_ref().is_none_or(|only| scope.name == only));
    let (waiting, stop) = (Mutex::new(scopes), AtomicBool::new(false));
    let next = || waiting.lock().expect("nobody panics with it").pop();
    let work = || -> Result<Coverage, String> {
        let mut coverage = Coverage::default();
        while let Some(scope) = next() {
            let explored = Explorer::run(&scope, depth, &stop)?;
            explored.print(scope.name);
            coverage.add(explored.coverage);
        }
        Ok(coverage)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut coverage = Coverage::default();
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
        for worker in running {
            match worker.join().expect("a worker does not panic") {
                Ok(reached) => coverage.add(reached),
                Err(history) => panic!("{history}"),
            }
        }
    });
    if only.is_none() {
        check_coverage(&coverage);
    }
}
