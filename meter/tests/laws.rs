//! The laws of a machine, of the application and of the whole meter.

mod alone;
mod mains;

use alone::{Alone, whole};
use mains::{Mains, RATE};
use meter::{ApplicationInput, ApplicationOutput, Meter, MeterApplication, MeterInput, MeterOutput};
use metrology::{Energy, Registers};
use plc_core::laws::{self, Subject};
use plc_core::sap::{AdpStatus, DLMS_PORT, UdpConfirm, UdpIndication, UdpPayload};
use plc_core::{Instant, Machine, ShortAddress, Utc, UtcAnchor};
use proptest::prelude::*;
use std::time::Duration;

/// An owned input.
#[derive(Clone, Debug)]
enum Step {
    Samples(Vec<i32>, Vec<i32>),
    Clock(i64),
    Registers(u64),
    Datagram { src: u16, port: u16, bytes: Vec<u8> },
    Confirm(bool),
}

impl Step {
    fn input(&self, now: Instant) -> ApplicationInput<'_> {
        match self {
            Self::Samples(u, i) => ApplicationInput::Samples { u, i },
            Self::Clock(secs) => ApplicationInput::Clock(UtcAnchor { at: now, utc: Utc::from_secs(*secs) }),
            Self::Registers(mwh) => ApplicationInput::Registers(Registers {
                import: Energy::from_milliwatt_hours(*mwh),
                ..Registers::default()
            }),
            Self::Datagram { src, port, bytes } => ApplicationInput::Udp(UdpIndication {
                src: ShortAddress(*src),
                src_port: *port,
                dst_port: *port,
                payload: UdpPayload::from_slice(bytes).expect("a short datagram"),
                hops: 0,
                lqi: plc_core::sap::Lqi(80),
            }),
            Self::Confirm(success) => ApplicationInput::UdpConfirm(UdpConfirm {
                handle: 1,
                status: if *success { AdpStatus::Success } else { AdpStatus::RouteError },
            }),
        }
    }
}

/// A wrapper PDU from a client to the server: an association request of the public client, or noise.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let aarq = [
        0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xBE, 0x10, 0x04, 0x0E,
        0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F, 0x04, 0x00, 0x00, 0x1E, 0x1D, 0x04, 0x00,
    ];
    let get = [0xC0, 1, 0xC1, 0, 1, 0, 0, 42, 0, 0, 255, 2, 0];
    let apdu = prop_oneof![
        Just(aarq.to_vec()),
        Just(get.to_vec()),
        prop::collection::vec(any::<u8>(), 0..100),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(at, value)| {
            let mut bent = aarq.to_vec();
            bent[at.index(aarq.len())] = value;
            bent
        }),
    ];
    (apdu, prop_oneof![Just(16u8), Just(1), any::<u8>()]).prop_map(|(apdu, sap)| {
        let mut pdu = vec![0, 1, 0, sap, 0, 1, 0, apdu.len() as u8];
        pdu.extend(apdu);
        pdu
    })
}

fn step() -> impl Strategy<Value = Step> {
    let samples = (prop::collection::vec(any::<i32>(), 1..20), 0usize..3000)
        .prop_map(|(some, len)| some.into_iter().cycle().take(len).collect::<Vec<_>>());
    prop_oneof![
        (samples.clone(), samples).prop_map(|(u, i)| Step::Samples(u, i)),
        (0i64..4_000_000_000).prop_map(Step::Clock),
        (1_795_000_000i64..1_795_100_000).prop_map(Step::Clock),
        (0u16..6, prop_oneof![9 => Just(DLMS_PORT), 1 => any::<u16>()], datagram())
            .prop_map(|(src, port, bytes)| Step::Datagram { src, port, bytes }),
        any::<bool>().prop_map(Step::Confirm),
        any::<u64>().prop_map(Step::Registers),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    let pause = prop_oneof![9 => 0u64..3_000, 1 => 0u64..4_000_000].prop_map(Duration::from_millis);
    prop::collection::vec((pause, step()), 0..40)
}

struct Application;

impl Subject for Application {
    type Machine = MeterApplication;
    type Step = Step;

    fn build(&self) -> MeterApplication {
        Mains::new().app
    }

    fn apply(&self, machine: &mut MeterApplication, now: Instant, step: &Step) {
        machine.handle(now, step.input(now));
    }

    fn describe(&self, output: &ApplicationOutput) -> String {
        format!("{output:?}")
    }

    fn occupancy(&self, machine: &MeterApplication) -> (usize, usize) {
        machine.occupancy()
    }
}

struct Whole;

impl Subject for Whole {
    type Machine = Meter<Alone>;
    type Step = Step;

    fn build(&self) -> Meter<Alone> {
        whole()
    }

    fn apply(&self, machine: &mut Meter<Alone>, now: Instant, step: &Step) {
        match step.input(now) {
            ApplicationInput::Samples { u, i } => machine.handle(now, MeterInput::Samples { u, i }),
            ApplicationInput::Registers(r) => machine.handle(now, MeterInput::Registers(r)),
            ApplicationInput::Clock(anchor) => machine.handle(now, MeterInput::Clock(anchor)),
            _ => machine.handle(now, MeterInput::Medium(())),
        }
    }

    fn describe(&self, output: &MeterOutput) -> String {
        format!("{output:?}")
    }

    fn occupancy(&self, machine: &Meter<Alone>) -> (usize, usize) {
        machine.occupancy()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_application_obeys_the_laws_of_a_machine(steps in steps()) {
        prop_assert_eq!(laws::check(&Application, &steps), Ok(()));
    }

    #[test]
    fn the_meter_obeys_the_laws_of_a_machine(steps in steps()) {
        prop_assert_eq!(laws::check(&Whole, &steps), Ok(()));
    }
}

#[test]
fn the_whole_meter_measures_as_its_application_does() {
    let (mut meter, mut now) = (whole(), Instant::from_secs(2));
    let (u, i): (Vec<_>, Vec<_>) = (0..RATE as i32).map(|n| (n % 20 * 200_000, n % 20 * 9_000)).unzip();
    let mut app = Mains::new().app;
    for _ in 0..60 {
        now += Duration::from_secs(1);
        meter.handle(now, MeterInput::Samples { u: &u, i: &i });
        app.handle(now, ApplicationInput::Samples { u: &u, i: &i });
    }
    let (whole, part) = (meter.state(), app.state());
    assert_eq!(whole, part);
    assert!(whole.ledger.total.active.import.milliwatt_hours() > 0);
}
