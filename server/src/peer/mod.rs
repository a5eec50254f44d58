//! The task that owns a client's socket.

pub(crate) mod guard;
mod message;
pub(crate) mod task;
