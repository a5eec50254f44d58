//! The server: the real `Hub` and `Tokens`, from process to process, and who is let in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use onesocket_core::protocol::{CloseCode, Group, SUBPROTOCOL, offered_client, offered_token};
use onesocket_server::hub::{Command, Delivery, Hub, Key};
use onesocket_server::session::{Messages, Session};
use onesocket_server::token::{Identity, TokenError, Tokens};
use onesocket_server::{CloseCause, Config, Pattern, Rights};

use crate::network::Down;
use crate::peer::Peer;
use crate::reference::Grant;
use crate::world::{Event, World};

/// The server, from process to process.
pub(crate) struct Server {
    pub(crate) config: Arc<Config>,
    pub(crate) tokens: Tokens,
    /// Where the clock of the process began; it stands still while the machine sleeps.
    pub(crate) began: Instant,
    pub(crate) slept: Duration,
    pub(crate) asleep_since: Option<Duration>,
    pub(crate) process: u32,
    pub(crate) up: bool,
    pub(crate) hub: Hub,
    pub(crate) last: u64,
    pub(crate) peers: BTreeMap<u64, Peer>,
    /// How many bytes the kernels take that have not come through.
    pub(crate) room: usize,
    /// What each token allows that was issued.
    pub(crate) grants: BTreeMap<String, Grant>,
}

impl Server {
    pub(crate) fn new(config: Config, room: usize) -> Self {
        assert_eq!(config.faults(), Vec::<String>::new());
        Self {
            tokens: Tokens::new(&config.secret, &config.audience, config.token_life),
            config: Arc::new(config),
            began: Instant::now(),
            slept: Duration::ZERO,
            asleep_since: None,
            process: 0,
            up: false,
            hub: Hub::default(),
            last: 0,
            peers: BTreeMap::new(),
            room,
            grants: BTreeMap::new(),
        }
    }

    /// Issues a token as if it were so long ago. Its life is the server's.
    pub(crate) fn issue(
        &mut self,
        user: &str,
        grant: Grant,
        now: Duration,
        ago: Duration,
    ) -> String {
        let id = self.grants.len().to_string();
        let patterns =
            |groups: &BTreeSet<Group>| groups.iter().cloned().map(Pattern::Exact).collect();
        let rights = Rights::new(patterns(&grant.join), patterns(&grant.publish));
        let token = self.tokens.issue_with(&rights, user, &id, wall(now) - ago);
        let token = token.expect("a user has a name");
        self.grants.insert(token.clone(), grant);
        token
    }
}

pub(crate) fn wall(now: Duration) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + now
}

impl World {
    /// A new process begins, which knows nothing.
    pub(crate) fn start_server(&mut self) {
        let server = &mut self.server;
        server.process += 1;
        server.up = true;
        server.hub = Hub::default();
        server.last = 0;
        let process = server.process;
        let every = server.config.sweep_every;
        self.reference.forget_all();
        self.log(|| format!("server: process {process} begins"));
        self.after(every, Event::Sweep { process });
    }

    /// The server leaves: no new connections, and every peer is told so.
    pub(crate) fn stop_server(&mut self) {
        self.log(|| "server: leaves".to_owned());
        self.server.up = false;
        let keys: Vec<u64> = self.server.peers.keys().copied().collect();
        for key in keys {
            self.request_close(key, CloseCause::ServerRestart);
        }
    }

    /// The process has ended, whatever was still going on; the kernel says so, or nobody does.
    pub(crate) fn kill_server(&mut self, kernel_lives: bool) {
        self.log(|| "server: has ended".to_owned());
        self.server.up = false;
        for (_, peer) in std::mem::take(&mut self.server.peers) {
            self.cut(peer.socket, kernel_lives, true);
        }
        self.server.hub = Hub::default();
        self.reference.forget_all();
    }

    /// The machine of the server sleeps, or wakes.
    pub(crate) fn server_sleeps(&mut self, asleep: bool) {
        if asleep {
            self.server.asleep_since = Some(self.now);
        } else if let Some(since) = self.server.asleep_since.take() {
            self.server.slept += self.now - since;
            let keys: Vec<u64> = self.server.peers.keys().copied().collect();
            for key in keys {
                self.wake(key);
            }
        }
    }

    /// The time as the process has it.
    pub(crate) fn server_time(&self) -> Duration {
        self.server.asleep_since.unwrap_or(self.now) - self.server.slept
    }

    pub(crate) fn instant(&self) -> Instant {
        self.server.began + self.server_time()
    }

    /// Admits a client, or says why not: see `http/upgrade.rs` of the server.
    pub(crate) fn admit(&mut self, socket: usize) {
        if !self.server.up {
            self.cover("an upgrade while no server is there");
            return self.send_down(socket, Down::Reset);
        }
        self.send_down(socket, Down::Accepted);
        let offered = self.sockets[socket].offered.clone();
        let offered = || offered.iter().map(String::as_str);
        let known = offered().any(|protocol| protocol == SUBPROTOCOL);
        self.ensure(known, || "onesocket.v1 is not offered".to_owned());
        let named = offered_client(offered()).map(str::to_owned);
        let token = offered_token(offered()).ok_or(TokenError::Missing);
        let checked = token.and_then(|token| {
            let identity = self.server.tokens.check(&token, wall(self.now))?;
            Ok((identity, self.server.grants[&token].clone()))
        });
        match checked {
            Ok((identity, grant)) => self.register(socket, identity, grant, named),
            Err(error) => {
                self.cover("a token that is refused at the door");
                self.log(|| format!("server: refuses, {error}"));
                let reason = "the token is not valid".to_owned();
                self.send_down(socket, Down::Close(CloseCode::UNAUTHORIZED, reason));
                self.send_down(socket, Down::Fin);
            }
        }
    }

    pub(crate) fn register(
        &mut self,
        socket: usize,
        identity: Identity,
        grant: Grant,
        named: Option<String>,
    ) {
        let client = self.sockets[socket].client;
        let user = identity.user.clone();
        self.server.last += 1;
        let key = self.server.last;
        self.ensure(named.is_some(), || "the client has no name".to_owned());
        self.ensure(user == self.clients[client].user, || "another user's token".to_owned());
        self.log(|| format!("server: {client} of {user} connects as c{key}"));

        let command = Command::Connect { key: Key(key), user: user.clone(), client: named.clone() };
        let now = self.instant();
        let deliveries = self.server.hub.handle(command, now);
        let (replaced, forgets) = self.reference.connect(key, &user, client, grant);
        let was_its_own = replaced.is_some_and(|old| self.reference.client_of(old) == Some(client));
        let cause = if was_its_own { CloseCause::Moved } else { CloseCause::Replaced };
        let expected: Vec<_> =
            replaced.map(|old| Delivery::Close { to: Key(old), cause }).into_iter().collect();
        self.ensure(deliveries == expected, || {
            format!("{deliveries:?} follows where {expected:?} should")
        });
        if forgets {
            self.cover("a client that is forgotten for others");
        }
        let since = named.and_then(|name| self.server.hub.remembers_since(&user, &name));
        let expected = self.reference.remembers_since(&user, client).map(Key);
        self.ensure(since == expected, || {
            format!("the server remembers {client} since {since:?}, and should: {expected:?}")
        });
        let epoch = since.map(|key| key.epoch(self.server.process.into()));
        let expires_at = self.server_time() + identity.expires_in;
        let config = Arc::clone(&self.server.config);
        let messages = if config.echo { Messages::Echoed } else { Messages::Refused };
        let peer = Peer {
            socket,
            session: Session::new(
                Key(key),
                identity,
                epoch,
                messages,
                onesocket_server::DecidedBy::Token,
                config,
                now,
            ),
            closing_until: None,
            to_close: None,
            unwritten: VecDeque::new(),
            blocked_until: None,
            accepted: None,
            mailbox: VecDeque::new(),
            inbound: VecDeque::new(),
            said: None,
            asked: None,
            armed: None,
            heard_at: self.server_time(),
            expires_at,
        };
        self.server.peers.insert(key, peer);
        self.sockets[socket].peer = Some((self.server.process, key));
        for delivery in deliveries {
            self.post(delivery);
        }
        self.check_hub(&user);
        self.serve(key);
    }

    /// Forgets what need not be known any more.
    pub(crate) fn sweep(&mut self, process: u32) {
        if process != self.server.process || !self.server.up {
            return;
        }
        let now = self.instant();
        let every = self.server.config.sweep_every;
        if self.server.asleep_since.is_none() {
            self.server.hub.handle(Command::Sweep, now);
            for _ in 0..self.reference.sweep(self.server_time()) {
                self.cover("a user who is forgotten");
            }
            self.check_memory();
        }
        self.after(every, Event::Sweep { process });
    }
}
