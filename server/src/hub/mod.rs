//! Who is connected and in which groups, and the frames on their way between clients.

mod answered;
mod mailbox;
mod registry;
pub(crate) mod shared;

pub(crate) use mailbox::Inbox;
pub use registry::{Command, Count, Delivery, Hub, Key, Known, Target};
