//! The machine.

use crate::config::AdpConfig;
use crate::counters::Counters;
use plc_core::sap::{
    AdpdDataConfirm, AdpdDataIndication, AdpdDataRequest, AdpmIndication, AdpmRequest, McpsDataConfirm,
    McpsDataIndication, McpsDataRequest, MlmeConfirm, MlmeIndication, MlmeRequest, Persist,
};
use plc_core::{Instant, Machine, Outbox, PanId, ShortAddress};

/// What happens to the adaptation layer.
#[derive(Clone, Debug, PartialEq)]
pub enum AdpInput {
    /// From above: send a packet.
    Data(AdpdDataRequest),
    /// From management.
    Adpm(AdpmRequest),
    /// From below: a frame was sent, or not.
    McpsConfirm(McpsDataConfirm),
    /// From below: a frame has come.
    McpsIndication(McpsDataIndication),
    /// From below: a management request has ended.
    MlmeConfirm(MlmeConfirm),
    /// From below: a beacon, or a frame refused.
    Mlme(MlmeIndication),
}

/// What the adaptation layer wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum AdpOutput {
    /// Downward: send a frame.
    Mcps(McpsDataRequest),
    /// Downward: management.
    Mlme(MlmeRequest),
    /// Upward: a packet was sent, or not.
    DataConfirm(AdpdDataConfirm),
    /// Upward: a packet has come.
    DataIndication(AdpdDataIndication),
    /// To management.
    Adpm(AdpmIndication),
    /// To the driver: make this durable before anything that follows.
    Persist(Persist),
}

/// The adaptation layer of one node.
pub struct Adp {
    config: AdpConfig,
    counters: Counters,
    outbox: Outbox<AdpOutput, 32>,
}

impl Adp {
    /// A layer that is in no PAN.
    pub fn new(config: AdpConfig) -> Self {
        Self { config, counters: Counters::default(), outbox: Outbox::new() }
    }

    /// What was done and lost since construction.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The PAN that this node is in.
    pub fn pan_id(&self) -> Option<PanId> {
        None
    }

    /// The own short address, if this node is in a PAN.
    pub fn short_address(&self) -> Option<ShortAddress> {
        None
    }
}

impl Machine for Adp {
    type Input<'a> = AdpInput;
    type Output = AdpOutput;

    fn handle(&mut self, _now: Instant, _input: AdpInput) {
        let _ = &self.config;
    }

    fn tick(&mut self, _now: Instant) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn poll(&mut self) -> Option<AdpOutput> {
        self.outbox.pop()
    }
}
