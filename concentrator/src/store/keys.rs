//! Keys of meters that have taken the place of those of the configuration, and keys of which nobody knows yet whether they have.
//!
//! They stand in the file of the keys, beside the counters that belong to them: both change in one transaction. Each row names the keys of the
//! configuration that it goes on from; where the configuration says others, it wins.

use super::reading::bits;
use super::{Store, StoreError, mark, schema};
use crate::hex::hex;
use collector::{MeterKeys, RenewedKeys};
use plc_core::Eui64;
use plc_core::sap::Key;
use rusqlite::{OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// What is kept of the keys of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKeys {
    /// Its keys.
    pub keys: MeterKeys,
    /// Keys that it may have instead.
    pub renewed: Option<RenewedKeys>,
    /// Whose wish the newest keys were made for; 0: nobody waits to hear of it.
    pub mark: i64,
    /// Whether the meter has taken those.
    pub taken: bool,
}

impl Store {
    /// The keys of a meter for which the configuration says these.
    ///
    /// # Errors
    /// The database failed.
    pub fn keys(&mut self, meter: Eui64, configured: &MeterKeys) -> Result<KeptKeys, StoreError> {
        let name = name(configured);
        let kept = self.seal(|transaction| {
            transaction.execute(
                "DELETE FROM meter_keys WHERE eui64 = ?1 AND configured <> ?2",
                params![bits(meter), name],
            )?;
            transaction.query_row(SELECT, [bits(meter)], kept).optional()
        })?;
        Ok(kept.unwrap_or(KeptKeys { keys: *configured, renewed: None, mark: 0, taken: false }))
    }

    /// Keys that were made for the wish `mark`, before they are sent; `present` are those that the meter has.
    ///
    /// # Errors
    /// The database failed.
    pub fn renew_keys(
        &mut self,
        meter: Eui64,
        configured: &MeterKeys,
        (present, mark): (&MeterKeys, i64),
        keys: &MeterKeys,
    ) -> Result<(), StoreError> {
        let name = name(configured);
        let (e, a) = (present.encryption.0, present.authentication.0);
        let (next_e, next_a) = (keys.encryption.0, keys.authentication.0);
        self.seal(|transaction| {
            transaction
                .execute(
                    "INSERT OR REPLACE INTO meter_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, 0)",
                    params![bits(meter), name, e, a, next_e, next_a, mark],
                )
                .map(drop)
        })
    }

    /// Raises the counter below which invocation counters may have been used under the renewed keys.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_renewed_counter(&mut self, meter: Eui64, value: u32) -> Result<(), StoreError> {
        let sql = "UPDATE meter_keys SET renewed_counter = ?2 WHERE eui64 = ?1 AND renewed_counter < ?2";
        self.change_keys(|transaction| transaction.execute(sql, params![bits(meter), value]).map(drop))?;
        self.transact(|transaction| mark::reserve(transaction, meter, value.into()))
    }

    /// It is certain which keys a meter has. Those that it has taken come with counters of their own.
    ///
    /// # Errors
    /// The database failed.
    pub fn settle_keys(&mut self, meter: Eui64, renewed: bool) -> Result<(), StoreError> {
        self.seal(|transaction| {
            let meter = bits(meter);
            if renewed && transaction.execute(TAKE_KEYS, [meter])? > 0 {
                transaction.execute(BEGIN_COUNTERS, [meter])?;
            }
            transaction.execute(FORGET_RENEWED, [meter]).map(drop)
        })
    }

    /// Whoever wished for the newest keys knows what has become of them.
    ///
    /// # Errors
    /// The database failed.
    pub fn forget_mark(&mut self, meter: Eui64) -> Result<(), StoreError> {
        let sql = "UPDATE meter_keys SET mark = 0 WHERE eui64 = ?1";
        self.seal(|transaction| transaction.execute(sql, [bits(meter)]).map(drop))
    }

    /// Writes the keys that meters have taken into `keys.toml` beside the store, whole or not at all, readable by its owner only: for
    /// backups, and for configurations to come. Nobody reads it back.
    ///
    /// # Errors
    /// The database or the file system failed.
    pub fn export_keys(&self) -> Result<(), StoreError> {
        let rows = self.key_file.rows(SELECT_ALL, (), |row| Ok((row.get::<_, i64>(7)?, kept(row)?)))?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut text = String::from(HEAD);
        for (meter, kept) in rows {
            let meter = Eui64::from_u64(meter.cast_unsigned());
            let [e, a] = [kept.keys.encryption, kept.keys.authentication].map(|key| hex(&key.0));
            text += &format!(
                "\n[[meter]]\neui64 = \"{meter}\"\nencryption_key = \"{e}\"\nauthentication_key = \"{a}\"\n"
            );
        }
        let file = self.path().with_file_name(EXPORT);
        write_private(&file, &text).map_err(|error| StoreError::Io { path: file, error })
    }
}

/// Puts a file in the place of another, whole and durable.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = schema::beside(path, ".new");
    let mut file = schema::private(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    schema::sync_folder(path)
}

/// Names keys without telling them.
fn name(keys: &MeterKeys) -> [u8; 32] {
    Sha256::new().chain_update(keys.encryption.0).chain_update(keys.authentication.0).finalize().into()
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptKeys> {
    let pair = |at: usize| -> rusqlite::Result<Option<MeterKeys>> {
        let (encryption, authentication): (Option<[u8; 16]>, Option<[u8; 16]>) =
            (row.get(at)?, row.get(at + 1)?);
        let both = encryption.zip(authentication);
        Ok(both.map(|(e, a)| MeterKeys { encryption: Key(e), authentication: Key(a) }))
    };
    let counter: u32 = row.get(4)?;
    let keys = pair(0)?.ok_or(rusqlite::Error::InvalidQuery)?;
    let renewed = pair(2)?.map(|keys| RenewedKeys { keys, first_invocation_counter: counter });
    Ok(KeptKeys { keys, renewed, mark: row.get(5)?, taken: row.get(6)? })
}

const SELECT: &str =
    "SELECT encryption, authentication, renewed_encryption, renewed_authentication, renewed_counter, mark, taken
    FROM meter_keys WHERE eui64 = ?1";
const SELECT_ALL: &str =
    "SELECT encryption, authentication, renewed_encryption, renewed_authentication, renewed_counter, mark, taken, eui64
    FROM meter_keys ORDER BY eui64";
const HEAD: &str = "# Keys that meters have taken in the place of those of the configuration. Written by the concentrator.\n";
/// The file beside the store.
pub(super) const EXPORT: &str = "keys.toml";
const TAKE_KEYS: &str = "UPDATE meter_keys SET encryption = renewed_encryption, authentication = renewed_authentication, taken = 1
    WHERE eui64 = ?1 AND renewed_encryption IS NOT NULL";
const BEGIN_COUNTERS: &str = "INSERT INTO meter_counters
    SELECT eui64, renewed_counter, 0, 1 FROM meter_keys WHERE eui64 = ?1
    ON CONFLICT (eui64) DO UPDATE SET invocation_counter = excluded.invocation_counter, server_counter = 0,
        generation = generation + 1";
const FORGET_RENEWED: &str =
    "UPDATE meter_keys SET renewed_encryption = NULL, renewed_authentication = NULL WHERE eui64 = ?1";

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Utc;
    use std::os::unix::fs::PermissionsExt;

    const METER: Eui64 = Eui64::from_u64(7);

    const fn keys(n: u8) -> MeterKeys {
        MeterKeys { encryption: Key([n; 16]), authentication: Key([n + 100; 16]) }
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        let mut store = Store::open(&folder.path().join("store.sqlite"), Utc::default()).unwrap();
        store.register_meter(METER, None).unwrap();
        store
    }

    fn counters(store: &Store) -> (u64, u64) {
        let counters = store.counters(METER).unwrap();
        (counters.invocation, counters.server)
    }

    #[test]
    fn keys_that_were_taken_are_the_keys_after_a_restart_and_their_counters_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = store(&folder);
        first.set_invocation_counter(METER, 5000).unwrap();
        first.commit(&[], &[(METER, 9000)].into(), []).unwrap();
        first.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
        first.set_renewed_counter(METER, 1025).unwrap();
        first.set_renewed_counter(METER, 7).unwrap();
        drop(first);
        let mut second = store(&folder);
        let renewed = RenewedKeys { keys: keys(2), first_invocation_counter: 1025 };
        let both = KeptKeys { keys: keys(1), renewed: Some(renewed), mark: 3, taken: false };
        assert_eq!((second.keys(METER, &keys(1)).unwrap(), counters(&second)), (both, (5000, 9000)));
        second.settle_keys(METER, true).unwrap();
        second.settle_keys(METER, true).unwrap();
        drop(second);
        let mut third = store(&folder);
        let settled = KeptKeys { keys: keys(2), renewed: None, mark: 3, taken: true };
        assert_eq!((third.keys(METER, &keys(1)).unwrap(), counters(&third)), (settled, (1025, 0)));
        third.export_keys().unwrap();
        let file = folder.path().join("keys.toml");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(&format!("encryption_key = \"{}\"", "02".repeat(16))), "{text}");
    }

    #[test]
    fn keys_that_were_not_taken_are_forgotten_and_the_counters_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(&folder);
        store.set_invocation_counter(METER, 5000).unwrap();
        store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
        store.settle_keys(METER, false).unwrap();
        store.settle_keys(METER, true).unwrap();
        let kept = store.keys(METER, &keys(1)).unwrap();
        assert_eq!((kept.keys, kept.renewed, counters(&store).0), (keys(1), None, 5000));
    }

    #[test]
    fn where_the_configuration_says_other_keys_it_wins() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(&folder);
        store.renew_keys(METER, &keys(1), (&keys(1), 3), &keys(2)).unwrap();
        store.settle_keys(METER, true).unwrap();
        assert_eq!(store.keys(METER, &keys(9)).unwrap().keys, keys(9));
        assert_eq!(store.keys(METER, &keys(1)).unwrap().keys, keys(1), "what was dropped stays dropped");
    }
}
