//! `GET /healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::refusal::Refusal;

/// Returns the routes for who asks whether the server is well.
pub(crate) fn health_routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
}

/// Returns the route for who counts.
pub(crate) fn metrics_route() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(metrics))
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    if app.is_ready() { Ok("ready\n") } else { Err(Refusal::busy("the server is not ready")) }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}
