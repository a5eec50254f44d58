//! A server as a process of its own, and what it takes of the machine: `/proc` says it.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::peer::{Peer, SECRET};

/// How long a server may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);

/// Where the programs of the servers are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) server: PathBuf,
    pub(crate) axum: PathBuf,
    pub(crate) node_peers: PathBuf,
    pub(crate) server_options: Vec<String>,
    /// The groups of ours that need no right.
    pub(crate) open_groups: &'static str,
}

/// A server that listens. Dropping it ends it.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
    pid: u32,
}

impl Process {
    /// Starts a server, on a free port unless it is to have that of one before it.
    pub(crate) async fn start(
        peer: Peer,
        programs: &Programs,
        address: Option<SocketAddr>,
    ) -> Result<Self> {
        let listen =
            address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let mut command = match peer {
            Peer::Onesocket | Peer::OnesocketRaw => {
                let mut command = Command::new(&programs.server);
                command.args([
                    "--listen",
                    &listen,
                    "--open-groups",
                    programs.open_groups,
                    "--echo",
                ]);
                // Each message is counted and none is refused.
                command.args(["--max-rate", "1000000", "--max-burst", "1000000"]);
                command.args(&programs.server_options);
                command
            }
            Peer::Axum => {
                let mut command = Command::new(&programs.axum);
                command.arg(&listen);
                command
            }
            Peer::NodeWs | Peer::SocketIo => {
                let mut command = Command::new("node");
                let script = if peer == Peer::NodeWs { "ws.mjs" } else { "socketio.mjs" };
                command.arg(programs.node_peers.join(script)).arg(&listen);
                command
            }
        };
        // Options of the server may stand in the environment; these are to be measured by default.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("ONESOCKET_") {
                command.env_remove(name);
            }
        }
        command.env("ONESOCKET_SECRET", SECRET).env("NODE_ENV", "production");
        // What it logs costs it what it costs in production, and is read by nobody.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", peer.name()))?;
        let pid = child.id().context("a process without an id")?;
        let stdout = child.stdout.take().context("no output")?;
        let mut line = String::new();
        timeout(LISTENS_WITHIN, BufReader::new(stdout).read_line(&mut line))
            .await
            .with_context(|| format!("{} does not listen", peer.name()))??;
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            bail!("{} does not listen but says `{}`", peer.name(), line.trim());
        };
        Ok(Self { address: address.parse()?, child, pid })
    }

    /// Ends it without a word to anybody, and starts it again at the same address.
    pub(crate) async fn restart(mut self, peer: Peer, programs: &Programs) -> Result<Self> {
        self.child.kill().await?;
        Self::start(peer, programs, Some(self.address)).await
    }

    /// Tells it to leave, and returns how it has.
    pub(crate) async fn terminate(mut self) -> Result<ExitStatus> {
        kill(Pid::from_raw(self.pid.try_into()?), Signal::SIGTERM)?;
        Ok(self.child.wait().await?)
    }

    /// Returns the bytes of memory that it has resident.
    pub(crate) fn memory(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.pid))?;
        let pages: u64 = text.split(' ').nth(1).context("no resident pages")?.parse()?;
        Ok(pages * system(SysconfVar::PAGE_SIZE)?)
    }

    /// Returns the processor's time that it has used, its own and the kernel's for it.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name in parentheses may hold anything; `utime` and `stime` are the 14th and 15th.
        let (_, rest) = text.rsplit_once(')').context("no name")?;
        let ticks: u64 = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap_or(0))
            .sum();
        Ok(Duration::from_secs_f64(ticks as f64 / system(SysconfVar::CLK_TCK)? as f64))
    }
}

fn system(variable: SysconfVar) -> Result<u64> {
    let value = sysconf(variable)?.context("the system does not say")?;
    Ok(u64::try_from(value)?)
}
