//! A connection at the server: the real `Session`, and the glue between it and the hub.
//!
//! The glue is what `peer/task.rs` and `hub/mailbox.rs` of the server do around the same two: who
//! reads and writes, what waits for a slow reader, how a socket comes to its end. There it is
//! tasks, channels and TCP, here it is events on virtual time; what decides is theirs.

use std::collections::VecDeque;
use std::time::Duration;

use onesocket_core::protocol::{CloseCode, Group, MessageId};
use onesocket_server::hub::{Command, Delivery, Key};
use onesocket_server::session::{Output, Session};
use onesocket_server::{CloseCause, Limit, Outgoing};

use crate::message::{Frame, Origin, asked, is_message};
use crate::network::{Down, Up};
use crate::reference::Expected;
use crate::server::wall;
use crate::world::{Event, World};

/// How long a client has to answer a close: see `peer/task.rs` of the server.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// How many frames may wait to be sent to one client: see `hub/mailbox.rs` of the server.
const MAX_FRAMES: usize = 4096;

/// The connection of one client, around its session.
pub(crate) struct Peer {
    pub(crate) socket: usize,
    pub(crate) session: Session,
    /// When the closing handshake is given up, once it has begun.
    pub(crate) closing_until: Option<Duration>,
    /// Others have it closed.
    pub(crate) to_close: Option<CloseCause>,
    /// What could not be written yet, for which everything else waits.
    pub(crate) unwritten: VecDeque<Outgoing>,
    pub(crate) blocked_until: Option<Duration>,
    /// The newest message that was accepted and is not answered yet: see `peer/task.rs` of the server.
    pub(crate) accepted: Option<MessageId>,
    /// What others have for it.
    pub(crate) mailbox: VecDeque<Outgoing>,
    pub(crate) inbound: VecDeque<Up>,
    /// Which message was read last.
    pub(crate) said: Option<Origin>,
    /// Which group that frame names, and whether it asks to join it.
    pub(crate) asked: Option<(bool, Group)>,
    pub(crate) armed: Option<Duration>,
    /// What the session has to go by.
    pub(crate) heard_at: Duration,
    pub(crate) expires_at: Duration,
}

impl World {
    /// Something has come to the server.
    pub(crate) fn on_up(&mut self, socket: usize, up: Up) {
        if let (Up::Upgrade, None) = (&up, self.sockets[socket].peer) {
            return self.admit(socket);
        }
        let Some((process, key)) = self.sockets[socket].peer else { return };
        match self.server.peers.get_mut(&key).filter(|_| process == self.server.process) {
            Some(peer) => {
                if matches!(up, Up::Reset) {
                    // A write that is waited for fails, and so does what was not read.
                    peer.inbound.clear();
                    peer.unwritten.clear();
                    peer.blocked_until = None;
                }
                peer.inbound.push_back(up);
                self.serve(key);
            }
            // Nobody is there to read it.
            None if matches!(up, Up::Frame(..)) => self.send_down(socket, Down::Reset),
            None => {}
        }
    }

    pub(crate) fn serve_if(&mut self, process: u32, key: u64) {
        if process == self.server.process {
            let now = self.now;
            if let Some(peer) = self.server.peers.get_mut(&key) {
                // One that was served for another reason keeps its timer.
                peer.armed = peer.armed.filter(|at| *at > now);
            }
            self.serve(key);
        }
    }

    /// Room has been made for what could not be written.
    pub(crate) fn wake_peer(&mut self, socket: usize) {
        if let Some((process, key)) = self.sockets[socket].peer
            && process == self.server.process
            && self.server.peers.get(&key).is_some_and(|peer| !peer.unwritten.is_empty())
        {
            self.serve(key);
        }
    }

    pub(crate) fn wake(&mut self, key: u64) {
        let process = self.server.process;
        self.after(Duration::ZERO, Event::Serve { process, key });
    }

    /// Does all that a peer has to do, one thing at a time: see `Peer::run`.
    pub(crate) fn serve(&mut self, key: u64) {
        while self.record.broken.is_none()
            && self.server.asleep_since.is_none()
            && self.serve_once(key)
        {}
    }

    pub(crate) fn serve_once(&mut self, key: u64) -> bool {
        let (now, instant) = (self.now, self.instant());
        let (room, write_time) = (self.server.room, self.server.config.write_time);
        let Some(peer) = self.server.peers.get_mut(&key) else { return false };
        let socket = peer.socket;
        if let Some(until) = peer.closing_until {
            let ends = |up: &Up| matches!(up, Up::Close(_) | Up::Fin | Up::Reset);
            let answered = peer.inbound.drain(..).any(|up| ends(&up));
            if answered || now >= until {
                self.end_peer(key);
            } else {
                self.arm(key, until);
            }
            return false;
        }
        if let Some(cause) = peer.to_close.take() {
            self.begin_close(key, cause);
        } else if let Some(Outgoing::Accepted { id, .. }) = peer.unwritten.front() {
            peer.accepted = peer.accepted.max(Some(*id));
            peer.unwritten.pop_front();
        } else if let Some(next) = peer.unwritten.front() {
            let bytes = self.sockets[socket].down.bytes;
            if bytes == 0 || bytes + next.len() <= room {
                let frame = peer.unwritten.pop_front();
                peer.blocked_until = None;
                if let Some(frame) = frame {
                    self.write(socket, frame);
                }
            } else {
                let until = *peer.blocked_until.get_or_insert(now + write_time);
                if now < until {
                    self.arm(key, until);
                    return false;
                }
                self.begin_close(key, CloseCause::SlowWrite);
            }
        } else if let Some(output) = peer.session.poll() {
            self.perform_session(key, output);
        } else if peer.session.deadline().is_some_and(|at| at <= instant) {
            peer.session.handle_elapsed(instant);
        } else if let Some(frame) = peer.mailbox.pop_front() {
            peer.unwritten.push_back(frame);
        } else if let Some(up) = peer.inbound.pop_front() {
            self.read(key, up);
        } else if let Some(id) = peer.accepted.take() {
            peer.unwritten.push_back(Outgoing::ack(id));
        } else {
            if let Some(at) = peer.session.deadline() {
                let at = now + at.saturating_duration_since(instant);
                self.arm(key, at);
            }
            self.check_peer(key);
            return false;
        }
        true
    }

    pub(crate) fn arm(&mut self, key: u64, at: Duration) {
        let process = self.server.process;
        if let Some(peer) = self.server.peers.get_mut(&key)
            && peer.armed.is_none_or(|armed| at < armed)
        {
            peer.armed = Some(at);
            self.after(at.saturating_sub(self.now), Event::Serve { process, key });
        }
    }

    pub(crate) fn write(&mut self, socket: usize, frame: Outgoing) {
        self.sockets[socket].written += u64::from(is_message(&frame));
        self.send_down(socket, Down::Frame(frame));
    }

    pub(crate) fn read(&mut self, key: u64, up: Up) {
        let (time, instant) = (self.server_time(), self.instant());
        let Some(peer) = self.server.peers.get_mut(&key) else { return };
        let socket = peer.socket;
        match up {
            Up::Frame(frame, origin) => {
                peer.said = origin;
                peer.asked = asked(&frame);
                peer.heard_at = time;
                match frame {
                    Frame::Binary(bytes) => peer.session.handle_binary(&bytes, instant),
                    Frame::Text(text) => peer.session.handle_text(&text, instant),
                }
            }
            Up::Close(code) => {
                self.send_down(socket, Down::Close(CloseCode::seen(code), String::new()));
                self.end_peer(key);
            }
            Up::Fin | Up::Reset => self.end_peer(key),
            Up::Upgrade => self.ensure(false, || "a second upgrade".to_owned()),
        }
    }

    pub(crate) fn perform_session(&mut self, key: u64, output: Output) {
        match output {
            Output::Close(cause) => {
                self.check_server_close(key, cause);
                self.begin_close(key, cause);
            }
            Output::Attach { .. } | Output::Decide { .. } | Output::Handle { .. } => {
                self.ensure(false, || {
                    "something for an application or a tab that there is not".to_owned()
                });
            }
            Output::LimitReached(Limit::Rights) => {
                let asked = self.server.peers.get(&key).and_then(|peer| peer.asked.clone());
                let lacks = asked
                    .as_ref()
                    .is_some_and(|(joins, group)| self.reference.lacks_right(key, *joins, group));
                self.ensure(lacks, || format!("c{key} is refused {asked:?}, which it may"));
                self.cover("a right that is missing");
            }
            Output::LimitReached(limit) => {
                self.ensure(false, || format!("the limit {limit:?} where nobody reaches one"));
            }
            Output::Send(frame) => self.queue(key, frame),
            Output::Tell(command) => {
                for frame in self.tell(key, command) {
                    self.queue(key, frame);
                }
            }
            Output::Validate { id, token, user } => {
                let tokens = &self.server.tokens;
                let checked = tokens.check(token.reveal(), wall(self.now));
                let checked = checked.and_then(|it| it.of(&user));
                let (time, instant) = (self.server_time(), self.instant());
                if checked.is_err() {
                    self.cover("a new token that the server refuses");
                }
                if checked.is_ok() {
                    let grant = self.server.grants[token.reveal()].clone();
                    self.reference.grant(key, grant);
                }
                if let Some(peer) = self.server.peers.get_mut(&key) {
                    if let Ok(identity) = &checked {
                        peer.expires_at = time + identity.expires_in;
                    }
                    peer.session.handle_validated(id, checked, instant);
                }
            }
        }
    }

    pub(crate) fn queue(&mut self, key: u64, frame: Outgoing) {
        if let Some(peer) = self.server.peers.get_mut(&key) {
            peer.unwritten.push_back(frame);
        }
    }

    /// Has the hub handle a command, compares what follows with the reference, and delivers it;
    /// returns what is for the peer itself.
    pub(crate) fn tell(&mut self, key: u64, command: Command) -> Vec<Outgoing> {
        let said = self.server.peers.get(&key).and_then(|peer| peer.said);
        let expected = match self.reference.expect(key, &command, said) {
            Ok(expected) => expected,
            Err(broken) => {
                self.ensure(false, || broken);
                return Vec::new();
            }
        };
        let now = self.instant();
        let deliveries = self.server.hub.handle(command, now);
        self.log(|| format!("server: c{key} says {said:?}, {expected:?}"));
        self.ensure(expected.is_met(key, &deliveries), || {
            format!("c{key} says {said:?}: {expected:?} is to follow, not {deliveries:?}")
        });
        if matches!(&expected, Expected::Restricted(groups) if !groups.is_empty()) {
            self.cover("a membership that ends with its right");
        }
        self.check_arrival(key, said, &expected);
        let mut answers = Vec::new();
        for delivery in deliveries {
            match delivery {
                Delivery::Send { to, frame } if to == Key(key) => answers.push(frame),
                Delivery::Send { .. }
                | Delivery::Notice { .. }
                | Delivery::Close { .. }
                | Delivery::LimitReached(_) => {
                    self.post(delivery);
                }
            }
        }
        answers
    }

    /// Puts something into a peer's mailbox: see `hub/mailbox.rs` of the server.
    pub(crate) fn post(&mut self, delivery: Delivery) {
        let max_bytes = self.server.config.max_queue;
        match delivery {
            Delivery::Close { to, cause } => self.request_close(to.0, cause),
            Delivery::LimitReached(limit) => {
                self.ensure(false, || format!("the limit {limit:?} where nobody reaches one"));
            }
            Delivery::Send { to, frame } | Delivery::Notice { to, frame } => {
                let Some(peer) = self.server.peers.get_mut(&to.0) else { return };
                if peer.to_close.is_some() || peer.closing_until.is_some() {
                    return;
                }
                let waiting: usize = peer.mailbox.iter().map(Outgoing::len).sum();
                let fits = waiting == 0 || waiting + frame.len() <= max_bytes;
                if fits && peer.mailbox.len() < MAX_FRAMES {
                    peer.mailbox.push_back(frame);
                    self.wake(to.0);
                } else {
                    self.request_close(to.0, CloseCause::SlowConsumer);
                }
            }
        }
    }

    pub(crate) fn request_close(&mut self, key: u64, cause: CloseCause) {
        if let Some(peer) = self.server.peers.get_mut(&key) {
            peer.to_close.get_or_insert(cause);
            self.wake(key);
        }
    }

    /// Begins the closing handshake.
    pub(crate) fn begin_close(&mut self, key: u64, cause: CloseCause) {
        let until = self.now + CLOSE_TIME;
        let room = self.server.room;
        let Some(peer) = self.server.peers.get_mut(&key) else { return };
        peer.closing_until = Some(until);
        let socket = peer.socket;
        let accepted = peer.accepted.take();
        self.log(|| format!("server: closes c{key}: {cause:?}"));
        self.cover(match cause {
            CloseCause::Moved => "a connection that its own client replaces",
            CloseCause::Replaced => "a connection that is replaced",
            CloseCause::ServerRestart => "a connection that is closed by a server that leaves",
            CloseCause::SlowConsumer | CloseCause::SlowWrite => "a reader that is too slow",
            CloseCause::Stale => "a client that is swept",
            CloseCause::TokenExpired => "a token that has run out",
            _ => "a connection that is closed for something else",
        });
        if self.sockets[socket].down.bytes <= room {
            if let Some(id) = accepted {
                self.write(socket, Outgoing::ack(id));
            }
            self.send_down(socket, Down::Close(cause.code(), cause.reason().into_owned()));
        }
    }

    /// Ends a peer: its place in the hub is given up before its socket.
    pub(crate) fn end_peer(&mut self, key: u64) {
        let Some(peer) = self.server.peers.remove(&key) else { return };
        let user = self.clients[self.sockets[peer.socket].client].user.clone();
        let now = self.instant();
        let deliveries = self.server.hub.handle(Command::Disconnect { key: Key(key) }, now);
        self.ensure(deliveries.is_empty(), || format!("{deliveries:?} follows from an end"));
        self.reference.disconnect(key, self.server_time());
        self.log(|| format!("server: c{key} has ended"));
        self.check_hub(&user);
        self.send_down(peer.socket, Down::Fin);
    }

    /// What a session has to go by: when its client was heard and when its token runs out.
    pub(crate) fn peer_facts(&self, key: u64) -> Option<(Duration, Duration, bool)> {
        let peer = self.server.peers.get(&key)?;
        let blocked = !peer.unwritten.is_empty() || peer.closing_until.is_some();
        Some((peer.heard_at, peer.expires_at, blocked))
    }
}
