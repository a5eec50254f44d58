//! The page that a client lives in: its two clocks, its one timer, and whether it runs at all.

use std::collections::VecDeque;
use std::time::Duration;

use onesocket_core::protocol::CloseCode;
use onesocket_core::{Fetch, Input, Span, Time, TokenAnswer};
use onesocket_server::Outgoing;
use onesocket_web::Reading;

use crate::client::closed;
use crate::message::decode;
use crate::world::{Event, World};

/// A hidden page's timers fire once a second, and once a minute after a minute (Chromium).
const HIDDEN: Duration = Duration::from_secs(1);
const LONG_HIDDEN: Duration = Duration::from_secs(60);

/// Something that a browser has for a page. One that does not run has it later.
#[derive(Debug)]
pub(crate) enum Task {
    /// The timer fires, unless it was set anew.
    Alarm(u32),
    /// `getToken` answers.
    Answer(Fetch, TokenAnswer),
    Closed(usize, CloseCode, String),
    Frame(usize, Outgoing),
    Offline,
    Online,
    Opened(usize),
    /// `visibilitychange`, `resume`, or `pageshow` from the back/forward cache.
    Wake,
}

/// Why a page does not run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pause {
    /// Its scripts stand still, its browser does not.
    Frozen,
    /// The whole machine sleeps.
    Asleep,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) paused: Option<(Pause, Duration)>,
    pub(crate) hidden_since: Option<Duration>,
    /// `performance.now()` goes on while the machine sleeps, as on Windows.
    pub(crate) counts_sleep: bool,
    /// How long `performance.now()` has stood still.
    slept: Duration,
    /// By how much somebody has set the wall clock.
    pub(crate) wall_set_ms: i64,
    reading: Reading,
    alarm: Option<Alarm>,
    settings: u32,
    tasks: VecDeque<Task>,
    /// How often the timer has fired.
    pub(crate) alarms: u64,
}

/// The timer, and what it was set for.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    deadline: Time,
    /// When it fires, by the world's clock, if the machine does not sleep.
    fires_at: Duration,
}

impl Page {
    pub(crate) fn new(counts_sleep: bool, now: Duration) -> Self {
        let mut page = Self {
            paused: None,
            hidden_since: None,
            counts_sleep,
            slept: Duration::ZERO,
            wall_set_ms: 0,
            reading: Reading::first(0.0, 0.0),
            alarm: None,
            settings: 0,
            tasks: VecDeque::new(),
            alarms: 0,
        };
        page.reading = Reading::first(page.performance_ms(now), page.wall_ms(now));
        page
    }

    fn performance_ms(&self, now: Duration) -> f64 {
        (now - self.slept).as_secs_f64() * 1000.0
    }

    fn wall_ms(&self, now: Duration) -> f64 {
        1.7e12 + now.as_secs_f64() * 1000.0 + self.wall_set_ms as f64
    }

    /// Returns the time as the client has it.
    pub(crate) fn time(&mut self, now: Duration) -> Time {
        self.reading = self.reading.next(self.performance_ms(now), self.wall_ms(now));
        self.reading.time()
    }

    /// Returns when a timer fires that is set for so long.
    fn fires_at(&self, now: Duration, delay: Span) -> Duration {
        let at = now + Duration::from_millis(delay.whole_ms() + 1);
        let step = match self.hidden_since {
            None => return at,
            Some(since) if now - since >= LONG_HIDDEN => LONG_HIDDEN,
            Some(_) => HIDDEN,
        };
        let steps = at.as_millis().div_ceil(step.as_millis());
        step * u32::try_from(steps).expect("a history of years")
    }
}

impl World {
    /// Has the page do something, now or when it runs again.
    pub(crate) fn task(&mut self, client: usize, task: Task) {
        let page = &mut self.clients[client].page;
        if page.paused.is_some() {
            page.tasks.push_back(task);
        } else {
            self.run_task(client, task);
        }
    }

    fn run_task(&mut self, client: usize, task: Task) {
        if self.record.broken.is_some() || self.clients[client].gone {
            return;
        }
        match task {
            Task::Alarm(setting) => {
                let page = &mut self.clients[client].page;
                if page.settings == setting {
                    page.alarms += 1;
                    page.alarm = None;
                    self.feed(client, Input::Elapsed);
                }
            }
            Task::Answer(fetch, answer) => self.take_answer(client, fetch, answer),
            Task::Closed(socket, code, reason) => {
                if self.sockets[socket].heard {
                    let attempt = self.sockets[socket].attempt;
                    self.sockets[socket].heard = false;
                    self.feed(client, closed(attempt, code, reason));
                }
            }
            Task::Frame(socket, frame) => {
                if self.sockets[socket].heard {
                    let attempt = self.sockets[socket].attempt;
                    match decode(&frame) {
                        Ok(frame) => self.receive(client, socket, frame),
                        Err(problem) => {
                            self.ensure(false, || format!("a frame cannot be read: {problem}"));
                            self.feed(
                                client,
                                Input::InvalidFrame { attempt, problem: problem.into() },
                            );
                        }
                    }
                }
            }
            Task::Offline => self.feed(client, Input::Offline),
            Task::Online => self.feed(client, Input::Online),
            Task::Opened(socket) => {
                if self.sockets[socket].heard {
                    let attempt = self.sockets[socket].attempt;
                    self.feed(client, Input::Opened { attempt });
                }
            }
            Task::Wake => self.feed(client, Input::Wake),
        }
    }

    /// Arms the timer for the earliest deadline, as the driver of `onesocket-web` does: one that is
    /// armed for an earlier point is left.
    pub(crate) fn set_alarm(&mut self, client: usize, time: Time) {
        let deadline = self.clients[client].machine.deadline();
        let now = self.now;
        let page = &mut self.clients[client].page;
        let armed = page.alarm.map(|alarm| alarm.deadline);
        if armed == deadline || armed.zip(deadline).is_some_and(|(armed, due)| armed < due) {
            return;
        }
        page.settings += 1;
        page.alarm = deadline.map(|deadline| {
            let fires_at = page.fires_at(now, deadline.since(time));
            Alarm { deadline, fires_at }
        });
        self.plan_alarm(client);
    }

    fn plan_alarm(&mut self, client: usize) {
        let page = &mut self.clients[client].page;
        if let Some(alarm) = page.alarm {
            let (delay, setting) = (alarm.fires_at.saturating_sub(self.now), page.settings);
            self.after(delay, Event::Alarm { client, setting });
        }
    }

    /// The timer fires.
    pub(crate) fn ring(&mut self, client: usize, setting: u32) {
        let page = &self.clients[client].page;
        // Asleep, it is planned anew when the machine wakes.
        let asleep = matches!(page.paused, Some((Pause::Asleep, _)));
        if page.alarm.is_some() && page.settings == setting && !asleep {
            self.task(client, Task::Alarm(setting));
        }
    }

    /// The page stops running.
    pub(crate) fn pause(&mut self, client: usize, pause: Pause) {
        let now = self.now;
        self.log(|| format!("{client} is {pause:?}"));
        self.clients[client].page.paused = Some((pause, now));
        if pause == Pause::Asleep {
            self.cut_path(client);
        }
    }

    /// The page runs again, with what its browser has kept for it.
    pub(crate) fn resume(&mut self, client: usize) {
        let now = self.now;
        let page = &mut self.clients[client].page;
        let Some((pause, since)) = page.paused.take() else { return };
        let mut tasks: Vec<_> = page.tasks.drain(..).collect();
        self.log(|| format!("{client} runs again; it was {pause:?}"));
        if pause == Pause::Asleep {
            let page = &mut self.clients[client].page;
            let slept = now - since;
            if !page.counts_sleep {
                page.slept += slept;
                if let Some(alarm) = &mut page.alarm {
                    alarm.fires_at += slept;
                }
            }
            page.settings += 1;
            self.plan_alarm(client);
            self.mend_path(client);
        }
        let at = self.random.index(tasks.len() + 1);
        tasks.insert(at, Task::Wake);
        for task in tasks {
            self.task(client, task);
        }
    }

    /// Nothing comes through to or from a client.
    pub(crate) fn cut_path(&mut self, client: usize) {
        self.clients[client].path.cuts += 1;
        for socket in self.open_streams(client) {
            self.expect_acknowledgement(socket, crate::network::Way::Up);
            self.expect_acknowledgement(socket, crate::network::Way::Down);
        }
    }

    pub(crate) fn mend_path(&mut self, client: usize) {
        self.clients[client].path.cuts -= 1;
        for socket in self.open_streams(client) {
            self.flow(socket);
        }
    }

    /// The streams of a client that have not ended at both ends.
    pub(crate) fn open_streams(&self, client: usize) -> Vec<usize> {
        let streams = self.clients[client].streams.iter().copied();
        streams.filter(|socket| self.is_open(*socket)).collect()
    }
}
