//! The frames as a page has them: texts that pass through tabs, and what of them a connection keeps.

use onesocket_core::protocol::{ClientFrame, Group, MessageId, ServerFrame, ServerMessage};
use onesocket_core::{Change, Frame};
use onesocket_protocol::{Encoded, Payload, Wire, decode_client, decode_server, encode_client};
use serde_json::Value;

/// Requests with greater numbers are the tabs': see `relay.rs` of the core.
const BEFORE_OTHERS: u64 = 1 << 40;

/// A frame that passes through a tab.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Passed(pub(super) String);

/// Which page has sent a message, and as which of what it sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    pub(super) page: usize,
    pub(super) number: usize,
}

/// What a connection has for a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Message {
    Payload {
        data: String,
        group: Option<Group>,
    },
    /// Of a connection that is shared: a frame, and what its head says.
    Arrived(Arrived),
}

/// A frame that a connection has received which is shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Arrived {
    pub(super) kind: String,
    pub(super) slots: Vec<u16>,
    pub(super) id: Option<MessageId>,
    pub(super) group: Option<Group>,
    pub(super) head: Value,
    pub(super) frame: Passed,
}

impl Origin {
    pub(super) fn payload(self) -> String {
        format!("[{},{}]", self.page, self.number)
    }

    pub(super) fn of(payload: &str) -> Option<Self> {
        let (page, number) = serde_json::from_str(payload).ok()?;
        Some(Self { page, number })
    }

    /// Of a frame with a payload.
    pub(super) fn in_frame(frame: &str) -> Option<Self> {
        Self::of(frame.split_once('\n')?.1)
    }
}

impl Message {
    pub(super) fn payload(data: String) -> Self {
        Self::Payload { data, group: None }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        match self {
            Self::Payload { data, .. } => Origin::of(data),
            Self::Arrived(_) => None,
        }
    }
}

impl Frame for Passed {
    fn request(&self) -> Option<(MessageId, Change)> {
        Some(match decode_client(Wire::Text(&self.0)).ok()? {
            ClientFrame::Join { id, group } => (id, Change::Join(group)),
            ClientFrame::Leave { id, group } => (id, Change::Leave(group)),
            ClientFrame::Message { id, .. }
            | ClientFrame::Publish { id, .. }
            | ClientFrame::Refresh { id, .. } => (id, Change::None),
            ClientFrame::Ping | ClientFrame::Pong => return None,
        })
    }

    fn numbered(&self, id: MessageId) -> Self {
        self.with("id", id.0.into())
    }

    fn join(id: MessageId, group: Group) -> Self {
        Self(encode(&ClientFrame::Join { id, group }))
    }

    fn leave(id: MessageId, group: Group) -> Self {
        Self(encode(&ClientFrame::Leave { id, group }))
    }
}

impl Passed {
    /// Returns the frame with this in its head.
    fn with(&self, field: &str, value: Value) -> Self {
        let (head, rest) = parts(&self.0);
        let mut head = head.unwrap_or_default();
        head[field] = value;
        Self(format!("{head}{rest}"))
    }

    /// Says who of the clients of a connection sends it.
    pub(super) fn addressed(&self, slot: u16) -> Self {
        self.with("as", slot.into())
    }
}

fn parts(frame: &str) -> (Option<Value>, &str) {
    let (head, rest) = frame.split_at(frame.find('\n').unwrap_or(frame.len()));
    (serde_json::from_str(head).ok(), rest)
}

/// Writes a frame of a connection.
pub(super) fn encode(frame: &ClientFrame<Message>) -> String {
    let data = match frame {
        ClientFrame::Message { data: Message::Payload { data, .. }, .. }
        | ClientFrame::Publish { data: Message::Payload { data, .. }, .. } => data.as_str(),
        _ => "",
    };
    match encode_client(&frame.clone().map(|_| Payload::Json(data))) {
        Encoded::Text(text) => text,
        Encoded::Binary(_) => unreachable!("a payload is a text"),
    }
}

/// Reads a frame that is for a connection itself.
pub(super) fn read(text: &str) -> Result<ServerFrame<Message>, String> {
    let frame = decode_server(Wire::Text(text)).map_err(|error| error.message)?;
    Ok(frame.map(|ServerMessage { data, group, .. }| {
        let data = match data {
            Payload::Json(text) | Payload::Text(text) => text.to_owned(),
            Payload::Binary(_) => String::new(),
        };
        Message::Payload { data, group }
    }))
}

/// Reads a frame that has come over a connection which is shared, as `readShared` of `codec.js` does: what
/// is about the connection itself, and everything else as it is; the welcome is both.
pub(super) fn read_shared(text: &str) -> Result<Vec<ServerFrame<Message>>, String> {
    let head = parts(text).0.ok_or("no head")?;
    let kind = head["type"].as_str().unwrap_or_default().to_owned();
    let group = head["group"].as_str().and_then(|group| Group::new(group).ok());
    let id = head["id"].as_u64();
    let is_others = kind != "welcome"
        && (!head["as"].is_null()
            || kind == "message"
            || id.is_some_and(|id| id > BEFORE_OTHERS)
            || kind == "error" && group.is_some());
    let mut frames = Vec::new();
    if !is_others {
        frames.push(read(text)?);
    }
    if is_others || kind == "welcome" {
        let slots = match &head["as"] {
            Value::Array(slots) => slots.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let slots = slots.iter().filter_map(Value::as_u64).map(|slot| slot as u16).collect();
        let (id, frame) = (id.map(MessageId), Passed(text.to_owned()));
        let arrived = Arrived { kind, slots, id, group, head, frame };
        frames.push(ServerFrame::Message(Message::Arrived(arrived)));
    }
    Ok(frames)
}
