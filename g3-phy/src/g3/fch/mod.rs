//! The frame control header.

mod cenelec;
mod fcc;

use super::interop::CheckPlacement;
use super::specs;
use core::fmt;
use plc_core::sap::{ModulationScheme, TxParameters};
use plc_core::wire::{Reader, WireError, Writer};

/// How a band lays out its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFormat {
    /// 33 bits with a check sequence of five \[G3 PHY 5.1; confidence A\].
    Cenelec,
    /// 66 bits with a check sequence of eight \[G3 PHY 5.2; confidence B\].
    Fcc,
    /// That of FCC without a bit for the number of code words \[G3 PHY 5.2; confidence B\].
    Arib,
}

impl HeaderFormat {
    /// Information bits.
    pub const fn bits(self) -> usize {
        match self {
            Self::Cenelec => specs::FCH_BITS_CENELEC,
            Self::Fcc | Self::Arib => specs::FCH_BITS_FCC,
        }
    }

    /// Octets that hold the header and the tail of its code.
    pub const fn octets(self) -> usize {
        match self {
            Self::Cenelec => specs::FCH_OCTETS_CENELEC,
            Self::Fcc | Self::Arib => specs::FCH_OCTETS_FCC,
        }
    }
}

/// The header of a frame with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sof {
    /// Phase detection counter of the sender.
    pub pdc: u8,
    /// How the payload is sent.
    pub tx: TxParameters,
    /// Length of the payload in steps of the band, all code words together.
    pub units: u16,
    /// Reed-Solomon code words, 1 or 2.
    pub blocks: u8,
    /// Whether an acknowledgement is asked for.
    pub response_expected: bool,
}

/// A frame control header; the last six bits of its last octet are the tail of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fch {
    /// A payload follows.
    Sof(Sof),
    /// An ACK or NACK; nothing follows \[G3 PHY 5.4; confidence B\].
    Ack {
        /// FCS of the frame that is acknowledged.
        fcs: u16,
        /// Whether more segments are expected (SSCA).
        more_segments: bool,
        /// NACK.
        negative: bool,
    },
    /// A delimiter that the standard keeps for later.
    Reserved {
        /// 4 to 7.
        delimiter: u8,
        /// The octets of the header with delimiter and check sequence blanked.
        fields: [u8; Fch::LEN_MAX],
    },
}

impl Fch {
    /// Octets of the longest header.
    pub const LEN_MAX: usize = specs::FCH_OCTETS_FCC;

    /// Reads a header and checks it.
    ///
    /// # Errors
    /// [`WireError::Truncated`]; [`WireError::Invalid`] for a wrong check sequence, a tone map of zero, or bits
    /// set where the format has none.
    pub fn parse(
        reader: &mut Reader<'_>,
        format: HeaderFormat,
        placement: CheckPlacement,
    ) -> Result<Self, WireError> {
        match format {
            HeaderFormat::Cenelec => cenelec::parse(&reader.array()?, placement),
            HeaderFormat::Fcc => fcc::parse(&reader.array()?, true),
            HeaderFormat::Arib => fcc::parse(&reader.array()?, false),
        }
    }

    /// Writes the header with its check sequence and tail.
    ///
    /// # Errors
    /// [`WireError::NoRoom`]; [`WireError::Invalid`] for a value that its field cannot hold.
    pub fn emit(
        &self,
        writer: &mut Writer<'_>,
        format: HeaderFormat,
        placement: CheckPlacement,
    ) -> Result<(), WireError> {
        match format {
            HeaderFormat::Cenelec => writer.bytes(&cenelec::octets(self, placement)?),
            HeaderFormat::Fcc => writer.bytes(&fcc::octets(self, true)?),
            HeaderFormat::Arib => writer.bytes(&fcc::octets(self, false)?),
        }
    }

    /// Octets that [`emit`](Self::emit) writes.
    pub const fn wire_len(&self, format: HeaderFormat) -> usize {
        format.octets()
    }
}

impl fmt::Display for Fch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sof(sof) => sof.fmt(f),
            Self::Ack { fcs, more_segments, negative } => {
                let name = if *negative { "NACK" } else { "ACK" };
                write!(f, "{name} of FCS {fcs:04x}{}", if *more_segments { ", more segments" } else { "" })
            }
            Self::Reserved { delimiter, fields } => {
                write!(f, "reserved delimiter {delimiter}, {fields:02x?}")
            }
        }
    }
}

impl fmt::Display for Sof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pdc, tx: TxParameters { modulation, scheme, tone_map }, units, .. } = self;
        write!(f, "SOF pdc {pdc}, {modulation:?} {scheme:?}, tone map {tone_map:?}, FL {units}")?;
        if self.blocks > 1 {
            write!(f, " in {} blocks", self.blocks)?;
        }
        write!(f, "{}", if self.response_expected { ", response expected" } else { "" })
    }
}

const fn scheme(coherent: bool) -> ModulationScheme {
    if coherent { ModulationScheme::Coherent } else { ModulationScheme::Differential }
}

#[cfg(test)]
mod tests;
