//! `GET /echo`, which only `--echo` opens: a WebSocket that gets back what it sends.
//!
//! For test suites and load generators that know RFC 6455 and nothing of ours. Nobody needs a token
//! for it and it reaches nobody else, so it has no part in users, groups and sessions; a page of a
//! foreign origin, a frame above the limit, silence and slowness end it as they end a peer.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use onesocket_protocol::CloseCode;
use tokio::time::timeout;

use crate::http::{App, ORIGIN_NOT_ALLOWED, Refusal, origin_allowed, with_limits};
use crate::peer::{End, WRITE_TIME, close, refuse};

/// Upgrades whoever asks, and echoes.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = with_limits(upgrade?, &app.config);
    let allowed = origin_allowed(&headers, &app.config.allow_origins);
    let tracked = app.tracker.token();
    Ok(upgrade.on_upgrade(async move |socket| {
        let _tracked = tracked;
        if allowed {
            serve(socket, &app).await;
        } else {
            refuse(socket, ORIGIN_NOT_ALLOWED, "this origin is not allowed").await;
        }
    }))
}

async fn serve(mut socket: WebSocket, app: &App) {
    let end = tokio::select! {
        biased;
        () = app.stop.cancelled() => {
            let reason = "the server is going and will be back";
            End::Server { code: CloseCode::SERVICE_RESTART, reason }
        }
        end = echo(&mut socket, app.config.stale_after) => end,
    };
    close(&mut socket, end).await;
}

/// Sends back what comes, up to the end.
async fn echo(socket: &mut WebSocket, stale_after: Duration) -> End {
    loop {
        let message = match timeout(stale_after, socket.recv()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return End::of_read(error),
            Ok(None) => return End::Lost { cause: "no close frame".into() },
            Err(_) => {
                return End::Server { code: CloseCode::STALE, reason: "no frame for too long" };
            }
        };
        match message {
            Message::Text(_) | Message::Binary(_) => {
                match timeout(WRITE_TIME, socket.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return End::Lost { cause: error.to_string() },
                    Err(_) => {
                        let reason = "a write took too long";
                        return End::Server { code: CloseCode::SLOW_CONSUMER, reason };
                    }
                }
            }
            // Answered by the library.
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(frame) => return End::Client { code: frame.map(|frame| frame.code) },
        }
    }
}
