//! What a WebSocket carries.

/// What a WebSocket has received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
}

/// What a WebSocket is to send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Encoded {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
}

impl Encoded {
    /// Lends it to be read.
    pub fn as_wire(&self) -> Wire<'_> {
        match self {
            Self::Text(text) => Wire::Text(text),
            Self::Binary(bytes) => Wire::Binary(bytes),
        }
    }
}
