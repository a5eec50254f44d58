//! Close codes: the one table of those that have a name, and the one function that says whether a
//! client may come back.

/// The status code of a WebSocket close (RFC 6455, section 7.4), as it was seen: browsers report
/// any number from 0 to 65535.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

/// What a client may do after a close.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Retry {
    /// The client must not reconnect by itself.
    Never,
    /// The client may reconnect under its usual rules.
    Soon,
    /// The client may reconnect once, with a token it has just fetched.
    WithFreshToken,
}

/// A row of the table of close codes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NamedCloseCode {
    /// The code.
    pub code: CloseCode,
    /// Its name: that of the IANA registry, where it is registered there.
    pub name: &'static str,
    /// What it means, for people.
    pub meaning: &'static str,
    /// The `error.code` with which a client fails for good; `None` where it always reconnects.
    pub error: Option<&'static str>,
}

/// Makes the constants of [`CloseCode`] and [`CloseCode::NAMED`] from the rows of one table.
macro_rules! close_codes {
    ($($number:literal $constant:ident, $name:literal, $error:expr, $meaning:literal;)*) => {
        impl CloseCode {
            $(
                #[doc = concat!("\"", $name, "\": ", $meaning, ".")]
                pub const $constant: Self = Self($number);
            )*

            /// Every code that has a name, in ascending order.
            pub const NAMED: &[NamedCloseCode] = &[$(NamedCloseCode {
                code: Self::$constant,
                name: $name,
                meaning: $meaning,
                error: $error,
            },)*];
        }
    };
}

close_codes! {
    1000 NORMAL, "normal closure", Some("refused"),
        "the server is done with this client";
    1002 PROTOCOL_ERROR, "protocol error", Some("refused"),
        "a frame breaks RFC 6455";
    1003 UNSUPPORTED_DATA, "unsupported data", Some("refused"),
        "a frame is of a kind that the endpoint does not take";
    1005 NO_STATUS, "no status received", None,
        "never sent: the close frame had no code";
    1006 ABNORMAL, "abnormal closure", None,
        "never sent: no close frame came";
    1007 INVALID_PAYLOAD, "invalid frame payload data", Some("refused"),
        "a text frame is not UTF-8";
    1008 POLICY_VIOLATION, "policy violation", Some("refused"),
        "a message breaks a rule of the endpoint";
    1009 MESSAGE_TOO_BIG, "message too big", Some("refused"),
        "a message is larger than the endpoint takes";
    1010 MANDATORY_EXTENSION, "mandatory extension", Some("refused"),
        "the client needs an extension that the server does not have";
    1012 SERVICE_RESTART, "service restart", None,
        "the server is restarting and will be back";
    4400 BAD_FRAME, "bad frame", Some("refused"),
        "too many frames were not frames of this protocol, or `onesocket.v1` was not offered";
    4401 UNAUTHORIZED, "unauthorized", Some("unauthorized"),
        "there is no token, or it is invalid, or it has expired";
    4403 FORBIDDEN, "forbidden", Some("refused"),
        "pages of this origin may not connect, or the application has ended the connections of this user";
    4408 TIMED_OUT, "timed out", Some("refused"),
        "sent by the client, which then reconnects: no welcome came in time, or nothing came for too long";
    4409 REPLACED, "replaced", Some("replaced"),
        "the same user has connected elsewhere";
    4410 MOVED, "moved", Some("replaced"),
        "the same client has connected again: this was its earlier connection";
    4413 TOO_LARGE, "too large", Some("too-large"),
        "a frame is above the server's limit";
    4508 STALE, "stale", None,
        "no frame came from the client for too long";
    4513 SLOW_CONSUMER, "slow consumer", None,
        "the client reads more slowly than the server sends";
    4529 TOO_MANY_REQUESTS, "too many requests", None,
        "the client sends too often; the reason may name a delay, as `retry-after-ms=` and a number";
}

impl CloseCode {
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

    /// Says whether the client may reconnect. The range decides, so a client obeys codes that were
    /// invented after it was shipped.
    pub const fn retry(self) -> Retry {
        match self.0 {
            4401 => Retry::WithFreshToken,
            1000 | 1002 | 1003 | 1007..=1010 | 4400..=4499 => Retry::Never,
            _ => Retry::Soon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_close_code_decides_whether_to_reconnect() {
        for (codes, retry) in [
            (vec![1000, 1002, 1003, 1007, 1008, 1009, 1010], Retry::Never),
            (vec![4400, 4402, 4409, 4410, 4413, 4499], Retry::Never),
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
    fn a_named_code_has_an_error_exactly_if_a_client_may_fail_with_it() {
        for NamedCloseCode { code, error, .. } in CloseCode::NAMED {
            assert_eq!(error.is_some(), code.retry() != Retry::Soon, "{code:?}");
        }
    }

    #[test]
    fn the_named_codes_stand_in_ascending_order_each_once() {
        assert!(CloseCode::NAMED.is_sorted_by(|left, right| left.code < right.code));
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
}
