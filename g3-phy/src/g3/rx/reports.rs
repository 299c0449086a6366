//! What goes up, and what is counted.

use crate::g3::mains::Mains;
use crate::g3::{BandPlan, Counters};
use plc_core::sap::{CarrierSense, PhyIndication, PhyLoss};
use plc_core::{Instant, Outbox, SampleClock};

/// Indications that may wait for the driver.
const OUTBOX: usize = 24;

/// The indications of both halves of the modem, in order, timed by the sample clock.
#[derive(Debug)]
pub(crate) struct Reports {
    outbox: Outbox<PhyIndication, OUTBOX>,
    clock: SampleClock,
    mains: Mains,
    counters: Counters,
}

impl Reports {
    pub(crate) fn new(clock: SampleClock, mains: Mains) -> Self {
        Self { outbox: Outbox::new(), clock, mains, counters: Counters::default() }
    }

    /// The mains has crossed zero.
    pub(crate) fn on_zero_crossing(&mut self, at: Instant) {
        self.mains.on_crossing(at);
    }

    /// The mains phase at the end of the preamble of a frame that starts at sample `start`.
    pub(crate) fn phase_detection_counter(&self, plan: &BandPlan, start: u64) -> u8 {
        self.mains.counter(self.instant(start + plan.preamble_len() as u64))
    }

    pub(crate) fn push(&mut self, indication: PhyIndication) {
        self.outbox.push(indication);
    }

    pub(crate) fn pop(&mut self) -> Option<PhyIndication> {
        self.outbox.pop()
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { dropped_indications: self.outbox.dropped(), ..self.counters }
    }

    pub(crate) const fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// The instant of sample `index`.
    pub(super) fn instant(&self, index: u64) -> Instant {
        self.clock.instant(index)
    }

    /// Carrier sense has changed.
    pub(super) fn sense(&mut self, sense: CarrierSense) {
        self.push(PhyIndication::CarrierSense(sense));
    }

    /// What began with a preamble has ended well.
    pub(super) fn received(&mut self, indication: PhyIndication) {
        self.counters.frames_received += 1;
        self.push(indication);
        self.sense(CarrierSense::Idle);
    }

    /// What looked like a preamble leads nowhere.
    pub(super) fn false_preamble(&mut self) {
        self.counters.false_preambles += 1;
        self.sense(CarrierSense::Idle);
    }

    /// The header is wrong or was cut off at sample `index`.
    pub(super) fn header_loss(&mut self, index: u64) {
        self.counters.header_losses += 1;
        self.loss(PhyLoss::Header, index);
    }

    /// The header is of a kind that this receiver cannot follow.
    pub(super) fn unsupported(&mut self, index: u64) {
        self.counters.unsupported_headers += 1;
        self.loss(PhyLoss::Unsupported, index);
    }

    /// The payload is wrong or was cut off at sample `index`.
    pub(super) fn payload_loss(&mut self, index: u64) {
        self.counters.payload_losses += 1;
        self.loss(PhyLoss::Payload, index);
    }

    fn loss(&mut self, loss: PhyLoss, index: u64) {
        self.push(PhyIndication::Lost { loss, ended: self.instant(index) });
        self.sense(CarrierSense::Idle);
    }
}
