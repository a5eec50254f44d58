//! `cargo xtask simulate`: histories of both ends, from seeds that nobody has chosen, for as long as
//! it is told to. It ends at the first that breaks a promise, with the command that tells it again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::setup::Setup;

/// How long it goes on where nobody says.
const SECONDS: u64 = 300;

/// What compiling may take beside it, and what any number of histories may.
const BESIDE: Duration = Duration::from_secs(1800);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a run is told.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Bounds {
    seconds: Option<u64>,
    histories: Option<u64>,
    seed: Option<u64>,
}

impl Bounds {
    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// Refuses what is no option of this command, or no number.
    pub(crate) fn read(arguments: &[&str]) -> Result<Self> {
        let mut bounds = Self { seconds: None, histories: None, seed: None };
        for pair in arguments.chunks(2) {
            let [option, value] = pair else { bail!("{} needs a number", pair[0]) };
            let place = match *option {
                "--seconds" => &mut bounds.seconds,
                "--histories" => &mut bounds.histories,
                "--seed" => &mut bounds.seed,
                _ => bail!("simulate takes --seconds N, --histories N and --seed S, not {option}"),
            };
            *place = Some(value.parse().with_context(|| format!("{option} {value}"))?);
        }
        if bounds.seconds.is_none() && bounds.histories.is_none() {
            bounds.seconds = Some(SECONDS);
        }
        Ok(bounds)
    }
}

/// Tells histories; `false` if one has broken a promise.
///
/// # Errors
///
/// Returns an error if it cannot be compiled or if we were interrupted.
pub(crate) fn run(setup: &Setup, bounds: &Bounds) -> Result<bool> {
    setup.rust()?;
    let fresh = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs() << 20
    };
    let seed = bounds.seed.unwrap_or_else(fresh);
    println!("seeds from {seed}");
    let mut cargo = setup.project.cargo();
    cargo.args(["test", "-q", "-p", "onesocket", "--test", "simulation"]);
    cargo.args(["no_history_breaks_a_promise", "--", "--nocapture"]);
    cargo.env("ONESOCKET_FIRST_SEED", seed.to_string());
    let asked = [("ONESOCKET_SECONDS", bounds.seconds), ("ONESOCKET_HISTORIES", bounds.histories)];
    for (name, value) in asked {
        cargo.env_remove(name);
        if let Some(value) = value {
            cargo.env(name, value.to_string());
        }
    }
    cargo.env_remove("ONESOCKET_SEED");
    let limit = bounds.seconds.map_or(LONGEST, Duration::from_secs).saturating_add(BESIDE);
    let (status, _) = process::watch(&mut cargo, limit)?;
    if process::interrupted() {
        bail!("interrupted");
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_numbers_and_there_is_always_one() {
        let read = |arguments: &[&str]| Bounds::read(arguments).unwrap();

        assert_eq!(read(&[]).seconds, Some(SECONDS));
        let bounds = Bounds { seconds: None, histories: Some(9), seed: Some(7) };
        assert_eq!(read(&["--seed", "7", "--histories", "9"]), bounds);
        for bad in [&["--seconds"][..], &["--seconds", "x"], &["--hours", "1"]] {
            assert!(Bounds::read(bad).is_err(), "{bad:?}");
        }
    }
}
