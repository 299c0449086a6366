//! The six laws of a [`Machine`], as a harness for property tests.
//!
//! * **quiescent**: when `poll` has returned `None`, the deadline lies in the future;
//! * **idle**: ticking before the deadline changes nothing;
//! * **deterministic**: same configuration and inputs, same outputs;
//! * **ordered**: a `Persist` comes before the transmission that relies on it;
//! * **total**: no input panics (the harness hands on whatever the generator makes);
//! * **bounded**: what the machine holds never exceeds its configured limit.
//!
//! A crate writes a [`Subject`] for its machine, generates steps with `proptest`, and calls [`check`].

use crate::{Instant, Machine};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::time::Duration;

/// How an output takes part in the law of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Makes everything up to and excluding this mark durable.
    Persists(u64),
    /// Uses this mark; it must be durable by now.
    ReliesOn(u64),
    /// Neither.
    Free,
}

/// A machine under test and the way to drive it.
pub trait Subject {
    /// The machine.
    type Machine: Machine;
    /// An owned input.
    type Step: Clone + Debug;

    /// A fresh machine, always the same.
    fn build(&self) -> Self::Machine;
    /// Hands `step` to the machine.
    fn apply(&self, machine: &mut Self::Machine, now: Instant, step: &Self::Step);
    /// A text that two machines share exactly when their outputs are the same.
    fn describe(&self, output: &<Self::Machine as Machine>::Output) -> String;
    /// The part of an output in the law of order.
    fn durability(&self, _output: &<Self::Machine as Machine>::Output) -> Durability {
        Durability::Free
    }
    /// The mark that is durable when the machine starts.
    fn durable_at_start(&self) -> u64 {
        0
    }
    /// What the machine holds (entries in tables and queues) and the most that it may hold.
    fn occupancy(&self, machine: &Self::Machine) -> (usize, usize);
}

/// Runs the machine through `steps`, each after its pause, and checks every law.
///
/// # Errors
/// The law that was broken, where, and how.
pub fn check<S: Subject>(subject: &S, steps: &[(Duration, S::Step)]) -> Result<(), String> {
    let quiet = run(subject, steps, false)?;
    let again = run(subject, steps, false)?;
    differ("deterministic", &quiet, &again)?;
    let ticked = run(subject, steps, true)?;
    differ("idle", &quiet, &ticked)
}

fn differ(law: &str, a: &[String], b: &[String]) -> Result<(), String> {
    let first = a.iter().zip(b).position(|(x, y)| x != y);
    match first {
        Some(n) => Err(format!("{law}: output {n} differs: {} / {}", a[n], b[n])),
        None if a.len() != b.len() => Err(format!("{law}: {} outputs and {}", a.len(), b.len())),
        None => Ok(()),
    }
}

/// Outputs that one drain may give before the machine counts as one that never becomes quiescent.
const DRAIN_MAX: usize = 10_000;
/// Deadlines that may pass between two steps before the harness moves on.
const TICKS_MAX: usize = 10_000;

fn run<S: Subject>(
    subject: &S,
    steps: &[(Duration, S::Step)],
    idle_ticks: bool,
) -> Result<Vec<String>, String> {
    let mut run = Run {
        subject,
        machine: subject.build(),
        now: Instant::from_secs(1),
        durable: subject.durable_at_start(),
        trace: Vec::new(),
    };
    run.drain()?;
    for (pause, step) in steps {
        let then = run.now + *pause;
        run.advance(then, idle_ticks)?;
        run.now = then;
        subject.apply(&mut run.machine, then, step);
        run.drain()?;
    }
    Ok(run.trace)
}

struct Run<'s, S: Subject> {
    subject: &'s S,
    machine: S::Machine,
    now: Instant,
    durable: u64,
    trace: Vec<String>,
}

impl<S: Subject> Run<'_, S> {
    /// Ticks at each deadline up to `then`; with `idle_ticks` also half-way before each.
    fn advance(&mut self, then: Instant, idle_ticks: bool) -> Result<(), String> {
        for _ in 0..TICKS_MAX {
            let next = self.machine.deadline().filter(|&at| at <= then);
            if idle_ticks {
                let early = self.now + next.unwrap_or(then).since(self.now) / 2;
                if self.machine.deadline().is_none_or(|at| early < at) {
                    self.machine.tick(early);
                    self.drain_at(early)?;
                }
            }
            let Some(at) = next else { return Ok(()) };
            self.now = self.now.max(at);
            self.machine.tick(self.now);
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), String> {
        self.drain_at(self.now)
    }

    fn drain_at(&mut self, now: Instant) -> Result<(), String> {
        for _ in 0..DRAIN_MAX {
            let Some(output) = self.machine.poll() else { return self.after_drain(now) };
            self.order(&output)?;
            let text = self.subject.describe(&output);
            self.trace.push(text);
        }
        Err(format!("quiescent: more than {DRAIN_MAX} outputs at {now:?}"))
    }

    fn order(&mut self, output: &<S::Machine as Machine>::Output) -> Result<(), String> {
        match self.subject.durability(output) {
            Durability::Persists(mark) => self.durable = self.durable.max(mark),
            Durability::ReliesOn(mark) if mark >= self.durable => {
                return Err(format!("ordered: mark {mark} used, durable is {}", self.durable));
            }
            _ => {}
        }
        Ok(())
    }

    fn after_drain(&self, now: Instant) -> Result<(), String> {
        if let Some(at) = self.machine.deadline().filter(|&at| at <= now) {
            return Err(format!("quiescent: deadline {at:?} is not after {now:?}"));
        }
        let (held, limit) = self.subject.occupancy(&self.machine);
        if held > limit {
            return Err(format!("bounded: {held} held, limit {limit}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outbox;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// Answers each number after a second; `fault` breaks one law on purpose.
    struct Echo {
        fault: Option<&'static str>,
        pending: heapless::Deque<(Instant, u8), 4>,
        out: Outbox<u64, 8>,
        nonce: u64,
    }

    impl Machine for Echo {
        type Input<'a> = u8;
        type Output = u64;
        fn handle(&mut self, now: Instant, input: u8) {
            let at = now + Duration::from_secs(1);
            if self.pending.push_back((at, input)).is_err() {
                self.out.push(999);
            }
        }
        fn tick(&mut self, now: Instant) {
            if self.fault == Some("idle") {
                self.out.push(999);
            }
            while self.pending.front().is_some_and(|&(at, _)| at <= now && self.fault != Some("quiescent")) {
                let (_, n) = self.pending.pop_front().unwrap();
                if self.fault != Some("ordered") {
                    self.out.push(1000 + self.nonce + 1);
                }
                self.out.push(self.nonce);
                self.nonce += 1 + u64::from(n == 200 && self.fault == Some("total"));
            }
        }
        fn deadline(&self) -> Option<Instant> {
            self.pending.front().map(|&(at, _)| at)
        }
        fn poll(&mut self) -> Option<u64> {
            self.out.pop()
        }
    }

    struct Of(Option<&'static str>);

    impl Subject for Of {
        type Machine = Echo;
        type Step = u8;
        fn build(&self) -> Echo {
            Echo { fault: self.0, pending: heapless::Deque::new(), out: Outbox::new(), nonce: 0 }
        }
        fn apply(&self, machine: &mut Echo, now: Instant, step: &u8) {
            machine.handle(now, *step);
        }
        fn describe(&self, output: &u64) -> String {
            output.to_string()
        }
        fn durability(&self, output: &u64) -> Durability {
            match *output {
                999 => Durability::Free,
                n if n > 1000 => Durability::Persists(n - 1000),
                n => Durability::ReliesOn(n),
            }
        }
        fn occupancy(&self, machine: &Echo) -> (usize, usize) {
            (machine.pending.len(), if self.0 == Some("bounded") { 1 } else { 4 })
        }
    }

    proptest! {
        #[test]
        fn a_lawful_machine_passes(steps in prop::collection::vec((0u64..2000, any::<u8>()), 0..50)) {
            let steps: Vec<_> = steps.into_iter().map(|(ms, n)| (Duration::from_millis(ms), n)).collect();
            prop_assert_eq!(check(&Of(None), &steps), Ok(()));
        }
    }

    #[test]
    fn each_broken_law_is_named() {
        let steps: Vec<_> = [0, 100, 1500, 100].map(|ms| (Duration::from_millis(ms), 1)).into();
        for law in ["idle", "quiescent", "ordered", "bounded"] {
            let error = check(&Of(Some(law)), &steps).unwrap_err();
            assert!(error.starts_with(law), "{law}: {error}");
        }
    }
}
