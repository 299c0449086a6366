//! Samples into the receiver: octets as 8-bit samples, in blocks of changing length.
#![no_main]

use g3_phy::{CENELEC_A, Exchange, Modem, ModemConfig, ModemInput};
use libfuzzer_sys::fuzz_target;
use plc_core::{Machine, SampleClock};

fuzz_target!(|bytes: &[u8]| {
    let config = ModemConfig::default();
    let clock: SampleClock = config.clock;
    let mut modem = Modem::new(&CENELEC_A, config);
    let mut rest = bytes;
    while let Some((&len, tail)) = rest.split_first() {
        let (block, tail) = tail.split_at(usize::from(len).min(tail.len()));
        rest = tail;
        let received: Vec<f32> = block.iter().map(|&octet| f32::from(octet as i8) / 64.0).collect();
        let mut transmitted = vec![0.0; received.len()];
        let now = clock.instant(modem.position() + received.len() as u64);
        let medium = Exchange::Block { received: &received, transmitted: &mut transmitted };
        modem.handle(now, ModemInput::Medium(medium));
        while modem.poll().is_some() {}
    }
});
