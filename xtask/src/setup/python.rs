//! Python, for clients and servers of the tests that are not ours, and for the Autobahn test suite.
//!
//! What each needs is pinned in a file of requirements and installed into the project's own cache,
//! under the hash of that file. What a person has installed is left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::cache::cached;
use super::{apt, find_on_path};
use crate::process;
use crate::project::{ASK, Project};
use crate::stamp::Inputs;

/// How long pip may take.
const PIP: Duration = Duration::from_secs(1200);

/// What a Python must have to make an environment; Debian has the last two in a package of their own.
const ABILITIES: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// What is not there, where we cannot do anything about it.
const LACKING: &str = "there is no Python 3.10 or later with its `venv`";

/// What to do where we cannot do it.
const ADVICE: &str = "install Python 3.10 or later with its modules `venv` and `ensurepip` (on \
                      Debian the packages python3 and python3-venv) and put it on PATH as python3";

/// Returns the Python of an environment with all that `tests/foreign/requirements.txt` names.
///
/// # Errors
///
/// Returns an error that says what to install, or what pip said.
pub(super) fn with_requirements(project: &Project) -> Result<PathBuf> {
    let requirements = project.path("tests/foreign/requirements.txt");
    // The Python that it was made from may have gone.
    let is_whole = |home: &Path| can(&home.join("bin/python"), "import schemathesis, websockets");
    let name = format!("python-{}", hash(&requirements)?);
    let home = cached(&name, "making a Python environment for the tests", is_whole, |home| {
        let base = find().map_or_else(
            || {
                apt::install(&["python3", "python3-venv"], LACKING, ADVICE)?;
                find().with_context(|| format!("{LACKING} even now: {ADVICE}"))
            },
            Ok,
        )?;
        let mut venv = Command::new(base);
        process::output(venv.args(["-m", "venv"]).arg(home), PIP)?;
        let python = Command::new(home.join("bin/python"));
        pip_install(python, &requirements, &[])
    })?;
    Ok(home.join("bin/python"))
}

/// Returns a command that runs the Autobahn test suite, on Python 2.7 and nothing later.
///
/// No Python is installed for it: nobody maintains that version. It has no `venv` either, so the
/// suite is installed as a user's own packages, with our folder in the place of the user's.
///
/// # Errors
///
/// Returns an error if there is no Python 2.7, or if pip fails.
pub(crate) fn autobahn(project: &Project) -> Result<Command> {
    let python = find_on_path("python2.7").filter(|python| can(python, "import pip")).context(
        "the Autobahn test suite needs Python 2.7 with pip, which no system of today has: put one \
         on PATH as python2.7 (pyenv has it: `pyenv install 2.7.18`)",
    )?;
    let command = |home: &Path| {
        let mut command = Command::new(&python);
        // It warns that Python 2 is unsupported, which is no news.
        command.env("PYTHONUSERBASE", home).env("PYTHONWARNINGS", "ignore");
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    };
    let suite = |home: &Path| {
        let mut suite = command(home);
        suite.arg(home.join("bin/wstest"));
        suite
    };
    let requirements = project.path("tests/conformance/requirements.txt");
    let is_whole = |home: &Path| process::output(suite(home).arg("--autobahnversion"), ASK).is_ok();
    let name = format!("autobahn-{}", hash(&requirements)?);
    let what = "installing the Autobahn test suite (minutes)";
    let home = cached(&name, what, is_whole, |home| {
        fs::create_dir_all(home)?;
        pip_install(command(home), &requirements, &["--user"])
    })?;
    Ok(suite(&home))
}

fn hash(requirements: &Path) -> Result<String> {
    Ok(Inputs::new().path(requirements)?.hash().trim_end().to_owned())
}

fn pip_install(mut python: Command, requirements: &Path, arguments: &[&str]) -> Result<()> {
    python.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet"]);
    python.args(arguments).arg("--requirement").arg(requirements);
    process::output(&mut python, PIP).map(|_| ())
}

/// Says whether a Python runs a line without an error.
fn can(python: &Path, line: &str) -> bool {
    process::output(Command::new(python).args(["-c", line]), ASK).is_ok()
}

/// Finds a Python that can make environments. Debian's may be behind one on PATH that cannot.
fn find() -> Option<PathBuf> {
    let found = find_on_path("python3").into_iter().chain([PathBuf::from("/usr/bin/python3")]);
    found.into_iter().find(|python| can(python, ABILITIES))
}
