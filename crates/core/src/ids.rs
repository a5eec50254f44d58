//! The numbers of sockets and calls.

/// The number of a socket. Every event of a socket carries it, so the machine ignores the events of
/// sockets that it has dropped.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attempt(pub u32);

/// The number of a call that waits for its result. The caller chooses it, and uses none twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Call(pub u32);
