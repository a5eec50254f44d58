//! The machine as a whole: events of old sockets, its hash, its counters.

use onesocket_core::protocol::ServerFrame;
use onesocket_core::{Attempt, Error, ErrorCode, Input, Stats};

use crate::world::{World, closed, hash, token};

#[test]
fn events_of_old_sockets_change_nothing_and_are_counted() {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.agree();
    // What is counted is not hashed.
    let before = hash(&world.machine);

    let attempt = Attempt(1);
    world.feed(Input::Opened { attempt });
    world.feed(Input::Received { attempt, frame: ServerFrame::Message("late"), bytes: 4 });
    world.feed(Input::Received { attempt, frame: ServerFrame::Ping, bytes: 4 });
    world.feed(Input::InvalidFrame { attempt, problem: "".into() });
    world.feed(Input::Closing { attempt });
    world.feed(Input::Failed { attempt, error: Error::new(ErrorCode::InvalidOptions, "") });
    world.feed(closed(attempt, 4409, ""));

    assert_eq!(hash(&world.machine), before);
    assert_eq!(world.machine.stats().stale_events, 7);
}

#[test]
fn the_version_of_the_status_changes_with_the_status_and_with_nothing_else() {
    let mut world = World::plain();
    world.connect();
    let (connecting, status) = (world.machine.status_version(), world.machine.status().clone());

    world.connect();
    assert_eq!(world.machine.status(), &status);
    assert_eq!(world.machine.status_version(), connecting);

    world.agree();
    let connected = world.machine.status_version();
    assert!(connected > connecting && connecting > World::plain().machine.status_version());
}

/// The model tells places apart by it, and the test above that nothing has changed.
#[test]
fn a_machine_in_another_state_has_another_hash() {
    let idle = World::plain();
    let connected = World::plain().connected();
    let mut waiting = connected.clone();
    waiting.send("one").unwrap();
    let hashes = [&idle, &connected, &waiting].map(|world| hash(&world.machine));

    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
}

#[test]
fn events_are_counted() {
    let mut world = World::with_tokens().connected();
    assert_eq!(world.machine.stats().reconnects, 0);
    world.send("four").unwrap();
    world.receive(ServerFrame::Message("one"));
    world.closed(1006);
    world.elapse();
    world.agree();
    world.refresh();
    world.answer(token());
    world.refreshed(2, 300);

    assert_eq!(
        world.machine.stats(),
        Stats {
            attempts: 2,
            sockets_opened: 2,
            reconnects: 1,
            refreshes: 1,
            stale_events: 0,
            messages_in: 1,
            // The server had not answered it, and remembers what it has had.
            messages_out: 2,
            bytes_in: 1,
            bytes_out: 8,
        }
    );
}
