//! Requests that are refused, and the parts of a request that several routes read.

use std::net::IpAddr;

use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use crate::net::rate::TooOften;

/// The address of the other end of the TCP connection.
#[derive(Clone, Copy)]
pub(crate) struct RemoteIp(pub(crate) IpAddr);

/// Why a request was refused: a status and a sentence.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) sentence: String,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
}

/// Returns what an `Authorization: Bearer` has.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), retry_after: None }
    }

    /// The server is full at the moment.
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

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
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
