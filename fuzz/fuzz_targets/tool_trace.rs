//! What `concentrator dlms --trace` makes of arbitrary octets, as a stream of frames, a stream of wrapper PDUs, and one APDU.
#![no_main]

use concentrator::cli::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Some((kind, octets)) = octets.split_first() else { return };
    let shown = match kind % 3 {
        0 => parsers::dissection(octets),
        kind => parsers::trace(kind == 1, octets),
    };
    // An octet is shown a bounded number of times: envelopes in envelopes are left at a depth.
    assert!(shown.len() <= 4096 + 4096 * octets.len(), "{} octets for {}", shown.len(), octets.len());
});
