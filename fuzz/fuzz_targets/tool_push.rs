//! What `concentrator dlms push listen` makes of arbitrary octets, in pieces, over HDLC, with the wrapper and in datagrams.
#![no_main]

use concentrator::cli::parsers::{PushKind, pushes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let [kind, piece, octets @ ..] = octets else { return };
    let kind = [PushKind::Hdlc, PushKind::Wrapper, PushKind::Datagrams][usize::from(kind % 3)];
    // Without a file counters can always be kept, and whatever is heard is a value.
    assert!(pushes(kind, usize::from(*piece), octets).is_ok());
});
