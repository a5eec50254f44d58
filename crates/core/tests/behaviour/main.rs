//! What a user may rely on, each a sentence; time is walked from deadline to deadline.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for")]

mod closing;
mod connecting;
mod edges;
mod errors;
mod groups;
mod heartbeat;
mod holding;
mod machine;
mod messages;
mod page_life;
mod plain;
mod reconnecting;
mod refresh;
mod tokens;
#[path = "../world/mod.rs"]
mod world;

use onesocket_core::protocol::ClientFrame;
use onesocket_core::{Output, Span, Time};

use world::World;

const SECOND: Span = Span::from_secs(1);

fn at(seconds: u64) -> Time {
    Time::since_start(Span::from_secs(seconds))
}

/// What was sent, over whichever socket, from some point of the history on.
fn sent_since(world: &World, start: usize) -> Vec<(u64, &'static str)> {
    let frames = world.said[start..].iter().filter_map(|said| match said {
        Output::Transmit { frame, .. } => Some(frame),
        _ => None,
    });
    frames
        .filter_map(|frame| match frame {
            ClientFrame::Message { id, data } | ClientFrame::Publish { id, data, .. } => {
                Some((id.0, *data))
            }
            _ => None,
        })
        .collect()
}
