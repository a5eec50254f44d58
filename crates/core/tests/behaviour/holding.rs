//! Components hold a connection while they are mounted; the last to release it closes it.

use onesocket_core::{Input, Span, StateName};

use crate::SECOND;
use crate::world::World;

#[test]
fn strict_mode_mounts_unmounts_and_mounts_without_a_second_socket() {
    let mut world = World::plain();
    world.feed(Input::Hold);
    world.feed(Input::Release);
    world.feed(Input::Hold);
    world.agree();
    world.pass(60 * SECOND);

    assert_eq!(world.sockets(), 1);
    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn the_last_release_closes_half_a_second_later_and_the_next_hold_connects_again() {
    let mut world = World::plain();
    world.feed(Input::Hold);
    world.feed(Input::Hold);
    world.agree();
    world.feed(Input::Release);
    world.pass(SECOND);
    assert_eq!(world.state(), StateName::Connected);
    world.feed(Input::Release);

    assert_eq!(world.elapse(), Span::from_millis(500));
    assert_eq!(world.state(), StateName::Closing);
    world.closed(1000);
    assert_eq!(world.state(), StateName::Closed);

    world.feed(Input::Hold);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn a_connection_that_connect_has_asked_for_outlives_the_last_holder() {
    let mut world = World::plain().connected();
    world.feed(Input::Hold);
    world.feed(Input::Release);
    world.pass(SECOND);

    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn a_component_does_not_revive_an_explicit_close() {
    let mut world = World::plain().connected();
    world.close();
    world.closed(1000);
    world.feed(Input::Hold);

    assert_eq!(world.state(), StateName::Closed);
    world.connect();
    assert_eq!(world.sockets(), 2);
}
