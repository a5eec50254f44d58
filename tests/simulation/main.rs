//! Do both ends agree, whatever happens between them? The real client machine, the real server's
//! session, hub and tokens, joined by a network, clocks, pages and token sources that a seed
//! decides about, on virtual time (`history.rs`). What must hold is checked all the while and when
//! all has come to rest (`invariants`). `tabs` does the same for tabs that share a connection.
//!
//! `ONESOCKET_SEED=… cargo test --test simulation history -- --nocapture` (or `tabs`) runs one history
//! again and prints all that happens in it. `ONESOCKET_SECONDS=300 …` runs as many as there is time for,
//! from seeds that nobody has chosen, and `ONESOCKET_HISTORIES=…` so many.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

mod acceptance;
mod acts;
mod agenda;
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
mod record;
mod reference;
mod runner;
mod server;
mod source;
mod tabs;
mod world;

use runner::{Outcome, Plan, outcome, run_histories};
use world::World;

/// How many histories a run has by default.
const HISTORIES: u64 = 3000;

const PLAN: Plan = Plan { name: "history", histories: HISTORIES, all: &coverage::ALL, run };

/// Runs the history of a seed.
fn run(seed: u64, traced: bool) -> Outcome {
    outcome(|kept| {
        let (world, history) = history::begin(seed, traced);
        history.run(kept.insert(world));
    })
}

impl From<World> for Outcome {
    fn from(world: World) -> Self {
        world.record.outcome(world.now)
    }
}

#[test]
fn no_history_breaks_a_promise() {
    run_histories(&PLAN);
}
