//! `cargo xtask faults`: tests are worth what they catch. Every fault in `faults.txt` is put into a
//! copy of the machine, and its tests must fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::process;
use crate::setup::Setup;

/// How long compiling may take, the first time with all that is used.
const COMPILE: Duration = Duration::from_secs(600);

/// How long the tests of one fault may take: a fault may make them endless.
const TEST: Duration = Duration::from_secs(180);

/// How much memory a test may take, in KiB, where that can be limited: an endless one would take
/// all.
const MEMORY: u32 = 6 * 1024 * 1024;

/// What of the workspace the copy needs so that cargo knows it.
const COPIED: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "README.md", "crates", "server", "src", "tests", "xtask"];

/// The tests that catch most, and are compiled in a moment.
const QUICK: [&str; 5] = ["--lib", "--test", "behaviour", "--test", "transitions"];

/// The tests that catch the rest.
const MODEL: [&str; 2] = ["--test", "model"];

/// One fault: what becomes what in which file.
#[derive(Debug, Eq, PartialEq)]
struct Fault {
    name: String,
    file: String,
    before: String,
    after: String,
}

/// Puts every fault in and says which test caught it; `false` if one was not. With `model`, only
/// the model is asked.
///
/// # Errors
///
/// Returns an error if a fault is not one any more, or if we were interrupted.
pub(crate) fn run(setup: &Setup, only_model: bool) -> Result<bool> {
    setup.rust()?;
    let project = &setup.project;
    let text = fs::read_to_string(project.path("xtask/faults.txt"))?;
    let faults = read(&text)?;
    let tree = project.target.join("faults/tree");
    build::remove(&tree)?;
    for name in COPIED {
        copy(&project.path(name), &tree.join(name))?;
    }
    let bench = Bench { setup, tree, target: project.target.join("faults/target") };
    let started = Instant::now();
    for (tests, optimised) in [(&QUICK[..], "0"), (&MODEL[..], "2")] {
        bench.compile(tests, optimised).context("without a fault")?;
        if let Some(tests) = bench.failures(tests, optimised)? {
            bail!("without a fault there fails already: {tests}");
        }
    }
    let mut missed = Vec::new();
    for fault in &faults {
        let begun = Instant::now();
        let caught = bench.catch(fault, only_model).with_context(|| fault.name.clone())?;
        let took = begun.elapsed().as_secs_f64();
        match caught {
            Some(tests) => println!("{}: {tests} ({took:.1} s)", fault.name),
            None => {
                println!("{}: NOT CAUGHT ({took:.1} s)", fault.name);
                missed.push(fault.name.as_str());
            }
        }
    }
    let (all, took) = (faults.len(), started.elapsed().as_secs_f64());
    println!("\n{} of {all} faults caught, {took:.0} s", all - missed.len());
    Ok(missed.is_empty())
}

/// Where faults are tried.
struct Bench<'a> {
    setup: &'a Setup,
    tree: PathBuf,
    target: PathBuf,
}

impl Bench<'_> {
    /// Puts a fault in, asks the tests, and takes it out again; returns what failed.
    fn catch(&self, fault: &Fault, only_model: bool) -> Result<Option<String>> {
        let path = self.tree.join("crates/core/src").join(&fault.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        fs::write(&path, fault.put_into(&text)?)?;
        let caught = self.ask(only_model);
        fs::write(&path, text)?;
        caught
    }

    fn ask(&self, only_model: bool) -> Result<Option<String>> {
        if !only_model {
            self.compile(&QUICK, "0")?;
            if let Some(tests) = self.failures(&QUICK, "0")? {
                return Ok(Some(tests));
            }
        }
        self.compile(&MODEL, "2")?;
        self.failures(&MODEL, "2")
    }

    fn cargo(&self, command: &mut Command, tests: &[&str], optimised: &str) {
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        // A fault that is caught needs no backtrace, and one that leaves dead code is a fault too.
        command.env("RUST_BACKTRACE", "0").env("RUSTFLAGS", "--cap-lints allow");
        command.args(["test", "-q", "-p", "onesocket-core", "--no-fail-fast"]).args(tests);
        let profile = format!("profile.test.package.onesocket-core.opt-level={optimised}");
        command.args(["--config", &profile]);
    }

    fn compile(&self, tests: &[&str], optimised: &str) -> Result<()> {
        let mut cargo = self.setup.project.cargo();
        self.cargo(&mut cargo, tests, optimised);
        process::output(cargo.arg("--no-run"), COMPILE).map(|_| ())
    }

    /// Runs tests that are compiled; returns the names of those that failed.
    fn failures(&self, tests: &[&str], optimised: &str) -> Result<Option<String>> {
        let cargo = self.setup.project.cargo();
        let mut shell = self.setup.project.command("sh");
        shell.args(["-c", &format!("ulimit -v {MEMORY} 2>/dev/null; exec \"$0\" \"$@\"")]);
        shell.arg(cargo.get_program());
        self.cargo(&mut shell, tests, optimised);
        let Err(error) = process::output(&mut shell, TEST) else {
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

/// Reads the faults.
fn read(text: &str) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim_end) {
        let mut lines = paragraph.lines().filter(|line| !line.starts_with('#'));
        let Some(name) = lines.next() else { continue };
        let file = lines.next().with_context(|| format!("in which file is \"{name}\"?"))?;
        let (mut before, mut after) = (String::new(), String::new());
        for line in lines {
            let (sign, code) = line.split_at(1);
            if !matches!(sign, "-" | "+" | "|") {
                bail!("\"{name}\": a line begins with -, + or |, not so: {line}");
            }
            for text in [(sign != "+").then_some(&mut before), (sign != "-").then_some(&mut after)]
                .into_iter()
                .flatten()
            {
                text.push_str(code);
                text.push('\n');
            }
        }
        faults.push(Fault { name: name.to_owned(), file: file.to_owned(), before, after });
    }
    Ok(faults)
}

impl Fault {
    /// Returns the text with the fault in it.
    fn put_into(&self, text: &str) -> Result<String> {
        match text.matches(&self.before).count() {
            1 => Ok(text.replacen(&self.before, &self.after, 1)),
            found => bail!(
                "this fault is in xtask/faults.txt for a text that is {found} times in {}, not \
                 once:\n{}",
                self.file,
                self.before
            ),
        }
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

    #[test]
    fn a_fault_is_put_in_where_its_text_is_and_nowhere_else() {
        let text = "# Faults.\n\na wrong sum\nsum.rs\n|    let a = 1;\n-    a + 1\n+    a + 2\n";
        let faults = read(text).unwrap();

        assert_eq!(faults.len(), 1);
        assert_eq!((&*faults[0].name, &*faults[0].file), ("a wrong sum", "sum.rs"));
        let put = |text| faults[0].put_into(text);
        assert_eq!(put("    let a = 1;\n    a + 1\n").unwrap(), "    let a = 1;\n    a + 2\n");
        assert!(put("    a + 1\n").is_err());
        assert!(put("    let a = 1;\n    a + 1\n    let a = 1;\n    a + 1\n").is_err());
    }

    #[test]
    fn the_tests_that_failed_are_named() {
        assert_eq!(failed("---- one stdout ----\n\npanicked\n"), "one");
        assert_eq!(failed("---- one stdout ----\n---- two stdout ----\n"), "one and 1 more");
        assert_eq!(failed("out of memory"), "a test that did not end");
    }
}
