//! What must hold after every step.

use super::record::Record;
use crate::frame::{Body, Frame, FramePhy};
use g3_mac::wire::{Segment, check_fcs};
use plc_core::ShortAddress;
use plc_core::wire::Reader;
use plc_node::Node;
use std::collections::BTreeMap;

/// Watches the frames that nodes send, and their tables.
#[derive(Debug)]
pub(super) struct Invariants {
    /// By node and key: the newest frame counter, with the sequence number of the frame that bore it.
    counters: Vec<[Option<(u32, u8)>; 2]>,
    addresses: BTreeMap<ShortAddress, usize>,
}

impl Invariants {
    pub(super) fn new(nodes: usize) -> Self {
        Self { counters: vec![[None; 2]; nodes], addresses: BTreeMap::new() }
    }

    /// A device has got this address.
    pub(super) fn on_joined(&mut self, meter: usize, short: ShortAddress) {
        self.addresses.retain(|_, held| *held != meter);
        self.addresses.insert(short, meter);
    }

    /// The meter that has an address.
    pub(super) fn meter_of(&self, short: ShortAddress) -> Option<usize> {
        self.addresses.get(&short).copied()
    }

    /// The addresses of all meters that have joined, ascending.
    pub(super) fn members(&self) -> impl Iterator<Item = ShortAddress> + '_ {
        self.addresses.keys().copied()
    }

    /// A node sends a frame of its own. Its counter must be a new one, or that of the frame which it repeats: not even a restart may
    /// bring an old one back.
    pub(super) fn on_frame(&mut self, node: u32, frame: &Frame, record: &mut Record) {
        let Body::Data { psdu, .. } = &frame.body else { return };
        let Ok((body, _)) = check_fcs(psdu) else {
            return record.violate(format!("node {node} has sent a frame with a wrong check sequence"));
        };
        let Ok(segment) = Segment::parse(&mut Reader::new(body)) else {
            return record.violate(format!("node {node} has sent a frame that cannot be parsed"));
        };
        let Some(aux) = segment.aux else { return };
        let Some(newest) = self.counters[node as usize].get_mut(usize::from(aux.key_index)) else {
            return record.violate(format!("node {node} has used key {}", aux.key_index));
        };
        let sent = (aux.frame_counter, segment.mhr.dsn);
        if newest.is_some_and(|newest| sent.0 < newest.0 || sent.0 == newest.0 && sent.1 != newest.1) {
            record.violate(format!("node {node} has used frame counter {} again", aux.frame_counter));
        }
        *newest = Some(sent);
    }

    /// The tables of a node must be within their bounds, and its queues have lost nothing.
    pub(super) fn on_tables(node: u32, held: &Node<FramePhy>, record: &mut Record) {
        let layers = held.mac().tables().map(|table| ("MAC", table));
        let layers = layers.chain(held.adp().tables().map(|table| ("adaptation", table)));
        for (layer, (table, (entries, bound))) in layers {
            if entries > bound {
                record.violate(format!("{table} ({layer}) of node {node}: {entries} entries of {bound}"));
            }
        }
        let dropped =
            held.outputs_dropped() + held.mac().outputs_dropped() + held.phy().counters().dropped_indications;
        if dropped > 0 {
            record.violate(format!("node {node} has lost {dropped} of its outputs"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use g3_mac::wire::{AuxHeader, FrameType, Mhr, SegmentControl};
    use plc_core::Instant;
    use plc_core::sap::{FrameGeometry, TxGain};

    fn frame(frame_counter: u32, dsn: u8) -> Frame {
        let mut mhr = Mhr::new(FrameType::Data, dsn);
        mhr.security = true;
        let aux = Some(AuxHeader { security_control: 0x0D, frame_counter, key_index: 0 });
        let control = SegmentControl { length: 4, ..SegmentControl::default() };
        let psdu = Segment { control, mhr, aux, payload: &[1, 2, 3, 4] }.psdu(60).expect("the segment fits");
        let at = Instant::EPOCH;
        let (tx, gain) = (g3_phy::CENELEC_A.robust(), TxGain::default());
        let body = Body::Data { psdu, tx, gain, response_expected: false };
        Frame { start: at, preamble_ends: at, header_ends: at, ends: at, body }
    }

    #[test]
    fn a_counter_that_comes_again_is_noticed_and_a_repetition_is_not() {
        let (mut invariants, mut record) = (Invariants::new(2), Record::default());
        for (counter, dsn, violations) in [(7, 1, 0), (7, 1, 0), (8, 2, 0), (8, 3, 1), (6, 4, 2), (9, 5, 2)] {
            invariants.on_frame(1, &frame(counter, dsn), &mut record);
            assert_eq!(record.violation_count, violations, "{counter} {dsn}");
        }
        invariants.on_frame(0, &frame(1, 1), &mut record);
        assert_eq!(record.violation_count, 2);
        let mut spoilt = frame(20, 9);
        if let Body::Data { psdu, .. } = &mut spoilt.body {
            psdu[3] ^= 1;
        }
        invariants.on_frame(1, &spoilt, &mut record);
        assert_eq!(record.violation_count, 3);
    }
}
