//! Which captures of which register are held.

use crate::ArchiveError;
use backhaul::{Register, Runs, push_number, take_number};
use plc_core::crc::{CRC32_BLOCK, Crc};
use plc_core::wire::{Reader, WireError};
use plc_core::{Eui64, Utc};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// Which captures of which register are held, or were until they were delivered and made room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub(crate) registers: BTreeMap<Register, Held>,
}

/// What is known of a register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) runs: Runs,
    /// Scaler, unit, number; mostly one.
    pub(crate) series: Vec<(i8, u8, u32)>,
}

impl Coverage {
    /// The captures of a register.
    pub fn of(&self, register: Register) -> Option<&Runs> {
        self.registers.get(&register).map(|held| &held.runs)
    }

    /// The captures of a meter. A capture is stored with all its registers or not at all, so that of each register one is enough.
    pub fn of_meter(&self, meter: Eui64) -> Runs {
        let mut all = Runs::new();
        for (_, held) in self.registers.iter().filter(|(register, _)| register.meter == meter) {
            if all.count() == 0 {
                all.clone_from(&held.runs);
            } else if all != held.runs {
                held.runs.iter().for_each(|capture| {
                    all.insert(capture);
                });
            }
        }
        all
    }

    /// The newest capture of each meter.
    pub fn newest(&self) -> BTreeMap<Eui64, Utc> {
        let mut newest = BTreeMap::new();
        for (register, held) in &self.registers {
            if let Some(capture) = held.runs.newest() {
                let known = newest.entry(register.meter).or_insert(capture);
                *known = capture.max(*known);
            }
        }
        newest
    }

    pub(crate) fn emit(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        push_number(&mut out, self.registers.len() as u64);
        for (register, held) in &self.registers {
            out.extend_from_slice(&register.meter.0);
            out.extend_from_slice(&register.logical_name);
            held.runs.emit(&mut out);
        }
        let check = CRC.checksum(&out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    pub(crate) fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let (body, check) = octets.split_last_chunk().ok_or(WireError::Truncated)?;
        if CRC.checksum(body) != u32::from_le_bytes(*check) {
            return Err(WireError::Invalid("checksum of the coverage"));
        }
        let mut reader = Reader::new(body);
        if reader.u8()? != VERSION {
            return Err(WireError::Invalid("version of the coverage"));
        }
        let mut coverage = Self::default();
        for _ in 0..take_number(&mut reader)? {
            let register = Register { meter: Eui64(reader.array()?), logical_name: reader.array()? };
            let held = Held { runs: Runs::parse(&mut reader)?, series: Vec::new() };
            coverage.registers.insert(register, held);
        }
        reader.finish()?;
        Ok(coverage)
    }
}

/// What was written down last, and up to which cursor it holds. What is damaged or was never written counts as nothing, and all
/// blocks are looked at.
pub(crate) fn load(connection: &Connection) -> Result<(Coverage, u64, usize), ArchiveError> {
    let sql = "SELECT through, data FROM coverage WHERE number = 1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
    let Some((through, data)) = connection.query_row(sql, (), row).optional()? else {
        return Ok((Coverage::default(), 0, 0));
    };
    match Coverage::parse(&data) {
        Ok(coverage) => Ok((coverage, through.cast_unsigned(), data.len())),
        Err(_) => Ok((Coverage::default(), 0, 0)),
    }
}

const CRC: Crc<u32> = Crc::<u32>::new(&CRC32_BLOCK);
const VERSION: u8 = 1;
