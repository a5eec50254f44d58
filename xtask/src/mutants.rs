//! `cargo xtask mutants`: cargo-mutants changes the machine and the wire, one place at a time, and
//! StrykerJS the JavaScript; their tests should notice. What may survive is named in
//! `.cargo/mutants.toml`, with its reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::faults::{self, Tests};
use crate::process::{self, Running};
use crate::setup::Setup;
use crate::test;

/// How long all the mutants of a crate may take.
const LIMIT: Duration = Duration::from_secs(8 * 3600);

/// How long the tests of one mutant may take at least, in seconds; else it is five times what they
/// take without one. A mutant that takes longer is endless, and that was noticed.
const MINIMUM: &str = "10";

/// The share of all mutants that should be caught, in percent.
const AIM: f64 = 95.0;

/// The crates that are changed, and the JavaScript.
const PARTS: [&str; 3] = ["onesocket-protocol", "onesocket-core", faults::JS];

/// Which mutants are tried.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// onesocket-core, onesocket-protocol or js; all if none is named
    #[arg(value_name = "PART")]
    #[arg(value_parser = PARTS)]
    parts: Vec<String>,
}

/// Tries the mutants and prints what share was caught; `false` if one survives without a reason.
///
/// # Errors
///
/// Returns an error if cargo-mutants cannot be installed, if the tests fail without a mutant, or if
/// we were interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<bool> {
    let mut summary = String::new();
    let mut good = true;
    for package in PARTS {
        if !options.parts.is_empty() && !options.parts.iter().any(|name| name == package) {
            continue;
        }
        println!("\n== {package}");
        if package == faults::JS {
            good &= javascript(setup)?;
            continue;
        }
        let found = try_all(setup, &setup.mutants()?, package)?;
        good &= found.missed.is_empty();
        summary += &found.tell(package);
    }
    println!("\n{summary}");
    Ok(good)
}

/// Has StrykerJS change the JavaScript, as it is compiled for its tests; says whether they notice
/// [`AIM`] percent. It prints what they do not.
fn javascript(setup: &Setup) -> Result<bool> {
    setup.packages("tests/mutants")?;
    test::compile_js(setup)?;
    let mut stryker = setup.project.command("tests/mutants/node_modules/.bin/stryker");
    let running = Running::start(stryker.args(["run", "tests/mutants/stryker.json"]));
    Ok(running?.wait(LIMIT)?.success())
}

/// The lists that cargo-mutants leaves.
#[derive(Debug, Default, Eq, PartialEq)]
struct Found {
    /// The tests failed, or did not end.
    caught: Vec<String>,
    /// The tests passed.
    missed: Vec<String>,
    /// The mutant does not compile.
    unviable: Vec<String>,
}

impl Found {
    fn read(folder: &Path) -> Result<Self> {
        let list = |name: &str| -> Result<Vec<String>> {
            let file = folder.join(name);
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        let mut caught = list("caught.txt")?;
        caught.extend(list("timeout.txt")?);
        Ok(Self { caught, missed: list("missed.txt")?, unviable: list("unviable.txt")? })
    }

    fn tell(&self, package: &str) -> String {
        let Self { caught, missed, unviable } = self;
        let (caught, all) = (caught.len(), caught.len() + missed.len());
        #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
        let share = 100.0 * caught as f64 / all.max(1) as f64;
        let mut text = format!(
            "{package}: {caught} of {all} mutants caught, {share:.1} % (the aim is {AIM} %); {} do \
             not compile\n",
            unviable.len()
        );
        missed.iter().for_each(|name| text += &format!("  SURVIVES: {name}\n"));
        text
    }
}

/// Tries all mutants; the slower tests are asked only about what the quicker ones missed.
fn try_all(setup: &Setup, tool: &Path, package: &str) -> Result<Found> {
    let mut which = Vec::new();
    // A part of a crate has tests of its own, which come last here.
    let crates = faults::CRATES.iter().rev().filter(|(_, name, _)| *name == package);
    let mut stages = crates.flat_map(|(.., stages)| *stages).peekable();
    stages.peek().context("no tests")?;
    let mut all = Found::default();
    for (number, &tests) in stages.enumerate() {
        let mut found = try_some(setup, tool, package, &which, tests)?;
        if number > 0 {
            // Fields that are left out are tried whatever is asked for.
            let was_asked = |name: &String| all.missed.contains(name);
            found.caught.retain(was_asked);
            found.missed.retain(was_asked);
        } else {
            all.unviable = found.unviable;
        }
        all.caught.extend(found.caught);
        all.missed = found.missed;
        if all.missed.is_empty() {
            break;
        }
        which = all.missed.iter().flat_map(|name| ["--re".to_owned(), exactly(name)]).collect();
    }
    Ok(all)
}

/// Runs cargo-mutants once.
fn try_some(
    setup: &Setup,
    tool: &Path,
    package: &str,
    which: &[String],
    tests: Tests,
) -> Result<Found> {
    let folder: PathBuf = setup.project.target.join("mutants").join(package);
    build::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    println!("\n-- tried by {}", tests.join(" "));
    let mut command = faults::limited(&setup.project, tool);
    command.args(["mutants", "--package", package, "--all-features", "--cap-lints", "true"]);
    command.args(["--minimum-test-timeout", MINIMUM]);
    // The slow ones are busy on all cores by themselves.
    let slow = tests.contains(&"model") || tests.contains(&"properties");
    command.args(["--jobs", if slow { "1" } else { "2" }]);
    for value in faults::optimised(slow) {
        command.arg(format!("--cargo-arg=--config={value}"));
    }
    // Given to all of cargo, not behind `--`: else the other tests are compiled as well, each time.
    command.args(tests.iter().map(|word| format!("--cargo-arg={word}")));
    command.arg("--output").arg(&folder).args(which);
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("RUST_BACKTRACE", "0");
    let status = Running::start(&mut command)?.wait(LIMIT)?;
    // 2 and 3 say that some were missed, and that some were endless.
    if process::interrupted() || !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo-mutants has failed ({status})");
    }
    Found::read(&folder.join("mutants.out"))
}

/// A regular expression for a text and nothing else.
fn exactly(text: &str) -> String {
    let mut expression = String::from("^");
    for character in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression + "$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_caught_is_a_share_of_what_compiles() {
        let names = |count: usize| (0..count).map(|n| n.to_string()).collect();
        let found = Found { caught: names(19), missed: names(1), unviable: names(7) };

        let told = found.tell("x");
        assert!(told.starts_with("x: 19 of 20 mutants caught, 95.0 %"), "{told}");
        assert!(told.ends_with("SURVIVES: 0\n"), "{told}");
    }

    #[test]
    fn a_mutant_is_asked_for_by_an_expression_for_nothing_else() {
        let name = "a.rs:1:2: replace <impl A for B>::c -> (u8, [u8]) with (0, *x + 1)";

        assert_eq!(
            exactly(name),
            r"^a\.rs:1:2: replace <impl A for B>::c \-> \(u8, \[u8\]\) with \(0, \*x \+ 1\)$"
        );
    }
}
