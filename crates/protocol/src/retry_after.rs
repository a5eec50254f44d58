//! The delay that the reason of a [`CloseCode::TOO_MANY_REQUESTS`](crate::CloseCode) close names:
//! how a server writes it and how a client reads it.

use crate::span::Span;

/// What such a reason begins with; a decimal number of milliseconds follows.
const PREFIX: &str = "retry-after-ms=";

/// The longest delay before the next attempt that a client obeys, whoever names it: a day.
pub const LONGEST_RETRY_AFTER: Span = Span::from_hours(24);

/// Writes a delay as a close reason.
pub fn retry_after_reason(delay: Span) -> String {
    format!("{PREFIX}{}", delay.whole_ms())
}

/// Reads the delay that a close reason names, at most [`LONGEST_RETRY_AFTER`]; `None` if it names
/// none.
pub fn retry_after(reason: &str) -> Option<Span> {
    let ms: u64 = reason.strip_prefix(PREFIX)?.parse().ok()?;
    Some(Span::from_millis(ms).min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_name_a_delay() {
        assert_eq!(retry_after("retry-after-ms=1500"), Some(Span::from_millis(1500)));
        assert_eq!(retry_after("retry-after-ms=99999999999"), Some(Span::from_hours(24)));
        for reason in ["", "1500", "retry-after-ms=", "retry-after-ms=-1", "retry-after-ms=1.5"] {
            assert_eq!(retry_after(reason), None, "{reason}");
        }
    }

    #[test]
    fn a_delay_is_written_in_whole_milliseconds() {
        let written = retry_after_reason(Span::from_micros(1_500_900));

        assert_eq!(written, "retry-after-ms=1500");
    }
}
