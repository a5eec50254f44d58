//! What is explored: the configurations of the machine, and how much of everything there may be.

use onesocket_core::{
    Config, HeartbeatRules, PlainRules, QueueLimits, Reconnect, RefreshRules, Span, WhenFailed,
    Wire,
};

use crate::exploration::Scope;

/// Times are counted in these, so that all of them meet: the time that a token may take is two.
const TICK: Span = Span::from_secs(5);

/// How long tokens live.
const LIVES: [Option<Span>; 3] = [None, Some(Span::from_secs(10)), Some(Span::from_secs(30))];

/// What is explored. What no bound is named for is explored whole.
pub(crate) fn scopes() -> Vec<Scope> {
    let reconnect = Reconnect { interval: TICK, jitter: 0.0, ..Reconnect::default() };
    let config = Config {
        reconnect: Reconnect { max_attempts: 2, ..reconnect.clone() },
        connect_timeout: 3 * TICK,
        close_timeout: 2 * TICK,
        stable_after: 2 * TICK,
        release_after: TICK,
        // The server may be silent for ever.
        heartbeat: HeartbeatRules { interval: Some(Span::MAX), timeout: TICK },
        refresh: RefreshRules { before_expiry: TICK, min_interval: 2 * TICK },
        queue: QueueLimits { max_messages: 2, max_bytes: 12 },
        when_failed: WhenFailed::Refuse,
        tokens: true,
        wire: Wire::OneSocket,
        seed: 0,
    };
    let connection = Scope {
        name: "tokens",
        config: config.clone(),
        connects: 2,
        closes: 2,
        holders: 2,
        calls: 0,
        groups: &[],
        sizes: &[],
        refreshes: 0,
        lives: &[None],
        wakes: false,
        resumes: &[true],
        users: false,
        codes: &[1006, 1000, 4401, 4409, 4413, 4529],
        tick: TICK,
        sleep: 100 * TICK,
    };
    let no_tokens = Config { tokens: false, ..config.clone() };
    let one_attempt = Reconnect { max_attempts: 1, ..reconnect.clone() };
    let slow = Reconnect { max_attempts: 1, interval: 3 * TICK, ..reconnect.clone() };
    let traffic = Scope {
        name: "traffic",
        config: Config { reconnect: one_attempt.clone(), ..no_tokens.clone() },
        connects: 1,
        closes: 1,
        holders: 0,
        calls: 2,
        groups: &["a"],
        sizes: &[1, 11],
        codes: &[1006, 4409],
        resumes: &[false, true],
        ..connection.clone()
    };
    let second = Span::from_secs(1);
    let heartbeat = Scope {
        name: "heartbeat",
        config: Config {
            reconnect: Reconnect { interval: 3 * second, ..one_attempt.clone() },
            connect_timeout: 2 * second,
            close_timeout: 2 * second,
            stable_after: 2 * second,
            release_after: second,
            heartbeat: HeartbeatRules { interval: Some(2 * second), timeout: 3 * second },
            ..no_tokens.clone()
        },
        connects: 1,
        closes: 1,
        holders: 1,
        sizes: &[1],
        wakes: true,
        resumes: &[false, true],
        codes: &[1006, 4409],
        tick: second,
        sleep: 100 * second,
        ..connection.clone()
    };
    let refresh = Scope {
        name: "refresh",
        config: Config {
            reconnect: one_attempt.clone(),
            refresh: RefreshRules { before_expiry: 3 * TICK, min_interval: 3 * TICK },
            ..config.clone()
        },
        connects: 1,
        closes: 1,
        holders: 1,
        refreshes: 1,
        lives: &LIVES,
        codes: &[1006, 4401],
        ..connection.clone()
    };
    let once = Scope {
        name: "once",
        config: Config {
            reconnect: one_attempt.clone(),
            queue: QueueLimits { max_messages: 3, max_bytes: 12 },
            ..no_tokens.clone()
        },
        connects: 1,
        closes: 0,
        calls: 1,
        groups: &["a"],
        sizes: &[1],
        codes: &[1006],
        resumes: &[false, true],
        ..connection.clone()
    };
    let users = Scope {
        name: "another user",
        // A queue of two tells what was sent from what waits, and a group and a message are enough.
        config: Config { when_failed: WhenFailed::Wait, ..traffic.config.clone() },
        closes: 1,
        users: true,
        ..once.clone()
    };
    let sleep = Scope {
        name: "tokens, silence and sleep",
        config: Config {
            heartbeat: HeartbeatRules { interval: Some(TICK), timeout: TICK },
            ..refresh.config.clone()
        },
        holders: 0,
        lives: &LIVES[1..],
        wakes: true,
        codes: &[1006],
        ..refresh.clone()
    };
    let plain = |ping, refresh| Wire::Plain(PlainRules { ping, refresh, ready: false });
    let agreeing = |ping, refresh| Wire::Plain(PlainRules { ping, refresh, ready: true });
    let plain_traffic = Scope {
        name: "plain: traffic",
        config: Config { wire: plain(false, false), ..traffic.config.clone() },
        codes: &[1006, 1000, 4101],
        ..traffic.clone()
    };
    let plain_refresh = Scope {
        name: "plain: refresh",
        config: Config { wire: plain(false, true), ..refresh.config.clone() },
        codes: &[1006, 4100],
        ..refresh.clone()
    };
    let plain_no_refresh = Scope {
        name: "plain: no refresh",
        config: Config { wire: plain(true, false), ..refresh.config.clone() },
        codes: &[1006, 4100],
        ..refresh.clone()
    };
    let plain_asking = Scope {
        name: "plain: asking",
        config: Config { wire: plain(true, false), ..heartbeat.config.clone() },
        ..heartbeat.clone()
    };
    let plain_listening = Scope {
        name: "plain: listening",
        config: Config { wire: plain(false, false), ..heartbeat.config.clone() },
        ..heartbeat.clone()
    };
    let plain_agreeing = Scope {
        name: "plain: agreeing",
        config: Config { wire: agreeing(false, false), ..traffic.config.clone() },
        ..plain_traffic.clone()
    };
    let plain_agreeing_asking = Scope {
        name: "plain: agreeing and asking",
        config: Config { wire: agreeing(true, true), ..refresh.config.clone() },
        ..plain_refresh.clone()
    };
    vec![
        plain_agreeing,
        plain_agreeing_asking,
        plain_traffic,
        plain_refresh,
        plain_no_refresh,
        plain_asking,
        plain_listening,
        Scope { name: "groups", calls: 3, sizes: &[], codes: &[1006], ..traffic.clone() },
        Scope { name: "two groups", groups: &["a", "b"], sizes: &[], ..traffic.clone() },
        Scope { name: "no tokens", config: no_tokens, ..connection.clone() },
        Scope {
            name: "timers the other way round",
            config: Config {
                reconnect: slow,
                connect_timeout: TICK,
                close_timeout: TICK,
                stable_after: TICK,
                release_after: 3 * TICK,
                ..config.clone()
            },
            ..connection.clone()
        },
        Scope {
            name: "no reconnecting",
            config: Config { reconnect: Reconnect { max_attempts: 0, ..reconnect }, ..config },
            ..connection.clone()
        },
        users,
        once,
        traffic,
        connection.clone(),
        sleep,
        heartbeat,
        refresh,
        // The last is begun first: it takes longest.
        Scope {
            name: "everything",
            connects: 2,
            closes: 1,
            holders: 1,
            calls: 1,
            groups: &["a"],
            sizes: &[1],
            // Delays that a server names are explored without messages.
            codes: &[1006, 1000, 4401, 4409, 4413],
            ..connection
        },
    ]
}
