//! Close codes, and the one function that says whether a client may come back.

use std::time::Duration;

/// The status code of a WebSocket close (RFC 6455, section 7.4), as it was seen: browsers report
/// any number from 0 to 65535.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

/// What a client may do after a close.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Retry {
    /// The client must not come back by itself.
    Never,
    /// The client may come back under its usual rules.
    Soon,
    /// The client may come back once, with a token it has just fetched.
    WithFreshToken,
}

impl CloseCode {
    /// The sender is done with this connection.
    pub const NORMAL: Self = Self(1000);
    /// The server is being restarted (registered with IANA as "Service Restart").
    pub const SERVICE_RESTART: Self = Self(1012);
    /// No close frame came at all; never sent, only reported.
    pub const ABNORMAL: Self = Self(1006);
    /// A frame that the protocol does not allow.
    pub const BAD_FRAME: Self = Self(4400);
    /// No token, a bad one, or one that has run out.
    pub const UNAUTHORIZED: Self = Self(4401);
    /// The client gave up waiting for the session to be agreed.
    pub const TIMED_OUT: Self = Self(4408);
    /// The same user has connected elsewhere.
    pub const REPLACED: Self = Self(4409);
    /// A message was larger than the server takes.
    pub const TOO_LARGE: Self = Self(4413);
    /// No message from the client for too long.
    pub const STALE: Self = Self(4508);
    /// The client reads more slowly than it is sent to.
    pub const SLOW_CONSUMER: Self = Self(4513);
    /// Too many requests; the reason says when to come back, see [`retry_after`].
    pub const TOO_MANY_REQUESTS: Self = Self(4529);

    /// Takes a code as an event reported it.
    pub const fn seen(code: u16) -> Self {
        Self(code)
    }

    /// Takes a code that an endpoint wants to send; `None` where browsers and the RFC forbid it.
    /// Only 1000 and 3000–4999 may be sent from a page.
    pub const fn sendable(code: u16) -> Option<Self> {
        match code {
            1000 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Says whether the client may come back. The range decides, so a client obeys codes that were
    /// invented after it was shipped.
    pub const fn retry(self) -> Retry {
        match self.0 {
            4401 => Retry::WithFreshToken,
            1000 | 1002 | 1003 | 1007..=1010 | 4400..=4499 => Retry::Never,
            _ => Retry::Soon,
        }
    }
}

/// The longest delay before the next attempt that is believed, whoever names it: a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Reads the delay that the reason of a [`CloseCode::TOO_MANY_REQUESTS`] close names:
/// `retry-after-ms=` and a decimal number of milliseconds, at most [`LONGEST_RETRY_AFTER`].
pub fn retry_after(reason: &str) -> Option<Duration> {
    let ms: u64 = reason.strip_prefix("retry-after-ms=")?.parse().ok()?;
    Some(Duration::from_millis(ms).min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_close_code_says_whether_to_come_back() {
        for (codes, retry) in [
            (vec![1000, 1002, 1003, 1007, 1008, 1009, 1010], Retry::Never),
            (vec![4400, 4402, 4409, 4413, 4499], Retry::Never),
            (vec![4401], Retry::WithFreshToken),
            (vec![0, 999, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015], Retry::Soon),
            (vec![3000, 4000, 4399, 4500, 4508, 4513, 4529, 5000, 65535], Retry::Soon),
        ] {
            for code in codes {
                assert_eq!(CloseCode::seen(code).retry(), retry, "{code}");
            }
        }
    }

    #[test]
    fn only_codes_that_a_page_may_send_are_sendable() {
        for code in [1000, 3000, 4409, 4999] {
            assert_eq!(CloseCode::sendable(code).map(CloseCode::get), Some(code));
        }
        for code in [0, 999, 1001, 1005, 1006, 2999, 5000] {
            assert_eq!(CloseCode::sendable(code), None);
        }
    }

    #[test]
    fn a_reason_may_name_a_delay() {
        assert_eq!(retry_after("retry-after-ms=1500"), Some(Duration::from_millis(1500)));
        assert_eq!(retry_after("retry-after-ms=99999999999"), Some(Duration::from_hours(24)));
        for reason in ["", "1500", "retry-after-ms=", "retry-after-ms=-1", "retry-after-ms=1.5"] {
            assert_eq!(retry_after(reason), None, "{reason}");
        }
    }
}
