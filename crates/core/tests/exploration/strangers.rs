//! What must change nothing: the late and double events of sockets and token fetches that are over.

use std::hash::Hash;
use std::time::Duration;

use onesocket_core::protocol::{MessageId, Retry};
use onesocket_core::{Attempt, Call, Input, Token, TokenAnswer};

use crate::exploration::actions::{Frame, UNKNOWN, WELCOME};
use crate::exploration::fingerprint::fingerprint;
use crate::exploration::inputs::closed;
use crate::exploration::memory::Socket;
use crate::exploration::place::Place;
use crate::exploration::{Message, Verdict, rule};

impl Place {
    /// Checks that what must change nothing changes nothing.
    pub(crate) fn judge_strangers(&self) -> Verdict {
        if self.is_late() {
            return Ok(());
        }
        let before = fingerprint(|hasher| self.machine.hash(hasher));
        let mut machine = self.machine.clone();
        for input in self.strangers() {
            machine.handle(input.clone(), self.now);
            let after = fingerprint(|hasher| machine.hash(hasher));
            rule!(after == before, "it was no stranger: {input:?}: {:?}", machine.poll());
        }
        Ok(())
    }

    /// What must change nothing here: the late and double events of sockets that are closed,
    /// detached or shut, and of token fetches that are over; and those of some that never were.
    pub(crate) fn strangers(&self) -> Vec<Input<Message>> {
        let memory = &self.memory;
        let mut inputs = vec![Input::Abort { call: Call(9999) }];
        let around = |newest: u32| [newest.wrapping_sub(1), newest.wrapping_add(1)];
        for attempt in around(memory.newest.0).map(Attempt) {
            inputs.push(closed(attempt, 4409, Retry::Never));
            self.speak(attempt, &mut inputs);
        }
        match memory.socket {
            Socket::Gone => {
                inputs.push(closed(memory.newest, 4409, Retry::Never));
                self.speak(memory.newest, &mut inputs);
            }
            Socket::Shut { .. } | Socket::Ended { .. } => self.speak(memory.newest, &mut inputs),
            Socket::Connecting { .. } => {
                inputs.push(Input::Closing { attempt: memory.newest });
                for frame in [WELCOME, Frame::Message] {
                    let frame = self.frame(frame);
                    inputs.push(Input::Received { attempt: memory.newest, frame, bytes: 1 });
                }
            }
            Socket::Open => {
                inputs.push(Input::Opened { attempt: memory.newest });
                inputs.push(Input::OpenFailed { attempt: memory.newest, problem: "no".into() });
            }
        }
        let mut fetches = around(memory.newest_fetch.0).to_vec();
        if !memory.fetching {
            fetches.push(memory.newest_fetch.0);
        }
        for fetch in fetches.into_iter().map(onesocket_core::Fetch) {
            let answer = TokenAnswer::Token(Token::new("late"), Some(Duration::from_secs(9)));
            inputs.push(Input::Token { fetch, answer });
            inputs.push(Input::Token { fetch, answer: TokenAnswer::NoSession });
        }
        inputs
    }

    /// Everything but a close that a socket may say.
    fn speak(&self, attempt: Attempt, inputs: &mut Vec<Input<Message>>) {
        inputs.extend([
            Input::Closing { attempt },
            Input::InvalidFrame { attempt, problem: "no JSON".into() },
            Input::OpenFailed { attempt, problem: "no".into() },
            Input::Opened { attempt },
            Input::TokenSent { attempt, id: UNKNOWN, result: Ok(()) },
            Input::TokenSent { attempt, id: MessageId(1), result: Err("late".into()) },
        ]);
        let frames = [
            WELCOME,
            Frame::Message,
            Frame::Ping,
            Frame::Pong,
            Frame::NoHandler,
            Frame::Ack(MessageId(1)),
            Frame::Refusal(MessageId(1)),
            Frame::Refreshed(MessageId(1), None),
        ];
        for frame in frames {
            inputs.push(Input::Received { attempt, frame: self.frame(frame), bytes: 1 });
        }
    }
}
