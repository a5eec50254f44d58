//! Rate limits: token buckets on tokio's clock, which a test can stop.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::net::address::Address;

type Plain = NoOpMiddleware<Nanos>;

/// The rate limit of one connection.
pub(crate) struct Rate(Option<RateLimiter<NotKeyed, InMemoryState, TokioClock, Plain>>);

/// The rate limit of each address.
pub(crate) struct AddressRate(
    Option<RateLimiter<Address, HashMapStateStore<Address>, TokioClock, Plain>>,
);

/// The limit is exceeded; the next one is allowed after this time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooOften(pub(crate) Duration);

#[derive(Clone, Copy)]
struct TokioClock(Instant);

impl Rate {
    /// Allows `per_second` on average, 0 for no limit, and bursts of `burst`.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let limiter = |quota| RateLimiter::direct_with_clock(quota, TokioClock::new());
        Self(quota(per_second, burst).map(limiter))
    }

    /// Counts one.
    pub(crate) fn check(&self) -> Result<(), TooOften> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        // A client that has used up its burst should not come back for a single message.
        limiter.check().map_err(|not| TooOften(not.quota().burst_size_replenished_in()))
    }
}

impl AddressRate {
    /// Allows `per_second` on average, 0 for no limit, and bursts of `burst`, for each address.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let limiter = |quota| RateLimiter::hashmap_with_clock(quota, TokioClock::new());
        Self(quota(per_second, burst).map(limiter))
    }

    /// Counts one from an address; without an address there is no limit.
    pub(crate) fn check(&self, address: Option<Address>) -> Result<(), TooOften> {
        let Some((limiter, address)) = self.0.as_ref().zip(address) else { return Ok(()) };
        let clock = limiter.clock();
        limiter.check_key(&address).map_err(|not| TooOften(not.wait_time_from(clock.now())))
    }

    /// Drops the addresses that have their full burst again, so that memory is bounded.
    pub(crate) fn sweep(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

impl TooOften {
    /// Returns the time in whole seconds, one at least, as `Retry-After` has it.
    pub(crate) fn whole_secs(self) -> u64 {
        self.0.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
    }
}

impl TokioClock {
    fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

fn quota(per_second: u32, burst: u32) -> Option<Quota> {
    let per_second = Quota::per_second(NonZeroU32::new(per_second)?);
    Some(per_second.allow_burst(NonZeroU32::new(burst)?))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_allowed_and_then_the_rate() {
        let rate = Rate::new(10, 30);
        for _ in 0..30 {
            assert_eq!(rate.check(), Ok(()));
        }
        assert_eq!(rate.check(), Err(TooOften(Duration::from_secs(3))));

        advance(Duration::from_millis(100)).await;

        assert_eq!(rate.check(), Ok(()));
        assert!(rate.check().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_have_rates_of_their_own_and_are_forgotten() {
        let rate = AddressRate::new(1, 2);
        let [one, two] = [1, 2].map(|n| Address::of([192, 0, 2, n].into()));
        for address in [one, one, two, None, None, None] {
            assert_eq!(rate.check(address), Ok(()));
        }
        assert_eq!(rate.check(one), Err(TooOften(Duration::from_secs(1))));
        assert_eq!(rate.check(two), Ok(()));

        advance(Duration::from_secs(3)).await;
        rate.sweep();

        assert!(rate.0.as_ref().unwrap().is_empty());
        assert_eq!(rate.check(one), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let rate = Rate::new(0, 1);

        assert!((0..1000).all(|_| rate.check().is_ok()));
    }

    #[test]
    fn retry_after_is_in_whole_seconds() {
        for (ms, secs) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(TooOften(Duration::from_millis(ms)).whole_secs(), secs);
        }
    }
}
