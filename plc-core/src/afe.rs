//! The stream between a node and its analogue front end, when that is another process.
//!
//! The node asks, the front end answers, one block at a time: the node is clocked by the converter. All
//! numbers are little-endian, samples are IEEE 754 single precision at the scale of the modem.
//!
//! ```text
//! front end → node   Hello                      once
//! node → front end   Outgoing [block of samples]
//! front end → node   Incoming [block of samples]
//! ```
//!
//! A node that has nothing to send for a while says for how long. A front end whose time is virtual may
//! then jump over a stretch in which the line is silent; a real one never does.

use crate::Utc;
use crate::wire::{Reader, WireError, Writer};

/// The first octets of a [`Hello`]: name and version of this format.
const MAGIC: [u8; 4] = *b"AFE1";
/// The largest block, in samples.
pub const BLOCK_MAX: u32 = 4096;

/// How the front end introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Samples per second, both ways.
    pub rate_hz: u32,
    /// Samples per block, 1 to [`BLOCK_MAX`].
    pub block: u32,
    /// Whether time is virtual: the front end waits for the node.
    pub virtual_time: bool,
    /// UTC of the first sample that will be exchanged.
    pub utc: Utc,
}

impl Hello {
    /// Octets on the wire.
    pub const WIRE_LEN: usize = 21;

    /// Reads the introduction.
    ///
    /// # Errors
    /// `Invalid` names the field: format, sample rate, block, flags.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let valid = |ok, what| if ok { Ok(()) } else { Err(WireError::Invalid(what)) };
        valid(reader.array()? == MAGIC, "format")?;
        let (rate_hz, block) = (reader.u32_le()?, reader.u32_le()?);
        valid(rate_hz > 0, "sample rate")?;
        valid((1..=BLOCK_MAX).contains(&block), "block")?;
        let flags = reader.u8()?;
        valid(flags <= 1, "flags")?;
        let utc = Utc::from_millis(reader.u64_le()? as i64);
        Ok(Self { rate_hz, block, virtual_time: flags == 1, utc })
    }

    /// Writes the introduction.
    ///
    /// # Errors
    /// `NoRoom`.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.bytes(&MAGIC)?;
        writer.u32_le(self.rate_hz)?;
        writer.u32_le(self.block)?;
        writer.u8(u8::from(self.virtual_time))?;
        writer.u64_le(self.utc.as_millis() as u64)
    }
}

/// What goes with a block: how many samples are silent. As `Outgoing`, zero means that a block of
/// samples follows; any other number, that nothing will be sent for so many samples. As `Incoming`, zero
/// means that a block follows; any other number, that so many samples of silence have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence(pub u32);

impl Silence {
    /// Octets on the wire.
    pub const WIRE_LEN: usize = 4;

    /// The octets of the number.
    pub const fn to_bytes(self) -> [u8; Self::WIRE_LEN] {
        self.0.to_le_bytes()
    }

    /// The number in these octets.
    pub const fn from_bytes(bytes: [u8; Self::WIRE_LEN]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_hello_survives_the_wire(rate_hz in 1u32.., block in 1..=BLOCK_MAX, virtual_time: bool, millis: i64) {
            let hello = Hello { rate_hz, block, virtual_time, utc: Utc::from_millis(millis) };
            let mut buffer = [0; Hello::WIRE_LEN];
            hello.emit(&mut Writer::new(&mut buffer)).unwrap();
            let mut reader = Reader::new(&buffer);
            prop_assert_eq!(Hello::parse(&mut reader), Ok(hello));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn random_bytes_are_no_hello(bytes: [u8; Hello::WIRE_LEN]) {
            prop_assume!(bytes[..4] != MAGIC);
            prop_assert_eq!(Hello::parse(&mut Reader::new(&bytes)), Err(WireError::Invalid("format")));
        }
    }
}
