//! Every state and every input: what comes of it, as a table that a reviewer reads as a diff, and
//! the diagram of the README, drawn from the same run.
//!
//! `UPDATE_GOLDEN=1 cargo test -p onesocket-core --test transitions` writes both anew; a run with
//! `CI` set never does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

#[path = "../../../protocol/tests/golden/mod.rs"]
mod golden;
mod inputs;
mod stages;
mod table;
#[path = "../world/mod.rs"]
mod world;

use onesocket_core::{Call, StateName};

use stages::SCENES;
use table::{diagram, explore};
use world::token;

/// Writes the table and the diagram anew, with `UPDATE_GOLDEN=1` before it.
const COMMAND: &str = "cargo test -p onesocket-core --test transitions";

/// A call that was made before the input came, and one that is made by it.
const EARLIER: Call = Call(1);
const NEW: Call = Call(100);

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    let (table, _) = explore();

    golden::compare("crates/core/tests/transitions/table.txt", &table, COMMAND);
}

#[test]
fn the_readme_shows_the_states_as_they_are() {
    let (_, edges) = explore();

    golden::compare_part("README.md", "states", &diagram(&edges), COMMAND);
}

#[test]
fn every_state_can_end_closed_and_can_begin_again() {
    for (name, scene) in SCENES {
        let mut world = scene();
        let close = world.close();
        while world.machine.deadline().is_some() {
            world.elapse();
        }
        assert_eq!(world.state(), StateName::Closed, "{name}");
        assert_eq!(world.answer_to(close), Some(Ok(())), "{name}");

        let mut world = scene();
        let connect = world.connect();
        while world.state() != StateName::Connected {
            match world.stage().as_str() {
                "connecting/fetching" => world.answer(token()),
                "connecting/opening" => world.opened(),
                "connecting/agreeing" => world.welcomed(),
                _ => drop(world.elapse()),
            }
        }
        assert_eq!(world.answer_to(connect), Some(Ok(())), "{name}");
    }
}
