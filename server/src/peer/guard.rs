//! The resources that belong to a WebSocket for as long as it exists.

use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::net::slots::Slot;

/// The resources of a socket, from the answer to its upgrade: between that and its task there must be
/// no gap in which the server could shut down without it. Dropping the guard frees them.
pub(crate) struct SocketGuard {
    _tracked: TaskTrackerToken,
    _slot: Option<Slot>,
}

impl SocketGuard {
    pub(crate) fn new(tracked: TaskTrackerToken, slot: Option<Slot>) -> Self {
        Self { _tracked: tracked, _slot: slot }
    }
}
