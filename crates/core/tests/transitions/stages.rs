//! Every stage of the machine, and how to get there.

use onesocket_core::{Config, Input, PLAIN_PING_INTERVAL, PlainRules, Span, Wire};

use crate::EARLIER;
use crate::world::{World, config, token};

/// A state, and how to get there.
pub(crate) type Scene = (&'static str, fn() -> World);

/// Every stage of the machine, by its name.
pub(crate) const SCENES: &[Scene] = &[
    ("idle", World::plain),
    ("connecting/fetching", || {
        after(World::with_tokens(), |world| {
            world.connect();
        })
    }),
    ("connecting/opening", connecting),
    ("connecting/agreeing", || after(connecting(), World::opened)),
    ("connecting/server-closing", || {
        after(World::plain().connected(), |world| {
            let attempt = world.attempt();
            world.feed(Input::Closing { attempt });
        })
    }),
    ("connecting/closing-old", || {
        after(closing(), |world| {
            world.connect();
        })
    }),
    ("connected", || World::with_tokens().connected()),
    ("connected/unproven", reconnected),
    ("connected/fetching", asking),
    ("connected/refreshing", || after(asking(), |world| world.answer(token()))),
    ("connected/probing", || {
        after(World::plain().connected(), |world| world.pass(Span::from_secs(60)))
    }),
    ("waiting", || after(World::plain().connected(), |world| world.closed(1006))),
    ("waiting with a token on its way", || after(asking(), |world| world.closed(1006))),
    ("waiting+closing", waiting_after_timeout),
    ("closing", closing),
    ("closing/released", held_then_released),
    ("closed", || after(closing(), |world| world.closed(1000))),
    ("closed+lingering", lingering),
    ("closed+closing", || after(lingering(), World::opened)),
    ("closed/released", || after(held_then_released(), |world| world.closed(1000))),
    ("closed/released+lingering", || {
        after(connecting(), |world| {
            world.feed(Input::Abort { call: EARLIER });
        })
    }),
    ("closed/released+closing", || {
        after(connecting(), |world| {
            world.feed(Input::Abort { call: EARLIER });
            world.opened();
        })
    }),
    ("failed", || after(World::plain().connected(), |world| world.closed(4409))),
    ("failed+closing", exhausted_by_timeout),
    ("plain connecting/opening", || {
        after(plain(false), |world| {
            world.connect();
            world.answer(token());
        })
    }),
    ("plain connecting/agreeing", || plainly_opened(true)),
    ("plain connected", || plainly_opened(false)),
    ("plain connected/refreshing", || {
        after(plainly_opened(false), |world| {
            world.refresh();
            world.answer(token());
        })
    }),
    ("plain connected/probing", || {
        after(plainly_opened(false), |world| world.pass(PLAIN_PING_INTERVAL))
    }),
];

fn waiting_after_timeout() -> World {
    let mut world = World::plain();
    world.connect();
    world.elapse();
    world
}

fn exhausted_by_timeout() -> World {
    let mut world = World::plain();
    world.connect();
    for _ in 0..5 {
        world.closed(1006);
        world.elapse();
    }
    world.elapse();
    world
}

fn held_then_released() -> World {
    let mut world = World::plain();
    world.feed(Input::Hold);
    world.agree();
    world.feed(Input::Release);
    world.elapse();
    world
}

fn reconnected() -> World {
    let mut world = World::plain().connected();
    world.closed(1006);
    world.elapse();
    world.agree();
    world
}

fn asking() -> World {
    after(World::with_tokens().connected(), |world| {
        world.refresh();
    })
}

fn after(mut world: World, act: fn(&mut World)) -> World {
    act(&mut world);
    world
}

/// A machine that speaks with a server which is not ours, has tokens, pings and refreshes, and may say
/// when the session is agreed.
fn plain(ready: bool) -> World {
    let wire = Wire::Plain(PlainRules { ping: true, refresh: true, ready });
    World::new(Config { tokens: true, wire, ..config() })
}

fn plainly_opened(ready: bool) -> World {
    after(plain(ready), |world| {
        world.connect();
        world.answer(token());
        world.opened();
    })
}

fn connecting() -> World {
    after(World::plain(), |world| {
        world.connect();
    })
}

fn closing() -> World {
    after(World::plain().connected(), |world| {
        world.close();
    })
}

fn lingering() -> World {
    after(connecting(), |world| {
        world.close();
    })
}
