//! What nodes take of memory, in a town with all its traffic.

use crate::scenarios::scenario;
use plc_core::sap::{FrameGeometry, Key};
use plc_core::{Eui64, Seed};
use plc_node::{CoordinatorConfig, DeviceConfig, Node, NodeConfig};
use sim::frame::FramePhy;
use sim::world::World;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a node says that it takes, and what an allocator has counted.
fn octets(config: impl Into<NodeConfig>) -> (usize, usize) {
    let (config, mut node) = (config.into(), None);
    let info = allocation_counter::measure(|| {
        node = Some(Node::assemble(FramePhy::new(&g3_phy::CENELEC_A), config))
    });
    let heap = usize::try_from(info.bytes_current).expect("building takes memory");
    (node.map_or(0, |node| node.footprint()), size_of::<Node<FramePhy>>() + heap)
}

fn device() -> DeviceConfig {
    let (eui64, seed, psk) = (Eui64::from_u64(1), Seed::from_u64(1), Key([7; 16]));
    DeviceConfig {
        eui64,
        geometry: &g3_phy::CENELEC_A as &'static dyn FrameGeometry,
        seed,
        psk,
        frame_counter: 0,
    }
}

fn coordinator(devices: usize) -> CoordinatorConfig {
    let DeviceConfig { eui64, geometry, seed, frame_counter, .. } = device();
    CoordinatorConfig { eui64, geometry, seed, gmk: Key([9; 16]), key_index: 0, frame_counter, devices }
}

#[test]
fn a_meters_node_fits_into_64_kib_and_a_coordinator_of_a_thousand_into_16_mib() {
    let (device, counted) = octets(device());
    assert_eq!(device, counted);
    assert!(device <= 64 * KIB, "{device}");
    let (coordinator, counted) = octets(coordinator(1000));
    assert_eq!(coordinator, counted);
    assert!(coordinator <= 16 * MIB, "{coordinator}");
    println!("device {device}, coordinator {coordinator}");
}

#[test]
fn after_a_storm_of_joins_every_node_takes_what_a_new_one_does() {
    let mut world = World::new(scenario("storm").town);
    world.run_to(world.end());
    let meters = world.config().meters as u32;
    assert!(meters > 10 && (1..=meters).any(|node| world.figures(node as usize).frames > 0));
    let (new, _) = octets(device());
    for node in (1..=meters).filter_map(|node| world.node(node)) {
        assert_eq!(node.footprint(), new);
    }
    assert_eq!(world.node_octets(), new);
    assert!((new..=16 * MIB).contains(&world.coordinator_octets()), "{}", world.coordinator_octets());
}
