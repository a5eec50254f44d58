//! `connect()`: what it makes, what it is answered, and how long an attempt may take.

use onesocket_core::protocol::CloseCode;
use onesocket_core::{Attempt, Error, ErrorCode, Input, LogEvent, Output, ReadyState, StateName};

use crate::world::World;
use crate::{SECOND, at};

#[test]
fn a_hundred_calls_of_connect_make_one_socket_and_all_are_answered() {
    let mut world = World::plain();
    let calls: Vec<_> = (0..100).map(|_| world.connect()).collect();
    world.agree();

    assert_eq!(world.sockets(), 1);
    for call in calls {
        assert_eq!(world.answer_to(call), Some(Ok(())));
    }
}

#[test]
fn connect_while_connected_reuses_the_connection() {
    let mut world = World::plain().connected();

    let again = world.connect();

    assert_eq!(world.answer_to(again), Some(Ok(())));
    assert!(world.said.contains(&Output::Log(LogEvent::Reusing)));
    assert_eq!(world.sockets(), 1);
}

#[test]
fn a_hung_handshake_is_given_up_after_ten_seconds_and_counted() {
    let mut world = World::plain();
    world.connect();

    assert_eq!(world.elapse(), 10 * SECOND);

    assert!(world.said.iter().any(|output| matches!(output, Output::Shut { .. })));
    assert_eq!(world.machine.status().attempt, 1);
    assert_eq!(world.state(), StateName::Waiting);
    world.closed(1006);
    assert_eq!(world.elapse(), 5 * SECOND);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn an_open_socket_is_no_connection_before_the_welcome() {
    let mut world = World::plain();
    let connect = world.connect();
    world.pass(4 * SECOND);
    world.opened();

    assert_eq!(world.state(), StateName::Connecting);
    assert_eq!(world.machine.status().ready_state, ReadyState::Open);
    assert_eq!(world.answer_to(connect), None);
    assert_eq!(world.elapse(), 6 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
}

#[test]
fn aborting_withdraws_one_caller_and_ends_the_attempt_only_if_nobody_else_wants_it() {
    let mut world = World::plain();
    let (first, second) = (world.connect(), world.connect());

    world.feed(Input::Abort { call: first });
    assert_eq!(world.answer_to(first), Some(Err(ErrorCode::Aborted)));
    assert_eq!(world.state(), StateName::Connecting);
    world.feed(Input::Abort { call: second });
    assert_eq!(world.state(), StateName::Closed);

    world.connect();
    world.agree();
    world.feed(Input::Abort { call: first });
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn a_socket_that_the_browser_refuses_to_make_ends_the_connection() {
    let mut world = World::plain();
    let connect = world.connect();
    let attempt = world.attempt();

    world.feed(Input::Failed {
        attempt,
        error: Error::new(ErrorCode::InvalidOptions, "ws: on an https: page"),
    });

    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::InvalidOptions)));
}

#[test]
fn a_socket_that_could_not_be_made_is_not_waited_for_once_it_was_let_go() {
    let mut world = World::plain();
    world.connect();
    let attempt = world.attempt();
    world.close();
    world.feed(Input::Failed {
        attempt,
        error: Error::new(ErrorCode::InvalidOptions, "ws: on an https: page"),
    });

    assert_eq!(world.stage(), "closed");
    world.connect();
    assert_eq!(world.sockets(), 2);
}

#[test]
fn a_connection_costs_one_timer_and_none_is_left_when_it_is_closed() {
    let mut world = World::plain().connected();
    assert_eq!(world.machine.deadline(), Some(at(35)));

    world.close();
    world.closed(1000);

    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_socket_that_nobody_wants_before_it_is_made_is_never_made() {
    let mut world = World::plain();
    let (connect, close) = (world.call(), world.call());
    let (code, reason) = (CloseCode::NORMAL, String::new());

    // A listener closes the connection before the shell has done what connect() led to.
    world.machine.handle(Input::Connect { call: connect }, world.now);
    world.machine.handle(Input::Close { call: close, code, reason }, world.now);
    world.drain();

    assert_eq!(world.sockets(), 0);
    assert_eq!(world.stage(), "closed");
    assert_eq!(world.answer_to(connect), Some(Err(ErrorCode::Closed)));
    assert_eq!(world.answer_to(close), Some(Ok(())));
    world.connect();
    assert_eq!(world.attempt(), Attempt(1));
    world.agree();
}
