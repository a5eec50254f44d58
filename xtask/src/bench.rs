//! `cargo xtask bench`: what the README says of speed and size, measured.
//!
//! Builds the servers and the load generator of `benches/` as they are released, and lets that
//! measure them side by side. Nothing is judged here: a figure of a busy machine proves nothing.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::process::{self, Running};
use crate::setup::Setup;

/// How long a build may take on a slow machine.
const BUILD: Duration = Duration::from_secs(1800);

/// How long all measurements may take.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What is to be measured.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
enum What {
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
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<()> {
    let What::Server { rest } = &options.what;
    setup.packages("benches")?;
    let server = release(setup, "onesocket-server")?;
    let load = release(setup, "onesocket-benches")?;
    let mut command = setup.project.command(&load);
    command.arg("--server").arg(server);
    command.arg("--axum").arg(load.with_file_name("axum-peer"));
    command.arg("--node-peers").arg(setup.project.path("benches/peers"));
    let status = Running::start(command.args(rest))?.wait(LIMIT)?;
    if !status.success() && !process::interrupted() {
        bail!("not all was measured ({status})");
    }
    Ok(())
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
