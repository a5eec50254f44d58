//! `cargo xtask simulate`: histories of both ends, from seeds that nobody has chosen, for as long as
//! it is told to. It ends at the first that breaks a promise, with the command that tells it again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::Args;

use crate::process;
use crate::setup::Setup;

/// How long it goes on where nobody says.
const SECONDS: u64 = 300;

/// What compiling may take beside it, and what any number of histories may.
const BESIDE: Duration = Duration::from_secs(1800);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a run is told.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// For how long; 300 where --histories is not given either
    #[arg(long)]
    seconds: Option<u64>,

    /// How many
    #[arg(long)]
    histories: Option<u64>,

    /// The seed of the first; those that follow count up from it
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    fn seconds(&self) -> Option<u64> {
        self.seconds.or(self.histories.is_none().then_some(SECONDS))
    }
}

/// Tells histories; `false` if one has broken a promise.
///
/// # Errors
///
/// Returns an error if it cannot be compiled or if we were interrupted.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<bool> {
    let fresh = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs() << 20
    };
    let seed = options.seed.unwrap_or_else(fresh);
    println!("seeds from {seed}");
    let mut cargo = setup.project.cargo();
    cargo.args(["test", "-q", "-p", "onesocket", "--test", "simulation"]);
    cargo.args(["no_history_breaks_a_promise", "--", "--nocapture"]);
    cargo.env("ONESOCKET_FIRST_SEED", seed.to_string());
    let asked =
        [("ONESOCKET_SECONDS", options.seconds()), ("ONESOCKET_HISTORIES", options.histories)];
    for (name, value) in asked {
        cargo.env_remove(name);
        if let Some(value) = value {
            cargo.env(name, value.to_string());
        }
    }
    cargo.env_remove("ONESOCKET_SEED");
    let limit = options.seconds().map_or(LONGEST, Duration::from_secs).saturating_add(BESIDE);
    let (status, _) = process::watch(&mut cargo, limit)?;
    if process::interrupted() {
        bail!("interrupted");
    }
    Ok(status.success())
}
