//! Measures onesocket-server beside a bare axum, Node's `ws` and socket.io, in one run.
//!
//! Owns the load and the figures. Judges nothing but how a server restarts (`restart.rs`): the
//! ratios of one run mean something, the times of a busy machine do not. Linux only: what a process
//! takes is read from `/proc`.

mod client;
mod crowd;
mod door;
mod echo;
mod fanout;
mod herd;
mod idle;
mod payload;
mod peer;
mod process;
mod report;
mod restart;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::fanout::{Group, Pace};
use crate::peer::Peer;
use crate::process::Programs;
use crate::report::Report;
use crate::stats::ms;

/// What is measured, and how much of it.
#[derive(Debug, Parser)]
struct Options {
    /// The program onesocket-server
    #[arg(long)]
    server: PathBuf,
    /// The program of the bare axum
    #[arg(long)]
    axum: PathBuf,
    /// The folder with the servers of Node.js
    #[arg(long)]
    node_peers: PathBuf,
    /// Idle connections
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// How long they are held
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Clients that come back after a restart
    #[arg(long, default_value_t = 5_000)]
    herd: usize,
    /// Clients of ours that a server leaves well, and that come back under their own rules
    #[arg(long, default_value_t = 5_000)]
    clients: usize,
    /// For how many seconds that server is away
    #[arg(long, default_value_t = 0.0)]
    down: f64,
    /// Members of the group
    #[arg(long, default_value_t = 1_000)]
    members: usize,
    /// How long echoes and messages to the group are measured
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Clients that come in with a token of each kind
    #[arg(long, default_value_t = 5_000)]
    door: usize,
    /// The program openssl
    #[arg(long, default_value = "openssl")]
    openssl: PathBuf,
    /// Only these: idle, herd, fanout, echo, slow, restart, door
    #[arg(long)]
    only: Vec<String>,
    /// Only these servers: onesocket, axum, ws, socketio
    #[arg(long)]
    peer: Vec<String>,
    /// More options of onesocket-server
    #[arg(last = true)]
    server_options: Vec<String>,
}

/// The size of what is echoed and published.
const PAYLOAD: usize = 64;

/// How many messages to a group are on their way at once, where as many as possible are wanted.
const OPEN: usize = 4;

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let programs = Programs {
        server: options.server.clone(),
        axum: options.axum.clone(),
        node_peers: options.node_peers.clone(),
        server_options: options.server_options.clone(),
        open_groups: "*",
    };
    let mut report = Report::new(&programs).await?;
    if options.wants("echo") {
        echo(&options, &programs, &mut report).await?;
    }
    if options.wants("fanout") {
        fanout(&options, &programs, &mut report).await?;
    }
    if options.wants("slow") {
        slow(&options, &programs, &mut report).await?;
    }
    if options.wants("herd") {
        herd(&options, &programs, &mut report).await?;
    }
    if options.wants("restart") {
        restart(&options, &programs, &mut report).await?;
    }
    if options.wants("door") {
        door(&options, &programs, &mut report).await?;
    }
    if options.wants("idle") {
        idle(&options, &programs, &mut report).await?;
    }
    report.print();
    Ok(())
}

impl Options {
    fn wants(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == what)
    }

    fn peers(&self) -> impl Iterator<Item = Peer> {
        Peer::ALL.into_iter().filter(|peer| {
            let name = match peer {
                Peer::Onesocket | Peer::OnesocketRaw => "onesocket",
                Peer::Axum => "axum",
                Peer::NodeWs => "ws",
                Peer::SocketIo => "socketio",
            };
            self.peer.is_empty() || self.peer.iter().any(|peer| peer == name)
        })
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

async fn echo(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    for peer in options.peers().chain([Peer::OnesocketRaw]) {
        let echo = echo::measure(peer, programs, options.time()).await?;
        report.number("server CPU per 64 B echo, µs", peer, echo.cpu_micros, 1);
        report.number("echoes per second", peer, echo.per_second, 0);
    }
    Ok(())
}

async fn fanout(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    for peer in options.peers() {
        let group = Group::start(peer, programs, options.members).await?;
        let most = group.measure(PAYLOAD, Pace::AtMost(OPEN), options.time()).await?;
        report.number("fan-out: deliveries per second", peer, most.per_second, 0);
        report.number("fan-out: server CPU per delivery, µs", peer, most.cpu_micros, 2);
        report.text("fan-out: p50 / p99 at that rate, ms", peer, latency(&most));
        let group = Group::start(peer, programs, options.members).await?;
        let pace = Pace::Every(Duration::from_millis(100));
        let alone = group.measure(PAYLOAD, pace, options.time()).await?;
        report.text("fan-out: p50 / p99 of one message, ms", peer, latency(&alone));
        let come = most.latency.len() + alone.latency.len();
        let expected = most.expected + alone.expected;
        report.text("fan-out: deliveries of those expected", peer, format!("{come} of {expected}"));
    }
    Ok(())
}

async fn slow(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    let members = options.members / 10;
    let pace = Pace::Every(Duration::from_millis(20));
    for peer in options.peers() {
        let group = Group::start(peer, programs, members).await?;
        let without = group.measure(16 << 10, pace, options.time()).await?;
        let group = Group::start(peer, programs, members).await?;
        let slow = group.add_slow().await?;
        let with = group.measure(16 << 10, pace, options.time()).await?;
        drop(slow);
        report.text("p50 / p99 of 16 KiB to 100, ms", peer, latency(&without));
        report.text("the same beside one who reads nothing", peer, latency(&with));
    }
    Ok(())
}

async fn herd(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    for peer in options.peers() {
        let times = herd::measure(peer, programs, options.herd).await?;
        let what = format!("{} connects after a restart, all served, s", options.herd);
        report.number(&what, peer, times.percentile(100).as_secs_f64(), 2);
    }
    Ok(())
}

async fn restart(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    let down = Duration::from_secs_f64(options.down);
    let restart = restart::measure(programs, options.clients, down).await?;
    let peer = Peer::Onesocket;
    let what =
        format!("SIGTERM with {} of our clients: 1012 for each, exit 0 after, s", options.clients);
    report.number(&what, peer, restart.left_after.as_secs_f64(), 2);
    let [half, all] = [50, 100].map(|percent| restart.back.percentile(percent).as_secs_f64());
    let what =
        format!("of these back once it listens again, {} s later: p50 / all, s", options.down);
    report.text(&what, peer, format!("{} / {half:.2} / {all:.2}", restart.back.len()));
    let attempts = restart.by_attempt.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    report.text("and how many with their 1st, 2nd, … attempt", peer, attempts);
    Ok(())
}

async fn door(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    let door = door::measure(programs, &options.openssl, options.door).await?;
    for (kind, micros) in &door.connects {
        let what = format!("server CPU per connect with a token of {kind}, µs");
        report.number(&what, Peer::Onesocket, *micros, 1);
    }
    for (prefix, micros) in door.joins {
        let what = format!("server CPU per join and leave of a group `{prefix}…`, µs");
        report.number(&what, Peer::Onesocket, micros, 1);
    }
    Ok(())
}

async fn idle(options: &Options, programs: &Programs, report: &mut Report) -> Result<()> {
    let time = Duration::from_secs_f64(options.minutes * 60.0);
    for peer in options.peers() {
        let idle = idle::measure(peer, programs, options.idle, time).await?;
        let what = format!("bytes per connection, {} idle", options.idle);
        report.number(&what, peer, idle.bytes_each as f64, 0);
        let what = format!("of these dropped in {} min", options.minutes);
        report.text(&what, peer, idle.dropped.to_string());
    }
    Ok(())
}

fn latency(fanout: &fanout::Fanout) -> String {
    format!("{} / {}", ms(fanout.latency.percentile(50)), ms(fanout.latency.percentile(99)))
}
