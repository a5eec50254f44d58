//! The routes of HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tokio::time::timeout;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;

use crate::app::App;
use crate::config::Config;
use crate::http::connections::connections;
use crate::http::echo;
use crate::http::members;
use crate::http::publish;
use crate::http::refusal::Refusal;
use crate::http::status;
use crate::http::token::token;
use crate::http::upgrade::upgrade;
use crate::limit::Limit;

/// The maximum size of the body of a request, in bytes: a user's name has up to 128.
const MAX_BODY: usize = 4 << 10;

/// How long a request may take, from its head to the answer, the body included.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Returns the routes.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let config = &app.config;
    let allowing = Arc::clone(app);
    let named = AllowOrigin::predicate(move |origin, _| allowing.origins.names(origin));
    let cors = CorsLayer::new()
        .allow_origin(named)
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
        // Inside the layer, which answers a preflight request before the method is rejected.
        .merge(calls.method_not_allowed_fallback(wrong_method).layer(cors))
        .merge(status::health_routes().method_not_allowed_fallback(wrong_method))
        .merge(sockets);
    let router = if config.admin { router } else { router.merge(machine_routes(config)) };
    let router = match &config.site {
        Some(site) => {
            let files = ServeDir::new(site).fallback(get(nothing_here));
            router.fallback_service(files)
        }
        None => router.fallback(nothing_here),
    };
    in_bounds(router, app)
}

/// Returns the routes of the admin listener.
pub(crate) fn admin_router(app: &Arc<App>) -> Router {
    let health = status::health_routes().method_not_allowed_fallback(wrong_method);
    in_bounds(health.merge(machine_routes(&app.config)).fallback(nothing_here), app)
}

/// Returns the routes that are for machines: what counts, and back ends.
fn machine_routes(config: &Config) -> Router<Arc<App>> {
    status::metrics_route()
        .merge(publish::route(config))
        .merge(members::routes(config))
        .method_not_allowed_fallback(wrong_method)
}

/// Returns the routes of a full server, which still answers health checks.
pub(crate) fn busy_router(app: &Arc<App>) -> Router {
    let busy = async || Refusal::busy("the server has no room for another connection");
    let routes = status::health_routes();
    let routes = if app.config.admin { routes } else { routes.merge(status::metrics_route()) };
    in_bounds(routes.method_not_allowed_fallback(wrong_method).fallback(busy), app)
}

/// Bounds the size of a request's body, where its route does not, and the time to answer it.
fn in_bounds(router: Router<Arc<App>>, app: &Arc<App>) -> Router {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(app), in_time))
        .with_state(Arc::clone(app))
}

/// Answers a request in time: its body may arrive byte by byte.
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

async fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")
}

async fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
}
