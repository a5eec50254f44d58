//! What is said to people: a sentence of one table, and what stands in it.
//!
//! The machine writes no texts. It names a sentence and hands over what belongs into it; whoever
//! shows it writes it out: [`Text`]'s `Display` for Rust, `js/texts.ts` for JavaScript, which has the
//! table from here.

use std::fmt;
use std::sync::Arc;

/// Makes [`Sentence`] from the rows of one table: a name, and the words.
macro_rules! sentences {
    ($($name:ident, $words:literal;)*) => {
        /// A sentence for people. In its words `{0}`, `{1}` and `{2}` stand for numbers, `{said}` for
        /// what somebody else has said, and `{quoted}` for the same behind a space and in quotes; for
        /// nothing, if nothing was said.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Sentence {
            $(
                #[doc = $words]
                $name,
            )*
        }

        impl Sentence {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the words, with places for what stands in them.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }

            /// Returns the sentence of a number.
            pub fn numbered(number: u32) -> Option<Self> {
                Self::ALL.get(number as usize).copied()
            }

            /// Returns the number by which JavaScript knows it.
            pub const fn number(self) -> u32 {
                self as u32
            }
        }
    };
}

sentences! {
    Said, "{said}";

    Aborted, "The AbortSignal of this connect() fired.";
    Closed, "close() was called. Call connect() to connect again.";
    Released, "Nobody wanted the connection any more, so it was closed.";
    NotOpen, "The connection is closed, so nothing can be sent. Call connect() first.";
    Unconfirmed, "The connection was lost before the server answered; it may have arrived or not.";
    ReconnectingIsOff, "The connection failed and reconnecting is off; {said}. Call connect().";
    GaveUp, "Gave up after {0} attempts to reconnect; {said}. Check that the server is up and the url is right, then call connect().";
    NoSession, "getToken says that there is no session. Sign in, then call connect().";
    AnotherUser, "Another user is signed in: the groups of the one before were left, their messages are undelivered. Call close() at a sign-out.";
    SecondWelcome, "The server sent a second welcome out of turn; it was ignored. See PROTOCOL.md.";
    AnswerOutOfTurn, "The server sent an answer out of turn; it was ignored. See PROTOCOL.md.";
    MessageOutOfTurn, "The server sent a message out of turn; it was ignored. See PROTOCOL.md.";
    TokenAnswerOutOfTurn, "The server sent an answer to a token out of turn; it was ignored. See PROTOCOL.md.";
    AnotherUsersTabs, "The tabs that share this connection are another user's. Make a client whose option share is this user's.";
    NoGroups, "A plain wire has no groups. Use send(), or a server that speaks onesocket.v1.";
    NoRefreshMessage, "This wire has no refresh message, so the token is refreshed at the next reconnect. Give the wire a refresh().";
    NothingToRefresh, "There is no connection whose token could be refreshed; every attempt fetches one anyway.";
    NoGetToken, "There is no getToken, so there is no token to refresh.";
    LeftBeforeJoined, "leave() was called before the group was joined.";
    QueueFull, "The queue is full ({0} messages or {1} bytes wait to be sent or answered). Send less, or raise the option queue.";
    TooLarge, "A message of {0} bytes; the server takes {1}. Send smaller ones.";
    TokenWanted, "The server wants a token{quoted}, and there is no getToken. Give one, then call connect().";
    TokenRefused, "The server refused the token{quoted}. Sign in, then call connect().";
    Replaced, "The same user has connected elsewhere. Call connect() to take over; do so only when a person asks for it.";
    Moved, "The same client has connected again over another connection. Call connect() to take over.";
    FrameTooLarge, "A message was larger than the server takes{quoted}. Send smaller ones.";
    ClosedForGood, "The server closed the connection for good: code {0}{quoted}.";
    ServerAnswered, "The server answered: {said}";

    SocketClosed, "the socket closed with code {0}{quoted}";
    NotMade, "the socket closed with code {0} before it opened: the server is away, refuses the token or the origin of this page, or is one of your own, which needs the option wire";
    PlainNotMade, "the socket closed with code {0} before it opened: the server is away, or refuses the token or the origin of this page";
    NotOpened, "the socket did not open within {0} ms";
    NoWelcome, "no welcome came within {0} ms; a server of your own needs the option wire";
    NotReady, "wire.ready() took no message within {0} ms for the one that says so";
    FellSilent, "the server has fallen silent";
    ServerIsClosing, "the server is closing the connection";
    TryingFreshToken, "the token was refused; trying a fresh one";
    AskLater, "getToken says to ask again in {0} ms";
    NoToken, "getToken did not answer within {0} ms";
    NewTokenNotAnswered, "The server did not answer the new token.";

    CannotOpen, "The browser will not connect to {said}. Check the url; a page that came over https: can only use wss:.";
    WrongSubprotocol, "The server does not speak onesocket.v1: it chose no subprotocol. A server of your own needs the option wire.";
    Forbidden, "The Content-Security-Policy forbids {said}. Allow it in connect-src.";
    NotJson, "The server sent a text that is no JSON.";
    NotAnObject, "The server sent JSON that is no object.";
    NoType, "The server sent a frame without a type.";
    UnknownType, "The server sent a frame of an unknown type{quoted}.";
    StrangeType, "The server sent a frame whose type is none of ours.";
    FieldMissing, "The server sent a frame of type{quoted} that lacks a field.";
    PayloadMissing, "The server sent a message without a payload.";
    PayloadNotJson, "The server sent a message whose payload is no JSON.";
    StrangeFormat, "The server sent a message of a format that is none of ours.";
    NoSuchRequest, "There is no such request{quoted}.";

    LogAlreadyInProgress, "🔌 Connection already in progress";
    LogCleaningUp, "🔌 Cleaning up existing WebSocket before new connection";
    LogClosed, "🔌 WebSocket connection closed: {said}";
    LogConnectCalled, "🔌 WebSocket connect called";
    LogConnected, "🔌 WebSocket connected";
    LogError, "🔌 WebSocket error: {said}";
    LogFailed, "🔌 WebSocket connection failed: {said}";
    LogLost, "🔌 No WebSocket connection: {said}";
    LogReconnecting, "🔌 Reconnecting (attempt {0} of {1}) in {2} ms";
    LogReconnectingForever, "🔌 Reconnecting (attempt {0}) in {2} ms";
    LogReusing, "🔌 Reusing existing WebSocket connection";
    LogSchedulingRefresh, "🔌 Scheduling WebSocket token refresh in {0} ms";

    // Only Rust says these, and they stand last: JavaScript has not their words.
    NotExpressible, "JSON cannot express this message: it is undefined, a function, a BigInt, or refers to itself.";
}

/// A sentence and what stands in it. `Display` writes it out. It is shared and not copied: an error goes
/// to many.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Text(Arc<Content>);

#[derive(Debug, Eq, Hash, PartialEq)]
struct Content {
    sentence: Sentence,
    numbers: [u64; 3],
    said: Said,
}

/// What somebody else has said, in a [`Text`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Said {
    /// Nothing.
    Nothing,
    /// These words: a server's, or the application's.
    Words(String),
    /// What another sentence says: the cause of what this one tells.
    Text(Text),
}

impl Text {
    /// Takes a sentence in which nothing stands.
    pub fn new(sentence: Sentence) -> Self {
        Self::with(sentence, [0; 3], Said::Nothing)
    }

    /// Takes a sentence in which a number stands.
    pub fn with_number(sentence: Sentence, number: u64) -> Self {
        Self::with(sentence, [number, 0, 0], Said::Nothing)
    }

    /// Takes a sentence in which somebody's words stand.
    pub fn with_words(sentence: Sentence, words: impl Into<String>) -> Self {
        Self::with(sentence, [0; 3], Said::words(words))
    }

    /// Takes a sentence that tells what another says.
    pub(crate) fn with_cause(sentence: Sentence, cause: Self) -> Self {
        Self::with(sentence, [0; 3], Said::Text(cause))
    }

    /// Makes a text of a sentence and all that stands in it.
    pub fn with(sentence: Sentence, numbers: [u64; 3], said: Said) -> Self {
        Self(Arc::new(Content { sentence, numbers, said }))
    }

    /// Returns the sentence.
    pub fn sentence(&self) -> Sentence {
        self.0.sentence
    }

    /// Returns its numbers.
    pub fn numbers(&self) -> [u64; 3] {
        self.0.numbers
    }

    /// Returns what somebody else has said.
    pub fn said(&self) -> &Said {
        &self.0.said
    }
}

impl Said {
    /// Takes words; nothing, if there are none.
    pub fn words(words: impl Into<String>) -> Self {
        let words = words.into();
        if words.is_empty() { Self::Nothing } else { Self::Words(words) }
    }
}

/// Somebody else's words as they are.
impl<T: Into<String>> From<T> for Text {
    fn from(words: T) -> Self {
        Self::with_words(Sentence::Said, words)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Content { sentence, numbers, said } = &*self.0;
        let mut rest = sentence.words();
        while let Some((words, place)) = rest.split_once('{') {
            f.write_str(words)?;
            let (place, behind) = place.split_once('}').unwrap_or((place, ""));
            match (place, said) {
                ("quoted", Said::Nothing) => {}
                ("quoted", said) => write!(f, " \"{said}\"")?,
                ("said", said) => write!(f, "{said}")?,
                (number, _) => {
                    let at = number.parse().unwrap_or(usize::MAX);
                    write!(f, "{}", numbers.get(at).copied().unwrap_or_default())?;
                }
            }
            rest = behind;
        }
        f.write_str(rest)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Words(words) => f.write_str(words),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_was_said_stand_in_their_places() {
        let cause = Text::with(Sentence::SocketClosed, [1006, 0, 0], Said::words("bye"));
        let text = Text::with(Sentence::GaveUp, [5, 0, 0], Said::Text(cause));

        assert_eq!((text.sentence(), text.numbers()), (Sentence::GaveUp, [5, 0, 0]));
        assert!(matches!(text.said(), Said::Text(said) if said.numbers() == [1006, 0, 0]));
        assert_eq!(
            text.to_string(),
            "Gave up after 5 attempts to reconnect; the socket closed with code 1006 \"bye\". Check \
             that the server is up and the url is right, then call connect()."
        );
        let text = Text::with(Sentence::LogReconnecting, [1, 2, 300], Said::Nothing);
        assert_eq!(text.to_string(), "🔌 Reconnecting (attempt 1 of 2) in 300 ms");
    }

    #[test]
    fn nothing_is_quoted_where_nothing_was_said() {
        let text = Text::with_words(Sentence::TokenRefused, "");

        assert_eq!(text.to_string(), "The server refused the token. Sign in, then call connect().");
        assert_eq!(Text::from("as it is {0}").to_string(), "as it is {0}");
    }

    #[test]
    fn every_place_is_one_that_can_be_filled() {
        for sentence in Sentence::ALL {
            for place in sentence.words().split('{').skip(1) {
                let (place, _) = place.split_once('}').expect("it ends");
                assert!(["0", "1", "2", "said", "quoted"].contains(&place), "{sentence:?}");
            }
        }
    }
}
