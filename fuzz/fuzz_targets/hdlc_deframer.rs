//! Streams of octets, cut in different places: the same frames, whatever they are.
#![no_main]

use dlms::apdu::Pdu;
use dlms::hdlc::{Deframer, DeframerCounters, Frame};
use dlms::wrapper::{Wpdu, WpduStream};
use libfuzzer_sys::fuzz_target;

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, DeframerCounters) {
    let mut deframer = Deframer::new();
    let mut found = Vec::new();
    for mut chunk in chunks {
        while let Some(frame) = deframer.take(&mut chunk) {
            found.push(frame);
        }
        let (held, limit) = deframer.occupancy();
        assert!(chunk.is_empty() && held <= limit);
    }
    (found, *deframer.counters())
}

/// The PDUs until the stream goes wrong, and whether it has.
fn pdus<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let mut stream = WpduStream::new(1000);
    let mut found = Vec::new();
    for mut chunk in chunks {
        loop {
            match stream.take(&mut chunk) {
                Ok(Some(pdu)) => found.push(pdu),
                Ok(None) => break,
                Err(_) => {
                    if let Some(refusal) = stream.refusal() {
                        assert!(Wpdu::from_bytes(&refusal).is_ok_and(|wpdu| wpdu.apdu == [0xD8, 1, 4]));
                    }
                    return (found, true);
                }
            }
        }
        let (held, limit) = stream.occupancy();
        assert!(held <= limit);
    }
    (found, false)
}

fuzz_target!(|data: (u8, Vec<u8>)| {
    let (size, octets) = (usize::from(data.0) + 1, data.1);
    let whole = frames(core::iter::once(&octets[..]));
    assert_eq!(whole, frames(octets.chunks(size)));
    for frame in &whole.0 {
        if let Ok(read) = Frame::read(frame) {
            assert_eq!(Frame::read(&read.to_vec()), Ok(read));
        }
    }
    assert_eq!(pdus(core::iter::once(&octets[..])), pdus(octets.chunks(size)));
});
