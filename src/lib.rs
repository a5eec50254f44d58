//! The face of onesocket towards JavaScript: what `wasm-pack` builds, and `js/` wraps.
//!
//! It only translates. The connection is in `onesocket-core`, the browser in `onesocket-web`, and
//! the two sides of this seam are described in `js/core.ts`.

mod convert;
mod core;
mod face;

pub use core::Core;
