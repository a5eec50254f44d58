//! The server from the outside, with a client that is not ours: over real TCP (`tcp.rs`), on a
//! clock that only the test moves (`clock.rs`, `limits.rs`), and as a process (`binary.rs`).

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod answers;
mod attacks;
#[cfg(unix)]
mod binary;
mod clock;
#[cfg(unix)]
mod deploy;
mod examples;
mod handler;
mod limits;
mod properties;
mod publish;
mod races;
mod raw_echo;
#[cfg(unix)]
mod restart;
mod rights;
mod shared;
mod status;
mod support;
mod tcp;
