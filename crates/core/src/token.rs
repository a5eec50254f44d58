//! Tokens: what the application's `getToken` is asked, and what it may answer.

use std::time::Duration;

use onesocket_protocol::Token;

use crate::config::RefreshRules;
use crate::time::Time;

/// Numbers the calls of `getToken`, so that a late answer to an earlier one is told.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fetch(pub u32);

/// What a token is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FetchReason {
    /// An attempt to connect.
    Connect,
    /// A connection whose token runs out.
    Refresh,
}

impl FetchReason {
    /// Returns the name that JavaScript sees.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Refresh => "refresh",
        }
    }
}

/// What `getToken` answered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TokenAnswer {
    /// It threw, or answered what is no token; a sentence says what.
    Failed(String),
    /// It has none now and says when to ask again, as its endpoint does with 429 and `Retry-After`.
    Later(Duration),
    /// There is no session any more: nobody is signed in.
    NoSession,
    /// A token, and how long it lives where the application knows.
    Token(Token, Option<Duration>),
}

/// A token, and when it dies as far as the application knows.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Fetched {
    pub(crate) token: Token,
    pub(crate) expires_at: Option<Time>,
}

/// Where the next token comes from. There is one place for a call of `getToken`, so it is never
/// asked twice at once.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum TokenFetch {
    Idle,
    /// `getToken` has been asked.
    Fetching {
        fetch: Fetch,
        give_up_at: Time,
    },
    /// It answered after the connection was lost for which it had been asked.
    Fetched(Fetched),
    /// It said when to ask again.
    Later {
        at: Time,
    },
}

impl TokenFetch {
    pub(crate) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Fetching { give_up_at, .. } => Some(*give_up_at),
            Self::Idle | Self::Fetched(_) | Self::Later { .. } => None,
        }
    }

    /// Returns how long `getToken` is not to be asked by anything that happens by itself.
    pub(crate) fn deferred_for(&self, now: Time) -> Duration {
        match self {
            Self::Later { at } => at.since(now),
            Self::Idle | Self::Fetching { .. } | Self::Fetched(_) => Duration::ZERO,
        }
    }
}

/// How the token of a connection is renewed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Refresh {
    /// It does not run out, there is no other, or it has run out.
    Never,
    /// Then `getToken` will be asked.
    Planned { at: Time, failures: u32 },
    /// `getToken` has been asked: see [`TokenFetch`].
    Fetching { failures: u32 },
    /// The new token was sent, and is not known to be taken.
    Sent { give_up_at: Time, failures: u32 },
}

impl Refresh {
    /// Plans for a token that lives for `life` from `now`.
    pub(crate) fn plan(
        life: Duration,
        last_fetch: Option<Time>,
        rules: RefreshRules,
        now: Time,
    ) -> Self {
        // What dies within a second cannot be kept alive by asking again and again.
        if life < Duration::from_secs(1) {
            return Self::Never;
        }
        let wanted = now + life.saturating_sub(rules.before_expiry).max(life / 2);
        let allowed = last_fetch.map_or(wanted, |at| at + rules.min_interval);
        let at = if allowed < now + life { wanted.max(allowed) } else { wanted };
        Self::Planned { at, failures: 0 }
    }

    /// Plans anew after a failure, not before `at_least` has passed, for as long as the token lives.
    /// One that is not known to run out was renewed because somebody asked, who is told that it failed.
    pub(crate) fn retry(
        failures: u32,
        at_least: Duration,
        expires_at: Option<Time>,
        now: Time,
    ) -> Self {
        let delay = match failures {
            0 => Duration::from_secs(5),
            1 => Duration::from_secs(10),
            _ => Duration::from_secs(30),
        };
        let at = now + delay.max(at_least);
        if expires_at.is_none_or(|expires_at| at >= expires_at) {
            return Self::Never;
        }
        Self::Planned { at, failures: failures.saturating_add(1) }
    }

    pub(crate) fn failures(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Planned { failures, .. }
            | Self::Fetching { failures }
            | Self::Sent { failures, .. } => failures,
        }
    }

    pub(crate) fn deadline(self) -> Option<Time> {
        match self {
            Self::Never | Self::Fetching { .. } => None,
            Self::Planned { at, .. } => Some(at),
            Self::Sent { give_up_at, .. } => Some(give_up_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Time {
        Time::since_start(Duration::from_secs(seconds))
    }

    fn planned(life: u64, last_fetch: u64) -> Option<Time> {
        let rules = RefreshRules::default();
        Refresh::plan(Duration::from_secs(life), Some(at(last_fetch)), rules, at(100)).deadline()
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end_or_at_half_its_life() {
        assert_eq!(planned(300, 100), Some(at(340)));
        assert_eq!(planned(90, 100), Some(at(145)));
    }

    #[test]
    fn fetches_are_half_a_minute_apart_unless_the_token_would_be_dead_by_then() {
        assert_eq!(planned(40, 100), Some(at(130)));
        assert_eq!(planned(20, 100), Some(at(110)));
    }

    #[test]
    fn a_life_of_nothing_is_not_chased_and_one_without_end_does_not_overflow() {
        assert_eq!(planned(0, 100), None);
        assert!(planned(u64::MAX, 100) > Some(at(1 << 60)));
    }

    #[test]
    fn a_failed_renewal_is_tried_again_until_the_token_is_dead() {
        let mut refresh = Refresh::retry(0, Duration::ZERO, Some(at(100)), at(0));
        let mut tries = Vec::new();
        while let Some(now) = refresh.deadline() {
            tries.push(now.since(Time::ZERO) / SECOND.as_secs() as u32);
            refresh = Refresh::retry(refresh.failures(), Duration::ZERO, Some(at(100)), now);
        }
        assert_eq!(tries, [5, 15, 45, 75].map(Duration::from_secs));
    }
}
