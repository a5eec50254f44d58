//! The settings and their defaults, and the names by which JavaScript sets them.

use onesocket_protocol::Span;

/// The settings of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How a connection is tried again.
    pub reconnect: Reconnect,
    /// How long a handshake may take, until the session is agreed.
    ///
    /// 10 s: slower networks than that exist, but a hung handshake also blocks the next socket to
    /// the same host (RFC 6455, section 4.1), and Chromium itself gives up only after 240 s.
    pub connect_timeout: Span,
    /// How long the close of a socket is waited for before it is detached.
    ///
    /// 3 s: a browser itself waits 2 s for a missing FIN.
    pub close_timeout: Span,
    /// How long a connection must last before earlier failures count no more.
    pub stable_after: Span,
    /// How long the connection stays after its last holder has gone.
    ///
    /// 500 ms: a route change or React's Strict Mode unmounts and mounts again within one frame.
    pub release_after: Span,
    /// When a token is refreshed.
    pub refresh: RefreshRules,
    /// How a dead connection is found.
    pub heartbeat: HeartbeatRules,
    /// How much may wait to be sent.
    pub queue: QueueLimits,
    /// What becomes of messages when the connection fails for good.
    pub when_failed: WhenFailed,
    /// Whether the application has tokens. If so, one is fetched for every attempt.
    pub tokens: bool,
    /// How the two ends speak.
    pub wire: Wire,
    /// Where the jitter starts, so that a fleet of clients does not come back in step.
    pub seed: u64,
}

/// How a connection is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconnect {
    /// How many automatic attempts follow a failure; 0 for none.
    pub max_attempts: u32,
    /// The time between the end of one attempt and the next one.
    pub interval: Span,
    /// By what the interval grows from attempt to attempt; 1 keeps it.
    pub factor: f64,
    /// What a growing interval does not exceed.
    pub max_interval: Span,
    /// The largest share of the interval that is added by chance, 0 to 1.
    pub jitter: f64,
}

/// How much may wait to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueueLimits {
    /// How many messages.
    pub max_messages: usize,
    /// How many bytes of payload in all.
    pub max_bytes: usize,
}

/// What becomes of messages when the connection fails for good, until `connect()` is called again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenFailed {
    /// Those that wait are undelivered, and new ones are refused.
    #[default]
    Refuse,
    /// They wait for the next connection, new ones too, as long as there is room.
    Wait,
}

impl WhenFailed {
    /// The words of JavaScript for them, in this order.
    pub const WORDS: [&str; 2] = ["refuse", "wait"];
}

/// When a token is refreshed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshRules {
    /// How long before its end; at half its life where that is later.
    pub before_expiry: Span,
    /// How long after the last successful fetch at the earliest, unless the token would be dead.
    pub min_interval: Span,
}

/// How a dead connection is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeartbeatRules {
    /// How often something comes from the server; `None` for as often as its welcome says it pings,
    /// and on a plain wire for as often as it can be asked.
    pub interval: Option<Span>,
    /// How much longer it may be silent, and how long it may take to answer a probe.
    pub timeout: Span,
}

/// How the two ends speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wire {
    /// `onesocket.v1`: a welcome agrees the session, the server pings and answers what it is sent.
    #[default]
    OneSocket,
    /// Any other: nothing is answered, and the session is agreed as its rules say.
    Plain(PlainRules),
}

/// What an application's own wire has beside messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PlainRules {
    /// A message by which the server is asked for a sign of life.
    pub ping: bool,
    /// A message that brings the server a new token.
    pub refresh: bool,
    /// A message by which the server says that the session is agreed. Without one it is once the
    /// socket is open.
    pub ready: bool,
}

/// How often a server is asked for a sign of life that does not ping by itself.
///
/// 25 s: as often as ours pings. Proxies drop what is idle for 60 s, many for 30.
pub const PLAIN_PING_INTERVAL: Span = Span::from_secs(25);

/// How long `getToken` may take before it is cut off, and the server to answer a new token.
pub const TOKEN_TIMEOUT: Span = Span::from_secs(10);

impl Default for Config {
    fn default() -> Self {
        Self {
            reconnect: Reconnect::default(),
            connect_timeout: Span::from_secs(10),
            close_timeout: Span::from_secs(3),
            stable_after: Span::from_secs(10),
            release_after: Span::from_millis(500),
            refresh: RefreshRules::default(),
            heartbeat: HeartbeatRules::default(),
            queue: QueueLimits::default(),
            when_failed: WhenFailed::default(),
            tokens: false,
            wire: Wire::default(),
            seed: 0,
        }
    }
}

impl Config {
    /// Returns the settings of a connection whose sockets are ports of one that tabs share. Tokens, the
    /// heartbeat and attempts are the affair of the connection that is shared: a port opens when that is
    /// established, however long it takes, and a new one follows at once when it has closed.
    #[must_use]
    pub fn through_ports(self) -> Self {
        let reconnect = Reconnect {
            max_attempts: Reconnect::WITHOUT_END,
            interval: Span::ZERO,
            factor: 1.0,
            max_interval: Span::ZERO,
            jitter: 0.0,
        };
        let heartbeat = HeartbeatRules { interval: None, ..self.heartbeat };
        Self { reconnect, connect_timeout: Span::MAX, tokens: false, heartbeat, ..self }
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            interval: Span::from_secs(5),
            factor: 1.0,
            max_interval: Span::from_secs(60),
            jitter: 0.1,
        }
    }
}

impl Reconnect {
    /// The number of attempts that has no end.
    pub const WITHOUT_END: u32 = u32::MAX;

    /// Tries without end: after 1 s, then after twice as long each time, up to 30 s. Up to half of that
    /// is added by chance: when a server comes back, its clients do not come back all at once.
    pub const FOREVER: Self = Self {
        max_attempts: Self::WITHOUT_END,
        interval: Span::from_secs(1),
        factor: 2.0,
        max_interval: Span::from_secs(30),
        jitter: 0.5,
    };
}

impl Default for RefreshRules {
    fn default() -> Self {
        Self { before_expiry: Span::from_secs(60), min_interval: Span::from_secs(30) }
    }
}

impl Default for HeartbeatRules {
    fn default() -> Self {
        Self { interval: None, timeout: Span::from_secs(10) }
    }
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { max_messages: 1000, max_bytes: 1024 * 1024 }
    }
}

/// Makes the options that are numbers from the rows of one table: the name that JavaScript uses, and
/// the field that it sets.
macro_rules! options {
    ($($name:literal, $($field:ident).+;)*) => {
        impl Config {
            /// The names of the options that are numbers, as JavaScript writes them.
            pub const OPTIONS: &[&str] = &[$($name,)*];

            /// Sets an option by its place in [`OPTIONS`](Self::OPTIONS), if there is one. Its value has
            /// been checked: times are in milliseconds.
            pub fn set(&mut self, at: usize, value: f64) {
                let mut fields: [&mut dyn Number; Self::OPTIONS.len()] =
                    [$(&mut self.$($field).+,)*];
                if let Some(field) = fields.get_mut(at) {
                    field.write(value);
                }
            }

            /// Returns the value of an option, as [`set`](Self::set) takes it.
            pub fn get(&self, at: usize) -> Option<f64> {
                let fields: [&dyn Number; Self::OPTIONS.len()] = [$(&self.$($field).+,)*];
                fields.get(at).map(|field| field.read())
            }
        }
    };
}

options! {
    "reconnect.maxAttempts", reconnect.max_attempts;
    "reconnect.intervalMs", reconnect.interval;
    "reconnect.factor", reconnect.factor;
    "reconnect.maxIntervalMs", reconnect.max_interval;
    "reconnect.jitter", reconnect.jitter;
    "connectTimeoutMs", connect_timeout;
    "closeTimeoutMs", close_timeout;
    "stableAfterMs", stable_after;
    "releaseAfterMs", release_after;
    "refresh.beforeExpiryMs", refresh.before_expiry;
    "refresh.minIntervalMs", refresh.min_interval;
    "heartbeat.intervalMs", heartbeat.interval;
    "heartbeat.timeoutMs", heartbeat.timeout;
    "queue.maxMessages", queue.max_messages;
    "queue.maxBytes", queue.max_bytes;
    "queue.whenFailed", when_failed;
}

/// A setting that JavaScript writes as a number.
trait Number {
    fn write(&mut self, number: f64);
    fn read(&self) -> f64;
}

impl Number for f64 {
    fn write(&mut self, number: f64) {
        *self = number;
    }

    fn read(&self) -> f64 {
        *self
    }
}

impl Number for u32 {
    fn write(&mut self, number: f64) {
        *self = number as Self;
    }

    fn read(&self) -> f64 {
        f64::from(*self)
    }
}

impl Number for usize {
    fn write(&mut self, number: f64) {
        *self = number as Self;
    }

    fn read(&self) -> f64 {
        *self as f64
    }
}

impl Number for Span {
    fn write(&mut self, ms: f64) {
        *self = Self::from_ms(ms);
    }

    fn read(&self) -> f64 {
        self.ms()
    }
}

/// The place of its word.
impl Number for WhenFailed {
    fn write(&mut self, number: f64) {
        *self = if number == 0.0 { Self::Refuse } else { Self::Wait };
    }

    fn read(&self) -> f64 {
        f64::from(*self as u8)
    }
}

/// 0 for none.
impl Number for Option<Span> {
    fn write(&mut self, ms: f64) {
        *self = Some(Span::from_ms(ms)).filter(|span| !span.is_zero());
    }

    fn read(&self) -> f64 {
        self.unwrap_or_default().read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_sets_a_field_of_its_own() {
        for at in 0..Config::OPTIONS.len() {
            // No default; words have but two.
            let is_taken = |value: &f64| {
                let mut config = Config::default();
                config.set(at, *value);
                config.get(at) == Some(*value)
            };
            let value = [(at + 1) as f64, 1.0].into_iter().find(is_taken).unwrap();
            let mut config = Config::default();

            config.set(at, value);

            for (other, name) in Config::OPTIONS.iter().enumerate() {
                let expected = if other == at { Some(value) } else { Config::default().get(other) };
                assert_eq!(config.get(other), expected, "{name} after {}", Config::OPTIONS[at]);
            }
        }
    }

    #[test]
    fn there_is_no_other_option() {
        let mut config = Config::default();

        config.set(Config::OPTIONS.len(), 1.0);
        assert_eq!(config.get(Config::OPTIONS.len()), None);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn zero_is_no_interval_of_the_heartbeat() {
        let at = Config::OPTIONS.iter().position(|name| *name == "heartbeat.intervalMs").unwrap();
        let mut config = Config::default();
        config.set(at, 1500.0);
        assert_eq!(config.heartbeat.interval, Some(Span::from_millis(1500)));

        config.set(at, 0.0);

        assert_eq!(config.heartbeat.interval, None);
    }
}
