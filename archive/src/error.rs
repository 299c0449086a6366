//! Why the archive fails.

use thiserror::Error;

/// Why the archive fails.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The database failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A block that was just built cannot be: too many rows.
    #[error("block: {0}")]
    Block(#[from] plc_core::wire::WireError),
    /// There are more series than numbers for them.
    #[error("series: more than {} of them, expected fewer", u32::MAX)]
    Series,
}
