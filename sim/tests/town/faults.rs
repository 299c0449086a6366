//! What befalls a town, one thing at a time.

use super::scenarios::report;
use plc_core::time::Duration;
use sim::report::Report;
use sim::scenario::Scenario;
use sim::world::{Action, Choice, TownConfig, World};

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
    let (sent, refused) = (report.record.rogue_frames, report.nodes.replayed);
    assert!(sent == 60 && refused > 10, "{sent} frames were sent again, {refused} refused for their counter");
    assert_eq!(report.captures.0, report.captures.1);
}

#[test]
fn joins_that_are_forged_let_nobody_in_put_nobody_out_and_take_no_more_of_the_line_than_their_answers() {
    let quiet = town(|town| town.rogue.recorders = vec![7]);
    let report = town(|town| {
        town.rogue.recorders = vec![7];
        town.actions = vec![at(1200, Action::ForgedJoin { recorder: 0, devices: 40 })];
    });
    assert_eq!(report.record.rogue_frames, 200);
    assert!(report.record.refused > 10, "{} strangers were refused", report.record.refused);
    assert_eq!(report.record.joins.len(), 12, "nobody else is in");
    assert!(report.meters.iter().all(|meter| meter.join_s.len() == 1), "nobody had to join again");
    assert_eq!(report.record.leaves, []);
    assert_eq!(report.captures.0, report.captures.1, "everybody is read");
    assert_eq!(report.record.sessions.1, 0);
    // An answer to nobody is repeated seven times; each of the messages gets one answer or two, of an agent and of the coordinator.
    let more = report.air.airtime.saturating_sub(quiet.air.airtime).as_secs_f64();
    assert!(more < 40.0 * 5.0 * 0.2 + 40.0 * 4.0 * 8.0 * 0.15, "{more} s more on air");
}

#[test]
fn neighbours_that_do_not_exist_fill_the_tables_of_those_who_hear_them_and_everybody_is_read_all_the_same() {
    let mut config = TownConfig::new(3);
    (config.meters, config.duration) = (12, Duration::from_secs(4000));
    config.rogue.recorders = vec![7];
    config.actions = vec![at(1200, Action::FullTable { recorder: 0, neighbours: 400 })];
    let mut world = World::new(config);
    world.run_to(plc_core::Instant::from_secs(1350));
    let node = world.node(7).expect("it has power");
    let forged = node.adp().routes().iter().filter(|route| route.destination.0 >= 0x4000).count();
    let home = node.adp().routes().iter().any(|route| route.destination.0 == 0 && !route.broken);
    let evicted = node.mac().counters().drops.device_evicted;
    assert!(forged > 140 && home && evicted > 100, "{forged} forged, {home}, {evicted} evicted");
    assert!(world.node(0).is_some_and(|node| node.adp().routes().len() > 100));
    world.run_to(world.end());
    world.audit();
    let report = Report::new(
        &Scenario { name: "full".into(), about: String::new(), town: world.config().clone() },
        &world,
    );
    assert_eq!(report.record.violations, [""; 0]);
    assert_eq!((report.record.rogue_frames, report.record.leaves.len()), (400, 0));
    assert_eq!(report.captures.0, report.captures.1, "everybody is read");
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

#[test]
fn rows_of_a_clock_that_goes_wrong_and_right_again_are_what_was_put_in_at_the_time_that_they_bear() {
    let report = town(|town| {
        let clock = |ahead_ms| Action::Clock { meter: 3, ahead_ms };
        // Over a boundary, back before it, and once while the meter has no power.
        let off = |on| if on { Action::PowerOn(Choice::Node(3)) } else { Action::PowerOff(Choice::Node(3)) };
        town.actions = vec![
            at(1150, clock(90_000)),
            at(1180, clock(-60_000)),
            at(1950, off(false)),
            at(1960, clock(20_000)),
            at(1970, off(true)),
        ];
    });
    assert_eq!(report.meters[2].captures, 5, "every boundary fell into one of its lives");
}

#[test]
fn power_for_who_has_it_changes_nothing() {
    let read = |actions| {
        let report = town(|town| town.actions = actions);
        (report.captures, report.nodes.frames)
    };
    let again = vec![at(60, Action::PowerOn(Choice::Share(1.0))), at(900, Action::PowerOn(Choice::Node(0)))];
    assert_eq!(read(again), read(Vec::new()));
}

#[test]
fn a_cable_that_is_cut_while_frames_are_on_their_way_loses_them_and_nothing_else() {
    for n in 0..12 {
        let mut town = TownConfig::new(5);
        town.duration = Duration::from_secs(90);
        let (cut, when) = (Action::Cut { meter: 3, metres: 20.0 }, Duration::from_millis(20_000 + 1_370 * n));
        town.actions = vec![(when, cut)];
        let mut world = World::new(town);
        world.run_to(world.end());
        world.audit();
        let report = Report::new(
            &Scenario { name: "cut".into(), about: String::new(), town: world.config().clone() },
            &world,
        );
        assert_eq!(report.violations(), 0, "{when:?}: {:?}", report.record.violations);
    }
}

#[test]
fn a_clock_that_is_moved_at_the_very_boundary_captures_the_boundary_first() {
    let report = town(|town| {
        let boundary = town.start.floor(town.capture) + town.capture;
        let second = boundary.as_secs() - town.start.as_secs();
        town.actions = vec![at(second as u64, Action::Clock { meter: 2, ahead_ms: 1000 })];
    });
    assert_eq!(report.captures.0, report.captures.1);
}
