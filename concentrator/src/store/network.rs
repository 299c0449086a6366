//! What the layers of the coordinator must find again after a restart: routes, group keys, received counters.

use super::key_file::code;
use super::{Store, StoreError, StoreReader};
use plc_core::ShortAddress;
use plc_core::sap::{Key, KeyUse, StoredRoute};
use plc_node::DeviceCounter;
use rusqlite::{Row, Transaction, params};

impl Store {
    /// Keeps what stands in a slot of the group key; `None` empties it.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_group_key(&mut self, slot: u8, key: Option<(Key, KeyUse)>) -> Result<(), StoreError> {
        self.seal(|transaction| match key {
            Some((Key(octets), purpose)) => transaction
                .execute(
                    "INSERT OR REPLACE INTO group_keys VALUES (?1, ?2, ?3)",
                    params![slot, octets, code(purpose)],
                )
                .map(drop),
            None => transaction.execute("DELETE FROM group_keys WHERE slot = ?1", [slot]).map(drop),
        })
    }

    /// Keeps the smallest frame counter of a source that is fresh. The readings learn of this change with their next one: it reserves nothing, and
    /// comes often.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_device_counter(&mut self, counter: &DeviceCounter) -> Result<(), StoreError> {
        let DeviceCounter { short, key_index, accept_from } = *counter;
        let sql = "INSERT OR REPLACE INTO device_counters VALUES (?1, ?2, ?3)";
        let row = params![short.0, key_index, accept_from];
        self.change_keys(|transaction| transaction.execute(sql, row).map(drop))
    }

    /// Forgets the counters under the key that stood in this slot.
    ///
    /// # Errors
    /// The database failed.
    pub fn void_device_counters(&mut self, key_index: u8) -> Result<(), StoreError> {
        let sql = "DELETE FROM device_counters WHERE key_index = ?1";
        self.seal(|transaction| transaction.execute(sql, [key_index]).map(drop))
    }
}

impl StoreReader {
    /// The ways that are held, ordered by node.
    ///
    /// # Errors
    /// The database failed.
    pub fn routes(&self) -> Result<Vec<StoredRoute>, StoreError> {
        let sql =
            "SELECT destination, next_hop, cost, hops, weak_links, sequence FROM routes ORDER BY destination";
        self.rows(sql, (), route)
    }
}

fn route(row: &Row<'_>) -> rusqlite::Result<StoredRoute> {
    Ok(StoredRoute {
        destination: ShortAddress(row.get(0)?),
        next_hop: ShortAddress(row.get(1)?),
        cost: row.get(2)?,
        hops: row.get(3)?,
        weak_links: row.get(4)?,
        sequence: row.get(5)?,
    })
}

/// Keeps the way to a node. One that is held already costs no write.
pub(super) fn keep_route(transaction: &Transaction<'_>, route: &StoredRoute) -> rusqlite::Result<()> {
    let StoredRoute { destination, next_hop, cost, hops, weak_links, sequence } = *route;
    let row = params![destination.0, next_hop.0, cost, hops, weak_links, sequence];
    transaction.prepare_cached(SET_ROUTE)?.execute(row).map(drop)
}

const SET_ROUTE: &str = "INSERT INTO routes VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (destination) DO UPDATE SET next_hop = excluded.next_hop, cost = excluded.cost, hops = excluded.hops,
        weak_links = excluded.weak_links, sequence = excluded.sequence
    WHERE (next_hop, cost, hops, weak_links, sequence)
        IS NOT (excluded.next_hop, excluded.cost, excluded.hops, excluded.weak_links, excluded.sequence)";
