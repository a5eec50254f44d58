//! The token of an attempt: when `getToken` is called, and what follows from its answer.

use onesocket_core::protocol::{MessageId, ServerFrame, Welcome};
use onesocket_core::{ErrorCode, Input, Output, Span, StateName, Time, Token, TokenAnswer};

use crate::SECOND;
use crate::world::{World, token, welcome};

#[test]
fn a_token_is_fetched_for_every_attempt() {
    let mut world = World::with_tokens().connected();
    world.closed(1006);
    world.elapse();
    world.agree();

    let fetches = world.said.iter().filter(|said| matches!(said, Output::FetchToken { .. }));
    assert_eq!(fetches.count(), 2);
}

#[test]
fn a_refused_token_gets_one_fresh_try_at_once() {
    let mut world = World::with_tokens();
    let connect = world.connect();
    world.answer(token());
    world.opened();
    world.closed(4401);
    assert_eq!(world.stage(), "connecting/fetching");
    assert_eq!(world.machine.status().attempt, 0);

    world.answer(token());
    world.opened();
    world.closed(4401);

    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Unauthorized)));
}

#[test]
fn a_token_that_expires_every_five_minutes_costs_one_fresh_try_each_time() {
    let mut world = World::with_tokens().connected();
    for _ in 0..3 {
        world.pass(325 * SECOND);
        world.closed(4401);
        world.agree();
    }

    assert_eq!(world.sockets(), 4);
    assert_eq!(world.errors(), []);
}

#[test]
fn a_failing_get_token_is_a_failed_attempt() {
    let mut world = World::with_tokens();
    world.connect();

    world.answer(TokenAnswer::Failed("getToken threw: no".into()));

    assert_eq!(world.state(), StateName::Waiting);
    assert_eq!(world.errors(), [(ErrorCode::TokenFailed, vec![])]);
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_hanging_get_token_is_cut_off_after_ten_seconds_and_its_late_answer_dropped() {
    let mut world = World::with_tokens();
    world.connect();
    let fetch = world.fetch();

    assert_eq!(world.elapse(), 10 * SECOND);

    assert!(world.said.contains(&Output::AbortToken { fetch }));
    assert_eq!(world.state(), StateName::Waiting);
    world.feed(Input::Token { fetch, answer: token() });
    assert_eq!(world.state(), StateName::Waiting);
    assert_eq!(world.sockets(), 0);
}

#[test]
fn no_session_ends_the_connection_at_once() {
    let mut world = World::with_tokens();
    let connect = world.connect();

    world.answer(TokenAnswer::NoSession);

    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Unauthorized)));
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn close_during_a_token_fetch_is_closed_at_once_and_the_answer_is_dropped() {
    let mut world = World::with_tokens();
    world.connect();
    let fetch = world.fetch();

    let close = world.close();

    assert_eq!(world.state(), StateName::Closed);
    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert!(world.said.contains(&Output::AbortToken { fetch }));
    world.feed(Input::Token { fetch, answer: token() });
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_token_is_never_printed() {
    let mut world = World::with_tokens().connected();
    world.closed(4401);
    world.answer(token());
    world.closed(4401);

    assert!(!format!("{:?} {:?}", world.machine, world.said).contains("canary"));
}

#[test]
fn without_an_expiry_from_the_server_that_of_get_token_counts() {
    let mut world = World::with_tokens();
    let lives = |seconds| TokenAnswer::Token(Token::new("t"), Some(Span::from_secs(seconds)));
    let silent = Welcome { token_expires_in: None, ..welcome() };
    world.connect();
    world.answer(lives(100));
    world.opened();
    world.receive(ServerFrame::Welcome(silent));
    assert_eq!(
        world.machine.status().token_expires_at,
        Some(Time::since_start(Span::from_secs(100)))
    );

    world.stay_connected_while(|world| world.stage() != "connected/fetching");
    assert_eq!(world.now, Time::since_start(Span::from_secs(50)));
    world.answer(lives(500));
    world.receive(ServerFrame::Refreshed { id: MessageId(1), token_expires_in: None });

    assert_eq!(
        world.machine.status().token_expires_at,
        Some(Time::since_start(Span::from_secs(550)))
    );
}

#[test]
fn a_get_token_that_says_when_to_ask_again_is_obeyed_at_every_attempt_and_counted() {
    let mut world = World::with_tokens();
    world.connect();
    let mut waited = Vec::new();
    for seconds in [70, 1, 1_000_000] {
        world.answer(TokenAnswer::Later(Span::from_secs(seconds)));
        waited.push(world.elapse());
    }

    assert_eq!(waited, [70 * SECOND, 5 * SECOND, Span::from_hours(24)]);
    assert_eq!(world.machine.status().attempt, 3);
    assert_eq!(world.errors().len(), 3);
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_get_token_that_says_when_to_ask_again_is_obeyed_when_the_connection_was_lost_meanwhile() {
    let mut world = World::with_tokens().connected();
    world.refresh();
    world.closed(1006);
    world.answer(TokenAnswer::Later(70 * SECOND));

    assert_eq!(world.elapse(), 70 * SECOND);
    assert_eq!(world.stage(), "connecting/fetching");
}

#[test]
fn a_get_token_that_says_when_to_ask_again_is_obeyed_wherever_the_connection_is_by_then() {
    let later = || {
        let mut world = World::with_tokens().connected();
        world.refresh();
        world.answer(TokenAnswer::Later(70 * SECOND));
        world
    };
    let lost = |world: &mut World| world.closed(1006);
    let refused = |world: &mut World| world.closed(4401);
    let silent = |world: &mut World| {
        world.feed(Input::Wake);
        world.closed(1006);
    };
    let endings: [&dyn Fn(&mut World); 3] = [&lost, &refused, &silent];
    for (number, end) in endings.into_iter().enumerate() {
        let mut world = later();
        end(&mut world);
        assert_eq!(world.state(), StateName::Waiting, "{number}");
        let mut impatient = world.clone();

        assert_eq!(world.elapse(), 70 * SECOND, "{number}");
        assert_eq!(world.stage(), "connecting/fetching");

        // A person is not to be stopped.
        impatient.connect();
        assert_eq!(impatient.stage(), "connecting/fetching");
    }

    let mut world = World::with_tokens().connected();
    world.refresh();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    assert_eq!(world.stage(), "connecting/server-closing");
    world.answer(TokenAnswer::Later(70 * SECOND));
    world.closed(1006);
    assert_eq!(world.elapse(), 70 * SECOND);
}

#[test]
fn a_fetch_in_flight_when_the_connection_is_lost_serves_the_next_attempt() {
    for answered_after in [SECOND, 6 * SECOND] {
        let mut world = World::with_tokens().connected();
        world.refresh();
        world.closed(1006);

        world.pass(answered_after);
        world.answer(token());
        if world.state() == StateName::Waiting {
            world.elapse();
        }

        assert_eq!(world.stage(), "connecting/opening", "{answered_after:?}");
        let fetches = world.said.iter().filter(|said| matches!(said, Output::FetchToken { .. }));
        assert_eq!(fetches.count(), 2, "{answered_after:?}");
    }
}

#[test]
fn a_token_that_has_expired_while_waiting_is_not_used() {
    for (life, stage) in
        [(4, "connecting/fetching"), (5, "connecting/fetching"), (6, "connecting/opening")]
    {
        let mut world = World::with_tokens().connected();
        world.refresh();
        world.closed(1006);
        world.answer(TokenAnswer::Token(Token::new("canary"), Some(life * SECOND)));

        assert_eq!(world.elapse(), 5 * SECOND);

        assert_eq!(world.stage(), stage, "{life} s");
    }
}
