//! One WebSocket connection per user, in a browser, from Rust.
//!
//! Around the pure machine of `onesocket-core` this crate puts what a browser has: sockets, a
//! timer, a clock. It is the only Rust that names `web-sys`. A Rust front end uses [`Client`]; the
//! npm package is made of [`AppConnection`] and [`Callbacks`].

mod alarm;
mod app_connection;
mod callbacks;
#[cfg(feature = "client")]
mod client;
mod clock;
#[cfg_attr(not(feature = "explore"), expect(unreachable_pub, reason = "public for its tests"))]
mod codec;
mod driver;
mod event;
mod page;
#[cfg(feature = "client")]
mod payload;
mod socket;
mod tab;
mod wire;

pub use app_connection::{AppConnection, Parts};
pub use callbacks::Callbacks;
#[cfg(feature = "client")]
pub use client::{Client, Held, Message, Options, Subscription};
pub use clock::{Clock, Reading};
#[cfg(feature = "explore")]
pub use codec::{decode, encode};
pub use driver::DriverHandle;
pub use tab::TabHandle;
pub use wire::{OpeningHandshake, PlainWire};

pub use onesocket_core as core;
