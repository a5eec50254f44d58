//! A client of any of the servers, as small and quick as the load needs it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::peer::{Heard, Peer};

/// The library's own 128 KiB would have the load measured, not the server.
const BUFFER: usize = 4 << 10;

/// How long a client waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How many addresses of the loopback the clients come from: one has 28 000 ports at most, and a
/// server may let in only so many from one.
pub(crate) const ADDRESSES: usize = 250;

/// A client, connected.
pub(crate) struct Client {
    pub(crate) peer: Peer,
    pub(crate) user: String,
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// Connects the user of this number, up to the welcome.
    pub(crate) async fn connect(peer: Peer, server: SocketAddr, user: usize) -> Result<Self> {
        Self::connect_with(peer, server, user, |_| Ok(())).await
    }

    /// [`connect`](Self::connect) on a socket that was prepared.
    pub(crate) async fn connect_with(
        peer: Peer,
        server: SocketAddr,
        user: usize,
        prepare: impl FnOnce(&TcpSocket) -> std::io::Result<()>,
    ) -> Result<Self> {
        let name = format!("user{user}");
        let offer = peer.offer(&name)?;
        Self::open(peer, server, user, offer, prepare).await
    }

    /// Connects with what it offers.
    pub(crate) async fn offering(
        peer: Peer,
        server: SocketAddr,
        user: usize,
        offer: String,
    ) -> Result<Self> {
        Self::open(peer, server, user, Some(offer), |_| Ok(())).await
    }

    async fn open(
        peer: Peer,
        server: SocketAddr,
        user: usize,
        offer: Option<String>,
        prepare: impl FnOnce(&TcpSocket) -> std::io::Result<()>,
    ) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let address = u8::try_from(1 + user % ADDRESSES)?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, address), 0)))?;
        prepare(&socket)?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{server}{}", peer.path()).into_client_request()?;
        let user = format!("user{user}");
        if let Some(offer) = offer {
            request.headers_mut().insert("sec-websocket-protocol", offer.parse()?);
        }
        let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
        let handshake = client_async_with_config(request, stream, Some(config));
        let (socket, _) = timeout(PATIENCE, handshake).await.context("no upgrade")??;
        let mut client = Self { peer, user, socket };
        if peer.greets() {
            client.done().await?;
        }
        Ok(client)
    }

    /// Joins the group.
    pub(crate) async fn join(&mut self) -> Result<()> {
        self.send(self.peer.join()).await?;
        self.done().await
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: impl Into<String>) -> Result<()> {
        Ok(self.socket.send(Message::text(text.into())).await?)
    }

    /// Returns the stamp of the next payload; answers pings meanwhile.
    pub(crate) async fn payload(&mut self) -> Result<u64> {
        loop {
            let message = self.message().await?;
            match self.peer.hear(&message) {
                Heard::Payload(rest) => {
                    let (stamp, _) = rest.split_once(' ').context("a payload without its stamp")?;
                    return Ok(stamp.parse()?);
                }
                Heard::Ping(answer) => self.send(answer).await?,
                Heard::Done | Heard::Other => {}
            }
        }
    }

    /// Returns the next text.
    pub(crate) async fn message(&mut self) -> Result<tokio_tungstenite::tungstenite::Utf8Bytes> {
        loop {
            match self.socket.next().await.context("the end")?? {
                Message::Text(text) => return Ok(text),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Waits until the server has done what it was asked for.
    async fn done(&mut self) -> Result<()> {
        let waiting = async {
            loop {
                let message = self.message().await?;
                match self.peer.hear(&message) {
                    Heard::Done => return Ok(()),
                    Heard::Ping(answer) => self.send(answer).await?,
                    Heard::Payload(_) | Heard::Other => {}
                }
            }
        };
        timeout(PATIENCE, waiting).await.context("no answer")?
    }
}
