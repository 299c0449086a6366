//! The machine: routes inputs to procedures, owns them all.

use crate::{Counters, MacConfig};
use plc_core::sap::{
    McpsDataConfirm, McpsDataIndication, McpsDataRequest, MlmeConfirm, MlmeIndication, MlmeRequest, Persist,
    PhyIndication, PhyRequest,
};
use plc_core::{Instant, Machine, Outbox};

/// What happens to the MAC.
#[derive(Clone, Debug, PartialEq)]
pub enum MacInput {
    /// MCPS-DATA.request.
    Data(McpsDataRequest),
    /// An MLME request.
    Mlme(MlmeRequest),
    /// The PHY has something to tell.
    Phy(PhyIndication),
}

/// What the MAC wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum MacOutput {
    /// A transmission.
    Phy(PhyRequest),
    /// MCPS-DATA.confirm.
    DataConfirm(McpsDataConfirm),
    /// MCPS-DATA.indication.
    DataIndication(McpsDataIndication),
    /// An MLME confirm.
    MlmeConfirm(MlmeConfirm),
    /// An MLME indication.
    Mlme(MlmeIndication),
    /// Make this durable before carrying out any later output.
    Persist(Persist),
}

/// Outputs between two drains.
const OUTBOX: usize = 24;

/// The MAC sublayer of one node.
pub struct Mac {
    config: MacConfig,
    out: Outbox<MacOutput, OUTBOX>,
    counters: Counters,
}

impl Mac {
    /// A MAC that is in no PAN.
    pub fn new(config: MacConfig) -> Self {
        Self { config, out: Outbox::new(), counters: Counters::default() }
    }

    /// What was counted since it was built.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Entries held in all queues and tables, and the most that they may hold.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.out.len(), OUTBOX + self.config.bounds.requests)
    }
}

impl Machine for Mac {
    type Input<'a> = MacInput;
    type Output = MacOutput;

    fn handle(&mut self, _now: Instant, _input: MacInput) {}
    fn tick(&mut self, _now: Instant) {}
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn poll(&mut self) -> Option<MacOutput> {
        self.out.pop()
    }
}
