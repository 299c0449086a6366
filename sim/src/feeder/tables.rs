//! The five tables of a feeder, and their rows.

use super::table::{FeederError, Table};
use channel::Cable;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The text of the tables.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    /// bus, x_m, y_m.
    pub buses: &'a str,
    /// cable, r1, x1, r0, x0 in ohm per km.
    pub cables: &'a str,
    /// line, from_bus, to_bus, cable, length_m.
    pub lines: &'a str,
    /// customer, bus, phase, nominal_voltage_kv, power_factor, profile.
    pub customers: &'a str,
    /// minute, then a column of kW per profile.
    pub profiles: &'a str,
}

/// A point of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bus {
    /// Its number; the transformer's low-voltage side is 1.
    pub number: u32,
    /// Coordinate to the east, metres.
    pub x_m: f64,
    /// Coordinate to the north, metres.
    pub y_m: f64,
}

/// A kind of cable.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// Its impedances.
    pub cable: Cable,
}

/// A length of cable between two buses, by their places in the table of buses.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// The end nearer to the transformer.
    pub from: usize,
    /// The other end.
    pub to: usize,
    /// Place in the table of kinds.
    pub kind: usize,
    /// Length, metres.
    pub length_m: f64,
}

/// A phase conductor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// L1.
    One = 1,
    /// L2.
    Two,
    /// L3.
    Three,
}

/// A single-phase customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// Its number.
    pub number: u32,
    /// Place of its bus in the table of buses.
    pub bus: usize,
    /// Its phase.
    pub phase: Phase,
    /// Nominal voltage to neutral, volts.
    pub nominal_v: f64,
    /// Power factor, lagging, above 0 up to 1.
    pub power_factor: f64,
    /// Place of its profile.
    pub profile: usize,
}

pub(super) const BUSES: &str = "buses.csv";
pub(super) const CABLES: &str = "cables.csv";
pub(super) const LINES: &str = "lines.csv";
pub(super) const CUSTOMERS: &str = "customers.csv";
pub(super) const PROFILES: &str = "profiles_kw.csv";

/// Most buses of a feeder, which also bounds the depth of its tree.
const MAX_BUSES: usize = 4096;
/// Most kinds of cable.
const MAX_KINDS: usize = 256;
/// Most customers.
const MAX_CUSTOMERS: usize = 1024;
/// Longest line, and longest way from the transformer, metres: several times what low voltage reaches.
pub(super) const MAX_METRES: f64 = 5000.0;
/// Resistance or reactance of a cable, ohm/km: from far below a busbar to far above a bell wire.
const OHM_PER_KM: RangeInclusive<f64> = 0.001..=100.0;
/// Nominal voltage to neutral, kV.
const NOMINAL_KV: RangeInclusive<f64> = 0.1..=1.0;
/// Most active power of a customer, kW. Profiles are of consumption, so none is negative.
const MAX_KW: f64 = 100.0;
/// Minutes of a day.
const MINUTES: usize = 1440;

impl Phase {
    /// All three, in order.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// 0, 1 or 2.
    pub fn index(self) -> usize {
        self as usize - 1
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::One, Self::Two, Self::Three].get(usize::from(number).wrapping_sub(1)).copied()
    }
}

impl Tables<'_> {
    pub(super) fn buses(&self) -> Result<Vec<Bus>, FeederError> {
        let table = Table::new(BUSES, self.buses, &["bus", "x_m", "y_m"], false)?;
        let mut seen = BTreeMap::new();
        let mut buses = Vec::new();
        for row in table.rows(MAX_BUSES)? {
            let number = row.value(0, "a whole number", |_: &u32| true)?;
            if seen.insert(number, ()).is_some() {
                return Err(row.wrong(0, "a number not used before"));
            }
            buses.push(Bus { number, x_m: row.number(1)?, y_m: row.number(2)? });
        }
        match buses.first() {
            Some(Bus { number: 1, .. }) => Ok(buses),
            _ => Err(table.problem("expected bus 1 in the first row".into())),
        }
    }

    pub(super) fn cables(&self) -> Result<Vec<Kind>, FeederError> {
        let columns = ["cable", "r1_ohm_per_km", "x1_ohm_per_km", "r0_ohm_per_km", "x0_ohm_per_km"];
        let table = Table::new(CABLES, self.cables, &columns, false)?;
        let kind = |row: &super::table::Row<'_>| {
            let ohm = |column| row.within(column, &OHM_PER_KM);
            let [r1, x1, r0, x0] = [ohm(1)?, ohm(2)?, ohm(3)?, ohm(4)?];
            Ok(Kind { name: row.text(0).to_owned(), cable: Cable { r1, x1, r0, x0 } })
        };
        table.rows(MAX_KINDS)?.iter().map(kind).collect()
    }

    pub(super) fn lines(&self, buses: &[Bus], kinds: &[Kind]) -> Result<Vec<Line>, FeederError> {
        let columns = ["line", "from_bus", "to_bus", "cable", "length_m"];
        let table = Table::new(LINES, self.lines, &columns, false)?;
        let places = places(buses);
        let mut fed = BTreeMap::new();
        let mut lines = Vec::new();
        for row in table.rows(MAX_BUSES)? {
            let bus = |column| place(&places, &row, column);
            let kind = kinds.iter().position(|kind| kind.name == row.text(3));
            let kind = kind.ok_or_else(|| row.wrong(3, "a cable of cables.csv"))?;
            let (from, to, length_m) = (bus(1)?, bus(2)?, row.positive(4, MAX_METRES)?);
            if to == 0 || fed.insert(to, ()).is_some() {
                return Err(row.wrong(2, "a bus that no earlier line feeds"));
            }
            lines.push(Line { name: row.text(0).to_owned(), from, to, kind, length_m });
        }
        Ok(lines)
    }

    pub(super) fn customers(&self, buses: &[Bus], profiles: usize) -> Result<Vec<Customer>, FeederError> {
        let columns = ["customer", "bus", "phase", "nominal_voltage_kv", "power_factor", "profile"];
        let table = Table::new(CUSTOMERS, self.customers, &columns, false)?;
        let places = places(buses);
        let mut seen = BTreeMap::new();
        let mut customers = Vec::new();
        for row in table.rows(MAX_CUSTOMERS)? {
            let number = row.value(0, "a whole number", |_: &u32| true)?;
            if seen.insert(number, ()).is_some() {
                return Err(row.wrong(0, "a number not used before"));
            }
            let phase = Phase::from_number(row.value(2, "1, 2 or 3", |_: &u8| true)?);
            let profile = format!("a profile from 1 to {profiles}");
            customers.push(Customer {
                number,
                bus: place(&places, &row, 1)?,
                phase: phase.ok_or_else(|| row.wrong(2, "1, 2 or 3"))?,
                nominal_v: row.within(3, &NOMINAL_KV)? * 1e3,
                power_factor: row.positive(4, 1.0)?,
                profile: row.value(5, &profile, |n: &usize| (1..=profiles).contains(n))? - 1,
            });
        }
        if customers.is_empty() {
            return Err(table.problem("expected at least one customer".into()));
        }
        Ok(customers)
    }

    pub(super) fn profiles(&self) -> Result<Vec<Vec<f64>>, FeederError> {
        let table = Table::new(PROFILES, self.profiles, &["minute"], true)?;
        let mut profiles = vec![Vec::with_capacity(MINUTES); table.width() - 1];
        let rows = table.rows(MINUTES)?;
        for (minute, row) in rows.iter().enumerate() {
            row.value(0, &minute.to_string(), |found: &usize| *found == minute)?;
            for (n, profile) in profiles.iter_mut().enumerate() {
                profile.push(row.within(n + 1, &(0.0..=MAX_KW))?);
            }
        }
        if rows.len() < MINUTES {
            return Err(table.problem(format!("expected {MINUTES} rows, found {}", rows.len())));
        }
        Ok(profiles)
    }
}

/// Place in the table by number.
fn places(buses: &[Bus]) -> BTreeMap<u32, usize> {
    buses.iter().enumerate().map(|(place, bus)| (bus.number, place)).collect()
}

fn place(
    places: &BTreeMap<u32, usize>,
    row: &super::table::Row<'_>,
    column: usize,
) -> Result<usize, FeederError> {
    let number: Option<u32> = row.text(column).parse().ok();
    let place = number.and_then(|number| places.get(&number).copied());
    place.ok_or_else(|| row.wrong(column, "a bus of buses.csv"))
}
