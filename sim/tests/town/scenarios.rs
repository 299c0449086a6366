//! The scenarios that ship.

use g3_phy::FCC;
use sim::report::Report;
use sim::scenario::Scenario;
use sim::world::World;
use std::path::{Path, PathBuf};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// A scenario that ships.
pub(crate) fn scenario(name: &str) -> Scenario {
    let path = folder().join(name).with_extension("toml");
    Scenario::from_file(&path).expect(name)
}

/// Its report, run to the end.
pub(crate) fn report(scenario: &Scenario) -> Report {
    let mut world = World::new(scenario.town.clone());
    world.run_to(world.end());
    world.audit();
    Report::new(scenario, &world)
}

#[test]
fn the_street_of_the_demo_is_joined_and_read_at_frame_fidelity_too() {
    let report = report(&scenario("street"));
    assert_eq!((report.joined(), report.captures), (8, (8, 8)));
    assert_eq!(report.record.violations, [""; 0]);
    assert!(report.join_times_s().iter().all(|&s| s < 120.0));
    assert!(report.nodes.retries > 0, "the line is not perfect");
}

#[test]
fn the_street_is_joined_and_read_in_fcc_by_frames_that_take_a_third_of_the_time_at_most() {
    let mut scenario = scenario("street");
    let narrow = report(&scenario);
    scenario.town = scenario.town.in_band(&FCC).expect("there is a table of FCC");
    assert_eq!(World::new(scenario.town.clone()).links().groups(), 24);
    let wide = report(&scenario);
    assert_eq!((wide.joined(), wide.captures), (8, (8, 8)));
    assert_eq!(wide.record.violations, [""; 0]);
    let airtime = |report: &Report| report.air.airtime.as_secs_f64() / report.air.frames as f64;
    assert!(airtime(&wide) * 3.0 < airtime(&narrow), "{} s, {} s", airtime(&wide), airtime(&narrow));
}

#[test]
fn the_same_seed_gives_the_same_report_byte_for_byte_and_another_seed_another() {
    let mut scenario = scenario("street");
    let all = |scenario: &Scenario| {
        let report = report(scenario);
        [report.text(), report.json(), report.html()]
    };
    let first = all(&scenario);
    assert_eq!(first, all(&scenario));
    scenario.town.seed += 1;
    assert_ne!(first, all(&scenario));
}

#[test]
fn the_map_shows_through_whom_each_meter_of_a_town_of_many_hops_sends() {
    let report = report(&scenario("jammer"));
    let parent = |n: usize| report.meters[n - 1].parent.expect("everybody has a way at the end");
    for first in 1..=report.meters.len() {
        let way: Vec<_> =
            std::iter::successors(Some(first), |&n| (n > 0).then(|| parent(n))).take(10).collect();
        assert_eq!(way.last(), Some(&0), "{way:?}");
    }
    assert!(report.meters.iter().any(|meter| meter.parent != Some(0)), "not all of them by themselves");
    assert_eq!(report.html().matches("class=\"way\"").count(), report.meters.len());
}

#[test]
fn a_page_is_well_formed_and_needs_nothing_else() {
    let page = report(&scenario("street")).html();
    for tag in ["html", "body", "svg", "div", "pre", "p"] {
        let (open, close) =
            (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
        assert!(open >= close && close > 0, "{tag}: {open} opened, {close} closed");
    }
    assert!(!page.contains("http") && !page.contains("<script"));
    assert_eq!(page.matches("class=\"hop1\"").count(), 8);
}

#[test]
fn every_period_has_its_retries_airtime_and_collisions_in_all_three_reports() {
    let report = report(&scenario("rogue"));
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("it is JSON");
    let (text, page) = (report.text(), report.html());
    assert_eq!(report.periods.len(), 5);
    for (n, period) in report.periods.iter().enumerate() {
        let (line, told) = (&period.line, &json["periods"][n]);
        assert!(line.frames > line.retries && line.collisions >= line.collided && line.airtime >= line.busy);
        for (key, value) in [
            ("frames", line.frames),
            ("retries", line.retries),
            ("collisions", line.collisions),
            ("collided", line.collided),
        ] {
            assert_eq!(told[key], value, "{key} of {}", period.capture);
        }
        assert_eq!(told["airtime_s"], line.airtime.as_secs_f64());
        let row = text.lines().find(|row| row.starts_with(&format!("{}  ", period.capture)));
        let row: Vec<&str> = row.expect("a row").split_whitespace().collect();
        let retries = [line.frames, line.retries].map(|count| count.to_string());
        assert!(row.windows(2).any(|pair| pair == retries), "{row:?}");
        assert!(row.contains(&line.collisions.to_string().as_str()), "{row:?}");
    }
    let retries: u64 = report.periods.iter().map(|period| period.line.retries).sum();
    let (air, collisions) =
        (report.air, report.periods.iter().map(|period| period.line.collisions).sum::<u64>());
    assert!(retries > 100 && retries <= report.nodes.retries, "{retries} of {}", report.nodes.retries);
    assert!(collisions > 100 && collisions <= air.collisions, "{collisions} of {}", air.collisions);
    // The attack is seen in its period, which is the fifth, and nowhere before.
    let most = report.periods.iter().max_by_key(|period| period.line.collisions).expect("five of them");
    assert_eq!(most.capture, report.periods[4].capture);
    for title in
        ["Retries per hundred frames in each period", "Line in each period", "Collisions in each period"]
    {
        let plot = page.split(title).nth(1).and_then(|rest| rest.split("</svg>").next()).expect("a plot");
        let points = plot.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a line");
        assert_eq!(points.split(' ').count(), report.periods.len(), "{title}");
    }
}

#[test]
fn every_scenario_that_ships_is_a_good_one() {
    let mut found = 0;
    for entry in std::fs::read_dir(folder()).expect("scenarios ship") {
        let path = entry.expect("the folder can be read").path();
        let scenario = Scenario::from_file(&path).expect("a scenario that ships");
        assert_eq!(Some(scenario.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
        found += 1;
    }
    assert!(found >= 2, "{found} scenarios");
}

/// The small scenarios against their reports as they were. `plcsim run sim/scenarios/NAME.toml > sim/tests/town/snapshots/NAME.txt` makes one
/// anew, after a change that is meant to change it.
#[test]
fn small_scenarios_report_what_their_snapshots_hold() {
    const SMALL: [&str; 11] = [
        "street", "twelve", "storm", "restart", "jammer", "rogue", "fcc", "troubles", "siege", "outage",
        "drift",
    ];
    for name in SMALL {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/town/snapshots").join(name);
        let snapshot = std::fs::read_to_string(path.with_extension("txt")).expect(name);
        let text = report(&scenario(name)).text();
        assert_eq!(text, snapshot, "{name}");
        assert!(text.contains("invariants        0 violated"), "{name}");
    }
}

#[test]
fn every_meter_is_read_again_after_faults_that_come_together() {
    let report = report(&scenario("troubles"));
    assert_eq!(report.captures, (825, 825));
}

#[test]
fn a_restarted_concentrator_reads_within_thirty_seconds() {
    let report = report(&scenario("restart"));
    assert!(report.first_reading_s[1].is_some_and(|seconds| seconds <= 30.0), "{:?}", report.first_reading_s);
}

#[test]
fn a_town_of_one_and_three_phases_is_read_truly_through_a_loss_of_power_and_a_clock_that_jumps() {
    let text = r#"
name = "mix"
hours = 0.8
[town]
meters = 9
kinds = "mix"
[[action]]
at_s = 1000
do = "power-off"
node = 2
[[action]]
at_s = 1090
do = "power-on"
node = 2
[[action]]
at_s = 1300
do = "clock"
meter = 5
ahead_s = 40
"#;
    let scenario = Scenario::parse(text).expect("the scenario is good");
    let mut world = World::new(scenario.town.clone());
    world.run_to(world.end());
    world.audit();
    let report = Report::new(&scenario, &world);
    assert_eq!(report.record.violations, [""; 0]);
    assert_eq!(report.joined(), 9);
    // Rows of one phase have two quantities, those of three have seventeen: both kinds are held.
    let (single, three) = (6 * 2 * 2, 3 * 2 * 17);
    assert!(world.readings() >= single + three, "{} readings", world.readings());
}
