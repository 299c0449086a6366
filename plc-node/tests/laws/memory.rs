//! What a node takes of memory, counted by an allocator: all of it when it is built, nothing when it runs.

use crate::air::{Air, Exchange};
use crate::subject::{PSK, Role, Step};
use crate::tampering::{tampered, tampering};
use crate::{OF_THE_COORDINATOR, OF_THE_DEVICE, conversation::Paused};
use allocation_counter::measure;
use g3_mac::wire::{FrameType, Mhr, Segment, SegmentControl};
use plc_core::sap::*;
use plc_core::{Eui64, Instant, MacAddress, Machine, PanId, Seed, ShortAddress};
use plc_node::modem::CENELEC_A;
use plc_node::{CoordinatorConfig, Node, NodeConfig, NodeInput};
use proptest::prelude::*;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A node, and the octets that it and its building have taken.
fn built(config: NodeConfig) -> (Node<Air>, usize) {
    let mut node = None;
    let info = measure(|| node = Some(Node::assemble(Air::default(), config)));
    let heap = usize::try_from(info.bytes_current).expect("building takes memory");
    (node.expect("it was built"), size_of::<Node<Air>>() + heap)
}

/// Does something to a node and takes its outputs; how often it has allocated.
fn allocations(node: &mut Node<Air>, now: Instant, input: Option<NodeInput<'_, Air>>) -> u64 {
    let mut sent = Vec::with_capacity(2);
    let info = measure(|| {
        match input {
            Some(input) => node.handle(now, input),
            None => node.tick(now),
        }
        while node.poll().is_some() {}
        node.handle(now, NodeInput::Medium(Exchange::Fetch(&mut sent)));
    });
    info.count_total
}

fn input(step: &Step) -> NodeInput<'static, Air> {
    match step.clone() {
        Step::Hear(indication) => NodeInput::Medium(Exchange::Hear(indication)),
        Step::Udp(request) => NodeInput::Udp(request),
        Step::Adpm(request) => NodeInput::Adpm(request),
    }
}

/// Lives through all of it; how often the node has allocated, and when it ends.
fn live(node: &mut Node<Air>, mut now: Instant, steps: &[Paused]) -> (u64, Instant) {
    let mut count = 0;
    for (pause, step) in steps {
        let then = now + *pause;
        while let Some(at) = node.deadline().filter(|&at| at <= then) {
            now = now.max(at);
            count += allocations(node, now, None);
        }
        now = then;
        count += allocations(node, now, Some(input(step)));
    }
    (count, now)
}

/// A frame in clear that anybody may send: data, a beacon or a command, whole or the first of its segments.
fn forged(n: u16) -> Step {
    let kind = [FrameType::Data, FrameType::Beacon, FrameType::Command][usize::from(n % 3)];
    let mut mhr = Mhr::new(kind, n as u8);
    mhr.src = Some((PanId(0x781D + n % 2), MacAddress::Short(ShortAddress(n))));
    mhr.dst = Some((PanId(0x781D), MacAddress::BROADCAST));
    let payload = [n as u8; 60];
    let control =
        SegmentControl { last: n.is_multiple_of(4), length: payload.len() as u16, ..Default::default() };
    let psdu = Segment { control, mhr, aux: None, payload: &payload }.psdu(133).expect("it fits");
    let at = Instant::from_secs(1);
    Step::Hear(PhyIndication::Data(PdDataIndication {
        psdu,
        tx: CENELEC_A.robust(),
        response_expected: false,
        lqi: Lqi(n as u8),
        group_lqi: core::iter::repeat_n(Lqi(50), 6).collect(),
        phase_difference: PhaseDifference(0),
        corrected_octets: 0,
        started: at,
        ended: at,
    }))
}

fn coordinator_of(devices: usize) -> NodeConfig {
    let (eui64, seed) = (Eui64::from_u64(1), Seed::from_u64(1));
    let (geometry, gmk, key_index) = (&CENELEC_A as &'static dyn FrameGeometry, Key([9; 16]), 0);
    CoordinatorConfig { eui64, geometry, seed, gmk, key_index, frame_counter: 0, devices }.into()
}

#[test]
fn a_device_fits_into_64_kib_and_knows_what_it_takes() {
    let (node, octets) = built(Role::Device.config());
    assert_eq!(node.footprint(), octets);
    assert!(octets <= 64 * KIB, "{octets}");
    println!("device: {octets}, of these MAC {}, ADP {}", node.mac().footprint(), node.adp().footprint());
}

#[test]
fn a_coordinator_of_a_thousand_joined_devices_fits_into_16_mib_and_knows_what_it_takes() {
    let (mut node, octets) = built(coordinator_of(1000));
    let mut count = allocations(
        &mut node,
        Instant::EPOCH,
        Some(NodeInput::Adpm(AdpmRequest::NetworkStart { pan_id: PanId(0x781D) })),
    );
    for n in 1..=1000 {
        let (eui64, short) = (Eui64::from_u64(n), Some(ShortAddress(n as u16)));
        let allow = AdpmRequest::Allow { eui64, psk: PSK, short };
        count += allocations(&mut node, Instant::EPOCH, Some(NodeInput::Adpm(allow)));
    }
    assert_eq!((count, node.footprint()), (0, octets));
    assert!(octets <= 16 * MIB, "{octets}");
    println!(
        "coordinator: {octets}, of these MAC {}, ADP {}",
        node.mac().footprint(),
        node.adp().footprint()
    );
}

#[test]
fn a_life_of_joining_talking_and_leaving_allocates_nothing() {
    for (role, steps) in [(Role::Coordinator, &*OF_THE_COORDINATOR), (Role::Device, &*OF_THE_DEVICE)] {
        let (mut node, octets) = built(role.config());
        let (count, _) = live(&mut node, Instant::from_secs(1), steps);
        assert_eq!((count, node.footprint()), (0, octets), "{role:?}");
        assert!(node.endpoint().counters().received > 0, "{role:?}");
    }
}

#[test]
fn a_flood_of_forged_frames_fills_tables_and_takes_no_memory() {
    let (mut node, octets) = built(Role::Device.config());
    let joined = OF_THE_DEVICE.iter().position(|(_, step)| matches!(step, Step::Udp(_))).expect("it talks");
    let (joining, now) = live(&mut node, Instant::from_secs(1), &OF_THE_DEVICE[..joined]);
    assert!(node.address().is_some());
    let flood: Vec<_> = (1..3000).map(|n| (Duration::from_millis(20), forged(n))).collect();
    let (flooding, _) = live(&mut node, now, &flood);
    assert_eq!((joining + flooding, node.footprint()), (0, octets));
    let drops = node.mac().counters().drops;
    assert!(drops.pos_evicted > 1000 && drops.unfinished > 500, "{drops:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_that_comes_makes_a_node_allocate(
        coordinator: bool, tamperings in prop::collection::vec(tampering(), 0..400), n in 1u16..300,
    ) {
        let (role, steps) = match coordinator {
            true => (Role::Coordinator, &*OF_THE_COORDINATOR),
            false => (Role::Device, &*OF_THE_DEVICE),
        };
        let (mut node, octets) = built(role.config());
        let mut steps = tampered(steps, &tamperings);
        let forged: Vec<_> = (n..n + 40).map(|n| (Duration::from_millis(10), forged(n))).collect();
        steps.splice(steps.len() / 2..steps.len() / 2, forged);
        let (count, _) = live(&mut node, Instant::from_secs(1), &steps);
        prop_assert_eq!((count, node.footprint()), (0, octets));
    }
}
