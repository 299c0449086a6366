//! The frame control header: what parses is emitted as it was, reads as a line, and has a check sequence.
#![no_main]

use g3_phy::g3::{CheckPlacement, Fch};
use libfuzzer_sys::fuzz_target;
use plc_core::wire::{Reader, Writer};

fuzz_target!(|bytes: &[u8]| {
    for placement in [CheckPlacement::HighestLast, CheckPlacement::HighestFirst] {
        let Ok(fch) = Fch::parse(&mut Reader::new(bytes), placement) else { continue };
        let mut room = [0; 64];
        let mut writer = Writer::new(&mut room);
        fch.emit(&mut writer, placement).expect("what is parsed can be emitted");
        assert_eq!(writer.written(), &bytes[..fch.wire_len()], "{fch}");
        assert!(!fch.to_string().is_empty());
        // No header with one wrong bit before the tail passes for another.
        let at = usize::from(bytes[0]) % (fch.wire_len() * 8 - 7);
        let mut wrong = writer.written().to_vec();
        wrong[at / 8] ^= 0x80 >> (at % 8);
        assert!(Fch::parse(&mut Reader::new(&wrong), placement).is_err(), "bit {at} of {fch}");
    }
});
