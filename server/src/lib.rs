//! The server of onesocket: holds up the other end of one WebSocket connection per user.
//!
//! [`run`] serves on a listener that the caller has bound, so that a test binds port 0; what
//! clients `send()` goes to a [`Handler`], and a [`Publisher`] sends to them. A stream that comes
//! in finds its place (`gate.rs`) and its route (`http.rs`). One task per peer owns its socket and a
//! bounded queue (`peer.rs`) and feeds its pure [`session`]; who is connected, in which group, and
//! what was said before (`memory.rs`) is the pure [`hub`]'s affair, under one lock
//! (`switchboard.rs`).
//!
//! Deliberately absent: queues without bounds, broadcast channels, a lock held over an await, a
//! token in a log.

mod acceptor;
mod app;
mod auth;
mod close_cause;
mod config;
mod handler;
mod http;
pub mod hub;
mod limit;
mod metrics;
mod net;
mod outgoing;
mod peer;
mod publisher;
pub mod session;

pub use auth::token;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub use onesocket_protocol::Group;

use crate::acceptor::Reception;
use crate::app::App;
pub use crate::close_cause::CloseCause;
pub use crate::config::Config;
pub use crate::handler::{Answer, Handler, Handling, Incoming, Json, Payload};
pub use crate::hub::Target;
pub use crate::limit::Limit;
pub use crate::outgoing::Outgoing;
pub use crate::publisher::{Publisher, TooLarge};

/// How long nothing is accepted after that has failed.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// When the server has left, whatever is still going on.
const LEAVE_TIME: Duration = Duration::from_secs(10);

/// Serves until `shutdown` resolves: then takes no new connections, closes all peers with 1012 and
/// returns once they are gone, after 10 s at most.
///
/// # Errors
///
/// Refuses a `config` with faults, all of them named, and a system without random numbers.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    serve(Tcp(listener), config, shutdown).await
}

/// [`run`], on anything that accepts streams: a test has them in memory, under a clock of its own.
///
/// # Errors
///
/// Refuses a `config` with faults, all of them named, and a system without random numbers.
pub async fn serve(
    mut listener: impl Listener<Addr = SocketAddr>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let faults = config.faults();
    if !faults.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, faults.join("; ")));
    }
    let app = Arc::new(App::new(config)?);
    app.config.publisher.reach(&app);
    let stop = app.stop.clone();
    let reception = Reception::new(Arc::clone(&app), stop.clone());
    app.tracker.spawn(sweep(Arc::clone(&app), stop.clone()));

    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, address) = listener.accept() => reception.receive(stream, address.ip()),
        }
    }

    info!("Leaving");
    stop.cancel();
    app.leave();
    app.tracker.close();
    let ended = timeout(LEAVE_TIME, app.tracker.wait());
    let mut ended = pin!(ended);
    let in_time = loop {
        tokio::select! {
            biased;
            ended = &mut ended => break ended.is_ok(),
            // Who comes now is told that there is no room, and who asks that it is not ready.
            (stream, _) = listener.accept() => reception.turn_away(stream),
        }
    };
    drop(listener);
    if !in_time {
        warn!(tasks = app.tracker.len(), "Leaving before all has ended");
    }
    info!("Left");
    Ok(())
}

struct Tcp(TcpListener);

impl Listener for Tcp {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Small frames are what there is; none should wait for the next.
                    if let Err(error) = stream.set_nodelay(true) {
                        debug!(cause = %error, "TCP_NODELAY refused");
                    }
                    return (stream, address);
                }
                // The client's own affair; the next one is there to be accepted.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // No descriptors, say. They come back when others leave; whoever tries again at
                    // once has no time for these.
                    warn!(cause = %error, "Accepting failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

async fn sweep(app: Arc<App>, stop: CancellationToken) {
    let mut ticks = interval(app.config.sweep_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sweeping = async {
        loop {
            ticks.tick().await;
            app.sweep();
        }
    };
    stop.run_until_cancelled(sweeping).await;
}
