//! `cargo xtask check`: everything a machine can say about a change beside whether its tests pass:
//! whether they would fail if they should, too.

mod deps;
mod licences;
mod modules;
mod pack;
mod reference;
mod wasm;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::build;
use crate::faults;
use crate::process;
use crate::setup::{Setup, WASM};

/// How long one command of a check may take, compiling included.
const LIMIT: Duration = Duration::from_secs(1800);

/// What a step does.
type Step = fn(&Setup) -> Result<()>;

/// The steps, in their order.
const STEPS: [(&str, Step); 11] = [
    ("fmt", fmt),
    ("clippy", clippy),
    ("clippy-wasm", clippy_wasm),
    ("doc", doc),
    ("licences", licences::run),
    ("deps", deps::run),
    ("modules", modules::run),
    ("wasm", wasm::run),
    ("js", js),
    ("pack", pack::run),
    ("faults", all_faults),
];

/// Runs the named steps, or all; a failed one stops no other. `false` if one failed.
///
/// # Errors
///
/// Returns an error if there is no such step, or if we were interrupted.
pub(crate) fn run(setup: &Setup, names: &[String]) -> Result<bool> {
    let all: Vec<&str> = STEPS.iter().map(|(step, _)| *step).collect();
    if let Some(name) = names.iter().find(|name| !all.contains(&name.as_str())) {
        bail!("there is no check `{name}`: {}", all.join(", "));
    }
    let begun = Instant::now();
    let mut failed = Vec::new();
    for (step, run) in STEPS {
        if !names.is_empty() && !names.iter().any(|name| name == step) {
            continue;
        }
        println!("\n== {step}");
        let started = Instant::now();
        let result = run(setup);
        if process::interrupted() {
            bail!("interrupted");
        }
        let took = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("{step}: ok, {took:.1} s"),
            Err(error) => {
                println!("{error:#}\n{step}: FAILED, {took:.1} s");
                failed.push(format!("{step}: {error:#}"));
            }
        }
    }
    let took = begun.elapsed().as_secs_f64();
    if failed.is_empty() {
        println!("\nchecks passed, {took:.1} s");
    } else {
        println!("\nfailed checks ({took:.1} s):\n{}", failed.join("\n"));
    }
    Ok(failed.is_empty())
}

/// Turns complaints into an error that has them all.
fn verdict(complaints: &[String]) -> Result<()> {
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    Ok(())
}

/// Rust is formatted.
fn fmt(setup: &Setup) -> Result<()> {
    // The example is a workspace of its own.
    for manifest in ["Cargo.toml", "examples/yew/Cargo.toml"] {
        let mut cargo = setup.project.cargo();
        process::run(cargo.args(["fmt", "--all", "--check", "--manifest-path", manifest]), LIMIT)?;
    }
    Ok(())
}

/// Clippy on everything, as it compiles here.
fn clippy(setup: &Setup) -> Result<()> {
    let mut cargo = setup.project.cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--all-features"]);
    process::run(cargo.args(["--", "-D", "warnings"]), LIMIT)
}

/// Clippy on what runs in a browser, as it compiles there, its tests included.
fn clippy_wasm(setup: &Setup) -> Result<()> {
    setup.wasm()?;
    for packages in [
        "--lib -p onesocket -p onesocket-web -p onesocket-core -p onesocket-protocol",
        // The tests of the other two are native ones, with dependencies that know no browser.
        "--tests -p onesocket -p onesocket-web",
    ] {
        let mut cargo = setup.project.cargo();
        cargo.args(["clippy", "--target", WASM]).args(packages.split(' '));
        cargo.env("ONESOCKET_TEST_SERVER", "http://127.0.0.1:0");
        process::run(cargo.args(["--", "-D", "warnings"]), LIMIT)?;
    }
    Ok(())
}

/// The documentation is whole, that of private items too.
fn doc(setup: &Setup) -> Result<()> {
    let mut cargo = setup.project.cargo();
    cargo.args(["doc", "--workspace", "--no-deps", "--all-features", "--document-private-items"]);
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut cargo, LIMIT)?;
    reference::run(setup)
}

/// TypeScript's types hold, and the linter is content.
fn js(setup: &Setup) -> Result<()> {
    build::install_package(setup)?;
    for (program, arguments) in [
        ("node_modules/.bin/tsc", "-p js/tsconfig.json --noEmit"),
        ("www/node_modules/.bin/tsc", "-p www --noEmit"),
        (
            "node_modules/.bin/oxlint",
            "--deny-warnings js www tests/e2e tests/soak tests/consumers benches examples",
        ),
    ] {
        let mut command = setup.project.command(setup.project.path(program));
        process::run(command.args(arguments.split(' ')), LIMIT)?;
    }
    Ok(())
}

/// The tests are worth something: they catch each of the faults we know.
fn all_faults(setup: &Setup) -> Result<()> {
    verdict(&faults::run(setup, &faults::Options::default())?)
}
