//! The session of one client: its frames come in, the things to do come out.
//!
//! Owns the deadlines of a connection and the meaning of its frames. Refuses sockets, clocks, locks
//! and keys: frames, the time and the validity of a token are arguments. The hub knows the other
//! clients, and the messages of earlier connections.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use onesocket_protocol::{
    ClientFrame, DecodeError, Epoch, FrameErrorCode, Group, MessageId, Payload as WirePayload,
    ServerFrame, ServerMessage, SharedFrame, Slot, Token, Welcome, Wire, decode_shared,
};

use crate::auth::rights::{Access, DecidedBy};
use crate::auth::token::{Identity, TokenError};
use crate::close_cause::CloseCause;
use crate::config::Config;
use crate::handler::Decision;
use crate::hub::{Command, Key};
use crate::limit::Limit;
use crate::outgoing::Outgoing;
use crate::payload::Payload;

/// The number of invalid frames with which a client is closed.
const MAX_BAD_FRAMES: u32 = 10;

/// A thing to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Have another client share the connection; the outcome goes to [`Session::handle_attached`].
    Attach {
        /// The id for the answer.
        id: MessageId,
        /// Which of the connection's clients it will be.
        slot: Slot,
        /// Its name.
        client: String,
    },
    /// Close the socket. Nothing comes after it.
    Close(CloseCause),
    /// Let the application decide about a group; the outcome goes to [`Session::handle_decided`].
    Decide {
        /// Who wants it.
        speaker: Speaker,
        /// The id for the answer.
        id: MessageId,
        /// The group.
        group: Group,
        /// What is wanted of it.
        wish: Wish,
    },
    /// Let the application handle a message, unless it was handled before.
    Handle {
        /// Who has sent it.
        speaker: Speaker,
        /// The id for the answer.
        id: MessageId,
        /// The payload.
        payload: Payload,
    },
    /// Count that a limit has refused something. The client's answer is another output.
    LimitReached(Limit),
    /// Send a frame to the client.
    Send(Outgoing),
    /// Pass a command to the hub.
    Tell(Command),
    /// Verify a new token; the outcome goes to [`Session::handle_validated`].
    Validate {
        /// The id for the answer.
        id: MessageId,
        /// The new token.
        token: Token,
        /// The user that it must be for.
        user: String,
    },
}

/// Which of the clients that share the connection it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Speaker {
    /// Its number in the hub.
    pub key: Key,
    /// Its number on the connection.
    pub slot: Slot,
}

/// What happens to messages to the server itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Messages {
    /// They are echoed to their sender.
    Echoed,
    /// The application handles them.
    Handled,
    /// They are refused with `no-handler`.
    Refused,
}

/// What a client wants of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// To join it.
    Join,
    /// To publish this frame to it.
    Publish(Outgoing),
}

/// The session of one client, from the welcome to the close.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    messages: Messages,
    decided_by: DecidedBy,
    key: Key,
    /// The clients that share the connection: their numbers in the hub, and their names.
    attached: BTreeMap<Slot, (Key, String)>,
    user: String,
    access: Access,
    outputs: VecDeque<Output>,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Open),
    Closed,
}

#[derive(Debug)]
struct Open {
    heard_at: Instant,
    next_ping: Instant,
    next_sweep: Instant,
    /// When the token has expired and the grace period is over.
    expires_at: Instant,
    bad_frames: u32,
}

impl Session {
    /// Starts the session of a client that is registered under `key`. The welcome is the first
    /// output. `epoch` identifies what the hub remembers of this client.
    pub fn new(
        key: Key,
        identity: Identity,
        epoch: Option<Epoch>,
        messages: Messages,
        decided_by: DecidedBy,
        config: Arc<Config>,
        now: Instant,
    ) -> Self {
        let welcome = Welcome {
            connection_id: key.connection_id(),
            user: identity.user.clone(),
            token_expires_in: Some(identity.expires_in.into()),
            ping_interval: config.ping_every.into(),
            max_message_bytes: config.max_message,
            epoch,
            tabs: (config.max_tabs > 0).then_some(config.max_tabs),
        };
        let access = Access::new(identity.rights, Arc::clone(&config.open_groups));
        let open = Open {
            heard_at: now,
            next_ping: now + config.ping_every,
            next_sweep: now + config.sweep_every,
            expires_at: now + identity.expires_in + config.expiry_grace,
            bad_frames: 0,
        };
        let mut session = Self {
            config,
            messages,
            decided_by,
            key,
            attached: BTreeMap::new(),
            user: identity.user,
            access,
            outputs: VecDeque::new(),
            state: State::Open(open),
        };
        session.send(Outgoing::new(&ServerFrame::Welcome(welcome)));
        session
    }

    /// Takes a text frame from the client.
    pub fn handle_text(&mut self, text: &str, now: Instant) {
        self.handle(Wire::Text(text), &Bytes::new(), now);
    }

    /// Takes a binary frame from the client.
    pub fn handle_binary(&mut self, bytes: &Bytes, now: Instant) {
        self.handle(Wire::Binary(bytes), bytes, now);
    }

    /// `bytes` are those of a binary frame, which a payload can share.
    fn handle(&mut self, wire: Wire<'_>, bytes: &Bytes, now: Instant) {
        if self.heard(now) {
            match decode_shared(wire) {
                Ok((slot, frame)) => self.on_shared_frame(slot, frame, bytes),
                Err(error) => self.on_bad_frame(error),
            }
        }
    }

    /// Takes the outcome of an [`Output::Validate`]: what the new token says, or why it is not valid;
    /// then the old one stays in force. Memberships that the new one does not allow end.
    pub fn handle_validated(
        &mut self,
        id: MessageId,
        checked: Result<Identity, TokenError>,
        now: Instant,
    ) {
        let grace = self.config.expiry_grace;
        let Some(open) = self.open() else { return };
        match checked {
            Ok(Identity { expires_in, rights, user: _ }) => {
                open.expires_at = now + expires_in + grace;
                let token_expires_in = Some(expires_in.into());
                self.send(Outgoing::new(&ServerFrame::Refreshed { id, token_expires_in }));
                let access = Access::new(rights, Arc::clone(&self.config.open_groups));
                if access != self.access {
                    self.access = access.clone();
                    self.tell(Command::Restrict { key: self.key, access });
                }
            }
            Err(error) => {
                self.send(Outgoing::error(
                    Some(id),
                    FrameErrorCode::Unauthorized,
                    error.to_string(),
                ));
            }
        }
    }

    /// Does what is due.
    pub fn handle_elapsed(&mut self, now: Instant) {
        let Some(open) = self.open() else { return };
        if now >= open.expires_at {
            self.close(CloseCause::TokenExpired);
        } else if now >= open.next_sweep {
            self.on_sweep(now);
        }
        self.ping_if_due(now);
    }

    /// Returns the next thing to do, oldest first; `None` once all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when to call [`handle_elapsed`](Self::handle_elapsed).
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Open(open) => Some(open.next_ping.min(open.next_sweep).min(open.expires_at)),
            State::Closed => None,
        }
    }

    /// Takes the outcome of an [`Output::Attach`]: the client's number in the hub and its epoch; nothing
    /// if it is too late for that.
    pub fn handle_attached(
        &mut self,
        id: MessageId,
        slot: Slot,
        client: String,
        attached: Option<(Key, Epoch)>,
    ) {
        if let Some((key, epoch)) = attached {
            // It has moved if it was here under another number.
            self.attached.retain(|_, (_, other)| *other != client);
            self.attached.insert(slot, (key, client));
            self.answer(slot, Outgoing::attached(id, &epoch));
        }
    }

    /// Returns the name of a client that shares the connection.
    pub fn attached(&self, slot: Slot) -> Option<&str> {
        self.attached.get(&slot).map(|(_, client)| client.as_str())
    }

    fn on_shared_frame(&mut self, slot: Slot, frame: SharedFrame<WirePayload<'_>>, bytes: &Bytes) {
        match frame {
            SharedFrame::Attach { id, .. } if slot.0 > self.config.max_tabs => {
                let message = format!("at most {} tabs share a connection", self.config.max_tabs);
                self.answer(slot, Outgoing::error(Some(id), FrameErrorCode::Refused, message));
            }
            SharedFrame::Attach { id, client } => {
                self.outputs.push_back(Output::Attach { id, slot, client });
            }
            SharedFrame::Detach { id } => {
                if let Some((key, _)) = self.attached.remove(&slot) {
                    self.tell(Command::Detach { key });
                }
                self.answer(slot, Outgoing::ack(id));
            }
            SharedFrame::Frame(frame) => match self.speaker(slot) {
                Some(speaker) => self.on_frame(speaker, frame, bytes),
                None => {
                    let message = format!("nobody is attached as {}", slot.0);
                    let error = Outgoing::error(frame.id(), FrameErrorCode::Refused, message);
                    self.answer(slot, error);
                }
            },
        }
    }

    fn speaker(&self, slot: Slot) -> Option<Speaker> {
        let key = match slot {
            Slot::OWN => self.key,
            slot => self.attached.get(&slot)?.0,
        };
        Some(Speaker { key, slot })
    }

    fn on_frame(&mut self, speaker: Speaker, frame: ClientFrame<WirePayload<'_>>, bytes: &Bytes) {
        let key = speaker.key;
        match frame {
            ClientFrame::Join { id, group } => self.on_wish(speaker, id, group, Wish::Join),
            ClientFrame::Leave { id, group } => self.tell(Command::Leave { key, id, group }),
            ClientFrame::Message { id, data } => {
                if self.fits(speaker, id, size(data)) {
                    self.on_message(speaker, id, data, bytes);
                }
            }
            ClientFrame::Ping => self.send(Outgoing::new(&ServerFrame::Pong)),
            ClientFrame::Pong => {}
            ClientFrame::Publish { id, group, data } => {
                if self.fits(speaker, id, size(data)) {
                    let from = Some(self.user.clone());
                    let message = ServerMessage { data, group: Some(group.clone()), from };
                    let frame = Outgoing::new(&ServerFrame::Message(message));
                    self.on_wish(speaker, id, group, Wish::Publish(frame));
                }
            }
            ClientFrame::Refresh { id, token } => {
                let user = self.user.clone();
                self.outputs.push_back(Output::Validate { id, token, user });
            }
        }
    }

    fn on_wish(&mut self, speaker: Speaker, id: MessageId, group: Group, wish: Wish) {
        match self.decided_by {
            DecidedBy::Application => {
                self.outputs.push_back(Output::Decide { speaker, id, group, wish });
            }
            DecidedBy::Token => self.handle_decided(speaker, id, group, wish, Decision::ByToken),
        }
    }

    /// Takes the outcome of an [`Output::Decide`].
    pub fn handle_decided(
        &mut self,
        speaker: Speaker,
        id: MessageId,
        group: Group,
        wish: Wish,
        decision: Decision,
    ) {
        let key = speaker.key;
        if self.open().is_none() {
            return;
        }
        let by_token = || match wish {
            Wish::Join => self.access.may_join(&group),
            Wish::Publish(_) => self.access.may_publish(&group),
        };
        let (is_allowed, by) = match decision {
            Decision::Allow => (true, DecidedBy::Application),
            Decision::ByToken => (by_token(), DecidedBy::Token),
            Decision::Refuse => (false, DecidedBy::Application),
        };
        match (wish, is_allowed) {
            (Wish::Join, true) => self.tell(Command::Join { key, id, group, by }),
            (Wish::Join, false) => {
                // Whether there is such a group, and who is in it, is not said.
                self.outputs.push_back(Output::LimitReached(Limit::Rights));
                let message = format!("this user may not join {:?}", group.as_str());
                let error = Outgoing::error(Some(id), FrameErrorCode::Refused, message);
                self.answer(speaker.slot, error);
            }
            (Wish::Publish(frame), true) => self.tell(Command::Publish { key, id, group, frame }),
            (Wish::Publish(_), false) => {
                self.outputs.push_back(Output::LimitReached(Limit::Rights));
                let message = format!("this user may not publish to {:?}", group.as_str());
                self.refuse(speaker, id, FrameErrorCode::Refused, message);
            }
        }
    }

    fn on_message(
        &mut self,
        speaker: Speaker,
        id: MessageId,
        data: WirePayload<'_>,
        bytes: &Bytes,
    ) {
        match self.messages {
            Messages::Echoed => {
                let message = ServerMessage { data, group: None, from: None };
                let echo = Outgoing::new(&ServerFrame::Message(message));
                self.tell(Command::Message { key: speaker.key, id, echo });
            }
            Messages::Handled => {
                let payload = Payload::of(data, bytes);
                self.outputs.push_back(Output::Handle { speaker, id, payload });
            }
            Messages::Refused => {
                let message = "this server does not handle messages to itself";
                self.refuse(speaker, id, FrameErrorCode::NoHandler, message);
            }
        }
    }

    fn on_bad_frame(&mut self, error: DecodeError) {
        let DecodeError { id, slot, message } = error;
        self.answer(slot, Outgoing::error(id, FrameErrorCode::InvalidMessage, message));
        let Some(open) = self.open() else { return };
        open.bad_frames += 1;
        if open.bad_frames >= MAX_BAD_FRAMES {
            self.close(CloseCause::TooManyInvalidFrames);
        }
    }

    fn on_sweep(&mut self, now: Instant) {
        let Config { stale_after, sweep_every, .. } = *self.config;
        let Some(open) = self.open() else { return };
        open.next_sweep = now + sweep_every;
        if now.saturating_duration_since(open.heard_at) >= stale_after {
            self.close(CloseCause::Stale);
        }
    }

    fn ping_if_due(&mut self, now: Instant) {
        let ping_every = self.config.ping_every;
        let Some(open) = self.open() else { return };
        if now >= open.next_ping {
            // Counted from now: after a pause one ping is enough.
            open.next_ping = now + ping_every;
            self.send(Outgoing::new(&ServerFrame::Ping));
        }
    }

    /// Refuses a payload that is too large; returns whether it fits.
    fn fits(&mut self, speaker: Speaker, id: MessageId, bytes: usize) -> bool {
        let limit = self.config.max_message;
        if bytes > limit {
            let message = format!("a payload of {bytes} bytes; this server takes {limit}");
            self.outputs.push_back(Output::LimitReached(Limit::Message));
            self.refuse(speaker, id, FrameErrorCode::TooLarge, message);
        }
        bytes <= limit
    }

    /// Refuses a message through the hub, which remembers the refusal: it may come again.
    fn refuse(
        &mut self,
        speaker: Speaker,
        id: MessageId,
        code: FrameErrorCode,
        message: impl Into<String>,
    ) {
        let error = Outgoing::error(Some(id), code, message);
        self.tell(Command::Refuse { key: speaker.key, id, error });
    }

    /// Records a sign of life; `false` if it comes too late.
    fn heard(&mut self, now: Instant) -> bool {
        self.open().map(|open| open.heard_at = now).is_some()
    }

    fn open(&mut self) -> Option<&mut Open> {
        match &mut self.state {
            State::Open(open) => Some(open),
            State::Closed => None,
        }
    }

    fn close(&mut self, cause: CloseCause) {
        self.outputs.push_back(Output::Close(cause));
        self.state = State::Closed;
    }

    fn send(&mut self, frame: Outgoing) {
        self.outputs.push_back(Output::Send(frame));
    }

    /// Sends a frame to one of the clients that share the connection.
    fn answer(&mut self, slot: Slot, frame: Outgoing) {
        self.send(frame.addressed(&[slot]));
    }

    fn tell(&mut self, command: Command) {
        self.outputs.push_back(Output::Tell(command));
    }
}

fn size(payload: WirePayload<'_>) -> usize {
    match payload {
        WirePayload::Binary(bytes) => bytes.len(),
        WirePayload::Json(text) | WirePayload::Text(text) => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use onesocket_protocol::Group;

    use super::*;
    use crate::auth::rights::{Pattern, Rights};
    use crate::auth::token::Secret;

    const ID: MessageId = MessageId(7);

    /// The connection's own client.
    const OWN: Speaker = Speaker { key: Key(1), slot: Slot::OWN };

    const REFRESH: &str = r#"{"type":"refresh","id":7,"token":"new"}"#;

    #[test]
    fn the_welcome_is_the_first_output() {
        let now = Instant::now();
        let identity = granted(Duration::from_secs(299));

        let epoch = Some(Key(7).epoch(0x5f));
        for (epoch, end) in [(None, ""), (epoch, r#","epoch":"5f.7""#)] {
            let identity = identity.clone();
            let mut session = Session::new(
                Key(42),
                identity,
                epoch,
                Messages::Refused,
                DecidedBy::Token,
                Arc::new(config()),
                now,
            );

            let welcome = concat!(
                r#"{"type":"welcome","connectionId":"c42","user":"ada","tokenExpiresInMs":299000,"#,
                r#""pingIntervalMs":25000,"maxMessageBytes":65536"#
            );
            assert_eq!(drain(&mut session), [sent(&format!("{welcome}{end},\"tabs\":64}}"))]);
        }
    }

    #[test]
    fn a_client_that_answers_pings_stays_until_its_token_runs_out() {
        let (mut session, start) = started(config());
        let mut pings = 0;

        let (ended_at, cause) = loop {
            let now = session.deadline().unwrap();
            session.handle_elapsed(now);
            match drain(&mut session).as_slice() {
                [] => {}
                [Output::Send(_)] => {
                    pings += 1;
                    session.handle_text(r#"{"type":"pong"}"#, now + Duration::from_millis(30));
                }
                [Output::Close(cause)] => break (now, *cause),
                other => panic!("{other:?}"),
            }
        };

        assert_eq!(cause, CloseCause::TokenExpired);
        assert_eq!(ended_at - start, Duration::from_secs(300 + 25));
        assert_eq!(pings, 12);
        assert_eq!(session.deadline(), None);
    }

    #[test]
    fn a_client_that_falls_silent_is_swept() {
        let (mut session, start) = started(config());
        session.handle_text(r#"{"type":"pong"}"#, start + Duration::from_secs(1));

        let (now, close) = loop {
            let now = session.deadline().unwrap();
            session.handle_elapsed(now);
            if let Some(close) = drain(&mut session).into_iter().find(is_close) {
                break (now, close);
            }
        };

        // The sweep at 120 s finds a silence of 119 s.
        assert_eq!(now - start, Duration::from_secs(150));
        assert_eq!(close, Output::Close(CloseCause::Stale));
    }

    #[test]
    fn a_late_timer_makes_one_ping() {
        let (mut session, start) = started(config());
        let late = start + Duration::from_secs(110);

        session.handle_elapsed(late);

        assert_eq!(drain(&mut session), [sent(r#"{"type":"ping"}"#)]);
        assert!(session.deadline().unwrap() > late);
    }

    #[test]
    fn a_ping_is_answered_at_once_and_is_a_sign_of_life() {
        let (mut session, start) = started(config());
        let end = until_closed(&mut session, |session, now| {
            if now < start + Duration::from_secs(100) {
                session.handle_text(r#"{"type":"ping"}"#, now);
                assert_eq!(drain(session), [sent(r#"{"type":"pong"}"#)]);
            }
        });

        // The last ping was at 90 s; the sweep at 210 s finds a silence of 120 s.
        assert_eq!(end, (CloseCause::Stale, start + Duration::from_secs(210)));
    }

    #[test]
    fn a_new_token_is_to_be_the_same_users() {
        let (mut session, now) = started(config());

        session.handle_text(REFRESH, now);

        let validate = Output::Validate { id: ID, token: Token::new("new"), user: "ada".into() };
        assert_eq!(drain(&mut session), [validate]);
    }

    #[test]
    fn a_new_token_keeps_the_connection_for_its_life_and_the_grace() {
        // Before the old token runs out, and at the last moment of the grace after it.
        for refreshed_at in [Duration::from_secs(240), Duration::from_millis(324_999)] {
            let (mut session, start) = started(config());
            let refreshed_at = start + refreshed_at;
            answer_pings_until(&mut session, refreshed_at);

            session.handle_validated(ID, Ok(granted(Duration::from_secs(200))), refreshed_at);

            let refreshed = r#"{"type":"refreshed","id":7,"tokenExpiresInMs":200000}"#;
            assert_eq!(drain(&mut session), [sent(refreshed)]);
            let expected = refreshed_at + Duration::from_secs(200 + 25);
            assert_eq!(until_closed(&mut session, pong), (CloseCause::TokenExpired, expected));
        }
    }

    #[test]
    fn the_old_token_counts_on_where_the_new_one_is_not_taken() {
        for error in [TokenError::Expired, TokenError::OtherUser, TokenError::Shape] {
            let (mut session, start) = started(config());
            let refused_at = start + Duration::from_secs(240);
            answer_pings_until(&mut session, refused_at);

            session.handle_validated(ID, Err(error), refused_at);

            let refused =
                format!(r#"{{"type":"error","id":7,"code":"unauthorized","message":"{error}"}}"#);
            assert_eq!(drain(&mut session), [sent(&refused)]);
            let expected = start + Duration::from_secs(300 + 25);
            assert_eq!(until_closed(&mut session, pong), (CloseCause::TokenExpired, expected));
        }
    }

    #[test]
    fn groups_are_the_hubs_affair() {
        let (mut session, now) = started(config());
        let (key, id) = (Key(1), ID);
        let group = Group::new("tea").unwrap();

        session.handle_text(r#"{"type":"join","id":7,"group":"tea"}"#, now);
        session.handle_text(r#"{"type":"leave","id":7,"group":"tea"}"#, now);
        let publish = r#"{"type":"publish","id":7,"group":"tea"}"#;
        session.handle_text(&format!("{publish}\n{{\"a\": 1.0 no JSON"), now);
        session.handle_binary(&Bytes::from(format!("{publish}\nbytes")), now);

        // As it was written: nobody looks into it.
        let head = r#"{"type":"message","group":"tea","from":"ada"}"#;
        let text = Outgoing::Text(format!("{head}\n{{\"a\": 1.0 no JSON").into());
        let binary = Outgoing::Binary(format!("{head}\nbytes").into());
        let expected = [
            Command::Join { key, id, group: group.clone(), by: DecidedBy::Token },
            Command::Leave { key, id, group: group.clone() },
            Command::Publish { key, id, group: group.clone(), frame: text },
            Command::Publish { key, id, group, frame: binary },
        ];
        assert_eq!(drain(&mut session), expected.map(Output::Tell));
    }

    #[test]
    fn clients_that_share_the_connection_speak_each_for_itself() {
        let (mut session, now) = started(Config { max_message: 4, ..config() });

        session.handle_text(r#"{"type":"attach","id":7,"client":"a","as":3}"#, now);
        let attach = Output::Attach { id: ID, slot: Slot(3), client: "a".into() };
        assert_eq!(drain(&mut session), [attach]);
        let epoch = Key(9).epoch(0x5f);
        session.handle_attached(ID, Slot(3), "a".into(), Some((Key(9), epoch)));
        let attached = r#"{"as":3,"type":"attached","id":7,"epoch":"5f.9"}"#;
        assert_eq!(drain(&mut session), [sent(attached)]);
        assert_eq!(session.attached(Slot(3)), Some("a"));

        // It is named in all that the hub is told, and in every answer.
        session.handle_text(r#"{"type":"leave","id":7,"group":"tea","as":3}"#, now);
        let group = Group::new("tea").unwrap();
        let leave = Command::Leave { key: Key(9), id: ID, group };
        assert_eq!(drain(&mut session), [Output::Tell(leave)]);
        session.handle_text("{\"type\":\"message\",\"id\":7,\"as\":3}\n\"abcd\"", now);
        let outputs = drain(&mut session);
        let refused = matches!(outputs[1], Output::Tell(Command::Refuse { key: Key(9), .. }));
        assert!(refused, "{outputs:?}");
        session.handle_text(r#"{"type":"join","id":7,"as":3}"#, now);
        assert!(text(&drain(&mut session)[0]).starts_with(r#"{"as":3,"type":"error","id":7"#));

        session.handle_text(r#"{"type":"detach","id":7,"as":3}"#, now);
        let detach = Output::Tell(Command::Detach { key: Key(9) });
        assert_eq!(drain(&mut session), [detach, sent(r#"{"as":3,"type":"ack","id":7}"#)]);
        session.handle_text(r#"{"type":"leave","id":7,"group":"tea","as":3}"#, now);
        let nobody = r#"{"as":3,"type":"error","id":7,"code":"refused","message":"nobody is attached as 3"}"#;
        assert_eq!(drain(&mut session), [sent(nobody)]);
        // Under another number it is not there under the first any more.
        for slot in [Slot(3), Slot(4)] {
            let epoch = Key(9).epoch(0x5f);
            session.handle_attached(ID, slot, "a".into(), Some((Key(9), epoch)));
        }
        drain(&mut session);
        assert_eq!([3, 4].map(|slot| session.attached(Slot(slot))), [None, Some("a")]);
        // It was replaced meanwhile, and is being closed.
        session.handle_attached(ID, Slot(3), "a".into(), None);
        assert_eq!(drain(&mut session), []);
    }

    #[test]
    fn no_more_tabs_share_a_connection_than_the_operator_allows() {
        for (max_tabs, welcomes) in [(2, r#""tabs":2}"#), (0, r#""epoch":"e"}"#)] {
            let config = Arc::new(Config { max_tabs, ..config() });
            let (identity, now) = (granted(config.token_life), Instant::now());
            let (epoch, refused) = (Some(Epoch("e".into())), Messages::Refused);
            let mut session =
                Session::new(Key(1), identity, epoch, refused, DecidedBy::Token, config, now);
            let welcome = text(&drain(&mut session)[0]).to_owned();
            assert!(welcome.ends_with(welcomes), "{welcome}");

            session.handle_text(r#"{"type":"attach","id":7,"client":"a","as":3}"#, now);

            let said = text(&drain(&mut session)[0]).to_owned();
            assert!(
                said.starts_with(r#"{"as":3,"type":"error","id":7,"code":"refused""#),
                "{said}"
            );
        }
    }

    #[test]
    fn messages_to_the_server_come_back_where_it_echoes() {
        let (mut session, now) = started(Config { echo: true, ..config() });

        session.handle_text(&message("[1, 2]"), now);
        session.handle_text("{\"type\":\"message\",\"id\":7,\"format\":\"text\"}\n[1, 2]", now);
        session.handle_binary(&binary(b"\xff\x00"), now);

        let json = Outgoing::Text("{\"type\":\"message\"}\n[1, 2]".into());
        let text = Outgoing::Text("{\"type\":\"message\",\"format\":\"text\"}\n[1, 2]".into());
        let binary = Outgoing::Binary(Bytes::from_static(b"{\"type\":\"message\"}\n\xff\x00"));
        let message = |echo| Output::Tell(Command::Message { key: Key(1), id: ID, echo });
        assert_eq!(drain(&mut session), [json, text, binary].map(message));
    }

    #[test]
    fn messages_to_the_server_are_refused_where_it_does_not_echo() {
        let (mut session, now) = started(config());

        session.handle_text(&message("\"hello\""), now);
        session.handle_binary(&binary(b"hello"), now);

        let outputs = drain(&mut session);
        assert_eq!(outputs.len(), 2);
        for output in outputs {
            assert_eq!(refused(&output), Some("no-handler"), "{output:?}");
        }
    }

    #[test]
    fn messages_to_the_server_are_handled_by_the_application_where_there_is_one() {
        let (mut session, now) = started_with(config(), Messages::Handled);

        session.handle_text(&message(r#"{"a":1}"#), now);
        session.handle_text("{\"type\":\"message\",\"id\":7,\"format\":\"text\"}\nhello", now);
        session.handle_binary(&binary(b"hello"), now);

        let json = Payload::json(&serde_json::json!({"a": 1})).unwrap();
        let text = Payload::Text("hello".into());
        let binary = Payload::Binary(Bytes::from_static(b"hello"));
        let handled =
            [json, text, binary].map(|payload| Output::Handle { speaker: OWN, id: ID, payload });
        assert_eq!(drain(&mut session), handled);
    }

    #[test]
    fn a_payload_above_the_limit_is_refused_and_the_connection_stays() {
        let (mut session, now) = started(Config { echo: true, max_message: 4, ..config() });

        session.handle_text(&message("\"abc\""), now);
        session.handle_text("{\"type\":\"publish\",\"id\":7,\"group\":\"tea\"}\n\"abc\"", now);
        session.handle_binary(&binary(b"abcde"), now);
        let outputs = drain(&mut session);
        assert_eq!(outputs.len(), 6);
        for pair in outputs.chunks(2) {
            assert_eq!(pair[0], Output::LimitReached(Limit::Message));
            assert_eq!(refused(&pair[1]), Some("too-large"), "{pair:?}");
        }

        session.handle_text(&message("\"ab\""), now);
        session.handle_binary(&binary(b"abcd"), now);
        let outputs = drain(&mut session);
        assert_eq!(outputs.len(), 2);
        for output in outputs {
            let taken =
                matches!(output, Output::Tell(Command::Message { key: Key(1), id: ID, .. }));
            assert!(taken, "{output:?}");
        }
    }

    #[test]
    fn bad_frames_are_answered_and_the_tenth_ends_the_connection() {
        let (mut session, now) = started(config());
        for _ in 0..5 {
            session.handle_text(r#"{"type":"dance","id":7}"#, now);
            let outputs = drain(&mut session);
            assert!(text(&outputs[0]).contains(r#""id":7,"code":"invalid-message""#));
            assert_eq!(outputs.len(), 1);
        }
        for _ in 0..4 {
            session.handle_binary(&Bytes::new(), now);
            assert_eq!(drain(&mut session).len(), 1);
        }

        session.handle_text("", now);

        let outputs = drain(&mut session);
        assert_eq!(outputs[1], Output::Close(CloseCause::TooManyInvalidFrames));
        assert_eq!(outputs.len(), 2);
    }

    #[test]
    fn who_has_no_right_is_refused_before_anybody_hears_of_it() {
        let (mut session, now) = started(config());
        let rights = Rights::new(vec![Pattern::new("tea").unwrap()], Vec::new());
        let identity = Identity { rights, ..granted(Duration::from_secs(300)) };
        session.handle_validated(MessageId(1), Ok(identity), now);
        let restricted = drain(&mut session);
        assert!(matches!(
            restricted[..],
            [Output::Send(_), Output::Tell(Command::Restrict { .. })]
        ));

        session.handle_text(r#"{"type":"join","id":7,"group":"vault"}"#, now);
        let answer = r#"{"type":"error","id":7,"code":"refused","message":"this user may not join \"vault\""}"#;
        assert_eq!(drain(&mut session), [Output::LimitReached(Limit::Rights), sent(answer)]);

        session.handle_text("{\"type\":\"publish\",\"id\":7,\"group\":\"tea\"}\n1", now);
        let message = "this user may not publish to \"tea\"";
        let error = Outgoing::error(Some(ID), FrameErrorCode::Refused, message);
        let refuse = Output::Tell(Command::Refuse { key: Key(1), id: ID, error });
        assert_eq!(drain(&mut session), [Output::LimitReached(Limit::Rights), refuse]);

        session.handle_text(r#"{"type":"join","id":7,"group":"tea"}"#, now);
        let group = Group::new("tea").unwrap();
        let join = Command::Join { key: Key(1), id: ID, group, by: DecidedBy::Token };
        assert_eq!(drain(&mut session), [Output::Tell(join)]);
    }

    #[test]
    fn the_same_rights_again_end_nothing_and_open_groups_need_none() {
        let open_groups = [Pattern::new("t*").unwrap()].into();
        let (mut session, now) = started(Config { open_groups, ..config() });
        session.handle_validated(ID, Ok(granted(Duration::from_secs(300))), now);
        assert_eq!(drain(&mut session).len(), 1);

        let none = Identity { rights: Rights::default(), ..granted(Duration::from_secs(300)) };
        session.handle_validated(ID, Ok(none), now);
        drain(&mut session);
        session.handle_text(r#"{"type":"join","id":7,"group":"tea"}"#, now);
        assert!(matches!(drain(&mut session)[..], [Output::Tell(Command::Join { .. })]));
        session.handle_text(r#"{"type":"join","id":7,"group":"vault"}"#, now);
        assert!(matches!(drain(&mut session)[..], [Output::LimitReached(Limit::Rights), _]));
    }

    #[test]
    fn what_the_application_decides_counts_before_the_token() {
        let (mut session, now) = started(config());
        session.decided_by = DecidedBy::Application;
        let vault = || Group::new("vault").unwrap();
        let ask = |session: &mut Session| {
            session.handle_text(r#"{"type":"join","id":7,"group":"vault"}"#, now);
            let asked = Output::Decide { speaker: OWN, id: ID, group: vault(), wish: Wish::Join };
            assert_eq!(drain(session), [asked]);
        };
        let rights = || Rights::new(vec![Pattern::new("vault").unwrap()], Vec::new());
        let some = || Identity { rights: rights(), ..granted(Duration::from_secs(300)) };
        let none = || Identity { rights: Rights::default(), ..granted(Duration::from_secs(300)) };
        session.handle_validated(ID, Ok(some()), now);
        drain(&mut session);
        ask(&mut session);
        session.handle_decided(OWN, ID, vault(), Wish::Join, Decision::Refuse);
        assert!(matches!(drain(&mut session)[..], [Output::LimitReached(Limit::Rights), _]));
        session.handle_validated(ID, Ok(none()), now);
        drain(&mut session);

        for decision in [Decision::ByToken, Decision::Refuse] {
            ask(&mut session);
            session.handle_decided(OWN, ID, vault(), Wish::Join, decision);
            assert!(matches!(drain(&mut session)[..], [Output::LimitReached(Limit::Rights), _]));
        }
        ask(&mut session);
        session.handle_decided(OWN, ID, vault(), Wish::Join, Decision::Allow);
        let by = DecidedBy::Application;
        let join = Command::Join { key: Key(1), id: ID, group: vault(), by };
        assert_eq!(drain(&mut session), [Output::Tell(join)]);

        // What the application has allowed once does not count for the token later.
        ask(&mut session);
        session.handle_decided(OWN, ID, vault(), Wish::Join, Decision::ByToken);
        assert!(matches!(drain(&mut session)[..], [Output::LimitReached(Limit::Rights), _]));
    }

    #[test]
    fn nothing_comes_after_a_close() {
        let (mut session, start) = started(Config { echo: true, ..config() });
        session.handle_elapsed(start + Duration::from_hours(1));
        assert_eq!(drain(&mut session).len(), 1);

        session.handle_text(&message("1"), start);
        session.handle_binary(&Bytes::new(), start);
        session.handle_text(REFRESH, start);
        session.handle_validated(ID, Ok(granted(Duration::from_hours(9))), start);
        session.handle_elapsed(start + Duration::from_hours(2));

        assert_eq!(drain(&mut session), []);
        assert_eq!(session.deadline(), None);
    }

    /// A message of a client, with this JSON.
    fn message(json: &str) -> String {
        format!("{{\"type\":\"message\",\"id\":7}}\n{json}")
    }

    /// A message of a client, with these bytes.
    fn binary(data: &[u8]) -> Bytes {
        [b"{\"type\":\"message\",\"id\":7}\n", data].concat().into()
    }

    /// What a token says that lives so long and is for all groups.
    fn granted(expires_in: Duration) -> Identity {
        let all = || vec![Pattern::Prefix(String::new())];
        Identity { user: "ada".into(), expires_in, rights: Rights::new(all(), all()) }
    }

    /// Is never asked.
    fn config() -> Config {
        Config::new(Secret::new([1; 32]).unwrap())
    }

    fn started(config: Config) -> (Session, Instant) {
        let messages = if config.echo { Messages::Echoed } else { Messages::Refused };
        started_with(config, messages)
    }

    fn started_with(config: Config, messages: Messages) -> (Session, Instant) {
        let now = Instant::now();
        let identity = granted(config.token_life);
        let mut session =
            Session::new(Key(1), identity, None, messages, DecidedBy::Token, Arc::new(config), now);
        assert_eq!(drain(&mut session).len(), 1);
        (session, now)
    }

    /// Walks from deadline to deadline up to the close; `and` is what the client does at each.
    fn until_closed(
        session: &mut Session,
        mut and: impl FnMut(&mut Session, Instant),
    ) -> (CloseCause, Instant) {
        loop {
            let now = session.deadline().unwrap();
            session.handle_elapsed(now);
            for output in drain(session) {
                if let Output::Close(cause) = output {
                    return (cause, now);
                }
            }
            and(session, now);
        }
    }

    fn answer_pings_until(session: &mut Session, end: Instant) {
        while let Some(now) = session.deadline().filter(|deadline| *deadline <= end) {
            session.handle_elapsed(now);
            assert!(!drain(session).iter().any(is_close));
            pong(session, now);
        }
    }

    fn pong(session: &mut Session, now: Instant) {
        session.handle_text(r#"{"type":"pong"}"#, now);
    }

    fn drain(session: &mut Session) -> Vec<Output> {
        std::iter::from_fn(|| session.poll()).collect()
    }

    fn sent(text: &str) -> Output {
        Output::Send(Outgoing::Text(text.into()))
    }

    fn is_close(output: &Output) -> bool {
        matches!(output, Output::Close(_))
    }

    /// Returns the code with which the hub is to refuse what had [`ID`].
    fn refused(output: &Output) -> Option<&str> {
        let Output::Tell(Command::Refuse { key: Key(1), id: ID, error: Outgoing::Text(error) }) =
            output
        else {
            return None;
        };
        error.strip_prefix(r#"{"type":"error","id":7,"code":""#)?.split('"').next()
    }

    fn text(output: &Output) -> &str {
        match output {
            Output::Send(Outgoing::Text(text)) => text,
            Output::Send(Outgoing::Accepted { .. } | Outgoing::Binary(_))
            | Output::Attach { .. }
            | Output::Close(_)
            | Output::Decide { .. }
            | Output::Handle { .. }
            | Output::LimitReached(_)
            | Output::Tell(_)
            | Output::Validate { .. } => "",
        }
    }
}
