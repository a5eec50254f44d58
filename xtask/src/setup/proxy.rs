//! Reverse proxies, for the tests of the server behind them.
//!
//! Debian's packages would start services of the whole machine, so they are unpacked into the project's own
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

/// A reverse proxy.
#[derive(Clone, Copy)]
pub(super) struct Proxy {
    /// The name of its program and of its package.
    name: &'static str,
    /// Where its program is in the package.
    program: &'static str,
    /// What makes it print its version.
    version: &'static str,
}

pub(super) const CADDY: Proxy =
    Proxy { name: "caddy", program: "usr/bin/caddy", version: "version" };

pub(super) const NGINX: Proxy = Proxy { name: "nginx", program: "usr/sbin/nginx", version: "-v" };

/// Finds a proxy on PATH, else unpacks Debian's.
///
/// # Errors
///
/// Returns an error that says what to install.
pub(super) fn find_or_unpack(Proxy { name, program, version }: Proxy) -> Result<PathBuf> {
    if let Some(found) = find_on_path(name) {
        return Ok(found);
    }
    let advice = format!("there is no {name}: install it and put it on PATH");
    let program = |home: &Path| home.join(program);
    let runs = |home: &Path| process::output(Command::new(program(home)).arg(version), ASK).is_ok();
    let home = cached(name, &format!("unpacking {name} for the tests"), runs, |home| {
        fs::create_dir_all(home)?;
        let download = || {
            process::output(Command::new("apt-get").current_dir(home).args(["download", name]), APT)
        };
        // On a machine that is new there are no lists yet, and only root may fetch them.
        download()
            .or_else(|_| {
                process::output(Command::new("apt-get").arg("update"), APT)?;
                download()
            })
            .with_context(|| advice.clone())?;
        let archive = fs::read_dir(home)?.flatten().map(|entry| entry.path()).next();
        let Some(archive) = archive else { bail!(advice) };
        process::output(Command::new("dpkg").arg("-x").args([&archive, &home.to_path_buf()]), APT)?;
        Ok(())
    })?;
    Ok(program(&home))
}
