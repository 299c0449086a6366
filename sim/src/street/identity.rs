//! Who the meters of a street are: names and keys, all from one seed.

use super::StreetError;
use crate::feeder::Feeder;
use meter::Identity;
use plc_core::sap::Key;
use plc_core::{Eui64, Seed};

/// The maker's flag of the emulated meters.
const MAKER: [u8; 3] = *b"SIM";
/// The upper bits of their extended addresses: locally administered, so nobody's.
const EUI64_BASE: u64 = 0x02_51_4D_00_00_00_00_00;

/// A meter of the street, with everything that a utility would know of it.
#[derive(Clone, Copy, Debug)]
pub struct MeterIdentity {
    /// The customer, as the feeder numbers it.
    pub customer: u32,
    /// Extended address.
    pub eui64: Eui64,
    /// Maker and serial number.
    pub meter: Identity,
    /// The key with which it joins.
    pub psk: Key,
    /// The global unicast encryption key of its management association.
    pub encryption_key: Key,
    /// The authentication key of its management association.
    pub authentication_key: Key,
    /// The master key of its management association, under which new keys are transferred.
    pub master_key: Key,
}

impl MeterIdentity {
    /// The meter of `customer` in the street of `seed`.
    pub fn new(customer: u32, seed: &Seed) -> Self {
        let key = |name| first_half(&seed.derive(name, u64::from(customer)));
        Self {
            customer,
            eui64: Eui64::from_u64(EUI64_BASE | u64::from(customer)),
            meter: Identity { maker: MAKER, serial: u64::from(customer) },
            psk: key("psk"),
            encryption_key: key("encryption key"),
            authentication_key: key("authentication key"),
            master_key: key("master key"),
        }
    }

    /// The name under which a utility would know it.
    pub fn id(&self) -> String {
        format!("customer-{:02}", self.customer)
    }
}

fn first_half(seed: &Seed) -> Key {
    let mut key = [0; 16];
    key.copy_from_slice(&seed.0[..16]);
    Key(key)
}

/// `count` customers, spread evenly over those of the feeder.
///
/// # Errors
/// None, or more than there are.
pub fn customers(count: usize, feeder: &Feeder) -> Result<Vec<u32>, StreetError> {
    let all = feeder.customers();
    if !(1..=all.len()).contains(&count) {
        return Err(StreetError::Customers { asked: count, available: all.len() });
    }
    Ok((0..count).map(|n| all[n * all.len() / count].number).collect())
}
