//! What the adaptation layer reads from a MAC payload, and what a join carries.
#![no_main]

use fuzz::round_trip;
use g3_adp::wire::{Bc0Header, EapMessage, FragmentHeader, LbpFrame, MeshHeader, Parameter, PchannelContent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip!(bytes, |r: &mut _| MeshHeader::parse(r), MeshHeader::emit);
    round_trip!(bytes, |r: &mut _| Bc0Header::parse(r), Bc0Header::emit);
    round_trip!(bytes, |r: &mut _| FragmentHeader::parse(r), FragmentHeader::emit);
    round_trip!(bytes, |r: &mut _| LbpFrame::parse(r), LbpFrame::emit);
    round_trip!(bytes, |r: &mut _| EapMessage::parse(r), EapMessage::emit);
    round_trip!(bytes, |r: &mut _| PchannelContent::parse(r), PchannelContent::emit);
    round_trip!(bytes, |r: &mut _| Parameter::parse(r), Parameter::emit);
});
