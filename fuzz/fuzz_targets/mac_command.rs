//! The payload of a command frame in every layout of the tone map response.
#![no_main]

use fuzz::round_trip;
use g3_mac::wire::{Command, ToneMapLayout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let cenelec = [false, true].map(|seven| ToneMapLayout::Cenelec { seven });
    for layout in cenelec.into_iter().chain([ToneMapLayout::Wide]) {
        round_trip!(bytes, |r: &mut _| Command::parse(r, layout), |c: &Command, w: &mut _| c.emit(w, layout));
    }
});
