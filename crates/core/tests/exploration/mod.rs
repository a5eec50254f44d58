//! A hostile world around one machine: everything that a browser, a server, a token source, a clock
//! and a user may do, at any moment, and what must hold then.
//!
//! `tests/model` explores this world exhaustively, `tests/properties.rs` at random and at full
//! size. What may happen is in `actions.rs`, what must hold in `invariants/`.
#![allow(dead_code, reason = "each test binary uses its part")]

mod actions;
pub(crate) mod coverage;
mod fingerprint;
mod inputs;
mod invariants;
mod observed;
mod place;
mod scope;
mod stale_inputs;
mod worlds;

use onesocket_core::protocol::{ConnectionId, Epoch, Welcome};
use onesocket_core::{ConnectedStage, ConnectingStage, Span, Stage, StateName};

pub(crate) use actions::Action;
pub(crate) use coverage::Coverage;
pub(crate) use place::Place;
pub(crate) use scope::Scope;

/// A message is a number.
pub(crate) type Message = u8;

/// The invariant that does not hold, if there is one.
pub(crate) type Verdict = Result<(), String>;

/// Returns the message as the invariant that does not hold, unless the condition does.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
use ensure;

/// The stages that invariants name.
pub(crate) const CLOSING_OLD: Stage = Stage::Connecting(ConnectingStage::ClosingOld);
pub(crate) const SERVER_CLOSING: Stage = Stage::Connecting(ConnectingStage::ServerClosing);
pub(crate) const PROBING: Stage = Stage::Connected(ConnectedStage::Probing);
pub(crate) const REFRESHING: Stage = Stage::Connected(ConnectedStage::Refreshing);

/// The page has slept when a timer comes later than this.
pub(crate) const LATE: Span = Span::from_secs(1);

/// The shortest time between two attempts that begin because the page wakes up.
pub(crate) const WAKE_INTERVAL: Span = Span::from_secs(1);

/// How long a probe may take after waking up.
pub(crate) const WAKE_TIMEOUT: Span = Span::from_secs(2);

/// The shortest time between two automatic attempts while the browser says that it is offline.
pub(crate) const OFFLINE_INTERVAL: Span = Span::from_secs(30);

/// How often the server pings.
const PINGS: Span = Span::from_secs(25);

/// The largest message that the server takes.
pub(crate) const LARGEST: usize = 10;

/// The welcome of a server that names its memory of the client `epoch`.
pub(crate) fn welcome(epoch: u32, token_expires_in: Option<Span>) -> Welcome {
    Welcome {
        connection_id: ConnectionId("c".into()),
        user: "ada".into(),
        token_expires_in,
        ping_interval: PINGS,
        max_message_bytes: LARGEST,
        epoch: Some(Epoch(epoch.to_string())),
        tabs: None,
    }
}

/// Says whether the connection exists or is being tried for.
pub(crate) fn is_live(state: StateName) -> bool {
    match state {
        StateName::Connecting | StateName::Connected | StateName::Waiting => true,
        StateName::Idle | StateName::Closing | StateName::Closed | StateName::Failed => false,
    }
}

/// Says whether the connection was ended, or has failed: nothing can be sent.
pub(crate) fn is_over(state: StateName) -> bool {
    state != StateName::Idle && !is_live(state)
}
