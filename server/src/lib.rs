//! The server of onesocket: the other end of one WebSocket connection per user.
//!
//! [`Server::serve`] serves on a listener that the caller has bound, so that a test can bind port 0.
//! A [`Handler`] handles what clients `send()`, and a [`Publisher`] sends messages to them.
//!
//! The acceptor takes streams (`net` limits them), `http` routes their requests, and an upgrade
//! ends in a task per client (`peer`), which owns the socket and a bounded queue and feeds a pure
//! `session`. The pure `hub` knows who is connected and in which groups, under one lock.
//!
//! Deliberately absent: queues without bounds, broadcast channels, a lock held over an await, a
//! token in a log.

mod acceptor;
mod app;
mod auth;
mod close_cause;
mod config;
mod handler;
mod http;
pub mod hub;
mod limit;
mod metrics;
mod net;
mod outgoing;
mod payload;
mod peer;
mod publisher;
mod server;
pub mod session;

pub use auth::public_key::{PublicKey, PublicKeyError};
pub use auth::rights::{Access, DecidedBy, Pattern, PatternError, Rights};
pub use auth::token;
pub use onesocket_protocol::Group;

pub use crate::close_cause::CloseCause;
pub use crate::config::Config;
pub use crate::handler::{Answer, Deciding, Decision, GroupRequest, Handler, Handling, Incoming};
pub use crate::hub::Target;
pub use crate::limit::Limit;
pub use crate::outgoing::Outgoing;
pub use crate::payload::{Json, Payload, TooLarge};
pub use crate::publisher::Publisher;
pub use crate::server::Server;
