//! What tasks read, from real DLMS servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod street;

use collector::{
    CollectorConfig, CollectorEvent, CollectorInput, Selection, Task, TaskFault, Unexpected, Value, What,
};
use dlms::cosem::LogicalName;
use plc_core::{Instant, Seed, Utc};
use std::collections::BTreeSet;
use std::time::Duration;
use street::{CODE, CURRENT, DAILY, IMPORT, LOG, Lie, Network, Street, VOLTAGE, eui64, midnight};

const CLOCK: LogicalName = LogicalName([0, 0, 1, 0, 0, 255]);

fn config() -> CollectorConfig {
    // Read every four hours, so that the plan of the load profile is far away.
    CollectorConfig { every: Duration::from_secs(4 * 3600), ..CollectorConfig::new(Seed::from_u64(5)) }
}

fn task(what: What) -> Task {
    Task {
        number: 1,
        what,
        meters: Selection::All,
        period: Duration::from_secs(1800),
        offset: Duration::from_secs(120),
        spread: Duration::from_secs(60),
        deadline: Duration::from_secs(900),
        priority: 120,
        attempts: 3,
        back_off: Duration::from_secs(20),
        ran: None,
        paused: false,
    }
}

fn street(meters: u16, task: Task) -> Street {
    let mut street = Street::new(config(), meters, Network::GOOD);
    street.input(CollectorInput::Task(task));
    street
}

fn of(street: &Street, n: u16) -> Vec<Value> {
    street.values.values().filter(|value| value.meter == eui64(n)).copied().collect()
}

fn minutes(minutes: u64) -> Utc {
    midnight() + Duration::from_secs(60 * minutes)
}

#[test]
fn registers_are_read_once_a_period_with_their_units_and_those_that_a_meter_lacks_are_left_out() {
    let mut street = street(2, task(What::Registers(vec![VOLTAGE, CURRENT])));
    street.run_until_hours(2.0);
    let told = |n| {
        let told = of(&street, n).into_iter();
        told.map(|v| (v.logical_name, v.value, v.scaler, v.unit)).collect::<BTreeSet<_>>()
    };
    assert_eq!(told(1), BTreeSet::from([(VOLTAGE, 2301, -1, 35)]));
    assert_eq!(told(2), BTreeSet::from([(VOLTAGE, 2302, -1, 35), (CURRENT, -1234, -3, 33)]));
    // The run of 23:32 goes on until 23:47, before anybody knew of it.
    let times: Vec<_> = of(&street, 1).iter().map(|value| value.capture).collect();
    assert_eq!(times.len(), 4, "{times:?}");
    for (time, begin) in times.iter().zip([2, 32, 62, 92]) {
        assert!((minutes(begin)..minutes(begin + 2)).contains(time), "{times:?}");
    }
    let reports: Vec<_> = street.reports.iter().map(|r| (r.at, r.done, r.failed, r.late)).collect();
    assert_eq!(reports, [2, 32, 62, 92].map(|at| (minutes(at), 2, 0, 0)));
    assert_eq!(street.again, 0);
}

#[test]
fn each_event_is_stored_once_also_when_several_bear_the_same_second_and_across_a_restart() {
    let mut street = street(1, task(What::Rows(vec![LOG])));
    let log = |street: &mut Street, at, code| {
        street.meters.get_mut(&1).unwrap().objects.events.push((minutes(at), code));
    };
    for (at, code) in [(0, 1), (1, 7), (1, 7)] {
        log(&mut street, at, code);
    }
    street.run_until_hours(0.4);
    // In the second of the newest that was read, and later.
    for (at, code) in [(1, 9), (20, 4)] {
        log(&mut street, at, code);
    }
    street.run_until_hours(0.6);
    street.restart();
    street.input(CollectorInput::Task(Task { ran: Some(minutes(32)), ..task(What::Rows(vec![LOG])) }));
    log(&mut street, 40, 5);
    street.run_until_hours(1.2);
    let told: Vec<_> = of(&street, 1).iter().map(|v| (v.capture, v.ordinal, v.value)).collect();
    let expected = [(0, 0, 1), (1, 0, 7), (1, 1, 7), (1, 2, 9), (20, 0, 4), (40, 0, 5)]
        .map(|(at, n, code)| (minutes(at), n, code));
    assert_eq!(told, expected);
    assert!(of(&street, 1).iter().all(|v| (v.source, v.logical_name, v.unit) == (LOG, CODE, 255)));
    assert_eq!(street.marks[&(eui64(1), LOG)], minutes(40));
    assert!(street.again <= 4, "no more than a second is read again: {}", street.again);
}

#[test]
fn rows_within_one_second_are_read_again_without_being_taken_for_rows_that_nobody_asked_for() {
    let mut street = street(1, task(What::Rows(vec![LOG])));
    let events = &mut street.meters.get_mut(&1).unwrap().objects.events;
    let within = |millis| minutes(1) + Duration::from_millis(millis);
    events.extend([(within(40), 7), (within(340), 9)]);
    street.run_until_hours(2.1);
    let told: Vec<_> = of(&street, 1).iter().map(|v| (v.capture, v.value)).collect();
    assert_eq!(told, [(within(40), 7), (within(340), 9)]);
    let unexpected = |event: &CollectorEvent| matches!(event, CollectorEvent::UnexpectedValue { .. });
    assert_eq!(street.events_of(1, unexpected), 0);
    assert!(street.reports.iter().all(|report| (report.done, report.late) == (1, 0)), "{:?}", street.reports);
}

#[test]
fn daily_values_are_read_from_the_first_and_then_what_is_new() {
    let mut street = street(2, task(What::Rows(vec![DAILY])));
    street.run_until_hours(26.0);
    let days: Vec<_> = of(&street, 2).iter().map(|value| value.capture).collect();
    let day = Duration::from_secs(86_400);
    assert_eq!(days, (0..6).map(|n| midnight() - day * 4 + day * n).collect::<Vec<_>>());
    for value in of(&street, 2) {
        assert_eq!(value.value, street::truth(2, IMPORT, value.capture));
        assert_eq!((value.logical_name, value.scaler, value.unit), (IMPORT, -1, 30));
    }
}

#[test]
fn the_clock_is_told_and_set_within_the_limit_and_only_while_the_own_one_is_trusted() {
    let config = CollectorConfig { clock_set_max: Some(Duration::from_secs(600)), ..config() };
    let mut street = Street::new(config, 3, Network::GOOD);
    for (n, ahead_ms) in [(1, 0), (2, -90_000), (3, 3_600_000)] {
        let objects = &mut street.meters.get_mut(&n).unwrap().objects;
        (objects.ahead_ms, objects.clock_opens) = (ahead_ms, true);
    }
    street.input(CollectorInput::ClockTrust(false));
    street.input(CollectorInput::Task(task(What::Clock)));
    street.run_until_hours(0.5);
    let set = |event: &CollectorEvent| matches!(event, CollectorEvent::ClockSet { .. });
    assert_eq!((1..=3).map(|n| street.events_of(n, set)).sum::<usize>(), 0);
    let told: Vec<_> = (1..=3).map(|n| of(&street, n)[0]).collect();
    for (value, ahead) in told.iter().zip([0, -90_000, 3_600_000]) {
        assert!((value.value - ahead).abs() < 1000, "{value}");
        assert_eq!((value.source, value.scaler, value.unit), (CLOCK, -3, 7));
    }
    street.input(CollectorInput::ClockTrust(true));
    street.run_until_hours(1.0);
    assert_eq!([1, 2, 3].map(|n| street.events_of(n, set)), [0, 1, 0]);
    let beyond = |event: &CollectorEvent| matches!(event, CollectorEvent::ClockBeyondLimit { by_ms, .. } if (by_ms + 3_600_000).abs() < 1000);
    assert_eq!([1, 2, 3].map(|n| street.events_of(n, beyond)), [0, 0, 1]);
    assert!(street.meters[&2].objects.ahead_ms.abs() < 1000);
    assert_eq!(street.meters[&3].objects.ahead_ms, 3_600_000);
}

#[test]
fn a_meter_that_is_away_is_late_and_its_events_are_read_when_it_is_back() {
    let mut street = street(3, task(What::Rows(vec![LOG])));
    street.run_until_hours(0.4);
    street.leave(2);
    street.meters.get_mut(&2).unwrap().objects.events.push((minutes(30), 3));
    street.run_until_hours(0.9);
    let report = street.reports.last().unwrap();
    assert_eq!((report.at, report.done, report.failed, report.late), (minutes(32), 2, 0, 1));
    assert_eq!(report.named, [eui64(2)]);
    street.join(2);
    street.run_until_hours(1.2);
    assert_eq!(of(&street, 2).iter().map(|v| v.value).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_meter_that_talks_nonsense_is_tried_three_times_and_nothing_of_it_is_stored() {
    let mut street = street(2, task(What::Registers(vec![VOLTAGE])));
    street.meters.get_mut(&1).unwrap().objects.nonsense = true;
    street.run_until_hours(0.4);
    let fault = TaskFault::Unexpected(Unexpected::RowValue);
    let failed = |event: &CollectorEvent| matches!(event, CollectorEvent::TaskFailed { fault: why, .. } if *why == fault);
    let unexpected = |event: &CollectorEvent| matches!(event, CollectorEvent::UnexpectedValue { .. });
    assert_eq!((street.events_of(1, failed), street.events_of(1, unexpected)), (1, 3));
    assert_eq!((of(&street, 1).len(), of(&street, 2).len()), (0, 1));
    let report = &street.reports[0];
    assert_eq!((report.done, report.failed, report.late), (1, 1, 0));
}

#[test]
fn a_meter_whose_load_profile_lies_is_read_by_tasks_all_the_same() {
    for lie in Lie::ALL {
        let mut street = street(1, task(What::Registers(vec![VOLTAGE])));
        street.meters.get_mut(&1).unwrap().objects.lie = Some(lie);
        street.run_until_hours(0.4);
        assert_eq!(of(&street, 1).len(), 1, "{lie:?}");
        assert_eq!(street.captures(1, IMPORT).len(), 0, "{lie:?}");
        assert!(street.events_of(1, |event| matches!(event, CollectorEvent::SessionFailed { .. })) > 0);
    }
}

#[test]
fn what_a_meter_does_not_have_fails_at_once() {
    let mut street = street(1, task(What::Registers(vec![CURRENT])));
    street.run_until_hours(0.4);
    let denied = |event: &CollectorEvent| {
        matches!(event, CollectorEvent::TaskFailed { fault: TaskFault::Denied(_), .. })
    };
    assert_eq!(street.events_of(1, denied), 1);
    assert_eq!(street.events_of(1, |event| matches!(event, CollectorEvent::SessionFailed { .. })), 0);
}

#[test]
fn everything_is_read_on_a_bad_network_and_nothing_twice() {
    let mut street = Street::new(config(), 4, Network::BAD);
    for n in 1..=4 {
        let events = (0..50).map(|k| (minutes(k / 4), (k % 7) as u8));
        street.meters.get_mut(&n).unwrap().objects.events.extend(events);
    }
    street.input(CollectorInput::Task(task(What::Rows(vec![LOG, DAILY]))));
    street.run_until_hours(3.0);
    for n in 1..=4 {
        let events: Vec<_> = of(&street, n).into_iter().filter(|value| value.source == LOG).collect();
        assert_eq!(events.len(), 50);
        let daily = of(&street, n).into_iter().filter(|value| value.source == DAILY).count();
        assert_eq!(daily, 5);
    }
}

#[test]
fn what_the_store_does_not_take_is_read_again_when_it_does() {
    let mut street = street(1, task(What::Rows(vec![LOG])));
    street.meters.get_mut(&1).unwrap().objects.events.push((midnight(), 3));
    street.disk_works = false;
    street.run_until_hours(0.1);
    assert_eq!(street.marks.len(), 0);
    street.disk_works = true;
    street.run_until_hours(0.3);
    assert_eq!(of(&street, 1).len(), 1);
    assert_eq!(street.reports.len(), 1);
}

#[test]
fn an_urgent_task_goes_before_the_load_profile_and_any_other_behind_it() {
    for (priority, first) in [(10, true), (120, false)] {
        let config = CollectorConfig {
            sessions: 1,
            spread: Duration::ZERO,
            ..CollectorConfig::new(Seed::from_u64(3))
        };
        let mut street = Street::new(config, 1, Network::GOOD);
        let what = What::Registers(vec![VOLTAGE]);
        let offset = Duration::from_secs(10);
        street.input(CollectorInput::Task(Task { priority, offset, spread: Duration::ZERO, ..task(what) }));
        // Both are due ten seconds behind the half hour.
        street.run_until_hours(0.45);
        let before = [street.values.len(), street.batches.len()];
        let mut seen = None;
        while seen.is_none() && street.now < Instant::from_secs(1900) {
            let next = street.now + Duration::from_millis(20);
            street.run_until_hours(next.as_nanos() as f64 / 3.6e12);
            let news = [street.values.len() - before[0], street.batches.len() - before[1]];
            seen = (news != [0, 0]).then_some(news[0] > news[1]);
        }
        assert_eq!(seen, Some(first), "priority {priority}");
    }
}

#[test]
fn a_task_that_is_removed_or_paused_reads_nothing() {
    for pause in [true, false] {
        let mut street = street(1, task(What::Registers(vec![VOLTAGE])));
        street.run_until_hours(0.1);
        let held = street.values.len();
        assert_eq!(held, 1);
        if pause {
            let what = What::Registers(vec![VOLTAGE]);
            street.input(CollectorInput::Task(Task { paused: true, ..task(what) }));
        } else {
            street.input(CollectorInput::RemoveTask(1));
        }
        street.run_until_hours(3.0);
        assert_eq!(street.values.len(), held);
    }
}
