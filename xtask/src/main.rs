//! The commands of this repository, for people and for CI alike: `cargo xtask help`.
//!
//! Owns the set-up of a machine, the build of the npm package, the checks and the order of the
//! tests. It installs into a cache of its own and never over what a person has installed, and it
//! skips nothing: what is missing is installed, or the run fails and says what to do.

#[cfg(not(unix))]
compile_error!("xtask runs on Linux and macOS; on Windows, use WSL");

mod bench;
mod build;
mod check;
mod conformance;
mod demo;
mod faults;
mod mutants;
mod process;
mod project;
mod release;
mod server;
mod setup;
mod stamp;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::project::Project;
use crate::setup::Setup;

/// The commands of this repository.
///
/// Each of them sets up what it needs: Rust and Node.js have to be there, the rest is installed
/// into $ONESOCKET_CACHE (default: a folder `onesocket` in the user's cache folder).
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
enum Command {
    /// Measure speed and size beside others, as the README quotes them
    #[command(subcommand)]
    Bench(bench::What),

    /// Make pkg/ and the npm package in it
    Build,

    /// Run the checks: the steps that are named, else all
    Check {
        /// fmt, clippy, clippy-wasm, doc, licences, deps, modules, wasm, js, pack or faults
        steps: Vec<String>,
    },

    /// Let the Autobahn test suite try the server; needs a Python 2.7
    Conformance,

    /// Try the package in bundlers, frameworks, runtimes, test runners and compilers
    Consumers {
        /// Only those whose names contain this
        words: Option<String>,
    },

    /// Set up, build, and serve the demo page until Ctrl-C
    Demo {
        /// Where to listen; 8080, or any other where that one is taken
        #[arg(long)]
        port: Option<u16>,
    },

    /// Put faults into copies of the code, one at a time: its tests must catch each
    Faults(faults::Options),

    /// Have the machine, the wire and the JavaScript changed everywhere: their tests should notice
    Mutants(mutants::Options),

    /// Publish the crates and the npm package, or do all but that
    Release(release::Options),

    /// Hold a connection for six real minutes in a real browser, then take the network away
    Soak,

    /// Run the tests: the parts that are named, else all
    Test(test::Options),
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = process::end_children_when_interrupted() {
        eprintln!("xtask: {error:#}");
        return ExitCode::FAILURE;
    }
    match run(&options.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // What a shell reports for a command that Ctrl-C ended.
        Err(_) if process::interrupted() => ExitCode::from(130),
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Carries out one command; `false` means that it has said itself what failed.
fn run(command: &Command) -> Result<bool> {
    let setup = Setup { project: Project::find()? };
    match command {
        Command::Build => build::package(&setup).map(|_| true),
        Command::Check { steps } => check::run(&setup, steps),
        Command::Bench(what) => bench::run(&setup, what).map(|()| true),
        Command::Conformance => conformance::run(&setup),
        Command::Consumers { words } => test::consumers(&setup, words.as_deref()),
        Command::Demo { port } => demo::run(&setup, *port).map(|()| true),
        Command::Faults(options) => faults::run(&setup, options).map(|missed| missed.is_empty()),
        Command::Mutants(options) => mutants::run(&setup, options),
        Command::Release(options) => release::run(&setup, options).map(|()| true),
        Command::Soak => test::soak(&setup).map(|()| true),
        Command::Test(options) => test::run(&setup, options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_well_formed() {
        Options::command().debug_assert();
    }
}
