//! A token that is about to expire is refreshed over the connection.

use onesocket_core::protocol::{ClientFrame, FrameErrorCode, MessageId, ServerFrame, Welcome};
use onesocket_core::{Attempt, ErrorCode, Input, LogEvent, Output, StateName, Token, TokenAnswer};

use crate::world::{World, refusal, token, welcome};
use crate::{SECOND, at};

#[test]
fn a_token_is_refreshed_over_the_connection_a_minute_before_its_end() {
    let mut world = World::with_tokens().connected();
    let after = 240 * SECOND;
    assert!(world.said.contains(&Output::Log(LogEvent::SchedulingRefresh { after })));

    world.stay_connected_until(at(240));
    assert_eq!(world.stage(), "connected/fetching");
    world.answer(token());
    let frame = ClientFrame::Refresh { id: MessageId(1), token: Token::new("canary") };
    assert!(world.said.contains(&Output::Transmit { attempt: Attempt(1), frame }));
    world.refreshed(1, 300);

    assert_eq!(world.machine.status().token_expires_at, Some(at(540)));
    assert_eq!(world.sockets(), 1);
    world.stay_connected_until(at(480));
    assert_eq!(world.stage(), "connected/fetching");
}

#[test]
fn a_day_on_five_minute_tokens_is_one_socket_and_a_refresh_every_four_minutes() {
    let mut world = World::with_tokens().connected();
    let mut refreshes = 0;
    while world.now < at(24 * 3600) {
        world.stay_connected_until(world.now + 240 * SECOND);
        world.answer(token());
        refreshes += 1;
        world.refreshed(refreshes, 300);
    }

    assert_eq!((world.sockets(), refreshes), (1, 360));
    assert_eq!(world.errors(), []);
}

#[test]
fn a_failing_refresh_keeps_the_connection_and_is_tried_again_until_the_token_has_expired() {
    let mut world = World::with_tokens().connected();
    let mut asked = Vec::new();
    world.stay_connected_until(at(240));
    while world.stage() == "connected/fetching" {
        asked.push(world.now);
        world.answer(TokenAnswer::Failed("getToken threw: no".into()));
        world.stay_connected_while(|world| world.stage() == "connected" && world.now < at(320));
    }

    assert_eq!(asked, [240, 245, 255, 285].map(at));
    assert_eq!(world.state(), StateName::Connected);
    assert_eq!(world.errors().len(), 4);
}

#[test]
fn a_refresh_for_which_get_token_says_when_to_ask_again_waits_while_the_connection_stays() {
    let mut world = World::with_tokens().connected();
    let mut asked = Vec::new();
    world.stay_connected_until(at(240));
    while world.stage() == "connected/fetching" {
        asked.push(world.now);
        world.answer(TokenAnswer::Later(20 * SECOND));
        world.stay_connected_while(|world| world.stage() == "connected" && world.now < at(320));
    }

    assert_eq!(asked, [240, 260, 280].map(at));
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn no_session_during_a_refresh_ends_the_connection_at_once() {
    let mut world = World::with_tokens().connected();
    let call = world.refresh();

    world.answer(TokenAnswer::NoSession);

    assert_eq!(world.answer_to(call), Some(Err(ErrorCode::Unauthorized)));

    assert_eq!(world.machine.status().error.as_ref().unwrap().code, ErrorCode::Unauthorized);
    assert!(world.said.iter().any(|said| matches!(said, Output::Shut { .. })));
    world.closed(1000);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn refresh_token_settles_with_the_servers_answer() {
    let mut world = World::with_tokens().connected();
    let (first, second) = (world.refresh(), world.refresh());
    world.answer(token());
    assert_eq!(world.answer_to(first), None);
    world.refreshed(1, 300);
    assert_eq!(world.answer_to(first), Some(Ok(())));
    assert_eq!(world.answer_to(second), Some(Ok(())));

    let refused = world.refresh();
    world.answer(token());
    world.receive(refusal(2, FrameErrorCode::Unauthorized));
    assert_eq!(world.answer_to(refused), Some(Err(ErrorCode::Unauthorized)));
    assert_eq!(world.state(), StateName::Connected);

    let failing = world.refresh();
    world.answer(TokenAnswer::Failed("no".into()));
    assert_eq!(world.answer_to(failing), Some(Err(ErrorCode::TokenFailed)));
    let lost = world.refresh();
    world.closed(1006);
    assert_eq!(world.answer_to(lost), Some(Err(ErrorCode::Closed)));
    let offline = world.refresh();
    assert_eq!(world.answer_to(offline), Some(Err(ErrorCode::Closed)));
}

#[test]
fn an_answer_to_a_new_token_that_comes_late_counts_until_another_is_asked_for() {
    let refresh_given_up = || {
        let mut world = World::with_tokens().connected();
        let refresh = world.refresh();
        world.answer(token());
        assert_eq!(world.elapse(), 10 * SECOND);
        assert_eq!(world.answer_to(refresh), Some(Err(ErrorCode::TokenFailed)));
        world
    };

    let mut world = refresh_given_up();
    world.refreshed(1, 300);
    assert_eq!(world.machine.status().token_expires_at, Some(at(310)));
    assert_eq!(world.machine.stats().refreshes, 1);
    world.stay_connected_while(|world| world.stage() != "connected/fetching");
    assert_eq!(world.now, at(250));

    // The newer one's own answer will say how long it lives.
    let is_stale = |mut world: World| {
        let stale = world.machine.stats().stale_events;
        world.refreshed(1, 300);
        assert_eq!(world.machine.stats().stale_events, stale + 1);
        assert_eq!(world.machine.stats().refreshes, 0);
        assert!(world.errors().iter().all(|(code, _)| *code == ErrorCode::TokenFailed));
    };
    let mut world = refresh_given_up();
    world.refresh();
    is_stale(world);

    let mut world = refresh_given_up();
    world.refresh();
    world.answer(TokenAnswer::Failed("no".into()));
    is_stale(world);

    let refresh_sent_again = || {
        let mut world = refresh_given_up();
        world.refresh();
        world.answer(token());
        world
    };
    is_stale(refresh_sent_again());

    let mut world = refresh_sent_again();
    assert_eq!(world.elapse(), 10 * SECOND);
    is_stale(world);

    let mut world = refresh_sent_again();
    world.refreshed(2, 300);
    assert_eq!(world.machine.stats().refreshes, 1);
    assert_eq!(world.errors(), [(ErrorCode::TokenFailed, vec![])]);
    // It was answered.
    world.refreshed(2, 300);
    assert_eq!((world.machine.stats().refreshes, world.errors().len()), (1, 1));

    let mut world = refresh_given_up();
    world.receive(refusal(1, FrameErrorCode::Unauthorized));
    let codes = [ErrorCode::TokenFailed, ErrorCode::Unauthorized];
    assert_eq!(world.errors(), codes.map(|code| (code, vec![])));
    assert_eq!(world.elapse(), 10 * SECOND);
    assert_eq!(world.stage(), "connected/fetching");

    // It was never asked.
    let mut world = refresh_given_up();
    world.refreshed(7, 300);
    let codes = [ErrorCode::TokenFailed, ErrorCode::InvalidMessage];
    assert_eq!(world.errors(), codes.map(|code| (code, vec![])));
}

#[test]
fn an_answer_just_before_the_token_expires_saves_the_connection() {
    let mut world = World::with_tokens().connected();
    world.stay_connected_until(at(289));
    // getToken has hung so far.
    let refresh = world.refresh();
    world.answer(token());
    world.stay_connected_while(|world| world.answer_to(refresh).is_none());
    world.refreshed(1, 300);

    world.stay_connected_while(|world| world.stage() != "connected/fetching");

    assert_eq!((world.state(), world.sockets()), (StateName::Connected, 1));
    assert!(world.now > at(500));
}

#[test]
fn the_status_tells_when_a_refreshed_token_expires() {
    let mut world = World::with_tokens().connected();
    assert_eq!(world.machine.status().token_expires_at, Some(at(300)));
    world.refresh();
    world.answer(token());

    world.refreshed(1, 400);

    assert_eq!(world.machine.status().token_expires_at, Some(at(400)));
}

#[test]
fn a_token_is_not_refreshed_over_a_connection_that_may_be_dead() {
    let mut world = World::with_tokens().connected();
    let fetched = world.fetch();
    world.now = world.now + 8 * 3600 * SECOND;
    world.feed(Input::Wake);
    assert_eq!(world.stage(), "connected/probing");
    assert_eq!(world.fetch(), fetched);
    let mut alive = world.clone();

    alive.receive(ServerFrame::Pong);
    assert_eq!(alive.stage(), "connected/fetching");

    assert_eq!(world.elapse(), 2 * SECOND);
    assert_eq!(world.stage(), "connecting/fetching");
    assert_eq!(world.fetch().0, fetched.0 + 1);
}

#[test]
fn a_token_that_does_not_run_out_is_not_refreshed_again_and_again_because_it_failed_once() {
    let mut world = World::with_tokens();
    world.connect();
    world.answer(token());
    world.opened();
    world.receive(ServerFrame::Welcome(Welcome { token_expires_in: None, ..welcome() }));
    let refresh = world.refresh();
    world.answer(TokenAnswer::Failed("it threw".into()));
    let fetch = world.fetch();
    world.stay_connected_until(world.now + 600 * SECOND);

    assert_eq!(world.answer_to(refresh), Some(Err(ErrorCode::TokenFailed)));
    assert_eq!(world.fetch(), fetch);
    assert_eq!(world.state(), StateName::Connected);
}
