//! The configurations of servers and clients, by chance.

use std::time::Duration;

use onesocket_core::{Config, HeartbeatRules, QueueLimits, Reconnect, Span, WhenFailed};
use onesocket_server::token::Secret;
use onesocket_server::{Config as ServerConfig, Pattern};

use crate::history::groups;
use crate::random::Random;

pub(crate) fn server_config(random: &mut Random) -> ServerConfig {
    let secret = Secret::new([7; 32]).expect("long enough");
    let mut config = ServerConfig::new(secret);
    config.open_groups = match random.index(3) {
        0 => [Pattern::Prefix(String::new())].into(),
        1 => [Pattern::Exact(random.pick(&groups()))].into(),
        _ => [].into(),
    };
    config.echo = random.percent(85);
    if random.percent(50) {
        config.token_life = Duration::from_secs(random.pick(&[10, 20, 60, 120]));
        config.expiry_grace = Duration::from_secs(random.pick(&[0, 2, 25]));
    }
    if random.percent(30) {
        config.ping_every = Duration::from_secs(5);
        config.sweep_every = Duration::from_secs(10);
        config.stale_after = Duration::from_secs(20);
    }
    if random.percent(30) {
        config.max_message = 300;
        config.max_queue = random.pick(&[600, 4000]);
    }
    config
}

/// What a client of a native application is told: see `onesocket_core::Config`.
pub(crate) fn client_config(random: &mut Random) -> Config {
    let mut config = Config { tokens: true, seed: random.number(), ..Config::default() };
    if random.percent(30) {
        config.reconnect = Reconnect {
            max_attempts: random.pick(&[0, 1, 2, 5]),
            interval: random.ms(100, 10_000).into(),
            factor: random.pick(&[1.0, 2.0]),
            ..Reconnect::default()
        };
        config.connect_timeout = random.ms(1000, 15_000).into();
        config.close_timeout = random.ms(100, 5000).into();
        config.stable_after = random.ms(0, 20_000).into();
    }
    if random.percent(20) {
        let interval = random.pick(&[None, Some(Span::from_secs(40))]);
        config.heartbeat = HeartbeatRules { interval, timeout: random.ms(3000, 10_000).into() };
    }
    if random.percent(30) {
        config.when_failed = WhenFailed::Wait;
    }
    if random.percent(30) {
        let max_messages = 1 + random.index(20);
        config.queue = QueueLimits { max_messages, max_bytes: 200 + random.index(2000) };
    }
    config
}

/// A short way, a long one, or one of varying length.
pub(crate) fn delay(random: &mut Random) -> (u64, u64) {
    random.pick(&[(1, 1), (10, 40), (100, 300), (1, 1500)])
}
