//! The collector against real DLMS servers.
#![allow(clippy::unwrap_used, reason = "a test")]

mod street;

use collector::{CollectorConfig, CollectorEvent, MeterState, SessionFailure};
use plc_core::{Seed, Utc};
use std::collections::BTreeSet;
use std::time::Duration;
use street::{IMPORT, Lie, MeterDouble, Network, PERIOD, Street, eui64, midnight};

fn config(seed: u64) -> CollectorConfig {
    CollectorConfig { clock_check: 8, ..CollectorConfig::new(Seed::from_u64(seed)) }
}

/// The first capture of a meter: it was installed ten periods before midnight.
fn first() -> Utc {
    midnight() - PERIOD * 9
}

fn hours(hours: u32) -> Utc {
    midnight() + Duration::from_secs(3600) * hours
}

#[test]
fn every_capture_is_stored_with_its_value_on_a_good_network() {
    let mut street = Street::new(config(1), 3, Network::GOOD);
    street.run_until_hours(6.1);
    for n in 1..=3 {
        street.assert_complete(n, first(), hours(6));
        assert_eq!(street.events_of(n, |event| !matches!(event, CollectorEvent::MeterRead { .. })), 0);
        let status = street.collector.meter(eui64(n)).unwrap();
        assert_eq!((status.last_capture, status.failures, status.gaps), (Some(hours(6)), 0, 0));
        assert_eq!(status.state, MeterState::Waiting);
    }
    let reading = street.stored.values().next().unwrap();
    assert_eq!((reading.scaler, reading.unit, reading.status), (-1, 30, 4));
    let readings: usize = street.batches.iter().map(|batch| batch.readings.len()).sum();
    assert_eq!(readings, street.stored.len(), "nothing is read twice");
}

#[test]
fn nothing_is_missing_and_nothing_is_wrong_when_datagrams_are_lost_doubled_and_reordered() {
    for seed in 1..=4 {
        let mut street = Street::new(config(seed), 4, Network::BAD);
        street.run_until_hours(8.0);
        street.network = Network::GOOD;
        street.run_until_hours(8.6);
        (1..=4).for_each(|n| street.assert_complete(n, first(), hours(8) + PERIOD * 2));
    }
}

#[test]
fn an_outage_fills_itself_in_pieces() {
    let mut street = Street::new(CollectorConfig { rows: 8, ..config(2) }, 2, Network::GOOD);
    street.run_until_hours(2.1);
    street.leave(1);
    assert_eq!(street.collector.meter(eui64(1)).unwrap().state, MeterState::Absent);
    street.run_until_hours(9.1);
    street.assert_complete(1, first(), hours(2));
    street.assert_complete(2, first(), hours(9));
    let before = street.batches.len();
    street.join(1);
    street.run_until_hours(9.2);
    street.assert_complete(1, first(), hours(9));
    let pieces = &street.batches[before..];
    assert_eq!(pieces.iter().map(|batch| batch.readings.len()).collect::<Vec<_>>(), [16, 16, 16, 8]);
}

#[test]
fn a_restart_continues_with_reserved_counters_and_stored_captures() {
    let mut street = Street::new(config(3), 2, Network::BAD);
    for hour in [1.003, 2.51, 3.005] {
        street.run_until_hours(hour);
        street.restart();
    }
    street.network = Network::GOOD;
    street.run_until_hours(4.1);
    (1..=2).for_each(|n| street.assert_complete(n, first(), hours(4)));
}

#[test]
fn a_collector_that_forgets_its_counters_is_refused() {
    let mut street = Street::new(config(4), 1, Network::GOOD);
    street.run_until_hours(1.1);
    street.reserved.clear();
    street.restart();
    street.run_until_hours(1.35);
    street.assert_complete(1, first(), hours(1));
    assert!(street.events_of(1, |event| matches!(event, CollectorEvent::SessionFailed { .. })) > 0);
}

#[test]
fn a_meter_that_lies_stores_nothing_and_holds_up_nobody() {
    for lie in Lie::ALL {
        let mut street = Street::new(CollectorConfig { sessions: 1, ..config(5) }, 2, Network::GOOD);
        street.meters.get_mut(&1).unwrap().objects.lie = Some(lie);
        street.run_until_hours(2.1);
        assert_eq!(street.captures(1, IMPORT).len(), 0, "{lie:?}");
        street.assert_complete(2, first(), hours(2));
        let reported = street.events_of(1, |event| matches!(event, CollectorEvent::UnexpectedValue { .. }));
        assert!(reported > 0, "{lie:?}");
        let status = street.collector.meter(eui64(1)).unwrap();
        assert!(matches!(status.last_failure, Some(SessionFailure::Unexpected(_))), "{lie:?}");
        assert_eq!(status.last_capture, None);
    }
}

#[test]
fn a_meter_that_becomes_honest_is_believed_again() {
    let mut street = Street::new(config(6), 1, Network::GOOD);
    street.run_until_hours(1.1);
    street.meters.get_mut(&1).unwrap().objects.lie = Some(Lie::Text);
    street.run_until_hours(1.3);
    street.meters.get_mut(&1).unwrap().objects.lie = None;
    street.run_until_hours(2.1);
    street.assert_complete(1, first(), hours(2));
}

#[test]
fn a_dead_meter_is_tried_a_bounded_number_of_times_and_holds_up_nobody() {
    let config = CollectorConfig { sessions: 2, attempts: 3, ..config(7) };
    let mut street = Street::new(config, 5, Network::GOOD);
    street.meters.get_mut(&1).unwrap().alive = false;
    street.run_until_hours(2.2);
    (2..=5).for_each(|n| street.assert_complete(n, first(), hours(2)));
    let failures = street.events_of(1, |event| matches!(event, CollectorEvent::SessionFailed { .. }));
    assert!((24..=30).contains(&failures), "{failures} failures in eight to ten periods");
    let status = street.collector.meter(eui64(1)).unwrap();
    assert_eq!((status.failures, status.last_capture), (failures as u64, None));
    assert!(status.retries > 0 && status.next_attempt.is_some());
}

#[test]
fn a_row_that_is_missing_is_found_later_or_reported_as_lost() {
    let mut street = Street::new(config(8), 1, Network::GOOD);
    let [late, never] = [3, 5].map(|n| midnight() + PERIOD * n);
    street.meters.get_mut(&1).unwrap().objects.missing = BTreeSet::from([late, never]);
    street.run_until_hours(0.8);
    assert_eq!(street.events_of(1, |event| matches!(event, CollectorEvent::Gap { .. })), 1);
    street.meters.get_mut(&1).unwrap().objects.missing.remove(&late);
    street.run_until_hours(4.1);
    let lost = |event: &CollectorEvent| matches!(event, CollectorEvent::GapLost { range, .. } if (range.from, range.to) == (never, never));
    assert_eq!(street.events_of(1, lost), 1);
    assert_eq!(street.events_of(1, |event| matches!(event, CollectorEvent::GapLost { .. })), 1);
    let status = street.collector.meter(eui64(1)).unwrap();
    assert_eq!((status.gaps, status.captures_lost), (0, 1));
    let expected = (0..).map(|n| first() + PERIOD * n).take_while(|&capture| capture <= hours(4));
    let expected: BTreeSet<_> = expected.filter(|&capture| capture != never).collect();
    assert_eq!(street.captures(1, IMPORT).into_keys().collect::<BTreeSet<_>>(), expected);
    let asked = street.meters[&1].objects.asked;
    street.run_until_hours(5.1);
    assert_eq!(street.meters[&1].objects.asked - asked, 4, "what is lost is not asked for again");
}

#[test]
fn a_capture_counts_as_read_only_when_it_is_durable() {
    let mut street = Street::new(config(9), 1, Network::GOOD);
    street.disk_works = false;
    street.run_until_hours(0.9);
    let status = street.collector.meter(eui64(1)).unwrap();
    assert_eq!((status.last_capture, &status.last_failure), (None, &Some(SessionFailure::NotStored)));
    street.disk_works = true;
    street.run_until_hours(1.1);
    street.assert_complete(1, first(), hours(1));
}

#[test]
fn a_session_that_waits_for_the_store_leaves_the_line_to_others_and_comes_back_when_there_is_a_place() {
    for takes_ms in [1, 20, 400, 5000] {
        let all_at_once = CollectorConfig { sessions: 2, spread: Duration::ZERO, ..config(9) };
        let mut street = Street::new(all_at_once, 8, Network::GOOD);
        street.store_takes = Duration::from_millis(takes_ms);
        street.run_until_hours(1.1);
        assert_eq!(street.most_asked, 2, "{takes_ms} ms");
        assert!((3..=8).contains(&street.most_sessions), "{takes_ms} ms: {}", street.most_sessions);
        (1..=8).for_each(|n| street.assert_complete(n, first(), hours(1)));
    }
}

#[test]
fn a_clock_that_deviates_is_reported_and_the_meter_is_read_all_the_same() {
    let mut street = Street::new(config(10), 2, Network::GOOD);
    street.meters.get_mut(&1).unwrap().objects.ahead_ms = 90_000;
    street.run_until_hours(1.1);
    let deviates = |event: &CollectorEvent| {
        matches!(event, CollectorEvent::ClockDeviation { deviation, ahead: true, .. }
            if deviation.as_secs().abs_diff(90) <= 1)
    };
    assert_eq!((street.events_of(1, deviates), street.events_of(2, deviates)), (1, 0));
    street.assert_complete(1, first(), hours(1));
    street.run_until_hours(3.1);
    assert!((2..=3).contains(&street.events_of(1, deviates)), "compared every eighth session");
}

#[test]
fn a_clock_that_deviates_is_set_once_and_is_right_then() {
    for ahead_ms in [90_000, -86_400_000, 7 * 86_400_000] {
        let mut street = Street::new(config(10), 2, Network::GOOD);
        let objects = &mut street.meters.get_mut(&1).unwrap().objects;
        (objects.ahead_ms, objects.clock_opens) = (ahead_ms, true);
        street.run_until_hours(3.1);
        assert!(street.meters[&1].objects.ahead_ms.abs() < 1000, "{}", street.meters[&1].objects.ahead_ms);
        let set = |event: &CollectorEvent| matches!(event, CollectorEvent::ClockSet { by_ms, .. } if (by_ms + ahead_ms).abs() < 1000);
        assert_eq!((street.events_of(1, set), street.events_of(2, set)), (1, 0));
        let checks = |event: &CollectorEvent| matches!(event, CollectorEvent::ClockDeviation { .. });
        assert_eq!(street.events_of(1, checks), 1, "it does not deviate any more");
        street.assert_complete(1, first(), hours(3));
    }
}

#[test]
fn a_clock_that_is_lost_is_set_if_clocks_are_and_is_told_in_any_case() {
    for clock_set in [true, false] {
        let mut street = Street::new(CollectorConfig { clock_set, ..config(10) }, 1, Network::GOOD);
        let objects = &mut street.meters.get_mut(&1).unwrap().objects;
        (objects.clock_lost, objects.clock_opens) = (true, true);
        street.run_until_hours(1.1);
        let lost = street.events_of(1, |event| matches!(event, CollectorEvent::ClockLost { .. }));
        let set = street.events_of(1, |event| matches!(event, CollectorEvent::ClockSet { by_ms: 0, .. }));
        let objects = &street.meters[&1].objects;
        assert_eq!((lost, set, objects.clock_lost), if clock_set { (1, 1, false) } else { (0, 0, true) });
        if clock_set {
            assert!(objects.ahead_ms.abs() < 1000, "{}", objects.ahead_ms);
            street.assert_complete(1, first(), hours(1));
        } else {
            let told = |event: &CollectorEvent| {
                matches!(event, CollectorEvent::SessionFailed { .. } | CollectorEvent::UnexpectedValue { .. })
            };
            assert!(street.events_of(1, told) > 0);
        }
    }
}

#[test]
fn a_meter_that_is_replaced_under_another_address_is_read_there() {
    let mut street = Street::new(config(11), 1, Network::GOOD);
    street.run_until_hours(1.1);
    let moved = street.meters.remove(&1).unwrap();
    let double = MeterDouble { objects: moved.objects, server: moved.server, alive: true, keys_taken: 0 };
    street.meters.insert(77, double);
    let short = plc_core::ShortAddress(77);
    street.input(collector::CollectorInput::Joined { eui64: eui64(1), short });
    street.run_until_hours(2.1);
    street.assert_complete(1, first(), hours(2));
}

#[test]
fn the_bad_network_is_bad_enough_to_try_the_retries() {
    let mut street = Street::new(config(1), 4, Network { loss_percent: 40, ..Network::BAD });
    street.run_until_hours(4.0);
    let failed: usize = (1..=4)
        .map(|n| street.events_of(n, |event| matches!(event, CollectorEvent::SessionFailed { .. })))
        .sum();
    let retries: u64 = street.collector.meters().map(|meter| meter.retries).sum();
    assert!(failed > 3 && retries > 3, "{failed} sessions failed, {retries} were retries");
    street.network = Network::GOOD;
    street.run_until_hours(4.5);
    (1..=4).for_each(|n| street.assert_complete(n, first(), hours(4) + PERIOD));
}

#[test]
fn one_block_of_reserved_counters_serves_many_sessions_and_a_restart_goes_on_behind_it() {
    let mut street = Street::new(config(9), 2, Network::GOOD);
    street.run_until_hours(3.1);
    let sessions = street.collector.meter(eui64(1)).unwrap().sessions;
    assert!(sessions >= 12, "{sessions} sessions");
    assert_eq!(street.reserved[&eui64(1)], 1 + 1024, "reserved once");
    street.restart();
    street.run_until_hours(3.6);
    assert_eq!(street.reserved[&eui64(1)], 1 + 2 * 1024, "what may have been used is not used again");
    street.assert_complete(1, first(), hours(3) + PERIOD * 2);
}
