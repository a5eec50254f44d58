//! Names and numbers that travel: which message, which connection, which group.

use std::fmt;

/// Numbers what one client says, from 1 upwards, for as long as that client lives: across
/// reconnects too, so that an answer and a repetition can be told by it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "json", derive(serde::Deserialize, serde::Serialize))]
pub struct MessageId(pub u64);

impl MessageId {
    /// The largest id: beyond it a JavaScript number is no longer exact.
    pub const MAX: Self = Self((1 << 53) - 1);
}

/// Names one connection, as the server's welcome does.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "json", derive(serde::Deserialize, serde::Serialize))]
pub struct ConnectionId(pub String);

/// Identifies what a server remembers of one client: the ids of the messages that it has received.
/// A server that has forgotten, after a restart for example, begins a new epoch.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "json", derive(serde::Deserialize, serde::Serialize))]
pub struct Epoch(pub String);

/// Numbers a client on a connection that several clients share: its own client is 0, and those that
/// are attached to it choose theirs, from 1 to [`MAX`](Self::MAX).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(pub u16);

impl Slot {
    /// The connection's own client.
    pub const OWN: Self = Self(0);

    /// How many clients may be attached to a connection. 64: more tabs of one application than that
    /// are open nowhere.
    pub const MAX: Self = Self(64);
}

/// The name of a group: 1 to 128 bytes of UTF-8 without control characters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct Group(String);

/// Why a text is no name of a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GroupError;

impl Group {
    /// The longest name, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// Takes a text as the name of a group.
    ///
    /// # Errors
    ///
    /// Refuses an empty or too long text, and one with a control character.
    pub fn new(name: impl Into<String>) -> Result<Self, GroupError> {
        let name = name.into();
        let fits = (1..=Self::MAX_BYTES).contains(&name.len());
        if fits && !name.chars().any(char::is_control) { Ok(Self(name)) } else { Err(GroupError) }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a group is 1 to 128 bytes of UTF-8 without control characters")
    }
}

impl std::error::Error for GroupError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_short_printable_name() {
        assert!(Group::new("room/1 – ünïcode").is_ok());
        assert!(Group::new("x".repeat(Group::MAX_BYTES)).is_ok());
        for bad in ["", "a\nb", "\u{1b}[31m", &"x".repeat(Group::MAX_BYTES + 1)] {
            assert_eq!(Group::new(bad), Err(GroupError), "{bad:?}");
        }
    }
}
