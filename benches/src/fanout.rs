//! One message to many members of a group.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::crowd;
use crate::payload::payload;
use crate::peer::Peer;
use crate::process::{Process, Programs};
use crate::stats::{Times, micros_each};

/// How long the last deliveries may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The number of the user who publishes.
const PUBLISHER: usize = 100_000;

/// How messages are published.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// The next one once all but so many have arrived everywhere.
    AtMost(usize),
    /// One every so often.
    Every(Duration),
}

/// What came of it.
pub(crate) struct Fanout {
    pub(crate) per_second: f64,
    pub(crate) latency: Times,
    /// Of so many deliveries.
    pub(crate) expected: usize,
    pub(crate) cpu_micros: f64,
}

/// A group whose members count and time what they get.
pub(crate) struct Group {
    peer: Peer,
    server: Process,
    publisher: SplitSink<WebSocketStream<TcpStream>, Message>,
    _drained: JoinHandle<()>,
    members: JoinSet<Vec<Duration>>,
    stop: Vec<oneshot::Sender<()>>,
    count: usize,
    seen: Arc<Seen>,
    epoch: Instant,
    id: u64,
}

#[derive(Default)]
struct Seen {
    deliveries: AtomicUsize,
    /// Whenever a message may have arrived everywhere.
    round: Notify,
}

impl Group {
    /// Starts a server, and a group of so many members.
    pub(crate) async fn start(peer: Peer, programs: &Programs, count: usize) -> Result<Self> {
        let server = Process::start(peer, programs, None).await?;
        let seen = Arc::new(Seen::default());
        let epoch = Instant::now();
        let mut members = JoinSet::new();
        let mut stop = Vec::new();
        for client in crowd::connect(peer, server.address, 0..count, true).await? {
            let (sender, stopped) = oneshot::channel();
            stop.push(sender);
            members.spawn(listen(client, Arc::clone(&seen), count, epoch, stopped));
        }
        let mut publisher = Client::connect(peer, server.address, PUBLISHER).await?;
        if peer == Peer::Onesocket {
            // Who publishes has to be a member, and hears nothing of its own.
            publisher.join().await?;
        }
        let (publisher, stream) = publisher.socket.split();
        let _drained = tokio::spawn(drain(stream));
        Ok(Self { peer, server, publisher, _drained, members, stop, count, seen, epoch, id: 1 })
    }

    /// Adds a member that reads nothing.
    pub(crate) async fn add_slow(&self) -> Result<Client> {
        let user = PUBLISHER + 1;
        let mut slow = Client::connect_with(self.peer, self.server.address, user, |socket| {
            socket.set_recv_buffer_size(4096)
        })
        .await?;
        slow.join().await?;
        Ok(slow)
    }

    /// Publishes payloads of so many bytes for `time`, and ends.
    pub(crate) async fn measure(
        mut self,
        bytes: usize,
        pace: Pace,
        time: Duration,
    ) -> Result<Fanout> {
        let (started, cpu) = (Instant::now(), self.server.cpu()?);
        let mut sent = 0;
        let mut due = started;
        while started.elapsed() < time {
            match pace {
                Pace::AtMost(open) => {
                    if !self.arrived((sent + 1_usize).saturating_sub(open)).await {
                        break;
                    }
                }
                Pace::Every(every) => {
                    tokio::time::sleep_until(due).await;
                    due += every;
                }
            }
            self.id += 1;
            let now = u64::try_from(self.epoch.elapsed().as_nanos())?;
            let text = self.peer.publish(self.id, &payload(now, bytes));
            self.publisher.send(Message::text(text)).await?;
            sent += 1;
        }
        self.arrived(sent).await;
        let took = started.elapsed();
        let used = self.server.cpu()?.saturating_sub(cpu);
        // Whoever got one twice would be counted as well.
        sleep(Duration::from_millis(200)).await;
        self.stop.clear();
        let mut latency = Vec::new();
        while let Some(times) = self.members.join_next().await {
            latency.extend(times?);
        }
        let deliveries = latency.len();
        Ok(Fanout {
            per_second: deliveries as f64 / took.as_secs_f64(),
            latency: Times::new(latency),
            expected: sent * self.count,
            cpu_micros: micros_each(used, deliveries),
        })
    }

    /// Waits until so many messages have arrived everywhere; `false` if they do not.
    async fn arrived(&self, messages: usize) -> bool {
        let waiting = async {
            loop {
                let round = self.seen.round.notified();
                if self.seen.deliveries.load(Ordering::Acquire) >= messages * self.count {
                    return;
                }
                round.await;
            }
        };
        timeout(PATIENCE, waiting).await.is_ok()
    }
}

/// Times all deliveries until it is stopped.
async fn listen(
    mut client: Client,
    seen: Arc<Seen>,
    members: usize,
    epoch: Instant,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Duration> {
    let mut times = Vec::new();
    loop {
        tokio::select! {
            biased;
            payload = client.payload() => {
                let Ok(stamp) = payload else { return times };
                times.push(epoch.elapsed().saturating_sub(Duration::from_nanos(stamp)));
                if (seen.deliveries.fetch_add(1, Ordering::AcqRel) + 1).is_multiple_of(members) {
                    seen.round.notify_waiters();
                }
            }
            _ = &mut stopped => return times,
        }
    }
}

/// Reads what nobody needs: the acknowledgements.
async fn drain(mut stream: SplitStream<WebSocketStream<TcpStream>>) {
    while let Some(Ok(_)) = stream.next().await {}
}
