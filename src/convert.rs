//! Options in, errors out.

use std::time::Duration;

use onesocket_core::{
    Config, Error, HeartbeatRules, QueueLimits, Reconnect, RefreshRules, Stats, Wire,
};
use wasm_bindgen::prelude::*;

use crate::wire::CoreWire;

#[wasm_bindgen]
extern "C" {
    /// The options as `js/core.ts` describes them, checked and complete.
    pub type CoreOptions;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn url(this: &CoreOptions) -> String;
    #[wasm_bindgen(method, getter, js_name = hasToken)]
    fn has_token(this: &CoreOptions) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn wire(this: &CoreOptions) -> Option<CoreWire>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn logs(this: &CoreOptions) -> bool;
    #[wasm_bindgen(method, getter)]
    fn seed(this: &CoreOptions) -> u32;
    #[wasm_bindgen(method, getter, js_name = maxAttempts)]
    fn max_attempts(this: &CoreOptions) -> u32;
    #[wasm_bindgen(method, getter, js_name = intervalMs)]
    fn interval_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter)]
    fn factor(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = maxIntervalMs)]
    fn max_interval_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter)]
    fn jitter(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = connectTimeoutMs)]
    fn connect_timeout_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = closeTimeoutMs)]
    fn close_timeout_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = stableAfterMs)]
    fn stable_after_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = releaseAfterMs)]
    fn release_after_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = beforeExpiryMs)]
    fn before_expiry_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = minRefreshIntervalMs)]
    fn min_refresh_interval_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = heartbeatIntervalMs)]
    fn heartbeat_interval_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = heartbeatTimeoutMs)]
    fn heartbeat_timeout_ms(this: &CoreOptions) -> f64;
    #[wasm_bindgen(method, getter, js_name = maxQueuedMessages)]
    fn max_queued_messages(this: &CoreOptions) -> u32;
    #[wasm_bindgen(method, getter, js_name = maxQueuedBytes)]
    fn max_queued_bytes(this: &CoreOptions) -> u32;

    type Object;
    #[wasm_bindgen(constructor)]
    fn new() -> Object;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &Object, code: &str);
    #[wasm_bindgen(method, setter)]
    fn set_message(this: &Object, message: &str);
}

pub(crate) fn config(options: &CoreOptions) -> Config {
    Config {
        reconnect: Reconnect {
            max_attempts: options.max_attempts(),
            interval: duration(options.interval_ms()),
            factor: options.factor(),
            max_interval: duration(options.max_interval_ms()),
            jitter: options.jitter(),
        },
        connect_timeout: duration(options.connect_timeout_ms()),
        close_timeout: duration(options.close_timeout_ms()),
        stable_after: duration(options.stable_after_ms()),
        release_after: duration(options.release_after_ms()),
        refresh: RefreshRules {
            before_expiry: duration(options.before_expiry_ms()),
            min_interval: duration(options.min_refresh_interval_ms()),
        },
        heartbeat: HeartbeatRules {
            interval: Some(duration(options.heartbeat_interval_ms())).filter(|ms| !ms.is_zero()),
            timeout: duration(options.heartbeat_timeout_ms()),
        },
        queue: QueueLimits {
            max_messages: options.max_queued_messages() as usize,
            max_bytes: options.max_queued_bytes() as usize,
        },
        tokens: options.has_token(),
        // The driver knows the wire.
        wire: Wire::default(),
        seed: options.seed().into(),
    }
}

/// Makes what `send` throws.
pub(crate) fn thrown(error: &Error) -> JsValue {
    let thrown = Object::new();
    thrown.set_code(error.code.as_str());
    thrown.set_message(&error.message);
    thrown.into()
}

/// Writes what was counted in the order of `js/stats.ts`. Doubles are exact up to 2^53.
pub(crate) fn numbers(stats: Stats) -> Vec<f64> {
    let Stats {
        attempts,
        sockets_opened,
        reconnects,
        refreshes,
        stale_events,
        messages_in,
        messages_out,
        bytes_in,
        bytes_out,
    } = stats;
    let counters = [
        attempts,
        sockets_opened,
        reconnects,
        refreshes,
        stale_events,
        messages_in,
        messages_out,
        bytes_in,
        bytes_out,
    ];
    counters.map(|counter| counter as f64).to_vec()
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn duration(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}
