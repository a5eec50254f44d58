//! A minimal server on axum, with the small buffers that onesocket-server has: echoes, and
//! publishes to those who have joined. It knows no users, tokens, limits or deadlines.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

const BUFFER: usize = 4 << 10;

/// How many messages a member may be behind before it loses some.
const BEHIND: usize = 1024;

type Group = Arc<broadcast::Sender<Utf8Bytes>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let group = Arc::new(broadcast::channel(BEHIND).0);
    axum::serve(listener, Router::new().fallback(any(upgrade)).with_state(group)).await
}

async fn upgrade(State(group): State<Group>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    upgrade.on_upgrade(async move |mut socket| {
        // Whatever went wrong, the connection is over.
        let _ = serve(&mut socket, &group).await;
    })
}

async fn serve(socket: &mut WebSocket, group: &Group) -> Result<(), axum::Error> {
    let mut joined: Option<broadcast::Receiver<Utf8Bytes>> = None;
    loop {
        let published = async {
            match &mut joined {
                Some(joined) => joined.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            received = socket.recv() => match received.transpose()? {
                Some(Message::Text(text)) if text == "join" => {
                    joined = Some(group.subscribe());
                    socket.send(Message::text("joined")).await?;
                }
                Some(Message::Text(text)) if text.starts_with("publish ") => {
                    let _ = group.send(text);
                }
                Some(message @ (Message::Text(_) | Message::Binary(_))) => {
                    socket.send(message).await?;
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Close(_)) | None => return Ok(()),
            },
            published = published => {
                if let Ok(text) = published {
                    socket.send(Message::Text(text)).await?;
                }
            }
        }
    }
}
