//! The Autobahn test suite, which runs on Python 2.7 and nothing later.
//!
//! No Python is installed for it: nobody maintains that version, and no system of today has it. The
//! suite and what it needs go into the project's own cache, by pip's scheme for a user's own
//! packages with our folder in the place of the user's: Python 2.7 has no `venv`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::tools::cache;
use super::{find_on_path, step};
use crate::process;
use crate::project::{ASK, Project};
use crate::stamp::{self, Inputs};

/// What the suite needs, pinned.
const REQUIREMENTS: &str = "tests/conformance/requirements.txt";

/// How long pip may take.
const PIP: Duration = Duration::from_secs(1200);

/// Fails on another Python than 2.7, and on one without pip.
const ABILITIES: &str = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))";

/// The suite, installed.
pub(crate) struct Suite {
    python: PathBuf,
    home: PathBuf,
}

impl Suite {
    /// A command that runs the suite's program.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.python();
        command.arg(self.home.join("bin/wstest"));
        command
    }

    /// A command that runs Python with the suite's packages.
    fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        // It warns that Python 2 is unsupported, which is no news.
        command.env("PYTHONUSERBASE", &self.home).env("PYTHONWARNINGS", "ignore");
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    }

    fn install(&self, requirements: &Path, hash: &str) -> Result<()> {
        if self.home.exists() {
            fs::remove_dir_all(&self.home).context("cannot remove an unfinished installation")?;
        }
        let mut pip = self.python();
        pip.args(["-m", "pip", "install", "--user", "--disable-pip-version-check", "--quiet"]);
        process::output(pip.arg("--requirement").arg(requirements), PIP)?;
        stamp::write(&self.home.join(".onesocket"), hash)?;
        if !self.is_whole(hash) {
            bail!("the suite does not start");
        }
        Ok(())
    }

    fn is_whole(&self, hash: &str) -> bool {
        stamp::is_fresh(&self.home.join(".onesocket"), hash)
            && process::output(self.command().arg("--autobahnversion"), ASK).is_ok()
    }
}

/// Finds the suite, or installs it.
///
/// # Errors
///
/// Returns an error if there is no Python 2.7, or if pip fails.
pub(crate) fn suite(project: &Project) -> Result<Suite> {
    let python = find().context(
        "the Autobahn test suite needs Python 2.7 with pip, which no system of today has: put one \
         on PATH as python2.7, or install one with pyenv (`pyenv install 2.7.18`)",
    )?;
    let requirements = project.path(REQUIREMENTS);
    let hash = Inputs::new().path(&requirements)?.hash();
    let tools = cache()?.join("tools");
    let suite = Suite { python, home: tools.join(format!("autobahn-{}", hash.trim_end())) };
    if suite.is_whole(&hash) {
        return Ok(suite);
    }
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    let lock = File::create(tools.join(".lock")).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    if !suite.is_whole(&hash) {
        let what = "installing the Autobahn test suite (minutes)";
        step(what, || suite.install(&requirements, &hash))?;
    }
    Ok(suite)
}

/// Finds a Python 2.7, on PATH or among pyenv's.
fn find() -> Option<PathBuf> {
    let on_path = find_on_path("python2.7").into_iter();
    let root = process::output(Command::new("pyenv").arg("root"), ASK).ok();
    let versions = root.and_then(|root| fs::read_dir(Path::new(root.trim()).join("versions")).ok());
    let pyenvs = versions
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|version| version.file_name().to_string_lossy().starts_with("2.7"))
        .map(|version| version.path().join("bin/python2.7"));
    on_path
        .chain(pyenvs)
        .find(|python| process::output(Command::new(python).args(["-c", ABILITIES]), ASK).is_ok())
}
