//! What may happen in a history, and how often: what users do, and what befalls their pages, the
//! network and the server.

use std::collections::BTreeSet;
use std::time::Duration;

use onesocket_core::Config;
use onesocket_core::protocol::Group;

use crate::configs::delay;
use crate::history::{Later, groups};
use crate::network::Door;
use crate::reference::Grant;
use crate::source::Mood;
use crate::world::World;

/// What may happen by itself or by somebody's hand, and how it is done.
pub(crate) type Act = fn(&mut World, usize);

/// All that may happen, and how often it does beside the others.
pub(crate) const ACTS: [(u64, Act); 28] = [
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
    (2, World::change_rights),
    (1, |world, _| world.restart_server()),
    (1, |world, _| world.crash_server()),
    (2, |world, client| {
        world.inform(client, crate::page::Task::Wake);
    }),
];

impl World {
    pub(crate) fn any_group(&mut self) -> Group {
        self.random.pick(&groups())
    }

    pub(crate) fn filler(&mut self) -> usize {
        let most = self.random.pick(&[0, 10, 100, 400]);
        self.random.index(most + 1)
    }

    pub(crate) fn send_some(&mut self, client: usize) {
        let most = self.random.pick(&[1, 3, 30]);
        for _ in 0..=self.random.index(most) {
            let binary = self.random.percent(20);
            let filler = self.filler();
            self.send(client, binary, filler);
        }
    }

    pub(crate) fn publish_some(&mut self, client: usize) {
        let joined: Vec<Group> = self.clients[client].observed.groups.iter().cloned().collect();
        let most = self.random.pick(&[1, 3, 30]);
        let known = !joined.is_empty() && self.random.percent(90);
        let group = if known { self.random.pick(&joined) } else { self.any_group() };
        for _ in 0..=self.random.index(most) {
            let filler = self.filler();
            self.publish(client, group.clone(), filler);
        }
    }

    pub(crate) fn connect_and_abort(&mut self, client: usize) {
        let call = self.connect(client);
        let later = self.random.ms(0, 1000);
        if self.random.percent(50) {
            self.run_for(later);
        }
        if self.clients[client].page.paused.is_none() {
            self.abort(client, call);
        }
    }

    pub(crate) fn close_and_connect(&mut self, client: usize) {
        for _ in 0..=self.random.index(3) {
            self.close(client);
            self.connect(client);
        }
    }

    /// A page is left and loaded anew: another client of the same user.
    pub(crate) fn reload(&mut self, client: usize) {
        for _ in 0..=self.random.pick(&[0, 0, 0, 0, 0, 0, 0, 64]) {
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
    pub(crate) fn leave_page(&mut self, client: usize) {
        self.log(|| format!("{client} leaves"));
        self.clients[client].gone = true;
        for socket in self.open_streams(client) {
            self.sockets[socket].heard = false;
            let going_away = onesocket_core::protocol::CloseCode::seen(1001);
            self.send_up(socket, crate::network::Up::Close(1001));
            self.close_socket(socket, going_away, String::new());
        }
    }

    pub(crate) fn any_stream(&mut self, client: usize) -> Option<usize> {
        let open = self.open_streams(client);
        if open.is_empty() { None } else { Some(self.random.pick(&open)) }
    }

    pub(crate) fn cut_some(&mut self, client: usize) {
        let Some(socket) = self.any_stream(client) else { return };
        let (page_hears, server_hears) = (self.random.percent(75), self.random.percent(75));
        self.log(|| format!("socket {socket} of {client} is cut: {page_hears}, {server_hears}"));
        self.cut(socket, page_hears, server_hears);
    }

    /// Nothing comes through one way or both, for a while or for ever.
    pub(crate) fn hold_some(&mut self, client: usize) {
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

    pub(crate) fn break_path(&mut self, client: usize) {
        self.log(|| format!("nothing reaches {client}"));
        self.cut_path(client);
        self.begin_until(Later::PathIsMended(client), 100, 600_000);
    }

    pub(crate) fn bar_door(&mut self, client: usize) {
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

    pub(crate) fn slow_down(&mut self, client: usize) {
        self.clients[client].path.delay = delay(&mut self.random);
    }

    pub(crate) fn go_offline(&mut self, client: usize) {
        if !self.clients[client].offline {
            self.clients[client].offline = true;
            self.cut_path(client);
            self.inform(client, crate::page::Task::Offline);
            self.begin_until(Later::Online(client), 100, 300_000);
        }
    }

    /// Tells a page of something, whether it runs or not.
    pub(crate) fn inform(&mut self, client: usize, task: crate::page::Task) {
        self.task(client, task);
    }

    pub(crate) fn freeze(&mut self, client: usize) {
        if self.clients[client].page.paused.is_none() {
            self.cover("a page that is frozen");
            self.pause(client, crate::page::Pause::Frozen);
            self.begin_until(Later::Resume(client), 100, 1_000_000);
            if self.random.percent(30) {
                self.lose_sockets(client);
            }
        }
    }

    pub(crate) fn sleep(&mut self, client: usize) {
        if self.clients[client].page.paused.is_none() {
            self.cover("a machine that sleeps");
            self.pause(client, crate::page::Pause::Asleep);
            self.begin_until(Later::Resume(client), 1000, 1_000_000);
            if self.random.percent(50) {
                self.lose_sockets(client);
            }
        }
    }

    pub(crate) fn sleep_long(&mut self, client: usize) {
        if self.random.percent(20) {
            self.sleep(client);
            let hours = self.random.ms(3_600_000, 8 * 3_600_000);
            self.run_for(hours / 4);
        }
    }

    /// What was open is not there any more when the page runs again, and it hears of that or not.
    pub(crate) fn lose_sockets(&mut self, client: usize) {
        let hears = self.random.percent(50);
        self.cover("a socket that does not outlive its page's sleep");
        for socket in self.open_streams(client) {
            let server_hears = self.random.percent(50);
            self.cut(socket, hears, server_hears);
        }
    }

    pub(crate) fn hide(&mut self, client: usize) {
        let now = self.now;
        let page = &mut self.clients[client].page;
        if page.hidden_since.take().is_some() {
            self.inform(client, crate::page::Task::Wake);
        } else {
            page.hidden_since = Some(now);
            self.cover("a page that is hidden");
        }
    }

    pub(crate) fn set_clock(&mut self, client: usize) {
        let by = self.random.spread(100, 10_000_000).as_millis() as i64;
        let by = if self.random.percent(50) { by } else { -by };
        self.log(|| format!("the clock of {client} is set by {by} ms"));
        self.clients[client].page.wall_set_ms += by;
        self.cover(if by > 0 { "a clock set forward" } else { "a clock set back" });
    }

    pub(crate) fn change_mood(&mut self, client: usize) {
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

    /// The back end allows a user something else from now on; who is connected hears of it by the next
    /// token.
    pub(crate) fn change_rights(&mut self, client: usize) {
        let user = self.clients[client].user.clone();
        self.draw_rights(&user);
        if self.random.percent(50) && self.clients[client].page.paused.is_none() {
            self.refresh_token(client);
        }
    }

    /// What a user may is drawn by lot.
    pub(crate) fn draw_rights(&mut self, user: &str) {
        let share = self.random.pick(&[100, 100, 70, 30]);
        let mut draw = || -> BTreeSet<Group> {
            groups().into_iter().filter(|_| self.random.percent(share)).collect()
        };
        let grant = Grant { join: draw(), publish: draw() };
        self.log(|| format!("{user} is granted {grant:?}"));
        self.grants.insert(user.to_owned(), grant);
    }

    pub(crate) fn restart_server(&mut self) {
        if self.server.up {
            self.cover("a server that is restarted");
            self.stop_server();
            self.after(Duration::from_secs(10), crate::world::Event::Later(Later::ServerDies));
            let down = self.random.spread(11_000, 120_000);
            self.after(down, crate::world::Event::Later(Later::ServerStarts));
        }
    }

    pub(crate) fn crash_server(&mut self) {
        if self.server.up {
            self.cover("a server that crashes");
            let kernel_lives = self.random.percent(70);
            self.kill_server(kernel_lives);
            self.begin_until(Later::ServerStarts, 500, 120_000);
        }
    }

    pub(crate) fn begin_until(&mut self, later: Later, least: u64, most: u64) {
        let lasts = self.random.spread(least, most);
        self.after(lasts, crate::world::Event::Later(later));
    }
}
