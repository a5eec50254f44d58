//! `GET /ws`: the upgrade to a WebSocket, and why a client is refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures_util::future::Either;
use onesocket_protocol::{SUBPROTOCOL, offered_client, offered_token};

use crate::app::App;
use crate::auth::token::{Identity, TokenError};
use crate::close_cause::CloseCause;
use crate::http::refusal::{Refusal, RemoteIp};
use crate::limit::Limit;
use crate::peer::guard::SocketGuard;
use crate::peer::task as peer;

/// The default of 128 KiB would cost every idle connection as much, and four times the CPU.
const SOCKET_BUFFER: usize = 4 << 10;

pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    Extension(RemoteIp(ip)): Extension<RemoteIp>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let (upgrade, guard) = begin(&app, &headers, ip, upgrade)?;
    let offered: Vec<&str> =
        upgrade.requested_protocols().filter_map(|offered| offered.to_str().ok()).collect();
    let admitted = admit(&app, &headers, &uri, &offered);
    let client = offered_client(offered.iter().copied()).map(str::to_owned);
    Ok(upgrade.protocols([SUBPROTOCOL]).on_upgrade(move |socket| match admitted {
        Ok(identity) => Either::Left(peer::serve(socket, identity, client, app, guard)),
        Err(cause) => Either::Right(peer::refuse(socket, cause, app, guard)),
    }))
}

/// Begins an upgrade within the limits of the address; the memory that the socket may use is
/// bounded.
pub(crate) fn begin(
    app: &App,
    headers: &HeaderMap,
    peer: IpAddr,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<(WebSocketUpgrade, SocketGuard), Refusal> {
    let address = app.address(headers, peer);
    app.ask(address)?;
    let upgrade =
        upgrade.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    // Behind a proxy the client's address is known only now.
    let slot = match address.filter(|_| app.config.address_header.is_some()) {
        Some(address) => Some(app.slots.take_from(address).ok_or_else(|| {
            app.metrics.refused(Limit::PerAddress);
            Refusal::busy("there are too many connections from this address")
        })?),
        None => None,
    };
    let max_frame = app.config.max_frame();
    let upgrade = upgrade
        .read_buffer_size(SOCKET_BUFFER)
        .write_buffer_size(SOCKET_BUFFER)
        // A frame is written whole, and at most the answer to a ping or a close with it.
        .max_write_buffer_size(SOCKET_BUFFER + 2 * max_frame)
        .max_message_size(max_frame)
        .max_frame_size(max_frame);
    Ok((upgrade, SocketGuard::new(app.tracker.token(), slot)))
}

/// Says whether pages of the request's origin may connect.
pub(crate) fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), CloseCause> {
    let allowed = app.origins.allow(headers);
    if allowed { Ok(()) } else { Err(CloseCause::OriginNotAllowed) }
}

/// Says who connects, or why the client is refused.
fn admit(
    app: &App,
    headers: &HeaderMap,
    uri: &Uri,
    offered: &[&str],
) -> Result<Identity, CloseCause> {
    check_origin(app, headers)?;
    if !offered.contains(&SUBPROTOCOL) {
        return Err(CloseCause::MissingSubprotocol);
    }
    let offered = offered_token(offered.iter().copied());
    let token = offered.or_else(|| queried_token(uri, app.config.token_query.as_deref()?));
    app.validator.validate(token.as_deref()).map_err(|error| match error {
        TokenError::Missing => CloseCause::MissingToken,
        TokenError::Expired => CloseCause::TokenExpired,
        TokenError::Algorithm
        | TokenError::Audience
        | TokenError::Claim(_)
        | TokenError::Early
        | TokenError::Key
        | TokenError::Life
        | TokenError::Newline
        | TokenError::OtherUser
        | TokenError::Shape
        | TokenError::Signature
        | TokenError::User => CloseCause::InvalidToken,
    })
}

/// Returns the token in a query. This server never writes a query to a log.
fn queried_token(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query()?.as_bytes();
    let found = form_urlencoded::parse(query).find(|(key, _)| key == name);
    found.map(|(_, token)| token.into_owned())
}
