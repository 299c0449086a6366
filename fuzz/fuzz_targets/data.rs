//! A-XDR values: read, walked to the last element, written again.
#![no_main]

use dlms::axdr::Data;
use dlms::classes::profile::{Rows, capture_objects};
use libfuzzer_sys::fuzz_target;
use plc_core::wire::Writer;

fuzz_target!(|bytes: &[u8]| {
    fuzz::round_trip!(bytes, |r: &mut _| Data::parse(r).map(Comparable), |d: &Comparable<'_>, w: &mut _| d
        .0
        .emit(w));
    if let Ok(data) = Data::from_bytes(bytes) {
        let _ = (data.to_string(), data.as_clock_time().and_then(|clock| clock.utc()));
    }
    if let Some(rows) = Rows::from_value(bytes) {
        assert_eq!(rows.iter().count(), rows.len());
    }
    let _ = capture_objects(bytes);
});

/// Values compare by what they emit, because not every float equals itself, and a length may be written longer than it must.
#[derive(Debug)]
struct Comparable<'a>(Data<'a>);

impl PartialEq<Comparable<'_>> for Comparable<'_> {
    fn eq(&self, other: &Comparable<'_>) -> bool {
        self.emitted() == other.emitted()
    }
}

impl Comparable<'_> {
    fn emitted(&self) -> Vec<u8> {
        let mut room = vec![0; 1 << 14];
        let mut writer = Writer::new(&mut room);
        self.0.emit(&mut writer).expect("there is room");
        writer.written().to_vec()
    }
}
