//! Frames as they stand on the wire, for native code. A browser reads and writes the same with its
//! own JSON, so that payloads need not be copied into wasm.
//!
//! A frame is a head, one line of JSON with a `type`, and, where it carries one, a line feed and the
//! payload as it is: JSON, a text, or bytes. The codec does not look into a payload.

mod client;
mod fields;
mod server;
mod wire;

pub use client::{decode_client, decode_shared, encode_client};
pub use fields::{DecodeError, Decoded};
pub use server::{decode_server, encode_attached, encode_server};
pub use wire::{Encoded, Wire};
