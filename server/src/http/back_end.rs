//! Who calls: a back end says the publish key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use tracing::info;

use crate::app::App;
use crate::auth::token::Secret;
use crate::http::refusal::{Refusal, RemoteIp, bearer};

/// A request of a back end: only one with the key gets this far.
pub(crate) struct BackEnd;

impl FromRequestParts<Arc<App>> for BackEnd {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        let remote = parts.extensions.get::<RemoteIp>();
        let knows = |key: &Secret| bearer(headers).is_some_and(|said| key.is(said.as_bytes()));
        if app.config.publish_key.as_ref().is_some_and(knows) {
            return Ok(Self);
        }
        // The rate is limited only for requests without the right key.
        app.ask(remote.and_then(|RemoteIp(ip)| app.address(headers, *ip)))?;
        info!("Publish key refused");
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "this is not the publish key"))
    }
}
