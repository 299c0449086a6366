//! Firmware for the meters of a town, and power cuts on its way.

use collector::{Answer, ImageFault, OrderEnd};
use dlms::axdr::Encoder;
use dlms::classes::{ImageStatus, Value};
use meter::objects::{Board, EventGroup, names};
use meter::specs::event;
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Utc};
use sim::capture::{replay, write};
use sim::scenario::Scenario;
use sim::world::{Action, Choice, Tap, TownConfig, World};
use std::collections::BTreeMap;

const METER: usize = 3;
const OCTETS: usize = 30_000;
const BLOCKS: usize = OCTETS.div_ceil(512);

/// A town of four meters, one of which is brought firmware after ten minutes.
fn town(passes: bool, more: &[(u64, Action)]) -> TownConfig {
    let mut town = TownConfig::new(5);
    (town.meters, town.duration) = (4, Duration::from_secs(3600));
    let firmware = Action::Firmware { meter: METER, version: String::from("7.1.0"), octets: OCTETS, passes };
    let all = [&[(600, firmware)], more].concat();
    town.actions = all.into_iter().map(|(at, action)| (Duration::from_secs(at), action)).collect();
    town
}

fn run_to(world: &mut World, seconds: u64) {
    world.run_to(Instant::EPOCH + Duration::from_secs(seconds));
}

fn end(world: &mut World) -> Option<OrderEnd> {
    world.run_to(world.end());
    world.audit();
    assert_eq!(world.record().violations, [""; 0]);
    let eui64: Eui64 = world.layout().households()[METER - 1].identity.eui64;
    world.record().images.get(&eui64).cloned()
}

/// The status that a client reads, and the codes of the standard log about images.
fn told(world: &World) -> (ImageStatus, Vec<u8>) {
    let application = world.meter(METER - 1).expect("it has power").application();
    let (board, now) = (application.board(), world.now());
    let slot = Board::find(names::IMAGE_TRANSFER).expect("it has one");
    let moment = board.moment(now, application.measurement().clock().utc(now));
    let mut octets = Vec::new();
    board.slots.object(slot).get(6, &moment, &mut Encoder::new(&mut octets, 16)).expect("it can be read");
    let of_images = [event::IMAGE_READY, event::IMAGE_ACTIVATED, event::SELF_CHECK_PASSED];
    let codes = board.events.rows(EventGroup::Standard).iter().map(|row| row.code);
    let codes = codes.filter(|code| of_images.contains(code) || *code == event::IMAGE_VERIFICATION_FAILED);
    (ImageStatus::from_value(&octets).expect("a status"), codes.collect())
}

fn counted(world: &World) -> (usize, u32) {
    let blocks: &BTreeMap<u32, u32> = world.image_blocks(METER - 1);
    (blocks.len(), blocks.values().copied().max().unwrap_or(0))
}

/// The meter has told the version that it runs.
fn assert_runs(end: Option<OrderEnd>) {
    let version = match &end {
        Some(OrderEnd::Done(answers)) => match &answers[..] {
            [Answer::Value(version)] => version.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    assert!(version.ends_with(b"7.1.0"), "{end:?}");
}

#[test]
fn an_image_goes_on_after_a_power_cut_of_its_meter_and_no_block_comes_twice() {
    let node = || Choice::Node(METER);
    let cut = [(605, Action::PowerOff(node())), (700, Action::PowerOn(node()))];
    let mut world = World::new(town(true, &cut));
    run_to(&mut world, 699);
    assert!(world.meter(METER - 1).is_none(), "it is dark");
    let (before, _) = counted(&world);
    assert!((5..BLOCKS - 5).contains(&before), "{before} of {BLOCKS}");
    assert_runs(end(&mut world));
    assert_eq!(counted(&world), (BLOCKS, 1), "each block once");
    let codes = vec![event::IMAGE_READY, event::SELF_CHECK_PASSED, event::IMAGE_ACTIVATED];
    assert_eq!(told(&world), (ImageStatus::ActivationSuccessful, codes));
    // It goes on measuring: captures of the new image are read, and the audit has compared all of them.
    let late = Utc::from_millis(world.utc().as_millis() - 1_200_000);
    let of = |(_, meters): (&Utc, &BTreeMap<usize, Instant>)| meters.contains_key(&(METER - 1));
    assert!(world.record().captures.range(late..).any(of), "{:?}", world.record().captures.keys());
}

#[test]
fn an_image_that_fails_its_self_check_is_rolled_back_and_the_meter_goes_on_as_it_was() {
    let mut world = World::new(town(false, &[]));
    let end = end(&mut world);
    let back = matches!(&end, Some(OrderEnd::Image(ImageFault::RolledBack(version))) if version != b"7.1.0");
    assert!(back, "{end:?}");
    let codes = vec![event::IMAGE_READY, event::IMAGE_VERIFICATION_FAILED];
    assert_eq!(told(&world), (ImageStatus::ActivationFailed, codes));
    assert_eq!((ImageStatus::ActivationFailed as u8, event::IMAGE_VERIFICATION_FAILED), (7, 51));
    let held = |meter: usize| world.record().captures.values().filter(|of| of.contains_key(&meter)).count();
    assert!(held(METER - 1) >= 3 && held(METER - 1) == held(0), "{} and {}", held(METER - 1), held(0));
}

#[test]
fn what_was_brought_outlasts_further_cuts_of_the_meter_and_of_the_concentrator() {
    let off = |node| Action::PowerOff(Choice::Node(node));
    let on = |node| Action::PowerOn(Choice::Node(node));
    // The concentrator in the middle of the blocks, and the meter when the new image runs.
    let cuts = [(610, off(0)), (690, on(0)), (2700, off(METER)), (2760, on(METER))];
    let mut world = World::new(town(true, &cuts));
    run_to(&mut world, 689);
    assert!(world.node(0).is_none() && (5..BLOCKS - 5).contains(&counted(&world).0), "{:?}", counted(&world));
    assert_runs(end(&mut world));
    assert_eq!(world.lives(METER - 1).0.len(), 2, "the meter has died once");
    assert_eq!((counted(&world), told(&world).0), ((BLOCKS, 1), ImageStatus::ActivationSuccessful));
}

#[test]
fn a_scenario_brings_firmware_and_its_nodes_replay_it() {
    let text = "name = \"a\"\nhours = 0.5\n[town]\nmeters = 3\n\
        [[action]]\nat_s = 400\ndo = \"firmware\"\nmeter = 2\nversion = \"3.0\"\noctets = 5000\n\
        [[action]]\nat_s = 410\ndo = \"crash\"\nnode = 2\nfor_s = 60\n";
    let scenario = Scenario::parse(text).expect("good");
    for node in [0, 2] {
        let mut world = World::tapped(scenario.town.clone(), Tap::new(Some(node), false));
        world.run_to(world.end());
        assert_eq!(world.record().images.len(), 1);
        let written = write(text, scenario.town.seed, node, world.tap().entries(), world.now());
        assert_eq!(written.contains(" order 0\n"), node == 0);
        assert!(replay(&written).expect("it does the same").frames > 5);
    }
    let bad =
        text.replace("\"3.0\"", "\"3 0\"").replace("octets = 5000", "octets = 0\nself_check = \"maybe\"");
    let errors = Scenario::parse(&bad).expect_err("three faults").0;
    assert_eq!(errors.len(), 3, "{errors:?}");
}
