//! Header compression \[RFC 6282\], with the addresses of G3 \[G3 ADP 5.3\].
//!
//! Where RFC 6282 rebuilds an elided interface identifier as 0000:00ff:fe00:XXXX, G3 puts the PAN
//! into its upper half.

mod address;
mod compress;
mod decompress;

pub use compress::{Compressed, Mode, compress};
pub use decompress::{Decompressed, decompress};

use crate::addressing::Ipv6Address;
use crate::config::{Context, InformationBase};
use crate::{addressing, specs};
use plc_core::{PanId, ShortAddress};

/// What the headers below IPv6 say, from which elided addresses are rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The PAN, as it stands in addresses.
    pub pan_id: PanId,
    /// Originator.
    pub source: ShortAddress,
    /// Final destination.
    pub destination: ShortAddress,
}

/// The contexts of both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contexts {
    table: [Option<Context>; specs::CONTEXTS],
}

impl Contexts {
    /// The table of the information base; context 0 is fe80::PAN/80 unless the table says otherwise
    /// \[G3 ADP 5.3; confidence A\].
    pub fn new(ib: &InformationBase, pan_id: PanId) -> Self {
        let mut table = ib.adp_context_information_table;
        let mut prefix = [0; 16];
        prefix[..8].copy_from_slice(&addressing::LINK_LOCAL);
        prefix[8..10].copy_from_slice(&pan_id.0.to_be_bytes());
        table[0] = table[0].or(Some(Context { prefix, bits: 80, compress: true }));
        Self { table }
    }

    /// Context number `index`.
    pub fn at(&self, index: u8) -> Option<&Context> {
        self.table.get(usize::from(index))?.as_ref()
    }

    /// Whether an address has a prefix of this network: that of a context of at most 64 bits.
    pub fn is_on_link(&self, address: &Ipv6Address) -> bool {
        self.table.iter().flatten().any(|context| context.bits <= 64 && context.covers(address))
    }

    /// Contexts that may be used to compress, with their numbers.
    fn compressing(&self) -> impl Iterator<Item = (u8, &Context)> {
        (0u8..).zip(&self.table).filter_map(|(n, entry)| Some((n, entry.as_ref().filter(|c| c.compress)?)))
    }
}

/// The two octets of the base encoding \[RFC 6282 3.1\].
mod base {
    pub(super) const DISPATCH: u16 = 0x6000;
    pub(super) const TF_SHIFT: u16 = 11;
    pub(super) const NH: u16 = 1 << 10;
    pub(super) const HLIM_SHIFT: u16 = 8;
    pub(super) const CID: u16 = 1 << 7;
    pub(super) const SAC: u16 = 1 << 6;
    pub(super) const SAM_SHIFT: u16 = 4;
    pub(super) const M: u16 = 1 << 3;
    pub(super) const DAC: u16 = 1 << 2;
    /// Hop limits that need no octet, by code; code 0 means inline.
    pub(super) const HOP_LIMITS: [Option<u8>; 4] = [None, Some(1), Some(64), Some(255)];
    /// The next-header code of UDP, in the upper five bits \[RFC 6282 4.3\].
    pub(super) const UDP: u8 = 0xF0;
    pub(super) const UDP_CHECKSUM_ELIDED: u8 = 0x04;
}

#[cfg(test)]
mod tests;
