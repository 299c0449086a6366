//! What the adaptation layer reads of its routing protocol.
#![no_main]

use fuzz::round_trip;
use g3_adp::wire::LoadngMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip!(bytes, |r: &mut _| LoadngMessage::parse(r), LoadngMessage::emit);
    let framed = [&[0x40, 1], bytes].concat();
    round_trip!(&framed, |r: &mut _| LoadngMessage::parse(r), LoadngMessage::emit);
});
