//! The exports of onesocket to JavaScript: `wasm-pack` builds this crate, and `js/` wraps it.
//!
//! It only translates. The connection is in `onesocket-core`, the browser in `onesocket-web`, and
//! both sides of this border are described in `js/core.ts`.

/// 7 KB smaller than the default allocator (of 69), and faster.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

mod callbacks;
mod convert;
mod core;
mod wire;

pub use core::Core;
