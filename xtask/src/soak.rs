//! `cargo xtask soak`: six real minutes of a connection, and what follows when the network goes.
//!
//! Real time is the point of it, so it is no part of `cargo xtask test`.

use std::time::Duration;

use anyhow::Result;

use crate::process;
use crate::setup::Setup;
use crate::test;

/// How long it may take on a busy machine; about eight minutes on another.
const LIMIT: Duration = Duration::from_secs(1200);

/// Runs it in the browser, against the server; both are set up or built where they are missing.
///
/// # Errors
///
/// Returns an error if something cannot be set up or built, or if anything was not as it should be.
pub(crate) fn run(setup: &Setup) -> Result<()> {
    let mut node = test::node_with_pages(setup)?;
    node.args(["--test-reporter=spec", "tests/soak/soak.mjs"]);
    process::run(&mut node, LIMIT)
}
