//! What the tests talk to the server with: over TCP on a free port, or in memory where the clock is
//! to stand still.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use axum::serve::Listener;
use futures_util::{SinkExt, StreamExt};
use onesocket_protocol::{CLIENT_PREFIX, SUBPROTOCOL, token_subprotocol};
use onesocket_server::token::{Secret, Tokens};
use onesocket_server::{Config, Pattern};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long a test waits for what must come. Nothing is asserted with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream to the server, of whatever kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A running server.
pub(crate) struct Server {
    pub(crate) door: Door,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Where streams to a server are opened.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    Memory(mpsc::UnboundedSender<(DuplexStream, SocketAddr)>, usize),
    Tcp(SocketAddr),
}

struct Memory(mpsc::UnboundedReceiver<(DuplexStream, SocketAddr)>);

/// A client's end of a WebSocket.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<Box<dyn Io>>,
    pub(crate) response: Response<Option<Vec<u8>>>,
}

/// An answer of plain HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    /// Starts a server on a free port.
    pub(crate) async fn start(config: Config) -> Self {
        Self::start_library(onesocket_server::Server::new(config).unwrap()).await
    }

    /// Starts a server that was made before, on a free port.
    pub(crate) async fn start_library(server: onesocket_server::Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Door::Tcp(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self { door, stop, task }
    }

    /// Starts a server in memory; each direction of a stream holds `buffer` bytes.
    pub(crate) fn start_in_memory(config: Config, buffer: usize) -> Self {
        Self::start_library_in_memory(onesocket_server::Server::new(config).unwrap(), buffer)
    }

    /// Starts a server that was made before, in memory.
    pub(crate) fn start_library_in_memory(server: onesocket_server::Server, buffer: usize) -> Self {
        let (streams, accepted) = mpsc::unbounded_channel();
        let door = Door::Memory(streams, buffer);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.serve_streams(Memory(accepted), async {
            let _ = stopped.await;
        }));
        Self { door, stop, task }
    }

    /// Opens a stream to it.
    pub(crate) async fn open(&self) -> Box<dyn Io> {
        self.door.open().await.unwrap()
    }

    /// Opens a stream to it, in memory, that comes from an address.
    pub(crate) fn open_from(&self, address: &str) -> Box<dyn Io> {
        self.door.open_from(address.parse().unwrap()).unwrap()
    }

    /// Connects a user, whose token is good, up to the welcome.
    pub(crate) async fn connect(&self, user: &str) -> Client {
        let mut client = self.offer(&[SUBPROTOCOL, &token_subprotocol(&token(user))]).await;
        let welcome = client.json().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        client
    }

    /// Connects a user's client of this name; returns as well what the server remembers of it.
    pub(crate) async fn connect_as(&self, user: &str, name: &str) -> (Client, Value) {
        let name = format!("{CLIENT_PREFIX}{name}");
        let mut client = self.offer(&[SUBPROTOCOL, &token_subprotocol(&token(user)), &name]).await;
        let welcome = client.json().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (client, welcome["epoch"].clone())
    }

    /// Upgrades with these subprotocols.
    pub(crate) async fn offer(&self, subprotocols: &[&str]) -> Client {
        let list = subprotocols.join(", ");
        upgrade(self.open().await, &[("sec-websocket-protocol", &list)]).await
    }

    /// Sends a request of plain HTTP.
    pub(crate) async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> Answer {
        http(self.open().await, method, path, headers, body).await
    }

    /// Returns what it counts under a name and these labels.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let answer = self.http("GET", "/metrics", &[], "").await;
        let line = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Returns how many sockets of a user are open, and how many were opened.
    pub(crate) async fn count(&self, user: &str) -> (u64, u64) {
        let bearer = format!("Authorization: Bearer {}", token(user));
        let answer = self.http("GET", "/connections", &[&bearer], "").await;
        let count: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(count["user"], user);
        (count["open"].as_u64().unwrap(), count["opened"].as_u64().unwrap())
    }

    /// Tells it to leave; what comes back resolves once it has left.
    pub(crate) fn stop(self) -> impl Future<Output = io::Result<()>> {
        self.stop.send(()).unwrap();
        async { self.task.await.map_err(io::Error::other) }
    }
}

impl Door {
    pub(crate) async fn open(&self) -> io::Result<Box<dyn Io>> {
        match self {
            Self::Memory(..) => self.open_from(Ipv4Addr::LOCALHOST.into()),
            Self::Tcp(address) => Ok(Box::new(TcpStream::connect(address).await?)),
        }
    }

    fn open_from(&self, address: IpAddr) -> io::Result<Box<dyn Io>> {
        let Self::Memory(streams, buffer) = self else { panic!("TCP has its own addresses") };
        let (ours, theirs) = duplex(*buffer);
        let address = SocketAddr::new(address, 0);
        streams.send((theirs, address)).map_err(io::Error::other)?;
        Ok(Box::new(ours))
    }
}

impl Listener for Memory {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.0.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

impl Client {
    /// Sends a text frame, written in short: see [`frame`].
    pub(crate) async fn send(&mut self, short: &str) {
        self.socket.send(Message::text(frame(short))).await.unwrap();
    }

    /// Returns the next message; an error if the connection was reset.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, Error>> {
        timeout(PATIENCE, self.socket.next()).await.expect("nothing came")
    }

    /// Returns the next frame, which has to be a text frame, in short: see [`frame`].
    pub(crate) async fn json(&mut self) -> Value {
        let message = self.next().await.expect("the end").expect("an error");
        let text = message.to_text().unwrap();
        let (head, payload) = text.split_once('\n').map_or((text, None), |(a, b)| (a, Some(b)));
        let json = |text| serde_json::from_str(text).unwrap_or_else(|_| panic!("{message:?}"));
        let mut short: Value = json(head);
        if let Some(payload) = payload {
            let is_text = short.as_object_mut().unwrap().remove("format").is_some();
            short["data"] = if is_text { payload.into() } else { json(payload) };
        }
        short
    }

    /// Sends a text frame and returns the next frame.
    pub(crate) async fn ask(&mut self, text: &str) -> Value {
        self.send(text).await;
        self.json().await
    }

    /// Offers a new token and returns the next frame.
    pub(crate) async fn refresh(&mut self, id: u64, token: &str) -> Value {
        self.ask(&json!({"type": "refresh", "id": id, "token": token}).to_string()).await
    }

    /// Reads up to the close, then to the end of the stream, which has to come without a reset.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let close = loop {
            match self.next().await {
                Some(Ok(Message::Close(Some(close)))) => break close,
                Some(Ok(_)) => {}
                other => panic!("{other:?} where a close was to come"),
            }
        };
        let next = self.next().await;
        assert!(next.is_none(), "{next:?} where the end comes after the close");
        (close.code.into(), close.reason.to_string())
    }
}

/// Writes a frame as it goes over the wire. In these tests it is written in short: a payload of JSON
/// is the field `data` of the head.
pub(crate) fn frame(short: &str) -> String {
    let Ok(Value::Object(mut head)) = serde_json::from_str(short) else { return short.to_owned() };
    match head.remove("data") {
        Some(payload) => format!("{}\n{payload}", Value::Object(head)),
        None => short.to_owned(),
    }
}

/// A binary message of a client.
pub(crate) fn binary(id: u64, data: &[u8]) -> Message {
    let head = format!("{{\"type\":\"message\",\"id\":{id}}}\n");
    Message::binary([head.as_bytes(), data].concat())
}

/// A binary message of the server.
pub(crate) fn binary_of_server(data: &[u8]) -> Message {
    Message::binary([b"{\"type\":\"message\"}\n", data].concat())
}

/// Upgrades a stream.
pub(crate) async fn upgrade(stream: Box<dyn Io>, headers: &[(&'static str, &str)]) -> Client {
    upgrade_at(stream, "/ws", headers).await
}

/// Upgrades a stream at a path.
pub(crate) async fn upgrade_at(
    stream: Box<dyn Io>,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Client {
    let mut request = format!("ws://localhost:8080{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let handshake = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let (socket, response) = timeout(PATIENCE, handshake).await.expect("no answer").unwrap();
    Client { socket, response }
}

/// Sends a request of plain HTTP, alone on its stream.
pub(crate) async fn http(
    mut stream: Box<dyn Io>,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let first = format!("{method} {path} HTTP/1.1");
    let mut lines = vec![first.as_str(), "Host: localhost:8080", "Connection: close", &length];
    lines.extend(headers);
    let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("no answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Signs a good token with the secret of these bytes.
pub(crate) fn token_of(secret: &[u8], user: &str) -> String {
    let tokens = Tokens::new(&Secret::new(secret).unwrap(), "onesocket", Duration::from_mins(5));
    tokens.issue(user, "id", SystemTime::now()).unwrap()
}

/// Returns a secret that all these tests use.
pub(crate) fn secret() -> Secret {
    Secret::new([7; 32]).unwrap()
}

/// Returns a configuration that all these tests begin with: every group is open.
pub(crate) fn config() -> Config {
    Config { open_groups: [Pattern::Prefix(String::new())].into(), ..Config::new(secret()) }
}

/// Signs a good token.
pub(crate) fn token(user: &str) -> String {
    token_issued_at(user, SystemTime::now())
}

/// Signs a token that was good at `time`.
pub(crate) fn token_issued_at(user: &str, time: SystemTime) -> String {
    Tokens::new(&secret(), "onesocket", Duration::from_mins(5)).issue(user, "id", time).unwrap()
}
