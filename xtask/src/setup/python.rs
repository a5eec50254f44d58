//! The Python that clients and servers of the tests are written in, which are not ours.
//!
//! It is a virtual environment in the project's own cache, named after what is in it, so that two
//! versions of the repository have one each. What a person has installed is left alone.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::tools::cache;
use super::{apt, find_on_path, step};
use crate::process;
use crate::project::{ASK, Project};
use crate::stamp::{self, Inputs};

/// What the environment holds, pinned.
const REQUIREMENTS: &str = "tests/foreign/requirements.txt";

/// How long pip may take.
const PIP: Duration = Duration::from_secs(600);

/// What a Python must have to make an environment; Debian has the last two in a package of their own.
const ABILITIES: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))";

/// What is not there, where we cannot do anything about it.
const LACKING: &str = "there is no Python 3.9 or later with its `venv`";

/// What to do where we cannot do it.
const ADVICE: &str = "install Python 3.9 or later with its modules `venv` and `ensurepip` (on \
                      Debian the packages python3 and python3-venv) and put it on PATH as python3";

/// Returns the program of an environment with all that [`REQUIREMENTS`] names, made where it is
/// missing.
///
/// # Errors
///
/// Returns an error that says what to install, or what pip said.
pub(super) fn with_requirements(project: &Project) -> Result<PathBuf> {
    let requirements = project.path(REQUIREMENTS);
    let hash = Inputs::new().path(&requirements)?.hash();
    let tools = cache()?.join("tools");
    let home = tools.join(format!("python-{}", hash.trim_end()));
    let python = home.join("bin/python");
    if is_whole(&home, &hash) {
        return Ok(python);
    }
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    // Two of us would be in each other's way; the second waits and finds it done.
    let lock = File::create(tools.join(".lock")).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    if !is_whole(&home, &hash) {
        let base = find_or_install()?;
        step("making a Python environment for the tests", || {
            make(&base, &home, &requirements, &hash)
        })?;
    }
    Ok(python)
}

/// Finds a Python that can make environments, else installs Debian's.
fn find_or_install() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::install(&["python3", "python3-venv"], LACKING, ADVICE)?;
    find().with_context(|| format!("{LACKING} even now: {ADVICE}"))
}

/// Finds a Python that can make environments. Debian's may be behind one on PATH that cannot.
fn find() -> Option<PathBuf> {
    let found = find_on_path("python3").into_iter().chain([PathBuf::from("/usr/bin/python3")]);
    found
        .into_iter()
        .find(|python| process::output(Command::new(python).args(["-c", ABILITIES]), ASK).is_ok())
}

/// Makes the environment; the stamp comes last, so what has one is whole.
fn make(base: &Path, home: &Path, requirements: &Path, hash: &str) -> Result<()> {
    let mut venv = Command::new(base);
    process::output(venv.args(["-m", "venv", "--clear"]).arg(home), PIP)?;
    let mut pip = Command::new(home.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"]);
    process::output(pip.arg(requirements), PIP)?;
    stamp::write(&home.join(".onesocket"), hash)?;
    if !is_whole(home, hash) {
        bail!("the environment does not run: {}", home.display());
    }
    Ok(())
}

/// Says whether an environment is finished and still runs: the Python it was made from may have
/// gone.
fn is_whole(home: &Path, hash: &str) -> bool {
    let mut python = Command::new(home.join("bin/python"));
    stamp::is_fresh(&home.join(".onesocket"), hash)
        && process::output(python.args(["-c", "import websockets"]), ASK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_counts_only_when_finished_and_when_it_runs() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
        let python = home.join("bin/python");
        fs::create_dir_all(home.join("bin")).unwrap();
        let write = |script: &str| {
            fs::write(&python, script).unwrap();
            fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        };

        write("#!/bin/sh\nexit 0\n");
        assert!(!is_whole(&home, "a"));
        stamp::write(&home.join(".onesocket"), "a").unwrap();
        assert!(is_whole(&home, "a"));
        assert!(!is_whole(&home, "b"));
        write("#!/bin/sh\nexit 1\n");
        assert!(!is_whole(&home, "a"));

        fs::remove_dir_all(&home).unwrap();
    }
}
