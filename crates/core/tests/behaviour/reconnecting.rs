//! A lost connection: how often, and how soon, it is tried again.

use onesocket_core::{Config, ErrorCode, LogEvent, Output, Reconnect, StateName};

use crate::SECOND;
use crate::world::{World, config};

#[test]
fn after_a_loss_five_attempts_follow_five_seconds_apart_and_no_more() {
    let mut world = World::plain().connected();
    world.closed(1006);
    for attempt in 1..=5 {
        assert_eq!(world.state(), StateName::Waiting);
        assert_eq!(world.machine.status().attempt, attempt);
        let after = 5 * SECOND;
        assert!(world.said.contains(&Output::Log(LogEvent::Reconnecting {
            attempt,
            of: 5,
            after
        })));
        assert_eq!(world.elapse(), after);
        world.closed(1006);
    }

    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.errors(), [(ErrorCode::AttemptsExhausted, vec![])]);
    assert_eq!(world.sockets(), 6);
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn connect_revives_a_failed_connection_with_all_its_attempts() {
    let mut world = World::plain();
    let first = world.connect();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
    }
    world.closed(1006);
    assert_eq!(world.answer_to(first), Some(Err(ErrorCode::AttemptsExhausted)));

    let second = world.connect();
    world.closed(1006);

    assert_eq!(world.machine.status().attempt, 1);
    world.elapse();
    world.agree();
    assert_eq!(world.answer_to(second), Some(Ok(())));
}

#[test]
fn a_server_that_accepts_and_drops_cannot_reset_the_count() {
    let mut world = World::plain().connected();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
        world.agree();
        world.pass(9 * SECOND);
    }
    world.closed(1006);

    assert_eq!(world.state(), StateName::Failed);
}

#[test]
fn failures_before_a_connection_that_has_lasted_count_no_more_even_if_timers_come_late() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.agree();
    assert_eq!(world.machine.status().attempt, 1);
    let mut late = world.clone();

    assert_eq!(world.elapse(), 10 * SECOND);
    assert_eq!(world.machine.status().attempt, 0);

    late.now = late.now + 11 * SECOND;
    late.closed(1006);
    assert_eq!(late.machine.status().attempt, 1);
}

#[test]
fn connect_while_waiting_tries_now_and_counts() {
    let mut world = World::plain().connected();
    world.closed(1006);

    world.connect();

    assert_eq!(world.sockets(), 2);
    assert_eq!(world.machine.status().attempt, 1);
}

#[test]
fn too_many_requests_is_obeyed_for_as_long_as_the_server_says() {
    let mut world = World::plain().connected();

    world.closed_saying(4529, "retry-after-ms=30000");

    assert_eq!(world.elapse(), 30 * SECOND);
    world.closed_saying(4529, "retry-after-ms=10");
    assert_eq!(world.elapse(), 5 * SECOND);
}

#[test]
fn without_reconnecting_the_first_loss_is_the_end() {
    let reconnect = Reconnect { max_attempts: 0, ..Reconnect::default() };
    let mut world = World::new(Config { reconnect, ..config() }).connected();

    world.closed(1006);

    assert_eq!(world.state(), StateName::Failed);
    assert_eq!(world.errors(), [(ErrorCode::AttemptsExhausted, vec![])]);
}
