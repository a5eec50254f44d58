//! The invariants: what must hold of both ends, whatever happens between them.

pub(crate) mod client;
mod server;
