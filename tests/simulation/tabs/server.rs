//! The server: the real sessions, hub and tokens. What is around them is as in `hub/shared.rs` and
//! `peer/task.rs` of the server, on virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use onesocket_core::protocol::{
    CloseCode, Group, MessageId, SUBPROTOCOL, ServerFrame, ServerMessage, Slot, offered_client,
    offered_token,
};
use onesocket_protocol::Payload;
use onesocket_server::hub::{Command, Delivery, Hub, Key, Known};
use onesocket_server::session::{Messages, Output, Session};
use onesocket_server::token::{Secret, Tokens};
use onesocket_server::{CloseCause, Config, DecidedBy, Outgoing, Pattern, Rights};

use super::socket::{Down, Up};
use super::wire::Origin;
use super::world::{Event, USER, World};

/// How long a client has to answer a close: see `peer/task.rs` of the server.
const CLOSE_TIME: Duration = Duration::from_secs(2);

pub(super) struct Server {
    config: Arc<Config>,
    tokens: Tokens,
    pub(super) hub: Hub,
    pub(super) up: bool,
    process: u64,
    last: u64,
    peers: BTreeMap<u64, Peer>,
    /// The names of the clients, by their numbers in the hub.
    names: BTreeMap<u64, String>,
    issued: u64,
    /// The connection of another user, with the process that has it.
    outsider: Option<(u64, Key)>,
    /// How often that has published something.
    published: usize,
    began: Instant,
}

/// The page of another user, as her messages have it: she has no tabs.
pub(super) const OUTSIDER: usize = usize::MAX;

struct Peer {
    socket: usize,
    session: Session,
    /// The closing handshake has begun.
    closing: bool,
    accepted: Vec<(Slot, MessageId)>,
    armed: Option<Instant>,
}

fn wall(now: Duration) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + now
}

impl Server {
    pub(super) fn new(max_tabs: u16) -> Self {
        let mut config = Config::new(Secret::new([7; 32]).expect("long enough"));
        config.open_groups = [Pattern::Prefix(String::new())].into();
        config.echo = true;
        config.max_tabs = max_tabs;
        config.token_life = Duration::from_secs(120);
        Self {
            tokens: Tokens::new(&config.secret, &config.audience, config.token_life),
            config: Arc::new(config),
            hub: Hub::default(),
            up: true,
            process: 1,
            last: 0,
            peers: BTreeMap::new(),
            names: BTreeMap::new(),
            issued: 0,
            outsider: None,
            published: 0,
            began: Instant::now(),
        }
    }

    pub(super) fn max_tabs(&self) -> usize {
        self.config.max_tabs.into()
    }

    /// Says whether an earlier process has taken with it what it knew.
    pub(super) fn has_forgotten(&self) -> bool {
        self.process > 1
    }

    /// Issues a token.
    pub(super) fn issue(&mut self, now: Duration) -> String {
        self.issued += 1;
        let id = self.issued.to_string();
        let rights = Rights::new(Vec::new(), Vec::new());
        self.tokens.issue_with(&rights, USER, &id, wall(now)).expect("a user has a name")
    }

    /// The sockets that the server holds to be open.
    pub(super) fn sockets(&self) -> Vec<usize> {
        self.peers.values().filter(|peer| !peer.closing).map(|peer| peer.socket).collect()
    }
}

impl World {
    fn instant(&self) -> Instant {
        self.server.began + self.now
    }

    /// The process has ended, and what it knew.
    pub(super) fn kill_server(&mut self, back_after: Duration) {
        self.log(|| "the server has ended".to_owned());
        self.server.up = false;
        self.server.process += 1;
        for (_, peer) in std::mem::take(&mut self.server.peers) {
            self.send_down(peer.socket, Down::Fin);
        }
        self.server.hub = Hub::default();
        self.after(back_after, Event::Start);
    }

    /// The server leaves, and tells everybody so.
    pub(super) fn restart_server(&mut self, back_after: Duration) {
        let keys: Vec<u64> = self.server.peers.keys().copied().collect();
        for key in keys {
            self.begin_close(key, CloseCause::ServerRestart);
            self.end_peer(key);
        }
        self.kill_server(back_after);
    }

    /// The user connects in another browser, and leaves.
    pub(super) fn connect_elsewhere(&mut self) {
        if !self.server.up {
            return;
        }
        self.is_elsewhere = true;
        self.server.last += 1;
        let key = Key(self.server.last);
        let client = Some("AAAAAAAAAAAAAAAAAAAAAA".to_owned());
        let connect = Command::Connect { key, user: USER.to_owned(), client };
        self.tell_hub(connect);
        self.tell_hub(Command::Disconnect { key });
    }

    /// Another user publishes something.
    pub(super) fn publish_outside(&mut self, group: Group) {
        let process = self.server.process;
        let key = match self.server.outsider {
            Some((known, key)) if known == process => key,
            Some(_) | None => {
                self.server.last += 1;
                let key = Key(self.server.last);
                let (user, group) = ("grace".to_owned(), group.clone());
                self.tell_hub(Command::Connect { key, user, client: None });
                let (id, by) = (MessageId(1), DecidedBy::Token);
                self.tell_hub(Command::Join { key, id, group, by });
                self.server.outsider = Some((process, key));
                key
            }
        };
        self.server.published += 1;
        let number = self.server.published;
        let payload = Origin { page: OUTSIDER, number }.payload();
        let data = Payload::Json(&payload);
        let message = ServerMessage { data, group: Some(group.clone()), from: None };
        let frame = Outgoing::new(&ServerFrame::Message(message));
        let id = MessageId(1 + number as u64);
        self.tell_hub(Command::Publish { key, id, group, frame });
    }

    /// Has the hub handle a command and delivers what follows; returns the answers for who has said it.
    fn tell_hub(&mut self, command: Command) -> Vec<Outgoing> {
        let speaker = match &command {
            Command::Join { key, .. }
            | Command::Leave { key, .. }
            | Command::Message { key, .. }
            | Command::Publish { key, .. }
            | Command::Refuse { key, .. } => Some(*key),
            _ => None,
        };
        let said = match &command {
            Command::Message { key, id, echo: frame } | Command::Publish { key, id, frame, .. } => {
                let text = if let Outgoing::Text(text) = frame { text.as_str() } else { "" };
                Some((*key, *id, Origin::in_frame(text)))
            }
            _ => None,
        };
        if let Some((key, id, origin)) = said {
            self.on_message(key, id, origin);
        }
        let now = self.instant();
        let mut answers = Vec::new();
        // What several clients of a connection get is sent once.
        let mut sent: Vec<(Key, Outgoing, Vec<Slot>)> = Vec::new();
        for delivery in self.server.hub.handle(command, now) {
            match delivery {
                Delivery::Send { to, frame } if Some(to) == speaker => {
                    answers.push(frame.addressed(&[self.server.hub.route(to).1]));
                }
                Delivery::Send { to, frame } | Delivery::Notice { to, frame } => {
                    let (to, slot) = self.server.hub.route(to);
                    match sent.iter_mut().find(|(other, same, _)| *other == to && *same == frame) {
                        Some((_, _, slots)) => slots.push(slot),
                        None => sent.push((to, frame, vec![slot])),
                    }
                }
                Delivery::Close { to, cause } => self.begin_close(to.0, cause),
                Delivery::LimitReached(limit) => {
                    self.ensure(false, || format!("the limit {limit:?}"));
                }
            }
        }
        for (to, frame, slots) in sent {
            self.write(to.0, frame.addressed(&slots));
        }
        answers
    }

    /// A message has come: to the server, or for a group.
    fn on_message(&mut self, key: Key, id: MessageId, origin: Option<Origin>) {
        let Some(origin) = origin else {
            return self.ensure(false, || "a message of nobody".to_owned());
        };
        if origin.page == OUTSIDER {
            return;
        }
        match self.server.hub.known(key, id) {
            Known::New => {
                let name = self.server.names.get(&key.0).cloned();
                let is_its_own =
                    *name.as_ref().unwrap_or(&String::new()) == self.pages[origin.page].client;
                // Where one client speaks for all, it is that of the tab that leads.
                let is_told_apart = self.server.max_tabs() > 0;
                self.ensure(is_its_own || !is_told_apart, || {
                    format!("{origin:?} comes as that of {name:?}")
                });
                self.log(|| format!("the server takes {origin:?}"));
                self.take(origin);
            }
            Known::Answered(_) => self.cover("a message that comes again"),
            Known::TooLate => {}
        }
    }

    /// Something has come to the server.
    pub(super) fn on_up(&mut self, socket: usize, up: Up) {
        if !self.passes(socket, matches!(up, Up::Fin)) {
            return;
        }
        let now = self.instant();
        let key = self.sockets[socket].peer;
        match (up, key) {
            (Up::Upgrade, _) => self.admit(socket),
            (Up::Frame(text), Some(key)) => {
                if let Some(peer) = self.server.peers.get_mut(&key).filter(|peer| !peer.closing) {
                    peer.session.handle_text(&text, now);
                    self.serve(key);
                }
            }
            (Up::Close | Up::Fin, Some(key)) => self.end_peer(key),
            (Up::Frame(_) | Up::Close | Up::Fin, None) => {}
        }
    }

    fn admit(&mut self, socket: usize) {
        if !self.server.up {
            self.cover("an upgrade while no server is there");
            return self.send_down(socket, Down::Fin);
        }
        self.send_down(socket, Down::Accepted);
        let offered = self.sockets[socket].offered.clone();
        let offered = || offered.iter().map(String::as_str);
        let is_ours = offered().any(|protocol| protocol == SUBPROTOCOL);
        self.ensure(is_ours, || "onesocket.v1 is not offered".to_owned());
        let named = offered_client(offered()).map(str::to_owned);
        let token = offered_token(offered()).unwrap_or_default();
        let Ok(identity) = self.server.tokens.check(&token, wall(self.now)) else {
            self.cover("a token that has run out");
            let reason = "the token is not valid".to_owned();
            self.send_down(socket, Down::Close(CloseCode::UNAUTHORIZED, reason));
            return self.send_down(socket, Down::Fin);
        };
        self.server.last += 1;
        let key = self.server.last;
        self.log(|| format!("the server: c{key} connects, {named:?}"));
        if let Some(name) = &named {
            self.server.names.insert(key, name.clone());
        }
        let user = identity.user.clone();
        self.sockets[socket].peer = Some(key);
        let command = Command::Connect { key: Key(key), user: user.clone(), client: named.clone() };
        // Before it is there: what it replaces is closed first.
        self.tell_hub(command);
        let since = named.and_then(|name| self.server.hub.remembers_since(&user, &name));
        let epoch = since.map(|since| since.epoch(self.server.process));
        let (config, now) = (Arc::clone(&self.server.config), self.instant());
        let session = Session::new(
            Key(key),
            identity,
            epoch,
            Messages::Echoed,
            DecidedBy::Token,
            config,
            now,
        );
        let peer = Peer { socket, session, closing: false, accepted: Vec::new(), armed: None };
        self.server.peers.insert(key, peer);
        self.serve(key);
    }

    /// Does all that a connection has to do.
    pub(super) fn serve(&mut self, key: u64) {
        let now = self.instant();
        loop {
            let Some(peer) = self.server.peers.get_mut(&key).filter(|peer| !peer.closing) else {
                return;
            };
            if let Some(output) = peer.session.poll() {
                self.on_output(key, output);
            } else if let Some(due) = peer.session.deadline()
                && due <= now
            {
                peer.session.handle_elapsed(now);
            } else {
                break;
            }
        }
        if let Some(peer) = self.server.peers.get_mut(&key)
            && let Some(due) = peer.session.deadline()
            && peer.armed.is_none_or(|armed| armed <= now || due < armed)
        {
            peer.armed = Some(due);
            self.after(due - now, Event::Serve { key });
        }
    }

    fn on_output(&mut self, key: u64, output: Output) {
        match output {
            Output::Attach { id, slot, client } => {
                self.server.last += 1;
                let tab = Key(self.server.last);
                let carrier = Key(key);
                self.server.names.insert(tab.0, client.clone());
                self.tell_hub(Command::Attach { key: tab, carrier, slot, client: client.clone() });
                let since = self.server.hub.remembered_since(tab);
                let attached = since.map(|since| (tab, since.epoch(self.server.process)));
                if let Some(peer) = self.server.peers.get_mut(&key) {
                    peer.session.handle_attached(id, slot, client, attached);
                }
            }
            Output::Close(cause) => self.begin_close(key, cause),
            Output::Decide { .. } | Output::Handle { .. } | Output::LimitReached(_) => {
                self.ensure(false, || format!("{output:?} where there is nothing of the kind"));
            }
            Output::Send(frame) => self.write(key, frame),
            Output::Tell(command) => {
                for frame in self.tell_hub(command) {
                    self.write(key, frame);
                }
            }
            Output::Validate { id, token, user } => {
                let checked = self.server.tokens.check(token.reveal(), wall(self.now));
                let checked = checked.and_then(|identity| identity.of(&user));
                let now = self.instant();
                if let Some(peer) = self.server.peers.get_mut(&key) {
                    peer.session.handle_validated(id, checked, now);
                }
            }
        }
    }

    /// Writes a frame. The answer to a message waits until there is nothing else to do.
    fn write(&mut self, key: u64, frame: Outgoing) {
        let Some(peer) = self.server.peers.get_mut(&key).filter(|peer| !peer.closing) else {
            return;
        };
        let socket = peer.socket;
        match frame {
            Outgoing::Accepted { slot, id } => {
                match peer.accepted.iter_mut().find(|(other, _)| *other == slot) {
                    Some((_, newest)) => *newest = id.max(*newest),
                    None => peer.accepted.push((slot, id)),
                }
                let delay = self.random.ms(0, 3);
                self.after(delay, Event::Flush { key });
            }
            Outgoing::Text(text) => self.send_down(socket, Down::Frame(text.to_string())),
            Outgoing::Binary(_) => self.ensure(false, || "bytes of nobody".to_owned()),
        }
    }

    /// Answers the messages that were accepted.
    pub(super) fn flush(&mut self, key: u64) {
        let Some(peer) = self.server.peers.get_mut(&key) else { return };
        for (slot, id) in std::mem::take(&mut peer.accepted) {
            self.write(key, Outgoing::ack(id).addressed(&[slot]));
        }
    }

    fn begin_close(&mut self, key: u64, cause: CloseCause) {
        self.flush(key);
        let Some(peer) = self.server.peers.get_mut(&key).filter(|peer| !peer.closing) else {
            return;
        };
        peer.closing = true;
        let socket = peer.socket;
        self.log(|| format!("the server closes c{key}: {cause:?}"));
        self.send_down(socket, Down::Close(cause.code(), cause.reason().into_owned()));
        self.after(CLOSE_TIME, Event::GiveUp { key });
    }

    /// A connection has ended: its place in the hub is given up before its socket.
    pub(super) fn end_peer(&mut self, key: u64) {
        let Some(peer) = self.server.peers.remove(&key) else { return };
        self.log(|| format!("the server: c{key} has ended"));
        self.tell_hub(Command::Disconnect { key: Key(key) });
        self.send_down(peer.socket, Down::Fin);
    }
}
