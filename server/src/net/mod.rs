//! TCP connections and addresses: their limits, and how connections end.

pub(crate) mod address;
pub(crate) mod linger;
pub(crate) mod rate;
pub(crate) mod slots;
pub(crate) mod tcp;
