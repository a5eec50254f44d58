//! The outgoing queue of one client, bounded by count and by bytes.
//!
//! It uses memory only while frames wait: there are many clients, and most are idle. A channel of
//! tokio would allocate room for 32 frames from the start.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::oneshot;

use crate::close_cause::CloseCause;
use crate::outgoing::Outgoing;

/// The maximum number of waiting frames: a client that comes back sends up to 2000 messages at once
/// (`--max-burst`), and so may two, whose groups are not to lose those who read as fast as they can.
const MAX_FRAMES: usize = 4096;

/// The capacity that is kept once the frames are sent.
const KEPT_ROOM: usize = 8;

/// The sending end of the queue. Dropping it ends the queue.
pub(crate) struct Mailbox {
    waiting: Arc<Mutex<Waiting>>,
    /// Separate from the frames: the queue of a peer that is to be closed may be full.
    close: Option<oneshot::Sender<CloseCause>>,
}

/// The receiving end of the queue.
pub(crate) struct Inbox {
    /// The frames to send.
    pub(crate) frames: Frames,
    /// Resolves when the peer is to be closed.
    pub(crate) close: oneshot::Receiver<CloseCause>,
}

/// The waiting frames.
pub(crate) struct Frames(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Outgoing>,
    bytes: usize,
    /// No frame will be added.
    ended: bool,
    /// Wakes the task that waits for a frame.
    waker: Option<Waker>,
}

/// Makes a queue.
pub(crate) fn mailbox() -> (Mailbox, Inbox) {
    let waiting = Arc::new(Mutex::new(Waiting::default()));
    let (close, to_close) = oneshot::channel();
    let inbox = Inbox { frames: Frames(Arc::clone(&waiting)), close: to_close };
    (Mailbox { waiting, close: Some(close) }, inbox)
}

impl Mailbox {
    /// Adds a frame; returns `false` if the queue is full.
    pub(crate) fn put(&self, frame: Outgoing, max_bytes: usize) -> bool {
        let mut waiting = lock(&self.waiting);
        let bytes = waiting.bytes + frame.len();
        // A single frame is not a sign of a slow reader, however large.
        let fits = bytes <= max_bytes || waiting.bytes == 0;
        if !fits || waiting.frames.len() >= MAX_FRAMES {
            return false;
        }
        waiting.bytes = bytes;
        waiting.frames.push_back(frame);
        wake(waiting);
        true
    }

    /// Closes the peer, unless it is ending already.
    pub(crate) fn close(mut self, cause: CloseCause) {
        if let Some(close) = self.close.take() {
            let _ = close.send(cause);
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        waiting.ended = true;
        wake(waiting);
    }
}

impl Frames {
    /// Returns the next frame; `None` once the peer is to be closed.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        poll_fn(|context| {
            let mut waiting = lock(&self.0);
            if let Some(frame) = waiting.frames.pop_front() {
                waiting.bytes -= frame.len();
                if waiting.frames.is_empty() && waiting.frames.capacity() > KEPT_ROOM {
                    waiting.frames = VecDeque::new();
                }
                return Poll::Ready(Some(frame));
            }
            if waiting.ended {
                return Poll::Ready(None);
            }
            match &mut waiting.waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => waiting.waker = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }
}

/// Wakes the waiting task after the lock is released: it may run at once.
fn wake(mut waiting: MutexGuard<'_, Waiting>) {
    let waker = waiting.waker.take();
    drop(waiting);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_in_order_and_then_the_end() {
        let (mailbox, mut inbox) = mailbox();
        let reader = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Some(frame) = inbox.frames.next().await {
                seen.push(frame.len());
                tokio::task::yield_now().await;
            }
            seen
        });

        for length in 1..=100 {
            assert!(mailbox.put(frame(length), 1 << 20));
            if length % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
        drop(mailbox);

        assert_eq!(reader.await.unwrap(), (1..=100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn it_holds_so_many_bytes_and_so_many_frames() {
        let (mailbox, mut inbox) = mailbox();
        assert!(mailbox.put(frame(6), 10));
        assert!(!mailbox.put(frame(5), 10));
        assert!(mailbox.put(frame(4), 10));
        assert!(inbox.frames.next().await.is_some());
        assert!(mailbox.put(frame(6), 10));
        for _ in 2..MAX_FRAMES {
            assert!(mailbox.put(frame(0), 10));
        }
        assert!(!mailbox.put(frame(0), 10));
    }

    #[tokio::test]
    async fn a_frame_that_is_alone_fits_however_large() {
        let (mailbox, mut inbox) = mailbox();

        assert!(mailbox.put(frame(100), 10));
        assert!(!mailbox.put(frame(1), 10));
        assert_eq!(inbox.frames.next().await, Some(frame(100)));
        assert!(mailbox.put(frame(100), 10));
    }

    #[tokio::test]
    async fn a_close_overtakes_the_frames() {
        let (mailbox, inbox) = mailbox();
        assert!(mailbox.put(frame(1), 10));

        mailbox.close(CloseCause::SlowConsumer);

        assert_eq!(inbox.close.await, Ok(CloseCause::SlowConsumer));
    }

    #[tokio::test]
    async fn an_idle_queue_gives_its_room_back() {
        let (mailbox, mut inbox) = mailbox();
        for _ in 0..100 {
            assert!(mailbox.put(frame(0), 10));
        }

        for _ in 0..100 {
            assert!(inbox.frames.next().await.is_some());
        }

        assert!(lock(&inbox.frames.0).frames.capacity() <= KEPT_ROOM);
    }

    fn frame(length: usize) -> Outgoing {
        Outgoing::Binary(vec![0; length].into())
    }
}
