//! What tabs say to each other, as it goes over their channel: a kind, numbers, a text and a frame as it is.
//! Any page of the origin may post there, so what comes is checked like what comes from the network.

use onesocket_core::protocol::{ClientFrame, Epoch, Group, MessageId, is_client_name};
use onesocket_core::{
    Applicant, Change, Error, ErrorCode, Frame, LinkStatus, News, PortId, Said, Sentence, Span,
    TabFrame, TabId, Term, Terms, Text, Up,
};
use wasm_bindgen::prelude::*;

use crate::codec;

/// How deep a sentence may stand in others.
const MAX_DEPTH: usize = 4;

#[wasm_bindgen(module = "/src/tab.js")]
extern "C" {
    fn numbered(frame: &JsValue, id: f64) -> JsValue;

    #[wasm_bindgen(js_name = headOf)]
    fn head_of(frame: &JsValue) -> Head;
}

#[wasm_bindgen]
extern "C" {
    /// What the head of a frame says of a request: see `tab.js`.
    type Head;

    #[wasm_bindgen(method, getter, js_name = type)]
    fn kind(this: &Head) -> String;

    #[wasm_bindgen(method, getter)]
    fn id(this: &Head) -> Option<f64>;

    #[wasm_bindgen(method, getter)]
    fn group(this: &Head) -> String;
}

/// A frame of the wire that passes through a tab: a text, or bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed(pub(crate) JsValue);

impl Frame for Passed {
    fn request(&self) -> Option<(MessageId, Change)> {
        let head = head_of(&self.0);
        let id = MessageId(head.id()? as u64);
        let change = match head.kind().as_str() {
            "join" => Change::Join(Group::new(head.group()).ok()?),
            "leave" => Change::Leave(Group::new(head.group()).ok()?),
            _ => Change::None,
        };
        Some((id, change))
    }

    fn numbered(&self, id: MessageId) -> Self {
        Self(numbered(&self.0, id.0 as f64))
    }

    fn of_group(id: MessageId, change: &Change) -> Self {
        let frame = match change.clone() {
            Change::None => ClientFrame::Ping,
            Change::Join(group) => ClientFrame::Join { id, group },
            Change::Leave(group) => ClientFrame::Leave { id, group },
        };
        Self(codec::encode(&frame))
    }
}

/// A frame of a tab, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) kind: u8,
    pub(crate) numbers: Vec<f64>,
    pub(crate) text: String,
    pub(crate) frame: JsValue,
}

/// Takes a frame of a tab apart.
pub(crate) fn encode(frame: TabFrame<Passed>) -> Parts {
    let mut to = Parts::default();
    match frame {
        TabFrame::Hello => {}
        TabFrame::Lead { term, next, link } => {
            to.begin(1, term, next);
            to.text = link;
        }
        TabFrame::Bye { term } => to.begin(2, term, 0),
        TabFrame::Ask { term } => to.begin(3, term, 0),
        TabFrame::Seen { shown } => to.begin(4, Term::default(), u64::from(shown)),
        TabFrame::Open { term, port, member } => {
            to.begin(5, term, u64::from(port));
            to.number(u64::from(member.shown));
            to.texts(&[&member.client, &member.user]);
        }
        TabFrame::Up { term, port, place, frame } => {
            to.begin(6, term, u64::from(port));
            to.number(place);
            if let Up::Frame(frame) = frame {
                to.frame = frame.0;
            }
        }
        TabFrame::Shut { term, port } => to.begin(7, term, u64::from(port)),
        TabFrame::Urge { term } => to.begin(14, term, 0),
        TabFrame::News { term, place, news } => match news {
            News::Here => to.begin(8, term, place),
            News::Opened { to: port, terms, epoch } => {
                to.begin(9, term, place);
                to.port(port);
                to.number(terms.max_message_bytes as u64);
                to.number(terms.tabs.unwrap_or_default().into());
                let epoch = epoch.as_ref().map_or("", |epoch| &epoch.0);
                to.texts(&[&terms.user, &terms.connection_id, epoch]);
            }
            News::Pong { to: port } => {
                to.begin(10, term, place);
                to.port(port);
            }
            News::Frame { to: ports, frame } => {
                to.begin(11, term, place);
                for port in ports {
                    to.port(port);
                }
                to.frame = frame.0;
            }
            News::Status { to: port, link } => {
                to.begin(15, term, place);
                to.port(port.unwrap_or_default());
                to.number(u64::from(link.attempt));
                to.span(link.retry_in);
                to.span(link.token_expires_in);
            }
            News::Closed { to: port } => {
                to.begin(12, term, place);
                to.port(port.unwrap_or_default());
            }
            News::Failed { to: port, error } => {
                to.begin(13, term, place);
                to.port(port.unwrap_or_default());
                let code = ErrorCode::ALL.iter().position(|code| *code == error.code);
                to.number(code.unwrap_or_default() as u64);
                to.sentence(&error.message);
            }
        },
    }
    to
}

/// Makes a frame of its parts; `None` of what is none.
pub(crate) fn decode(parts: Parts) -> Option<TabFrame<Passed>> {
    let mut from = Reader { numbers: parts.numbers.into_iter() };
    let Parts { kind, text, frame, .. } = parts;
    if kind == 0 {
        return Some(TabFrame::Hello);
    }
    let term = Term { number: from.number()?, leader: TabId(from.number()?) };
    let number = from.number()?;
    let port = number as u32;
    let is_name = is_client_name(&text);
    let news = match kind {
        1 if is_name => return Some(TabFrame::Lead { term, next: number, link: text }),
        2 => return Some(TabFrame::Bye { term }),
        3 => return Some(TabFrame::Ask { term }),
        4 => return Some(TabFrame::Seen { shown: number != 0 }),
        5 => {
            let shown = from.number()? != 0;
            let [client, user] = from.texts(&text)?;
            let member = Applicant { client, user, shown };
            return is_client_name(&member.client).then_some(TabFrame::Open { term, port, member });
        }
        6 => {
            let place = from.number()?;
            let frame = if frame.is_undefined() { Up::Ping } else { Up::Frame(Passed(frame)) };
            return Some(TabFrame::Up { term, port, place, frame });
        }
        7 => return Some(TabFrame::Shut { term, port }),
        8 => News::Here,
        9 => {
            let to = from.port()?;
            let max_message_bytes = from.number()? as usize;
            let tabs = Some(from.number()? as u16).filter(|tabs| *tabs > 0);
            let [user, connection_id, epoch] = from.texts(&text)?;
            let epoch = (!epoch.is_empty()).then_some(Epoch(epoch));
            let terms = Terms { user, connection_id, max_message_bytes, tabs };
            News::Opened { to, terms, epoch }
        }
        10 => News::Pong { to: from.port()? },
        11 => {
            let mut to = Vec::new();
            while let Some(port) = from.port() {
                to.push(port);
            }
            News::Frame { to, frame: Passed(frame) }
        }
        14 => return Some(TabFrame::Urge { term }),
        15 => {
            let to = from.any_port()?;
            let attempt = from.number()? as u32;
            let (retry_in, token_expires_in) = (from.span()?, from.span()?);
            News::Status { to, link: LinkStatus { attempt, retry_in, token_expires_in } }
        }
        12 => News::Closed { to: from.any_port()? },
        13 => {
            let to = from.any_port()?;
            let code = *ErrorCode::ALL.get(from.number()? as usize)?;
            News::Failed { to, error: Error::new(code, from.sentence(text, MAX_DEPTH)?) }
        }
        _ => return None,
    };
    Some(TabFrame::News { term, place: number, news })
}

impl Parts {
    fn begin(&mut self, kind: u8, term: Term, number: u64) {
        self.kind = kind;
        self.number(term.number);
        self.number(term.leader.0);
        self.number(number);
    }

    fn number(&mut self, number: u64) {
        self.numbers.push(number as f64);
    }

    /// Writes texts one behind the other, and how long each is.
    fn texts(&mut self, texts: &[&str]) {
        for text in texts {
            self.number(text.len() as u64);
            self.text.push_str(text);
        }
    }

    /// Writes a time that may not be there, as one more than its milliseconds.
    fn span(&mut self, span: Option<Span>) {
        self.number(span.map_or(0, |span| span.ms() as u64 + 1));
    }

    fn port(&mut self, port: PortId) {
        self.number(port.tab.0);
        self.number(u64::from(port.number));
    }

    /// Writes a sentence, what stands in it, and so on; the words stand in the innermost.
    fn sentence(&mut self, text: &Text) {
        self.number(u64::from(text.sentence().number()));
        for number in text.numbers() {
            self.number(number);
        }
        match text.said() {
            Said::Nothing => {}
            Said::Words(words) => self.text.clone_from(words),
            Said::Text(text) => self.sentence(text),
        }
    }
}

struct Reader {
    numbers: std::vec::IntoIter<f64>,
}

impl Reader {
    fn number(&mut self) -> Option<u64> {
        // What is no whole number was posted by nobody of ours, and becomes one.
        self.numbers.next().map(|number| number as u64)
    }

    fn texts<const N: usize>(&mut self, mut text: &str) -> Option<[String; N]> {
        let mut texts = [const { String::new() }; N];
        for one in &mut texts {
            let (its, rest) = text.split_at_checked(self.number()? as usize)?;
            (*one, text) = (its.to_owned(), rest);
        }
        Some(texts)
    }

    fn port(&mut self) -> Option<PortId> {
        Some(PortId { tab: TabId(self.number()?), number: self.number()? as u32 })
    }

    fn span(&mut self) -> Option<Option<Span>> {
        let after = self.number()?.checked_sub(1);
        Some(after.map(|ms| Span::from_ms(ms as f64)))
    }

    /// Reads a port, where the first of none stands for all.
    fn any_port(&mut self) -> Option<Option<PortId>> {
        let port = self.port()?;
        Some((port != PortId::default()).then_some(port))
    }

    fn sentence(&mut self, words: String, depth: usize) -> Option<Text> {
        let sentence = Sentence::numbered(self.number()? as u32)?;
        let numbers = [self.number()?, self.number()?, self.number()?];
        let said = if self.numbers.len() == 0 {
            Said::words(words)
        } else {
            Said::Text(self.sentence(words, depth.checked_sub(1)?)?)
        };
        Some(Text::with(sentence, numbers, said))
    }
}
