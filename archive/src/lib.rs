//! Readings in blocks in SQLite: what both ends of the backhaul keep.
//!
//! A row for each reading and an index for its natural key would write several hundred octets to flash for each reading. Here
//! readings that become durable together are one packed block ([`backhaul::block`]), a row of the table `blocks`, whose key is the
//! cursor of its last reading. Which captures of which register are held is known in memory, exactly, as [`backhaul::Runs`]; that
//! knowledge is written down now and then, and made whole at the start from the blocks that came later.
//!
//! * [`Archive`] is the writer's side; it works in transactions of its caller's connection;
//! * [`Shelf`] is a reader's side, beside it;
//! * [`TABLES`] are the tables.
#![forbid(unsafe_code)]

mod coverage;
mod directory;
mod error;
mod insert;
mod shelf;
#[cfg(test)]
mod tests;

pub use coverage::Coverage;
pub use error::ArchiveError;
pub use insert::{Archive, Conflict, Inserted};
pub use shelf::{Damage, Filter, Page, Shelf};

/// The tables, for whoever makes the file.
///
/// A block is keyed by the cursor of its last reading, so that the table grows at its end. There is no further index: each would
/// cost a page per transaction.
pub const TABLES: &str = "
CREATE TABLE series (
    number INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL,
    logical_name BLOB NOT NULL,
    scaler INTEGER NOT NULL,
    unit INTEGER NOT NULL
) STRICT;

CREATE TABLE blocks (
    last INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE coverage (
    number INTEGER PRIMARY KEY,
    through INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
";
