//! What companion profiles do each in its own way, as a table.

use super::profile::NullCells;
use crate::client::Quirks;
use crate::cosem::LogicalName;
use crate::specs::{companions, obis};

/// The habits of one family of meters: data, which clients take their defaults from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Companion {
    /// The short name of the family, in small letters.
    pub key: &'static str,
    /// The name of the family.
    pub name: &'static str,
    /// The port of the client without security.
    pub public_sap: u16,
    /// The port of the client that manages.
    pub management_sap: u16,
    /// The port of the client that reads, where it is another.
    pub reading_sap: u16,
    /// Which receive counter 0.0.43.1.e.255 belongs to a client: port and e. Others have that of e = 0.
    pub counters: &'static [(u16, u8)],
    /// The short load profile.
    pub load_profile: LogicalName,
    /// The profile of daily values.
    pub daily_profile: LogicalName,
    /// The profile of billing values.
    pub billing_profile: LogicalName,
    /// The standard event log.
    pub event_log: LogicalName,
    /// What null-data in the cells of its profiles stands for.
    pub null_cells: NullCells,
    /// The class in which maximum demands stand.
    pub maximum_demand_class: u16,
    /// What the event codes 48 and 49 mean.
    pub codes_48_49: EventFamily,
    /// Names that this family alone gives to objects, or gives another meaning.
    pub names: &'static [(LogicalName, &'static str)],
    /// Where its meters differ from the books.
    pub quirks: Quirks,
}

/// The families of event codes differ in 48 and 49.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFamily {
    /// The cover of a communication module was opened, closed.
    ModuleCover,
    /// Global keys were changed, decryption or authentication has failed.
    Keys,
}

impl Companion {
    /// The family of this short name.
    pub fn find(key: &str) -> Option<&'static Self> {
        companions::ALL.iter().find(|companion| companion.key == key)
    }

    /// All families.
    pub const fn all() -> &'static [Self] {
        &companions::ALL
    }

    /// What an object is in this family.
    pub fn name_of(&self, name: LogicalName) -> Option<&'static str> {
        let own = self.names.iter().find(|(of, _)| *of == name);
        own.map(|(_, text)| *text).or_else(|| object_name(name))
    }

    /// The e of 0.0.43.1.e.255, where the meter shows the counter of the client at this port.
    pub fn counter_of(&self, client_sap: u16) -> u8 {
        self.counters.iter().find(|(sap, _)| *sap == client_sap).map_or(0, |(_, e)| *e)
    }
}

/// What an object is in every family; `None` for names that families or makers give.
pub fn object_name(name: LogicalName) -> Option<&'static str> {
    obis::NAMES.iter().find(|(of, _)| *of == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn families_are_found_by_their_short_names_which_are_unique() {
        for companion in Companion::all() {
            assert_eq!(Companion::find(companion.key), Some(companion));
        }
        let keys: BTreeSet<&str> = Companion::all().iter().map(|companion| companion.key).collect();
        assert_eq!(keys, BTreeSet::from(["idis", "dsmr", "india", "linky", "spain"]));
        assert_eq!(Companion::find("nobody"), None);
    }

    #[test]
    fn an_object_has_the_name_of_its_family_before_that_of_all() {
        let (nameplate, energy) = (LogicalName([0, 0, 94, 91, 10, 255]), LogicalName([1, 0, 1, 8, 0, 255]));
        let name = |key: &str, name| Companion::find(key).and_then(|companion| companion.name_of(name));
        assert_eq!(name("india", nameplate), Some("nameplate details"));
        assert_eq!(name("idis", nameplate), None);
        assert_eq!(name("idis", energy), Some("active energy import"));
        assert_eq!(object_name(energy), Some("active energy import"));
        let (all, own) = (LogicalName([0, 0, 99, 98, 0, 255]), Companion::find("india"));
        assert_eq!(
            (object_name(all), own.and_then(|own| own.name_of(all))),
            (Some("standard event log"), Some("voltage event log"))
        );
    }

    #[test]
    fn no_object_is_named_twice_in_one_table() {
        let tables = Companion::all().iter().map(|companion| companion.names).chain([obis::NAMES]);
        for table in tables {
            let names: BTreeSet<LogicalName> = table.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), table.len());
        }
    }

    #[test]
    fn meters_of_idis_alone_leave_out_what_follows_from_the_row_before() {
        let compressing =
            Companion::all().iter().filter(|family| family.null_cells == NullCells::FromRowBefore);
        assert_eq!(compressing.map(|family| family.key).collect::<alloc::vec::Vec<_>>(), ["idis"]);
    }

    #[test]
    fn the_counters_of_the_indian_clients_are_apart_and_others_share_one() {
        let counter = |key: &str, sap| Companion::find(key).map(|companion| companion.counter_of(sap));
        assert_eq!([counter("india", 32), counter("india", 48)], [Some(2), Some(3)]);
        assert_eq!([counter("idis", 1), counter("spain", 2)], [Some(0), Some(0)]);
    }
}
