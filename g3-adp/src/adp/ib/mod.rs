//! The information base by identifier: ADPM-GET and ADPM-SET \[G3 ADP 5.6\].

mod scalars;
mod tables;

use super::{Adp, Station};
use crate::iphc::Contexts;
use crate::specs;
use plc_core::Instant;
use plc_core::sap::{AdpStatus, IbAttribute, IbOctets, IbValue};

impl Adp {
    /// The value of an attribute, or of entry `index` of a table.
    ///
    /// # Errors
    /// `UnsupportedAttribute`, or `InvalidIndex` beyond the end of a table.
    pub fn get(&self, now: Instant, attribute: IbAttribute, index: u16) -> Result<IbValue, AdpStatus> {
        if let Some(table) = self.table_entry(now, attribute, index) {
            return table.ok_or(AdpStatus::InvalidIndex);
        }
        let value = self.fixed(attribute).or_else(|| scalars::get(&self.ib, attribute));
        let value = value.ok_or(AdpStatus::UnsupportedAttribute)?;
        if index == 0 { Ok(value) } else { Err(AdpStatus::InvalidIndex) }
    }

    /// Writes an attribute, or entry `index` of a table: one beyond the last adds one, and no octets remove it.
    pub fn set(&mut self, now: Instant, attribute: IbAttribute, index: u16, value: IbValue) -> AdpStatus {
        if self.fixed(attribute).is_some() {
            return AdpStatus::ReadOnly;
        }
        let status = match self.set_table_entry(now, attribute, index, value) {
            Some(status) => status,
            None if index > 0 => AdpStatus::InvalidIndex,
            None => scalars::set(&mut self.ib, attribute, value).unwrap_or(AdpStatus::UnsupportedAttribute),
        };
        if status == AdpStatus::Success {
            self.on_ib_changed();
        }
        status
    }

    /// What cannot be written.
    fn fixed(&self, attribute: IbAttribute) -> Option<IbValue> {
        Some(match attribute {
            IbAttribute::SECURITY_LEVEL => IbValue::Unsigned8(specs::SECURITY_LEVEL),
            IbAttribute::DEVICE_TYPE => {
                IbValue::Unsigned8(u8::from(matches!(self.station, Station::Coordinator(_))))
            }
            IbAttribute::ACTIVE_KEY_INDEX => {
                IbValue::Unsigned8(self.member.as_ref().map_or(0, |member| member.key_index))
            }
            IbAttribute::SOFT_VERSION => {
                IbValue::Octets(IbOctets::new(env!("CARGO_PKG_VERSION").as_bytes())?)
            }
            _ => return None,
        })
    }

    /// Hands the new values to those who keep copies.
    fn on_ib_changed(&mut self) {
        self.broadcasts.set_ttl(self.ib.adp_broadcast_log_table_entry_ttl);
        if let Station::Device(lbd) = &mut self.station {
            lbd.on_ib(&self.ib);
        }
        if let Some(member) = &mut self.member {
            member.contexts = Contexts::new(&self.ib, member.address_pan);
        }
    }
}
