//! The numbers by which the machine and its shell name sockets and calls.

/// Numbers the sockets. Every event of a socket names its attempt, and the machine drops what
/// strangers say.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attempt(pub u32);

/// Numbers the calls whose answers are awaited. The caller picks the numbers; none is used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Call(pub u32);
