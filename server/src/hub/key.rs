//! The number of a connection, and the names made of it.

use onesocket_protocol::{ConnectionId, Epoch};

/// The number of a connection, or of a client that shares one. A later one has a greater number; none is
/// used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(pub u64);

impl Key {
    /// Returns the connection's name on the wire.
    pub fn connection_id(self) -> ConnectionId {
        ConnectionId(format!("c{}", self.0))
    }

    /// Returns the name on the wire of the epoch that began with this connection. Keys start again with
    /// each server process, so the number of the process is part of it.
    pub fn epoch(self, server: u64) -> Epoch {
        Epoch(format!("{server:x}.{}", self.0))
    }
}
