//! `close()`, and the codes with which a server closes a socket for good.

use onesocket_core::protocol::CloseCode;
use onesocket_core::{Attempt, ErrorCode, Input, Output, ReadyState, StateName};

use crate::SECOND;
use crate::world::{World, closed};

#[test]
fn close_and_connect_fifty_times_makes_one_socket_from_idle() {
    let mut world = World::plain();
    for _ in 0..50 {
        world.close();
        world.connect();
    }

    assert_eq!(world.sockets(), 1);
    assert!(!world.said.iter().any(|output| matches!(output, Output::Shut { .. })));
    world.agree();
    assert_eq!(world.sockets(), 1);
}

#[test]
fn close_and_connect_fifty_times_makes_two_sockets_from_connected() {
    let mut world = World::plain().connected();
    let mut closes = Vec::new();
    for _ in 0..50 {
        closes.push(world.close());
        world.connect();
    }
    assert_eq!(world.sockets(), 1);

    world.closed(1000);
    world.agree();

    assert_eq!(world.sockets(), 2);
    for close in closes {
        assert_eq!(world.answer_to(close), Some(Ok(())));
    }
}

#[test]
fn a_new_socket_waits_for_the_close_of_the_old_one() {
    let mut world = World::plain().connected();
    let close = world.close();
    assert_eq!(world.state(), StateName::Closing);
    assert_eq!(world.answer_to(close), None);

    let connect = world.connect();
    assert_eq!(world.state(), StateName::Connecting);
    assert_eq!(world.sockets(), 1);
    world.closed(1000);

    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert_eq!(world.sockets(), 2);
    world.agree();
    assert_eq!(world.answer_to(connect), Some(Ok(())));
}

#[test]
fn an_old_socket_that_does_not_close_is_detached_after_three_seconds() {
    let mut world = World::plain().connected();
    let old = world.attempt();
    let close = world.close();

    assert_eq!(world.elapse(), 3 * SECOND);

    assert_eq!(world.state(), StateName::Closed);
    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert!(world.said.contains(&Output::Detach { attempt: old }));
    world.feed(closed(old, 4409, ""));
    assert_eq!(world.state(), StateName::Closed);
}

#[test]
fn a_socket_that_is_connecting_is_not_closed_but_lingers_and_is_shut_once_open() {
    let mut world = World::plain();
    let connect = world.connect();

    let close = world.close();

    assert_eq!(world.state(), StateName::Closed);
    assert_eq!(world.answer_to(close), Some(Ok(())));
    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Closed)));
    assert!(!world.said.iter().any(|output| matches!(output, Output::Shut { .. })));
    world.opened();
    let Some(Output::Shut { attempt: Attempt(1), code: CloseCode::NORMAL, .. }) = world.said.last()
    else {
        panic!("not shut: {:?}", world.said.last());
    };
    world.closed(1000);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_lingering_handshake_is_shut_at_the_connect_timeout() {
    let mut world = World::plain();
    world.connect();
    world.close();

    assert_eq!(world.elapse(), 10 * SECOND);

    assert!(matches!(world.said.last(), Some(Output::Shut { .. })));
    assert_eq!(world.state(), StateName::Closed);
}

#[test]
fn a_lingering_handshake_is_adopted_when_it_is_wanted_again() {
    let mut world = World::plain();
    world.connect();
    world.close();
    world.pass(4 * SECOND);

    let again = world.connect();

    assert_eq!(world.sockets(), 1);
    assert_eq!(world.machine.status().ready_state, ReadyState::Connecting);
    world.agree();
    assert_eq!(world.answer_to(again), Some(Ok(())));
}

#[test]
fn final_codes_end_the_connection_and_holding_does_not_revive_it() {
    for (code, error) in [
        (1000, ErrorCode::Refused),
        (1002, ErrorCode::Refused),
        (4400, ErrorCode::Refused),
        (4401, ErrorCode::Unauthorized),
        (4409, ErrorCode::Replaced),
        (4413, ErrorCode::TooLarge),
    ] {
        let mut world = World::plain().connected();
        world.closed(code);
        assert_eq!(world.state(), StateName::Failed, "{code}");
        assert_eq!(world.machine.status().error.as_ref().unwrap().code, error);

        world.feed(Input::Hold);
        world.feed(Input::Release);
        world.pass(60 * SECOND);

        assert_eq!(world.state(), StateName::Failed, "{code}");
        assert_eq!(world.sockets(), 1);
        assert_eq!(world.machine.deadline(), None);
    }
}

#[test]
fn the_code_of_a_close_that_was_seen_coming_is_obeyed() {
    let mut world = World::plain().connected();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    world.closed(4409);
    assert_eq!(world.machine.status().error.as_ref().unwrap().code, ErrorCode::Replaced);

    let mut world = World::plain().connected();
    let attempt = world.attempt();
    world.feed(Input::Closing { attempt });
    assert_eq!(world.elapse(), 3 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
    assert!(world.said.contains(&Output::Detach { attempt }));
}
