//! What is sent: a stamp and filling.

use std::fmt::Write as _;

use crate::peer::STAMP;

/// Writes a payload of so many bytes with a stamp in it.
pub(crate) fn payload(stamp: u64, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    let _ = write!(text, "{STAMP}{stamp} ");
    while text.len() < bytes {
        text.push('x');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_stamp_and_its_length() {
        assert_eq!(payload(12, 10), "t=12 xxxxx");
        assert_eq!(payload(12, 0), "t=12 ");
    }
}
