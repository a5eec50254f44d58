//! A restart as an operator does it: SIGTERM with clients of ours connected, and what becomes of
//! them.
//!
//! Other parts measure; this one refuses as well. A client that is not told 1012, a server that
//! does not leave well and in time, a client that is not back under its own rules: each is an error.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use onesocket_core::protocol::{CloseCode, Token};
use onesocket_core::{Config, Error, Reconnect, TokenAnswer};
use onesocket_native::{Event, Options, stay_connected};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::ADDRESSES;
use crate::crowd::AT_ONCE;
use crate::peer::{Peer, token};
use crate::process::{Process, Programs};
use crate::stats::Times;

/// Until when a server that was told to leave has left.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);

/// How long all may take to be connected at first, and to hear of the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of it.
pub(crate) struct Restart {
    /// From SIGTERM until the process had ended.
    pub(crate) left_after: Duration,
    /// From when the server listened again until each client was connected.
    pub(crate) back: Times,
    /// How many clients were back with their first attempt, their second, and so on.
    pub(crate) by_attempt: Vec<usize>,
}

/// What a client has to say.
struct Told {
    client: usize,
    at: Instant,
    what: What,
}

enum What {
    Event(Event),
    Failed(Error),
}

/// Stops a server that `count` clients are connected to, and starts it again `down` later.
pub(crate) async fn measure(programs: &Programs, count: usize, down: Duration) -> Result<Restart> {
    let server = Process::start(Peer::Onesocket, programs, None).await?;
    let (mut crowd, mut told) = Crowd::new(server.address);
    timeout(PATIENCE, crowd.connect(count, &mut told)).await.context("not all are connected")??;

    let address = server.address;
    let asked = Instant::now();
    let status =
        timeout(LEAVES_WITHIN, server.terminate()).await.context("it does not leave")??;
    let left_after = asked.elapsed();
    ensure!(status.code() == Some(0), "the server has left with {status}");
    let lost = all(count, &mut told, |what| match what {
        What::Event(Event::Lost { code: CloseCode::SERVICE_RESTART }) => Ok(()),
        What::Event(event) => bail!("{event:?} where 1012 was to come"),
        What::Failed(error) => bail!("{error} where 1012 was to come"),
    });
    timeout(PATIENCE, lost).await.context("not all have heard that it has left")??;

    sleep(down).await;
    let _server = Process::start(Peer::Onesocket, programs, Some(address)).await?;
    let listens = Instant::now();
    let back = all(count, &mut told, |what| match what {
        What::Event(Event::Connected { attempt }) => Ok(attempt),
        What::Event(event) => bail!("{event:?} of a client that was to come back"),
        What::Failed(error) => bail!("it will not come back: {error}"),
    });
    let back = timeout(longest(&Config::default()), back).await.context("not all are back")??;
    let mut by_attempt = vec![0; Reconnect::default().max_attempts as usize];
    for (_, attempt) in &back {
        let place = usize::try_from(*attempt)?.checked_sub(1);
        let place = place.and_then(|place| by_attempt.get_mut(place));
        *place.with_context(|| format!("attempt {attempt} is beyond the rules"))? += 1;
    }
    let back = back.into_iter().map(|(at, _)| at.saturating_duration_since(listens));
    Ok(Restart { left_after, back: Times::new(back.collect()), by_attempt })
}

/// Returns what the retry rules allow at most: by then a client is back, or has failed.
fn longest(config: &Config) -> Duration {
    let Reconnect { max_attempts, interval, jitter, .. } = config.reconnect;
    let attempt = Duration::from(config.connect_timeout);
    (Duration::from(interval).mul_f64(1.0 + jitter) + attempt) * max_attempts
}

/// Waits until each client has had its say, and for each only once; `take` says what is good.
async fn all<T>(
    count: usize,
    told: &mut UnboundedReceiver<Told>,
    take: impl Fn(What) -> Result<T>,
) -> Result<Vec<(Instant, T)>> {
    let mut taken = Vec::new();
    taken.resize_with(count, || None);
    for _ in 0..count {
        let Told { client, at, what } = told.recv().await.context("there is no client left")?;
        let what = take(what).with_context(|| format!("client {client}"))?;
        ensure!(taken[client].replace((at, what)).is_none(), "client {client} twice");
    }
    Ok(taken.into_iter().flatten().collect())
}

/// Clients of ours.
struct Crowd {
    server: SocketAddr,
    told: UnboundedSender<Told>,
    clients: JoinSet<()>,
}

impl Crowd {
    fn new(server: SocketAddr) -> (Self, UnboundedReceiver<Told>) {
        let (told, hear) = unbounded_channel();
        (Self { server, told, clients: JoinSet::new() }, hear)
    }

    /// Connects so many, a few at a time.
    async fn connect(&mut self, count: usize, told: &mut UnboundedReceiver<Told>) -> Result<()> {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for client in 0..count {
            self.add(client, Arc::clone(&turns))?;
        }
        let connected = all(count, told, |what| match what {
            What::Event(Event::Connected { .. }) => {
                turns.add_permits(1);
                Ok(())
            }
            What::Event(event) => bail!("{event:?} of a client that was to connect"),
            What::Failed(error) => bail!("it does not connect: {error}"),
        });
        connected.await.map(drop)
    }

    /// Adds one, which takes its turn; who hears that it is connected gives that back.
    fn add(&mut self, client: usize, turns: Arc<Semaphore>) -> Result<()> {
        let user = format!("user{client}");
        let host = u8::try_from(1 + client % ADDRESSES)?;
        let mut name = [0; 16];
        name[..8].copy_from_slice(&client.to_be_bytes());
        let options = Options {
            server: self.server,
            from: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 1, host))),
            name,
            config: Config { seed: client as u64, ..Config::default() },
        };
        let told = self.told.clone();
        self.clients.spawn(async move {
            let Ok(turn) = turns.acquire().await else { return };
            turn.forget();
            // Once all has ended nobody listens.
            let tell = |what| {
                let _ = told.send(Told { client, at: Instant::now(), what });
            };
            let get_token = || match token(&user) {
                Ok(token) => TokenAnswer::Token(Token::new(token), None),
                Err(error) => TokenAnswer::Failed(error.to_string()),
            };
            let event = |event| tell(What::Event(event));
            let error = stay_connected(options, get_token, event).await;
            tell(What::Failed(error));
        });
        Ok(())
    }
}
