//! nginx, for the test of the server behind a proxy.
//!
//! Debian's package would start a service of the whole machine, so it is unpacked into the project's own
//! cache and not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::cache::cached;
use super::find_on_path;
use crate::process;
use crate::project::ASK;

/// How long apt may take.
const APT: Duration = Duration::from_secs(300);

/// What to do where we cannot do it.
const ADVICE: &str = "there is no nginx: install it and put it on PATH";

/// Finds nginx on PATH, else unpacks Debian's.
///
/// # Errors
///
/// Returns an error that says what to install.
pub(super) fn find_or_unpack() -> Result<PathBuf> {
    if let Some(found) = find_on_path("nginx") {
        return Ok(found);
    }
    let program = |home: &Path| home.join("usr/sbin/nginx");
    let runs = |home: &Path| process::output(Command::new(program(home)).arg("-v"), ASK).is_ok();
    let home = cached("nginx", "unpacking nginx for the tests", runs, |home| {
        fs::create_dir_all(home)?;
        let download = || {
            process::output(
                Command::new("apt-get").current_dir(home).args(["download", "nginx"]),
                APT,
            )
        };
        // On a machine that is new there are no lists yet, and only root may fetch them.
        download()
            .or_else(|_| {
                process::output(Command::new("apt-get").arg("update"), APT)?;
                download()
            })
            .context(ADVICE)?;
        let archive = fs::read_dir(home)?.flatten().map(|entry| entry.path()).next();
        let Some(archive) = archive else { bail!(ADVICE) };
        process::output(Command::new("dpkg").arg("-x").args([&archive, &home.to_path_buf()]), APT)?;
        Ok(())
    })?;
    Ok(program(&home))
}
