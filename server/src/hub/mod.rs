//! Who is connected and in which groups, and the frames on their way between clients.
//!
//! [`Hub`] is a pure value: commands in, deliveries out. `shared` holds it under its lock beside the
//! queue of every client, and carries out what it says.

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
