//! A history: who there is, what happens to them by chance, and how it ends.

use std::time::Duration;

use onesocket_core::protocol::Group;

use crate::acts::ACTS;
use crate::configs::{client_config, delay, server_config};
use crate::network::Door;
use crate::random::Random;
use crate::server::Server;
use crate::source::Mood;
use crate::world::World;

/// All the groups that there are.
pub(crate) fn groups() -> [Group; 3] {
    ["tea", "milk", "sugar"].map(|name| Group::new(name).expect("a name"))
}

const MINUTE: Duration = Duration::from_secs(60);

/// How long a friendly world has for everything to come right.
const FRIENDLY: Duration = Duration::from_secs(240);

/// Something that was begun and comes to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Later {
    DoorOpens(usize),
    MoodIsGood(usize),
    Online(usize),
    PathIsMended(usize),
    Resume(usize),
    ServerDies,
    ServerStarts,
    Unhold(usize),
}

/// A history under way.
pub(crate) struct History {
    weights: Vec<u64>,
    /// The longest time from one act to the next, in milliseconds.
    pace: u64,
    lasts: Duration,
}

/// Makes the world and the history of a seed.
pub(crate) fn begin(seed: u64, traced: bool) -> (World, History) {
    let mut random = Random::new(seed);
    let room = random.pick(&[1 << 10, 4 << 10, 64 << 10, 256 << 10]);
    let config = server_config(&mut random);
    let mut world = World::new(random.number(), Server::new(config, room), traced);
    let users = 1 + random.index(3);
    for user in 0..users {
        world.draw_rights(&format!("user {user}"));
        let tabs = 1 + random.index(2) * random.index(3);
        for _ in 0..tabs {
            let config = client_config(&mut random);
            let counts_sleep = random.percent(25);
            let client = world.add_client(&format!("user {user}"), config, counts_sleep);
            world.clients[client].source.says_life = random.percent(50);
            world.clients[client].path.delay = delay(&mut random);
            if random.percent(70) {
                world.connect(client);
            }
        }
    }
    // Each history does without some of what may happen, so that the rest goes further.
    let weights = ACTS
        .iter()
        .map(|(weight, _)| if random.percent(75) { weight * (1 + random.below(3)) } else { 0 });
    let history = History {
        weights: weights.collect(),
        pace: random.pick(&[1000, 5000, 20_000, 60_000]),
        lasts: random.spread(60_000, 3_600_000),
    };
    (world, history)
}

impl History {
    /// Runs to the end, or until an invariant is broken.
    pub(crate) fn run(self, world: &mut World) {
        let end = world.now + self.lasts;
        while world.now < end && world.record.broken.is_none() {
            // Some things happen on top of each other.
            if world.random.percent(70) {
                let gap = world.random.spread(10, self.pace);
                world.run_for(gap);
            }
            self.act(world);
        }
        world.come_right();
    }

    fn act(&self, world: &mut World) {
        let all = self.weights.iter().sum();
        let mut at = world.random.below(all);
        let chosen = self.weights.iter().position(|weight| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let clients = world.present();
        let client = world.random.pick(&clients);
        if let Some(chosen) = chosen {
            // Who does not run does nothing, but what is around it may change.
            if chosen < 12 && world.clients[client].page.paused.is_some() {
                return;
            }
            ACTS[chosen].1(world, client);
        }
    }
}

impl World {
    /// Something that was begun comes to its end.
    pub(crate) fn later(&mut self, later: Later) {
        match later {
            Later::DoorOpens(client) => self.clients[client].path.door = Door::Open,
            Later::MoodIsGood(client) => self.clients[client].source.mood = Mood::Good,
            Later::Online(client) => {
                if self.clients[client].offline {
                    self.clients[client].offline = false;
                    self.mend_path(client);
                    self.inform(client, crate::page::Task::Online);
                }
            }
            Later::PathIsMended(client) => self.mend_path(client),
            Later::Resume(client) => self.resume(client),
            Later::ServerDies => {
                if !self.server.up {
                    self.kill_server(true);
                }
            }
            Later::ServerStarts => {
                if !self.server.up {
                    self.start_server();
                }
            }
            Later::Unhold(socket) => {
                self.sockets[socket].up.held = false;
                self.sockets[socket].down.held = false;
                self.flow(socket);
            }
        }
    }

    /// The world becomes friendly, and everything has to come right; then everybody leaves.
    fn come_right(&mut self) {
        if self.record.broken.is_some() {
            return;
        }
        self.log(|| "the world becomes friendly".to_owned());
        self.end_what_was_begun();
        for client in self.present() {
            self.clients[client].page.hidden_since = None;
            self.clients[client].path.delay = (10, 40);
        }
        for _ in 0..4 {
            for client in self.present() {
                self.inform(client, crate::page::Task::Wake);
            }
            self.run_for(FRIENDLY / 4);
        }
        self.check_recovered();
        for client in self.present() {
            self.close(client);
        }
        self.run_for(MINUTE);
        self.check_left();
        self.run_for(crate::reference::REMEMBERED_FOR + MINUTE);
        self.check_forgotten();
    }
}
