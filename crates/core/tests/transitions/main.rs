//! Every state and every input: what comes of it, as a table that a reviewer reads as a diff, and
//! the diagram of the README, drawn from the same run.
//!
//! `UPDATE_GOLDEN=1 cargo test -p onesocket-core --test transitions` writes both anew; a run with
//! `CI` set never does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

mod inputs;
mod stages;
mod table;
#[path = "../world/mod.rs"]
mod world;

use std::path::{Path, PathBuf};

use onesocket_core::{Call, StateName};

use stages::SCENES;
use table::{diagram, explore};
use world::token;

/// A call that was made before the input came, and one that is made by it.
const EARLIER: Call = Call(1);
const NEW: Call = Call(100);

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    let (table, _) = explore();

    check(&root().join("crates/core/tests/transitions/table.txt"), &table);
}

#[test]
fn the_readme_shows_the_states_as_they_are() {
    const BEGIN: &str = "<!-- states: drawn by crates/core/tests/transitions -->\n";
    const END: &str = "<!-- /states -->";
    let (_, edges) = explore();
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README.md has a place for the diagram");
    let (_, after) = rest.split_once(END).expect("the place for the diagram ends");

    check(&path, &format!("{before}{BEGIN}{}{END}{after}", diagram(&edges)));
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a file with what it should be, or writes it where a person asked for that.
fn check(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(std::env::var_os("CI").is_none(), "CI never rewrites a golden file");
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not what this run shows. Look at the difference after\n\
         UPDATE_GOLDEN=1 cargo test -p onesocket-core --test transitions",
        path.display()
    );
}
