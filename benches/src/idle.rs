//! Many idle connections: what each takes of the server's memory, and whether they last.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Client;
use crate::crowd;
use crate::peer::{Peer, token};
use crate::process::{Process, Programs};

/// When a client of ours refreshes its token of five minutes, as a page does.
const REFRESH_AFTER: Duration = Duration::from_secs(240);

/// What a server needs until it is at rest.
const SETTLE: Duration = Duration::from_secs(3);

/// What came of it.
pub(crate) struct Idle {
    pub(crate) bytes_each: u64,
    pub(crate) dropped: usize,
}

/// Holds `count` connections for `time`.
pub(crate) async fn measure(
    peer: Peer,
    programs: &Programs,
    count: usize,
    time: Duration,
) -> Result<Idle> {
    let server = Process::start(peer, programs, None).await?;
    // What the first connections cost once is no cost of each.
    drop(crowd::connect(peer, server.address, 0..100, false).await?);
    sleep(SETTLE).await;
    let before = server.memory()?;
    let clients = crowd::connect(peer, server.address, 1000..1000 + count, false).await?;
    let end = Instant::now() + time;
    let mut held = JoinSet::new();
    for client in clients {
        held.spawn(hold(client, end));
    }
    sleep(SETTLE).await;
    let at_first = server.memory()?;
    sleep_until(end).await;
    let at_last = server.memory()?;
    let mut dropped = 0;
    while let Some(result) = held.join_next().await {
        if let Err(error) = result? {
            if dropped == 0 {
                eprintln!("{}: a connection was lost: {error:#}", peer.name());
            }
            dropped += 1;
        }
    }
    let bytes_each = at_first.max(at_last).saturating_sub(before) / count as u64;
    Ok(Idle { bytes_each, dropped })
}

/// Answers pings and refreshes the token until the end; an error if the connection does not last.
async fn hold(mut client: Client, end: Instant) -> Result<()> {
    let mut refresh_at = Instant::now() + REFRESH_AFTER;
    let mut id = 1;
    loop {
        tokio::select! {
            payload = client.payload() => {
                payload?;
                return Err(anyhow!("a payload that nobody has sent"));
            }
            () = sleep_until(refresh_at), if client.peer == Peer::Onesocket => {
                id += 1;
                let token = token(&client.user)?;
                client.send(format!(r#"{{"type":"refresh","id":{id},"token":"{token}"}}"#)).await?;
                refresh_at += REFRESH_AFTER;
            }
            () = sleep_until(end) => return Ok(()),
        }
    }
}
