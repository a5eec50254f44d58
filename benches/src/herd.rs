//! A server that was restarted, and all its clients who come back at once.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::Client;
use crate::crowd;
use crate::peer::Peer;
use crate::process::{Process, Programs};
use crate::stats::Times;

/// From one attempt of a client to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// How long all may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Returns the times from when the server listens again until each client is served.
pub(crate) async fn measure(peer: Peer, programs: &Programs, count: usize) -> Result<Times> {
    let server = Process::start(peer, programs, None).await?;
    let address = server.address;
    let mut tasks = JoinSet::new();
    for (user, mut client) in
        crowd::connect(peer, address, 0..count, false).await?.into_iter().enumerate()
    {
        tasks.spawn(async move {
            // Up to its end, whatever comes before.
            while let Some(Ok(_)) = client.socket.next().await {}
            loop {
                match Client::connect(peer, address, user).await {
                    Ok(client) => return (Instant::now(), client),
                    Err(_) => sleep(PAUSE).await,
                }
            }
        });
    }
    let _server = server.restart(peer, programs).await?;
    let listens = Instant::now();
    let all = async {
        let mut times = Vec::new();
        let mut clients = Vec::new();
        while let Some(result) = tasks.join_next().await {
            let (at, client) = result?;
            times.push(at.saturating_duration_since(listens));
            clients.push(client);
        }
        anyhow::Ok(Times::new(times))
    };
    timeout(LIMIT, all).await.with_context(|| format!("{}: not all are back", peer.name()))?
}
