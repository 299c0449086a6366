//! What befalls a town, one thing at a time.

use super::scenarios::report;
use plc_core::time::Duration;
use sim::report::Report;
use sim::scenario::Scenario;
use sim::world::{Action, Choice, TownConfig};

/// Twelve meters for an hour.
fn town(change: impl FnOnce(&mut TownConfig)) -> Report {
    let mut town = TownConfig::new(3);
    town.meters = 12;
    town.duration = Duration::from_secs(4000);
    change(&mut town);
    let report = report(&Scenario { name: "fault".into(), about: String::new(), town });
    assert_eq!(report.record.violations, [""; 0]);
    report
}

fn at(second: u64, action: Action) -> (Duration, Action) {
    (Duration::from_secs(second), action)
}

#[test]
fn a_concentrator_that_restarts_goes_on_reading_without_a_meter_joining_again() {
    let report = town(|town| {
        let off = at(1000, Action::PowerOff(Choice::Node(0)));
        town.actions = vec![off, at(1010, Action::PowerOn(Choice::Node(0)))];
    });
    assert!(report.meters.iter().all(|meter| meter.join_s.len() == 1), "a meter has joined again");
    assert_eq!(report.captures.0, report.captures.1);
    assert_eq!(report.record.lives.len(), 2);
}

#[test]
fn meters_that_lose_their_power_join_again_and_their_gaps_are_gaps_of_the_outage_alone() {
    let report = town(|town| {
        let off = at(1000, Action::PowerOff(Choice::Share(0.5)));
        town.actions = vec![off, at(1240, Action::PowerOn(Choice::Share(0.5)))];
    });
    let again = report.meters.iter().filter(|meter| meter.join_s.len() == 2).count();
    assert!((2..=10).contains(&again), "{again} meters have joined twice");
    // One boundary fell into the outage, and a meter without power captures nothing.
    assert_eq!(report.captures.0 - report.captures.1, again as u64);
}

#[test]
fn meters_that_are_not_genuine_stay_out_and_harm_nobody() {
    let report = town(|town| {
        town.rogue.wrong_key = vec![2];
        town.rogue.unknown = vec![5];
    });
    let out: Vec<_> = (0..12).filter(|&n| report.meters[n].join_s.is_empty()).collect();
    assert_eq!(out, [1, 4]);
    assert_eq!(report.captures.0, report.captures.1, "the genuine ones are read");
    assert!(report.record.refused > 0);
}

#[test]
fn frames_that_are_recorded_and_sent_again_are_refused_for_their_counters() {
    let report = town(|town| {
        town.rogue.recorders = vec![7];
        town.actions = vec![at(1200, Action::Replay { recorder: 0, frames: 60 })];
    });
    let (sent, refused) = (report.record.replayed, report.nodes.replayed);
    assert!(sent == 60 && refused > 10, "{sent} frames were sent again, {refused} refused for their counter");
    assert_eq!(report.captures.0, report.captures.1);
}

#[test]
fn a_source_of_noise_beside_the_concentrator_silences_it_until_it_ends() {
    let quiet = town(|_| ());
    let noisy = town(|town| {
        let source = |level_db| Action::NoiseSource { node: 0, level_db };
        town.actions = vec![at(900, source(Some(20.0))), at(2000, source(None))];
    });
    assert_eq!(quiet.captures.0, quiet.captures.1);
    assert!(noisy.record.sessions.1 > quiet.record.sessions.1, "sessions fail in the noise");
    assert_eq!(noisy.captures.0, noisy.captures.1, "what was missed is read afterwards");
}

#[test]
fn a_cable_that_is_cut_takes_those_behind_it_and_nobody_else() {
    let report = town(|town| town.actions = vec![at(1000, Action::Cut { meter: 12, metres: 0.0 })]);
    let last = &report.meters[11];
    assert!(last.snr_db.is_none() && last.captures == 1, "{last:?}");
    assert!(report.meters[..8].iter().all(|meter| meter.captures >= 3));
}

#[test]
fn a_clock_that_is_wrong_is_set_over_the_line_and_the_meter_is_read_on() {
    const HOUR: i64 = 3_600_000;
    for (at_s, ahead_ms, captures) in
        [(1, 90_000, 4), (1100, -HOUR, 3), (1100, 24 * HOUR, 3), (1, -30 * 24 * HOUR, 4)]
    {
        let report = town(|town| town.actions = vec![at(at_s, Action::Clock { meter: 3, ahead_ms })]);
        assert!(report.record.clock_deviations > 0 && report.record.clocks_set == 1, "{ahead_ms} ms");
        let read = report.meters[2].captures;
        assert!(read >= captures, "{ahead_ms} ms: {read} captures of four");
    }
}

#[test]
fn feeders_whose_power_returns_at_once_come_back_within_minutes() {
    let report = town(|town| {
        town.meters = 110;
        town.feeders = 2;
        town.power_on = Duration::from_secs(1);
    });
    assert_eq!(report.joined(), 110);
    let last = report.join_times_s().into_iter().fold(0.0, f64::max);
    assert!(last < 900.0, "the last one has joined after {last} s");
}
