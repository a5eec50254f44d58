//! The server as a whole: from its configuration to its shutdown.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::acceptor::Acceptor;
use crate::app::App;
use crate::auth::keys::KeyRing;
use crate::config::Config;
use crate::handler::Handler;
use crate::net::tcp::Tcp;
use crate::publisher::Publisher;

/// How long a shutdown takes at most, whatever is still going on.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// A server that has not begun to serve.
pub struct Server {
    app: Arc<App>,
}

impl Server {
    /// Makes a server. It refuses messages to itself with `no-handler`, or echoes them if `config`
    /// says so.
    ///
    /// # Errors
    ///
    /// Refuses a `config` with faults, all of them named, and a system without random numbers.
    pub fn new(config: Config) -> io::Result<Self> {
        Self::of(config, None)
    }

    /// Makes a server whose `handler` handles messages to it, unless `config` says to echo them.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_handler(config: Config, handler: Arc<dyn Handler>) -> io::Result<Self> {
        Self::of(config, Some(handler))
    }

    fn of(config: Config, handler: Option<Arc<dyn Handler>>) -> io::Result<Self> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, faults.join("; ")));
        }
        Ok(Self { app: Arc::new(App::new(config, handler)?) })
    }

    /// Returns a handle that sends messages to this server's clients.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(Arc::clone(&self.app))
    }

    /// Returns a handle to the keys of tokens, which may be replaced while the server serves.
    pub fn keys(&self) -> KeyRing {
        self.app.keys.clone()
    }

    /// Serves until `shutdown` resolves: then accepts no new connections, closes all clients with
    /// 1012 and returns once they are gone, after 10 s at most.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        self.serve_all(Tcp(listener), None::<Tcp>, shutdown).await;
    }

    /// [`serve`](Self::serve), with a second listener for machines: `/metrics` and what a back end asks
    /// for, which the first one does not have if [`Config::admin`] says so.
    pub async fn serve_with_admin(
        self,
        listener: TcpListener,
        admin: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) {
        self.serve_all(Tcp(listener), Some(Tcp(admin)), shutdown).await;
    }

    /// [`serve`](Self::serve), on anything that accepts streams: a test has them in memory, under a
    /// clock of its own.
    pub async fn serve_streams(
        self,
        listener: impl Listener<Addr = SocketAddr>,
        shutdown: impl Future<Output = ()>,
    ) {
        self.serve_all(listener, None::<Tcp>, shutdown).await;
    }

    async fn serve_all(
        self,
        mut listener: impl Listener<Addr = SocketAddr>,
        mut admin: Option<impl Listener<Addr = SocketAddr>>,
        shutdown: impl Future<Output = ()>,
    ) {
        let Self { app } = self;
        let stop = app.stop.clone();
        let acceptor = Acceptor::new(Arc::clone(&app), stop.clone());
        app.tracker.spawn(sweep(Arc::clone(&app), stop.clone()));

        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                (stream, address) = accept(&mut admin) => acceptor.accept_admin(stream, address.ip()),
                (stream, address) = listener.accept() => acceptor.accept(stream, address.ip()),
            }
        }

        info!("Leaving");
        stop.cancel();
        app.leave();
        app.tracker.close();
        let ended = timeout(SHUTDOWN_TIME, app.tracker.wait());
        let mut ended = pin!(ended);
        let in_time = loop {
            tokio::select! {
                biased;
                ended = &mut ended => break ended.is_ok(),
                // New connections are refused, and health checks hear that the server is not ready.
                (stream, _) = listener.accept() => acceptor.refuse(stream),
            }
        };
        drop(listener);
        if !in_time {
            warn!(tasks = app.tracker.len(), "Leaving before all has ended");
        }
        info!("Left");
    }
}

/// Accepts from a listener that there may not be.
async fn accept<L: Listener>(listener: &mut Option<L>) -> (L::Io, L::Addr) {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
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
