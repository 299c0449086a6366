//! Path discovery: which way frames take, and what each hop costs \[G3 ADP 6.6\].

use super::Context;
use crate::action::Action;
use crate::counters::Drop;
use crate::loadng::cost::direction_cost;
use crate::transmit::Purpose;
use crate::wire::{HopRecord, HopRecords, LoadngMessage, Prep, Preq};
use plc_core::sap::{AdpStatus, AdpmIndication, LinkQuality, Path, PathHop};
use plc_core::{Instant, ShortAddress};

/// The one path discovery that this node may have under way.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    asked: Option<(ShortAddress, Instant)>,
}

impl Paths {
    /// Asks for the path to `destination`, whose next hop is `hop`.
    pub(crate) fn start(
        &mut self,
        cx: &mut Context<'_>,
        destination: ShortAddress,
        metric: u8,
        hop: Option<ShortAddress>,
    ) {
        let Some(hop) = hop else {
            return tell(cx, destination, AdpStatus::RouteError, &[]);
        };
        if self.asked.is_some() {
            return tell(cx, destination, AdpStatus::QueueFull, &[]);
        }
        self.asked = Some((destination, cx.now + cx.ib.adp_path_discovery_time));
        let (originator, metric) = (cx.own, metric & 0x0F);
        let hops = HopRecords::new();
        let preq = Preq { destination, originator, metric, reserved: (0, [0; 3]), hops };
        cx.send(hop, LoadngMessage::Preq(preq), Purpose::Relay);
    }

    /// The answer to a question of this node.
    pub(crate) fn on_answer(&mut self, cx: &mut Context<'_>, prep: &Prep) {
        match self.asked.take_if(|(destination, _)| *destination == prep.expected_originator) {
            Some((destination, _)) => {
                let complete = prep.originator == destination;
                let status = if complete { AdpStatus::Success } else { AdpStatus::RouteError };
                tell(cx, destination, status, &prep.hops);
            }
            None => cx.count(Drop::UnexpectedMessage),
        }
    }

    /// Nobody has answered in time.
    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>) {
        if let Some((destination, _)) = self.asked.take_if(|(_, until)| *until <= cx.now) {
            tell(cx, destination, AdpStatus::Timeout, &[]);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.asked.map(|(_, until)| until)
    }

    pub(crate) fn clear(&mut self) {
        self.asked = None;
    }
}

/// Adds what this node has to say about the hop that has just been made; returns whether there was room.
pub(crate) fn record(cx: &Context<'_>, hops: &mut HopRecords, link: &LinkQuality, metric: u8) -> bool {
    let supported = metric == cx.ib.adp_metric_type & 0x0F;
    let phase = (link.phase_difference.sector() + 1) << HopRecord::PHASE_SHIFT;
    let attributes = if supported { phase } else { phase | HopRecord::METRIC_NOT_SUPPORTED };
    let link_cost =
        if supported { direction_cost(&link.forward, cx.ib).saturating_add(cx.ib.adp_kh) } else { 0 };
    hops.push(HopRecord { address: cx.own, attributes, link_cost }).is_ok()
}

/// The request has come as far as it can: it goes back as a reply.
pub(crate) fn turn(cx: &Context<'_>, preq: Preq) -> Prep {
    Prep {
        destination: preq.originator,
        expected_originator: preq.destination,
        metric: preq.metric,
        reserved: (0, 0),
        originator: cx.own,
        hops: preq.hops,
    }
}

fn tell(cx: &mut Context<'_>, destination: ShortAddress, status: AdpStatus, hops: &[HopRecord]) {
    let mut path = Path::default();
    for hop in hops {
        let phase = hop.phase();
        let cost = (hop.attributes & HopRecord::METRIC_NOT_SUPPORTED == 0).then_some(hop.link_cost);
        path.push(PathHop { address: hop.address, phase, cost });
    }
    cx.out.push(Action::Tell(AdpmIndication::PathDiscovered { destination, status, path }));
}
