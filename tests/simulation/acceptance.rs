//! Two histories that are the same in every run: a day connected, and a night asleep.

use std::time::Duration;

use onesocket_core::protocol::{CloseCode, Group};
use onesocket_core::{Config, StateName};
use onesocket_server::token::Secret;
use onesocket_server::{Config as ServerConfig, Pattern};

use crate::network::Down;
use crate::page::Pause;
use crate::reference::Arrival;
use crate::server::Server;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
const NIGHT: Duration = Duration::from_secs(8 * 3600);

/// What has become of the socket by the time that the machine wakes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Meanwhile {
    /// The server sleeps on the same machine.
    Lives,
    /// The server has closed it, which was not heard until now.
    Closed,
    /// It was cut off, of which the network tells at once.
    Reset,
    /// It was cut off, of which nobody tells.
    Silent,
}

#[test]
fn a_five_minute_token_keeps_one_socket_for_a_day_and_no_message_is_lost_or_doubled() {
    let mut world = world();
    let clients = [connected(&mut world, "ada"), connected(&mut world, "grace")];
    let tea = Group::new("tea").expect("a name");
    for client in clients {
        world.join(client, tea.clone());
    }
    world.run_for(SECOND);
    let start = world.now;

    while world.now - start < DAY && world.record.broken.is_none() {
        for client in clients {
            world.send(client, false, 20);
            world.publish(client, tea.clone(), 20);
        }
        world.run_for(SECOND);
    }

    world.run_for(SECOND);
    assert_eq!(world.record.broken, None);
    for (client, other) in clients.into_iter().zip(clients.into_iter().rev()) {
        let observed = &world.clients[client].observed;
        assert_eq!(observed.status.state, StateName::Connected);
        assert_eq!(observed.sockets, 1);
        assert_eq!(world.server.hub.count(&world.clients[client].user).opened, 1);
        // A day has 360 times four minutes.
        let refreshes = &observed.refreshes;
        assert!((350..=365).contains(&refreshes.len()), "{} refreshes", refreshes.len());
        for pair in refreshes.windows(2) {
            let apart = pair[1].since(pair[0]).ms() / 1000.0;
            assert!((238.5..=241.0).contains(&apart), "{apart} s from one refresh to the next");
        }
        assert_eq!(world.clients[client].source.fetches, refreshes.len() as u64 + 1);

        let items = &world.reference.items[client];
        assert_eq!(items.len(), 2 * 24 * 3600);
        assert!(items.iter().all(|item| item.arrival == Arrival::Taken));
        assert!(items.iter().all(|item| item.reported.is_none()));
        // Its own came back, and the other's were heard; none of them twice: see `invariants`.
        let (own, others) = (24 * 3600, 24 * 3600);
        let delivered = world.sockets[world.clients[client].streams[0]].delivered;
        assert_eq!(delivered, own + others);
        assert_eq!(world.clients[client].heard[&other], items.len() - 1);
    }
}

#[test]
fn eight_hours_asleep_lead_to_one_fetch_and_one_reconnect_at_most_and_no_burst_of_timers() {
    for meanwhile in [Meanwhile::Lives, Meanwhile::Closed, Meanwhile::Reset, Meanwhile::Silent] {
        // Whether `performance.now()` counts sleep; how long before the night the client connected.
        for counts_sleep in [false, true] {
            for awake in [20, 239, 241, 290] {
                let what = format!("{meanwhile:?}, {counts_sleep}, {awake} s");
                sleep_through(meanwhile, counts_sleep, Duration::from_secs(awake), &what);
            }
        }
    }
}

fn sleep_through(meanwhile: Meanwhile, counts_sleep: bool, awake: Duration, what: &str) {
    let mut world = world();
    let ada = world.add_client("ada", Config { tokens: true, ..Config::default() }, counts_sleep);
    world.connect(ada);
    world.run_for(SECOND);
    let socket = world.clients[ada].streams[0];
    world.run_for(awake);
    let (fetches, sockets, alarms) = counts(&world, ada);
    world.pause(ada, Pause::Asleep);
    if meanwhile == Meanwhile::Lives {
        world.server_sleeps(true);
    }

    world.run_for(NIGHT);
    match meanwhile {
        Meanwhile::Lives => world.server_sleeps(false),
        Meanwhile::Closed => {
            let reason = "no frame for too long".to_owned();
            world.send_down(socket, Down::Close(CloseCode::STALE, reason));
        }
        Meanwhile::Reset => world.send_down(socket, Down::Reset),
        Meanwhile::Silent => world.cut(socket, false, false),
    }
    world.resume(ada);

    // At once: what the timer was set for is dealt with in one go.
    world.run_for(SECOND / 10);
    let (_, _, at_once) = counts(&world, ada);
    assert!(at_once - alarms <= 1, "{what}: {} timers at once", at_once - alarms);
    // Within a minute: the token, a probe, one reconnect, and that it has lasted.
    world.run_for(60 * SECOND);
    assert_eq!(world.record.broken, None, "{what}");
    let (fetches_after, sockets_after, alarms_after) = counts(&world, ada);
    assert_eq!(world.clients[ada].observed.status.state, StateName::Connected, "{what}");
    assert!(fetches_after - fetches <= 1, "{what}: {} fetches", fetches_after - fetches);
    let reconnects = u64::from(meanwhile != Meanwhile::Lives);
    assert_eq!(sockets_after - sockets, reconnects, "{what}");
    let timers = alarms_after - alarms;
    assert!(timers <= 6, "{what}: {timers} timers in a minute");
}

fn counts(world: &World, client: usize) -> (u64, u64, u64) {
    let client = &world.clients[client];
    (client.source.fetches, client.observed.sockets, client.page.alarms)
}

fn world() -> World {
    let mut config = ServerConfig::new(Secret::new([7; 32]).expect("long enough"));
    config.open_groups = [Pattern::Prefix(String::new())].into();
    config.echo = true;
    World::new(1, Server::new(config, 64 << 10), false)
}

fn connected(world: &mut World, user: &str) -> usize {
    let client = world.add_client(user, Config { tokens: true, ..Config::default() }, false);
    world.connect(client);
    world.run_for(SECOND);
    client
}
