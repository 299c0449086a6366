//! The frame control header: what parses is emitted as it was, reads as a line, and has a check sequence.
#![no_main]

use g3_phy::g3::{CheckPlacement, Fch, HeaderFormat};
use libfuzzer_sys::fuzz_target;
use plc_core::wire::{Reader, Writer};

fuzz_target!(|bytes: &[u8]| {
    let formats = [
        (HeaderFormat::Cenelec, CheckPlacement::HighestLast),
        (HeaderFormat::Cenelec, CheckPlacement::HighestFirst),
        (HeaderFormat::Fcc, CheckPlacement::HighestLast),
        (HeaderFormat::Arib, CheckPlacement::HighestLast),
    ];
    formats.into_iter().for_each(|(format, placement)| check(bytes, format, placement));
});

fn check(bytes: &[u8], format: HeaderFormat, placement: CheckPlacement) {
    let Ok(fch) = Fch::parse(&mut Reader::new(bytes), format, placement) else { return };
    let mut room = [0; Fch::LEN_MAX];
    let mut writer = Writer::new(&mut room);
    fch.emit(&mut writer, format, placement).expect("what is parsed can be emitted");
    assert_eq!(writer.written(), &bytes[..fch.wire_len(format)], "{fch}");
    assert!(!fch.to_string().is_empty());
    // No header with one wrong bit before the tail passes for another.
    let at = usize::from(bytes[0]) % format.bits();
    let mut wrong = writer.written().to_vec();
    wrong[at / 8] ^= 0x80 >> (at % 8);
    assert!(Fch::parse(&mut Reader::new(&wrong), format, placement).is_err(), "bit {at} of {fch}");
}
