//! The families of meters \[companion specifications\].
//!
//! Confidence B: the ports, counters, names and profiles of India, which a public table has. Confidence C: all else; the
//! documents of IDIS package 3, Linky and T5 are not public in full.

use crate::classes::profile::NullCells;
use crate::classes::{Companion, EventFamily};
use crate::client::{Quirks, TrailingOctets};
use crate::cosem::LogicalName;

/// Meters in the field are read before they are judged.
const TOLERANT: Quirks = Quirks { trailing_octets: TrailingOctets::Tolerated };

const fn all(c: u8, d: u8, e: u8) -> LogicalName {
    LogicalName([0, 0, c, d, e, 255])
}

const fn electricity(c: u8, d: u8, e: u8) -> LogicalName {
    LogicalName([1, 0, c, d, e, 255])
}

/// What families have in common unless they say otherwise.
const COMMON: Companion = Companion {
    key: "",
    name: "",
    public_sap: 16,
    management_sap: 1,
    reading_sap: 1,
    counters: &[],
    load_profile: electricity(99, 1, 0),
    daily_profile: electricity(99, 2, 0),
    billing_profile: all(98, 1, 0),
    event_log: all(99, 98, 0),
    null_cells: NullCells::NoValue,
    maximum_demand_class: 4,
    codes_48_49: EventFamily::ModuleCover,
    names: &[],
    quirks: TOLERANT,
};

/// All of them.
pub const ALL: [Companion; 5] = [
    Companion {
        key: "idis",
        name: "IDIS",
        null_cells: NullCells::FromRowBefore,
        codes_48_49: EventFamily::Keys,
        ..COMMON
    },
    Companion { key: "dsmr", name: "DSMR", ..COMMON },
    Companion {
        key: "india",
        name: "IS 15959",
        management_sap: 48,
        reading_sap: 32,
        counters: &[(32, 2), (48, 3)],
        billing_profile: electricity(98, 1, 0),
        names: INDIA,
        ..COMMON
    },
    Companion { key: "linky", name: "Linky", ..COMMON },
    Companion {
        key: "spain",
        name: "PRIME T5",
        reading_sap: 2,
        daily_profile: all(98, 2, 1),
        billing_profile: all(98, 1, 1),
        names: SPAIN,
        ..COMMON
    },
];

const INDIA: &[(LogicalName, &str)] = &[
    (all(94, 91, 10), "nameplate details"),
    (all(94, 91, 0), "tamper profile snapshot"),
    (all(94, 91, 18), "event status word"),
    (all(94, 91, 26), "event status word filter"),
    (all(94, 96, 20), "payment mode"),
    (electricity(94, 91, 0), "instantaneous profile"),
    (electricity(94, 91, 3), "scaler profile of the instantaneous profile"),
    (electricity(94, 91, 4), "scaler profile of the block load profile"),
    (electricity(94, 91, 5), "scaler profile of the daily load profile"),
    (electricity(94, 91, 6), "scaler profile of the billing profile"),
    (electricity(94, 91, 7), "scaler profile of the event profile"),
    (electricity(99, 1, 0), "block load profile"),
    (electricity(99, 2, 0), "daily load profile"),
    (electricity(98, 1, 0), "billing profile"),
    (all(99, 98, 0), "voltage event log"),
    (all(99, 98, 1), "current event log"),
    (all(99, 98, 2), "power event log"),
    (all(99, 98, 3), "transaction event log"),
    (all(99, 98, 4), "other event log"),
    (all(99, 98, 5), "non-rollover event log"),
    (all(99, 98, 6), "control event log"),
    (all(25, 9, 0), "push setup, instantaneous"),
    (LogicalName([0, 4, 25, 9, 0, 255]), "push setup, alert"),
];

/// Objects of the country: 0.1.94.34.e, thresholds by rate of contracts 1 and 3.
const SPAIN: &[(LogicalName, &str)] = &[
    (LogicalName([0, 1, 94, 34, 20, 255]), "disconnect control history"),
    (LogicalName([0, 0, 94, 34, 60, 255]), "long power failure threshold"),
    (all(98, 1, 1), "billing profile of contract 1"),
    (all(98, 1, 2), "billing profile of contract 2"),
    (all(98, 1, 3), "billing profile of contract 3"),
    (all(98, 2, 1), "daily billing profile of contract 1"),
    (all(98, 2, 2), "daily billing profile of contract 2"),
    (all(98, 2, 3), "daily billing profile of contract 3"),
];
