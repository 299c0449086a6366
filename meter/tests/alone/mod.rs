//! A whole meter on a line where nobody answers.
#![allow(dead_code)]

use crate::mains::config;
use meter::Meter;
use plc_core::sap::{
    FrameFit, FrameGeometry, Key, Modulation, ModulationScheme, PdStatus, Phy, PhyIndication, PhyRequest,
    ToneMap, TxParameters,
};
use plc_core::{Eui64, Instant, Seed};
use plc_node::{DeviceConfig, Node};
use std::time::Duration;

/// A PHY on a line where nobody answers.
#[derive(Default)]
pub(crate) struct Alone {
    ends: Option<Instant>,
    ended: Option<Instant>,
}

impl Phy for Alone {
    type Medium<'a> = ();

    fn on_medium(&mut self, _now: Instant, _medium: ()) {}

    fn on_request(&mut self, now: Instant, request: PhyRequest) {
        let (at, duration) = match request {
            PhyRequest::Data(data) => (data.at, FRAME),
            PhyRequest::Ack(ack) => (ack.at, Geometry.ack()),
        };
        self.ends = Some(at.max(now) + duration);
    }

    fn tick(&mut self, now: Instant) {
        if let Some(ended) = self.ends.take_if(|ends| *ends <= now) {
            self.ended = Some(ended);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.ends
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        let ended = self.ended.take()?;
        Some(PhyIndication::Confirm { status: PdStatus::Success, ended })
    }
}

const FRAME: Duration = Duration::from_millis(50);

struct Geometry;

impl FrameGeometry for Geometry {
    fn fit(&self, _tx: &TxParameters, len: usize) -> Option<FrameFit> {
        (len <= 133).then_some(FrameFit { psdu_len: len, duration: FRAME })
    }
    fn max_psdu(&self, _tx: &TxParameters) -> usize {
        133
    }
    fn robust(&self) -> TxParameters {
        let (modulation, scheme) = (Modulation::Robo, ModulationScheme::Differential);
        TxParameters { modulation, scheme, tone_map: ToneMap::all(6) }
    }
    fn symbol(&self) -> Duration {
        Duration::from_micros(695)
    }
    fn ack(&self) -> Duration {
        Duration::from_millis(15)
    }
}

pub(crate) fn whole() -> Meter<Alone> {
    let device = DeviceConfig {
        eui64: Eui64([2, 0, 0, 0, 0, 0, 0, 7]),
        geometry: &Geometry,
        seed: Seed::from_u64(9),
        psk: Key([7; 16]),
        frame_counter: 1,
    };
    let node = Node::assemble(Alone::default(), device);
    Meter::new(config(), node, Instant::from_secs(1)).expect("a good configuration")
}
