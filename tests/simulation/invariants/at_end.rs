//! What must hold once all has come right, once everybody has left, and once all is forgotten.

use onesocket_core::{EndedStage, ErrorCode, OldSocketStage, Stage, StateName, WhenFailed};

use crate::reference::{Arrival, What};
use crate::world::World;

impl World {
    /// After a friendly time: who wants to be connected is, and nothing is left undone.
    pub(crate) fn check_recovered(&mut self) {
        for client in self.present() {
            let state = self.clients[client].observed.status.state;
            let status = self.clients[client].machine.status().clone();
            self.ensure(status == self.clients[client].observed.status, || {
                format!("{client} tells another status than it has told")
            });
            let code = status.error.as_ref().map(|error| error.code);
            let wanted = self.clients[client].observed.is_wanted();
            let good = match state {
                StateName::Idle | StateName::Connected | StateName::Closed => true,
                StateName::Failed => code != Some(ErrorCode::AttemptsExhausted) || !wanted,
                StateName::Connecting | StateName::Waiting | StateName::Closing => false,
            };
            self.ensure(good, || format!("{client} is {state:?} ({code:?}) in a friendly world"));
            if state == StateName::Connected {
                self.check_connection(client);
            }
            let keeps = self.clients[client].config.when_failed == WhenFailed::Wait;
            let may_wait = state == StateName::Idle || state == StateName::Failed && keeps;
            if !may_wait {
                let calls = &self.clients[client].observed.calls;
                let left = format!("{calls:?}");
                self.ensure(calls.is_empty(), || format!("{client} has not settled {left}"));
                self.check_items(client);
            }
        }
        let users: Vec<String> = self.clients.iter().map(|client| client.user.clone()).collect();
        for user in users {
            self.check_hub(&user);
            let open = self.server.hub.count(&user).open;
            self.ensure(open <= 1, || format!("{open} connections of {user} are left"));
        }
    }

    /// The clients whose page is still there.
    pub(crate) fn present(&self) -> Vec<usize> {
        (0..self.clients.len()).filter(|client| !self.clients[*client].gone).collect()
    }

    pub(crate) fn check_connection(&mut self, client: usize) {
        let user = self.clients[client].user.clone();
        let current = self.reference.current(&user).map(|key| format!("c{key}"));
        let status = &self.clients[client].observed.status;
        let named = status.connection_id.as_ref().map(|id| id.0.clone());
        self.ensure(named.is_some() && named == current, || {
            format!("{client} is connected as {named:?}, {user} as {current:?}")
        });
        let attempt = self.clients[client].machine.connected_attempt();
        let mut streams = self.clients[client].streams.iter().rev();
        let socket = streams.find(|socket| Some(self.sockets[**socket].attempt) == attempt);
        let counts = socket.map(|socket| {
            let socket = &self.sockets[*socket];
            (socket.written, socket.delivered)
        });
        self.ensure(counts.is_some_and(|(written, delivered)| written == delivered), || {
            format!("{client} was written and handed {counts:?} messages")
        });
        let groups =
            self.reference.current(&user).and_then(|key| self.reference.groups(key)).cloned();
        let wanted = self.clients[client].observed.groups.clone();
        self.ensure(groups.as_ref() == Some(&wanted), || {
            format!("{client} is in {groups:?} and wants to be in {wanted:?}")
        });
    }

    /// Everything that was accepted has arrived or was reported.
    pub(crate) fn check_items(&mut self, client: usize) {
        for number in 0..self.reference.items[client].len() {
            let item = &self.reference.items[client][number];
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
            self.ensure(good, || format!("message {number} of {client} is lost: {text}"));
        }
    }

    /// After everybody has called `close()`: nothing is left at either end.
    pub(crate) fn check_left(&mut self) {
        for client in self.present() {
            let machine = &self.clients[client].machine;
            let (stage, deadline) = (machine.stage(), machine.deadline());
            let closed = Stage::Closed(EndedStage::Closed, OldSocketStage::Gone);
            self.ensure(stage == closed && deadline.is_none(), || {
                format!("{client} is {stage} after close(), with {deadline:?}")
            });
            let calls = format!("{:?}", self.clients[client].observed.calls);
            self.ensure(calls == "{}", || format!("{client} has not settled {calls}"));
            let kept = self.clients[client].machine.numbers();
            self.ensure(kept.is_empty(), || format!("{client} keeps {kept:?}"));
            self.check_items(client);
        }
        let clients = self.server.hub.clients();
        let peers = self.server.peers.len();
        self.ensure(clients == 0 && peers == 0, || {
            format!("{clients} clients, {peers} peers left")
        });
    }

    /// Long after: the server has forgotten all.
    pub(crate) fn check_forgotten(&mut self) {
        self.check_memory();
        let remembered = (0..self.clients.len()).find(|client| {
            let user = &self.clients[*client].user;
            self.reference.remembers_since(user, *client).is_some()
        });
        self.ensure(remembered.is_none(), || format!("the server still knows {remembered:?}"));
    }
}
