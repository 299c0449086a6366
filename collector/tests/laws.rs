//! The six laws of a machine, for the collector with real DLMS servers at the other end.
#![allow(clippy::unwrap_used, reason = "a test")]

mod street;

use collector::{
    BACKGROUND, Collector, CollectorConfig, CollectorInput, CollectorOutput, Image, ImageProgress,
    MeterEntry, MeterKeys, Order, Rekey, Selection, Step as OrderStep, Task, What, Work,
};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use plc_core::laws::{Durability, Subject, check};
use plc_core::sap::{AdpStatus, DLMS_PORT, Key, UdpConfirm, UdpIndication, UdpPayload};
use plc_core::{Instant, Machine, Seed, ShortAddress, UtcAnchor};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use street::{CURRENT, DAILY, LOG, Lie, MeterDouble, VOLTAGE, anchor, entry, eui64};

/// What may happen, besides what the meters and the store do.
#[derive(Clone, Debug)]
enum Step {
    Register(u16),
    Remove(u16),
    Join(u16, u16),
    Leave(u16),
    Clock(i64),
    Noise(u16, Vec<u8>),
    Confirm(u16, bool),
    Stored(u64),
    Lie(u16, usize),
    Order(u16, u8, u64),
    Task(u32, u8, u64),
    RemoveTask(u32),
    Trust(bool),
}

/// The collector and its meters as one machine: datagrams and batches are answered after a while.
struct World {
    collector: Collector,
    meters: BTreeMap<u16, MeterDouble>,
    air: BTreeMap<(Instant, u64), Parcel>,
    sequence: u64,
    now: Instant,
}

enum Parcel {
    ToMeter(u16, UdpPayload),
    ToCollector(u16, UdpPayload),
    Stored(u64),
}

impl World {
    fn new() -> Self {
        let config =
            CollectorConfig { meters: 2, rows: 4, history: 12, ..CollectorConfig::new(Seed::from_u64(1)) };
        let mut world = Self {
            collector: Collector::new(config),
            meters: (1..=3).map(|n| (n, MeterDouble::new(n))).collect(),
            air: BTreeMap::new(),
            sequence: 0,
            now: Instant::EPOCH,
        };
        for step in [Step::Clock(0), Step::Register(1), Step::Join(1, 1)] {
            world.handle(Instant::from_secs(1), &step);
        }
        world
    }

    /// Every seventh parcel is lost, every fifth comes twice.
    fn send(&mut self, parcel: impl Fn() -> Parcel) {
        for delay_ms in [50, 400] {
            self.sequence += 1;
            let lost = if delay_ms == 50 {
                self.sequence.is_multiple_of(7)
            } else {
                !self.sequence.is_multiple_of(5)
            };
            if !lost {
                self.air.insert((self.now + Duration::from_millis(delay_ms), self.sequence), parcel());
            }
        }
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::ToCollector(src, payload) => self.receive(src, payload),
            Parcel::Stored(batch) => self.collector.handle(self.now, CollectorInput::Stored { batch }),
            Parcel::ToMeter(n, payload) => self.serve(n, &payload),
        }
    }

    fn receive(&mut self, src: u16, payload: UdpPayload) {
        let (src, src_port, dst_port) = (ShortAddress(src), DLMS_PORT, DLMS_PORT);
        let indication =
            UdpIndication { src, src_port, dst_port, payload, hops: 1, lqi: plc_core::sap::Lqi(80) };
        self.collector.handle(self.now, CollectorInput::Udp(&indication));
    }

    fn serve(&mut self, n: u16, payload: &[u8]) {
        let Some(meter) = self.meters.get_mut(&n) else { return };
        meter.server.serve(self.now, 0, payload, &mut meter.objects);
        let outputs: Vec<_> = core::iter::from_fn(|| meter.server.poll()).collect();
        for output in outputs {
            if let dlms::server::ServerOutput::Datagram { bytes, .. } = output {
                self.send(|| Parcel::ToCollector(n, UdpPayload::from_slice(&bytes).unwrap()));
            }
        }
    }
}

impl Machine for World {
    type Input<'a> = &'a Step;
    type Output = CollectorOutput;

    fn handle(&mut self, now: Instant, step: &Step) {
        self.now = now;
        let input = match *step {
            // The third only pushes.
            Step::Register(n) => CollectorInput::Register(MeterEntry { one_way: n == 3, ..entry(n) }),
            Step::Remove(n) => CollectorInput::Remove(eui64(n)),
            Step::Join(n, short) => CollectorInput::Joined { eui64: eui64(n), short: ShortAddress(short) },
            Step::Leave(n) => CollectorInput::Left { eui64: eui64(n) },
            Step::Clock(ms) => {
                let utc = plc_core::Utc::from_millis(anchor().utc(now).as_millis() + ms);
                CollectorInput::Clock(UtcAnchor { at: now, utc })
            }
            Step::Noise(src, ref bytes) => return self.receive(src, UdpPayload::from_slice(bytes).unwrap()),
            Step::Confirm(handle, good) => {
                let status = if good { AdpStatus::Success } else { AdpStatus::RouteError };
                CollectorInput::UdpConfirm(UdpConfirm { handle, status })
            }
            Step::Stored(batch) => CollectorInput::Stored { batch },
            Step::Task(number, which, ms) => CollectorInput::Task(task(number, which, ms)),
            Step::RemoveTask(number) => CollectorInput::RemoveTask(number),
            Step::Trust(trusted) => CollectorInput::ClockTrust(trusted),
            Step::Order(n, which, ms) => CollectorInput::Order(order(now, n, which, ms)),
            Step::Lie(n, which) => {
                let objects = &mut self.meters.get_mut(&n).unwrap().objects;
                objects.lie = Lie::ALL.get(which).copied();
                return;
            }
        };
        self.collector.handle(now, input);
    }

    fn tick(&mut self, now: Instant) {
        self.now = now;
        while self.air.first_key_value().is_some_and(|(&(at, _), _)| at <= now) {
            let parcel = self.air.pop_first().unwrap().1;
            self.deliver(parcel);
        }
        if self.collector.deadline().is_some_and(|at| at <= now) {
            self.collector.tick(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let air = self.air.first_key_value().map(|(&(at, _), _)| at);
        self.collector.deadline().into_iter().chain(air).min()
    }

    fn poll(&mut self) -> Option<CollectorOutput> {
        let output = self.collector.poll()?;
        match &output {
            CollectorOutput::Udp(request) => {
                self.send(|| Parcel::ToMeter(request.dst.0, request.payload.clone()))
            }
            CollectorOutput::Store(batch) => self.send(|| Parcel::Stored(batch.number)),
            CollectorOutput::StoreValues(batch) => self.send(|| Parcel::Stored(batch.number)),
            _ => {}
        }
        Some(output)
    }
}

/// An order of every kind.
fn order(now: Instant, n: u16, which: u8, ms: u64) -> Order {
    let time = AttributeRequest::new(8, LogicalName([0, 0, 1, 0, 0, 255]), 2);
    let nothing = MethodRequest { class_id: 8, logical_name: LogicalName([0, 0, 1, 0, 0, 255]), method: 1 };
    let image = Image {
        identifier: b"fw".to_vec(),
        octets: street::image::signed(64 + usize::from(which) * 10).into(),
        activate_from: now,
        progress: ImageProgress::default(),
    };
    let new = MeterKeys { encryption: Key([which; 16]), authentication: Key([which ^ 1; 16]) };
    let work = match which % 7 {
        0 => Work::Read,
        1 => Work::SetClock,
        2 => Work::Steps(vec![OrderStep::Get(time.clone()), OrderStep::Get(time)]),
        3 => Work::Steps(vec![OrderStep::Act(nothing, None)]),
        4 => Work::Image(image),
        5 => Work::Rekey(Rekey::new(street::master(n), new, false)),
        _ => Work::Steps(vec![OrderStep::Get(time); usize::from(which)]),
    };
    let until = now + Duration::from_millis(ms);
    Order {
        number: ms,
        meter: eui64(n),
        work,
        priority: which | if which % 7 == 4 { BACKGROUND } else { 0 },
        until,
    }
}

/// A task of every kind.
fn task(number: u32, which: u8, ms: u64) -> Task {
    let what = match which % 3 {
        0 => What::Registers(vec![VOLTAGE, CURRENT]),
        1 => What::Rows(vec![LOG, DAILY]),
        _ => What::Clock,
    };
    let only = Selection::Only([eui64(1), eui64(9)].into());
    Task {
        number,
        what,
        meters: if which > 128 { only } else { Selection::All },
        period: Duration::from_secs(60 + ms / 10_000),
        offset: Duration::from_secs(ms % 60),
        spread: Duration::from_millis(ms / 100),
        deadline: Duration::from_secs(30 + ms / 1000),
        priority: which,
        attempts: u32::from(which % 4),
        back_off: Duration::from_millis(ms / 50),
        ran: None,
        paused: which % 7 == 6,
    }
}

struct CollectorSubject;

impl Subject for CollectorSubject {
    type Machine = World;
    type Step = Step;

    fn build(&self) -> World {
        World::new()
    }

    fn apply(&self, world: &mut World, now: Instant, step: &Step) {
        world.handle(now, step);
    }

    fn describe(&self, output: &CollectorOutput) -> String {
        format!("{output:?}")
    }

    /// The counters of meter 1; those of the others follow the same path.
    fn durability(&self, output: &CollectorOutput) -> Durability {
        match output {
            CollectorOutput::PersistInvocation { meter, reserved_to } if *meter == eui64(1) => {
                Durability::Persists((*reserved_to).into())
            }
            CollectorOutput::Udp(request) if request.dst == ShortAddress(1) => {
                counter(&request.payload).map_or(Durability::Free, |n| Durability::ReliesOn(n.into()))
            }
            _ => Durability::Free,
        }
    }

    fn durable_at_start(&self) -> u64 {
        1
    }

    fn occupancy(&self, world: &World) -> (usize, usize) {
        world.collector.occupancy()
    }
}

/// The invocation counter of a ciphered datagram: behind a tag, a length and the security control 0x30. In an AARQ that stands in the
/// user-information, for a challenge may hold anything.
fn counter(payload: &[u8]) -> Option<u32> {
    const SERVICES: [u8; 3] = [0xC8, 0xCB, 0xDB];
    let apdu = payload.get(8..)?;
    let service = SERVICES.contains(apdu.first()?) && *apdu.get(2)? == 0x30;
    let initiate = |at: &[u8]| matches!(*at, [0xBE, _, 0x04, _, 0x21, _, 0x30, ..]);
    let at = match apdu[0] {
        0x60 => (0..apdu.len()).find(|&at| initiate(&apdu[at..]))? + 4,
        _ if service => 0,
        _ => return None,
    };
    Some(u32::from_be_bytes(apdu.get(at + 3..at + 7)?.try_into().ok()?))
}

fn step() -> impl Strategy<Value = Step> {
    let meter = || 1u16..=3;
    prop_oneof![
        2 => meter().prop_map(Step::Register),
        1 => (2u16..=3).prop_map(Step::Remove),
        4 => (meter(), 2u16..=3).prop_map(|(n, short)| if n == 1 { Step::Join(1, 1) } else { Step::Join(n, short) }),
        1 => meter().prop_map(Step::Leave),
        1 => (-4_000_000i64..4_000_000).prop_map(Step::Clock),
        2 => (meter(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(n, bytes)| Step::Noise(n, bytes)),
        1 => (0u16..60, any::<bool>()).prop_map(|(handle, good)| Step::Confirm(handle, good)),
        1 => (0u64..30).prop_map(Step::Stored),
        1 => (meter(), 0usize..20).prop_map(|(n, which)| Step::Lie(n, which)),
        3 => (1u16..=4, any::<u8>(), 0u64..2_000_000).prop_map(|(n, which, ms)| Step::Order(n, which, ms)),
        4 => (1u32..=3, any::<u8>(), 0u64..2_000_000).prop_map(|(n, which, ms)| Step::Task(n, which, ms)),
        1 => (1u32..=3).prop_map(Step::RemoveTask),
        1 => any::<bool>().prop_map(Step::Trust),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_collector_obeys_the_laws(steps in prop::collection::vec((0u64..400_000, step()), 0..40)) {
        let steps: Vec<_> = steps.into_iter().map(|(ms, step)| (Duration::from_millis(ms), step)).collect();
        prop_assert_eq!(check(&CollectorSubject, &steps), Ok(()));
    }
}

#[test]
fn the_law_of_order_sees_the_counters_of_a_session() {
    let mut world = World::new();
    let mut used = Vec::new();
    while let Some(at) = world.deadline().filter(|&at| at < Instant::from_secs(200)) {
        world.tick(at);
        let outputs: Vec<_> = core::iter::from_fn(|| world.poll()).collect();
        used.extend(outputs.iter().filter_map(|output| match CollectorSubject.durability(output) {
            Durability::ReliesOn(n) => Some(n),
            _ => None,
        }));
    }
    assert!(used.len() > 5 && used.first() == Some(&1), "{used:?}");
}
