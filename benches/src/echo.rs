//! What one echoed message costs the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::crowd;
use crate::payload::payload;
use crate::peer::Peer;
use crate::process::{Process, Programs};
use crate::stats::micros_each;

/// How many clients wait for an echo at once.
const CLIENTS: usize = 50;

/// How long is a payload, in bytes.
const BYTES: usize = 64;

/// Before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// What came of it.
pub(crate) struct Echo {
    pub(crate) cpu_micros: f64,
    pub(crate) per_second: f64,
}

/// Has messages echoed for `time`; each client sends the next once it has the last.
pub(crate) async fn measure(peer: Peer, programs: &Programs, time: Duration) -> Result<Echo> {
    let server = Process::start(peer, programs, None).await?;
    let echoed = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for mut client in crowd::connect(peer, server.address, 0..CLIENTS, false).await? {
        let (echoed, stop) = (Arc::clone(&echoed), Arc::clone(&stop));
        tasks.spawn(async move {
            for id in 2.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                client.send(peer.echo(id, &payload(id, BYTES))).await?;
                client.payload().await?;
                echoed.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    sleep(WARM_UP).await;
    let (started, cpu, before) = (Instant::now(), server.cpu()?, echoed.load(Ordering::Relaxed));
    sleep(time).await;
    let count = echoed.load(Ordering::Relaxed) - before;
    let used = server.cpu()?.saturating_sub(cpu);
    let took = started.elapsed();
    stop.store(true, Ordering::Relaxed);
    while let Some(result) = tasks.join_next().await {
        result??;
    }
    Ok(Echo { cpu_micros: micros_each(used, count), per_second: count as f64 / took.as_secs_f64() })
}
