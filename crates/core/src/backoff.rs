//! Automatic attempts: how many are left, and the delay before each.

use onesocket_protocol::Span;

use crate::config::Reconnect;

/// The automatic attempts that were used since the last reset.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Backoff {
    used: u32,
    fresh_try: FreshTry,
    pub(crate) random: u64,
}

/// Whether one refused token may be followed by a fresh one at once.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum FreshTry {
    Allowed,
    Spent,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self { used: 0, fresh_try: FreshTry::Allowed, random: seed }
    }

    /// Returns the number of the last attempt that was granted; 0 before the first.
    pub(crate) fn attempt(&self) -> u32 {
        self.used
    }

    /// Says whether nothing was used since the last reset.
    pub(crate) fn is_reset(&self) -> bool {
        self.used == 0 && self.fresh_try == FreshTry::Allowed
    }

    /// Restores all attempts: a connection has lasted, or the user connects again.
    pub(crate) fn reset(&mut self) {
        self.used = 0;
        self.fresh_try = FreshTry::Allowed;
    }

    /// Grants one more attempt and returns the delay before it; `None` once all are used.
    pub(crate) fn next(&mut self, rules: &Reconnect) -> Option<Span> {
        if self.used >= rules.max_attempts {
            return None;
        }
        self.used += 1;
        let longest = rules.max_interval.max(rules.interval).ms();
        let mut ms = rules.interval.ms();
        for _ in 1..self.used {
            ms *= rules.factor.max(1.0);
            if ms >= longest {
                ms = longest;
                break;
            }
        }
        ms *= 1.0 + rules.jitter.clamp(0.0, 1.0) * self.chance();
        Some(Span::from_ms(ms))
    }

    /// Grants the fresh try after a refused token; there is one between two resets.
    pub(crate) fn take_fresh_try(&mut self) -> bool {
        match self.fresh_try {
            FreshTry::Allowed => {
                self.fresh_try = FreshTry::Spent;
                true
            }
            FreshTry::Spent => false,
        }
    }

    /// Returns the next random number from 0 to 1, by splitmix64: small, and good enough for jitter.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_attempts_five_seconds_apart_with_a_little_jitter() {
        let mut backoff = Backoff::new(7);
        let rules = Reconnect::default();

        let delays: Vec<_> = std::iter::from_fn(|| backoff.next(&rules)).collect();

        assert_eq!(delays.len(), 5);
        for delay in &delays {
            assert!((5000.0..=5500.0).contains(&delay.ms()), "{delay:?}");
        }
        assert!(delays.windows(2).any(|pair| pair[0] != pair[1]), "no jitter: {delays:?}");
    }

    #[test]
    fn two_seeds_do_not_come_back_in_step() {
        let rules = Reconnect::default();

        assert_ne!(Backoff::new(1).next(&rules), Backoff::new(2).next(&rules));
    }

    #[test]
    fn chance_is_what_splitmix64_gives_for_the_seed() {
        let mut backoff = Backoff::new(0);

        // The first numbers of the published algorithm, of which 53 bits are used.
        for number in [0xe220_a839_7b1d_cdaf_u64, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f] {
            let share = (number >> 11) as f64 / (1_u64 << 53) as f64;
            assert!((backoff.chance() - share).abs() < f64::EPSILON, "{number:x}");
        }
    }

    #[test]
    fn an_interval_may_grow_up_to_a_limit() {
        let rules = Reconnect { factor: 3.0, jitter: 0.0, ..Reconnect::default() };
        let mut backoff = Backoff::new(0);

        let delays: Vec<_> = std::iter::from_fn(|| backoff.next(&rules)).collect();

        assert_eq!(delays, [5, 15, 45, 60, 60].map(Span::from_secs));
    }

    #[test]
    fn nonsense_in_the_rules_is_survived() {
        for factor in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let rules = Reconnect { factor, jitter: f64::NAN, ..Reconnect::default() };
            let mut backoff = Backoff::new(0);
            while let Some(delay) = backoff.next(&rules) {
                assert!(delay <= rules.max_interval, "{factor}: {delay:?}");
            }
        }
    }

    #[test]
    fn a_refused_token_gets_one_fresh_try_until_the_connection_has_lasted() {
        let mut backoff = Backoff::new(0);

        assert!(backoff.take_fresh_try());
        assert!(!backoff.take_fresh_try());
        backoff.reset();
        assert!(backoff.take_fresh_try());
    }
}
