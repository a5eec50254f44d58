//! Accepts TCP connections, and goes on when accepting fails.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::{debug, warn};

/// How long nothing is accepted after accepting has failed.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A listener that never fails.
pub(crate) struct Tcp(pub(crate) TcpListener);

impl Listener for Tcp {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Frames are small; none should wait for the next.
                    if let Err(error) = stream.set_nodelay(true) {
                        debug!(cause = %error, "TCP_NODELAY refused");
                    }
                    return (stream, address);
                }
                // That client has gone; the next one can be accepted.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, for example. They come back when others close; a
                    // tight loop would leave no time for that.
                    warn!(cause = %error, "Accepting failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}
