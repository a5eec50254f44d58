//! Test files in Node.js, some of them at the same time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::LIMIT;
use super::choice::name_of;
use super::outcome::Ran;
use crate::build;
use crate::counts::{self, Counts};
use crate::process::{self, Running};

/// How many files run at the same time. Each has its own processes, ports, folders and browser; most
/// of the time they wait, one of them for three minutes.
const AT_ONCE: usize = 3;

/// The files that take longest, which begin first: nobody is waited for in the end.
const LONGEST: [&str; 9] = [
    "hidden",
    "leaks",
    "reentry",
    "sleep",
    "refused_upgrades",
    "demo",
    "token_endpoint",
    "watch",
    "page_life",
];

/// Runs test files, each in a process of its own with what `node` has in its environment. What a
/// file prints is shown in one piece when it has ended, and what is counted is written below
/// `folder`.
///
/// # Errors
///
/// Returns an error if there is no file, or if `folder` cannot be made anew.
pub(super) fn run(node: &Command, mut tests: Vec<PathBuf>, folder: &Path) -> Result<Ran> {
    if tests.is_empty() {
        bail!("there is not one test file");
    }
    build::remove(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    longest_first(&mut tests);
    let queue = Mutex::new(VecDeque::from(tests));
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(test) = locked(&queue, VecDeque::pop_front) {
            let name = name_of(&test);
            let started = Instant::now();
            let result = run_file(node, &test, &folder.join(&name));
            let seconds = started.elapsed().as_secs_f64();
            let printed = fs::read_to_string(folder.join(&name).with_extension("log"));
            println!("\n-- {name}: {seconds:.1} s\n{}", printed.unwrap_or_default().trim_end());
            locked(&results, |results| results.push((name, result)));
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    Ok(add_up(results.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Runs one file: what a person reads goes into `NAME.log`, what is counted into `NAME.tap`.
fn run_file(node: &Command, test: &Path, name: &Path) -> Result<Ran> {
    let tap = name.with_extension("tap");
    let log = File::create(name.with_extension("log")).context("no place for what it prints")?;
    let mut command = again(node);
    command.stdout(log.try_clone()?).stderr(log);
    command.args(["--test", "--test-reporter=spec", "--test-reporter-destination=stdout"]);
    command.arg("--test-reporter=tap");
    command.arg(format!("--test-reporter-destination={}", tap.display()));
    let status = Running::start(command.arg(test))?.wait(LIMIT)?;
    let tap = fs::read_to_string(&tap).context("Node.js has left no results")?;
    Ok(Ran { counts: Counts::of_node(&tap), failures: counts::failed_in_node(&tap), status })
}

/// Adds up what came of the files. One that could not run, that ended badly or that had not one test
/// is a failure, whatever the others were.
fn add_up(results: Vec<(String, Result<Ran>)>) -> Ran {
    let mut sum =
        Ran { counts: Counts::default(), failures: Vec::new(), status: ExitStatus::default() };
    for (name, result) in results {
        let trouble = match result {
            Ok(Ran { counts, failures, status }) => {
                sum.counts += counts;
                sum.failures.extend(failures);
                if !status.success() {
                    sum.status = status;
                }
                if counts == Counts::default() {
                    Some("there was not one test".to_owned())
                } else if counts.failed == 0 && !status.success() {
                    Some(format!("no test failed but their runner did ({status})"))
                } else {
                    None
                }
            }
            Err(error) => Some(format!("{error:#}")),
        };
        if let Some(trouble) = trouble {
            sum.counts.failed += 1;
            sum.failures.push(format!("{name}: {trouble}"));
            if !process::interrupted() {
                println!("\n{name}: {trouble}");
            }
        }
    }
    sum
}

/// Puts the files that take longest before the others, which stay in their order.
fn longest_first(tests: &mut [PathBuf]) {
    tests.sort_by_key(|test| {
        let name = name_of(test);
        LONGEST.iter().position(|&long| long == name).unwrap_or(LONGEST.len())
    });
}

/// A command like another one, as far as its program, its folder and its environment go.
fn again(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => copy.env(name, value),
            None => copy.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        copy.current_dir(folder);
    }
    copy
}

/// Does something to what a mutex has, which no panic can leave half changed.
fn locked<T, R>(mutex: &Mutex<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::process::ExitStatusExt as _;

    fn ran(passed: u64, failed: u64, code: i32) -> Result<Ran> {
        let counts = Counts { passed, failed, skipped: 0 };
        Ok(Ran { counts, failures: Vec::new(), status: ExitStatus::from_raw(code << 8) })
    }

    fn sum(results: Vec<Result<Ran>>) -> Ran {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        add_up(names.into_iter().zip(results).collect())
    }

    #[test]
    fn files_that_passed_are_added_up() {
        let sum = sum(vec![ran(3, 0, 0), ran(4, 0, 0)]);

        assert_eq!(sum.counts, Counts { passed: 7, failed: 0, skipped: 0 });
        assert!(sum.status.success() && sum.failures.is_empty());
    }

    #[test]
    fn a_file_that_broke_is_a_failure_among_files_that_did_not() {
        let late = Err(anyhow::anyhow!("it took too long"));
        let sum = sum(vec![ran(3, 0, 0), late, ran(2, 0, 101), ran(0, 0, 0)]);

        assert_eq!(sum.counts, Counts { passed: 5, failed: 3, skipped: 0 });
        assert!(!sum.status.success());
        assert_eq!(
            sum.failures,
            [
                "b: it took too long",
                "c: no test failed but their runner did (exit status: 101)",
                "d: there was not one test",
            ]
        );
    }

    #[test]
    fn a_failed_test_is_counted_once() {
        assert_eq!(sum(vec![ran(3, 1, 1)]).counts, Counts { passed: 3, failed: 1, skipped: 0 });
    }

    #[test]
    fn the_longest_files_are_there_and_begin_first() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e");
        let mut tests = super::super::tests_in(&folder, &[".test.mjs"]).unwrap();

        longest_first(&mut tests);

        let names: Vec<String> = tests.iter().map(|test| name_of(test)).collect();
        assert_eq!(names[..LONGEST.len()], LONGEST);
        assert!(names[LONGEST.len()..].is_sorted());
    }

    #[test]
    fn a_command_is_made_again_with_its_environment() {
        let mut command = Command::new("sh");
        command.env("GIVEN", "here").env_remove("HOME").current_dir("/");

        let printed = |command: &mut Command| {
            let script = "echo $GIVEN $HOME $(pwd)";
            process::output(command.args(["-c", script]), LIMIT).unwrap()
        };

        assert_eq!(printed(&mut again(&command)), "here /\n");
    }
}
