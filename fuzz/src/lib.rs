//! The law that every parser is fuzzed against, and decisions out of octets.
#![forbid(unsafe_code)]

/// What is accepted can be emitted, and reads the same: `$parse` takes a reader, `$emit` a PDU and a writer.
///
/// A macro, because both readings borrow, from different octets.
#[macro_export]
macro_rules! round_trip {
    ($bytes:expr, $parse:expr, $emit:expr) => {{
        let bytes: &[u8] = $bytes;
        if let Ok(pdu) = $parse(&mut ::plc_core::wire::Reader::new(bytes)) {
            let mut room = vec![0; 2 * bytes.len() + 64];
            let mut writer = ::plc_core::wire::Writer::new(&mut room);
            $emit(&pdu, &mut writer).expect("what is parsed can be emitted");
            let again = $parse(&mut ::plc_core::wire::Reader::new(writer.written()));
            assert_eq!(again.as_ref(), Ok(&pdu), "what is emitted can be parsed");
        }
    }};
}

/// The octets of the fuzzer as decisions; zeros when they have run out.
pub struct Script<'a>(pub &'a [u8]);

impl Script<'_> {
    /// Whether all decisions were taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A decision.
    pub fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// Two octets.
    pub fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.octet(), self.octet()])
    }
}
