//! Does any order of events break a promise of tabs that share a connection? Within each scope every one
//! is tried, the shortest first, with the real machine of a tab and a world around it that has what
//! browsers do. Whatever has happened, a friendly world leads to rest: then one tab leads if any wants a
//! connection, all that want one have it, and each message has reached the server once and in order.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../protocol/tests/golden/mod.rs"]
mod golden;
mod one_tab;
mod table;
mod world;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;

use world::{Action, Budget, World};

/// The most steps of a history, and to rest.
const MOST_STEPS: usize = 600;

/// How many histories are gone through by chance.
const HISTORIES: u32 = 5000;

#[test]
fn tabs_elect_one() {
    explore("two tabs come and go", 2, Budget { connects: 3, closes: 2, ..Budget::default() });
}

#[test]
fn closes_and_crashes() {
    let budget = Budget { connects: 2, closes: 1, crashes: 1, ..Budget::default() };
    explore("two tabs, one closes, one crashes", 2, budget);
}

#[test]
fn messages_over_a_crash() {
    let budget = Budget { connects: 2, messages: 2, crashes: 1, ..Budget::default() };
    explore("two tabs, two messages, a crash", 2, budget);
}

#[test]
fn messages_over_a_loss() {
    let budget = Budget { connects: 2, messages: 2, breaks: 1, ..Budget::default() };
    explore("two tabs, two messages, a loss", 2, budget);
}

#[test]
fn messages_over_a_freeze() {
    let budget = Budget { connects: 2, messages: 1, freezes: 1, ..Budget::default() };
    explore("two tabs, a message, a freeze", 2, budget);
}

#[test]
fn a_hidden_leader_hands_over() {
    let budget = Budget { connects: 2, looks: 2, timers: 1, ..Budget::default() };
    explore("two tabs, of which one is hidden", 2, budget);
}

#[test]
fn the_user_connects_elsewhere() {
    let budget = Budget { connects: 4, elsewhere: 1, ..Budget::default() };
    explore("two tabs, another browser", 2, budget);
}

#[test]
fn three_tabs_elect_one() {
    let budget = Budget { connects: 3, elsewhere: 1, ..Budget::default() };
    explore("three tabs, another browser", 3, budget);
}

#[test]
fn three_tabs_and_a_crash() {
    let budget = Budget { connects: 3, messages: 1, crashes: 1, ..Budget::default() };
    explore("three tabs, a message, a crash", 3, budget);
}

#[test]
fn a_server_that_knows_of_one_client() {
    let is_one = Budget { is_one: true, connects: 2, messages: 2, ..Budget::default() };
    let budget = Budget { crashes: 1, ..is_one };
    explore("two tabs, two messages, a crash, a server without tabs", 2, budget);
    let budget = Budget { breaks: 1, ..is_one };
    explore("two tabs, two messages, a loss, a server without tabs", 2, budget);
}

/// Goes through histories by chance, with more tabs than can be explored, and with all that may happen.
#[test]
fn many_tabs_by_chance() {
    let (mut steps, mut random) = (0_u64, 0x9e37_79b9_7f4a_7c15_u64);
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for history in 0..HISTORIES {
        let tabs = 2 + next(5);
        let budget = Budget {
            closes: next(3) as u8,
            connects: (tabs + next(4)) as u8,
            messages: next(12) as u8,
            breaks: next(3) as u8,
            elsewhere: u8::from(next(8) == 0),
            crashes: next(tabs) as u8,
            freezes: next(4) as u8,
            stalls: next(3) as u8,
            timers: next(12) as u8,
            looks: next(6) as u8,
            is_one: next(4) == 0,
        };
        let mut world = World::new(tabs, budget);
        let mut actions = Vec::new();
        let broken = loop {
            let possible = world.actions();
            if possible.is_empty() || actions.len() > MOST_STEPS {
                break come_to_rest(&world, &mut HashSet::new()).err();
            }
            let action = possible[next(possible.len())];
            actions.push(action);
            if let Err(broken) = world.step(action) {
                break Some((broken, Vec::new()));
            }
        };
        steps += actions.len() as u64;
        if let Some((broken, then)) = broken {
            actions.extend(then);
            let name = format!("history {history}");
            panic!("{}", told(&name, tabs, budget, actions, &broken));
        }
    }
    let text = format!("{HISTORIES} histories of 2 to 6 tabs, {steps} steps\n");
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn explore(name: &str, tabs: usize, budget: Budget) {
    let start = World::new(tabs, budget);
    let mut known = HashSet::from([fingerprint(&start)]);
    let mut good = HashSet::new();
    let mut ways: Vec<(usize, Option<Action>)> = vec![(0, None)];
    let mut frontier = vec![(0, start)];
    let (mut steps, mut depth) = (0_u64, 0);
    while !frontier.is_empty() {
        depth += 1;
        let mut next = Vec::new();
        for (number, place) in frontier {
            if let Err((broken, then)) = come_to_rest(&place, &mut good) {
                panic!("{}", history(name, tabs, budget, &ways, number, &then, &broken));
            }
            for action in place.actions() {
                let mut there = place.clone();
                steps += 1;
                if let Err(broken) = there.step(action) {
                    panic!("{}", history(name, tabs, budget, &ways, number, &[action], &broken));
                }
                if known.insert(fingerprint(&there)) {
                    ways.push((number, Some(action)));
                    next.push((ways.len() - 1, there));
                }
            }
        }
        frontier = next;
    }
    let text =
        format!("{name}: {} places (all there are), {steps} steps, {depth} deep\n", known.len());
    let _ = std::io::stdout().write_all(text.as_bytes());
    assert!(known.len() > 100, "only {} places", known.len());
}

/// Follows a friendly world until nothing more happens.
fn come_to_rest(from: &World, good: &mut HashSet<u64>) -> Result<(), (String, Vec<Action>)> {
    let mut here = from.clone();
    let (mut path, mut actions) = (Vec::new(), Vec::new());
    loop {
        let fingerprint = fingerprint(&here);
        if good.contains(&fingerprint) {
            break;
        }
        path.push(fingerprint);
        let Some(action) = here.friendly() else {
            here.check_at_rest().map_err(|broken| (broken, actions))?;
            break;
        };
        actions.push(action);
        if actions.len() > MOST_STEPS {
            return Err(("it does not come to rest".into(), actions));
        }
        if let Err(broken) = here.step(action) {
            return Err((broken, actions));
        }
    }
    good.extend(path);
    Ok(())
}

fn history(
    name: &str,
    tabs: usize,
    budget: Budget,
    ways: &[(usize, Option<Action>)],
    mut at: usize,
    then: &[Action],
    broken: &str,
) -> String {
    let mut actions = then.to_vec();
    while let (from, Some(action)) = ways[at] {
        actions.insert(0, action);
        at = from;
    }
    told(name, tabs, budget, actions, broken)
}

fn told(name: &str, tabs: usize, budget: Budget, actions: Vec<Action>, broken: &str) -> String {
    let mut text = format!("{name}: {broken}. It happens so:\n");
    let mut world = World::new(tabs, budget);
    for action in actions {
        let _ = world.step(action);
        let _ = writeln!(text, "  {action:?} -> {}", world.told());
    }
    text
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}
