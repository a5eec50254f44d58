//! Tabs that share a connection, with both ends: the real machines of tabs and connections, the real server's
//! sessions, hub and tokens, and a browser, a network and users that a seed decides about.

mod page;
mod room;
mod server;
mod socket;
mod wire;
mod world;

use std::time::Duration;

use onesocket_core::protocol::Group;
use onesocket_core::{ErrorCode, Role, StateName};

use crate::runner::{Outcome, Plan, outcome, run_histories};
use page::{Page, Pause};
use server::OUTSIDER;
use world::World;

/// How many histories a run has by default.
const HISTORIES: u64 = 3000;

/// How long the server is away at most.
const LONGEST_AWAY: Duration = Duration::from_secs(20);

/// What a clock may be set to: seconds since 1970.
const CLOCKS: [Duration; 3] = [
    Duration::from_secs(1_600_000_000),
    Duration::from_secs(1_700_000_000),
    Duration::from_secs(1_800_000_000),
];

const PLAN: Plan = Plan { name: "tabs", histories: HISTORIES, all: &ALL, run };

/// What a run of full length has to come to.
const ALL: [&str; 23] = [
    "a calm while a page is away",
    "a calm while pages run",
    "a clock that is set",
    "a follower that ends",
    "a getToken that fails",
    "a getToken that knows no session",
    "a leader that crashes",
    "a leader that hands over unseen",
    "a leader that is left",
    "a leader that stalls",
    "a lock that is stolen",
    "a message that comes again",
    "a message that is reported undelivered",
    "a page that is away",
    "a rest with a server of one client",
    "a rest with more tabs than the server takes",
    "a rest with ten tabs or more",
    "a server that is restarted",
    "a stream that is cut",
    "a tab that is revived",
    "a token that is refreshed in a follower",
    "an upgrade while no server is there",
    "another browser",
];

#[test]
fn no_order_of_events_breaks_what_tabs_promise() {
    run_histories(&PLAN);
}

fn run(seed: u64, traced: bool) -> Outcome {
    outcome(|kept| {
        let max_tabs = match seed % 8 {
            0 | 1 => 0,
            2 => 3,
            _ => 64,
        };
        let world = kept.insert(World::new(seed, traced, max_tabs));
        let tabs = 2 + if world.random.percent(20) {
            world.random.index(11)
        } else {
            world.random.index(4)
        };
        for at in 0..tabs {
            let shown = at == 0 || world.random.percent(40);
            let page = world.open_page(shown);
            world.connect(page);
            if world.random.percent(70) {
                world.join(page, tea());
            }
        }
        let acts = 10 + world.random.index(50);
        for _ in 0..acts {
            if world.record.broken.is_some() {
                break;
            }
            let gap = world.random.spread(1, 30_000);
            world.run_for(gap);
            act(world);
        }
        come_to_rest(world);
    })
}

fn tea() -> Group {
    Group::new("tea").expect("a name")
}

/// Something happens.
fn act(world: &mut World) {
    let running: Vec<_> = (0..world.pages.len()).filter(|page| runs(world, *page)).collect();
    let paused: Vec<_> = (0..world.pages.len())
        .filter(|page| world.pages[*page].alive && world.pages[*page].paused.is_some())
        .collect();
    if running.is_empty() {
        match paused.first() {
            Some(page) => world.resume(*page),
            None => open(world),
        }
        return;
    }
    if world.random.percent(8) {
        return calm_down(world);
    }
    let leader = running.iter().copied().find(|page| world.pages[*page].leads());
    let any = world.random.pick(&running);
    // What matters happens to the leader.
    let page = leader.filter(|_| world.random.percent(50)).unwrap_or(any);
    let leads = world.pages[page].leads();
    match world.random.index(100) {
        0..24 => burst(world, &running),
        24..32 => {
            world.cover(if leads { "a leader that crashes" } else { "a follower that ends" });
            world.end_page(page, true);
        }
        32..40 => {
            world.cover(if leads { "a leader that is left" } else { "a follower that ends" });
            world.end_page(page, false);
            if world.random.percent(70) {
                open(world);
            }
        }
        40..46 => {
            world.cover("a page that is away");
            world.pause(page, Pause::Away);
        }
        46..52 => {
            if leads {
                world.cover("a leader that stalls");
            }
            world.pause(page, Pause::Stalled);
        }
        52..64 => {
            if let Some(page) = paused.first() {
                world.resume(*page);
            }
        }
        64..70 => world.show(page),
        70..74 => {
            for socket in world.server.sockets() {
                world.cover("a stream that is cut");
                world.cut(socket);
            }
        }
        74..77 => {
            world.cover("a server that is restarted");
            let away = world.random.spread(10, LONGEST_AWAY.as_millis() as u64);
            if world.random.percent(50) {
                world.kill_server(away)
            } else {
                world.restart_server(away)
            }
        }
        77..79 => {
            world.cover("another browser");
            world.connect_elsewhere();
        }
        79..82 => world.close(page),
        82..88 => world.connect(page),
        88..91 => {
            let before = world.pages[page].refreshed;
            world.refresh(page);
            world.run_for(Duration::from_secs(1));
            if !leads && world.pages[page].refreshed > before {
                world.cover("a token that is refreshed in a follower");
            }
        }
        91..93 => world.pages[page].is_signed_out ^= true,
        93 => {
            world.cover("a clock that is set");
            world.clock = world.random.pick(&CLOCKS);
        }
        94..96 => {
            let is_in = world.pages[page].groups.contains(&tea());
            if is_in { world.leave(page, tea()) } else { world.join(page, tea()) }
        }
        _ => open(world),
    }
}

fn runs(world: &World, page: usize) -> bool {
    world.pages[page].alive && world.pages[page].paused.is_none()
}

fn open(world: &mut World) {
    if world.pages.iter().filter(|page| page.alive).count() < 12 {
        let shown = world.random.percent(50);
        // It loads: what a page has sent that was left before has arrived by then.
        world.run_for(Duration::from_millis(100));
        let page = world.open_page(shown);
        world.connect(page);
        world.join(page, tea());
    }
}

/// Nothing happens for a while, and some pages stay away: all others that want a connection must get it.
fn calm_down(world: &mut World) {
    let stalls = |page: &Page| page.alive && page.paused == Some(Pause::Stalled);
    if world.pages.iter().any(stalls) {
        return;
    }
    world.cover("a calm while pages run");
    if world.pages.iter().any(|page| page.alive && page.paused.is_some()) {
        world.cover("a calm while a page is away");
    }
    if !world.server.up {
        world.run_for(LONGEST_AWAY);
    }
    // A getToken that fails puts it off, and so do late timers.
    let turn = world.throttled.max(Duration::from_secs(5));
    for _ in 0..12 {
        world.run_for(turn);
        if unserved(world).is_none() {
            return;
        }
    }
    let unserved = unserved(world);
    world.ensure(unserved.is_none(), || unserved.unwrap_or_default());
}

/// Says who of those that run wants a connection and has none, or waits for an answer; or how many lead.
fn unserved(world: &World) -> Option<String> {
    let wants = |page: &&Page| {
        let state = page.state();
        let is_live =
            matches!(state, StateName::Connecting | StateName::Waiting | StateName::Connected);
        page.alive && page.paused.is_none() && is_live
    };
    let wanting: Vec<_> = world.pages.iter().filter(wants).collect();
    let is_served =
        |page: &&&Page| page.state() == StateName::Connected && page.waiting_bytes() == 0;
    let served = wanting.iter().filter(is_served).count();
    let places = places(world, wanting.len());
    let leaders = wanting.iter().filter(|page| page.leads()).count();
    // What fails for all is tried again for all.
    let has_failed_for_all = |page: &&Page| {
        let fails =
            matches!(page.error(), Some(ErrorCode::Replaced | ErrorCode::AttemptsExhausted));
        page.alive && page.paused.is_none() && fails
    };
    let failed = world.pages.iter().filter(has_failed_for_all).count();
    let is_well = served == places
        && leaders == usize::from(!wanting.is_empty())
        && (failed == 0 || wanting.is_empty());
    (!is_well).then(|| {
        format!("{served} of {places} are served, {leaders} lead, and {failed} have failed for all")
    })
}

/// Returns how many of so many tabs the server takes.
fn places(world: &World, tabs: usize) -> usize {
    match world.server.max_tabs() {
        0 => tabs,
        most => tabs.min(most),
    }
}

/// Several tabs send at once, and something may happen in the midst of it.
fn burst(world: &mut World, running: &[usize]) {
    for _ in 0..1 + world.random.index(20) {
        let page = world.random.pick(running);
        match world.random.index(5) {
            0 | 1 => world.send(page),
            2 | 3 => world.publish(page, tea()),
            _ => world.publish_outside(tea()),
        }
        if world.random.percent(4) {
            world.refresh(page);
        }
        if world.random.percent(30) {
            let gap = world.random.ms(0, 30);
            world.run_for(gap);
        }
    }
    let gap = world.random.ms(0, 30);
    world.run_for(gap);
}

/// Nothing more happens, everybody runs and wants to be connected; then all of it must have come to an end.
fn come_to_rest(world: &mut World) {
    for page in 0..world.pages.len() {
        world.pages[page].is_signed_out = false;
        if world.pages[page].alive {
            world.resume(page);
        }
    }
    let turn = world.throttled.max(Duration::from_secs(30));
    world.run_for(2 * turn);
    let alive: Vec<_> = (0..world.pages.len()).filter(|page| world.pages[*page].alive).collect();
    // More than once: `getToken` may have failed meanwhile.
    for _ in 0..3 {
        for page in &alive {
            if world.pages[*page].state() != StateName::Connected {
                world.connect(*page);
            }
        }
        world.run_for(2 * turn);
    }
    if world.record.broken.is_some() || alive.is_empty() {
        return;
    }
    let (all, is_one) = (alive.len(), world.server.max_tabs() == 0);
    let places = places(world, all);
    if is_one {
        world.cover("a rest with a server of one client");
    }
    if all > places {
        world.cover("a rest with more tabs than the server takes");
    }
    if all >= 10 {
        world.cover("a rest with ten tabs or more");
    }
    let is_there = |page: &&usize| world.pages[**page].state() == StateName::Connected;
    let connected: Vec<_> = alive.iter().filter(is_there).copied().collect();
    let states: Vec<_> = alive
        .iter()
        .map(|page| (page, world.pages[*page].state(), world.pages[*page].role()))
        .collect();
    let leaders = alive.iter().filter(|page| world.pages[**page].role() == Role::Leader).count();
    let sockets = world.server.sockets().len();
    world.ensure(connected.len() == places, || format!("{places} places, and {states:?}"));
    world.ensure(leaders == 1 && sockets == 1, || {
        format!("{leaders} lead, over {sockets} sockets: {states:?}")
    });
    for page in &connected {
        let (bytes, calls) = (world.pages[*page].waiting_bytes(), world.pages[*page].open_calls());
        world.ensure(bytes == 0 && calls == 0, || {
            format!("{page} is connected and waits with {bytes} bytes and {calls} calls")
        });
        let lost = world.items[*page].iter().position(|item| !item.taken && !item.reported);
        world.ensure(lost.is_none(), || format!("message {lost:?} of {page} is lost"));
    }
    is_heard(world, &connected, is_one);
}

/// What one says in a group, all others hear that are in it, once.
fn is_heard(world: &mut World, connected: &[usize], is_one: bool) {
    for page in connected {
        world.pages[*page].lately.clear();
    }
    for page in connected {
        world.publish(*page, tea());
        world.send(*page);
    }
    world.publish_outside(tea());
    world.run_for(Duration::from_secs(5));
    for page in connected {
        let heard = std::mem::take(&mut world.pages[*page].lately);
        let count = heard.iter().filter(|origin| origin.page == OUTSIDER).count();
        let is_in = world.pages[*page].groups.contains(&tea());
        world.ensure(count == usize::from(is_in), || {
            format!("{page} hears {count} from outside, in the group: {is_in}")
        });
        for other in connected {
            let are_in =
                [page, other].into_iter().all(|it| world.pages[*it].groups.contains(&tea()));
            let count = heard.iter().filter(|origin| origin.page == *other).count();
            // A server of one client takes all tabs for it: its echoes are for all, and what one says in a
            // group it tells others only.
            let expected = match (is_one, page == other) {
                (true, _) | (false, true) => 1,
                (false, false) => usize::from(are_in),
            };
            world.ensure(count == expected, || {
                format!("{page} hears {count} of {other}, both in the group: {are_in}")
            });
        }
    }
}
