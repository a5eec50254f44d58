//! `cargo xtask mutants`: cargo-mutants changes the machine and the wire, one place at a time, and
//! their tests should notice. What survives is explained in `mutants.txt`, or the command fails.

mod explained;
mod found;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build;
use crate::faults::{self, Tests};
use crate::process::{self, Running};
use crate::project::ASK;
use crate::setup::Setup;

use explained::{Explained, without_place};
use found::Found;

/// How long all the mutants of a crate may take.
const LIMIT: Duration = Duration::from_secs(8 * 3600);

/// How long the tests of one mutant may take at least, in seconds; else it is five times what they
/// take without one. Whoever takes longer is endless, and that was noticed. Quick ones take less than
/// a second.
const MINIMUM: &str = "10";

/// How much memory a test may take, in KiB: an endless one would take all.
const MEMORY: u32 = 6 * 1024 * 1024;

/// What of all mutants should be caught, in percent.
const AIM: f64 = 95.0;

/// The crates, each with its tests, quick ones first: only what they miss is shown to the next.
const CRATES: [(&str, &[Tests]); 2] = [
    ("onesocket-protocol", &[&["--lib", "--test", "properties"]]),
    (
        "onesocket-core",
        &[faults::QUICK, faults::BEHAVIOUR, &["--test", "properties"], faults::MODEL],
    ),
];

/// Which mutants are tried.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only a part of them, for many machines or many evenings: 0/4 to 3/4, say
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,

    /// onesocket-core or onesocket-protocol; both if neither is named
    #[arg(value_name = "CRATE")]
    #[arg(value_parser = ["onesocket-core", "onesocket-protocol"])]
    crates: Vec<String>,
}

/// Tries the mutants and prints what share was caught; `false` if one survives and nobody has said
/// why.
///
/// # Errors
///
/// Returns an error if cargo-mutants cannot be installed, if the tests fail without a mutant, or if
/// we were interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<bool> {
    let tool = setup.mutants()?;
    let text = fs::read_to_string(setup.project.path("xtask/mutants.txt"))?;
    let explained = Explained::read(&text)?;
    let mut summary = Vec::new();
    let mut good = true;
    for (package, stages) in CRATES {
        if !options.crates.is_empty() && !options.crates.iter().any(|name| name == package) {
            continue;
        }
        println!("\n== {package}");
        let bench = Bench { setup, tool: &tool, package };
        let stale = explained.not_among(package, &bench.list()?);
        let result = bench.try_all(stages, options.shard.as_deref(), &explained)?;
        good &= stale.is_empty() && result.unexplained.is_empty();
        summary.push(result.tell(package));
        summary.extend(stale.iter().map(|name| format!("  is no mutant any more: {name}")));
    }
    println!("\n{}", summary.join("\n"));
    if !good {
        println!("\nCatch what survives by a test, or say in xtask/mutants.txt why it may");
    }
    Ok(good)
}

/// What has become of the mutants of a crate.
#[derive(Debug, Default, Eq, PartialEq)]
struct Fates {
    /// The tests noticed.
    caught: usize,
    /// It does not compile.
    unviable: usize,
    /// It survives, and `mutants.txt` says why.
    explained: Vec<String>,
    /// It is in `mutants.txt`, and a test has caught it.
    needless: Vec<String>,
    /// It survives.
    unexplained: Vec<String>,
}

impl Fates {
    fn tell(&self, package: &str) -> String {
        let Self { caught, unviable, explained, needless, unexplained } = self;
        let all = caught + explained.len() + unexplained.len();
        #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
        let share = 100.0 * *caught as f64 / all.max(1) as f64;
        let mut text = format!(
            "{package}: {caught} of {all} mutants caught, {share:.1} % (the aim is {AIM} %); \
             {} survive for a reason, {} without one; {unviable} do not compile",
            explained.len(),
            unexplained.len()
        );
        for name in unexplained {
            text += &format!("\n  SURVIVES: {name}");
        }
        for name in needless {
            text += &format!("\n  is explained, but a test has caught it: {name}");
        }
        text
    }
}

/// Where the mutants of a crate are tried.
struct Bench<'a> {
    setup: &'a Setup,
    tool: &'a Path,
    package: &'static str,
}

impl Bench<'_> {
    /// The names of all mutants, without their places.
    fn list(&self) -> Result<Vec<String>> {
        let mut list = self.setup.project.command(self.tool);
        list.args(["mutants", "--list", "--package", self.package]);
        let printed = process::output(&mut list, ASK)?;
        Ok(printed.lines().map(without_place).collect())
    }

    /// Tries them all, or the shard.
    fn try_all(
        &self,
        stages: &[Tests],
        shard: Option<&str>,
        explained: &Explained,
    ) -> Result<Fates> {
        let is_known = |name: &String| explained.has(&without_place(name));
        let which = shard.into_iter().flat_map(|shard| ["--shard".to_owned(), shard.to_owned()]);
        let mut which: Vec<String> = which.collect();
        let mut fates = Fates::default();
        for (number, tests) in (1..).zip(stages) {
            let mut found = self.try_some(&which, tests)?;
            if number > 1 {
                found.keep(&fates.unexplained);
            }
            fates.caught += found.caught.len();
            // One that does not compile does not get beyond the first tests.
            fates.unviable += found.unviable;
            fates.needless.extend(found.caught.into_iter().filter(is_known));
            fates.unexplained = found.missed;
            // The last tests are slow: they are not asked about what is known to survive.
            if number + 1 >= stages.len() {
                fates.explained.extend(fates.unexplained.extract_if(.., |name| is_known(name)));
            }
            if fates.unexplained.is_empty() {
                break;
            }
            let left = fates.unexplained.iter();
            which = left.flat_map(|name| ["--re".to_owned(), exactly(name)]).collect();
        }
        Ok(fates)
    }

    /// Runs cargo-mutants once.
    fn try_some(&self, which: &[String], tests: &[&str]) -> Result<Found> {
        let project = &self.setup.project;
        let folder = project.target.join("mutants").join(self.package);
        build::remove(&folder)?;
        fs::create_dir_all(&folder)?;
        println!("\n-- tried by {}", tests.join(" "));
        let mut shell = project.command("sh");
        shell.args(["-c", &format!("ulimit -v {MEMORY} 2>/dev/null; exec \"$0\" \"$@\"")]);
        shell.arg(self.tool).args(["mutants", "--package", self.package, "--all-features"]);
        shell.args(["--cap-lints", "true", "--minimum-test-timeout", MINIMUM]);
        // Compiled again for each, which takes longer than the tests do; but for the slow ones, which
        // are busy on all cores by themselves.
        let slow = tests.contains(&"model") || tests.contains(&"properties");
        shell.args(["--jobs", if slow { "1" } else { "2" }]);
        let optimised = if slow { "1" } else { "0" };
        let profile = format!("profile.test.package.onesocket-core.opt-level={optimised}");
        shell.arg(format!("--cargo-arg=--config={profile}"));
        // Named to all of cargo, not behind `--`: else the others are compiled as well, each time.
        shell.args(tests.iter().map(|word| format!("--cargo-arg={word}")));
        shell.arg("--output").arg(&folder).args(which);
        shell.env("CARGO_PROFILE_DEV_DEBUG", "0").env("RUST_BACKTRACE", "0");
        let status = Running::start(&mut shell)?.wait(LIMIT)?;
        // 2 and 3 say that some were missed, and that some were endless.
        if process::interrupted() || !matches!(status.code(), Some(0 | 2 | 3)) {
            bail!("cargo-mutants has failed ({status})");
        }
        Found::read(&folder.join("mutants.out"))
    }
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
        let fates = Fates {
            caught: 18,
            unviable: 7,
            explained: vec!["b.rs:1:2: replace b".to_owned()],
            needless: Vec::new(),
            unexplained: vec!["a.rs:1:2: replace a".to_owned()],
        };

        let told = fates.tell("x");
        assert!(told.starts_with("x: 18 of 20 mutants caught, 90.0 %"), "{told}");
        assert!(told.ends_with("SURVIVES: a.rs:1:2: replace a"), "{told}");
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
