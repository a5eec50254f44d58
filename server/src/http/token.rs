//! `POST /token`, only with `--issue-tokens`: issues a token to anyone who asks.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use onesocket_protocol::Span;
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use crate::app::App;
use crate::auth::rights::Rights;
use crate::http::refusal::{Refusal, RemoteIp};
use crate::limit::Limit;

#[derive(Deserialize)]
struct TokenRequest {
    user: String,
    /// The claim of that name, so that rights can be tried.
    groups: Option<Rights>,
}

pub(crate) async fn token(
    State(app): State<Arc<App>>,
    Extension(RemoteIp(ip)): Extension<RemoteIp>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    app.ask(app.address(&headers, ip))?;
    if !app.origins.allow(&headers) {
        app.metrics.refused(Limit::Origin);
        return Err(Refusal::new(StatusCode::FORBIDDEN, "this origin is not allowed"));
    }
    // Whatever its Content-Type: a form on a foreign page cannot read the answer.
    let request: TokenRequest = serde_json::from_slice(&body?).map_err(|_| {
        let sentence = r#"send {"user":"a name"}, or {"user":"a name","groups":["a group"]}"#;
        Refusal::new(StatusCode::BAD_REQUEST, sentence)
    })?;
    let tokens = &app.validator.tokens;
    let rights = request.groups.unwrap_or_default();
    let token = tokens
        .issue_with(&rights, &request.user, &unique_id()?, SystemTime::now())
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    info!(user = request.user, "Token issued");
    let answer = json!({"token": token, "expiresInMs": Span::from(tokens.life()).whole_ms()});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

fn unique_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| {
        let sentence = "the system has no random numbers";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, sentence)
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
