//! What companion profiles do each in its own way, as a table.

use crate::cosem::LogicalName;

/// The habits of one family of meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Companion {
    /// The name of the family.
    pub name: &'static str,
    /// The port of the client that manages.
    pub management_sap: u16,
    /// The port of the client that reads, where it is another.
    pub reading_sap: u16,
    /// The short load profile.
    pub load_profile: LogicalName,
    /// The profile of daily values.
    pub daily_profile: LogicalName,
    /// The profile of billing values.
    pub billing_profile: LogicalName,
    /// The standard event log.
    pub event_log: LogicalName,
    /// The class in which maximum demands stand.
    pub maximum_demand_class: u16,
    /// What the event codes 48 and 49 mean.
    pub codes_48_49: EventFamily,
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
    /// The family of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        COMPANIONS.iter().find(|companion| companion.name == name)
    }
}

/// The families that are known. \[companion specifications; confidence C but where said otherwise\]
pub const COMPANIONS: [Companion; 3] = [
    Companion {
        name: "IDIS",
        management_sap: 1,
        reading_sap: 1,
        load_profile: LogicalName([1, 0, 99, 1, 0, 255]),
        daily_profile: LogicalName([1, 0, 99, 2, 0, 255]),
        billing_profile: LogicalName([0, 0, 98, 1, 0, 255]),
        event_log: LogicalName([0, 0, 99, 98, 0, 255]),
        maximum_demand_class: 4,
        codes_48_49: EventFamily::Keys,
    },
    Companion {
        name: "DSMR",
        management_sap: 1,
        reading_sap: 1,
        load_profile: LogicalName([1, 0, 99, 1, 0, 255]),
        daily_profile: LogicalName([1, 0, 99, 2, 0, 255]),
        billing_profile: LogicalName([0, 0, 98, 1, 0, 255]),
        event_log: LogicalName([0, 0, 99, 98, 0, 255]),
        maximum_demand_class: 4,
        codes_48_49: EventFamily::ModuleCover,
    },
    // Ports, profiles and the class of demands: confidence B.
    Companion {
        name: "IS 15959",
        management_sap: 48,
        reading_sap: 32,
        load_profile: LogicalName([1, 0, 99, 1, 0, 255]),
        daily_profile: LogicalName([1, 0, 99, 2, 0, 255]),
        billing_profile: LogicalName([1, 0, 98, 1, 0, 255]),
        event_log: LogicalName([0, 0, 99, 98, 0, 255]),
        maximum_demand_class: 4,
        codes_48_49: EventFamily::ModuleCover,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_found_by_their_names_which_are_unique() {
        for companion in &COMPANIONS {
            assert_eq!(Companion::find(companion.name), Some(companion));
        }
        assert_eq!(Companion::find("nobody"), None);
    }
}
