//! A server that has been silent for too long is lost.

use onesocket_core::protocol::{ClientFrame, ServerFrame};
use onesocket_core::{Attempt, Output, StateName};

use crate::SECOND;
use crate::world::World;

#[test]
fn a_silent_server_is_lost_and_the_close_of_its_socket_is_not_awaited() {
    let mut world = World::plain().connected();
    let silent = world.attempt();

    assert_eq!(world.elapse(), 35 * SECOND);

    assert_eq!(world.state(), StateName::Waiting);
    assert!(world.said.contains(&Output::Detach { attempt: silent }));
    assert_eq!(world.elapse(), 5 * SECOND);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn anything_that_comes_is_a_sign_of_life() {
    let mut world = World::plain().connected();
    for _ in 0..10 {
        world.pass(30 * SECOND);
        world.receive(ServerFrame::Message("hello"));
    }

    assert_eq!(world.state(), StateName::Connected);
    assert_eq!(world.elapse(), 35 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
}

#[test]
fn a_timer_that_comes_late_asks_the_server_before_it_gives_up() {
    let mut world = World::plain().connected();

    world.pass(8 * 3600 * SECOND);
    assert_eq!(world.stage(), "connected/probing");
    let frame = ClientFrame::Ping;
    assert_eq!(world.said.last(), Some(&Output::Transmit { attempt: Attempt(1), frame }));
    let mut alive = world.clone();

    alive.receive(ServerFrame::Pong);
    assert_eq!(alive.stage(), "connected");
    assert_eq!(world.elapse(), 10 * SECOND);
    assert_eq!(world.state(), StateName::Waiting);
}
