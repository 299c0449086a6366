//! A box and a head-end over a line that breaks: all is delivered, in batches, once each side knows it, whatever happens in between. And
//! the laws of a machine.
#![allow(clippy::unwrap_used, reason = "a test")]

use backhaul::{Ending, Intake, Lot, Order, Span, Spans, Uplink, UplinkConfig, UplinkInput, UplinkOutput};
use plc_core::laws::{Subject, check};
use plc_core::{Instant, Machine, Seed};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::time::Duration;

const HEARTBEAT: Duration = Duration::from_secs(15);

fn uplink(order: Order, octets_per_s: Option<u64>) -> Uplink {
    let config =
        UplinkConfig { order, octets_per_s, batch: 10, window: 4, ..UplinkConfig::new(Seed::from_u64(1)) };
    Uplink::new(config)
}

fn outputs(machine: &mut Uplink) -> Vec<UplinkOutput> {
    std::iter::from_fn(|| machine.poll()).collect()
}

/// Connected, welcomed, with so many readings to deliver.
fn linked(machine: &mut Uplink, now: Instant, newest: u64, held: &Spans) -> Vec<UplinkOutput> {
    machine.handle(now, UplinkInput::Grown { lot: Lot::Readings, newest });
    assert_eq!(outputs(machine), [UplinkOutput::Open]);
    machine.handle(now, UplinkInput::Opened);
    assert_eq!(outputs(machine), [UplinkOutput::Hello]);
    machine.handle(now, welcome(&Spans::new(), held, Some(&Spans::new())));
    outputs(machine)
}

const fn welcome<'a>(events: &'a Spans, readings: &'a Spans, values: Option<&'a Spans>) -> UplinkInput<'a> {
    UplinkInput::Welcome { events, readings, values }
}

fn batch(lot: Lot, first: u64, last: u64) -> UplinkOutput {
    UplinkOutput::Batch { lot, span: Span { first, last } }
}

#[test]
fn delivery_resumes_where_the_head_end_is_and_events_go_first() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    machine.handle(now, UplinkInput::Grown { lot: Lot::Events, newest: 3 });
    let held = Spans::through(20);
    let said = linked(&mut machine, now, 45, &held);
    let expected = [
        UplinkOutput::Held { lot: Lot::Readings, spans: held },
        batch(Lot::Events, 1, 3),
        batch(Lot::Readings, 21, 30),
        batch(Lot::Readings, 31, 40),
        batch(Lot::Readings, 41, 45),
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_window_is_never_exceeded_and_opens_with_an_acknowledgement() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    assert_eq!(linked(&mut machine, now, 1000, &Spans::new()).len(), 4);
    machine.handle(now, UplinkInput::Acknowledged { lot: Lot::Readings, held: &Spans::through(20) });
    let held = UplinkOutput::Held { lot: Lot::Readings, spans: Spans::through(20) };
    assert_eq!(outputs(&mut machine), [held, batch(Lot::Readings, 41, 50), batch(Lot::Readings, 51, 60)]);
}

#[test]
fn a_head_end_that_holds_more_than_the_box_ever_had_makes_it_take_a_new_epoch() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    let said = linked(&mut machine, now, 50, &Spans::through(51));
    assert_eq!(said, [UplinkOutput::Close(Ending::NewEpoch), UplinkOutput::Renew]);
    machine.tick(now + Duration::from_secs(1000));
    assert_eq!(outputs(&mut machine), [], "nothing is said before the epoch is durable");
    machine.handle(now, UplinkInput::Renewed);
    let now = machine.deadline().unwrap();
    assert!(now <= Instant::from_secs(2), "soon, but not at once: {now:?}");
    machine.tick(now);
    assert_eq!(outputs(&mut machine).pop(), Some(UplinkOutput::Open));
    machine.handle(now, UplinkInput::Opened);
    outputs(&mut machine);
    machine.handle(now, welcome(&Spans::new(), &Spans::new(), None));
    assert_eq!(outputs(&mut machine)[0], batch(Lot::Readings, 1, 10), "all is sent again");
}

/// Dials again after a break, and is welcomed.
fn again(machine: &mut Uplink, now: Instant, values: Option<&Spans>) -> Vec<UplinkOutput> {
    machine.handle(now, UplinkInput::Closed { retry_after: None });
    let now = now + Duration::from_secs(400);
    machine.tick(now);
    machine.handle(now, UplinkInput::Opened);
    assert_eq!(outputs(machine), [UplinkOutput::Open, UplinkOutput::Hello]);
    machine.handle(now, welcome(&Spans::new(), &Spans::through(5), values));
    outputs(machine)
}

#[test]
fn values_go_when_neither_events_nor_readings_wait_and_as_they_came() {
    let (mut machine, now) = (uplink(Order::NewestFirst, None), Instant::from_secs(1));
    machine.handle(now, UplinkInput::Grown { lot: Lot::Values, newest: 25 });
    let said = linked(&mut machine, now, 15, &Spans::new());
    let expected = [
        batch(Lot::Readings, 6, 15),
        batch(Lot::Readings, 1, 5),
        batch(Lot::Values, 1, 10),
        batch(Lot::Values, 11, 20),
    ];
    assert_eq!(said, expected, "as many as the window has room for");
    machine.handle(now, UplinkInput::Grown { lot: Lot::Readings, newest: 16 });
    machine.handle(now, UplinkInput::Acknowledged { lot: Lot::Values, held: &Spans::through(10) });
    let held = UplinkOutput::Held { lot: Lot::Values, spans: Spans::through(10) };
    assert_eq!(outputs(&mut machine), [held, batch(Lot::Readings, 16, 16)], "a reading overtakes");
    machine.handle(now, UplinkInput::Pruned { lot: Lot::Values, floor: 24 });
    machine.handle(now, UplinkInput::Acknowledged { lot: Lot::Values, held: &Spans::through(20) });
    assert_eq!(outputs(&mut machine).pop(), Some(batch(Lot::Values, 24, 25)), "what has left is not sent");
}

#[test]
fn a_head_end_that_does_not_take_values_is_sent_none_until_another_one_takes_them() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    machine.handle(now, UplinkInput::Grown { lot: Lot::Values, newest: 8 });
    linked(&mut machine, now, 5, &Spans::new());
    let old = again(&mut machine, now, None);
    assert!(!old.iter().any(|said| matches!(said, UplinkOutput::Batch { lot: Lot::Values, .. })), "{old:?}");
    let now = now + Duration::from_secs(401);
    let new = again(&mut machine, now, Some(&Spans::through(3)));
    assert_eq!(new.last(), Some(&batch(Lot::Values, 4, 8)));
    let older = again(&mut machine, now + Duration::from_secs(401), None);
    assert_eq!(older, [], "what it was told before is not undone, and nothing more goes");
    assert_eq!(machine.held(Lot::Values), &Spans::through(3));
}

#[test]
fn a_head_end_that_holds_more_than_was_sent_makes_it_take_a_new_epoch_although_the_box_has_more_by_now() {
    let config = UplinkConfig { ceiling: Some([5, 728, 0]), ..UplinkConfig::new(Seed::from_u64(1)) };
    let greeted = |held: &Spans| {
        let (mut machine, now) = (Uplink::new(config.clone()), Instant::from_secs(1));
        let said = linked(&mut machine, now, 1692, held);
        (machine, now, said)
    };
    let (_, _, said) = greeted(&Spans::through(728));
    assert!(said.contains(&batch(Lot::Readings, 729, 828)), "{said:?}");
    let (mut machine, now, said) = greeted(&Spans::through(1152));
    assert_eq!(said, [UplinkOutput::Close(Ending::NewEpoch), UplinkOutput::Renew]);
    machine.handle(now, UplinkInput::Renewed);
    let mut later = now;
    // From the new epoch on, whatever there is may have been sent.
    for held in [Spans::new(), Spans::through(1692)] {
        later = machine.deadline().unwrap().max(later);
        machine.tick(later);
        assert!(outputs(&mut machine).contains(&UplinkOutput::Open));
        machine.handle(later, UplinkInput::Opened);
        machine.handle(later, welcome(&Spans::new(), &held, None));
        assert!(machine.is_linked());
        outputs(&mut machine);
        machine.handle(later, UplinkInput::Closed { retry_after: None });
    }
}

#[test]
fn a_head_end_that_always_holds_more_is_asked_with_pauses() {
    let (mut machine, mut now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    let begun = now;
    for n in 0..20 {
        now = machine.deadline().unwrap().max(now);
        machine.tick(now);
        assert_eq!(outputs(&mut machine), [UplinkOutput::Open], "{n}");
        machine.handle(now, UplinkInput::Opened);
        outputs(&mut machine);
        machine.handle(now, welcome(&Spans::new(), &Spans::through(9), None));
        assert!(outputs(&mut machine).contains(&UplinkOutput::Renew));
        machine.handle(now, UplinkInput::Renewed);
    }
    assert!(now.since(begun) > Duration::from_secs(600), "{:?}", now.since(begun));
}

#[test]
fn values_that_the_box_never_had_make_it_take_a_new_epoch() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    machine.handle(now, UplinkInput::Grown { lot: Lot::Values, newest: 8 });
    linked(&mut machine, now, 5, &Spans::new());
    let said = again(&mut machine, now, Some(&Spans::through(9)));
    assert_eq!(said, [UplinkOutput::Close(Ending::NewEpoch), UplinkOutput::Renew]);
}

#[test]
fn a_head_end_that_acknowledges_what_never_was_is_left_and_nothing_counts_as_held() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    linked(&mut machine, now, 50, &Spans::through(20));
    machine.handle(now, UplinkInput::Acknowledged { lot: Lot::Readings, held: &Spans::through(51) });
    assert_eq!(outputs(&mut machine), [UplinkOutput::Close(Ending::NeverSent)]);
    assert_eq!(machine.held(Lot::Readings), &Spans::through(20));
}

#[test]
fn a_silent_head_end_is_left_after_three_heartbeats() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    linked(&mut machine, now, 0, &Spans::new());
    for n in 1..3 {
        machine.tick(now + HEARTBEAT * n);
        assert_eq!(outputs(&mut machine), [UplinkOutput::Heartbeat]);
    }
    machine.tick(now + HEARTBEAT * 3);
    assert_eq!(outputs(&mut machine), [UplinkOutput::Close(Ending::Silent)]);
}

#[test]
fn a_head_end_that_answers_and_never_commits_is_left() {
    let (mut machine, mut now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    linked(&mut machine, now, 5, &Spans::new());
    for _ in 0..5 {
        now += Duration::from_secs(10);
        machine.handle(now, UplinkInput::Heartbeat);
        assert!(!outputs(&mut machine).contains(&UplinkOutput::Close(Ending::NotAcknowledged)));
    }
    now += Duration::from_secs(10);
    machine.handle(now, UplinkInput::Heartbeat);
    assert!(outputs(&mut machine).contains(&UplinkOutput::Close(Ending::NotAcknowledged)));
}

#[test]
fn a_head_end_that_says_when_to_come_back_is_not_asked_before() {
    let (mut machine, now) = (uplink(Order::OldestFirst, None), Instant::from_secs(1));
    linked(&mut machine, now, 5, &Spans::new());
    machine.handle(now, UplinkInput::Closed { retry_after: Some(Duration::from_secs(40)) });
    machine.tick(now + Duration::from_millis(39_999));
    assert_eq!(outputs(&mut machine), []);
    machine.tick(now + Duration::from_secs(42));
    assert_eq!(outputs(&mut machine), [UplinkOutput::Open]);
}

#[test]
fn a_cap_lets_one_batch_go_at_a_time_and_keeps_the_rate() {
    let (mut machine, mut now) = (uplink(Order::OldestFirst, Some(1000)), Instant::from_secs(10));
    let mut said = linked(&mut machine, now, 10_000, &Spans::new());
    let (started, mut octets) = (now, 0);
    while now.since(started) < Duration::from_secs(20) {
        let batches: Vec<_> = said
            .iter()
            .filter_map(|output| match output {
                UplinkOutput::Batch { span, .. } => Some(*span),
                _ => None,
            })
            .collect();
        assert!(batches.len() <= 1);
        if let Some(span) = batches.first() {
            octets += 300;
            machine.handle(now, UplinkInput::Sent { octets: 300 });
            machine.handle(
                now,
                UplinkInput::Acknowledged { lot: Lot::Readings, held: &Spans::through(span.last) },
            );
        }
        said = outputs(&mut machine);
        if said.iter().all(|output| !matches!(output, UplinkOutput::Batch { .. })) {
            now = machine.deadline().unwrap();
            machine.tick(now);
            said = outputs(&mut machine);
        }
    }
    assert!((19_000..=22_000).contains(&octets), "{octets}");
}

/// What may happen on the way.
#[derive(Clone, Debug)]
enum Step {
    Grow(Lot, u64),
    Opened,
    Closed(Option<u64>),
    Welcome(u64, Option<u64>),
    Acknowledged(Lot, u64),
    Heartbeat,
    Sent(u64),
    Renewed,
    Pruned(Lot, u64),
}

struct Of(Option<u64>);

impl Subject for Of {
    type Machine = Uplink;
    type Step = Step;

    fn build(&self) -> Uplink {
        let mut machine = uplink(Order::NewestFirst, self.0);
        machine.tick(Instant::from_secs(1));
        machine
    }

    fn apply(&self, machine: &mut Uplink, now: Instant, step: &Step) {
        let held = |last: u64| Spans::through(last);
        match *step {
            Step::Grow(lot, newest) => machine.handle(now, UplinkInput::Grown { lot, newest }),
            Step::Opened => machine.handle(now, UplinkInput::Opened),
            Step::Closed(after) => {
                machine.handle(now, UplinkInput::Closed { retry_after: after.map(Duration::from_secs) })
            }
            Step::Welcome(readings, values) => {
                machine.handle(now, welcome(&Spans::new(), &held(readings), values.map(held).as_ref()));
            }
            Step::Acknowledged(lot, last) => {
                machine.handle(now, UplinkInput::Acknowledged { lot, held: &held(last) })
            }
            Step::Heartbeat => machine.handle(now, UplinkInput::Heartbeat),
            Step::Sent(octets) => machine.handle(now, UplinkInput::Sent { octets }),
            Step::Renewed => machine.handle(now, UplinkInput::Renewed),
            Step::Pruned(lot, floor) => machine.handle(now, UplinkInput::Pruned { lot, floor }),
        }
    }

    fn describe(&self, output: &UplinkOutput) -> String {
        format!("{output:?}")
    }

    fn occupancy(&self, machine: &Uplink) -> (usize, usize) {
        (machine.occupancy(), 4 + 4 + 8)
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (lot(), 0u64..90).prop_map(|(lot, newest)| Step::Grow(lot, newest)),
        Just(Step::Opened),
        prop::option::of(0u64..50).prop_map(Step::Closed),
        (0u64..60, prop::option::of(0u64..60)).prop_map(|(readings, values)| Step::Welcome(readings, values)),
        (lot(), 0u64..90).prop_map(|(lot, last)| Step::Acknowledged(lot, last)),
        Just(Step::Heartbeat),
        (0u64..5000).prop_map(Step::Sent),
        Just(Step::Renewed),
        (lot(), 0u64..30).prop_map(|(lot, floor)| Step::Pruned(lot, floor)),
    ]
}

fn lot() -> impl Strategy<Value = Lot> {
    prop::sample::select(&Lot::ALL)
}

/// In the end all of `newest` readings is held, and the box knows it; of values as long as somebody takes them.
fn both_ends_agree(machine: &Uplink, intake: &Intake, newest: u64, takes_values: bool) -> TestCaseResult {
    prop_assert_eq!(intake.held(Lot::Readings), &Spans::through(newest));
    for lot in [Lot::Events, Lot::Readings] {
        prop_assert_eq!(machine.held(lot), intake.held(lot));
    }
    let values = intake.held(Lot::Values);
    if takes_values {
        prop_assert_eq!(values, &Spans::through(newest / 2));
        prop_assert_eq!(machine.held(Lot::Values), values);
    }
    // An acknowledgement of values that was lost with the line is not said again by who takes none.
    prop_assert!(machine.held(Lot::Values).spans().iter().all(|span| values.covers(*span)));
    Ok(())
}

proptest! {
    #[test]
    fn the_laws_hold(
        steps in prop::collection::vec(((0u64..40_000).prop_map(Duration::from_millis), step()), 0..40), cap in prop::option::of(100u64..2000),
    ) {
        prop_assert_eq!(check(&Of(cap), &steps), Ok(()));
    }

    /// The line breaks at any moment, batches and acknowledgements with it, and at the other end there may be a head-end that does not
    /// take values; in the end everything is held, and what was acknowledged was always held before.
    #[test]
    fn everything_arrives_over_a_line_that_breaks(
        breaks in prop::collection::vec(0u32..12, 0..30), newest_first: bool, grow in prop::collection::vec(0u64..40, 0..8),
        old in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        let order = if newest_first { Order::NewestFirst } else { Order::OldestFirst };
        let (mut machine, mut intake, mut now) = (uplink(order, None), Intake::default(), Instant::from_secs(1));
        let (mut newest, mut grow, mut breaks) = (100, grow.into_iter(), breaks.into_iter());
        let (mut until_break, mut old, mut takes_values) = (breaks.next(), old.into_iter(), true);
        let grown = |machine: &mut Uplink, now, newest| {
            for (lot, newest) in Lot::ALL.into_iter().zip([newest / 9, newest, newest / 2]) {
                machine.handle(now, UplinkInput::Grown { lot, newest });
            }
        };
        grown(&mut machine, now, newest);
        for _ in 0..3000 {
            let broken = until_break == Some(0);
            until_break = if broken { breaks.next() } else { until_break.map(|left| left - 1) };
            if broken {
                newest += grow.next().unwrap_or(0);
                grown(&mut machine, now, newest);
                machine.handle(now, UplinkInput::Closed { retry_after: None });
            }
            match machine.poll() {
                None => {
                    now = machine.deadline().unwrap().max(now);
                    machine.tick(now);
                }
                Some(UplinkOutput::Open) => machine.handle(now, UplinkInput::Opened),
                Some(UplinkOutput::Hello) => {
                    takes_values = !old.next().unwrap_or(false);
                    let [events, readings, values] = Lot::ALL.map(|lot| intake.held(lot).clone());
                    machine.handle(now, welcome(&events, &readings, takes_values.then_some(&values)));
                }
                Some(UplinkOutput::Batch { lot, span }) => {
                    machine.handle(now, UplinkInput::Sent { octets: 1 });
                    prop_assert!(takes_values || lot != Lot::Values, "an old head-end would end the connection");
                    prop_assert!(intake.examine(lot, span, usize::try_from(span.len()).unwrap()).is_ok());
                    intake.committed(lot, span);
                    // The acknowledgement of every second one is lost with the line.
                    if until_break.is_none_or(|left| left % 2 == 0) {
                        let held = intake.held(lot).clone();
                        machine.handle(now, UplinkInput::Acknowledged { lot, held: &held });
                    }
                }
                Some(UplinkOutput::Held { lot, spans }) => {
                    prop_assert!(spans.spans().iter().all(|span| intake.held(lot).covers(*span)));
                }
                Some(UplinkOutput::Heartbeat) => machine.handle(now, UplinkInput::Heartbeat),
                Some(UplinkOutput::Close(_) | UplinkOutput::Renew) => {}
            }
        }
        both_ends_agree(&machine, &intake, newest, takes_values)?;
    }
}
