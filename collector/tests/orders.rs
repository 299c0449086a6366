//! What is wanted of a meter ahead of the plan, against real DLMS servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod street;

use collector::{
    Answer, CollectorConfig, CollectorEvent, CollectorInput, Denial, ORDERS_MAX, Order, OrderEnd, Step, Work,
};
use dlms::axdr::Data;
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use plc_core::Seed;
use std::time::Duration;
use street::{IMPORT, Network, PERIOD, Street, eui64, midnight};

const CLOCK: LogicalName = LogicalName([0, 0, 1, 0, 0, 255]);

fn config() -> CollectorConfig {
    // Read every four hours, so that the plan is far away.
    let every = Duration::from_secs(4 * 3600);
    CollectorConfig {
        every,
        clock_tolerance: Duration::from_secs(30),
        ..CollectorConfig::new(Seed::from_u64(5))
    }
}

fn street(meters: u16) -> Street {
    let mut street = Street::new(config(), meters, Network::GOOD);
    street.run_until_hours(1.0);
    street
}

fn order(street: &mut Street, n: u16, number: u64, work: Work) {
    let until = street.now + Duration::from_secs(1800);
    street.input(CollectorInput::Order(Order { number, meter: eui64(n), work, priority: 1, until }));
}

fn ends(street: &Street) -> Vec<(u64, OrderEnd)> {
    let ended = street.events.iter().filter_map(|(_, event)| match event {
        CollectorEvent::OrderEnded { number, end, .. } => Some((*number, end.clone())),
        _ => None,
    });
    ended.collect()
}

#[test]
fn a_meter_is_read_at_once_although_the_plan_says_hours() {
    let mut street = street(3);
    street.run_until_hours(1.3);
    let newest = |street: &Street| street.captures(2, IMPORT).last_key_value().map(|(capture, _)| *capture);
    assert!(newest(&street) <= Some(midnight()), "the plan has not read it");
    order(&mut street, 2, 7, Work::Read);
    street.run_until_hours(1.35);
    assert_eq!(ends(&street), [(7, OrderEnd::Done(Vec::new()))]);
    assert_eq!(newest(&street), Some(midnight() + PERIOD * 5));
    assert_eq!(street.captures(1, IMPORT).last_key_value().map(|(at, _)| *at), Some(midnight()));
    street.run_until_hours(5.0);
    street.assert_complete(
        2,
        *street.captures(2, IMPORT).first_key_value().unwrap().0,
        midnight() + PERIOD * 16,
    );
}

#[test]
fn what_is_ordered_is_done_before_those_that_are_due() {
    let mut street = street(9);
    street.run_until_hours(4.0);
    let at = street.now;
    for n in 1..=9 {
        order(&mut street, n, n.into(), Work::Steps(vec![Step::Get(time())]));
    }
    street.run_until_hours(4.2);
    let (answered, read) = street.events.iter().filter(|(when, _)| *when >= at).fold(
        (None, None),
        |(answered, read), (when, event)| match event {
            CollectorEvent::OrderEnded { .. } => (Some(*when), read),
            CollectorEvent::MeterRead { .. } => (answered, Some(*when)),
            _ => (answered, read),
        },
    );
    assert_eq!(ends(&street).len(), 9);
    assert!(answered < read, "{answered:?} {read:?}");
}

#[test]
fn a_clock_is_set_for_the_asking_although_it_is_within_the_tolerance() {
    let mut street = street(1);
    let objects = &mut street.meters.get_mut(&1).unwrap().objects;
    (objects.ahead_ms, objects.clock_opens) = (20_000, true);
    street.run_until_hours(1.5);
    order(&mut street, 1, 3, Work::SetClock);
    street.run_until_hours(1.6);
    assert_eq!(ends(&street), [(3, OrderEnd::Done(Vec::new()))]);
    let ahead = street.meters[&1].objects.ahead_ms;
    assert!(ahead.abs() < 2000, "{ahead}");
    street.meters.get_mut(&1).unwrap().objects.clock_opens = false;
    order(&mut street, 1, 4, Work::SetClock);
    street.run_until_hours(1.7);
    assert!(matches!(ends(&street)[1], (4, OrderEnd::Denied(0, Denial::Access(_)))), "{:?}", ends(&street));
}

fn time() -> AttributeRequest {
    AttributeRequest::new(8, CLOCK, 2)
}

#[test]
fn steps_are_answered_in_order_and_the_first_refusal_is_the_last() {
    let mut street = street(1);
    let nothing = AttributeRequest::new(8, LogicalName([9, 9, 9, 9, 9, 9]), 2);
    let steps = vec![Step::Get(time()), Step::Get(nothing.clone()), Step::Get(time())];
    order(&mut street, 1, 1, Work::Steps(vec![Step::Get(time()), Step::Get(time())]));
    order(&mut street, 1, 2, Work::Steps(steps));
    let method = MethodRequest { class_id: 8, logical_name: nothing.logical_name, method: 1 };
    order(&mut street, 1, 3, Work::Steps(vec![Step::Act(method, None)]));
    street.run_until_hours(1.1);
    let ends = ends(&street);
    let OrderEnd::Done(answers) = &ends[0].1 else { panic!("{ends:?}") };
    let [Answer::Value(one), Answer::Value(_)] = &answers[..] else { panic!("{ends:?}") };
    assert!(Data::from_bytes(one).unwrap().as_clock_time().is_some());
    assert!(matches!(ends[1], (2, OrderEnd::Denied(1, Denial::Access(_)))), "{ends:?}");
    assert!(matches!(ends[2], (3, OrderEnd::Denied(0, Denial::Action(_)))), "{ends:?}");
}

#[test]
fn an_order_waits_for_a_meter_that_is_away_and_expires_when_it_stays_away() {
    let mut street = street(2);
    street.leave(1);
    street.leave(2);
    order(&mut street, 1, 1, Work::Read);
    order(&mut street, 2, 2, Work::Read);
    street.run_until_hours(1.2);
    assert_eq!(ends(&street), []);
    street.join(1);
    street.run_until_hours(1.45);
    assert_eq!(ends(&street), [(1, OrderEnd::Done(Vec::new()))]);
    street.run_until_hours(1.6);
    assert_eq!(ends(&street)[1..], [(2, OrderEnd::Expired)]);
}

#[test]
fn there_is_a_limit_of_orders_and_each_one_is_answered_once() {
    let mut street = street(1);
    order(&mut street, 9, 1000, Work::Read);
    assert_eq!(ends(&street), [(1000, OrderEnd::NoMeter)]);
    street.leave(1);
    for number in 0..=ORDERS_MAX as u64 {
        order(&mut street, 1, number, Work::Read);
    }
    assert_eq!(ends(&street)[1..], [(ORDERS_MAX as u64, OrderEnd::NoRoom)]);
    street.join(1);
    street.run_until_hours(1.3);
    let mut numbers: Vec<_> = ends(&street).into_iter().map(|(number, _)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..=ORDERS_MAX as u64).chain([1000]).collect::<Vec<_>>());
    order(&mut street, 1, 2000, Work::Steps(vec![Step::Get(time()); 33]));
    assert_eq!(ends(&street).last(), Some(&(2000, OrderEnd::NoRoom)));
}

#[test]
fn a_command_that_may_have_arrived_is_not_repeated_and_said_to_be_uncertain() {
    let mut street = street(1);
    let method = MethodRequest { class_id: 8, logical_name: CLOCK, method: 1 };
    let asked = |street: &Street| street.meters[&1].objects.clock_asked;
    let before = asked(&street);
    order(&mut street, 1, 1, Work::Steps(vec![Step::Get(time()), Step::Act(method, None)]));
    for step in 0.. {
        if asked(&street) > before {
            break;
        }
        street.run_until_hours(1.0 + f64::from(step) * 1e-6);
    }
    // It has answered the first question, and hears nothing of the second.
    street.meters.get_mut(&1).unwrap().alive = false;
    street.run_until_hours(1.2);
    assert!(matches!(ends(&street)[..], [(1, OrderEnd::Uncertain(_))]), "{:?}", ends(&street));
    street.meters.get_mut(&1).unwrap().alive = true;
    street.run_until_hours(1.5);
    assert_eq!(ends(&street).len(), 1);
}
