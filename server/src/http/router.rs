//! The routes: who may come in, and by which door.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tower_http::cors::CorsLayer;
use tower_http::services::ServeDir;
use tracing::info;

use super::echo;
use super::publish;
use super::upgrade::upgrade;
use crate::app::App;
use crate::auth::origin;
use crate::limit::Limit;
use crate::net::rate::TooOften;

/// The largest body of a request, in bytes: a user's name is 128.
const MAX_BODY: usize = 4 << 10;

/// How long a request may take, from its head to the answer: the body comes within it.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Who is at the other end of the stream.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Why a request was refused: a status and a sentence.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) sentence: String,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct TokenRequest {
    user: String,
}

/// Returns the routes.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let config = &app.config;
    let allowed = config.allow_origins.iter();
    let cors = CorsLayer::new()
        .allow_origin(
            allowed.filter_map(|origin| origin.parse().ok()).collect::<Vec<HeaderValue>>(),
        )
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    let mut calls = Router::new().route("/connections", get(connections));
    if config.issue_tokens {
        calls = calls.route("/token", post(token));
    }
    let mut sockets = Router::new().route("/ws", any(upgrade));
    if config.echo {
        sockets = sockets.route("/echo", any(echo::upgrade));
    }
    let router = Router::new()
        // Inside the layer, which answers a preflight before the method is found wrong.
        .merge(calls.method_not_allowed_fallback(wrong_method).layer(cors))
        .merge(publish::route(config).method_not_allowed_fallback(wrong_method))
        .merge(status())
        .merge(sockets);
    let router = match &config.site {
        Some(site) => {
            let files = ServeDir::new(site).fallback(get(nothing_here));
            router.fallback_service(files)
        }
        None => router.fallback(nothing_here),
    };
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(app), in_time))
        .with_state(Arc::clone(app))
}

/// Returns the routes of a server that has no room for more: who asks for its health is answered.
pub(crate) fn busy_router(app: &Arc<App>) -> Router {
    let busy = async || Refusal::busy("the server has no room for another connection");
    status()
        .fallback(busy)
        .layer(from_fn_with_state(Arc::clone(app), in_time))
        .with_state(Arc::clone(app))
}

fn status() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(wrong_method)
}

/// Has a request answered in time: its body may come drop by drop.
async fn in_time(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let answer = timeout(REQUEST_TIME, next.run(request)).await;
    Ok(answer.unwrap_or_else(|_| {
        app.metrics.refused(Limit::Request);
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response()
    }))
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    if app.is_ready() { Ok("ready\n") } else { Err(Refusal::busy("the server is not ready")) }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}

async fn token(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    app.ask(app.address(&headers, peer))?;
    if !origin::allowed(&headers, &app.config.allow_origins) {
        app.metrics.refused(Limit::Origin);
        return Err(Refusal::new(StatusCode::FORBIDDEN, "this origin is not allowed"));
    }
    let body = body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    // Whatever its type is said to be: a form on a foreign page cannot read the answer.
    let request: TokenRequest = serde_json::from_slice(&body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, r#"send {"user":"a name"}"#))?;
    let tokens = &app.validator.tokens;
    let token = tokens
        .issue(&request.user, &unique_id()?, SystemTime::now())
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    info!(user = request.user, "Token issued");
    let answer = json!({"token": token, "expiresInMs": whole_ms(tokens.life())});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn connections(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    app.ask(app.address(&headers, peer))?;
    let identity = app
        .validator
        .validate(bearer(&headers))
        .map_err(|error| Refusal::new(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let count = app.switchboard.count(&identity.user);
    let answer = json!({"user": identity.user, "open": count.open, "opened": count.opened});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")
}

async fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
}

/// Returns what an `Authorization: Bearer` has.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn unique_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| {
        let sentence = "the system has no random numbers";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, sentence)
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), retry_after: None }
    }

    /// There is no room, at the moment.
    pub(crate) fn busy(sentence: &str) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, sentence) }
    }
}

impl From<TooOften> for Refusal {
    fn from(too_often: TooOften) -> Self {
        let retry_after = Some(too_often.whole_secs());
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "ask less often") }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, sentence, retry_after } = self;
        let mut response = (status, Json(json!({"error": sentence}))).into_response();
        if let Some(secs) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
        response
    }
}
