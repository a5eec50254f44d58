//! The real server, as the tests and the demo start it.

use std::env;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, Running};

/// How long the server may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);

/// A server that listens.
pub(crate) struct Server {
    /// Its process; dropping it ends it.
    pub(crate) running: Running,
    /// Where it listens: `http://ADDRESS`.
    pub(crate) url: String,
}

impl Server {
    /// Starts the server and waits until it says where it listens. What else it prints is shown.
    /// Its options are those of the command alone.
    ///
    /// # Errors
    ///
    /// Returns an error if it ends instead, says something else or nothing.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        // The server would read these as options; some are named as ours.
        let variables = env::vars_os().map(|(name, _)| name);
        for name in variables.filter(|name| name.to_string_lossy().starts_with("ONESOCKET_")) {
            command.env_remove(name);
        }
        let mut running = Running::start(command.stdout(Stdio::piped()))?;
        let stdout = running.take_stdout()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = process::lines(stdout);
            let _ = sender.send(lines.next().unwrap_or_default());
            lines.for_each(|line| println!("{line}"));
        });
        let line = receiver
            .recv_timeout(LISTENS_WITHIN)
            .context("the server does not say where it listens")?;
        match line.strip_prefix("listening on ") {
            Some(url) => Ok(Self { url: url.trim_end_matches('/').to_owned(), running }),
            None => bail!("the server does not listen; its first line is `{line}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_known_by_its_first_line() {
        let server = |line: &str| {
            let script = format!("echo '{line}'; sleep 60");
            Server::start(Command::new("sh").args(["-c", &script])).map(|server| server.url.clone())
        };

        assert_eq!(server("listening on http://127.0.0.1:1").unwrap(), "http://127.0.0.1:1");
        assert!(server("no such port").is_err());
    }
}
