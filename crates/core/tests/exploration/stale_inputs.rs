//! What must change nothing: the late and double events of sockets and token fetches that are over.

use std::hash::Hash;

use onesocket_core::protocol::{MessageId, Retry};
use onesocket_core::{Attempt, Call, Error, ErrorCode, Input, Span, Token, TokenAnswer};

use crate::exploration::actions::{Frame, UNKNOWN, WELCOME};
use crate::exploration::fingerprint::fingerprint;
use crate::exploration::inputs::closed;
use crate::exploration::observed::Socket;
use crate::exploration::place::Place;
use crate::exploration::{Message, Verdict, ensure};

impl Place {
    /// Checks that what must change nothing changes nothing.
    pub(crate) fn check_stale_inputs(&self) -> Verdict {
        if self.is_late() {
            return Ok(());
        }
        let before = fingerprint(|hasher| self.machine.hash(hasher));
        let mut machine = self.machine.clone();
        for input in self.stale_inputs() {
            machine.handle(input.clone(), self.now);
            let after = fingerprint(|hasher| machine.hash(hasher));
            ensure!(after == before, "a stale input was taken: {input:?}: {:?}", machine.poll());
        }
        Ok(())
    }

    /// What must change nothing here: the late and double events of sockets that are closed,
    /// detached or shut, and of token fetches that are over; and those of some that never were.
    pub(crate) fn stale_inputs(&self) -> Vec<Input<Message>> {
        let observed = &self.observed;
        let mut inputs = vec![Input::Abort { call: Call(9999) }];
        let around = |newest: u32| [newest.wrapping_sub(1), newest.wrapping_add(1)];
        for attempt in around(observed.newest.0).map(Attempt) {
            inputs.push(closed(attempt, 4409, Retry::Never));
            self.speak(attempt, &mut inputs);
        }
        match observed.socket {
            Socket::Gone => {
                inputs.push(closed(observed.newest, 4409, Retry::Never));
                self.speak(observed.newest, &mut inputs);
            }
            Socket::Shut { .. } | Socket::ServerClosing { .. } => {
                self.speak(observed.newest, &mut inputs)
            }
            Socket::Connecting { .. } => {
                inputs.push(Input::Closing { attempt: observed.newest });
                for frame in [WELCOME, Frame::Message] {
                    let frame = self.frame(frame);
                    inputs.push(Input::Received { attempt: observed.newest, frame, bytes: 1 });
                }
            }
            Socket::Open => {
                inputs.push(Input::Opened { attempt: observed.newest });
            }
        }
        let mut fetches = around(observed.newest_fetch.0).to_vec();
        if !observed.fetching {
            fetches.push(observed.newest_fetch.0);
        }
        for fetch in fetches.into_iter().map(onesocket_core::Fetch) {
            let answer = TokenAnswer::Token(Token::new("late"), Some(Span::from_secs(9)));
            inputs.push(Input::Token { fetch, answer });
            inputs.push(Input::Token { fetch, answer: TokenAnswer::NoSession });
        }
        inputs
    }

    /// Adds every event of a socket but its close.
    fn speak(&self, attempt: Attempt, inputs: &mut Vec<Input<Message>>) {
        inputs.extend([
            Input::Closing { attempt },
            Input::InvalidFrame { attempt, problem: "no JSON".into() },
            Input::Failed { attempt, error: Error::new(ErrorCode::InvalidOptions, "no") },
            Input::Opened { attempt },
            Input::Ready { attempt },
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
