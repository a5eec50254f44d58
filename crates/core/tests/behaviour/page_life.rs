//! A page wakes up, goes offline and comes back online.

use onesocket_core::{Config, Input, Output, Reconnect, Span, StateName, TokenAnswer};

use crate::SECOND;
use crate::world::{World, config};

#[test]
fn waking_up_does_not_cut_short_a_delay_that_the_server_or_get_token_has_asked_for() {
    let mut world = World::plain().connected();
    world.closed_saying(4529, "retry-after-ms=60000");
    world.pass(20 * SECOND);
    world.feed(Input::Wake);
    world.feed(Input::Online);
    assert_eq!(world.state(), StateName::Waiting);
    assert_eq!(world.elapse(), 40 * SECOND);

    let mut world = World::with_tokens();
    world.connect();
    world.answer(TokenAnswer::Later(60 * SECOND));
    world.pass(20 * SECOND);
    world.feed(Input::Wake);
    assert_eq!(world.state(), StateName::Waiting);
    // A person is not to be stopped.
    world.connect();
    assert_eq!(world.stage(), "connecting/fetching");
}

#[test]
fn after_waking_up_a_dead_connection_is_replaced_within_two_seconds_and_once() {
    let mut world = World::plain().connected();
    world.now = world.now + 20 * SECOND;
    for _ in 0..3 {
        world.feed(Input::Wake);
    }
    let pings = world.said.iter().filter(|said| matches!(said, Output::Transmit { .. }));
    assert_eq!(pings.count(), 1);

    assert_eq!(world.elapse(), 2 * SECOND);

    assert_eq!(world.stage(), "connecting/opening");
    assert_eq!(world.machine.status().attempt, 1);
    assert_eq!(world.sockets(), 2);
}

#[test]
fn a_socket_that_is_found_dead_on_waking_up_is_replaced_at_once_unless_the_server_says_when() {
    let mut world = World::plain().connected();
    world.now = world.now + 20 * SECOND;
    world.feed(Input::Wake);
    let mut told = world.clone();

    world.closed(1006);
    assert_eq!(world.stage(), "connecting/opening");
    assert_eq!((world.machine.status().attempt, world.sockets()), (1, 2));

    told.closed_saying(4529, "retry-after-ms=70000");
    assert_eq!(told.elapse(), 70 * SECOND);
    assert_eq!(told.sockets(), 2);
}

#[test]
fn a_socket_that_is_found_dead_while_offline_is_replaced_once_there_is_a_network() {
    let mut world = World::plain().connected();
    world.feed(Input::Offline);
    world.feed(Input::Wake);
    let mut closed = world.clone();

    assert_eq!(world.elapse(), 2 * SECOND);
    closed.closed(1006);

    for mut world in [world, closed] {
        assert_eq!((world.state(), world.sockets()), (StateName::Waiting, 1));
        world.feed(Input::Online);
        assert_eq!((world.state(), world.sockets()), (StateName::Connecting, 2));
    }
}

#[test]
fn waking_up_tries_at_once_while_waiting_but_once_a_second_at_most() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.feed(Input::Wake);
    assert_eq!(world.sockets(), 2);
    world.closed(1006);
    world.feed(Input::Wake);
    assert_eq!(world.state(), StateName::Waiting);
    world.pass(SECOND);
    world.feed(Input::Wake);

    assert_eq!(world.sockets(), 3);
    assert_eq!(world.machine.status().attempt, 2);
}

#[test]
fn offline_is_a_hint_attempts_go_on_rarely_and_cost_nothing_and_online_tries_at_once() {
    let mut world = World::plain().connected();
    world.closed(1006);
    let planned = world.machine.status().retry_at;
    world.feed(Input::Offline);
    assert_eq!(world.machine.status().retry_at, planned);
    for attempts in 2..50 {
        world.elapse();
        assert_eq!((world.sockets(), world.machine.status().attempt), (attempts, 1));
        world.closed(1006);
        assert_eq!(world.machine.status().retry_at, Some(world.now + Span::from_secs(30)));
    }

    world.feed(Input::Online);

    assert_eq!(world.sockets(), 50);
    assert_eq!(world.machine.status().attempt, 1);
}

#[test]
fn a_connection_is_found_again_though_the_browser_never_says_that_it_is_online() {
    let mut world = World::plain().connected();
    world.feed(Input::Offline);
    world.closed(1012);
    assert_eq!(world.elapse(), Span::from_secs(30));

    world.agree();

    assert_eq!(world.state(), StateName::Connected);
}

#[test]
fn offline_there_is_no_attempt_where_there_are_none() {
    let reconnect = Reconnect { max_attempts: 0, ..config().reconnect };
    let mut world = World::new(Config { reconnect, ..config() }).connected();
    world.feed(Input::Offline);

    world.closed(1006);

    assert_eq!(world.state(), StateName::Failed);
}

#[test]
fn connect_is_tried_even_offline() {
    let mut world = World::plain();
    world.feed(Input::Offline);
    world.connect();

    assert_eq!(world.sockets(), 1);
}

#[test]
fn online_revives_a_connection_that_has_used_up_its_attempts_and_no_other() {
    let mut world = World::plain();
    world.connect();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
    }
    world.closed(1006);
    let exhausted = world.clone();

    world.feed(Input::Online);
    assert_eq!(world.state(), StateName::Connecting);
    assert_eq!(world.machine.status().attempt, 0);

    let mut unwanted = exhausted.clone();
    unwanted.close();
    unwanted.feed(Input::Online);
    assert_eq!(unwanted.state(), StateName::Closed);

    let mut replaced = World::plain().connected();
    replaced.closed(4409);
    replaced.feed(Input::Online);
    replaced.feed(Input::Wake);
    assert_eq!(replaced.state(), StateName::Failed);
}

#[test]
fn a_person_who_uses_the_page_revives_what_has_used_up_its_attempts_and_hurries_nothing() {
    let mut world = World::plain();
    world.feed(Input::Activity);
    assert_eq!(world.state(), StateName::Idle);
    world.connect();
    world.closed(1006);
    world.feed(Input::Activity);
    assert_eq!(world.state(), StateName::Waiting);
    for _ in 0..5 {
        world.elapse();
        world.closed(1006);
    }
    assert_eq!(world.state(), StateName::Failed);

    world.feed(Input::Activity);

    assert_eq!((world.state(), world.machine.status().attempt), (StateName::Connecting, 0));
    world.opened();
    world.welcomed();
    let said = world.feed(Input::Activity);
    assert_eq!(said, []);
    world.closed(4409);
    world.feed(Input::Activity);
    assert_eq!(world.state(), StateName::Failed);
}

#[test]
fn waking_up_often_revives_a_failed_connection_once_a_second() {
    let mut world = World::new(Config {
        reconnect: Reconnect { max_attempts: 0, ..config().reconnect },
        ..config()
    });
    world.connect();
    world.closed(1006);
    for _ in 0..10 {
        world.feed(Input::Wake);
        if world.state() == StateName::Connecting {
            world.closed(1006);
        }
    }

    assert_eq!(world.sockets(), 2);
    world.pass(Span::from_secs(1));
    world.feed(Input::Wake);
    assert_eq!(world.sockets(), 3);
}
