//! Frames as bytes, for native code. A browser reads and writes the same JSON with its own parser
//! and serialiser, so that payloads need not be copied into wasm.
//!
//! A text frame is one JSON object with a `type`. A binary frame from a client is its id, 8 bytes
//! big-endian, and the payload; one from a server is the payload and nothing else. A payload that
//! is JSON is checked, never interpreted, and passed on as it was written.

mod client;
mod fields;
mod server;

pub use client::{
    decode_client_binary, decode_client_text, encode_client_binary, encode_client_text,
};
pub use fields::{DecodeError, Decoded};
pub use server::{decode_server_text, encode_server_text};
