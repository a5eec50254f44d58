//! What goes over the wire between a onesocket client and its server, as PROTOCOL.md has it.
//!
//! Owns the frames, the close codes and their meaning, the limits and the subprotocol names, for
//! both ends. Refuses I/O, clocks, async and anything of the browser.

mod close;
#[cfg(feature = "json")]
mod codec;
mod duration;
mod error;
mod frame;
mod id;
mod retry_after;
mod subprotocol;
mod token;

pub use close::{CloseCode, NamedCloseCode, Retry};
#[cfg(feature = "json")]
pub use codec::{
    DecodeError, Decoded, decode_client_binary, decode_client_text, decode_server_text,
    encode_client_binary, encode_client_text, encode_server_text,
};
pub use duration::whole_ms;
pub use error::{FrameError, FrameErrorCode};
pub use frame::{ClientFrame, ServerFrame, ServerMessage, Welcome};
pub use id::{ConnectionId, Epoch, Group, GroupError, MessageId};
pub use retry_after::{LONGEST_RETRY_AFTER, retry_after, retry_after_reason};
pub use subprotocol::{
    CLIENT_PREFIX, SUBPROTOCOL, TOKEN_PREFIX, client_subprotocol, offered_client, offered_token,
    token_subprotocol,
};
pub use token::Token;
