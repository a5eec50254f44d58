//! A WebSocket as a browser has it: it says when it has opened and when it has been closed.

use std::io;
use std::net::{IpAddr, SocketAddr};

use futures_util::{SinkExt as _, StreamExt as _};
use onesocket_core::Token;
use onesocket_core::protocol::{
    ClientFrame, CloseCode, SUBPROTOCOL, ServerFrame, client_subprotocol, token_subprotocol,
};
use onesocket_protocol::{Encoded, Payload, Wire, decode_server, encode_client};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The library's own 128 KiB are too much for one of thousands.
const BUFFER: usize = 4 << 10;

/// Where sockets are opened, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) server: SocketAddr,
    pub(crate) from: Option<IpAddr>,
    pub(crate) name: [u8; 16],
}

/// What happens to a socket.
pub(crate) enum Happening {
    /// Nothing comes after it.
    Closed {
        code: CloseCode,
        reason: String,
    },
    InvalidFrame {
        problem: String,
    },
    Opened,
    Received {
        frame: ServerFrame<()>,
        bytes: usize,
    },
}

/// What a socket is told.
pub(crate) enum Order {
    Send { text: String },
    Shut { code: CloseCode, reason: String },
}

/// Opens a socket and sees it to its end, or until nobody is left to give orders.
pub(crate) async fn run(
    door: Door,
    token: Option<Token>,
    mut orders: UnboundedReceiver<Order>,
    happen: impl Fn(Happening),
) {
    let lost = || Happening::Closed { code: CloseCode::ABNORMAL, reason: String::new() };
    let opened = tokio::select! {
        opened = open(door, token.as_ref()) => opened,
        // Before it has opened nothing is sent: it is shut or detached.
        _ = orders.recv() => return happen(lost()),
    };
    let Ok(mut socket) = opened else { return happen(lost()) };
    happen(Happening::Opened);
    let mut close = None;
    loop {
        tokio::select! {
            received = socket.next() => match received {
                Some(Ok(Message::Close(frame))) => close = Some(frame),
                Some(Ok(message)) => hear(&message, &happen),
                Some(Err(_)) | None => break,
            },
            order = orders.recv() => {
                let Some(order) = order else { return };
                // What cannot be sent any more is lost, and the end of the socket comes.
                let _ = match order {
                    Order::Send { text } => socket.send(Message::text(text)).await,
                    Order::Shut { code, reason } => {
                        let code = code.get().into();
                        socket.close(Some(CloseFrame { code, reason: reason.into() })).await
                    }
                };
            }
        }
    }
    happen(match close {
        Some(Some(CloseFrame { code, reason })) => {
            Happening::Closed { code: CloseCode::seen(code.into()), reason: reason.to_string() }
        }
        Some(None) => Happening::Closed { code: CloseCode::NO_STATUS, reason: String::new() },
        None => lost(),
    });
}

async fn open(door: Door, token: Option<&Token>) -> Result<WebSocketStream<TcpStream>, Error> {
    let socket = if door.server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = door.from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(door.server).await?;
    stream.set_nodelay(true)?;
    let mut offer = format!("{SUBPROTOCOL}, {}", client_subprotocol(&door.name));
    if let Some(token) = token {
        offer = format!("{offer}, {}", token_subprotocol(token.reveal()));
    }
    let mut offer = HeaderValue::try_from(offer).map_err(io::Error::other)?;
    offer.set_sensitive(true);
    let mut request = format!("ws://{}/ws", door.server).into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", offer);
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    // It refuses an answer that chooses another subprotocol, or none.
    Ok(client_async_with_config(request, stream, Some(config)).await?.0)
}

fn hear(message: &Message, happen: &impl Fn(Happening)) {
    let (wire, bytes) = match message {
        Message::Text(text) => (Wire::Text(text), text.len()),
        Message::Binary(bytes) => (Wire::Binary(bytes), bytes.len()),
        // A browser answers a ping and tells nobody; so does the library.
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => return,
    };
    happen(match decode_server(wire) {
        Ok(frame) => Happening::Received { frame: frame.map(drop), bytes },
        Err(error) => Happening::InvalidFrame { problem: error.message },
    });
}

/// Writes a frame; `None` for one with a payload, as a client of this kind has none.
pub(crate) fn encode(frame: ClientFrame<()>) -> Option<String> {
    if let ClientFrame::Message { .. } | ClientFrame::Publish { .. } = frame {
        return None;
    }
    match encode_client(&frame.map(|()| Payload::Json(""))) {
        Encoded::Text(text) => Some(text),
        Encoded::Binary(_) => None,
    }
}
