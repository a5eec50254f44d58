//! What must hold of the server, and of all once it has become quiet.

use onesocket_core::protocol::CLIENT_PREFIX;
use onesocket_core::{EndedStage, ErrorCode, OldSocketStage, Stage, StateName};
use onesocket_server::CloseCause;

use crate::message::Origin;
use crate::network::Browser;
use crate::reference::{Arrival, Expected, What};
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

    /// The hub counts as the ledger does.
    pub(crate) fn judge_hub(&mut self, user: &str) {
        let (clients, connected) = (self.server.hub.clients(), self.ledger.connected());
        self.rule(clients == connected, || format!("the hub counts {clients} of {connected}"));
        let (count, open) = (self.server.hub.count(user).open, self.ledger.open(user));
        self.rule(count == open, || format!("the hub counts {count} of {open} of {user}"));
    }

    /// The hub remembers whom it has to, and no more.
    pub(crate) fn judge_memory(&mut self) {
        for client in 0..self.clients.len() {
            let Some(name) = self.clients[client].name.strip_prefix(CLIENT_PREFIX) else {
                continue;
            };
            let user = &self.clients[client].user;
            let since = self.server.hub.remembers_since(user, name).map(|key| key.0);
            let expected = self.ledger.remembers_since(user, client);
            self.rule(since == expected, || {
                format!("the hub remembers {client} since {since:?}, and should: {expected:?}")
            });
        }
    }

    /// A message has come to the server.
    pub(crate) fn judge_arrival(&mut self, key: u64, said: Option<Origin>, expected: &Expected) {
        match expected {
            Expected::Again(..) => return self.reach("a message that comes again"),
            Expected::Taken(..) => {}
            Expected::Nothing | Expected::Ack(_) | Expected::Refused(_) => return,
        }
        let Some(origin) = said else { return };
        let socket = self.server.peers.get(&key).map(|peer| peer.socket);
        let attempt = socket.map(|socket| self.sockets[socket].attempt);
        let reported = self.ledger.item(origin).and_then(|item| item.reported);
        self.rule(reported.is_none() || reported >= attempt, || {
            format!("{origin:?} was reported undelivered, and arrives over a later socket")
        });
        let first = attempt.is_some_and(|attempt| attempt.0 == 1);
        if !first {
            self.reach("a message that is taken after a reconnect");
        }
    }

    /// A session closes its connection for a reason that it has.
    pub(crate) fn judge_server_close(&mut self, key: u64, cause: CloseCause) {
        let Some((heard_at, expires_at, _)) = self.peer_facts(key) else { return };
        let now = self.server_time();
        let config = &self.server.config;
        let may = match cause {
            CloseCause::Stale => now >= heard_at + config.stale_after,
            CloseCause::TokenExpired => now >= expires_at + config.expiry_grace,
            _ => false,
        };
        self.rule(may, || format!("c{key} is closed for {cause:?} at {now:?}"));
    }

    /// A connection does not outlive its token, nor a client that has fallen silent.
    pub(crate) fn judge_peer(&mut self, key: u64) {
        let Some((heard_at, expires_at, blocked)) = self.peer_facts(key) else { return };
        let now = self.server_time();
        let config = &self.server.config;
        let lives = now < expires_at + config.expiry_grace;
        let heard = now < heard_at + config.stale_after + config.sweep_every;
        self.rule(blocked || lives, || format!("c{key} outlives its token"));
        self.rule(blocked || heard, || format!("c{key} outlives its silence"));
    }

    /// After a friendly time: who wants to be connected is, and nothing is left undone.
    pub(crate) fn judge_quiet(&mut self) {
        for client in self.present() {
            let state = self.clients[client].judge.told.state;
            let told = self.clients[client].machine.status().clone();
            self.rule(told == self.clients[client].judge.told, || {
                format!("{client} tells another status than it has told")
            });
            let code = told.error.as_ref().map(|error| error.code);
            let wanted = self.clients[client].judge.is_wanted();
            let good = match state {
                StateName::Idle | StateName::Connected | StateName::Closed => true,
                StateName::Failed => code != Some(ErrorCode::AttemptsExhausted) || !wanted,
                StateName::Connecting | StateName::Waiting | StateName::Closing => false,
            };
            self.rule(good, || format!("{client} is {state:?} ({code:?}) in a friendly world"));
            if state == StateName::Connected {
                self.judge_connection(client);
            }
            if state != StateName::Idle {
                let calls = &self.clients[client].judge.calls;
                let left = format!("{calls:?}");
                self.rule(calls.is_empty(), || format!("{client} has not settled {left}"));
                self.judge_items(client);
            }
        }
        let users: Vec<String> = self.clients.iter().map(|client| client.user.clone()).collect();
        for user in users {
            self.judge_hub(&user);
            let open = self.server.hub.count(&user).open;
            self.rule(open <= 1, || format!("{open} connections of {user} are left"));
        }
    }

    /// The clients whose page is still there.
    pub(crate) fn present(&self) -> Vec<usize> {
        (0..self.clients.len()).filter(|client| !self.clients[*client].gone).collect()
    }

    fn judge_connection(&mut self, client: usize) {
        let user = self.clients[client].user.clone();
        let current = self.ledger.current(&user).map(|key| format!("c{key}"));
        let told = &self.clients[client].judge.told;
        let named = told.connection_id.as_ref().map(|id| id.0.clone());
        self.rule(named.is_some() && named == current, || {
            format!("{client} is connected as {named:?}, {user} as {current:?}")
        });
        let attempt = self.clients[client].machine.connected_attempt();
        let mut streams = self.clients[client].streams.iter().rev();
        let socket = streams.find(|socket| Some(self.sockets[**socket].attempt) == attempt);
        let counts = socket.map(|socket| {
            let socket = &self.sockets[*socket];
            (socket.written, socket.delivered)
        });
        self.rule(counts.is_some_and(|(written, delivered)| written == delivered), || {
            format!("{client} was written and handed {counts:?} messages")
        });
        let groups = self.ledger.current(&user).and_then(|key| self.ledger.groups(key)).cloned();
        let wanted = self.clients[client].judge.groups.clone();
        self.rule(groups.as_ref() == Some(&wanted), || {
            format!("{client} is in {groups:?} and wants to be in {wanted:?}")
        });
    }

    /// Everything that was accepted has arrived or was reported.
    fn judge_items(&mut self, client: usize) {
        for number in 0..self.ledger.items[client].len() {
            let item = &self.ledger.items[client][number];
            let (arrived, reported) = (item.arrival != Arrival::No, item.reported.is_some());
            let good = match item.what {
                // What was refused is reported, what was taken needs no word.
                What::Send if !item.accepted => !arrived && !reported,
                What::Send => match item.arrival {
                    Arrival::Taken => true,
                    Arrival::No | Arrival::Refused => reported,
                },
                What::Publish(_) => item.fulfilled != reported,
            };
            let text = format!("{item:?}");
            self.rule(good, || format!("message {number} of {client} is lost: {text}"));
        }
    }

    /// After everybody has called `close()`: nothing is left at either end.
    pub(crate) fn judge_end(&mut self) {
        for client in self.present() {
            let machine = &self.clients[client].machine;
            let (stage, deadline) = (machine.stage(), machine.deadline());
            let closed = Stage::Closed(EndedStage::Closed, OldSocketStage::Gone);
            self.rule(stage == closed && deadline.is_none(), || {
                format!("{client} is {stage} after close(), with {deadline:?}")
            });
            let calls = format!("{:?}", self.clients[client].judge.calls);
            self.rule(calls == "{}", || format!("{client} has not settled {calls}"));
            let kept = self.clients[client].machine.numbers();
            self.rule(kept.is_empty(), || format!("{client} keeps {kept:?}"));
            self.judge_items(client);
        }
        let clients = self.server.hub.clients();
        let peers = self.server.peers.len();
        self.rule(clients == 0 && peers == 0, || format!("{clients} clients, {peers} peers left"));
    }

    /// Long after: the server has forgotten all.
    pub(crate) fn judge_oblivion(&mut self) {
        self.judge_memory();
        let remembered = (0..self.clients.len()).find(|client| {
            let user = &self.clients[*client].user;
            self.ledger.remembers_since(user, *client).is_some()
        });
        self.rule(remembered.is_none(), || format!("the server still knows {remembered:?}"));
    }
}
