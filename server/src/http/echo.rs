//! `GET /echo`, only with `--echo`: a WebSocket that echoes every message.
//!
//! For test suites and load generators that speak RFC 6455 but not our protocol. It needs no token
//! and reaches nobody else, so it has no user, group or session. Limits, silence, slowness and a
//! foreign origin close it as they close a peer.

use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::time::timeout;

use crate::app::App;
use crate::close_cause::CloseCause;
use crate::http::refusal::{Refusal, RemoteIp};
use crate::http::upgrade::{begin, check_origin};
use crate::net::rate::Rate;
use crate::peer::guard::SocketGuard;
use crate::peer::task::{End, close, refuse};

/// Upgrades the connection and echoes.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    Extension(RemoteIp(ip)): Extension<RemoteIp>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let (upgrade, guard) = begin(&app, &headers, ip, upgrade)?;
    let allowed = check_origin(&app, &headers);
    Ok(upgrade.on_upgrade(async move |socket| match allowed {
        Ok(()) => serve(socket, &app, guard).await,
        Err(cause) => refuse(socket, cause, app, guard).await,
    }))
}

async fn serve(mut socket: WebSocket, app: &App, _guard: SocketGuard) {
    let end = tokio::select! {
        biased;
        () = app.stop.cancelled() => {
            End::Server(CloseCause::ServerRestart)
        }
        end = echo(&mut socket, app) => end,
    };
    close(&mut socket, end, app).await;
}

/// Echoes every message until the socket ends.
async fn echo(socket: &mut WebSocket, app: &App) -> End {
    let config = &app.config;
    let rate = Rate::new(config.max_rate, config.max_burst);
    loop {
        let message = match timeout(config.stale_after, socket.recv()).await {
            Ok(Some(Ok(Message::Close(frame)))) => {
                return End::Client { code: frame.map(|frame| frame.code) };
            }
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return End::of_read(error),
            Ok(None) => return End::vanished(),
            Err(_) => return End::Server(CloseCause::Stale),
        };
        if let Err(too_often) = rate.check() {
            return End::too_often(too_often);
        }
        // The library answers pings.
        if let Message::Text(_) | Message::Binary(_) = message {
            match timeout(config.write_time, socket.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return End::Lost { cause: error.to_string() },
                Err(_) => return End::Server(CloseCause::SlowWrite),
            }
        }
    }
}
