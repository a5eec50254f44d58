//! The limits of the server, by name.

/// A limit that has refused something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// `--max-address-rate`
    AddressRate,
    /// `--max-connections`
    Connections,
    /// The number of groups that one connection may join.
    Groups,
    /// `--handshake-time`
    Handshake,
    /// `--max-head`
    Head,
    /// `--max-message`
    Message,
    /// `--allow-origin`
    Origin,
    /// `--max-per-address`
    PerAddress,
    /// `--max-queue`
    Queue,
    /// `--max-rate`
    Rate,
    /// The time from the head of a request to its answer.
    Request,
    /// What a token allows, and `--open-groups`.
    Rights,
    /// `--write-time`
    Write,
}

impl Limit {
    /// Returns the name, as the metrics show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressRate => "address-rate",
            Self::Connections => "connections",
            Self::Groups => "groups",
            Self::Handshake => "handshake",
            Self::Head => "head",
            Self::Message => "message",
            Self::Origin => "origin",
            Self::PerAddress => "per-address",
            Self::Queue => "queue",
            Self::Rate => "rate",
            Self::Request => "request",
            Self::Rights => "rights",
            Self::Write => "write",
        }
    }
}
