//! The routes: who may come in, and by which door.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use onesocket_protocol::{CloseCode, SUBPROTOCOL, offered_client, offered_token};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::CorsLayer;
use tower_http::services::ServeDir;
use tracing::info;

use crate::config::Config;
use crate::peer;
use crate::raw_echo;
use crate::switchboard::Switchboard;
use crate::token::{Identity, TokenError, Tokens};
use crate::validation::validate;

/// The largest body of a request, in bytes: a user's name is 128.
const MAX_BODY: usize = 4 << 10;

/// The library's 128 KiB cost every idle connection as much, and four times the processor.
const SOCKET_BUFFER: usize = 4 << 10;

/// A page of this origin must not come back: it will not be let in next time either.
pub(crate) const ORIGIN_NOT_ALLOWED: CloseCode = CloseCode::seen(4403);

/// What all requests share.
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) tokens: Tokens,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) tracker: TaskTracker,
    /// Cancelled once the server leaves.
    pub(crate) stop: CancellationToken,
}

/// Why a request was refused: a status and a sentence.
pub(crate) struct Refusal(StatusCode, String);

#[derive(Deserialize)]
struct TokenRequest {
    user: String,
}

/// Returns the routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let allowed = app.config.allow_origins.iter();
    let cors = CorsLayer::new()
        .allow_origin(
            allowed.filter_map(|origin| origin.parse().ok()).collect::<Vec<HeaderValue>>(),
        )
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    let mut calls = Router::new().route("/connections", get(connections));
    if app.config.issue_tokens {
        calls = calls.route("/token", post(token));
    }
    let echo = match app.config.echo {
        true => Router::new().route("/echo", any(raw_echo::upgrade)),
        false => Router::new(),
    };
    let router = Router::new()
        .merge(echo)
        // Inside the layer, which answers a preflight before the method is found wrong.
        .merge(calls.method_not_allowed_fallback(wrong_method).layer(cors))
        .route("/ws", any(upgrade));
    let router = match &app.config.site {
        Some(site) => {
            let files = ServeDir::new(site).fallback(get(nothing_here));
            router.fallback_service(files)
        }
        None => router.fallback(nothing_here),
    };
    router.layer(DefaultBodyLimit::max(MAX_BODY)).with_state(app)
}

async fn upgrade(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Refusal::from(rejection).into_response(),
    };
    let offered: Vec<&str> =
        upgrade.requested_protocols().filter_map(|offered| offered.to_str().ok()).collect();
    let admitted = admit(&app, &headers, &offered);
    let client = offered_client(offered.iter().copied()).map(str::to_owned);
    let upgrade = with_limits(upgrade, &app.config).protocols([SUBPROTOCOL]);
    // Held from now on: between the answer and the task there must be no gap in which the server
    // could leave without it.
    let tracked = app.tracker.token();
    upgrade.on_upgrade(async move |socket| {
        let _tracked = tracked;
        match admitted {
            Ok(identity) => {
                let App { config, tokens, switchboard, .. } = &*app;
                let config = Arc::clone(config);
                peer::serve(socket, identity, client, config, tokens, switchboard).await;
            }
            Err((code, reason)) => peer::refuse(socket, code, reason).await,
        }
    })
}

/// Bounds what a socket holds in memory.
pub(crate) fn with_limits(upgrade: WebSocketUpgrade, config: &Config) -> WebSocketUpgrade {
    let max_frame = config.max_frame();
    upgrade
        .read_buffer_size(SOCKET_BUFFER)
        .write_buffer_size(SOCKET_BUFFER)
        .max_message_size(max_frame)
        .max_frame_size(max_frame)
}

/// Says who wants to connect, or the close code and the reason for which nobody can.
fn admit(
    app: &App,
    headers: &HeaderMap,
    offered: &[&str],
) -> Result<Identity, (CloseCode, &'static str)> {
    if !origin_allowed(headers, &app.config.allow_origins) {
        info!("Origin not allowed");
        return Err((ORIGIN_NOT_ALLOWED, "this origin is not allowed"));
    }
    if !offered.contains(&SUBPROTOCOL) {
        return Err((CloseCode::BAD_FRAME, "offer the subprotocol onesocket.v1"));
    }
    let token = offered_token(offered.iter().copied());
    validate(&app.tokens, token.as_deref()).map_err(|error| {
        let reason = match error {
            TokenError::Missing => "no token",
            TokenError::Expired => "the token has expired",
            TokenError::Algorithm
            | TokenError::Audience
            | TokenError::Claims
            | TokenError::Early
            | TokenError::Life
            | TokenError::OtherUser
            | TokenError::Shape
            | TokenError::Signature
            | TokenError::User => "the token is not valid",
        };
        (CloseCode::UNAUTHORIZED, reason)
    })
}

async fn token(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    if !origin_allowed(&headers, &app.config.allow_origins) {
        return Err(Refusal(StatusCode::FORBIDDEN, "this origin is not allowed".into()));
    }
    let body = body.map_err(|rejection| Refusal(rejection.status(), rejection.body_text()))?;
    // Whatever its type is said to be: a form on a foreign page cannot read the answer.
    let request: TokenRequest = serde_json::from_slice(&body)
        .map_err(|_| Refusal(StatusCode::BAD_REQUEST, r#"send {"user":"a name"}"#.into()))?;
    let token = app
        .tokens
        .issue(&request.user, &unique_id()?, SystemTime::now())
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
    info!(user = request.user, "Token issued");
    let answer = json!({"token": token, "expiresInMs": whole_ms(app.tokens.life())});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn connections(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let identity = validate(&app.tokens, bearer)
        .map_err(|error| Refusal(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let count = app.switchboard.count(&identity.user);
    let answer = json!({"user": identity.user, "open": count.open, "opened": count.opened});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn nothing_here() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there is nothing here".into())
}

async fn wrong_method() -> Refusal {
    Refusal(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method".into())
}

/// Says whether the page that asks may. A browser always says which one asks; what is no browser
/// says nothing, and has no user whose rights it could abuse.
pub(crate) fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    let same = origin_host.zip(host).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
    same || allowed.iter().any(|allowed| allowed == origin)
}

fn unique_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| {
        let sentence = "the system has no random numbers";
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, sentence.into())
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn whole_ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<WebSocketUpgradeRejection> for Refusal {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, Json(json!({"error": error}))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_host_or_none_or_a_named_one() {
        let allowed = ["https://app.example.org".to_owned()];
        for (origin, host, expected) in [
            (None, "localhost:8080", true),
            (Some("http://localhost:8080"), "localhost:8080", true),
            (Some("http://LOCALHOST:8080"), "localhost:8080", true),
            (Some("https://app.example.org"), "localhost:8080", true),
            (Some("http://localhost:8081"), "localhost:8080", false),
            (Some("http://localhost"), "localhost:8080", false),
            (Some("http://app.example.org"), "localhost:8080", false),
            (Some("https://app.example.org.evil.org"), "localhost:8080", false),
            (Some("null"), "localhost:8080", false),
            (Some(""), "localhost:8080", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(origin_allowed(&headers, &allowed), expected, "{origin:?}");
        }
    }
}
