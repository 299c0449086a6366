//! What a meter wants made durable.

use crate::objects::{LogRecord, QualityRow, RateRegisters};
use crate::profiles::{Begins, Row};
use alloc::boxed::Box;
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
