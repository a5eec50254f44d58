//! The commands of this repository, for people and for CI alike: `cargo xtask help`.
//!
//! Owns the set-up of a machine, the build of the npm package, the checks and the order of the
//! tests. It installs into a cache of its own and never over what a person has installed, and it
//! skips nothing: what is missing is installed, or the run fails and says what to do.

#[cfg(not(unix))]
compile_error!("xtask runs on Linux and macOS; on Windows, use WSL");

mod build;
mod check;
mod counts;
mod demo;
mod faults;
mod process;
mod project;
mod server;
mod setup;
mod simulate;
mod stamp;
mod test;
mod version;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::project::Project;
use crate::setup::Setup;

/// What `cargo xtask help` prints.
const USAGE: &str = "\
cargo xtask demo [--port N]                    sets up, builds, serves the demo page until Ctrl-C
cargo xtask build                              makes pkg/ and the npm package in it
cargo xtask test [native|browser|js|e2e]...    runs the tests, all four parts without an argument
cargo xtask check [STEP]...                    runs the checks, all steps without an argument
cargo xtask faults [--model]                   puts faults into the machine, which its tests, or its
                                               model alone, must catch
cargo xtask simulate [--seconds N | --histories N] [--seed S]
                                               tells histories of both ends on virtual time

Each of them sets up what it needs: Rust and Node.js have to be there, the rest is installed into
$ONESOCKET_CACHE (default: a folder `onesocket` in the user's cache folder).";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = process::end_children_when_interrupted() {
        eprintln!("xtask: {error:#}");
        return ExitCode::FAILURE;
    }
    match run(&arguments) {
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
fn run(arguments: &[String]) -> Result<bool> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((&command, rest)) = arguments.split_first() else {
        bail!("which command?\n\n{USAGE}");
    };
    if matches!(command, "help" | "--help" | "-h") || rest.contains(&"--help") {
        println!("{USAGE}");
        return Ok(true);
    }
    let setup = Setup::new(Project::find()?);
    match command {
        "build" if rest.is_empty() => build::package(&setup).map(|_| true),
        "check" => check::run(&setup, rest),
        "demo" => demo::run(&setup, demo_port(rest)?).map(|()| true),
        "faults" if matches!(rest, [] | ["--model"]) => faults::run(&setup, !rest.is_empty()),
        "simulate" => simulate::run(&setup, &simulate::Bounds::read(rest)?),
        "test" => test::run(&setup, rest),
        _ => bail!("no such command: `{}`\n\n{USAGE}", arguments.join(" ")),
    }
}

/// Reads the arguments of `demo`.
fn demo_port(arguments: &[&str]) -> Result<Option<u16>> {
    match arguments {
        [] => Ok(None),
        ["--port", port] => match port.parse() {
            Ok(port) => Ok(Some(port)),
            Err(_) => bail!("`{port}` is no port: give a number from 0 to 65535"),
        },
        _ => bail!("demo takes --port N and nothing else\n\n{USAGE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_takes_a_port_or_nothing() {
        assert_eq!(demo_port(&[]).unwrap(), None);
        assert_eq!(demo_port(&["--port", "9000"]).unwrap(), Some(9000));
        assert!(demo_port(&["--port", "90000"]).is_err());
        assert!(demo_port(&["9000"]).is_err());
    }
}
