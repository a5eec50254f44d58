//! The server of onesocket: holds up the other end of one WebSocket connection per user.
//!
//! [`run`] serves on a listener that the caller has bound, so that a test binds port 0. One task
//! per peer owns its socket and a bounded queue (`peer.rs`) and feeds its pure [`session`]; who is
//! connected, in which group, and what was said before (`memory.rs`) is the pure [`hub`]'s affair,
//! under one lock (`switchboard.rs`).
//!
//! Deliberately absent: queues without bounds, broadcast channels, a lock held over an await, a
//! token in a log.

mod config;
mod http;
pub mod hub;
mod linger;
mod memory;
mod outgoing;
mod peer;
mod raw_echo;
pub mod session;
mod switchboard;
pub mod token;
mod validation;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

pub use crate::config::Config;
use crate::http::App;
use crate::linger::Lingering;
pub use crate::outgoing::Outgoing;
use crate::switchboard::Switchboard;
use crate::token::Tokens;

/// How long a connection has to bring the head of a request, from accept or from the last one.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// How long a request has that is being served when the server leaves.
const LAST_REQUEST_TIME: Duration = Duration::from_secs(5);

/// When the server has left, whatever is still going on.
const LEAVE_TIME: Duration = Duration::from_secs(10);

/// Serves until `shutdown` resolves: then takes no new connections, closes all peers with 1012 and
/// returns once they are gone, after 10 s at most.
///
/// # Errors
///
/// Refuses a `config` with faults, all of them named.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Small frames are what there is; none should wait for the next.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(cause = %error, "TCP_NODELAY refused");
        }
    });
    serve(listener, config, shutdown).await
}

/// [`run`], on anything that accepts streams: a test has them in memory, under a clock of its own.
///
/// # Errors
///
/// Refuses a `config` with faults, all of them named.
pub async fn serve(
    mut listener: impl Listener<Addr = SocketAddr>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let faults = config.faults();
    if !faults.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, faults.join("; ")));
    }
    let tracker = TaskTracker::new();
    let stop = CancellationToken::new();
    let switchboard = Arc::new(Switchboard::new(config.max_queue));
    tracker.spawn(sweep(Arc::clone(&switchboard), config.sweep_every, stop.clone()));
    let router = http::router(Arc::new(App {
        tokens: Tokens::new(&config.secret, &config.audience, config.token_life),
        switchboard: Arc::clone(&switchboard),
        tracker: tracker.clone(),
        stop: stop.clone(),
        config: Arc::new(config),
    }));

    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, _) = listener.accept() => {
                let stream = Lingering::new(stream, tracker.clone());
                tracker.spawn(answer(stream, router.clone(), stop.clone()));
            }
        }
    }

    info!("Leaving");
    drop(listener);
    stop.cancel();
    switchboard.leave();
    tracker.close();
    if timeout(LEAVE_TIME, tracker.wait()).await.is_err() {
        warn!(tasks = tracker.len(), "Leaving before all has ended");
    }
    info!("Left");
    Ok(())
}

/// Answers the requests of one connection, until it is upgraded or ends.
async fn answer<S>(stream: Lingering<S>, router: Router, stop: CancellationToken)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let answered = tokio::select! {
        answered = &mut connection => answered,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let Ok(answered) = timeout(LAST_REQUEST_TIME, connection).await else {
                return;
            };
            answered
        }
    };
    if let Err(error) = answered {
        debug!(cause = %error, "Connection ended");
    }
}

async fn sweep(switchboard: Arc<Switchboard>, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sweeping = async {
        loop {
            ticks.tick().await;
            switchboard.sweep();
        }
    };
    stop.run_until_cancelled(sweeping).await;
}
