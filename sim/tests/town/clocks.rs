//! Clocks that drift, each its own way, and the concentrator that sets them.

use plc_core::Instant;
use plc_core::time::Duration;
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
    ahead_ms_of(world, 6)
}

fn ahead_ms_of(world: &World, meters: usize) -> Vec<Option<i64>> {
    let true_ms = world.utc().as_millis();
    let shown = |meter| world.meter(meter)?.application().measurement().clock().utc(world.now());
    (0..meters).map(|meter| Some(shown(meter)?.as_millis() - true_ms)).collect()
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
fn a_clock_runs_on_without_the_supply_as_long_as_its_reserve_lasts() {
    let (day, hour) = (86_400, 3600);
    let of = |meter| Choice::Node(meter);
    let world = week(20_000, vec![(hour, Action::PowerOff(of(1))), (day, Action::PowerOn(of(1)))]);
    assert_eq!(world.record().violations, [""; 0]);
    let board = world.meter(0).expect("it has power").application().board();
    let rows = board.events.rows(meter::objects::EventGroup::Standard);
    let back = (world.config().start + Duration::from_secs(day)).as_secs();
    // The return is logged with its time, before anybody could have set the clock; and off by what the crystal has made of a day.
    let logged: Vec<i64> = rows.iter().map(|row| row.utc.as_secs() - back).collect();
    assert!(logged.iter().any(|apart| (-4..=2).contains(apart)), "{logged:?}");
}

#[test]
fn a_clock_that_was_lost_is_set_by_the_concentrator_and_the_row_after_it_says_so() {
    let (day, hour, of) = (86_400, 3600, || Choice::Node(1));
    let back = hour + 3 * day;
    let mut town = TownConfig::new(11);
    (town.meters, town.duration) = (3, Duration::from_secs(back + 4 * hour));
    let cuts = [(hour, Action::PowerOff(of())), (back, Action::PowerOn(of()))];
    town.actions = cuts.into_iter().map(|(at, action)| (Duration::from_secs(at), action)).collect();
    let mut world = World::new(town);
    world.run_to(Instant::EPOCH + Duration::from_secs(back + 1));
    let shown = |world: &World| world.meter(0)?.application().measurement().clock().utc(world.now());
    assert_eq!(shown(&world), None, "its reserve lasts for two days");
    assert_eq!(world.record().clocks_lost, 0);
    world.run_to(world.end());
    world.audit();
    assert_eq!(world.record().violations, [""; 0]);
    assert_eq!(world.record().clocks_lost, 1);
    assert!(world.record().clocks_set >= 1);
    let tolerance_ms = world.collector().clock_tolerance.as_millis() as i64;
    let ahead = ahead_ms_of(&world, 3)[0].expect("it has a clock again");
    assert!(ahead.abs() < tolerance_ms, "{ahead} ms");
    let return_at = world.config().start + Duration::from_secs(back);
    let all = world.statuses(0);
    let since: Vec<_> = all.range(return_at..).map(|(_, &status)| status).collect();
    // Without power, and with no valid clock for some of the period: the first row alone. None is missing after it.
    assert_eq!(since.first(), Some(&0x82), "{all:?}");
    assert!(since.len() >= 15 && since[1..].iter().all(|&status| status == 0), "{all:?}");
    let last = world.config().start + Duration::from_secs(hour);
    assert_eq!(all.range(last..return_at).count(), 0, "nothing was captured without power: {all:?}");
    assert!(all.range(..last).count() >= 3, "{all:?}");
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
