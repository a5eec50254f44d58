//! Streams and addresses: how many there may be, how often they may ask, and how they end.

pub(crate) mod address;
pub(crate) mod linger;
pub(crate) mod rate;
pub(crate) mod slots;
pub(crate) mod tcp;
