//! What happens at the very moment at which one rule ends and another begins.

use onesocket_core::protocol::{ServerFrame, Welcome};
use onesocket_core::{Config, FetchReason, Output, Span, StateName};

use crate::SECOND;
use crate::world::{World, config, token, welcome};

/// Connects with a token of this life, and returns after what time it is refreshed; `None` if never
/// while it lives.
fn refreshed_after(life: Span) -> Option<Span> {
    let mut world = World::new(Config { tokens: true, ..config() });
    world.connect();
    world.answer(token());
    world.opened();
    let connected = world.now;
    world.receive(ServerFrame::Welcome(Welcome { token_expires_in: Some(life), ..welcome() }));
    let asked = |world: &World| {
        let again = |output: &Output<_>| {
            matches!(output, Output::FetchToken { reason: FetchReason::Refresh, .. })
        };
        world.said.iter().any(again)
    };
    world.stay_connected_while(|world| !asked(world) && world.now < connected + life);
    asked(&world).then(|| world.now.since(connected))
}

#[test]
fn a_token_is_refreshed_a_minute_before_its_end_or_at_half_its_life_where_that_is_later() {
    for (life, after) in [(300, 240), (121, 61), (120, 60), (100, 50), (40, 30)] {
        let after = Span::from_secs(after);

        assert_eq!(refreshed_after(Span::from_secs(life)), Some(after), "a life of {life} s");
    }
}

#[test]
fn a_refresh_is_not_put_off_until_the_token_has_expired() {
    assert_eq!(refreshed_after(31 * SECOND), Some(30 * SECOND));
    assert_eq!(refreshed_after(30 * SECOND), Some(15 * SECOND));
}

#[test]
fn a_token_that_lives_for_less_than_a_second_is_not_refreshed() {
    assert_eq!(refreshed_after(SECOND), Some(SECOND / 2));
    assert_eq!(refreshed_after(SECOND - Span::from_millis(1)), None);
}

#[test]
fn a_timer_is_late_when_it_comes_more_than_a_second_after_its_time() {
    for (late, state) in
        [(SECOND, StateName::Waiting), (SECOND + Span::from_millis(1), StateName::Connected)]
    {
        let mut world = World::plain().connected();
        // The ping that has not come, and what an answer may take.
        let silence = Span::from_secs(25 + 10);

        world.pass(silence + late);

        assert_eq!(world.state(), state, "{late:?} late");
    }
}
