//! A history: who there is, what happens to them by chance, and how it ends.

use std::time::Duration;

use onesocket_core::protocol::Group;
use onesocket_core::{Config, HeartbeatRules, QueueLimits, Reconnect};
use onesocket_server::Config as ServerConfig;
use onesocket_server::token::Secret;

use crate::network::Door;
use crate::random::Random;
use crate::server::Server;
use crate::source::Mood;
use crate::world::World;

pub(crate) const GROUPS: [&str; 3] = ["tea", "milk", "sugar"];

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

/// What may happen by itself or by somebody's hand, and how it is done.
type Act = fn(&mut World, usize);

/// All that may happen, and how often it does beside the others.
const ACTS: [(u64, Act); 27] = [
    (8, |world, client| {
        world.connect(client);
    }),
    (2, World::close),
    (5, World::hold_client),
    (3, World::release),
    (3, World::refresh_token),
    (6, |world, client| {
        let group = world.any_group();
        world.join(client, group);
    }),
    (1, |world, client| {
        let group = world.any_group();
        world.leave(client, group);
    }),
    (14, World::send_some),
    (14, World::publish_some),
    (1, World::connect_and_abort),
    (2, World::close_and_connect),
    (1, World::reload),
    (4, World::cut_some),
    (4, World::hold_some),
    (3, World::break_path),
    (3, World::bar_door),
    (2, World::slow_down),
    (2, World::go_offline),
    (2, World::freeze),
    (2, World::sleep),
    (2, World::sleep_long),
    (2, World::hide),
    (2, World::set_clock),
    (4, World::change_mood),
    (1, |world, _| world.restart_server()),
    (1, |world, _| world.crash_server()),
    (2, |world, client| {
        world.inform(client, crate::page::Task::Wake);
    }),
];

/// A history under way.
pub(crate) struct Story {
    weights: Vec<u64>,
    /// The longest time from one act to the next, in milliseconds.
    pace: u64,
    lasts: Duration,
}

/// Makes the world that a seed begins, and the story that it tells.
pub(crate) fn begin(seed: u64, traced: bool) -> (World, Story) {
    let mut random = Random::new(seed);
    let room = random.pick(&[1 << 10, 4 << 10, 64 << 10, 256 << 10]);
    let config = server_config(&mut random);
    let mut world = World::new(random.number(), Server::new(config, room), traced);
    let users = 1 + random.index(3);
    for user in 0..users {
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
    let story = Story {
        weights: weights.collect(),
        pace: random.pick(&[1000, 5000, 20_000, 60_000]),
        lasts: random.spread(60_000, 3_600_000),
    };
    (world, story)
}

fn server_config(random: &mut Random) -> ServerConfig {
    let secret = Secret::new([7; 32]).expect("long enough");
    let mut config = ServerConfig::new(secret);
    config.echo = random.percent(85);
    if random.percent(50) {
        config.token_life = Duration::from_secs(random.pick(&[10, 20, 60, 120]));
        config.expiry_grace = Duration::from_secs(random.pick(&[0, 2, 25]));
    }
    if random.percent(30) {
        config.ping_every = Duration::from_secs(5);
        config.sweep_every = Duration::from_secs(10);
        config.stale_after = Duration::from_secs(20);
    }
    if random.percent(30) {
        config.max_message = 300;
        config.max_queue = random.pick(&[600, 4000]);
    }
    config
}

/// What a client of a native application is told: see `onesocket_core::Config`.
pub(crate) fn client_config(random: &mut Random) -> Config {
    let mut config = Config { tokens: true, seed: random.number(), ..Config::default() };
    if random.percent(30) {
        config.reconnect = Reconnect {
            max_attempts: random.pick(&[0, 1, 2, 5]),
            interval: random.ms(100, 10_000),
            factor: random.pick(&[1.0, 2.0]),
            ..Reconnect::default()
        };
        config.connect_timeout = random.ms(1000, 15_000);
        config.close_timeout = random.ms(100, 5000);
        config.stable_after = random.ms(0, 20_000);
    }
    if random.percent(20) {
        let interval = random.pick(&[None, Some(Duration::from_secs(40))]);
        config.heartbeat = HeartbeatRules { interval, timeout: random.ms(3000, 10_000) };
    }
    if random.percent(30) {
        let max_messages = 1 + random.index(20);
        config.queue = QueueLimits { max_messages, max_bytes: 200 + random.index(2000) };
    }
    config
}

/// A short way, a long one, or one of varying length.
fn delay(random: &mut Random) -> (u64, u64) {
    random.pick(&[(1, 1), (10, 40), (100, 300), (1, 1500)])
}

impl Story {
    /// Tells it to its end; says what rule was broken, if one was.
    pub(crate) fn tell(self, world: &mut World) {
        let end = world.now + self.lasts;
        while world.now < end && world.broken.is_none() {
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
    fn any_group(&mut self) -> Group {
        Group::new(self.random.pick(&GROUPS)).expect("a name")
    }

    fn filler(&mut self) -> usize {
        let most = self.random.pick(&[0, 10, 100, 400]);
        self.random.index(most + 1)
    }

    fn send_some(&mut self, client: usize) {
        let most = self.random.pick(&[1, 3, 30]);
        for _ in 0..=self.random.index(most) {
            let binary = self.random.percent(20);
            let filler = self.filler();
            self.send(client, binary, filler);
        }
    }

    fn publish_some(&mut self, client: usize) {
        let joined: Vec<Group> = self.clients[client].judge.groups.iter().cloned().collect();
        let most = self.random.pick(&[1, 3, 30]);
        let known = !joined.is_empty() && self.random.percent(90);
        let group = if known { self.random.pick(&joined) } else { self.any_group() };
        for _ in 0..=self.random.index(most) {
            let filler = self.filler();
            self.publish(client, group.clone(), filler);
        }
    }

    fn connect_and_abort(&mut self, client: usize) {
        let call = self.connect(client);
        let later = self.random.ms(0, 1000);
        if self.random.percent(50) {
            self.run_for(later);
        }
        if self.clients[client].page.paused.is_none() {
            self.abort(client, call);
        }
    }

    fn close_and_connect(&mut self, client: usize) {
        for _ in 0..=self.random.index(3) {
            self.close(client);
            self.connect(client);
        }
    }

    /// A page is left and loaded anew: another client of the same user.
    fn reload(&mut self, client: usize) {
        for _ in 0..=self.random.pick(&[0, 0, 0, 16]) {
            let clients = self.present();
            let client = if clients.contains(&client) { client } else { clients[0] };
            let last = clients
                .iter()
                .rev()
                .find(|other| self.clients[**other].user == self.clients[client].user);
            let client = last.copied().unwrap_or(client);
            if self.clients[client].page.paused.is_some() {
                return;
            }
            self.leave_page(client);
            let config =
                Config { seed: self.random.number(), ..self.clients[client].config.clone() };
            let (user, path) =
                (self.clients[client].user.clone(), self.clients[client].path.clone());
            let new = self.add_client(&user, config, false);
            self.clients[new].path = crate::network::Path { cuts: 0, door: Door::Open, ..path };
            self.connect(new);
            let loading = self.random.ms(0, 3000);
            self.run_for(loading);
        }
    }

    /// The browser closes what a page leaves.
    fn leave_page(&mut self, client: usize) {
        self.log(|| format!("{client} leaves"));
        self.clients[client].gone = true;
        for socket in self.open_streams(client) {
            self.sockets[socket].heard = false;
            let going_away = onesocket_core::protocol::CloseCode::seen(1001);
            self.send_up(socket, crate::network::Up::Close(1001));
            self.close_socket(socket, going_away, String::new());
        }
    }

    fn any_stream(&mut self, client: usize) -> Option<usize> {
        let open = self.open_streams(client);
        if open.is_empty() { None } else { Some(self.random.pick(&open)) }
    }

    fn cut_some(&mut self, client: usize) {
        let Some(socket) = self.any_stream(client) else { return };
        let (page_hears, server_hears) = (self.random.percent(75), self.random.percent(75));
        self.log(|| format!("socket {socket} of {client} is cut: {page_hears}, {server_hears}"));
        self.cut(socket, page_hears, server_hears);
    }

    /// Nothing comes through one way or both, for a while or for ever.
    fn hold_some(&mut self, client: usize) {
        let Some(socket) = self.any_stream(client) else { return };
        let for_ever = self.random.percent(50);
        let ways = self.random.index(3);
        self.log(|| format!("socket {socket} of {client} stands still: {ways}, {for_ever}"));
        if ways != 0 {
            self.hold(socket, crate::network::Way::Up, for_ever);
        }
        if ways != 1 {
            self.hold(socket, crate::network::Way::Down, for_ever);
        }
        if !for_ever {
            self.begin_until(Later::Unhold(socket), 100, 100_000);
        }
    }

    fn break_path(&mut self, client: usize) {
        self.log(|| format!("nothing reaches {client}"));
        self.cut_path(client);
        self.begin_until(Later::PathIsMended(client), 100, 600_000);
    }

    fn bar_door(&mut self, client: usize) {
        let door = self.random.pick(&[
            Door::Refuses,
            Door::Hangs,
            Door::Refuses,
            Door::Hangs,
            Door::Closes(1011, ""),
            Door::Closes(1013, "try again later"),
            Door::Closes(4529, "retry-after-ms=30000"),
            Door::Closes(1000, "done"),
        ]);
        self.log(|| format!("the door for {client}: {door:?}"));
        self.clients[client].path.door = door;
        self.begin_until(Later::DoorOpens(client), 500, 100_000);
    }

    fn slow_down(&mut self, client: usize) {
        self.clients[client].path.delay = delay(&mut self.random);
    }

    fn go_offline(&mut self, client: usize) {
        if !self.clients[client].offline {
            self.clients[client].offline = true;
            self.cut_path(client);
            self.inform(client, crate::page::Task::Offline);
            self.begin_until(Later::Online(client), 100, 300_000);
        }
    }

    /// Tells a page of something, whether it runs or not.
    fn inform(&mut self, client: usize, task: crate::page::Task) {
        self.task(client, task);
    }

    fn freeze(&mut self, client: usize) {
        if self.clients[client].page.paused.is_none() {
            self.reach("a page that is frozen");
            self.pause(client, crate::page::Pause::Frozen);
            self.begin_until(Later::Resume(client), 100, 1_000_000);
            if self.random.percent(30) {
                self.lose_sockets(client);
            }
        }
    }

    fn sleep(&mut self, client: usize) {
        if self.clients[client].page.paused.is_none() {
            self.reach("a machine that sleeps");
            self.pause(client, crate::page::Pause::Asleep);
            self.begin_until(Later::Resume(client), 1000, 1_000_000);
            if self.random.percent(50) {
                self.lose_sockets(client);
            }
        }
    }

    fn sleep_long(&mut self, client: usize) {
        if self.random.percent(20) {
            self.sleep(client);
            let hours = self.random.ms(3_600_000, 8 * 3_600_000);
            self.run_for(hours / 4);
        }
    }

    /// What was open is not there any more when the page runs again, and it hears of that or not.
    fn lose_sockets(&mut self, client: usize) {
        let hears = self.random.percent(50);
        self.reach("a socket that does not outlive its page's sleep");
        for socket in self.open_streams(client) {
            let server_hears = self.random.percent(50);
            self.cut(socket, hears, server_hears);
        }
    }

    fn hide(&mut self, client: usize) {
        let now = self.now;
        let page = &mut self.clients[client].page;
        if page.hidden_since.take().is_some() {
            self.inform(client, crate::page::Task::Wake);
        } else {
            page.hidden_since = Some(now);
            self.reach("a page that is hidden");
        }
    }

    fn set_clock(&mut self, client: usize) {
        let by = self.random.spread(100, 10_000_000).as_millis() as i64;
        let by = if self.random.percent(50) { by } else { -by };
        self.log(|| format!("the clock of {client} is set by {by} ms"));
        self.clients[client].page.wall_set_ms += by;
        self.reach(if by > 0 { "a clock set forward" } else { "a clock set back" });
    }

    fn change_mood(&mut self, client: usize) {
        let mood = self.random.pick(&[
            Mood::Slow,
            Mood::Slow,
            Mood::Hangs,
            Mood::Fails,
            Mood::Fails,
            Mood::Busy,
            Mood::NoSession,
            Mood::Rubbish,
            Mood::Dead,
            Mood::Short,
            Mood::Foreign,
        ]);
        self.log(|| format!("getToken of {client}: {mood:?}"));
        self.clients[client].source.mood = mood;
        self.begin_until(Later::MoodIsGood(client), 1000, 200_000);
    }

    fn restart_server(&mut self) {
        if self.server.up {
            self.reach("a server that is restarted");
            self.stop_server();
            self.after(Duration::from_secs(10), crate::world::Event::Later(Later::ServerDies));
            let down = self.random.spread(11_000, 120_000);
            self.after(down, crate::world::Event::Later(Later::ServerStarts));
        }
    }

    fn crash_server(&mut self) {
        if self.server.up {
            self.reach("a server that crashes");
            let kernel_lives = self.random.percent(70);
            self.kill_server(kernel_lives);
            self.begin_until(Later::ServerStarts, 500, 120_000);
        }
    }

    fn begin_until(&mut self, later: Later, least: u64, most: u64) {
        let lasts = self.random.spread(least, most);
        self.after(lasts, crate::world::Event::Later(later));
    }

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
        if self.broken.is_some() {
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
        self.judge_quiet();
        for client in self.present() {
            self.close(client);
        }
        self.run_for(MINUTE);
        self.judge_end();
        self.run_for(crate::reference::REMEMBERED_FOR + MINUTE);
        self.judge_oblivion();
    }
}
