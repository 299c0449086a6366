//! What a meter wants made durable.

use crate::objects::{LogRecord, QualityRow, RateRegisters};
use crate::profiles::{Begins, Row};
use alloc::boxed::Box;
use alloc::vec::Vec;
use dlms::classes::Snapshot;
use dlms::server::ServerPersist;
use metrology::Ledger;
use plc_core::sap::Persist;

/// A record that a meter wants made durable before its later outputs are carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeterPersist {
    /// Of the layers below.
    Node(Persist),
    /// Of the DLMS server.
    Server(ServerPersist),
    /// A row was captured with these registers.
    Captured(Box<Captured>),
    /// The registers as they stand, between two rows: the supply is going.
    Totals(Box<Totals>),
    /// The voltage was wrong for a while: a row of a log of power quality, which is counted as well.
    Quality(QualityRow),
    /// The billing period was closed before its time with this row of the monthly profile.
    Closed(Row),
    /// The state of an object has changed.
    Object(Snapshot),
    /// A log has changed.
    Log(LogRecord),
    /// An image is to come: whatever was kept of another is forgotten. See [`crate::journal::ImageBank`].
    ImageBegin {
        /// Its octets.
        size: u32,
        /// Octets of a block.
        block_len: u32,
    },
    /// A block of it has come.
    ImageBlock {
        /// Where it begins.
        offset: u32,
        /// The block.
        octets: Vec<u8>,
    },
    /// The image is to run, after so many trials of others; see [`crate::BootReport`].
    ImageWanted {
        /// How many.
        trials: u8,
    },
}

/// What was captured at a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The row of the load profile.
    pub row: Row,
    /// What it begins: it is a row of those billing profiles too.
    pub begins: Begins,
    /// All registers, after the row.
    pub ledger: Ledger,
    /// Energy by rate.
    pub rates: RateRegisters,
}

/// All registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Energies.
    pub ledger: Ledger,
    /// Energy by rate.
    pub rates: RateRegisters,
}
