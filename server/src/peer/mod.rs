//! The task that owns a client's socket.

mod message;
pub(crate) mod task;
