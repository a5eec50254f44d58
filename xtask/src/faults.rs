//! `cargo xtask faults`: tests are worth what they catch. Every fault in `faults.txt` is put into a
//! copy of the code, and the tests of its crate must fail, or those of the JavaScript.
//!
//! Owns which tests of a crate are asked, and in which order; `mutants` asks the same ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::build;
use crate::process;
use crate::project::Project;
use crate::setup::Setup;
use crate::test;

/// How long compiling may take, the first time with all dependencies.
const COMPILE: Duration = Duration::from_secs(1200);

/// How long tests may take without a fault: the model then explores everything.
const WITHOUT_FAULT: Duration = Duration::from_secs(900);

/// What tests may take more with a fault in, beside three times what they take without one. A fault
/// may make them endless, which counts as caught; tests that only take long must not.
const ALLOWANCE: Duration = Duration::from_secs(60);

/// How much memory a test may take, in KiB, where that can be limited: an endless one would take
/// all.
const MEMORY: u32 = 6 * 1024 * 1024;

/// The parts of the workspace that its tests read.
const COPIED: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "PROTOCOL.md",
    "README.md",
    "benches",
    "crates",
    "js",
    "server",
    "src",
    "tests",
    "xtask",
];

/// Tests that are run together: arguments of `cargo test`.
pub(crate) type Tests = &'static [&'static str];

/// The model of the machine. It takes longest, and catches what no other test of the machine does.
const MODEL: Tests = &["--test", "model"];

/// What a tab does input by input: those of its tests that stand in modules, as the exploration does not.
const TAB: Tests = &["--test", "tabs", "::"];

/// The exploration of tabs that share a connection, which no other test of the crate knows.
const TABS: Tests = &["--test", "tabs"];

/// The exploration of the server's hub.
const HUB: Tests = &["--test", "hub"];

/// The tests that explore, which takes longer than compiling them.
const EXPLORING: [Tests; 3] = [MODEL, TABS, HUB];

/// The tests of each crate, or of a part of one, quick ones first: what they miss, the next are asked about.
pub(crate) const CRATES: [(&str, &str, &[Tests]); 5] = [
    ("crates/core/src/tab", "onesocket-core", &[TAB, TABS]),
    (
        "crates/core",
        "onesocket-core",
        &[
            &["--lib", "--test", "transitions"],
            &["--test", "behaviour", "--test", "documents", "--test", "properties"],
            MODEL,
        ],
    ),
    ("crates/protocol", "onesocket-protocol", &[&["--tests"]]),
    ("crates/web", "onesocket-web", &[&["--tests"]]),
    ("server", "onesocket-server", &[&["--lib"], &["--bins", "--test", "end_to_end"], HUB]),
];

/// Stands for what is no crate: the JavaScript, whose tests run in Node.js, all of them together.
pub(crate) const JS: &str = "js";

/// The folders with JavaScript that goes into the package.
const JS_FOLDERS: [&str; 2] = ["js", "crates/web/src"];

/// Which faults are tried, and by which tests.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Only the faults whose names or files contain this
    #[arg(value_name = "WORDS")]
    words: Option<String>,
}

/// One fault, and the tests that are asked about it.
#[derive(Debug)]
struct Fault {
    /// What goes wrong.
    name: String,
    /// The file, from the root of the repository.
    file: String,
    before: String,
    after: String,
    package: &'static str,
    stages: &'static [Tests],
}

/// Puts every chosen fault in and says which test caught it; returns what was not caught.
///
/// # Errors
///
/// Returns an error if a fault does not fit its file, if the tests fail without one, or if we were
/// interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<Vec<String>> {
    let project = &setup.project;
    let started = Instant::now();
    let mut faults = read(&fs::read_to_string(project.path("xtask/faults.txt"))?)?;
    let words = options.words.as_deref().unwrap_or_default();
    faults.retain(|fault| fault.name.contains(words) || fault.file.contains(words));
    if faults.is_empty() {
        bail!("there is no such fault in xtask/faults.txt");
    }
    if faults.iter().any(|fault| fault.package == JS) {
        build::package(setup)?;
    }
    let all = faults.len();
    // Half of the time only one thing is done: a crate is compiled, or JavaScript runs.
    let (machine, rest): (Vec<_>, Vec<_>) =
        faults.into_iter().partition(|fault| fault.stages.contains(&MODEL));
    let missed: Result<Vec<Vec<String>>> = thread::scope(|scope| {
        let groups = [("machine", machine), ("rest", rest)];
        let begun = groups.map(|(name, faults)| scope.spawn(move || try_all(setup, name, &faults)));
        let joined = begun.into_iter().map(|thread| thread.join());
        joined.map(|result| result.map_err(|_| anyhow!("a thread has panicked"))?).collect()
    });
    let missed = missed?.concat();
    let took = started.elapsed().as_secs_f64();
    println!("\n{} of {all} faults caught, {took:.0} s", all - missed.len());
    Ok(missed)
}

/// Puts some faults in, one after the other, in a copy of their own; returns what was not caught.
fn try_all(setup: &Setup, name: &str, faults: &[Fault]) -> Result<Vec<String>> {
    let project = &setup.project;
    let mut missed = Vec::new();
    if faults.is_empty() {
        return Ok(missed);
    }
    let home = project.target.join("faults").join(name);
    let tree = home.join("tree");
    build::remove(&tree)?;
    for name in COPIED {
        copy(&project.path(name), &tree.join(name))?;
    }
    if faults.iter().any(|fault| fault.package == JS) {
        link_packages(project, &tree)?;
    }
    let copy = Copy { setup, tree, target: home.join("target") };
    let mut limits = Limits::new();
    for fault in faults {
        for &tests in fault.stages {
            if limits.contains_key(&(fault.package, tests)) {
                continue;
            }
            let Ran { failed, took } = copy.ask(fault.package, tests, WITHOUT_FAULT)?;
            if let Some(failed) = failed {
                bail!("without a fault there fails already: {failed}");
            }
            limits.insert((fault.package, tests), took * 3 + ALLOWANCE);
        }
    }
    for fault in faults {
        let begun = Instant::now();
        let caught = copy.catch(fault, &limits).with_context(|| fault.name.clone())?;
        let took = begun.elapsed().as_secs_f64();
        println!("{}: {} ({took:.1} s)", fault.name, caught.as_deref().unwrap_or("NOT CAUGHT"));
        if caught.is_none() {
            missed.push(format!("not caught: {}", fault.name));
        }
    }
    Ok(missed)
}

/// Reads the faults; the head of `faults.txt` says how they are written.
fn read(text: &str) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim_end) {
        let mut lines = paragraph.lines().filter(|line| !line.starts_with('#'));
        let Some(name) = lines.next() else { continue };
        let file = lines.next().with_context(|| format!("in which file is \"{name}\"?"))?;
        let (mut before, mut after) = (String::new(), String::new());
        for line in lines {
            let (sign, code) = line.split_at_checked(1).unwrap_or_default();
            if !matches!(sign, "-" | "+" | "|") {
                bail!("\"{name}\": a line begins with -, + or |, not so: {line}");
            }
            let code = format!("{code}\n");
            before += if sign == "+" { "" } else { &code };
            after += if sign == "-" { "" } else { &code };
        }
        let full = ["crates/", "js/", "server/"].iter().any(|folder| file.starts_with(folder));
        let file = if full { file.to_owned() } else { format!("crates/core/src/{file}") };
        let (package, stages) = asked(&file)
            .with_context(|| format!("\"{name}\": the tests of {file} are not known"))?;
        faults.push(Fault { name: name.to_owned(), file, before, after, package, stages });
    }
    Ok(faults)
}

/// Returns whose tests are asked about a file, and which.
fn asked(file: &str) -> Option<(&'static str, &'static [Tests])> {
    // A module is a folder, and the file beside it.
    let is_in = |folder: &str| {
        file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    };
    if !file.ends_with(".rs") && JS_FOLDERS.iter().any(|folder| is_in(folder)) {
        return Some((JS, &[&[]]));
    }
    let (_, package, stages) = CRATES.iter().find(|(folder, ..)| is_in(folder))?;
    Some((package, stages))
}

impl Fault {
    /// Returns the text with the fault in it, which must fit there exactly once.
    fn put_into(&self, text: &str) -> Result<String> {
        match text.matches(&self.before).count() {
            1 => Ok(text.replacen(&self.before, &self.after, 1)),
            found => bail!("{} has {found} times and not once:\n{}", self.file, self.before),
        }
    }
}

/// How long the tests of a crate may take with a fault in it.
type Limits = BTreeMap<(&'static str, Tests), Duration>;

/// How tests went.
struct Ran {
    /// What failed.
    failed: Option<String>,
    /// How long they took, compiling not included.
    took: Duration,
}

/// A copy of the code in which faults are tried.
struct Copy<'a> {
    setup: &'a Setup,
    tree: PathBuf,
    target: PathBuf,
}

impl Copy<'_> {
    /// Puts a fault in, asks the tests, and takes it out again; returns what failed.
    fn catch(&self, fault: &Fault, limits: &Limits) -> Result<Option<String>> {
        let path = self.tree.join(&fault.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        fs::write(&path, fault.put_into(&text)?)?;
        let failed = |&tests: &Tests| {
            let ran = self.ask(fault.package, tests, limits[&(fault.package, tests)]);
            ran.map(|ran| ran.failed).transpose()
        };
        let caught = fault.stages.iter().find_map(failed).transpose();
        fs::write(&path, text)?;
        caught
    }

    /// Runs tests.
    fn ask(&self, package: &str, tests: Tests, limit: Duration) -> Result<Ran> {
        let mut run = match package {
            JS => self.compile_js()?,
            _ => self.compile(package, tests)?,
        };
        let begun = Instant::now();
        let failed = match process::output(&mut run, limit) {
            Ok(_) => None,
            Err(error) if process::interrupted() => return Err(error),
            Err(error) => Some(failed(&format!("{error:#}"))),
        };
        Ok(Ran { failed, took: begun.elapsed() })
    }

    /// Compiles tests of a crate, and returns what runs them.
    fn compile(&self, package: &str, tests: Tests) -> Result<Command> {
        let project = &self.setup.project;
        let cargo = |command: &mut Command| {
            command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
            // A fault that is caught needs no backtrace; one that leaves dead code is a fault too.
            command.env("RUST_BACKTRACE", "0").env("RUSTFLAGS", "--cap-lints allow");
            command.env("CARGO_PROFILE_DEV_DEBUG", "0").args(["test", "-q", "--all-features"]);
            for value in optimised(EXPLORING.contains(&tests)) {
                command.arg("--config").arg(value);
            }
            command.args(["-p", package]).args(tests);
        };
        let mut compile = project.cargo();
        cargo(&mut compile);
        process::output(compile.arg("--no-run"), COMPILE)?;
        let mut run = limited(project, project.cargo().get_program());
        cargo(&mut run);
        Ok(run)
    }

    /// Compiles the JavaScript with its tests, and returns what runs them.
    fn compile_js(&self) -> Result<Command> {
        // What a fault makes of a type is not asked: the tests are.
        let folder = test::compile_js_of(self.setup, &self.tree, &["--noCheck"])?;
        for entry in fs::read_dir(self.tree.join("crates/web/src"))? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|end| end == "js") {
                fs::copy(entry.path(), folder.join("wasm").join(entry.file_name()))?;
            }
        }
        let mut node = self.setup.project.command("node");
        node.current_dir(&self.tree).args(["--test", "--test-reporter=spec"]);
        node.args(test::test_files(&folder, &[])?);
        Ok(node)
    }
}

/// Has the JavaScript of a copy find the packages of others.
fn link_packages(project: &Project, tree: &Path) -> Result<()> {
    std::os::unix::fs::symlink(project.path("node_modules"), tree.join("node_modules"))
        .context("cannot link node_modules")
}

/// How crates are compiled for their tests: values of cargo's `--config`. Most take less time than
/// compiling them, which is done again for each fault; but not what explores.
pub(crate) fn optimised(much: bool) -> [String; 2] {
    let level = u8::from(much);
    ["core", "server"]
        .map(|name| format!("profile.test.package.onesocket-{name}.opt-level={level}"))
}

/// A command whose memory is limited, where that can be.
pub(crate) fn limited(project: &Project, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut shell = project.command("sh");
    shell.args(["-c", &format!("ulimit -v {MEMORY} 2>/dev/null; exec \"$0\" \"$@\"")]);
    shell.arg(program);
    shell
}

/// The names of the tests that failed, in what cargo or Node.js printed.
fn failed(printed: &str) -> String {
    // Node.js names each again at the end.
    let names: BTreeSet<&str> = printed.lines().filter_map(failed_test).collect();
    let names: Vec<&str> = names.into_iter().collect();
    match names[..] {
        [] => "tests that did not end".to_owned(),
        [only] => only.to_owned(),
        [first, ref rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// The name of the test that failed, if a line says so.
fn failed_test(line: &str) -> Option<&str> {
    if let Some(of_cargo) = line.strip_prefix("---- ") {
        return of_cargo.split(' ').next();
    }
    let (of_node, _) = line.trim_start().strip_prefix("✖ ")?.rsplit_once(" (")?;
    Some(of_node)
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
        let name = entry?.file_name();
        if name != "node_modules" && name != "target" {
            copy(&from.join(&name), &to.join(&name))?;
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

        assert_eq!((faults.len(), &*faults[0].name), (1, "a wrong sum"));
        let put = |text| faults[0].put_into(text);
        assert_eq!(put("    let a = 1;\n    a + 1\n").unwrap(), "    let a = 1;\n    a + 2\n");
        assert!(put("    a + 1\n").is_err());
        assert!(put("    let a = 1;\n    a + 1\n    let a = 1;\n    a + 1\n").is_err());
    }

    #[test]
    fn a_fault_is_tried_by_the_tests_of_its_crate() {
        let fault =
            |file: &str| read(&format!("a name\n{file}\n- a\n")).map(|mut all| all.remove(0));

        let core = fault("connection/tokens.rs").unwrap();
        assert_eq!(core.file, "crates/core/src/connection/tokens.rs");
        assert_eq!((core.package, core.stages.len()), ("onesocket-core", 3));
        for tab in ["tab.rs", "tab/relay.rs"] {
            assert_eq!(fault(tab).unwrap().stages, [TAB, TABS]);
        }
        let server = fault("server/src/app.rs").unwrap();
        assert_eq!((&*server.file, server.package), ("server/src/app.rs", "onesocket-server"));
        let codec = fault("crates/web/src/codec.js").unwrap();
        assert_eq!((&*codec.file, codec.package), ("crates/web/src/codec.js", JS));
        assert_eq!(fault("js/calls.ts").unwrap().package, JS);
        assert_eq!(fault("crates/web/src/driver.rs").unwrap().package, "onesocket-web");
        assert!(fault("crates/other/src/a.rs").is_err());
    }

    #[test]
    fn the_tests_that_failed_are_named() {
        assert_eq!(failed("---- one stdout ----\n\npanicked\n"), "one");
        assert_eq!(failed("---- one stdout ----\n---- two stdout ----\n"), "one and 1 more");
        assert_eq!(failed("✔ a (2ms)\n✖ b (c) (1.5ms)\n\n✖ b (c) (1.5ms)\n"), "b (c)");
        assert_eq!(failed("out of memory"), "tests that did not end");
    }
}
