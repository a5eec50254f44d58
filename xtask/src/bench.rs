//! `cargo xtask bench`: what the README says of speed and size, measured.
//!
//! Builds what is measured as it is released, and has `benches/` measure it side by side with others.
//! Nothing is judged here: a figure of a busy machine proves nothing.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::build;
use crate::process::{self, Running};
use crate::setup::Setup;
use crate::test;

/// How long a build may take on a slow machine.
const BUILD: Duration = Duration::from_secs(1800);

/// How long all measurements may take.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// The client in a page, beside a plain WebSocket and the clients of others
    Client {
        /// How many batches of messages each client is given; the best one counts
        #[arg(default_value_t = 30)]
        rounds: u32,
    },

    /// Tabs that share a connection: how long they are without one, what is lost, what a message costs
    Tabs {
        /// For how many minutes the focus changes from tab to tab
        #[arg(long, default_value_t = 1)]
        minutes: u32,
    },

    /// The server, beside Node's ws, socket.io and a bare axum
    Server {
        /// What is handed to the load generator: see `cargo xtask bench server -- --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

/// Measures.
///
/// # Errors
///
/// Returns an error if something cannot be built or measured.
pub(crate) fn run(setup: &Setup, what: &What) -> Result<()> {
    let mut command = match what {
        What::Client { rounds } => client(setup, *rounds)?,
        What::Server { rest } => server(setup, rest)?,
        What::Tabs { minutes } => tabs(setup, *minutes)?,
    };
    let status = Running::start(&mut command)?.wait(LIMIT)?;
    if !status.success() && !process::interrupted() {
        bail!("not all was measured ({status})");
    }
    Ok(())
}

/// Returns what measures the client, out of the package as it is published.
fn client(setup: &Setup, rounds: u32) -> Result<Command> {
    setup.packages("benches")?;
    build::package(setup)?;
    let mut node = setup.project.command("node");
    node.env("ONESOCKET_PACKAGE_FOLDER", setup.project.path("pkg"));
    node.env("ONESOCKET_BROWSER", &setup.browser()?.chrome);
    node.arg(setup.project.path("benches/client/measure.mjs")).arg(rounds.to_string());
    Ok(node)
}

/// Returns what measures the server, beside others.
fn server(setup: &Setup, rest: &[String]) -> Result<Command> {
    setup.packages("benches")?;
    let server = release(setup, "onesocket-server")?;
    let load = release(setup, "onesocket-benches")?;
    let mut command = setup.project.command(&load);
    command.arg("--server").arg(server).arg("--openssl").arg(setup.openssl()?);
    command.arg("--axum").arg(load.with_file_name("axum-peer"));
    command.arg("--node-peers").arg(setup.project.path("benches/peers")).args(rest);
    Ok(command)
}

/// Returns what measures tabs that share a connection, with the pages of the tests.
fn tabs(setup: &Setup, minutes: u32) -> Result<Command> {
    let mut node = test::node_with_pages(setup)?;
    node.env("ONESOCKET_FOCUS_MINUTES", minutes.to_string());
    node.args(["--test-reporter=spec", "tests/e2e/bench/tabs.mjs"]);
    Ok(node)
}

/// Builds a package's program of the same name as it is released, and returns it.
///
/// # Errors
///
/// Returns an error if it does not compile.
pub(crate) fn release(setup: &Setup, package: &str) -> Result<PathBuf> {
    let mut cargo = setup.project.cargo();
    cargo.args(["build", "--release", "--package", package, "--bins"]);
    process::run(&mut cargo, BUILD)?;
    Ok(setup.project.target.join("release").join(package))
}
