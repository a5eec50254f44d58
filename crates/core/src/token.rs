//! Tokens: calls of the application's `getToken`, and the plan of the next refresh.

use onesocket_protocol::{Span, Token};

use crate::config::RefreshRules;
use crate::time::Time;

/// The number of a call of `getToken`, so that a late answer to an earlier call is recognised.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fetch(pub u32);

/// The purpose of a token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FetchReason {
    /// An attempt to connect.
    Connect,
    /// A connection whose token expires.
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

/// The answer of `getToken`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum TokenAnswer {
    /// It threw, or its answer is no token; the sentence says which.
    Failed(String),
    /// It has no token now and says when to call again, as an endpoint does with 429 and
    /// `Retry-After`.
    Later(Span),
    /// There is no session: nobody is signed in.
    NoSession,
    /// A token, and its lifetime if the application knows it.
    Token(Token, Option<Span>),
}

/// A token, and when it expires if the application knows.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct FetchedToken {
    pub(crate) token: Token,
    pub(crate) expires_at: Option<Time>,
}

/// The call of `getToken`, and its result until it is used. There is one, so calls never overlap.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum TokenFetch {
    Idle,
    /// `getToken` is running.
    Fetching {
        fetch: Fetch,
        give_up_at: Time,
    },
    /// It has answered after the loss of the connection that needed the token.
    Fetched(FetchedToken),
    /// It has said when to call again.
    Later {
        at: Time,
    },
}

impl TokenFetch {
    pub(crate) fn deadline(&self) -> Time {
        match self {
            Self::Fetching { give_up_at, .. } => *give_up_at,
            Self::Idle | Self::Fetched(_) | Self::Later { .. } => Time::NEVER,
        }
    }

    /// Returns how long no automatic attempt may call `getToken`.
    pub(crate) fn deferred_for(&self, now: Time) -> Span {
        match self {
            Self::Later { at } => at.since(now),
            Self::Idle | Self::Fetching { .. } | Self::Fetched(_) => Span::ZERO,
        }
    }
}

/// The refresh of a connection's token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Refresh {
    /// The token does not expire, cannot be refreshed, or has expired.
    Never,
    /// `getToken` will be called at `at`.
    Planned { at: Time, failures: u32 },
    /// `getToken` is running: see [`TokenFetch`].
    Fetching { failures: u32 },
    /// The new token was sent, and is not confirmed yet.
    Sent { give_up_at: Time, failures: u32 },
}

impl Refresh {
    /// Plans the refresh of a token that expires `life` after `now`.
    pub(crate) fn plan(
        life: Span,
        last_fetch: Option<Time>,
        rules: RefreshRules,
        now: Time,
    ) -> Self {
        // Calling `getToken` again and again would not keep such a token alive.
        if life < Span::from_secs(1) {
            return Self::Never;
        }
        let wanted = now + (life - rules.before_expiry).max(life / 2);
        let allowed = last_fetch.map_or(wanted, |at| at + rules.min_interval);
        let at = if allowed < now + life { wanted.max(allowed) } else { wanted };
        Self::Planned { at, failures: 0 }
    }

    /// Plans the next try after a failure, at least `min_delay` later, if the token lives that long. A
    /// token without a known end was refreshed for a call, which is told of the failure instead.
    pub(crate) fn retry(
        failures: u32,
        min_delay: Span,
        expires_at: Option<Time>,
        now: Time,
    ) -> Self {
        let delay = match failures {
            0 => Span::from_secs(5),
            1 => Span::from_secs(10),
            _ => Span::from_secs(30),
        };
        let at = now + delay.max(min_delay);
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

    pub(crate) fn deadline(self) -> Time {
        match self {
            Self::Never | Self::Fetching { .. } => Time::NEVER,
            Self::Planned { at, .. } => at,
            Self::Sent { give_up_at, .. } => give_up_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::since_start(Span::from_secs(seconds))
    }

    fn planned(life: u64, last_fetch: u64) -> Time {
        let rules = RefreshRules::default();
        Refresh::plan(Span::from_secs(life), Some(at(last_fetch)), rules, at(100)).deadline()
    }

    #[test]
    fn a_token_is_refreshed_a_minute_before_its_end_or_at_half_its_life() {
        assert_eq!(planned(300, 100), at(340));
        assert_eq!(planned(90, 100), at(145));
    }

    #[test]
    fn fetches_are_half_a_minute_apart_unless_the_token_would_have_expired_by_then() {
        assert_eq!(planned(40, 100), at(130));
        assert_eq!(planned(20, 100), at(110));
    }

    #[test]
    fn a_life_of_nothing_is_not_chased_and_one_without_end_does_not_overflow() {
        assert_eq!(planned(0, 100), Time::NEVER);
        assert_eq!(planned(u64::MAX, 100), Time::NEVER);
    }

    #[test]
    fn a_failed_refresh_is_tried_again_until_the_token_has_expired() {
        let mut refresh = Refresh::retry(0, Span::ZERO, Some(at(100)), at(0));
        let mut tries = Vec::new();
        while refresh != Refresh::Never {
            let now = refresh.deadline();
            tries.push(now.since(Time::ZERO));
            refresh = Refresh::retry(refresh.failures(), Span::ZERO, Some(at(100)), now);
        }
        assert_eq!(tries, [5, 15, 45, 75].map(Span::from_secs));
    }
}
