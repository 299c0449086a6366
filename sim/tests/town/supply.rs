//! Meters that lose their supply, and what they say of it.

use collector::{Supply, Verdict};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant};
use sim::feeder::Phase;
use sim::world::{Action, Choice, TownConfig, World};
use std::collections::BTreeSet;

/// A town in which these things befall, at its end.
fn town(meters: usize, seconds: u64, actions: Vec<(u64, Action)>) -> World {
    let mut town = TownConfig::new(5);
    (town.meters, town.duration) = (meters, Duration::from_secs(seconds));
    town.actions = actions.into_iter().map(|(at, action)| (Duration::from_secs(at), action)).collect();
    let mut world = World::new(town);
    world.run_to(world.end());
    world.audit();
    world
}

fn who_said(world: &World, what: Supply) -> BTreeSet<Eui64> {
    let said = world.record().supplies.iter().filter(|(_, supply, _)| *supply == what);
    said.map(|(meter, ..)| *meter).collect()
}

#[test]
fn most_of_those_that_lose_their_supply_at_once_say_so_within_their_last_seconds() {
    let lost = 640;
    let mut world = town(24, 900, vec![(lost, Action::PowerOff(Choice::Share(0.5)))]);
    assert_eq!(world.record().violations, [""; 0]);
    let dark: Vec<usize> = (0..24).filter(|&meter| world.meter(meter).is_none()).collect();
    assert!(dark.len() >= 8, "{dark:?}");
    let said = who_said(&world, Supply::Lost);
    assert!(said.len() * 2 > dark.len() && said.len() <= dark.len(), "{} of {}", said.len(), dark.len());
    for &(meter, _, at) in &world.record().supplies {
        let after = at.since(Instant::EPOCH + Duration::from_secs(lost));
        assert!(after <= Duration::from_secs(11), "{meter} after {after:?}");
    }
    for meter in dark {
        let told = world.explain(meter).expect("the concentrator has power");
        let eui64 = world.layout().households()[meter].identity.eui64;
        assert_eq!(told.verdict == Verdict::PowerLost, said.contains(&eui64), "{:?}", told.verdict);
    }
}

#[test]
fn a_meter_whose_supply_comes_back_says_so_and_goes_on_from_its_flash_to_the_last_milliwatt_hour() {
    let (off, on) = (Action::PowerOff(Choice::Node(3)), Action::PowerOn(Choice::Node(3)));
    // A death, and a loss that is over before the meter dies: rows of both lives are compared with what was put in.
    let again = [(1300, off.clone()), (1304, on.clone())];
    let world = town(6, 3000, [vec![(700, off), (760, on)], again.to_vec()].concat());
    assert_eq!(world.record().violations, [""; 0]);
    let third = world.layout().households()[2].identity.eui64;
    assert_eq!(who_said(&world, Supply::Lost), BTreeSet::from([third]));
    assert_eq!(who_said(&world, Supply::Back), BTreeSet::from([third]));
    assert_eq!(world.lives(2).0.len(), 2, "the second loss was too short to die of");
    assert!(world.record().captures.values().filter(|of| of.contains_key(&2)).count() >= 3);
}

#[test]
fn a_cut_cable_takes_the_supply_and_the_voice_of_those_behind_it_and_lifts_the_others() {
    let mut cut = TownConfig::new(5);
    (cut.meters, cut.duration) = (55, Duration::from_secs(400));
    cut.actions = vec![(Duration::from_secs(310), Action::Cut { meter: 55, metres: 60.0 })];
    let mut world = World::new(cut);
    let before = |world: &World, meter: usize| world.grid().voltages(meter).map(|voltage| voltage.norm());
    world.run_to(Instant::EPOCH + Duration::from_secs(309));
    let held: Vec<_> = (0..55).map(|meter| before(&world, meter)).collect();
    world.run_to(Instant::EPOCH + Duration::from_secs(311));
    let behind: Vec<usize> = (0..55).filter(|&meter| !world.grid().is_supplied(meter)).collect();
    assert!(behind.contains(&54) && behind.len() < 30, "{behind:?}");
    let lifted = (0..55).filter(|meter| !behind.contains(meter)).filter(|&meter| {
        let now = before(&world, meter);
        (0..3).any(|phase| now[phase] > held[meter][phase] + 1e-4)
    });
    assert!(lifted.count() > 20);
    world.run_to(world.end());
    assert!(behind.iter().all(|&meter| world.meter(meter).is_none()), "they are dead by now");
    assert!(who_said(&world, Supply::Lost).is_empty(), "no signal crosses the gap");
}

/// The meters that have no power at an end.
fn dark(world: &World, meters: usize) -> Vec<usize> {
    (0..meters).filter(|&meter| world.meter(meter).is_none()).collect()
}

#[test]
fn a_phase_that_fails_takes_the_supply_of_its_meters_whose_last_words_cross_to_the_other_phases() {
    let world = town(24, 900, vec![(640, Action::PowerOff(Choice::Phase(Phase::Two)))]);
    assert_eq!(world.record().violations, [""; 0]);
    let on_it = |meter: &usize| world.layout().households()[*meter].spot.phase == Some(Phase::Two);
    let expected: Vec<usize> = (0..24).filter(on_it).collect();
    assert!(expected.len() >= 5 && dark(&world, 24) == expected, "{:?}", dark(&world, 24));
    assert_eq!(world.record().losses, expected.len() as u64);
    let said = who_said(&world, Supply::Lost);
    let names: BTreeSet<_> =
        expected.iter().map(|&meter| world.layout().households()[meter].identity.eui64).collect();
    assert!(said.is_subset(&names) && said.len() * 2 > names.len(), "{} of {}", said.len(), names.len());
}

#[test]
fn a_fuse_that_blows_takes_the_supply_of_those_behind_it_but_not_their_last_words_as_a_cut_does() {
    let (meter, metres) = (55, 60.0);
    let blown = town(55, 500, vec![(310, Action::PowerOff(Choice::Behind { meter, metres }))]);
    let cut = town(55, 500, vec![(310, Action::Cut { meter, metres })]);
    assert_eq!(blown.record().violations, [""; 0]);
    let behind = dark(&blown, 55);
    assert!(behind.contains(&54) && behind.len() >= 3 && behind == dark(&cut, 55), "{behind:?}");
    let said = who_said(&blown, Supply::Lost);
    assert!(
        said.len() * 2 > behind.len() && said.len() <= behind.len(),
        "{} of {}",
        said.len(),
        behind.len()
    );
    assert!(who_said(&cut, Supply::Lost).is_empty());
}

#[test]
fn meters_that_die_at_once_have_hardly_a_last_word() {
    let mut town = TownConfig::new(5);
    (town.meters, town.duration) = (24, Duration::from_secs(900));
    town.hold_up = Duration::from_millis(5);
    town.actions = vec![(Duration::from_secs(640), Action::PowerOff(Choice::Phase(Phase::Two)))];
    let mut world = World::new(town);
    world.run_to(world.end());
    // What is on the line already goes on; nobody else comes to speak.
    let (losses, said) = (world.record().losses, who_said(&world, Supply::Lost).len() as u64);
    assert!(losses >= 5 && said * 2 < losses, "{said} of {losses}");
}
