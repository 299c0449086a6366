//! A PHY that exchanges whole frames with the line.

use heapless::Deque;
use plc_core::Instant;
use plc_core::sap::{CarrierSense, FrameGeometry, PdStatus, Phy, PhyIndication, PhyRequest};
use plc_node::modem::CENELEC_A;
use std::time::Duration;

/// One exchange with the line.
pub(crate) enum Exchange<'a> {
    /// Something comes from the line.
    Hear(PhyIndication),
    /// The line takes what was sent.
    Fetch(&'a mut Vec<PhyRequest>),
}

/// Sends whole frames, one at a time, and is deaf meanwhile. It allocates nothing.
#[derive(Default)]
pub(crate) struct Air {
    sent: Option<PhyRequest>,
    sending_until: Option<Instant>,
    indications: Deque<PhyIndication, 4>,
}

impl Air {
    fn tell(&mut self, indication: PhyIndication) {
        self.indications.push_back(indication).expect("the node takes them after every call");
    }
}

impl Phy for Air {
    type Medium<'a> = Exchange<'a>;

    fn on_medium(&mut self, _now: Instant, medium: Exchange<'_>) {
        match medium {
            Exchange::Fetch(sent) => sent.extend(self.sent.take()),
            Exchange::Hear(indication) if self.sending_until.is_none() => {
                self.tell(indication);
            }
            Exchange::Hear(_) => {}
        }
    }

    fn on_request(&mut self, now: Instant, request: PhyRequest) {
        if self.sending_until.is_some() {
            let confirm = PhyIndication::Confirm { status: PdStatus::TxBusy, ended: now };
            return self.tell(confirm);
        }
        let (start, duration) = airtime(&request);
        self.sending_until = Some(start.max(now) + duration);
        self.sent = Some(request);
    }

    fn tick(&mut self, now: Instant) {
        if let Some(ended) = self.sending_until.take_if(|end| *end <= now) {
            self.tell(PhyIndication::Confirm { status: PdStatus::Success, ended });
            self.tell(PhyIndication::CarrierSense(CarrierSense::Idle));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.sending_until
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        self.indications.pop_front()
    }
}

/// When a request begins on the line, and how long it lasts there.
pub(crate) fn airtime(request: &PhyRequest) -> (Instant, Duration) {
    match request {
        PhyRequest::Data(data) => {
            let fit = CENELEC_A.fit(&data.tx, data.psdu.len()).expect("the MAC asks for frames of the band");
            (data.at, fit.duration)
        }
        PhyRequest::Ack(ack) => (ack.at, CENELEC_A.ack()),
    }
}
