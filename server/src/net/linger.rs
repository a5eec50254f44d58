//! How a connection is closed without a reset.
//!
//! A kernel that closes a socket with unread data sends a reset, which may overtake the last data
//! that was written: the close code would be lost, and a log somewhere would have one more
//! "connection reset by peer". So a dropped stream shuts down its writing side and reads until the
//! other end closes, for a short time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How long the other end is read.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// A stream that lingers when it is dropped.
pub(crate) struct Lingering<S, P>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Send + Unpin + 'static,
{
    /// `None` once dropped, and only then.
    stream: Option<S>,
    tracker: TaskTracker,
    /// The resources of the connection, held for as long as there is a stream.
    place: Option<P>,
    /// The other end has closed.
    done: bool,
}

impl<S, P> Lingering<S, P>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Send + Unpin + 'static,
{
    /// Wraps a stream; `tracker` counts it while it lingers, and `place` is dropped after that.
    pub(crate) fn new(stream: S, place: P, tracker: TaskTracker) -> Self {
        Self { stream: Some(stream), tracker, place: Some(place), done: false }
    }

    fn with<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let result = poll(Pin::new(stream));
        if let Poll::Ready(Err(_)) = result {
            self.done = true;
        }
        result
    }
}

impl<S, P> AsyncRead for Lingering<S, P>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Send + Unpin + 'static,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.remaining();
        let result = self.with(|stream| stream.poll_read(context, buffer));
        if result.is_ready() && before > 0 && buffer.remaining() == before {
            self.done = true;
        }
        result
    }
}

impl<S, P> AsyncWrite for Lingering<S, P>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Send + Unpin + 'static,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}

impl<S, P> Drop for Lingering<S, P>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Send + Unpin + 'static,
{
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take()
            && !self.done
            // A runtime that is shutting down has no time to linger.
            && let Ok(runtime) = Handle::try_current()
        {
            let place = self.place.take();
            let lingering = async {
                linger(stream).await;
                drop(place);
            };
            self.tracker.spawn_on(lingering, &runtime);
        }
    }
}

async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let heard_out = async {
        stream.shutdown().await?;
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // Whatever went wrong, the connection is over.
    let _ = timeout(LINGER_TIME, heard_out).await;
}
