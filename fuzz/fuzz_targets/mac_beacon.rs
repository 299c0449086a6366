//! The payload of a beacon, in both orders of its route cost.
#![no_main]

use fuzz::round_trip;
use g3_mac::OctetOrder;
use g3_mac::wire::Beacon;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for order in [OctetOrder::Little, OctetOrder::Big] {
        round_trip!(bytes, |r: &mut _| Beacon::parse(r, order), |b: &Beacon, w: &mut _| b.emit(w, order));
    }
});
