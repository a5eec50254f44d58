//! Requests: the routes and their answers, up to the upgrade to a WebSocket.

mod echo;
mod publish;
pub(crate) mod router;
pub(crate) mod upgrade;
