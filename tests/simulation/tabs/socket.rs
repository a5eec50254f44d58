//! The sockets of the pages, and the network below them.

use std::time::Duration;

use onesocket_core::protocol::{CloseCode, SUBPROTOCOL, token_subprotocol};
use onesocket_core::{Attempt, Token};

use super::page::Task;
use super::world::{Event, World};

/// A stream between a page and the server.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) page: usize,
    /// Which connection of the page has made it.
    pub(super) link: u32,
    pub(super) attempt: Attempt,
    pub(super) offered: Vec<String>,
    pub(super) browser: Browser,
    /// The connection of the server.
    pub(super) peer: Option<u64>,
    /// Nothing comes through any more.
    cut: bool,
    /// When the last frame arrives, one way and the other.
    up_at: Duration,
    down_at: Duration,
}

/// The `readyState`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Browser {
    Connecting,
    Open,
    Closing,
    Closed,
}

/// Something for the server.
#[derive(Debug)]
pub(super) enum Up {
    Upgrade,
    Frame(String),
    Close,
    /// The stream has ended.
    Fin,
}

/// Something for a page.
#[derive(Debug)]
pub(super) enum Down {
    Accepted,
    Frame(String),
    Close(CloseCode, String),
    /// The stream has ended.
    Fin,
}

impl World {
    pub(super) fn open_socket(
        &mut self,
        page: usize,
        link: u32,
        attempt: Attempt,
        token: Option<&Token>,
        client: String,
    ) -> usize {
        let mut offered = vec![SUBPROTOCOL.to_owned()];
        offered.extend(token.map(|token| token_subprotocol(token.reveal())));
        offered.push(client);
        let socket = self.sockets.len();
        self.sockets.push(Socket {
            page,
            link,
            attempt,
            offered,
            browser: Browser::Connecting,
            peer: None,
            cut: false,
            up_at: Duration::ZERO,
            down_at: Duration::ZERO,
        });
        self.send_up(socket, Up::Upgrade);
        socket
    }

    /// A page sends over its socket.
    pub(super) fn send_up(&mut self, socket: usize, up: Up) {
        let after = self.arrival(socket, |stream| &mut stream.up_at);
        self.after(after, Event::Up { socket, up });
    }

    /// The server sends.
    pub(super) fn send_down(&mut self, socket: usize, down: Down) {
        let after = self.arrival(socket, |stream| &mut stream.down_at);
        self.after(after, Event::Down { socket, down });
    }

    /// Returns after what time something arrives that is sent now: not before what was sent before it.
    fn arrival(&mut self, socket: usize, last: fn(&mut Socket) -> &mut Duration) -> Duration {
        let delay = self.random.ms(1, 40);
        let last = last(&mut self.sockets[socket]);
        *last = (*last).max(self.now + delay);
        *last - self.now
    }

    /// What is on its way is lost; each end learns so later.
    pub(super) fn cut(&mut self, socket: usize) {
        self.sockets[socket].cut = true;
        self.send_up(socket, Up::Fin);
        self.send_down(socket, Down::Fin);
    }

    /// Says whether something comes through.
    pub(super) fn passes(&self, socket: usize, is_end: bool) -> bool {
        is_end || !self.sockets[socket].cut
    }

    /// The page closes its socket.
    pub(super) fn shut_socket(&mut self, socket: usize) {
        match self.sockets[socket].browser {
            Browser::Connecting => {
                self.send_up(socket, Up::Fin);
                self.closed(socket, CloseCode::ABNORMAL, String::new());
            }
            Browser::Open => {
                self.sockets[socket].browser = Browser::Closing;
                self.send_up(socket, Up::Close);
            }
            Browser::Closing | Browser::Closed => {}
        }
    }

    fn closed(&mut self, socket: usize, code: CloseCode, reason: String) {
        let Socket { page, link, attempt, browser, .. } = &mut self.sockets[socket];
        *browser = Browser::Closed;
        let task = Task::Closed { link: *link, attempt: *attempt, code, reason };
        let page = *page;
        self.after(Duration::ZERO, Event::Task { page, task });
    }

    /// What the browser does with what has come.
    pub(super) fn on_down(&mut self, socket: usize, down: Down) {
        if !self.passes(socket, matches!(down, Down::Fin)) {
            return;
        }
        let Socket { page, link, attempt, browser, .. } = &mut self.sockets[socket];
        let (page, link, attempt) = (*page, *link, *attempt);
        let tell = |task| Event::Task { page, task };
        match (*browser, down) {
            (Browser::Connecting, Down::Accepted) => {
                *browser = Browser::Open;
                self.after(Duration::ZERO, tell(Task::Opened { link, attempt }));
            }
            (Browser::Open, Down::Frame(text)) => {
                self.after(Duration::ZERO, tell(Task::Received { link, attempt, text }));
            }
            (Browser::Open | Browser::Closing, Down::Close(code, reason)) => {
                self.send_up(socket, Up::Close);
                self.closed(socket, code, reason);
            }
            (Browser::Connecting | Browser::Open | Browser::Closing, Down::Fin) => {
                self.closed(socket, CloseCode::ABNORMAL, String::new());
            }
            _ => {}
        }
    }
}
