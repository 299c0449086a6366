//! A meter that is not read, and what the concentrator says of it: each fault for itself.

use collector::Verdict;
use plc_core::time::Duration;
use sim::world::{Action, Choice, TownConfig, World};

/// What is said of a meter, counted from 1, at a second of a town that was changed.
fn said(meter: usize, second: u64, change: impl FnOnce(&mut TownConfig)) -> (Verdict, String) {
    let mut town = TownConfig::new(3);
    (town.meters, town.duration) = (12, Duration::from_secs(second + 1));
    change(&mut town);
    let mut world = World::new(town);
    world.run_to(plc_core::Instant::EPOCH + Duration::from_secs(second));
    let told = world.explain(meter - 1).expect("the concentrator has power");
    let chain: Vec<_> = told.chain.iter().map(|finding| finding.text.as_str()).collect();
    (told.verdict, chain.join("\n"))
}

fn at(second: u64, action: Action) -> (Duration, Action) {
    (Duration::from_secs(second), action)
}

fn off(second: u64, node: usize) -> (Duration, Action) {
    at(second, Action::PowerOff(Choice::Node(node)))
}

/// Second of the first boundary, 18:00.
const BOUNDARY: u64 = 300;

#[test]
fn a_meter_that_is_read() {
    let (verdict, chain) = said(2, 1000, |_| ());
    assert_eq!(verdict, Verdict::Healthy, "{chain}");
    assert!(chain.contains("captures: held up to 2026-01-14T18:00:00Z"), "{chain}");
}

#[test]
fn a_meter_with_another_join_key() {
    let (verdict, chain) = said(2, 1000, |town| town.rogue.wrong_key = vec![2]);
    assert_eq!(verdict, Verdict::JoinKeyWrong, "{chain}");
}

#[test]
fn a_meter_that_nobody_has_put_on_the_list() {
    let (verdict, chain) = said(5, 1000, |town| town.rogue.unknown = vec![5]);
    assert_eq!(verdict, Verdict::Stranger, "{chain}");
    assert!(chain.contains("refused each time"), "{chain}");
}

#[test]
fn a_meter_that_has_never_had_power() {
    let (verdict, chain) = said(4, 1000, |town| {
        town.actions = vec![off(0, 4)];
    });
    assert_eq!(verdict, Verdict::NeverHeard, "{chain}");
}

#[test]
fn a_meter_that_loses_its_power() {
    let (verdict, chain) = said(4, 1600, |town| town.actions = vec![off(900, 4)]);
    assert_eq!(verdict, Verdict::PowerLost, "{chain}");
    assert!(chain.contains("session: last read") && chain.contains("given up"), "{chain}");
    assert!(chain.contains("supply: it said that it was lost"), "{chain}");
}

#[test]
fn noise_at_the_concentrator() {
    let (verdict, chain) = said(4, 1600, |town| {
        town.actions = vec![at(900, Action::NoiseSource { node: 0, level_db: Some(10.0) })];
    });
    assert!(matches!(verdict, Verdict::LineNoisy { failing: 4.., .. }), "{verdict:?}\n{chain}");
}

#[test]
fn noise_at_the_meter_by_what_it_lets_through() {
    let verdict = |level_db, second| {
        let source = at(900, Action::NoiseSource { node: 4, level_db: Some(level_db) });
        said(4, second, |town| town.actions = vec![source]).0
    };
    assert_eq!(verdict(-2.0, 2700), Verdict::Healthy);
    assert_eq!(verdict(4.0, 2700), Verdict::Silent);
    // In between it is chance what gets through: a tenth of a decibel decides whether nothing does.
    let mut between =
        (0..12).flat_map(|n| [1500, 1800, 2100, 2400, 2700].map(|second| (0.1 * f64::from(n), second)));
    assert!(between.any(|(level_db, second)| verdict(level_db, second) == Verdict::LinkWeak));
}

#[test]
fn a_relay_that_loses_its_power_when_there_is_no_other() {
    let weak = |town: &mut TownConfig| {
        (town.meters, town.offset_db) = (20, -28.0);
        town.actions = (1..=20).filter(|meter| ![9, 17].contains(meter)).map(|meter| off(0, meter)).collect();
    };
    let (verdict, chain) = said(17, 900, weak);
    assert_eq!(verdict, Verdict::Healthy, "{chain}");
    assert!(chain.contains("way: over the meter") && chain.contains("over 2 hops"), "{chain}");
    let (verdict, chain) = said(17, 1700, |town| {
        weak(town);
        town.actions.push(off(905, 9));
    });
    assert!(matches!(verdict, Verdict::RelaySilent { .. }), "{verdict:?}\n{chain}");
    assert!(chain.contains("relay "), "{chain}");
}

#[test]
fn a_meter_with_other_dlms_keys() {
    let (verdict, chain) = said(6, 1000, |town| town.rogue.wrong_dlms_keys = vec![6]);
    assert_eq!(verdict, Verdict::DlmsKeysDiffer, "{chain}");
}

#[test]
fn a_clock_that_goes_wrong() {
    let (verdict, chain) = said(3, 4000, |town| {
        town.actions = vec![at(1100, Action::Clock { meter: 3, ahead_ms: -3_600_000 })];
    });
    assert_eq!(verdict, Verdict::ClockCorrected, "{chain}");
    assert!(chain.contains("clock: was 3600.0 s behind, and was set"), "{chain}");
}

#[test]
fn a_meter_that_had_no_power_at_a_boundary() {
    let (verdict, chain) = said(3, 7500, |town| {
        let on = at(BOUNDARY + 910, Action::PowerOn(Choice::Node(3)));
        town.actions = vec![off(BOUNDARY + 800, 3), on];
    });
    assert_eq!(verdict, Verdict::CapturesLost, "{chain}");
    assert!(chain.contains("2026-01-14T18:15:00Z"), "{chain}");
}

#[test]
fn a_line_on_which_it_is_the_turn_of_others() {
    let mut queued = 0;
    for meter in 1..=12 {
        let (verdict, chain) = said(meter, BOUNDARY + 14, |town| {
            (town.reading.sessions, town.reading.spread) = (1, Duration::from_secs(1));
        });
        match verdict {
            Verdict::Queued { before } => queued += u32::from((1..12).contains(&before)),
            Verdict::Healthy | Verdict::Waiting | Verdict::InSession => {}
            other => panic!("{other:?}\n{chain}"),
        }
    }
    assert!(queued >= 4, "{queued}");
}

#[test]
fn a_disk_that_is_full() {
    let (verdict, chain) = said(3, 1600, |town| town.actions = vec![at(1100, Action::DiskFull(true))]);
    assert_eq!(verdict, Verdict::StoreFails, "{chain}");
    assert!(chain.contains("no space left on the disk"), "{chain}");
    let (verdict, chain) = said(3, 2600, |town| {
        town.actions = vec![at(1100, Action::DiskFull(true)), at(1700, Action::DiskFull(false))];
    });
    assert_eq!(verdict, Verdict::Healthy, "{chain}");
    assert!(chain.contains("18:30:00Z"), "what was captured meanwhile is there: {chain}");
}
