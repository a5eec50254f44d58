//! `POST /disconnect` and `POST /remove`: a back end ends a user's connections, or a membership.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::post};
use onesocket_protocol::Group;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::app::App;
use crate::config::Config;
use crate::http::back_end::BackEnd;
use crate::http::refusal::Refusal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disconnect {
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    user: String,
    group: String,
}

/// Returns the routes, if there is a key.
pub(crate) fn routes(config: &Config) -> Router<Arc<App>> {
    match config.publish_key {
        Some(_) => {
            Router::new().route("/disconnect", post(disconnect)).route("/remove", post(remove))
        }
        None => Router::new(),
    }
}

async fn disconnect(
    State(app): State<Arc<App>>,
    _: BackEnd,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let Disconnect { user } = read(body, r#"send {"user": …}"#)?;
    Ok(Json(json!({"closed": app.hub.end(&user)})).into_response())
}

async fn remove(
    State(app): State<Arc<App>>,
    _: BackEnd,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let Remove { user, group } = read(body, r#"send {"user": …, "group": …}"#)?;
    let group = Group::new(group)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(Json(json!({"removed": app.hub.remove(&user, group)})).into_response())
}

fn read<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
    expected: &str,
) -> Result<T, Refusal> {
    serde_json::from_slice(&body?)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, format!("{expected}: {error}")))
}
