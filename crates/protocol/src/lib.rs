//! What goes over the wire between a onesocket client and its server, as PROTOCOL.md has it.
//!
//! Owns the frames, the close codes and their meaning, the limits and the subprotocol names, for
//! both ends. Refuses I/O, clocks, async and anything of the browser.

mod close;
#[cfg(feature = "json")]
mod codec;

mod error;
mod frame;
mod id;
mod retry_after;
mod span;
mod subprotocol;
mod token;

pub use close::{CloseCode, NamedCloseCode, Retry};
#[cfg(feature = "json")]
pub use codec::{
    DecodeError, Decoded, Encoded, Wire, decode_client, decode_server, decode_shared,
    encode_attached, encode_client, encode_server,
};

pub use error::{FrameError, FrameErrorCode};
pub use frame::{ClientFrame, Payload, ServerFrame, ServerMessage, SharedFrame, Welcome};
pub use id::{ConnectionId, Epoch, Group, GroupError, MessageId, Slot};
pub use retry_after::{LONGEST_RETRY_AFTER, retry_after, retry_after_reason};
pub use span::Span;
pub use subprotocol::{
    CLIENT_PREFIX, SUBPROTOCOL, TOKEN_PREFIX, client_subprotocol, is_client_name, offered_client,
    offered_token, token_subprotocol,
};
pub use token::Token;
