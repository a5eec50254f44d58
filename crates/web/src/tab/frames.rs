//! What tabs say to each other, as it goes over their channel: a kind, numbers, a text and a frame as it is.
//! Any page of the origin may post there, so what comes is checked like what comes from the network.

use onesocket_core::protocol::{ClientFrame, Epoch, Group, MessageId, is_client_name};
use onesocket_core::{
    Applicant, Change, Error, ErrorCode, Frame, LinkStatus, News, PortId, Said, Sentence, Span,
    TabFrame, TabId, Term, Terms, Text, Up,
};
use wasm_bindgen::prelude::*;

use crate::codec::{self, Head};

/// How deep a sentence may stand in others.
const MAX_DEPTH: usize = 4;

#[wasm_bindgen(module = "/src/tab.js")]
extern "C" {
    fn numbered(frame: &JsValue, id: f64) -> JsValue;

    #[wasm_bindgen(js_name = headOf)]
    fn head_of(frame: &JsValue) -> Head;
}

/// A frame of the wire that passes through a tab: a text, or bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed(pub(crate) JsValue);

impl Frame for Passed {
    fn request(&self) -> Option<(MessageId, Change)> {
        let head = head_of(&self.0);
        let id = MessageId(head.id()? as u64);
        let change = match head.kind().as_str() {
            "join" => Change::Join(Group::new(head.group()?).ok()?),
            "leave" => Change::Leave(Group::new(head.group()?).ok()?),
            _ => Change::None,
        };
        Some((id, change))
    }

    fn numbered(&self, id: MessageId) -> Self {
        Self(numbered(&self.0, id.0 as f64))
    }

    fn join(id: MessageId, group: Group) -> Self {
        Self(codec::encode(&ClientFrame::Join { id, group }))
    }

    fn leave(id: MessageId, group: Group) -> Self {
        Self(codec::encode(&ClientFrame::Leave { id, group }))
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
pub(crate) fn encode(frame: &TabFrame<Passed>) -> Parts {
    let mut to = Parts::default();
    match frame {
        TabFrame::Hello => {}
        TabFrame::Lead { term, next, link } => {
            to.begin(1, *term, *next);
            to.text.push_str(link);
        }
        TabFrame::Bye { term } => to.begin(2, *term, 0),
        TabFrame::Ask { term } => to.begin(3, *term, 0),
        TabFrame::Seen { shown } => to.begin(4, Term::default(), u64::from(*shown)),
        TabFrame::Open { term, port, member } => {
            to.begin(5, *term, u64::from(*port));
            to.number(u64::from(member.shown));
            to.text(&member.client);
            to.text(&member.user);
        }
        TabFrame::Up { term, port, place, frame } => {
            to.begin(6, *term, u64::from(*port));
            to.number(*place);
            if let Up::Frame(Passed(frame)) = frame {
                to.frame.clone_from(frame);
            }
        }
        TabFrame::Shut { term, port } => to.begin(7, *term, u64::from(*port)),
        TabFrame::Urge { term } => to.begin(14, *term, 0),
        TabFrame::Refresh { term, call } => to.begin(16, *term, u64::from(*call)),
        TabFrame::News { term, place, news } => {
            to.begin(8, *term, *place);
            to.news(news);
        }
    }
    to
}

/// Makes a frame of its parts; `None` of what is none. What is missing is nothing: any page could post that.
pub(crate) fn decode(
    kind: u8,
    numbers: &[f64],
    text: &str,
    frame: &JsValue,
) -> Option<TabFrame<Passed>> {
    let mut from = Reader { numbers: numbers.iter(), text };
    let term = Term { number: from.number(), leader: TabId(from.number()) };
    let number = from.number();
    let port = number as u32;
    Some(match kind {
        0 => TabFrame::Hello,
        1 if is_client_name(text) => TabFrame::Lead { term, next: number, link: text.to_owned() },
        2 => TabFrame::Bye { term },
        3 => TabFrame::Ask { term },
        4 => TabFrame::Seen { shown: number != 0 },
        5 => {
            let shown = from.number() != 0;
            let member = Applicant { client: from.text(), user: from.text(), shown };
            return is_client_name(&member.client).then_some(TabFrame::Open { term, port, member });
        }
        6 => {
            let place = from.number();
            let is_ping = frame.is_undefined();
            let frame = if is_ping { Up::Ping } else { Up::Frame(Passed(frame.clone())) };
            TabFrame::Up { term, port, place, frame }
        }
        7 => TabFrame::Shut { term, port },
        14 => TabFrame::Urge { term },
        16 => TabFrame::Refresh { term, call: port },
        _ => TabFrame::News { term, place: number, news: from.news(kind, frame)? },
    })
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

    /// Writes a text behind those before it, and how long it is.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.text.push_str(text);
    }

    fn news(&mut self, news: &News<Passed>) {
        match news {
            News::Here => {}
            News::Opened { to, terms, epoch } => {
                self.kind = 9;
                self.port(*to);
                self.number(terms.max_message_bytes as u64);
                self.number(terms.tabs.unwrap_or_default().into());
                self.text(&terms.user);
                self.text(&terms.connection_id);
                self.text(epoch.as_ref().map_or("", |epoch| &epoch.0));
            }
            News::Pong { to } => {
                self.kind = 10;
                self.port(*to);
            }
            News::Frame { to, frame } => {
                self.kind = 11;
                for port in to {
                    self.port(*port);
                }
                self.frame.clone_from(&frame.0);
            }
            News::Closed { to } => {
                self.kind = 12;
                self.port(*to);
            }
            News::Failed { to, error } => {
                self.kind = 13;
                self.any_port(*to);
                self.error(error);
            }
            News::Lost { reason } => {
                self.kind = 17;
                if let Some(reason) = reason {
                    self.sentence(reason);
                }
            }
            News::Refreshed { to, error } => {
                self.kind = 18;
                self.port(*to);
                if let Some(error) = error {
                    self.error(error);
                }
            }
            News::TokenRefreshed { life } => {
                self.kind = 19;
                self.span(*life);
            }
            News::Status { to, link } => {
                self.kind = 15;
                self.any_port(*to);
                self.number(u64::from(link.attempt));
                self.span(link.retry_in);
                self.span(link.token_expires_in);
            }
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

    /// Writes a port, where the first of none stands for all.
    fn any_port(&mut self, port: Option<PortId>) {
        self.port(port.unwrap_or_default());
    }

    fn error(&mut self, error: &Error) {
        let code = ErrorCode::ALL.iter().position(|code| *code == error.code);
        self.number(code.unwrap_or_default() as u64);
        self.sentence(&error.message);
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

struct Reader<'a> {
    numbers: std::slice::Iter<'a, f64>,
    /// What has not been read.
    text: &'a str,
}

impl Reader<'_> {
    fn number(&mut self) -> u64 {
        // What is no whole number was posted by nobody of ours, and becomes one.
        self.numbers.next().map_or(0, |number| *number as u64)
    }

    fn text(&mut self) -> String {
        let size = self.number() as usize;
        let (its, rest) = self.text.split_at_checked(size).unwrap_or_default();
        self.text = rest;
        its.to_owned()
    }

    fn port(&mut self) -> PortId {
        PortId { tab: TabId(self.number()), number: self.number() as u32 }
    }

    fn any_port(&mut self) -> Option<PortId> {
        Some(self.port()).filter(|port| *port != PortId::default())
    }

    fn span(&mut self) -> Option<Span> {
        self.number().checked_sub(1).map(|ms| Span::from_ms(ms as f64))
    }

    fn news(&mut self, kind: u8, frame: &JsValue) -> Option<News<Passed>> {
        Some(match kind {
            8 => News::Here,
            9 => {
                let to = self.port();
                let max_message_bytes = self.number() as usize;
                let tabs = Some(self.number() as u16).filter(|tabs| *tabs > 0);
                let (user, connection_id) = (self.text(), self.text());
                let epoch = Some(self.text()).filter(|epoch| !epoch.is_empty()).map(Epoch);
                let terms = Terms { user, connection_id, max_message_bytes, tabs };
                News::Opened { to, terms, epoch }
            }
            10 => News::Pong { to: self.port() },
            11 => {
                let mut to = Vec::new();
                while self.numbers.len() > 0 {
                    to.push(self.port());
                }
                News::Frame { to, frame: Passed(frame.clone()) }
            }
            12 => News::Closed { to: self.port() },
            13 => {
                let to = self.any_port();
                News::Failed { to, error: self.error()? }
            }
            15 => {
                let (to, attempt) = (self.any_port(), self.number() as u32);
                let (retry_in, token_expires_in) = (self.span(), self.span());
                News::Status { to, link: LinkStatus { attempt, retry_in, token_expires_in } }
            }
            17 => News::Lost { reason: self.sentence(MAX_DEPTH) },
            18 => {
                let to = self.port();
                let is_error = self.numbers.len() > 0;
                News::Refreshed { to, error: if is_error { Some(self.error()?) } else { None } }
            }
            19 => News::TokenRefreshed { life: self.span() },
            _ => return None,
        })
    }

    fn error(&mut self) -> Option<Error> {
        let code = *ErrorCode::ALL.get(self.number() as usize)?;
        Some(Error::new(code, self.sentence(MAX_DEPTH)?))
    }

    fn sentence(&mut self, depth: usize) -> Option<Text> {
        let sentence = Sentence::numbered(*self.numbers.next()? as u32)?;
        let numbers = [self.number(), self.number(), self.number()];
        let said = if self.numbers.len() == 0 {
            Said::words(self.text.to_owned())
        } else {
            Said::Text(self.sentence(depth.checked_sub(1)?)?)
        };
        Some(Text::with(sentence, numbers, said))
    }
}
