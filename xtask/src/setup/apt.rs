//! Debian's packages, where there is an apt and we may use it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{find_on_path, step};
use crate::process;
use crate::project::ASK;

/// How long apt may take.
const APT: Duration = Duration::from_secs(900);

/// Installs packages; `lacking` says what is not there, and `advice` what a person can do about it.
///
/// # Errors
///
/// Returns an error with the advice, if we cannot or may not install them, or if apt fails.
pub(super) fn install(packages: &[&str], lacking: &str, advice: &str) -> Result<()> {
    let may = |program: &str, arguments: &[&str]| {
        process::output(Command::new(program).args(arguments), ASK)
    };
    if find_on_path("apt-get").is_none() {
        bail!("{lacking}: {advice}");
    }
    let names = packages.join(" ");
    let root = may("id", &["-u"]).is_ok_and(|id| id.trim() == "0");
    if !root && may("sudo", &["-n", "true"]).is_err() {
        bail!(
            "{lacking}, and we may not install it: run `apt-get install {names}` as root, or {advice}"
        );
    }
    step(&format!("installing {names} with apt-get"), || {
        let install = ["install", "-y", "--no-install-recommends"];
        for arguments in [vec!["update"], [&install, packages].concat()] {
            let mut apt = Command::new(if root { "env" } else { "sudo" });
            if !root {
                apt.args(["-n", "env"]);
            }
            apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]).args(arguments);
            process::output(&mut apt, APT).with_context(|| advice.to_owned())?;
        }
        Ok(())
    })
}
