//! New keys for meters: whatever is lost, and whenever the concentrator dies, each meter stays readable, under old keys or new.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod street;

use collector::{
    CollectorConfig, CollectorEvent, CollectorInput, CollectorOutput, Denial, MeterKeys, Order, OrderEnd,
    Rekey, RenewedKeys, Work,
};
use plc_core::sap::Key;
use plc_core::{Machine, Seed};
use std::time::Duration;
use street::{IMPORT, KeptKeys, Network, PERIOD, Street, eui64, master, midnight};

const NEW: MeterKeys = MeterKeys { encryption: Key([0xA1; 16]), authentication: Key([0xA2; 16]) };

fn config() -> CollectorConfig {
    CollectorConfig { clock_tolerance: Duration::from_secs(30), ..CollectorConfig::new(Seed::from_u64(5)) }
}

/// As a driver does: the keys are durable before the order is given, and those that may have been sent are not given twice.
fn order(street: &mut Street, master: Key) {
    let kept = street.keys.entry(eui64(1)).or_default();
    if kept.taken == Some(NEW) {
        return;
    }
    let sent = kept.renewed.is_some();
    if !sent {
        kept.renewed = Some(RenewedKeys { keys: NEW, first_invocation_counter: 1 });
    }
    let work = Work::Rekey(Rekey::new(master, NEW, sent));
    let until = street.now + Duration::from_secs(86_400);
    street.input(CollectorInput::Order(Order { number: 9, meter: eui64(1), work, priority: 2, until }));
}

fn ends(street: &Street) -> Vec<OrderEnd> {
    let ended = street.events.iter().filter_map(|(_, event)| match event {
        CollectorEvent::OrderEnded { end, .. } => Some(end.clone()),
        _ => None,
    });
    ended.collect()
}

fn settled(street: &Street) -> Vec<bool> {
    let settled = street.events.iter().filter_map(|(_, event)| match event {
        CollectorEvent::KeysSettled { renewed, .. } => Some(*renewed),
        _ => None,
    });
    settled.collect()
}

/// Whether the meter is read up to the last boundary before `hours`.
fn is_read(street: &Street, hours: f64) -> bool {
    let last = street.captures(1, IMPORT).last_key_value().map(|(capture, _)| *capture);
    last >= Some(midnight() + PERIOD * ((hours * 4.0) as u32 - 1))
}

#[test]
fn a_meter_takes_new_keys_and_counters_begin_anew() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    street.run_until_hours(2.6);
    let before = street.reserved[&eui64(1)];
    order(&mut street, master(1));
    street.run_until_hours(2.61);
    assert_eq!((ends(&street), settled(&street)), (vec![OrderEnd::Done(Vec::new())], vec![true]));
    assert_eq!(street.meters[&1].keys_taken, 2);
    assert_eq!(street.keys[&eui64(1)].taken, Some(NEW));
    assert!(street.reserved[&eui64(1)] <= before && street.server_counters.contains_key(&eui64(1)));
    street.run_until_hours(4.0);
    assert!(is_read(&street, 4.0));
    street.restart();
    street.run_until_hours(6.0);
    assert!(is_read(&street, 6.0), "also by the next life");
    let failed = |event: &CollectorEvent| matches!(event, CollectorEvent::SessionFailed { .. });
    assert_eq!(street.events_of(1, failed), 0);
}

#[test]
fn keys_under_a_wrong_master_key_are_refused_and_the_old_ones_hold() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    street.run_until_hours(1.6);
    order(&mut street, Key([0x66; 16]));
    street.run_until_hours(1.7);
    assert!(matches!(ends(&street)[..], [OrderEnd::Denied(0, Denial::Action(_))]), "{:?}", ends(&street));
    assert_eq!((settled(&street), street.meters[&1].keys_taken), (vec![false], 0));
    street.run_until_hours(3.0);
    assert!(is_read(&street, 3.0));
}

/// Runs until the meter has taken the keys, and loses its answer.
fn lose_the_answer(street: &mut Street) {
    street.run_until_hours(1.6);
    order(street, master(1));
    for step in 0.. {
        if street.meters[&1].keys_taken > 0 {
            break;
        }
        street.run_until_hours(1.6 + f64::from(step) * 1e-6);
    }
    street.meters.get_mut(&1).unwrap().alive = false;
    street.run_until_hours(2.1);
    street.meters.get_mut(&1).unwrap().alive = true;
}

#[test]
fn an_answer_that_was_lost_is_found_out_by_trying_the_new_keys_first() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    lose_the_answer(&mut street);
    street.run_until_hours(4.0);
    assert_eq!((ends(&street), settled(&street)), (vec![OrderEnd::Done(Vec::new())], vec![true]));
    assert!(is_read(&street, 4.0));
}

#[test]
fn keys_that_never_arrived_are_found_out_by_the_old_ones_and_never_sent_again() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    street.run_until_hours(1.6);
    // They may have been sent in an earlier life, and were not.
    let renewed = RenewedKeys { keys: NEW, first_invocation_counter: 1 };
    street.keys.insert(eui64(1), KeptKeys { taken: None, renewed: Some(renewed) });
    street.restart();
    order(&mut street, master(1));
    street.run_until_hours(3.0);
    assert_eq!((ends(&street), settled(&street)), (vec![OrderEnd::NotTaken], vec![false]));
    assert_eq!(street.meters[&1].keys_taken, 0);
    assert!(is_read(&street, 3.0));
}

#[test]
fn on_a_bad_line_the_outcome_is_what_the_meter_has() {
    for seed in 0..12 {
        let config = CollectorConfig { seed: Seed::from_u64(seed), ..config() };
        let mut street = Street::new(config, 1, Network::BAD);
        street.run_until_hours(1.6);
        order(&mut street, master(1));
        street.run_until_hours(4.0);
        let taken = street.meters[&1].keys_taken > 0;
        assert_eq!(settled(&street), [taken], "{seed}");
        let done = matches!(ends(&street)[..], [OrderEnd::Done(_)]);
        assert_eq!(done, taken, "{seed}: {:?}", ends(&street));
        assert!(is_read(&street, 4.0), "{seed}");
    }
}

/// A concentrator that dies before it carries out output number `at` from the order on.
fn die_at(at: usize, network: Network) -> (Street, bool) {
    let mut street = Street::new(config(), 1, network);
    street.run_until_hours(1.6);
    street.dies_after = Some(at);
    order(&mut street, master(1));
    street.run_until_hours(1.9);
    let died = street.dies_after.is_none();
    street.dies_after = None;
    street.restart();
    order(&mut street, master(1));
    street.run_until_hours(5.0);
    (street, died)
}

#[test]
fn a_concentrator_that_dies_between_any_two_steps_leaves_no_meter_unreadable() {
    for network in [Network::GOOD, Network::BAD] {
        let mut deaths = 0;
        for at in 0.. {
            let (street, died) = die_at(at, network);
            let kept = street.keys[&eui64(1)];
            assert!(kept.renewed.is_none(), "{at}: not settled");
            assert_eq!(kept.taken.is_some(), street.meters[&1].keys_taken > 0, "{at}");
            assert!(is_read(&street, 5.0), "{at}: {:?}", street.collector.meter(eui64(1)));
            deaths += usize::from(died);
            if !died {
                break;
            }
        }
        assert!(deaths > 10, "{deaths}");
    }
}

#[test]
fn no_counter_is_used_twice_under_one_key_whenever_the_concentrator_dies() {
    for at in (0..40).step_by(3) {
        let (mut street, _) = die_at(at, Network::GOOD);
        // Replay protection of the meter would refuse what comes under a counter that it has seen.
        street.run_until_hours(7.0);
        assert!(is_read(&street, 7.0), "{at}");
        assert!(street.collector.poll().is_none_or(|output| !matches!(output, CollectorOutput::Udp(_))));
    }
}
