//! The six laws of a machine, for both roles, on real conversations that were tampered with.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::wire::{BootstrappingData, LbpFrame, PskMessage};
use g3_adp::{Adp, AdpConfig, AdpInput, AdpOutput};
use pipe::{ALL_NODES, COORDINATOR, GMK, Pipe, address, device_config, eui, packet, psk};
use plc_core::laws::{Durability, Subject, check};
use plc_core::sap::*;
use plc_core::wire::Reader;
use plc_core::{Instant, MacAddress, Machine, Seed, ShortAddress};
use proptest::prelude::*;
use std::time::Duration;

const SEED: u64 = 42;

struct Node(AdpConfig);

impl Subject for Node {
    type Machine = Adp;
    type Step = AdpInput;

    fn build(&self) -> Adp {
        Adp::new(self.0.clone())
    }

    fn apply(&self, machine: &mut Adp, now: Instant, step: &AdpInput) {
        machine.handle(now, step.clone());
    }

    fn describe(&self, output: &AdpOutput) -> String {
        format!("{output:?}")
    }

    /// The only device of these conversations must have its address on record before it is told.
    fn durability(&self, output: &AdpOutput) -> Durability {
        match output {
            AdpOutput::Persist(Persist::DeviceAddress { .. }) => Durability::Persists(2),
            AdpOutput::Mcps(request) if grants(&request.msdu) => Durability::ReliesOn(1),
            AdpOutput::Adpm(AdpmIndication::DeviceJoined { .. }) => Durability::ReliesOn(1),
            _ => Durability::Free,
        }
    }

    fn durable_at_start(&self) -> u64 {
        1
    }

    fn occupancy(&self, machine: &Adp) -> (usize, usize) {
        machine.occupancy()
    }
}

fn grants(msdu: &[u8]) -> bool {
    let frame = LbpFrame::parse(&mut Reader::new(msdu));
    let data = frame.and_then(|frame| frame.bootstrapping());
    matches!(data, Ok(BootstrappingData::Eap(eap)) if matches!(eap.psk, Some(PskMessage::Third { .. })))
}

/// What a node hears and is asked while one device joins, talks, listens and leaves, each with the
/// pause before it.
fn conversation(node: usize) -> Vec<(Duration, AdpInput)> {
    let mut pipe = Pipe::with_coordinator(SEED, |_| {});
    pipe.allow(1, psk(1));
    pipe.add(device_config(1));
    pipe.manage(1, AdpmRequest::NetworkJoin);
    pipe.run(Duration::from_secs(60));
    assert!(pipe.joined(1));
    let (coordinator, device) = (address(ShortAddress::COORDINATOR), address(ShortAddress(1)));
    for (at, packet) in [
        (0, packet(1280, coordinator, device)),
        (1, packet(1280, device, coordinator)),
        (0, packet(900, coordinator, ALL_NODES)),
        (1, packet(60, device, ALL_NODES)),
    ] {
        pipe.give(at, AdpInput::Data(AdpdDataRequest { handle: 5, packet, priority: Priority::High }));
        pipe.run(Duration::from_secs(5));
    }
    pipe.manage(1, AdpmRequest::NetworkLeave);
    pipe.run(Duration::from_secs(5));
    let mut last = Instant::from_secs(1);
    let mut own = Vec::new();
    for (at, _, input) in pipe.inputs.into_iter().filter(|(_, at, _)| *at == node) {
        own.push((at.since(last), input));
        last = at;
    }
    own
}

/// What is done to an input of the conversation.
#[derive(Clone, Debug)]
enum Tampering {
    None,
    Skip,
    Double,
    Flip(usize, u8),
    Truncate(usize),
    InClear,
    Noise(Vec<u8>),
    Fail,
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        12 => Just(Tampering::None),
        1 => Just(Tampering::Skip),
        2 => Just(Tampering::Double),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(at, with)| Tampering::Flip(at, with)),
        1 => any::<usize>().prop_map(Tampering::Truncate),
        1 => Just(Tampering::InClear),
        1 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Tampering::Noise),
        1 => Just(Tampering::Fail),
    ]
}

fn tamper(input: &AdpInput, tampering: &Tampering) -> Vec<AdpInput> {
    let mut other = input.clone();
    match (&mut other, tampering) {
        (_, Tampering::None) => {}
        (_, Tampering::Skip) => return Vec::new(),
        (_, Tampering::Double) => return vec![input.clone(), other],
        (AdpInput::McpsIndication(frame), Tampering::Flip(at, with)) => {
            let at = at % frame.msdu.len();
            frame.msdu[at] ^= with;
        }
        (AdpInput::McpsIndication(frame), Tampering::Truncate(len)) => {
            frame.msdu.truncate(len % (frame.msdu.len() + 1));
        }
        (AdpInput::McpsIndication(frame), Tampering::InClear) => {
            frame.security = match frame.security {
                MacSecurity::None => MacSecurity::EncMic32 { key_index: 0 },
                MacSecurity::EncMic32 { .. } => MacSecurity::None,
            };
            frame.src = MacAddress::Short(ShortAddress(1));
        }
        (AdpInput::McpsIndication(frame), Tampering::Noise(bytes)) => {
            frame.msdu = Msdu::from_slice(bytes).unwrap();
        }
        (AdpInput::Data(request), Tampering::Noise(bytes)) => {
            request.packet = Ipv6Packet::from_slice(bytes).unwrap();
        }
        (AdpInput::McpsConfirm(confirm), Tampering::Fail) => confirm.status = MacStatus::NoAck,
        (AdpInput::MlmeConfirm(MlmeConfirm::Scan(status)), Tampering::Fail) => *status = MacStatus::NoBeacon,
        _ => {}
    }
    vec![other]
}

/// The conversation, each input later than it was by the script's pause and tampered with.
fn steps(inputs: &[(Duration, AdpInput)], script: &[(u64, Tampering)]) -> Vec<(Duration, AdpInput)> {
    let mut steps = Vec::new();
    for ((pause, input), (more, tampering)) in inputs.iter().zip(script) {
        let mut pause = *pause + Duration::from_millis(*more);
        for input in tamper(input, tampering) {
            steps.push((std::mem::take(&mut pause), input));
        }
    }
    steps
}

fn script() -> impl Strategy<Value = Vec<(u64, Tampering)>> {
    let more = prop_oneof![40 => Just(0u64), 4 => 0u64..400, 1 => 0u64..700_000];
    prop::collection::vec((more, tampering()), 64)
}

fn coordinator() -> Node {
    Node(AdpConfig::coordinator(COORDINATOR, Seed::from_u64(SEED), GMK, 0))
}

/// Replays a conversation as it was and returns what management is told.
fn replay(node: &Node, inputs: &[(Duration, AdpInput)]) -> Vec<AdpmIndication> {
    let (mut adp, mut now, mut told) = (node.build(), Instant::from_secs(1), Vec::new());
    for (pause, input) in inputs {
        let then = now + *pause;
        while let Some(at) = adp.deadline().filter(|&at| at < then) {
            adp.tick(at);
            while adp.poll().is_some() {}
        }
        now = then;
        adp.tick(now);
        adp.handle(now, input.clone());
        while let Some(output) = adp.poll() {
            if let AdpOutput::Adpm(indication) = output {
                told.push(indication);
            }
        }
    }
    told
}

#[test]
fn the_recorded_conversations_replay_to_a_join() {
    let (short, pan_id, eui64) = (ShortAddress(1), pipe::PAN, eui(1));
    let (here, there) = (conversation(0), conversation(1));
    assert!(here.len().max(there.len()) <= 64, "a script covers the whole conversation");
    assert!(replay(&coordinator(), &here).contains(&AdpmIndication::DeviceJoined { eui64, short }));
    assert!(replay(&Node(device_config(1)), &there).contains(&AdpmIndication::Joined { pan_id, short }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_coordinator_is_lawful(script in script()) {
        prop_assert_eq!(check(&coordinator(), &steps(&conversation(0), &script)), Ok(()));
    }

    #[test]
    fn a_device_is_lawful(script in script()) {
        prop_assert_eq!(check(&Node(device_config(1)), &steps(&conversation(1), &script)), Ok(()));
    }

    #[test]
    fn a_device_that_soon_misses_its_pan_is_lawful(script in script(), seconds in 1u64..300) {
        let mut config = device_config(1);
        config.ib.join_watchdog = Duration::from_secs(seconds);
        prop_assert_eq!(check(&Node(config), &steps(&conversation(1), &script)), Ok(()));
    }

    #[test]
    fn noise_in_every_form_of_frame_harms_nobody(
        frames in prop::collection::vec((any::<u8>(), 0usize..4, prop::collection::vec(any::<u8>(), 0..200)), 1..40),
        device: bool,
    ) {
        let node = if device { Node(device_config(1)) } else { coordinator() };
        let opening = conversation(usize::from(device));
        let mut all: Vec<_> = opening.into_iter().take(20).collect();
        for (first, address, bytes) in frames {
            let mut msdu = Msdu::from_slice(&[first]).unwrap();
            msdu.extend_from_slice(&bytes).unwrap();
            let own = ShortAddress(u16::from(device));
            let (src, dst, security) = match address {
                0 => (MacAddress::Extended(eui(1)), MacAddress::Short(own), MacSecurity::None),
                1 => (MacAddress::Short(ShortAddress(9)), MacAddress::BROADCAST, MacSecurity::EncMic32 { key_index: 0 }),
                _ => (MacAddress::Short(ShortAddress(9)), MacAddress::Short(own), MacSecurity::EncMic32 { key_index: 0 }),
            };
            let frame = McpsDataIndication { src_pan: pipe::PAN, src, dst, msdu, security, link: LinkQuality::robust(Lqi(80)) };
            all.push((Duration::from_millis(100), AdpInput::McpsIndication(frame)));
        }
        prop_assert_eq!(check(&node, &all), Ok(()));
    }
}
