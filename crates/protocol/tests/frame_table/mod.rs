//! The rows of `frames.txt`, for the tests of both codecs. It needs nothing of a system, so it
//! runs in a browser as well.
#![allow(dead_code, reason = "each of the two tests uses a part")]

/// A frame as text, and what it comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Which end sends it.
    pub(crate) sender: Sender,
    /// Whether it is a binary frame.
    pub(crate) is_binary: bool,
    /// The frame as it is written, with ⏎ for a line feed.
    text: &'static str,
    /// What it comes to.
    pub(crate) outcome: Outcome,
}

/// Which end sends a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// What a frame comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It means this, as `{:?}` prints it; written, the value gives the same text.
    Means(&'static str),
    /// It means this; written, the value gives a shorter text.
    MeansInShort(&'static str),
    /// It is not a frame.
    Refused {
        /// The id that can be read all the same.
        id: Option<u64>,
        /// A part of the sentence that says why.
        because: &'static str,
    },
}

impl Row {
    /// Returns the frame: of a binary one, the text that its bytes are.
    pub(crate) fn text(&self) -> String {
        self.text.replace('⏎', "\n")
    }
}

/// Reads the table.
///
/// # Panics
///
/// Fails the test where the table is not written as its head says.
pub(crate) fn rows() -> impl Iterator<Item = Row> {
    let mut lines = include_str!("../frames.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    std::iter::from_fn(move || {
        let (sender, text) = lines.next()?.split_once(' ').expect("a sender and a frame");
        let (sender, is_binary) = match sender {
            "client" => (Sender::Client, false),
            "client-binary" => (Sender::Client, true),
            "server" => (Sender::Server, false),
            "server-binary" => (Sender::Server, true),
            other => panic!("nobody is called {other}"),
        };
        let line = lines.next().expect("what the frame comes to").trim_start();
        let (mark, said) = line.split_once(' ').expect("a mark and what it says");
        let outcome = match mark {
            "=" => Outcome::Means(said),
            "~" => Outcome::MeansInShort(said),
            "!" => {
                let (id, because) = said.split_once(' ').expect("an id and a sentence");
                let id = (id != "-").then(|| id.parse().expect("an id"));
                Outcome::Refused { id, because }
            }
            other => panic!("{other} is no mark"),
        };
        Some(Row { sender, is_binary, text, outcome })
    })
}
