//! What the MAC reads from every frame: segment control, headers, padding.
#![no_main]

use fuzz::round_trip;
use g3_mac::wire::{AuxHeader, Mhr, Segment, SegmentControl, check_fcs};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    _ = check_fcs(bytes);
    round_trip!(bytes, |r: &mut _| Segment::parse(r), Segment::emit);
    round_trip!(bytes, |r: &mut _| SegmentControl::parse(r), SegmentControl::emit);
    round_trip!(bytes, |r: &mut _| Mhr::parse(r), Mhr::emit);
    round_trip!(bytes, |r: &mut _| AuxHeader::parse(r), AuxHeader::emit);
});
