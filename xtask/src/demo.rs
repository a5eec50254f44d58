//! `cargo xtask demo`: the server with the demo page, until Ctrl-C.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build;
use crate::process;
use crate::server::Server;
use crate::setup::Setup;

/// The port that people expect.
const PORT: u16 = 8080;

/// As many as the naive hook of `www/src/naive.ts` opens at most, and a second page of the same name.
const NAIVE_SOCKETS: &str = "120";

/// Builds everything, starts the server on `port` and stays until interrupted.
///
/// # Errors
///
/// Returns an error if something cannot be set up or built, or if the server ends by itself.
pub(crate) fn run(setup: &Setup, port: Option<u16>) -> Result<()> {
    let site = build::site(setup)?;
    let program = build::server(setup)?;
    let port = port.unwrap_or_else(free_port);
    let mut command = setup.project.command(program);
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    command.args(["--issue-tokens", "--open-groups", "*", "--echo", "--site"]).arg(site);
    // The naive hook that the page compares with is one user with many sockets; and a second tab is a
    // second device. The page tells of silence that it has made itself: a short interval finds it soon.
    command.args(["--connections-per-user", NAIVE_SOCKETS, "--ping-every", "5s"]);
    let mut server = Server::start(&mut command)?;
    println!("\nThe demo is at {}/ (Ctrl-C ends it)\n", server.url);
    let status = server.running.wait(Duration::MAX)?;
    if !process::interrupted() {
        bail!("the server has ended ({status})");
    }
    Ok(())
}

/// The usual port, or 0 for any where that one is taken.
fn free_port() -> u16 {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)) {
        Ok(_) => PORT,
        Err(_) => {
            println!("-- port {PORT} is taken, another one will do");
            0
        }
    }
}
