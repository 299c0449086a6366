//! What the MAC reads from a frame.
#![no_main]

use fuzz::round_trip;
use g3_mac::OctetOrder::Little;
use g3_mac::wire::{AuxHeader, Beacon, Command, Mhr, Segment, SegmentControl, ToneMapResponse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip!(bytes, |r: &mut _| Segment::parse(r), Segment::emit);
    round_trip!(bytes, |r: &mut _| SegmentControl::parse(r), SegmentControl::emit);
    round_trip!(bytes, |r: &mut _| Mhr::parse(r), Mhr::emit);
    round_trip!(bytes, |r: &mut _| AuxHeader::parse(r), AuxHeader::emit);
    round_trip!(bytes, |r: &mut _| Beacon::parse(r, Little), |b: &Beacon, w: &mut _| b.emit(w, Little));
    round_trip!(bytes, |r: &mut _| Command::parse(r), Command::emit);
    round_trip!(bytes, |r: &mut _| ToneMapResponse::parse(r), ToneMapResponse::emit);
});
