//! The network between a page and the server.
//!
//! What goes into a TCP stream comes out in order or not at all (RFC 9293; RFC 6455, section 1.7),
//! so nothing inside of one is lost by itself or overtaken. A stream may be slow, stand still for a
//! while or for ever, one way or both, and be cut off.

use std::collections::VecDeque;
use std::time::Duration;

use onesocket_core::protocol::{CloseCode, SUBPROTOCOL, token_subprotocol};
use onesocket_core::{Attempt, Time, Token};
use onesocket_server::Outgoing;

use crate::message::{Frame, Origin};
use crate::page::Task;
use crate::world::{Event, World};

/// How long a browser waits for a server that does not answer a close, and for one that has and
/// does not end TCP (measured in Chromium).
const NO_ANSWER: Duration = Duration::from_secs(60);
const NO_END: Duration = Duration::from_secs(2);

/// Which way something goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Down,
    Up,
}

/// What goes to the server.
#[derive(Debug)]
pub(crate) enum Up {
    /// The request for the upgrade.
    Upgrade,
    Frame(Frame, Option<Origin>),
    Close(u16),
    Fin,
    Reset,
}

/// What goes to the page.
#[derive(Debug)]
pub(crate) enum Down {
    /// The upgrade is accepted.
    Accepted,
    Frame(Outgoing),
    Close(CloseCode, String),
    Fin,
    Reset,
}

/// One direction of a stream.
#[derive(Debug)]
pub(crate) struct Pipe<T> {
    items: VecDeque<(Duration, T)>,
    last: Duration,
    /// Nothing comes through for now.
    pub(crate) held: bool,
    /// Nothing will ever come through again.
    pub(crate) dead: bool,
    /// How many bytes of frames are on their way.
    pub(crate) bytes: usize,
}

/// A browser's socket, and the stream under it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) client: usize,
    pub(crate) attempt: Attempt,
    /// The subprotocols that were offered.
    pub(crate) offered: Vec<String>,
    /// When the client was told to open it, by its own clock.
    pub(crate) opened_at: Time,
    pub(crate) browser: Browser,
    /// The machine hears it: it is not detached, and its close has not been reported.
    pub(crate) heard: bool,
    pub(crate) up: Pipe<Up>,
    pub(crate) down: Pipe<Down>,
    /// The server's process and peer.
    pub(crate) peer: Option<(u32, u64)>,
    /// How many messages the server has written to it, and how many were handed to the user.
    pub(crate) written: u64,
    pub(crate) delivered: u64,
}

/// The `readyState`.
#[derive(Debug)]
pub(crate) enum Browser {
    Connecting,
    Open,
    /// With what it will be reported to have closed, once that is known.
    Closing(Option<(CloseCode, String)>),
    Closed,
}

/// How a client reaches the server.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// How long something is on its way, in milliseconds.
    pub(crate) delay: (u64, u64),
    pub(crate) door: Door,
    /// How many reasons there are for which nothing comes through at all.
    pub(crate) cuts: u32,
}

/// What becomes of a new socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    Open,
    /// The upgrade is refused, which a page cannot tell from a server that is not there.
    Refuses,
    /// Nothing answers.
    Hangs,
    /// Something on the way accepts and closes.
    Closes(u16, &'static str),
}

impl<T> Pipe<T> {
    fn new() -> Self {
        Self { items: VecDeque::new(), last: Duration::ZERO, held: false, dead: false, bytes: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn push(&mut self, at: Duration, bytes: usize, item: T) -> Duration {
        self.last = self.last.max(at);
        self.bytes += bytes;
        self.items.push_back((self.last, item));
        self.last
    }

    fn pop(&mut self, now: Duration) -> Option<T> {
        let due = self.items.front().is_some_and(|(at, _)| *at <= now);
        if due { self.items.pop_front().map(|(_, item)| item) } else { None }
    }

    /// A reset overtakes what is on its way.
    fn clear(&mut self) {
        self.items.clear();
        self.bytes = 0;
    }
}

impl Socket {
    /// Says whether its close has still to be reported.
    pub(crate) fn is_live(&self) -> bool {
        self.heard
    }
}

impl World {
    pub(crate) fn open_socket(&mut self, client: usize, attempt: Attempt, token: Option<&Token>) {
        let mut offered = vec![SUBPROTOCOL.to_owned()];
        offered.extend(token.map(|token| token_subprotocol(token.reveal())));
        offered.push(self.clients[client].name.clone());
        let socket = self.sockets.len();
        let opened_at = self.time(client);
        self.sockets.push(Socket {
            client,
            attempt,
            offered,
            opened_at,
            browser: Browser::Connecting,
            heard: true,
            up: Pipe::new(),
            down: Pipe::new(),
            peer: None,
            written: 0,
            delivered: 0,
        });
        if self.clients[client].offline {
            return self.send_down(socket, Down::Reset);
        }
        match self.clients[client].path.door {
            Door::Open => self.send_up(socket, Up::Upgrade),
            Door::Hangs => self.cover("a handshake that hangs"),
            Door::Refuses => {
                self.cover("an upgrade that is refused");
                self.send_down(socket, Down::Reset);
            }
            Door::Closes(code, reason) => {
                self.cover("a gateway that accepts and closes");
                self.send_down(socket, Down::Accepted);
                self.send_down(socket, Down::Close(CloseCode::seen(code), reason.to_owned()));
                self.send_down(socket, Down::Fin);
            }
        }
    }

    /// The page calls `close()` on its socket.
    pub(crate) fn shut_socket(&mut self, socket: usize, code: u16) {
        match self.sockets[socket].browser {
            Browser::Connecting => {
                self.send_up(socket, Up::Reset);
                self.close_socket(socket, CloseCode::ABNORMAL, String::new());
            }
            Browser::Open => {
                self.sockets[socket].browser = Browser::Closing(None);
                self.send_up(socket, Up::Close(code));
                self.after(NO_ANSWER, Event::GiveUp { socket });
            }
            Browser::Closing(_) | Browser::Closed => {}
        }
    }

    pub(crate) fn send_up(&mut self, socket: usize, up: Up) {
        let bytes = match &up {
            Up::Frame(Frame::Binary(bytes), _) => bytes.len(),
            Up::Frame(Frame::Text(text), _) => text.len(),
            Up::Upgrade | Up::Close(_) | Up::Fin | Up::Reset => 0,
        };
        let at = self.now + self.delay(socket);
        let pipe = &mut self.sockets[socket].up;
        if matches!(up, Up::Reset) {
            pipe.clear();
        }
        let at = pipe.push(at, bytes, up);
        self.after(at - self.now, Event::Arrive { socket, way: Way::Up });
    }

    pub(crate) fn send_down(&mut self, socket: usize, down: Down) {
        let bytes = if let Down::Frame(frame) = &down { frame.len() } else { 0 };
        let at = self.now + self.delay(socket);
        let pipe = &mut self.sockets[socket].down;
        if matches!(down, Down::Reset) {
            pipe.clear();
        }
        let at = pipe.push(at, bytes, down);
        self.after(at - self.now, Event::Arrive { socket, way: Way::Down });
    }

    fn delay(&mut self, socket: usize) -> Duration {
        let (least, most) = self.clients[self.sockets[socket].client].path.delay;
        self.random.ms(least, most)
    }

    /// Hands over what has come through.
    pub(crate) fn arrive(&mut self, socket: usize, way: Way) {
        if !self.moves(socket, way) || self.record.broken.is_some() {
            return;
        }
        match way {
            Way::Up => {
                if let Some(up) = self.sockets[socket].up.pop(self.now) {
                    self.on_up(socket, up);
                }
            }
            Way::Down => {
                if let Some(down) = self.sockets[socket].down.pop(self.now) {
                    self.on_down(socket, down);
                }
            }
        }
    }

    fn moves(&self, socket: usize, way: Way) -> bool {
        let Socket { client, up, down, .. } = &self.sockets[socket];
        let (held, dead) = match way {
            Way::Up => (up.held, up.dead),
            Way::Down => (down.held, down.dead),
        };
        !held && !dead && self.clients[*client].path.cuts == 0
    }

    /// Something comes through again: what has waited arrives, in its order.
    pub(crate) fn flow(&mut self, socket: usize) {
        let Socket { up, down, .. } = &self.sockets[socket];
        for (way, waiting) in [(Way::Up, up.items.len()), (Way::Down, down.items.len())] {
            // Each arrival takes one; what is to come later has its own.
            for _ in 0..waiting {
                self.after(Duration::ZERO, Event::Arrive { socket, way });
            }
        }
    }

    /// Nothing comes through any more, and nobody says so; TCP gives up after a while.
    pub(crate) fn hold(&mut self, socket: usize, way: Way, for_ever: bool) {
        let Socket { up, down, .. } = &mut self.sockets[socket];
        let (held, dead) = match way {
            Way::Up => (&mut up.held, &mut up.dead),
            Way::Down => (&mut down.held, &mut down.dead),
        };
        if for_ever {
            *dead = true;
        } else {
            *held = true;
        }
        self.expect_acknowledgement(socket, way);
    }

    pub(crate) fn expect_acknowledgement(&mut self, socket: usize, way: Way) {
        let patience = self.random.ms(60_000, 900_000);
        self.after(patience, Event::Unacknowledged { socket, way });
    }

    /// The kernel of the sender gives up on what it has sent.
    pub(crate) fn unacknowledged(&mut self, socket: usize, way: Way) {
        if self.moves(socket, way) {
            return;
        }
        match way {
            Way::Up if !self.sockets[socket].up.is_empty() => {
                self.sockets[socket].up.clear();
                self.close_socket(socket, CloseCode::ABNORMAL, String::new());
            }
            Way::Down if !self.sockets[socket].down.is_empty() => {
                self.sockets[socket].down.clear();
                self.on_up(socket, Up::Reset);
            }
            Way::Up | Way::Down => {}
        }
    }

    /// Cuts a stream off; each end hears of it, or does not.
    pub(crate) fn cut(&mut self, socket: usize, page_hears: bool, server_hears: bool) {
        if page_hears {
            self.send_down(socket, Down::Reset);
        } else {
            self.hold(socket, Way::Down, true);
        }
        if server_hears {
            self.send_up(socket, Up::Reset);
        } else {
            self.hold(socket, Way::Up, true);
        }
    }

    /// What the browser does with what has come.
    fn on_down(&mut self, socket: usize, down: Down) {
        if let Down::Frame(frame) = &down {
            self.sockets[socket].down.bytes -= frame.len();
            self.wake_peer(socket);
        }
        let client = self.sockets[socket].client;
        match (&self.sockets[socket].browser, down) {
            (Browser::Closed, _) => {}
            (Browser::Connecting, Down::Accepted) => {
                self.sockets[socket].browser = Browser::Open;
                self.task(client, Task::Opened(socket));
            }
            (Browser::Open, Down::Frame(frame)) => self.task(client, Task::Frame(socket, frame)),
            (Browser::Open | Browser::Closing(None), Down::Close(code, reason)) => {
                if matches!(self.sockets[socket].browser, Browser::Open) {
                    self.send_up(socket, Up::Close(code.get()));
                }
                self.sockets[socket].browser = Browser::Closing(Some((code, reason)));
                self.after(NO_END, Event::GiveUp { socket });
            }
            (Browser::Closing(_), Down::Fin | Down::Reset) => self.give_up(socket),
            (Browser::Connecting | Browser::Open, Down::Fin | Down::Reset) => {
                self.close_socket(socket, CloseCode::ABNORMAL, String::new());
            }
            // The specification of `WebSocket` has it dropped.
            (Browser::Closing(_), Down::Frame(_) | Down::Close(..) | Down::Accepted)
            | (Browser::Open, Down::Accepted)
            | (Browser::Connecting, Down::Frame(_) | Down::Close(..)) => {}
        }
    }

    /// The browser waits no longer for a socket to close.
    pub(crate) fn give_up(&mut self, socket: usize) {
        if let Browser::Closing(said) = &self.sockets[socket].browser {
            let (code, reason) = said.clone().unwrap_or((CloseCode::ABNORMAL, String::new()));
            self.close_socket(socket, code, reason);
        }
    }

    pub(crate) fn close_socket(&mut self, socket: usize, code: CloseCode, reason: String) {
        if matches!(self.sockets[socket].browser, Browser::Closed) {
            return;
        }
        self.sockets[socket].browser = Browser::Closed;
        self.send_up(socket, Up::Fin);
        let client = self.sockets[socket].client;
        self.task(client, Task::Closed(socket, code, reason));
    }
}
