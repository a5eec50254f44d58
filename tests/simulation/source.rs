//! An application's `getToken`, in its moods.

use std::time::Duration;

use onesocket_core::{Fetch, FetchReason, Input, Span, Token, TokenAnswer};

use crate::page::Task;
use crate::world::{Event, World};

/// What `getToken` is like at the moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Mood {
    #[default]
    Good,
    /// It answers late, and perhaps too late.
    Slow,
    /// It never answers.
    Hangs,
    Fails,
    /// It says when to ask again.
    Busy,
    NoSession,
    /// What it answers is no token.
    Rubbish,
    /// What it answers has run out.
    Dead,
    /// What it answers is about to run out.
    Short,
    /// What it answers for a refresh is somebody else's.
    Foreign,
}

/// An application's `getToken`.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) mood: Mood,
    /// Whether it says how long its tokens live.
    pub(crate) says_life: bool,
    /// The one that is being asked; its signal has not fired.
    pub(crate) asked: Option<Fetch>,
    pub(crate) fetches: u64,
    /// The one whose answer is somebody else's token.
    foreign: Option<Fetch>,
}

impl World {
    /// `getToken` is called.
    pub(crate) fn ask_source(&mut self, client: usize, fetch: Fetch, reason: FetchReason) {
        let mood = self.clients[client].source.mood;
        self.clients[client].source.fetches += 1;
        let life = self.server.config.token_life;
        let user = if mood == Mood::Foreign && reason == FetchReason::Refresh {
            self.clients[client].source.foreign = Some(fetch);
            "somebody else".to_owned()
        } else {
            self.clients[client].user.clone()
        };
        let (ago, delay) = match mood {
            Mood::Slow => (Duration::ZERO, self.random.spread(500, 20_000)),
            Mood::Dead => (life + self.random.ms(10_000, 600_000), self.random.ms(0, 300)),
            Mood::Short => (life.saturating_sub(self.random.ms(0, 5000)), Duration::ZERO),
            _ => (Duration::ZERO, self.random.ms(0, 300)),
        };
        let grant = self.grants.get(&user).cloned().unwrap_or_default();
        let token = self.server.issue(&user, grant, self.now, ago);
        let says_life = self.clients[client].source.says_life;
        let life = says_life.then(|| Span::from(life.saturating_sub(ago)));
        let answer = match mood {
            Mood::Hangs => return self.cover("a getToken that hangs"),
            Mood::Fails => TokenAnswer::Failed("the token endpoint answers 500".into()),
            Mood::Busy => TokenAnswer::Later(self.random.ms(0, 60_000).into()),
            Mood::NoSession => TokenAnswer::NoSession,
            Mood::Rubbish => TokenAnswer::Token(Token::new("no token\r\n"), life),
            Mood::Good | Mood::Slow | Mood::Dead | Mood::Short | Mood::Foreign => {
                TokenAnswer::Token(Token::new(token), life)
            }
        };
        self.after(delay, Event::Answer { client, fetch, answer });
    }

    /// `getToken` answers, even if it is asked no more.
    pub(crate) fn answer(&mut self, client: usize, fetch: Fetch, answer: TokenAnswer) {
        self.task(client, Task::Answer(fetch, answer));
    }

    pub(crate) fn take_answer(&mut self, client: usize, fetch: Fetch, answer: TokenAnswer) {
        let source = &mut self.clients[client].source;
        if source.asked == Some(fetch) {
            source.asked = None;
            self.note_answer(client, &answer);
        }
        // It is for the connection that there is: over the next one it would make this client
        // somebody else, whom the reference does not know.
        let connected = self.clients[client].machine.connected_attempt().is_some();
        let answer = if self.clients[client].source.foreign == Some(fetch) && !connected {
            TokenAnswer::Failed("nobody is signed in at the moment".into())
        } else {
            answer
        };
        self.feed(client, Input::Token { fetch, answer });
    }
}
