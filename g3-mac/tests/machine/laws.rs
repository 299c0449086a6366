//! One MAC alone, under whatever may come.

use crate::line::{GMK, Line, PAN, config, join, request, short};
use g3_mac::wire::{Segment, check_fcs};
use g3_mac::{Bounds, Mac, MacInput, MacOutput};
use plc_core::laws::{Durability, Subject, check};
use plc_core::sap::*;
use plc_core::wire::Reader;
use plc_core::{Instant, MacAddress, Machine, ShortAddress};
use proptest::prelude::*;
use std::time::Duration;

struct OneMac {
    bounds: Bounds,
    footprint: usize,
}

impl OneMac {
    fn new(bounds: Bounds) -> Self {
        let mut one = Self { bounds, footprint: 0 };
        one.footprint = one.build().footprint();
        one
    }
}

impl Subject for OneMac {
    type Machine = Mac;
    type Step = MacInput;

    fn build(&self) -> Mac {
        let mut config = config(1);
        config.frame_counter_block = 3;
        config.interop.tone_map_requests = true;
        config.device_counter_block = 2;
        config.bounds = self.bounds;
        config.pib.mac_max_frame_retries = 1;
        Mac::new(config)
    }
    fn apply(&self, mac: &mut Mac, now: Instant, step: &MacInput) {
        mac.handle(now, step.clone());
    }
    fn describe(&self, output: &MacOutput) -> String {
        format!("{output:?}")
    }
    fn durability(&self, output: &MacOutput) -> Durability {
        match output {
            MacOutput::Persist(Persist::MacFrameCounter { reserved_to }) => {
                Durability::Persists((*reserved_to).into())
            }
            MacOutput::Phy(PhyRequest::Data(data)) => {
                let (body, _) = check_fcs(&data.psdu).unwrap();
                let aux = Segment::parse(&mut Reader::new(body)).unwrap().aux;
                aux.map_or(Durability::Free, |aux| Durability::ReliesOn(aux.frame_counter.into()))
            }
            _ => Durability::Free,
        }
    }
    fn occupancy(&self, mac: &Mac) -> (usize, usize) {
        assert_eq!(mac.outputs_dropped(), 0, "the outbox is large enough for one call");
        assert_eq!(mac.footprint(), self.footprint, "all memory is taken when it is built");
        mac.occupancy()
    }
}

/// Frames that three real nodes have exchanged, among them secured ones, segments for node 1, and tone map requests and
/// responses.
fn real_frames() -> Vec<(Psdu, bool)> {
    let adapting = |node| {
        let mut config = config(node);
        config.interop.tone_map_requests = true;
        config
    };
    let mut line = Line::of((0..3).map(adapting).collect());
    let now = line.now;
    (0..3).for_each(|n| join(&mut line.macs[usize::from(n)], now, n));
    for handle in 0..4 {
        line.ask(0, request(handle, short(1), 30 + 90 * usize::from(handle)));
        line.ask(2, request(handle, MacAddress::BROADCAST, 50));
    }
    line.ask(
        0,
        McpsDataRequest {
            security: MacSecurity::None,
            ..request(9, MacAddress::Extended(config(1).eui64), 9)
        },
    );
    line.give(2, MacInput::Mlme(MlmeRequest::Scan { duration: Duration::from_secs(13) }));
    line.run(Duration::from_secs(40));
    line.sent
        .iter()
        .filter_map(|s| match &s.request {
            PhyRequest::Data(data) => Some((data.psdu.clone(), data.response_expected)),
            PhyRequest::Ack(_) => None,
        })
        .collect()
}

fn with_fcs(mut psdu: Psdu) -> Psdu {
    if let Some((body, tail)) = psdu.split_last_chunk_mut::<2>() {
        *tail = plc_core::crc::g3_fcs(body).to_le_bytes();
    }
    psdu
}

fn any_psdu() -> impl Strategy<Value = (Psdu, bool)> {
    let real = proptest::sample::select(real_frames());
    let random = (prop::collection::vec(any::<u8>(), 0..200), any::<bool>(), any::<bool>()).prop_map(
        |(bytes, sealed, dt)| {
            let psdu = Psdu::from_slice(&bytes).unwrap();
            (if sealed { with_fcs(psdu) } else { psdu }, dt)
        },
    );
    let mutated = (real.clone(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(
        |((mut psdu, dt), at, value, sealed)| {
            let at = at.index(psdu.len());
            psdu[at] = value;
            (if sealed { with_fcs(psdu) } else { psdu }, dt)
        },
    );
    prop_oneof![3 => real, 2 => mutated, 1 => random]
}

/// An instant near the start of a run, or anywhere at all.
fn any_instant() -> impl Strategy<Value = Instant> {
    prop_oneof![
        4 => (0u64..40_000_000_000).prop_map(Instant::from_nanos),
        1 => any::<u64>().prop_map(Instant::from_nanos),
    ]
}

fn any_indication() -> impl Strategy<Value = PhyIndication> {
    let levels = prop::collection::vec(any::<u8>().prop_map(Lqi), 0..=GROUPS_MAX);
    let measured = (levels, any::<u8>(), any::<u8>(), any::<u8>(), any_tx());
    let data = (any_psdu(), any_instant(), any_instant(), measured).prop_map(
        |((psdu, response_expected), started, ended, (levels, lqi, phase, corrected_octets, tx))| {
            PhyIndication::Data(PdDataIndication {
                psdu,
                tx,
                response_expected,
                lqi: Lqi(lqi),
                group_lqi: levels.into_iter().collect(),
                phase_difference: PhaseDifference(phase),
                corrected_octets,
                started,
                ended,
            })
        },
    );
    let status =
        proptest::sample::select(vec![PdStatus::Success, PdStatus::TxBusy, PdStatus::InvalidParameters]);
    let loss = proptest::sample::select(vec![PhyLoss::Header, PhyLoss::Unsupported, PhyLoss::Payload]);
    prop_oneof![
        4 => data,
        1 => (any::<u16>(), any::<bool>(), any::<bool>(), any_instant()).prop_map(|(fcs, more_segments, negative, ended)| {
            PhyIndication::Ack(PdAckIndication { fcs, more_segments, negative, lqi: Lqi(1), ended })
        }),
        4 => (status, any_instant()).prop_map(|(status, ended)| PhyIndication::Confirm { status, ended }),
        1 => Just(PhyIndication::CarrierSense(CarrierSense::Preamble)),
        1 => Just(PhyIndication::CarrierSense(CarrierSense::Idle)),
        1 => (any_instant(), any::<bool>()).prop_map(|(ends, response_expected)| {
            PhyIndication::CarrierSense(CarrierSense::Frame { ends, response_expected })
        }),
        1 => (loss, any_instant()).prop_map(|(loss, ended)| PhyIndication::Lost { loss, ended }),
    ]
}

fn any_tx() -> impl Strategy<Value = TxParameters> {
    let modulations =
        [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8, Modulation::Qam16];
    let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
    let parts = (
        proptest::sample::select(modulations.to_vec()),
        proptest::sample::select(schemes.to_vec()),
        any::<u32>(),
    );
    let any = parts.prop_map(|(modulation, scheme, map)| TxParameters {
        modulation,
        scheme,
        tone_map: ToneMap(map),
    });
    prop_oneof![Just(crate::geometry::GEOMETRY.robust()), any]
}

/// Identifiers that exist and others.
fn any_attribute() -> impl Strategy<Value = PibAttribute> {
    prop_oneof![0x47u16..0x7A, 0x100u16..0x126, any::<u16>()].prop_map(PibAttribute)
}

fn any_value() -> impl Strategy<Value = PibValue> {
    prop_oneof![
        any::<bool>().prop_map(PibValue::Boolean),
        any::<u8>().prop_map(PibValue::Unsigned8),
        (0u8..12).prop_map(PibValue::Unsigned8),
        any::<u16>().prop_map(PibValue::Unsigned16),
        any::<u32>().prop_map(PibValue::Unsigned32),
        Just(PibValue::Key(GMK)),
        any::<[u8; 9]>().prop_map(PibValue::ToneMask),
    ]
}

fn any_request() -> impl Strategy<Value = McpsDataRequest> {
    let dst =
        prop_oneof![Just(short(0)), Just(MacAddress::BROADCAST), Just(MacAddress::Extended(config(7).eui64))];
    (any::<u16>(), any::<bool>(), dst, 0usize..=400, 0u8..4, any::<bool>()).prop_map(
        |(handle, extended_source, dst, len, key, high)| McpsDataRequest {
            extended_source: extended_source && key == 3,
            security: if key == 3 {
                MacSecurity::None
            } else {
                MacSecurity::EncMic32 { key_index: key.saturating_sub(1) }
            },
            priority: if high { Priority::High } else { Priority::Normal },
            ..request(handle, dst, len)
        },
    )
}

fn any_mlme() -> impl Strategy<Value = MlmeRequest> {
    let key = proptest::sample::select(vec![None, Some(GMK), Some(Key([1; 16]))]);
    prop_oneof![
        (0u64..30).prop_map(|secs| MlmeRequest::Scan { duration: Duration::from_secs(secs) }),
        Just(MlmeRequest::Start { pan_id: PAN }),
        Just(MlmeRequest::Reset),
        any::<u16>().prop_map(MlmeRequest::SetRcCoord),
        proptest::sample::select(vec![1, 1, 1, 0xFFFF])
            .prop_map(|short| MlmeRequest::SetShortAddress(ShortAddress(short))),
        (0u8..4, key).prop_map(|(index, key)| MlmeRequest::SetKey { index, key }),
        (any_attribute(), 0u16..3).prop_map(|(attribute, index)| MlmeRequest::Get { attribute, index }),
        (any_attribute(), 0u16..3, any_value()).prop_map(|(attribute, index, value)| MlmeRequest::Set {
            attribute,
            index,
            value
        }),
    ]
}

fn any_input() -> impl Strategy<Value = MacInput> {
    prop_oneof![
        4 => any_request().prop_map(MacInput::Data),
        12 => any_indication().prop_map(MacInput::Phy),
        1 => any_mlme().prop_map(MacInput::Mlme),
        1 => any_overheard().prop_map(MacInput::Overheard),
    ]
}

fn any_overheard() -> impl Strategy<Value = PdOverheard> {
    let address = prop_oneof![
        (0u16..5).prop_map(|n| MacAddress::Short(ShortAddress(n))),
        (0u64..5).prop_map(|n| MacAddress::Extended(plc_core::Eui64::from_u64(n))),
    ];
    let pan = proptest::sample::select(vec![PAN, plc_core::PanId(1), plc_core::PanId::BROADCAST]);
    let ended = any::<u64>().prop_map(Instant::from_nanos);
    (pan, address, any::<(bool, bool, u8)>(), ended).prop_map(
        |(pan, address, (response, keeps, lqi), ended)| PdOverheard {
            src: (pan, address),
            response_expected: response,
            contention_free: keeps,
            lqi: Lqi(lqi),
            ended,
        },
    )
}

/// The node joins first, so that most of what follows concerns it.
fn steps() -> impl Strategy<Value = Vec<(Duration, MacInput)>> {
    let join = [
        MlmeRequest::SetPanId(PAN),
        MlmeRequest::SetShortAddress(ShortAddress(1)),
        MlmeRequest::SetKey { index: 0, key: Some(GMK) },
    ];
    let step = (prop_oneof![0u64..3_000, 0u64..400_000], any_input())
        .prop_map(|(us, input)| (Duration::from_micros(us), input));
    prop::collection::vec(step, 0..80).prop_map(move |random| {
        let join = join.iter().map(|step| (Duration::ZERO, MacInput::Mlme(step.clone())));
        join.chain(random).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_law_holds_whatever_comes(steps in steps()) {
        prop_assert_eq!(check(&OneMac::new(Bounds::DEVICE), &steps), Ok(()));
    }

    #[test]
    fn every_law_holds_where_there_is_room_for_one_of_each(steps in steps()) {
        let bounds = Bounds {
            requests: 1,
            reassemblies: 1,
            duplicates: 1,
            devices: 1,
            neighbours: 1,
            pos: 1,
            links: 1,
            scan_results: 1,
        };
        prop_assert_eq!(check(&OneMac::new(bounds), &steps), Ok(()));
    }
}

#[test]
fn every_request_gets_exactly_one_confirm_on_a_lossy_line() {
    let mut line = Line::joined(3);
    let mut stream = plc_core::Seed::from_u64(3).stream();
    line.fault = Box::new(move |_, _, _| match plc_core::seed::uniform(&mut stream, 10) {
        0 | 1 => crate::line::Fault::Lose,
        2 => crate::line::Fault::Flip,
        _ => crate::line::Fault::None,
    });
    for round in 0..20 {
        for node in 0..3u16 {
            line.ask(usize::from(node), request(round, short((node + 1) % 3), usize::from(round) * 20));
        }
        line.run(Duration::from_secs(6));
    }
    line.run(Duration::from_secs(60));
    for node in 0..3 {
        let mut handles: Vec<_> = line.confirms(node).iter().map(|c| c.handle).collect();
        handles.sort_unstable();
        assert_eq!(handles, (0..20).collect::<Vec<_>>());
        let delivered =
            line.confirms((node + 2) % 3).iter().filter(|c| c.status == MacStatus::Success).count();
        assert!(line.indications(node).len() >= delivered, "what was confirmed was delivered");
        let msdus: std::collections::BTreeSet<_> =
            line.indications(node).iter().map(|i| i.msdu.to_vec()).collect();
        assert_eq!(msdus.len(), line.indications(node).len(), "nothing was delivered twice");
        assert!(line.macs[node].deadline().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn two_nodes_on_a_hostile_line_deliver_what_was_sent_and_once(
        script in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        crate::hostile::run(&script);
    }
}
