//! `GET /connections`: how many sockets the bearer of a token has open.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use crate::app::App;
use crate::http::refusal::{Refusal, RemoteIp, bearer};

pub(crate) async fn connections(
    State(app): State<Arc<App>>,
    Extension(RemoteIp(ip)): Extension<RemoteIp>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    app.ask(app.address(&headers, ip))?;
    let identity = app
        .validator
        .validate(bearer(&headers))
        .map_err(|error| Refusal::new(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let count = app.hub.count(&identity.user);
    let answer = json!({"user": identity.user, "open": count.open, "opened": count.opened});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
