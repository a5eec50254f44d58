//! Many clients at once.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::peer::Peer;

/// How many connect at the same time, where nothing is measured yet.
pub(crate) const AT_ONCE: usize = 100;

/// Connects the users with these numbers.
pub(crate) async fn connect(
    peer: Peer,
    server: SocketAddr,
    users: impl Iterator<Item = usize>,
    joined: bool,
) -> Result<Vec<Client>> {
    let connect = |user| async move {
        let mut client = Client::connect(peer, server, user).await?;
        if joined {
            client.join().await?;
        }
        Ok(client)
    };
    in_turn(users.map(connect)).await
}

/// Waits for all of them, some at a time.
pub(crate) async fn in_turn(
    connects: impl Iterator<Item = impl Future<Output = Result<Client>> + Send + 'static>,
) -> Result<Vec<Client>> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for connect in connects {
        let turns = Arc::clone(&turns);
        tasks.spawn(async move {
            let _turn = turns.acquire().await?;
            connect.await
        });
    }
    let mut clients = Vec::new();
    while let Some(client) = tasks.join_next().await {
        clients.push(client??);
    }
    Ok(clients)
}
