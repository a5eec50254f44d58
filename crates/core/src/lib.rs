//! The connection machine of onesocket: one WebSocket connection that stays.
//!
//! [`Connection`] takes everything that happens as an [`Input`], and returns everything that has to
//! be done as an [`Output`]. It uses no socket, no clock and no randomness: the time is an argument,
//! the seed is in the [`Config`], and the shell around it performs the outputs. Every history can
//! therefore be replayed, and the tests explore all of them.

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
mod tab;
mod text;
mod time;
mod token;

pub use config::{
    Config, HeartbeatRules, PLAIN_PING_INTERVAL, PlainRules, QueueLimits, Reconnect, RefreshRules,
    TOKEN_TIMEOUT, WhenFailed, Wire,
};
#[cfg(feature = "explore")]
pub use connection::{ConnectedStage, ConnectingStage, EndedStage, Moment, OldSocketStage, Stage};
pub use connection::{Connection, Input, Output, Request};
pub use error::{Error, ErrorCode};
pub use ids::{Attempt, Call};
pub use log::{Level, LogEvent};
pub use stats::Stats;
pub use status::{ReadyState, StateName, Status};
pub use tab::{
    Applicant, Change, Down, Frame, LinkStatus, News, PortId, Role, Tab, TabFrame, TabId, TabInput,
    TabOutput, Term, Terms, Up,
};
pub use text::{Said, Sentence, Text};
pub use time::Time;
pub use token::{Fetch, FetchReason, TokenAnswer};

pub use onesocket_protocol as protocol;
pub use onesocket_protocol::{Span, Token};
