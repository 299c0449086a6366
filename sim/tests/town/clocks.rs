//! Clocks that drift, each its own way, and the concentrator that sets them.

use plc_core::time::Duration;
use plc_core::{Instant, Utc};
use sim::report::Report;
use sim::scenario::Scenario;
use sim::world::{Action, Choice, TownConfig, World};

/// A week of six meters with crystals that are off by so much at most.
fn week(drift_ppb: u32, actions: Vec<(u64, Action)>) -> World {
    let mut town = TownConfig::new(11);
    (town.meters, town.duration, town.drift_ppb) = (6, Duration::from_secs(7 * 86_400), drift_ppb);
    town.actions = actions.into_iter().map(|(at, action)| (Duration::from_secs(at), action)).collect();
    let mut world = World::new(town);
    world.run_to(world.end());
    world.audit();
    world
}

/// By how many milliseconds the clock of each meter is ahead at the end.
fn ahead_ms(world: &World) -> Vec<Option<i64>> {
    let true_ms = world.utc().as_millis();
    let shown = |meter| world.meter(meter)?.application().measurement().clock().utc(world.now());
    (0..6).map(|meter| Some(shown(meter)?.as_millis() - true_ms)).collect()
}

fn worst(world: &World) -> (usize, i64, Instant) {
    world.record().worst_clock.expect("there are clocks")
}

#[test]
fn without_drift_no_clock_is_ever_wrong() {
    let world = week(0, Vec::new());
    assert_eq!((ahead_ms(&world), worst(&world).1), (vec![Some(0); 6], 0));
    assert_eq!(world.record().clocks_set, 0);
}

#[test]
fn crystals_of_sixty_ppm_are_kept_within_the_tolerance_of_the_collector_and_a_day_of_drift() {
    let world = week(60_000, Vec::new());
    assert_eq!(world.record().violations, [""; 0]);
    let (_, worst_ms, _) = worst(&world);
    let tolerance_ms = world.collector().clock_tolerance.as_millis() as i64;
    // Every clock is looked at once in 96 sessions, which is a day: 60 ppm of its crystal and some 23 of the cold make 7.2 s.
    assert!(worst_ms.abs() > tolerance_ms / 2 && worst_ms.abs() < tolerance_ms + 8_000, "{worst_ms} ms");
    assert!(world.record().clocks_set >= 3, "{} set", world.record().clocks_set);
    let held: usize = world.record().captures.values().map(std::collections::BTreeMap::len).sum();
    assert!(held >= 6 * 668, "{held} of {}", 6 * 671);
    // Left alone the worst of them would be half a minute off.
    let ends = ahead_ms(&world);
    assert!(ends.iter().flatten().all(|ms| ms.abs() < tolerance_ms + 8_000), "{ends:?}");
    assert!(ends.windows(2).any(|pair| pair[0] != pair[1]), "each has its own: {ends:?}");
}

#[test]
fn a_clock_runs_on_without_the_supply_and_is_lost_when_its_reserve_is_used_up() {
    let off = |meter| Action::PowerOff(Choice::Node(meter));
    let on = |meter| Action::PowerOn(Choice::Node(meter));
    let (day, hour) = (86_400, 3600);
    let world = week(20_000, vec![(hour, off(1)), (hour, off(2)), (day, on(1)), (4 * day, on(2))]);
    assert_eq!(world.record().violations, [""; 0]);
    let log = |meter: usize| {
        let board = world.meter(meter).expect("it has power").application().board();
        board.events.rows(meter::objects::EventGroup::Standard).iter().map(|row| row.utc).collect::<Vec<_>>()
    };
    let start = world.config().start;
    let near = |utc: &Utc, seconds: u64, within: i64| {
        (utc.as_secs() - (start + Duration::from_secs(seconds)).as_secs()).abs() <= within
    };
    // After a day the clock is still right: the return is logged with its time, before anybody could have set it.
    assert!(log(0).iter().any(|utc| near(utc, day, 5)), "{:?}", log(0));
    // After four days it was lost, and nothing is logged before the concentrator has set it.
    assert!(!log(1).iter().any(|utc| near(utc, 4 * day, 2)), "{:?}", log(1));
    assert!(ahead_ms(&world)[1].is_some_and(|ms| ms.abs() < 20_000), "{:?}", ahead_ms(&world));
}

#[test]
fn the_report_tells_the_worst_clock_and_how_often_one_was_set() {
    let mut scenario =
        Scenario::parse("name = \"a\"\nhours = 0.5\n[town]\nmeters = 4\ndrift_ppm = 500").expect("good");
    scenario.town.seed = 3;
    let mut world = World::new(scenario.town.clone());
    world.run_to(world.end());
    let text = Report::new(&scenario, &world).text();
    let line = text.lines().find(|line| line.starts_with("worst clock")).expect("it is told");
    let (meter, ms, _) = worst(&world);
    assert!(ms.abs() > 100 && line.contains(&format!("{:.3} s", ms.unsigned_abs() as f64 / 1e3)), "{line}");
    assert!(line.contains(&world.layout().households()[meter].identity.id()), "{line}");
    let bad = Scenario::parse("name = \"a\"\n[town]\ndrift_ppm = 1001").expect_err("too much");
    assert!(bad.0[0].starts_with("town.drift_ppm: 1001, expected"), "{bad}");
}
