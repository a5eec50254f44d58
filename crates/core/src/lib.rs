//! The connection machine of onesocket: one WebSocket connection, and it stays.
//!
//! [`Connection`] is told everything that happens ([`Input`]) and says everything that is to be
//! done ([`Output`]). It reaches no socket, no clock, no randomness: time is an argument, a seed is
//! in the [`Config`], and the shell around it carries out what it says. So every history of it can
//! be replayed, and proved.

mod backoff;
mod config;
mod connection;
mod demand;
mod error;
mod groups;
mod heartbeat;
mod ids;
mod log;
mod outbox;
mod state;
mod stats;
mod status;
mod time;
mod token;

pub use config::{
    Config, HeartbeatRules, PLAIN_PING_INTERVAL, PlainRules, QueueLimits, Reconnect, RefreshRules,
    TOKEN_TIMEOUT, Wire,
};
#[cfg(feature = "explore")]
pub use connection::{ConnectedStage, ConnectingStage, EndedStage, Moment, OldSocketStage, Stage};
pub use connection::{Connection, Input, Output, Request};
pub use error::{Error, ErrorCode};
pub use ids::{Attempt, Call};
pub use log::{Level, LogEvent};
pub use stats::Stats;
pub use status::{ReadyState, StateName, Status};
pub use time::{Time, whole_ms};
pub use token::{Fetch, FetchReason, TokenAnswer};

pub use onesocket_protocol as protocol;
pub use onesocket_protocol::Token;
