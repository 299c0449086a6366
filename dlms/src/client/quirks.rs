//! Where meters in the field differ from the books, and the client has to choose.

use super::ClientCounters;
use crate::apdu::Pdu;
use plc_core::wire::{Reader, WireError};

/// What a client makes of octets behind a complete APDU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingOctets {
    /// They are left out and counted: a widespread stack writes a value twice \[confidence A\].
    #[default]
    Tolerated,
    /// The APDU is none.
    Refused,
}

/// Choices about meters that differ from the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Octets behind a complete APDU.
    pub trailing_octets: TrailingOctets,
}

impl Quirks {
    /// The PDU in `bytes`.
    pub(super) fn pdu<'a, P: Pdu<'a>>(
        self,
        bytes: &'a [u8],
        counters: &mut ClientCounters,
    ) -> Result<P, WireError> {
        let mut reader = Reader::new(bytes);
        let pdu = P::parse(&mut reader)?;
        match self.trailing_octets {
            TrailingOctets::Refused => reader.finish()?,
            TrailingOctets::Tolerated => counters.trailing_octets += u64::from(!reader.is_empty()),
        }
        Ok(pdu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::{GetResponse, InvokeId};

    #[test]
    fn octets_behind_an_answer_are_left_out_and_counted_or_refused_as_the_switch_says() {
        let octets = [0xC4, 1, 0x41, 0, 17, 5, 17, 5];
        let mut counters = ClientCounters::default();
        let tolerant = Quirks::default().pdu::<GetResponse<'_>>(&octets, &mut counters);
        assert_eq!(tolerant, Ok(GetResponse::Normal { invoke_id: InvokeId(0x41), result: Ok(&[17, 5]) }));
        assert_eq!(counters.trailing_octets, 1);
        let strict = Quirks { trailing_octets: TrailingOctets::Refused };
        let refused = strict.pdu::<GetResponse<'_>>(&octets, &mut counters);
        assert_eq!((refused, counters.trailing_octets), (Err(WireError::TrailingBytes), 1));
        assert!(strict.pdu::<GetResponse<'_>>(&octets[..6], &mut counters).is_ok());
        assert_eq!(counters.trailing_octets, 1);
    }
}
