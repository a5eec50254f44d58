//! `cargo xtask faults`: tests are worth what they catch. Every fault in `faults.txt` is put into a
//! copy of the code, and the tests of its crate must fail.

mod fault;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::process;
use crate::setup::Setup;

use fault::Fault;

/// How long compiling may take, the first time with all that is used.
const COMPILE: Duration = Duration::from_secs(1200);

/// How long the tests of one fault may take: a fault may make them endless.
const TEST: Duration = Duration::from_secs(180);

/// How long they may take without a fault: the model then looks at all there is.
const WITHOUT_FAULT: Duration = Duration::from_secs(900);

/// How much memory a test may take, in KiB, where that can be limited: an endless one would take
/// all.
const MEMORY: u32 = 6 * 1024 * 1024;

/// What of the workspace the copy needs so that cargo knows it.
const COPIED: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "benches",
    "crates",
    "server",
    "src",
    "tests",
    "xtask",
];

/// Tests that are run together: arguments of `cargo test`.
pub(crate) type Tests = &'static [&'static str];

/// The tests of each crate, quick ones first: what they do not catch, the next are asked about.
const CRATES: [(&str, &str, &[Tests]); 4] = [
    ("crates/core", "onesocket-core", &[QUICK, BEHAVIOUR, MODEL]),
    ("crates/protocol", "onesocket-protocol", &[&["--lib", "--test", "properties"]]),
    ("crates/web", "onesocket-web", &[&["--tests"]]),
    ("server", "onesocket-server", &[&["--lib", "--bins"], &["--tests"]]),
];

/// What is told of the machine in a moment.
pub(crate) const QUICK: Tests = &["--lib", "--test", "transitions"];

/// What users of the machine may rely on.
pub(crate) const BEHAVIOUR: Tests = &["--test", "behaviour"];

/// The tests that catch what no other test of the machine does.
pub(crate) const MODEL: Tests = &["--test", "model"];

/// Which faults are tried, and by what.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Ask the model alone, and only about faults in the machine
    #[arg(long)]
    model: bool,

    /// Only the faults in whose name this stands
    #[arg(value_name = "WORDS")]
    words: Option<String>,
}

/// Puts every chosen fault in and says which test caught it; `false` if one was not.
///
/// # Errors
///
/// Returns an error if a fault is not one any more, if the tests fail without one, or if we were
/// interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<bool> {
    setup.rust()?;
    let project = &setup.project;
    let started = Instant::now();
    let mut trials = Vec::new();
    for fault in fault::read(&fs::read_to_string(project.path("xtask/faults.txt"))?)? {
        let trial = Trial::of(fault, options.model)?;
        let named = options.words.as_ref().is_none_or(|words| trial.fault.name.contains(words));
        if named && !trial.stages.is_empty() {
            trials.push(trial);
        }
    }
    if trials.is_empty() {
        bail!("there is no such fault in xtask/faults.txt");
    }
    let tree = project.target.join("faults/tree");
    build::remove(&tree)?;
    for name in COPIED {
        copy(&project.path(name), &tree.join(name))?;
    }
    let bench = Bench { setup, tree, target: project.target.join("faults/target") };
    let stages: BTreeSet<&Stage> = trials.iter().flat_map(|trial| &trial.stages).collect();
    for stage in stages {
        bench.compile(stage).context("without a fault")?;
        if let Some(tests) = bench.failures(stage, WITHOUT_FAULT)? {
            bail!("without a fault there fails already: {tests}");
        }
    }
    let mut missed = 0;
    for trial in &trials {
        let name = &trial.fault.name;
        let begun = Instant::now();
        let caught = bench.catch(trial).with_context(|| name.clone())?;
        let took = begun.elapsed().as_secs_f64();
        missed += usize::from(caught.is_none());
        println!("{name}: {} ({took:.1} s)", caught.as_deref().unwrap_or("NOT CAUGHT"));
    }
    let (all, took) = (trials.len(), started.elapsed().as_secs_f64());
    println!("\n{} of {all} faults caught, {took:.0} s", all - missed);
    Ok(missed == 0)
}

/// Tests of one package.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Stage {
    package: String,
    tests: Vec<String>,
}

impl Stage {
    fn is_model(&self) -> bool {
        self.tests == MODEL
    }
}

/// A fault and the tests that are asked about it, one after the other.
#[derive(Debug)]
struct Trial {
    fault: Fault,
    stages: Vec<Stage>,
}

impl Trial {
    /// Finds the tests: those that the fault names, else those of its crate.
    fn of(fault: Fault, only_model: bool) -> Result<Self> {
        let inside = |(folder, ..): &&(&str, _, _)| fault.file.starts_with(&format!("{folder}/"));
        let (_, package, tests) = CRATES.iter().find(inside).with_context(|| {
            format!("\"{}\": {} is in no crate whose tests are known", fault.name, fault.file)
        })?;
        let stage = |tests: &Tests| Stage {
            package: (*package).to_owned(),
            tests: tests.iter().map(|&word| word.to_owned()).collect(),
        };
        let stages = match &fault.by {
            _ if only_model => tests.iter().filter(|&&tests| tests == MODEL).map(stage).collect(),
            Some((package, test)) => vec![Stage {
                package: package.clone(),
                tests: vec!["--test".to_owned(), test.clone()],
            }],
            None => tests.iter().map(stage).collect(),
        };
        Ok(Self { fault, stages })
    }
}

/// Where faults are tried.
struct Bench<'a> {
    setup: &'a Setup,
    tree: PathBuf,
    target: PathBuf,
}

impl Bench<'_> {
    /// Puts a fault in, asks the tests, and takes it out again; returns what failed.
    fn catch(&self, trial: &Trial) -> Result<Option<String>> {
        let path = self.tree.join(&trial.fault.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        fs::write(&path, trial.fault.put_into(&text)?)?;
        let caught = self.ask(&trial.stages);
        fs::write(&path, text)?;
        caught
    }

    fn ask(&self, stages: &[Stage]) -> Result<Option<String>> {
        for stage in stages {
            self.compile(stage)?;
            if let Some(tests) = self.failures(stage, TEST)? {
                return Ok(Some(tests));
            }
        }
        Ok(None)
    }

    fn cargo(&self, command: &mut Command, stage: &Stage) {
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        // A fault that is caught needs no backtrace, and one that leaves dead code is a fault too.
        command.env("RUST_BACKTRACE", "0").env("RUSTFLAGS", "--cap-lints allow");
        // Compiled again for each fault, which takes longer than the tests do; but for the model.
        let optimised = if stage.is_model() { "1" } else { "0" };
        let profile = format!("profile.test.package.onesocket-core.opt-level={optimised}");
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").args(["--config", &profile]);
        command.args(["test", "-q", "--all-features", "-p", &stage.package]).args(&stage.tests);
    }

    fn compile(&self, stage: &Stage) -> Result<()> {
        let mut cargo = self.setup.project.cargo();
        self.cargo(&mut cargo, stage);
        process::output(cargo.arg("--no-run"), COMPILE).map(|_| ())
    }

    /// Runs tests that are compiled; returns the names of those that failed.
    fn failures(&self, stage: &Stage, limit: Duration) -> Result<Option<String>> {
        let cargo = self.setup.project.cargo();
        let mut shell = self.setup.project.command("sh");
        shell.args(["-c", &format!("ulimit -v {MEMORY} 2>/dev/null; exec \"$0\" \"$@\"")]);
        shell.arg(cargo.get_program());
        self.cargo(&mut shell, stage);
        let Err(error) = process::output(&mut shell, limit) else {
            return Ok(None);
        };
        if process::interrupted() {
            return Err(error);
        }
        Ok(Some(failed(&format!("{error:#}"))))
    }
}

/// The names of the tests that failed, in what cargo printed.
fn failed(printed: &str) -> String {
    let mut names: Vec<&str> =
        printed.lines().filter_map(|line| line.strip_prefix("---- ")?.split(' ').next()).collect();
    names.dedup();
    match names[..] {
        [] => "a test that did not end".to_owned(),
        [only] => only.to_owned(),
        [first, ref rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// Copies a file, or a folder without what was installed or built in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_string_lossy().as_ref(), "node_modules" | "target") {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(head: &str, only_model: bool) -> Result<Vec<String>> {
        let mut faults = fault::read(&format!("a name\n{head}\n- a\n+ b\n"))?;
        let trial = Trial::of(faults.remove(0), only_model)?;
        let tell = |stage: &Stage| format!("{} {}", stage.package, stage.tests.join(" "));
        Ok(trial.stages.iter().map(tell).collect())
    }

    #[test]
    fn a_fault_is_tried_by_the_tests_of_its_crate_or_by_the_one_that_it_names() {
        let core = stages("connection/tokens.rs", false).unwrap();
        assert_eq!(core.len(), 3);
        assert_eq!(core[2], "onesocket-core --test model");
        assert_eq!(stages("connection/tokens.rs", true).unwrap(), core[2..]);

        assert_eq!(stages("server/src/hub.rs", false).unwrap().len(), 2);
        assert_eq!(stages("server/src/hub.rs", true).unwrap(), [""; 0]);
        assert_eq!(
            stages("server/src/hub.rs by onesocket-web everything", false).unwrap(),
            ["onesocket-web --test everything"]
        );
        assert!(stages("crates/other/src/a.rs", false).is_err());
    }

    #[test]
    fn the_tests_that_failed_are_named() {
        assert_eq!(failed("---- one stdout ----\n\npanicked\n"), "one");
        assert_eq!(failed("---- one stdout ----\n---- two stdout ----\n"), "one and 1 more");
        assert_eq!(failed("out of memory"), "a test that did not end");
    }
}
