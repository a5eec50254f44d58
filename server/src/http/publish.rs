//! `POST /publish`: a message of a back end to a group, a user or all.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, extract::DefaultBodyLimit, routing::post};
use onesocket_protocol::{Group, Payload, ServerFrame, ServerMessage};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::app::App;
use crate::config::Config;
use crate::http::back_end::BackEnd;
use crate::http::refusal::Refusal;
use crate::hub::Target;
use crate::limit::Limit;
use crate::outgoing::Outgoing;

/// The body. Other fields are reported as mistakes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    to: To,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum To {
    All,
    Group(String),
    User(String),
}

/// Returns the route, if there is a key.
pub(crate) fn route(config: &Config) -> Router<Arc<App>> {
    match config.publish_key {
        Some(_) => Router::new()
            .route("/publish", post(publish))
            .layer(DefaultBodyLimit::max(config.max_frame())),
        None => Router::new(),
    }
}

async fn publish(
    State(app): State<Arc<App>>,
    _: BackEnd,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.inspect_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            app.metrics.refused(Limit::Message);
        }
    })?;
    let (target, data) = read(&body)?;
    let payload = Payload::Json(data.get());
    let frame = |group| {
        let message = ServerMessage { data: payload, group, from: None };
        Outgoing::new(&ServerFrame::Message(message))
    };
    let delivered = app.publish(target, data.get().len(), frame).map_err(|error| {
        let sentence = format!("data may have {} bytes", error.limit);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
    })?;
    Ok(Json(json!({"delivered": delivered})).into_response())
}

fn read(body: &[u8]) -> Result<(Target, &RawValue), Refusal> {
    let bad = |sentence: String| Refusal::new(StatusCode::BAD_REQUEST, sentence);
    let request: Request<'_> = serde_json::from_slice(body).map_err(|error| {
        bad(format!(
            r#"send {{"to": "all" or {{"group": …}} or {{"user": …}}, "data": …}}: {error}"#
        ))
    })?;
    let target = match request.to {
        To::All => Target::All,
        To::Group(name) => Target::Group(Group::new(name).map_err(|error| bad(error.to_string()))?),
        To::User(name) => Target::User(name),
    };
    Ok((target, request.data))
}
