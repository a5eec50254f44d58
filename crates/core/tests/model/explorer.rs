//! An exploration of everything that may happen within a scope, the shortest ways first.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use onesocket_core::StateName;

use crate::exploration::{Action, Coverage, Place, Scope, Verdict};

/// What an exploration has come to.
pub(crate) struct Explored {
    places: usize,
    steps: u64,
    depth: u32,
    /// There was nothing more to explore.
    whole: bool,
    pub(crate) coverage: Coverage,
    took: Duration,
}

impl Explored {
    /// Prints the figures, also where the test passes.
    pub(crate) fn print(&self, name: &str) {
        let Self { places, steps, depth, whole, coverage: _, took } = self;
        let bound = if *whole { "all there are" } else { "bounded" };
        let took = took.as_secs_f64();
        let text = format!(
            "{name}: {places} places ({bound}), {steps} steps, {depth} deep, {took:.1} s\n"
        );
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

/// How a place was reached: from which one, by what.
#[derive(Clone, Copy)]
struct Way(u32, Action);

/// An exploration under way.
pub(crate) struct Explorer<'a> {
    scope: &'a Scope,
    ways: Vec<Way>,
    coverage: Coverage,
    known: HashSet<u128>,
    /// Places from which a friendly world, and a silent one, lead to a good end.
    friendly: HashSet<u128>,
    silent: HashSet<u128>,
    steps: u64,
}

/// An invariant that does not hold, and what happened after the place from which that was found.
type Broken = (String, Vec<Action>);

impl<'a> Explorer<'a> {
    /// Explores; ends early where `stop` says that another exploration has found a fault.
    pub(crate) fn run(
        scope: &'a Scope,
        deepest: u32,
        stop: &AtomicBool,
    ) -> Result<Explored, String> {
        let started = Instant::now();
        let mut explorer = Self {
            scope,
            ways: vec![Way(0, Action::Elapsed)],
            coverage: Coverage::default(),
            known: HashSet::new(),
            friendly: HashSet::new(),
            silent: HashSet::new(),
            steps: 0,
        };
        let start = Place::new(scope).relative();
        explorer.known.insert(start.fingerprint());
        let mut frontier = vec![(0_u32, start)];
        let mut depth = 0;
        while !frontier.is_empty() && depth < deepest && !stop.load(Relaxed) {
            depth += 1;
            let mut next = Vec::new();
            for (index, place) in frontier {
                if stop.load(Relaxed) {
                    break;
                }
                if let Err(broken) = explorer.visit(index, &place, &mut next) {
                    stop.store(true, Relaxed);
                    return Err(explorer.history(index, broken));
                }
            }
            frontier = next;
        }
        let whole = frontier.is_empty() && !stop.load(Relaxed);
        Ok(Explored {
            places: explorer.known.len(),
            steps: explorer.steps,
            depth,
            whole,
            coverage: explorer.coverage,
            took: started.elapsed(),
        })
    }

    /// Checks a place and finds the new ones beyond it.
    fn visit(
        &mut self,
        index: u32,
        place: &Place,
        next: &mut Vec<(u32, Place)>,
    ) -> Result<(), Broken> {
        place.check_stale_inputs().map_err(|broken| (broken, Vec::new()))?;
        self.follow(place, true)?;
        self.follow(place, false)?;
        for action in place.actions(self.scope) {
            let mut there = place.clone();
            self.step(&mut there, action).map_err(|broken| (broken, vec![action]))?;
            let there = there.relative();
            if self.known.insert(there.fingerprint()) {
                let number = u32::try_from(self.ways.len()).expect("fewer than 2^32 places");
                self.ways.push(Way(index, action));
                next.push((number, there));
            }
        }
        Ok(())
    }

    fn step(&mut self, place: &mut Place, action: Action) -> Verdict {
        self.steps += 1;
        let Self { scope, coverage, .. } = self;
        catch_unwind(AssertUnwindSafe(|| place.step(scope, action, coverage)))
            .unwrap_or_else(|_| Err("the machine has panicked".into()))
    }

    /// Follows a world that answers everything at once, or one that answers nothing, until nothing
    /// more happens: every promise is settled then, and a connection that could be had is there.
    fn follow(&mut self, from: &Place, answers: bool) -> Result<(), Broken> {
        let mut here = from.clone();
        let mut path = Vec::new();
        let mut actions = Vec::new();
        loop {
            let fingerprint = here.fingerprint();
            let good = if answers { &mut self.friendly } else { &mut self.silent };
            if good.contains(&fingerprint) {
                good.extend(path);
                return Ok(());
            }
            path.push(fingerprint);
            let Some(action) = (if answers { here.friendly(self.scope) } else { here.silent() })
            else {
                let verdict = here.check_at_end(self.scope, answers);
                good.extend(path);
                return verdict.map_err(|broken| (broken, actions));
            };
            actions.push(action);
            if actions.len() > 100 {
                return Err(("it does not come to rest".into(), actions));
            }
            let promising = answers && here.is_promising();
            if let Err(broken) = self.step(&mut here, action) {
                return Err((broken, actions));
            }
            let connected = here.machine.status().state == StateName::Connected;
            if promising && !connected && !here.is_promising() {
                return Err(("what was wanted was given up in a friendly world".into(), actions));
            }
            here = here.relative();
        }
    }

    /// Writes the shortest history at whose end an invariant does not hold.
    fn history(&self, index: u32, (broken, then): Broken) -> String {
        let mut actions = then;
        let mut at = index;
        while at != 0 {
            let Way(from, action) = self.ways[at as usize];
            actions.insert(0, action);
            at = from;
        }
        let mut text = format!("{}: {broken}. It happens so:\n", self.scope.name);
        let mut place = Place::new(self.scope).relative();
        for action in actions {
            let mut coverage = Coverage { said: Some(Vec::new()), ..Coverage::default() };
            let _ =
                catch_unwind(AssertUnwindSafe(|| place.step(self.scope, action, &mut coverage)));
            let _ = writeln!(text, "  {action:?} -> {}", place.machine.stage());
            for said in coverage.said.unwrap_or_default() {
                let _ = writeln!(text, "      {said}");
            }
            place = place.relative();
        }
        text
    }
}
