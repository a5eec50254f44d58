//! Requests: the routes and their answers, up to the upgrade to a WebSocket.

mod back_end;
mod connections;
mod echo;
mod members;
mod publish;
pub(crate) mod refusal;
pub(crate) mod router;
mod status;
mod token;
mod upgrade;
