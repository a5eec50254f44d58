//! What must hold of the server.

use onesocket_core::protocol::CLIENT_PREFIX;
use onesocket_server::CloseCause;

use crate::message::Origin;
use crate::network::Browser;
use crate::reference::Expected;
use crate::world::World;

impl World {
    /// Says whether one end of a stream has not ended.
    pub(crate) fn is_open(&self, socket: usize) -> bool {
        let socket = &self.sockets[socket];
        let process = self.server.process;
        let served = socket
            .peer
            .is_some_and(|(its, key)| its == process && self.server.peers.contains_key(&key));
        served || socket.heard || !matches!(socket.browser, Browser::Closed)
    }

    /// The hub counts as the reference does.
    pub(crate) fn check_hub(&mut self, user: &str) {
        let (clients, connected) = (self.server.hub.clients(), self.reference.connected());
        self.ensure(clients == connected, || format!("the hub counts {clients} of {connected}"));
        let (count, open) = (self.server.hub.count(user).open, self.reference.open(user));
        self.ensure(count == open, || format!("the hub counts {count} of {open} of {user}"));
    }

    /// The hub remembers whom it has to, and no more.
    pub(crate) fn check_memory(&mut self) {
        for client in 0..self.clients.len() {
            let Some(name) = self.clients[client].name.strip_prefix(CLIENT_PREFIX) else {
                continue;
            };
            let user = &self.clients[client].user;
            let since = self.server.hub.remembers_since(user, name).map(|key| key.0);
            let expected = self.reference.remembers_since(user, client);
            self.ensure(since == expected, || {
                format!("the hub remembers {client} since {since:?}, and should: {expected:?}")
            });
        }
    }

    /// A message has come to the server.
    pub(crate) fn check_arrival(&mut self, key: u64, said: Option<Origin>, expected: &Expected) {
        match expected {
            Expected::Again(..) => return self.cover("a message that comes again"),
            Expected::Taken(..) => {}
            Expected::Nothing
            | Expected::Ack(_)
            | Expected::Refused(_)
            | Expected::Restricted(_) => return,
        }
        let Some(origin) = said else { return };
        let socket = self.server.peers.get(&key).map(|peer| peer.socket);
        let attempt = socket.map(|socket| self.sockets[socket].attempt);
        let reported = self.reference.item(origin).and_then(|item| item.reported);
        self.ensure(reported.is_none() || reported >= attempt, || {
            format!("{origin:?} was reported undelivered, and arrives over a later socket")
        });
        let first = attempt.is_some_and(|attempt| attempt.0 == 1);
        if !first {
            self.cover("a message that is taken after a reconnect");
        }
    }

    /// A session closes its connection for a reason that it has.
    pub(crate) fn check_server_close(&mut self, key: u64, cause: CloseCause) {
        let Some((heard_at, expires_at, _)) = self.peer_facts(key) else { return };
        let now = self.server_time();
        let config = &self.server.config;
        let may = match cause {
            CloseCause::Stale => now >= heard_at + config.stale_after,
            CloseCause::TokenExpired => now >= expires_at + config.expiry_grace,
            _ => false,
        };
        self.ensure(may, || format!("c{key} is closed for {cause:?} at {now:?}"));
    }

    /// A connection does not outlive its token, nor a client that has fallen silent.
    pub(crate) fn check_peer(&mut self, key: u64) {
        let Some((heard_at, expires_at, blocked)) = self.peer_facts(key) else { return };
        let now = self.server_time();
        let config = &self.server.config;
        let lives = now < expires_at + config.expiry_grace;
        let heard = now < heard_at + config.stale_after + config.sweep_every;
        self.ensure(blocked || lives, || format!("c{key} outlives its token"));
        self.ensure(blocked || heard, || format!("c{key} outlives its silence"));
    }
}
