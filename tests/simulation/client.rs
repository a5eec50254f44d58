//! A client: the machine, and the shell around it that does what it says.
//!
//! The shell is the driver of `onesocket-web` without a browser: it feeds, asks after a look at the
//! socket, performs, and sets one timer.

use std::collections::BTreeMap;

use onesocket_core::protocol::{ClientFrame, CloseCode, Group, ServerFrame, client_subprotocol};
use onesocket_core::{Attempt, Call, Config, Connection, Error, Input, Output, Request, Time};

use crate::invariants::observed::{Cause, Observed, Want};
use crate::message::{Message, Origin, encode};
use crate::network::{Browser, Door, Path, Up};
use crate::page::Page;
use crate::reference::What;
use crate::source::Source;
use crate::world::World;

/// One `Client` object in one page, and its way to the server.
pub(crate) struct Client {
    pub(crate) user: String,
    /// The subprotocol by which the server knows it again.
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) machine: Connection<Message>,
    pub(crate) page: Page,
    pub(crate) path: Path,
    pub(crate) source: Source,
    pub(crate) observed: Observed,
    /// Its browser says that there is no network.
    pub(crate) offline: bool,
    /// Its page was left or loaded anew.
    pub(crate) gone: bool,
    /// Its sockets, but for those that have long ended.
    pub(crate) streams: Vec<usize>,
    /// How many messages it was handed.
    delivered: u64,
    /// The number of the last message that came from each client.
    pub(crate) heard: BTreeMap<usize, usize>,
    calls: u32,
}

/// What the machine is told of a socket that has closed.
pub(crate) fn closed(attempt: Attempt, code: CloseCode, reason: String) -> Input<Message> {
    let retry = code.retry();
    Input::Closed { attempt, code, reason, retry }
}

impl World {
    /// Adds a client of a user; returns its number.
    pub(crate) fn add_client(&mut self, user: &str, config: Config, counts_sleep: bool) -> usize {
        let client = self.clients.len();
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.random.number().to_be_bytes());
        name[8..].copy_from_slice(&(client as u64).to_be_bytes());
        let machine = Connection::new(config.clone());
        self.log(|| format!("{client} is a client of {user}: {config:?}"));
        self.clients.push(Client {
            user: user.to_owned(),
            name: client_subprotocol(&name),
            observed: Observed::new(machine.status().clone()),
            machine,
            config,
            page: Page::new(counts_sleep, self.now),
            path: Path { delay: (10, 40), door: Door::Open, cuts: 0 },
            source: Source::default(),
            offline: false,
            gone: false,
            streams: Vec::new(),
            delivered: 0,
            heard: BTreeMap::new(),
            calls: 0,
        });
        self.reference.items.push(Vec::new());
        client
    }

    /// Returns the time as a client has it.
    pub(crate) fn time(&mut self, client: usize) -> Time {
        self.clients[client].page.time(self.now)
    }

    /// Feeds one input and carries out everything that follows from it.
    pub(crate) fn feed(&mut self, client: usize, input: Input<Message>) {
        let time = self.time(client);
        self.log(|| format!("{client} <- {input:?}"));
        let cause = Cause::of(&input);
        match input {
            Input::Offline => self.clients[client].observed.offline = true,
            Input::Online => self.clients[client].observed.offline = false,
            _ => {}
        }
        self.before(client, time);
        self.clients[client].machine.handle(input, time);
        self.act(client, cause, time);
    }

    /// Feeds what the user wants, after a look at the socket.
    fn ask(&mut self, client: usize, input: Input<Message>) {
        self.inspect(client);
        self.feed(client, input);
    }

    fn inspect(&mut self, client: usize) {
        if let Some(attempt) = self.clients[client].machine.connected_attempt() {
            let socket = self.socket_of(client, attempt);
            let ended = socket.is_none_or(|socket| {
                matches!(self.sockets[socket].browser, Browser::Closing(_) | Browser::Closed)
            });
            if ended {
                self.cover("a socket that is seen to be closing");
                self.feed(client, Input::Closing { attempt });
            }
        }
    }

    /// Finds a socket that the machine hears.
    fn socket_of(&self, client: usize, attempt: Attempt) -> Option<usize> {
        let mut streams = self.clients[client].streams.iter().rev().copied();
        streams.find(|socket| {
            let socket = &self.sockets[*socket];
            socket.heard && socket.attempt == attempt
        })
    }

    /// A frame has come from the server.
    pub(crate) fn receive(&mut self, client: usize, socket: usize, frame: ServerFrame<Message>) {
        let attempt = self.sockets[socket].attempt;
        let agreed = self.clients[client].machine.connected_attempt() == Some(attempt);
        let message = agreed && matches!(frame, ServerFrame::Message(_));
        if self.sockets[socket].heard {
            self.note_frame(client, &frame);
        }
        let before = self.clients[client].delivered;
        self.feed(client, Input::Received { attempt, frame, bytes: 1 });
        let delivered = self.clients[client].delivered - before;
        self.sockets[socket].delivered += delivered;
        self.ensure(delivered == u64::from(message), || {
            format!("{client} was handed {delivered} messages for one frame")
        });
    }

    fn act(&mut self, client: usize, cause: Cause, time: Time) {
        while self.record.broken.is_none()
            && let Some(output) = self.clients[client].machine.poll()
        {
            self.log(|| format!("{client} -> {output:?}"));
            self.check_output(client, cause, &output, time);
            self.perform(client, output);
        }
        self.check_bounds(client);
        self.set_alarm(client, time);
    }

    fn perform(&mut self, client: usize, output: Output<Message>) {
        match output {
            Output::Detach { attempt } => {
                if let Some(socket) = self.socket_of(client, attempt) {
                    self.sockets[socket].heard = false;
                }
            }
            Output::Deliver(message) => self.deliver(client, &message),
            Output::FetchToken { fetch, reason } => self.ask_source(client, fetch, reason),
            Output::Open { attempt, token } => {
                let open = self.open_streams(client);
                self.clients[client].streams = open;
                let socket = self.sockets.len();
                self.clients[client].streams.push(socket);
                self.open_socket(client, attempt, token.as_ref());
            }
            Output::Shut { attempt, code, reason: _ } => {
                let socket = self.socket_of(client, attempt);
                self.ensure(socket.is_some(), || {
                    format!("{client} shuts a socket that is not there")
                });
                if let Some(socket) = socket {
                    self.check_shut(client, socket, code);
                    self.shut_socket(socket, code.get());
                }
            }
            Output::Transmit { attempt, frame } => {
                let (wire, origin) = encode(&frame);
                let socket = self.socket_of(client, attempt);
                let sendable = socket
                    .filter(|socket| !matches!(self.sockets[*socket].browser, Browser::Connecting));
                self.ensure(sendable.is_some(), || {
                    format!("{client} sends over a socket that is not open")
                });
                if let ClientFrame::Join { id, group } = &frame {
                    self.observed(client).asked.insert(*id, group.clone());
                }
                if let Some(origin) = origin {
                    self.note_sent(client, origin, frame.id());
                }
                // What is sent while it closes is lost in silence.
                if let Some(socket) = sendable
                    && matches!(self.sockets[socket].browser, Browser::Open)
                {
                    self.send_up(socket, Up::Frame(wire, origin));
                }
            }
            // For the user, and checked.
            Output::Accepted(_)
            | Output::AbortToken { .. }
            | Output::Error { .. }
            | Output::SendHello { .. }
            | Output::Log(_)
            | Output::Settle { .. }
            | Output::Status { .. }
            | Output::TokenFetched { .. }
            | Output::TokenRefreshed { .. } => {}
        }
    }

    fn deliver(&mut self, client: usize, message: &Message) {
        self.clients[client].delivered += 1;
        self.check_message(client, message);
    }

    fn call(&mut self, client: usize, want: Want) -> Call {
        let client = &mut self.clients[client];
        client.calls += 1;
        let call = Call(client.calls);
        client.observed.calls.insert(call, want);
        call
    }

    pub(crate) fn connect(&mut self, client: usize) -> Call {
        let call = self.call(client, Want::Connect);
        self.ask(client, Input::Connect { call });
        call
    }

    pub(crate) fn abort(&mut self, client: usize, call: Call) {
        self.feed(client, Input::Abort { call });
    }

    pub(crate) fn close(&mut self, client: usize) {
        let call = self.call(client, Want::Close);
        let (code, reason) = (CloseCode::NORMAL, String::new());
        self.ask(client, Input::Close { call, code, reason });
    }

    pub(crate) fn hold_client(&mut self, client: usize) {
        self.clients[client].observed.holders += 1;
        self.ask(client, Input::Hold);
    }

    pub(crate) fn release(&mut self, client: usize) {
        if self.clients[client].observed.holders > 0 {
            self.clients[client].observed.holders -= 1;
            self.feed(client, Input::Release);
        }
    }

    pub(crate) fn refresh_token(&mut self, client: usize) {
        let call = self.call(client, Want::Refresh);
        self.ask(client, Input::Request { call, request: Request::Refresh });
    }

    pub(crate) fn join(&mut self, client: usize, group: Group) {
        let call = self.call(client, Want::Join(group.clone()));
        self.clients[client].observed.join(&group);
        self.ask(client, Input::Request { call, request: Request::Join(group) });
    }

    pub(crate) fn leave(&mut self, client: usize, group: Group) {
        self.clients[client].observed.leave(&group);
        let call = self.call(client, Want::Leave);
        self.ask(client, Input::Request { call, request: Request::Leave(group) });
    }

    /// Publishes something of a size.
    pub(crate) fn publish(&mut self, client: usize, group: Group, filler: usize) {
        let number = self.reference.begin(client, What::Publish(group.clone()));
        let data = Message::text(Origin { client, number }, filler);
        let bytes = data.bytes();
        let call = self.call(client, Want::Publish(number));
        let request = Request::Publish { group, data, bytes };
        self.ask(client, Input::Request { call, request });
    }

    /// Sends something of a size to the server.
    pub(crate) fn send(&mut self, client: usize, binary: bool, filler: usize) {
        let number = self.reference.begin(client, What::Send);
        let origin = Origin { client, number };
        let message =
            if binary { Message::binary(origin, filler) } else { Message::text(origin, filler) };
        self.inspect(client);
        let time = self.time(client);
        let sent = send_over(&mut self.clients[client].machine, message);
        self.log(|| format!("{client} sends message {number}: {sent:?}"));
        self.note_accepted(client, number, sent);
        self.act(client, Cause::Other, time);
    }
}

/// Hands a message to the machine.
fn send_over(machine: &mut Connection<Message>, message: Message) -> Result<(), Error> {
    let bytes = message.bytes();
    machine.send(message, bytes, 0)
}
