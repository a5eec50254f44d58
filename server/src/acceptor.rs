//! Accepts streams: each gets a slot and is answered, or is refused because there is none.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{debug, info};

use crate::app::App;
use crate::http::refusal::RemoteIp;
use crate::http::router::{admin_router, busy_router, router};
use crate::limit::Limit;
use crate::net::address::Address;
use crate::net::linger::Lingering;

/// How long a connection that is not a WebSocket may send one request after another, and as long
/// again to end.
const HTTP_TIME: Duration = Duration::from_secs(60);

/// How many connections of machines there may be at once; further ones are dropped.
const MAX_ADMIN: usize = 64;

/// How many connections at once are answered that the server is full; further ones are dropped.
const MAX_BUSY: usize = 256;

/// How long a request may still take when the server shuts down.
const LAST_REQUEST_TIME: Duration = Duration::from_secs(5);

/// Accepts streams.
pub(crate) struct Acceptor {
    app: Arc<App>,
    router: Router,
    admin_router: Router,
    admin: Arc<Semaphore>,
    busy_router: Router,
    busy: Arc<Semaphore>,
    /// Refused connections are not waited for: they end when this is dropped.
    turned_away: TaskTracker,
    stop: CancellationToken,
    _gone: DropGuard,
    gone: CancellationToken,
}

impl Acceptor {
    pub(crate) fn new(app: Arc<App>, stop: CancellationToken) -> Self {
        let gone = CancellationToken::new();
        Self {
            router: router(&app),
            admin_router: admin_router(&app),
            admin: Arc::new(Semaphore::new(MAX_ADMIN)),
            busy_router: busy_router(&app),
            busy: Arc::new(Semaphore::new(MAX_BUSY)),
            turned_away: TaskTracker::new(),
            stop,
            _gone: gone.clone().drop_guard(),
            gone,
            app,
        }
    }

    /// Answers the requests of a stream, if there is a slot for it.
    pub(crate) fn accept(&self, stream: impl Io, peer: IpAddr) {
        let Self { app, .. } = self;
        let Some(place) = app.slots.take() else {
            app.metrics.refused(Limit::Connections);
            return self.refuse(stream);
        };
        // Behind a proxy only the request says where it comes from.
        let address = Address::of(peer).filter(|_| app.config.address_header.is_none());
        let Some(from) = address.map_or(Some(None), |it| app.slots.take_from(it).map(Some)) else {
            app.metrics.refused(Limit::PerAddress);
            return self.refuse(stream);
        };
        let place = (place, from, Open::new(Arc::clone(app)));
        let stream = Lingering::new(stream, place, app.tracker.clone());
        let answer = answer(stream, self.router.clone(), peer, Arc::clone(app), self.stop.clone());
        app.tracker.spawn(answer);
    }

    /// Answers the requests of a machine: it needs no slot, so that it is heard when all are taken.
    pub(crate) fn accept_admin(&self, stream: impl Io, peer: IpAddr) {
        let Ok(place) = Arc::clone(&self.admin).try_acquire_owned() else {
            return;
        };
        let stream = Lingering::new(stream, place, self.app.tracker.clone());
        let (app, stop) = (Arc::clone(&self.app), self.stop.clone());
        self.app.tracker.spawn(answer(stream, self.admin_router.clone(), peer, app, stop));
    }

    /// Answers that the server is full.
    pub(crate) fn refuse(&self, stream: impl Io) {
        let Ok(place) = Arc::clone(&self.busy).try_acquire_owned() else {
            return;
        };
        let stream = Lingering::new(stream, place, self.turned_away.clone());
        let (app, gone) = (Arc::clone(&self.app), self.gone.clone());
        let peer = Ipv4Addr::UNSPECIFIED.into();
        let answer = answer(stream, self.busy_router.clone(), peer, app, CancellationToken::new());
        self.turned_away.spawn(async move { gone.run_until_cancelled(answer).await });
    }
}

/// An open stream, for the metrics.
struct Open(Arc<App>);

impl Open {
    fn new(app: Arc<App>) -> Self {
        app.metrics.connections.inc();
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

/// Any kind of stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Answers the requests of one connection, until it is upgraded or ends.
async fn answer(
    stream: impl Io,
    router: Router,
    peer: IpAddr,
    app: Arc<App>,
    stop: CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(RemoteIp(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.config.handshake_time)
        .max_buf_size(app.config.max_head)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let time = tokio::select! {
        answered = &mut connection => return note(&app, &has_asked, answered),
        () = stop.cancelled() => LAST_REQUEST_TIME,
        () = sleep(HTTP_TIME) => HTTP_TIME,
    };
    connection.as_mut().graceful_shutdown();
    if let Ok(answered) = timeout(time, connection).await {
        note(&app, &has_asked, answered);
    }
}

/// Counts and logs how a connection has ended that did not become a WebSocket.
fn note(app: &App, has_asked: &AtomicBool, answered: hyper::Result<()>) {
    let Err(error) = answered else { return };
    // A connection that has been answered is kept alive for a while, which is not a failure.
    if error.is_timeout() && !has_asked.load(Ordering::Relaxed) {
        app.metrics.refused(Limit::Handshake);
    } else if error.is_parse_too_large() {
        app.metrics.refused(Limit::Head);
        info!(max_head = app.config.max_head, "The head of a request is too large");
    }
    debug!(cause = %error, "Connection ended");
}
