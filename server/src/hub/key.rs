//! The number of a connection, and the names made of it.

use onesocket_protocol::{ConnectionId, Epoch};

/// Which connection. The later it was registered, the greater it is; none is used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(pub u64);

impl Key {
    /// Returns the connection's name on the wire.
    pub fn connection_id(self) -> ConnectionId {
        ConnectionId(format!("c{}", self.0))
    }

    /// Returns the name on the wire of what `server` remembers since this connection. Keys begin
    /// anew when a server does, so that its own name is part of it.
    pub fn epoch(self, server: u64) -> Epoch {
        Epoch(format!("{server:x}.{}", self.0))
    }
}
