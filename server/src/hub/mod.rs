//! Who is connected and in which groups, and the delivery of frames between clients.
//!
//! [`Hub`] is a pure value: commands in, deliveries out. `shared` holds it under its lock beside the
//! queues of the clients, and carries out its deliveries.

mod command;
mod history;
mod key;
mod mailbox;
mod registry;
pub(crate) mod shared;

pub use command::{Command, Count, Delivery, Known, Target};
pub use key::Key;
pub(crate) use mailbox::Inbox;
pub use registry::Hub;
