//! A client of ours without a browser: the connection machine over real TCP, on real clocks.
//!
//! Owns what a page's driver owns: it feeds the machine what happens, does what it says and sets
//! one timer. Decides nothing, sends no messages of its own, and listens to none. It is there to
//! show a server what thousands of our clients do, when it restarts for example.

mod socket;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use onesocket_core::protocol::{ClientFrame, CloseCode};
use onesocket_core::{
    Attempt, Call, Config, Connection, Error, Input, Output, StateName, Status, Time, TokenAnswer,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::socket::{Door, Happening, Order};

/// The call that asks to be connected, the only one that there is.
const CONNECT: Call = Call(1);

/// How a client begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server listens.
    pub server: SocketAddr,
    /// The address of this machine that the client comes from; `None` for any.
    pub from: Option<IpAddr>,
    /// What the server knows the client by after a reconnect.
    pub name: [u8; 16],
    /// How the machine is set up. A client of this kind always has tokens.
    pub config: Config,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// The session is agreed.
    Connected {
        /// Which of the automatic attempts it was; 0 for the first one of all.
        attempt: u32,
    },
    /// The socket over which the session was agreed has been closed.
    Lost {
        /// As a browser would report it.
        code: CloseCode,
    },
}

/// Connects, and stays connected as long as the machine may: returns the error with which it has
/// failed for good. Dropping the future drops the sockets.
pub async fn stay_connected(
    options: Options,
    get_token: impl Fn() -> TokenAnswer,
    tell: impl FnMut(Event),
) -> Error {
    let Options { server, from, name, config } = options;
    let (happen, mut happenings) = unbounded_channel();
    let mut driver = Driver {
        machine: Connection::new(Config { tokens: true, ..config }),
        door: Door { server, from, name },
        started: Instant::now(),
        sockets: HashMap::new(),
        happen,
        get_token,
        tell,
    };
    driver.feed(Input::Connect { call: CONNECT });
    loop {
        if let Some(error) = driver.machine.status().error.clone() {
            return error;
        }
        driver.next(&mut happenings).await;
    }
}

/// Runs one machine.
struct Driver<G, T> {
    machine: Connection<()>,
    door: Door,
    /// Where the machine's clock starts.
    started: Instant,
    /// The sockets that are heard.
    sockets: HashMap<Attempt, UnboundedSender<Order>>,
    happen: UnboundedSender<(Attempt, Happening)>,
    get_token: G,
    tell: T,
}

impl<G: Fn() -> TokenAnswer, T: FnMut(Event)> Driver<G, T> {
    /// Waits for what happens next, a deadline included.
    async fn next(&mut self, happenings: &mut UnboundedReceiver<(Attempt, Happening)>) {
        let deadline = self.machine.deadline();
        let due =
            deadline.map_or(self.started, |at| self.started + Duration::from(at.since(Time::ZERO)));
        tokio::select! {
            Some((attempt, happening)) = happenings.recv() => self.on_happening(attempt, happening),
            () = sleep_until(due), if deadline.is_some() => self.feed(Input::Elapsed),
        }
    }

    fn on_happening(&mut self, attempt: Attempt, happening: Happening) {
        // What a socket has said before it was detached.
        if !self.sockets.contains_key(&attempt) {
            return;
        }
        match happening {
            Happening::Closed { code, reason } => {
                self.sockets.remove(&attempt);
                if self.machine.connected_attempt() == Some(attempt) {
                    (self.tell)(Event::Lost { code });
                }
                let retry = code.retry();
                self.feed(Input::Closed { attempt, code, reason, retry });
            }
            Happening::InvalidFrame { problem } => {
                self.feed(Input::InvalidFrame { attempt, problem: problem.into() })
            }
            Happening::Opened => self.feed(Input::Opened { attempt }),
            Happening::Received { frame, bytes } => {
                self.feed(Input::Received { attempt, frame, bytes });
            }
        }
    }

    /// Feeds one input and carries out everything that follows from it.
    fn feed(&mut self, input: Input<()>) {
        self.machine.handle(input, self.now());
        while let Some(output) = self.machine.poll() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output<()>) {
        match output {
            Output::Detach { attempt } => {
                self.sockets.remove(&attempt);
            }
            Output::FetchToken { fetch, .. } => {
                let answer = (self.get_token)();
                self.machine.handle(Input::Token { fetch, answer }, self.now());
            }
            Output::Open { attempt, token } => {
                let (order, orders) = unbounded_channel();
                self.sockets.insert(attempt, order);
                let (door, happen) = (self.door, self.happen.clone());
                tokio::spawn(async move {
                    let happen = |happening| {
                        // Nobody is there to be told once the client was dropped.
                        let _ = happen.send((attempt, happening));
                    };
                    socket::run(door, token, orders, happen).await;
                });
            }
            Output::Shut { attempt, code, reason } => {
                self.order(attempt, Order::Shut { code, reason });
            }
            Output::Status { previous, status, .. } => self.on_status(previous, &status),
            Output::Transmit { attempt, frame } => self.transmit(attempt, frame),
            // For a user.
            Output::Accepted(_)
            | Output::AbortToken { .. }
            | Output::Deliver(())
            | Output::Error { .. }
            | Output::SendHello { .. }
            | Output::Log(_)
            | Output::Settle { .. }
            | Output::TokenFetched { .. }
            | Output::TokenRefreshed { .. } => {}
        }
    }

    fn on_status(&mut self, previous: StateName, status: &Status) {
        if status.state == StateName::Connected && previous != StateName::Connected {
            (self.tell)(Event::Connected { attempt: status.attempt });
        }
    }

    fn transmit(&self, attempt: Attempt, frame: ClientFrame<()>) {
        if let Some(text) = socket::encode(frame) {
            self.order(attempt, Order::Send { text });
        }
    }

    fn order(&self, attempt: Attempt, order: Order) {
        if let Some(socket) = self.sockets.get(&attempt) {
            // One that has closed will say so.
            let _ = socket.send(order);
        }
    }

    fn now(&self) -> Time {
        Time::since_start(self.started.elapsed().into())
    }
}
