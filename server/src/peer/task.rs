//! The task that owns a client's socket: it feeds the session, performs its outputs, delivers frames
//! from others, and closes the socket.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt;
use onesocket_protocol::{CloseCode, Group, MessageId, Slot};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tracing::{debug, info};
use tungstenite::Error as WireError;
use tungstenite::error::ProtocolError;

use crate::app::App;
use crate::auth::token::Identity;
use crate::close_cause::CloseCause;
use crate::handler::Decision;
use crate::hub::Inbox;
use crate::hub::shared::Registration;
use crate::metrics::ClosedBy;
use crate::net::rate::{Rate, TooOften};
use crate::outgoing::Outgoing;
use crate::peer::guard::SocketGuard;
use crate::peer::message;
use crate::session::{Output, Session, Speaker, Wish};

/// How long a client may take to answer a close frame before the socket is dropped.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// How long messages to the server wait to be answered together, for whose answers nobody waits. An answer
/// costs the client about as much as the message.
const ANSWER_EVERY: Duration = Duration::from_millis(1);

/// How a socket ends.
pub(crate) enum End {
    /// The client has begun the closing handshake.
    Client { code: Option<u16> },
    /// The network is gone.
    Lost { cause: String },
    /// We begin the closing handshake.
    Server(CloseCause),
}

/// The next thing to do.
enum Work {
    Deliver(Outgoing),
    Elapsed,
    Flush,
    /// The application has done what it was asked.
    Handled(Handled),
    Receive(Option<Result<Message, axum::Error>>),
}

/// What the application has done.
enum Handled {
    /// It has handled a message; these are for the client.
    Message(Vec<Outgoing>),
    /// It has decided about a group.
    Wish { speaker: Speaker, id: MessageId, group: Group, wish: Wish, decision: Decision },
}

struct Peer {
    socket: WebSocket,
    session: Session,
    app: Arc<App>,
    user: String,
    client: Option<String>,
    rate: Rate,
    registration: Registration,
    inbox: Inbox,
    /// The application is handling a message, or decides about a group. Nothing more is read until it has
    /// finished: messages are handled in order, and a client that sends faster has to wait.
    handling: Option<JoinHandle<Handled>>,
    /// The newest message of each client that was accepted and not answered yet: one answer serves for
    /// all that came meanwhile.
    accepted: Vec<(Slot, MessageId)>,
    /// When they may be answered.
    answer_at: Instant,
    /// Frames were written that may still be in the socket's buffer.
    unflushed: bool,
    guard: SocketGuard,
}

/// Serves a client whose token is valid, until its socket has closed. `client` is the name of the
/// client, if it has one.
pub(crate) fn serve(
    socket: WebSocket,
    identity: Identity,
    client: Option<String>,
    app: Arc<App>,
    guard: SocketGuard,
) -> impl Future<Output = ()> + Send {
    let user = identity.user.clone();
    let (registration, epoch, inbox) = app.hub.connect(&user, client.clone());
    let config = Arc::clone(&app.config);
    let rate = Rate::new(config.max_rate, config.max_burst);
    let now = Instant::now().into_std();
    let (messages, decided_by) = (app.messages(), app.decided_by());
    let session =
        Session::new(registration.key, identity, epoch, messages, decided_by, config, now);
    // Built outside the future, which would keep its arguments beside what it builds from them: there
    // is one for each client.
    let mut peer = Peer {
        socket,
        session,
        app,
        user,
        client,
        rate,
        registration,
        inbox,
        handling: None,
        accepted: Vec::new(),
        answer_at: Instant::now(),
        unflushed: false,
        guard,
    };
    async move {
        let end = peer.run().await;
        end.log(peer.registration.key.0);
        close(&mut peer.socket, end, &peer.app).await;
        // Before the socket: a client that has seen it close must not find it counted.
        drop(peer.registration);
        drop(peer.socket);
        drop(peer.guard);
    }
}

/// Closes a client that is refused, with the reason. A browser shows nothing of a refused upgrade.
pub(crate) async fn refuse(
    mut socket: WebSocket,
    cause: CloseCause,
    app: Arc<App>,
    _guard: SocketGuard,
) {
    close(&mut socket, End::Server(cause), &app).await;
}

impl Peer {
    /// Works until the socket ends; then says what was accepted, if it is not too late for that.
    async fn run(&mut self) -> End {
        let Err(end) = self.work().await;
        if let End::Server(_) = end {
            // The closing handshake finds out by itself that a socket takes nothing any more.
            let _ = self.answer().await;
        }
        end
    }

    async fn work(&mut self) -> Result<Infallible, End> {
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            self.perform().await?;
            self.arm(timer.as_mut());
            match self.next_work(timer.as_mut()).await? {
                Work::Deliver(frame) => self.write(frame).await?,
                Work::Elapsed => self.session.handle_elapsed(Instant::now().into_std()),
                Work::Flush => self.flush().await?,
                Work::Handled(handled) => {
                    self.handling = None;
                    match handled {
                        Handled::Message(frames) => {
                            for frame in frames {
                                self.write(frame).await?;
                            }
                        }
                        Handled::Wish { speaker, id, group, wish, decision } => {
                            self.session.handle_decided(speaker, id, group, wish, decision);
                        }
                    }
                }
                Work::Receive(Some(Ok(message))) => self.on_message(message)?,
                Work::Receive(Some(Err(error))) => return Err(End::of_read(error)),
                Work::Receive(None) => {
                    return Err(End::Lost { cause: "no close frame".into() });
                }
            }
        }
    }

    /// Waits for the next thing to do. Written frames are flushed when there is nothing else.
    async fn next_work(&mut self, timer: Pin<&mut Sleep>) -> Result<Work, End> {
        let must_flush = self.unflushed || self.must_answer();
        let Self { socket, inbox: Inbox { frames, close }, handling, .. } = self;
        // Unbiased: none may starve another.
        let traffic = async {
            tokio::select! {
                received = socket.recv(), if handling.is_none() => Work::Receive(received),
                Some(frame) = frames.next() => Work::Deliver(frame),
                frames = handled(handling) => Work::Handled(frames),
            }
        };
        tokio::select! {
            biased;
            end = closed(close) => Err(end),
            () = timer => Ok(Work::Elapsed),
            work = traffic => Ok(work),
            () = std::future::ready(()), if must_flush => Ok(Work::Flush),
        }
    }

    fn on_message(&mut self, message: Message) -> Result<(), End> {
        let now = Instant::now().into_std();
        if let Message::Close(frame) = message {
            return Err(End::Client { code: frame.map(|frame| frame.code) });
        }
        // Pings of RFC 6455 too: each of them is answered.
        self.rate.check().map_err(End::too_often)?;
        match message {
            Message::Text(text) => {
                self.count_in(text.len());
                self.session.handle_text(&text, now);
            }
            Message::Binary(bytes) => {
                self.count_in(bytes.len());
                self.session.handle_binary(&bytes, now);
            }
            // Answered by the library, and not a sign that the page is alive.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
        }
        Ok(())
    }

    async fn perform(&mut self) -> Result<(), End> {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Attach { id, slot, client } => {
                    // They were of the client that had this number before.
                    self.accepted.retain(|(other, _)| *other != slot);
                    let attached = self.registration.attach(slot, &client);
                    self.session.handle_attached(id, slot, client, attached);
                }
                Output::Close(cause) => return Err(End::Server(cause)),
                Output::Decide { speaker, id, group, wish } => {
                    let (app, connection) = (Arc::clone(&self.app), self.registration.key);
                    let user = self.user.clone();
                    self.handling = Some(self.app.tracker.spawn(async move {
                        let decision =
                            message::decide(&app, user, connection, group.clone(), &wish).await;
                        Handled::Wish { speaker, id, group, wish, decision }
                    }));
                }
                Output::Handle { speaker, id, payload } => {
                    let client = match speaker.slot {
                        Slot::OWN => self.client.clone(),
                        slot => self.session.attached(slot).map(str::to_owned),
                    };
                    let connection = self.registration.key;
                    let (user, key) = (self.user.clone(), speaker.key);
                    let sender = message::Sender { user, client, key, connection };
                    let handling = message::handle(Arc::clone(&self.app), sender, id, payload);
                    let handling = async { Handled::Message(handling.await) };
                    self.handling = Some(self.app.tracker.spawn(handling));
                }
                Output::LimitReached(limit) => self.app.metrics.refused(limit),
                Output::Send(frame) => self.write(frame).await?,
                Output::Tell(command) => {
                    for frame in self.registration.tell(command) {
                        // Somebody waits for the answer to what is published.
                        if let Outgoing::Accepted { .. } = frame {
                            self.answer_at = Instant::now();
                        }
                        self.write(frame).await?;
                    }
                }
                Output::Validate { id, token, user } => {
                    let checked = self.app.validator.validate_of(token.reveal(), &user);
                    self.session.handle_validated(id, checked, Instant::now().into_std());
                }
            }
        }
        Ok(())
    }

    /// Writes a frame. The answer to a message waits until there is nothing else to do, and its time has
    /// come.
    async fn write(&mut self, frame: Outgoing) -> Result<(), End> {
        let bytes = frame.len() as u64;
        let message = match frame {
            Outgoing::Accepted { slot, id } => {
                match self.accepted.iter_mut().find(|(other, _)| *other == slot) {
                    Some((_, newest)) => *newest = id.max(*newest),
                    None => self.accepted.push((slot, id)),
                }
                return Ok(());
            }
            Outgoing::Binary(bytes) => Message::Binary(bytes),
            Outgoing::Text(text) => Message::Text(text),
        };
        self.unflushed = true;
        self.app.metrics.messages_out.inc();
        self.app.metrics.bytes_out.inc_by(bytes);
        let time = self.app.config.write_time;
        in_time(self.socket.feed(message), time, &mut self.inbox.close).await
    }

    /// Says whether messages were accepted whose answer waits no longer.
    fn must_answer(&self) -> bool {
        !self.accepted.is_empty() && self.answer_at <= Instant::now()
    }

    /// Answers the messages that were accepted.
    async fn answer(&mut self) -> Result<(), End> {
        self.answer_at = Instant::now() + ANSWER_EVERY;
        while let Some((slot, id)) = self.accepted.pop() {
            self.write(Outgoing::ack(id).addressed(&[slot])).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), End> {
        if self.must_answer() {
            self.answer().await?;
        }
        self.unflushed = false;
        let time = self.app.config.write_time;
        in_time(self.socket.flush(), time, &mut self.inbox.close).await
    }

    fn count_in(&self, bytes: usize) {
        self.app.metrics.messages_in.inc();
        self.app.metrics.bytes_in.inc_by(bytes as u64);
    }

    fn arm(&self, timer: Pin<&mut Sleep>) {
        // What is due now is done when there is nothing else to do.
        let waits = !self.accepted.is_empty() && !self.must_answer();
        let answer_at = waits.then_some(self.answer_at);
        let deadlines = [self.session.deadline().map(Instant::from_std), answer_at];
        if let Some(deadline) = deadlines.into_iter().flatten().min()
            && deadline != timer.deadline()
        {
            timer.reset(deadline);
        }
    }
}

impl End {
    pub(crate) fn too_often(TooOften(wait): TooOften) -> Self {
        Self::Server(CloseCause::TooManyMessages(wait))
    }

    pub(crate) fn of_read(error: axum::Error) -> Self {
        let cause = error.to_string();
        match error.into_inner().downcast_ref::<WireError>() {
            Some(WireError::Capacity(_)) => Self::Server(CloseCause::FrameTooLarge),
            Some(WireError::Utf8(_)) => Self::Server(CloseCause::InvalidText),
            // The client has gone without a close frame, so nobody is there to receive one.
            Some(WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                Self::vanished()
            }
            Some(WireError::Protocol(_)) => Self::Server(CloseCause::ProtocolError),
            Some(_) | None => Self::Lost { cause },
        }
    }

    pub(crate) fn vanished() -> Self {
        Self::Lost { cause: "the stream ended without a close frame".into() }
    }

    fn log(&self, connection: u64) {
        match self {
            Self::Client { code } => info!(connection, code, "Client closed"),
            Self::Lost { cause } => {
                debug!(connection, cause, "Read or write failed");
                info!(connection, "Client lost");
            }
            Self::Server(cause) => {
                let (code, reason) = (cause.code().get(), cause.reason());
                info!(connection, code, reason = reason.as_ref(), "Closing connection");
            }
        }
    }

    fn count(&self, app: &App) {
        let metrics = &app.metrics;
        match self {
            // RFC 6455, section 7.1.5: a close without a code counts as this one.
            Self::Client { code } => {
                metrics.closed(ClosedBy::Client, code.unwrap_or(CloseCode::NO_STATUS.get()))
            }
            Self::Lost { .. } => metrics.closed(ClosedBy::Lost, CloseCode::ABNORMAL.get()),
            Self::Server(cause) => {
                if let Some(limit) = cause.limit() {
                    metrics.refused(limit);
                }
                metrics.closed(ClosedBy::Server, cause.code().get());
            }
        }
    }
}

/// Resolves when another part of the server closes this peer.
async fn closed(close: &mut oneshot::Receiver<CloseCause>) -> End {
    End::Server(close.await.unwrap_or(CloseCause::ServerRestart))
}

/// Waits for the application to finish handling a message; returns the frames for the client.
async fn handled(handling: &mut Option<JoinHandle<Handled>>) -> Handled {
    match handling {
        // It does not panic and is never aborted.
        Some(handling) => handling.await.unwrap_or(Handled::Message(Vec::new())),
        None => std::future::pending().await,
    }
}

/// Completes a write, unless it takes too long or the peer is closed meanwhile.
async fn in_time(
    write: impl Future<Output = Result<(), axum::Error>>,
    time: Duration,
    close: &mut oneshot::Receiver<CloseCause>,
) -> Result<(), End> {
    let mut write = pin!(write);
    let lost = |error: axum::Error| End::Lost { cause: error.to_string() };
    // Usually there is room: then no clock is read and no timer is made.
    let at_once = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
    if let Poll::Ready(written) = at_once {
        return written.map_err(lost);
    }
    tokio::select! {
        biased;
        written = timeout(time, write) => match written {
            Ok(written) => written.map_err(lost),
            Err(_) => Err(End::Server(CloseCause::SlowWrite)),
        },
        end = closed(close) => Err(end),
    }
}

/// Completes the closing handshake, or gives it up.
pub(crate) async fn close(socket: &mut WebSocket, end: End, app: &App) {
    end.count(app);
    let handshake = async {
        match end {
            End::Lost { .. } => return Ok(()),
            // The library has the echo ready; reading on sends it.
            End::Client { .. } => {}
            End::Server(cause) => {
                // The library may have a pong ready, and would send it after the close frame.
                socket.flush().await?;
                let (code, reason) = (cause.code().get(), cause.reason());
                let frame = CloseFrame { code, reason: reason.as_ref().into() };
                socket.send(Message::Close(Some(frame))).await?;
            }
        }
        while socket.recv().await.transpose()?.is_some() {}
        Ok::<(), axum::Error>(())
    };
    match timeout(CLOSE_TIME, handshake).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(cause = %error, "The closing handshake failed"),
        Err(_) => debug!("The closing handshake was not answered in time"),
    }
}
