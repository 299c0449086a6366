//! Compressed IPv6 headers, and packets that are compressed.
#![no_main]

use g3_adp::config::InformationBase;
use g3_adp::iphc::{Contexts, Link, decompress};
use g3_adp::ipv6::Ipv6Header;
use libfuzzer_sys::fuzz_target;
use plc_core::wire::{Reader, Writer};
use plc_core::{PanId, ShortAddress};

fuzz_target!(|bytes: &[u8]| {
    let pan_id = PanId(0x781D);
    let link = Link { pan_id, source: ShortAddress(1), destination: ShortAddress(0) };
    let contexts = Contexts::new(&InformationBase::default(), pan_id);
    let mut reader = Reader::new(bytes);
    if let Ok(header) = decompress(&mut reader, link, &contexts) {
        let mut room = [0; 48];
        let total = 48 + reader.remaining();
        let _ = header.emit(total, &mut Writer::new(&mut room));
    }
    fuzz::round_trip!(bytes, |r: &mut _| Ipv6Header::parse(r), Ipv6Header::emit);
});
