//! The invariants: what must hold of both ends, whatever happens between them.

mod at_end;
mod client;
mod messages;
pub(crate) mod observed;
mod server;
