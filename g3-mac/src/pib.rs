//! The PIB by identifier: MLME-GET and MLME-SET.

use crate::config::Pib;
use crate::csma::BE_LIMIT;
use crate::mac::Mac;
use crate::specs::{KEY_SLOTS, LEGACY_MODE};
use core::time::Duration;
use plc_core::sap::{Key, MacStatus, PibAttribute, PibValue};
use plc_core::{Instant, PanId, ShortAddress};

type Attribute = PibAttribute;

/// What management may write \[G3 MAC 1.9; confidence C\]. The rest is measured, counted or constant.
const WRITABLE: [Attribute; 22] = [
    Attribute::MAX_BE,
    Attribute::BSN,
    Attribute::DSN,
    Attribute::MAX_CSMA_BACKOFFS,
    Attribute::MIN_BE,
    Attribute::PAN_ID,
    Attribute::SHORT_ADDRESS,
    Attribute::MAX_FRAME_RETRIES,
    Attribute::KEY_TABLE,
    Attribute::FRAME_COUNTER,
    Attribute::DUPLICATE_DETECTION_TTL,
    Attribute::HIGH_PRIORITY_WINDOW_SIZE,
    Attribute::CSMA_FAIRNESS_LIMIT,
    Attribute::TMR_TTL,
    Attribute::POS_TABLE_ENTRY_TTL,
    Attribute::RC_COORD,
    Attribute::BEACON_RANDOMIZATION_WINDOW_LENGTH,
    Attribute::A,
    Attribute::K,
    Attribute::MIN_CW_ATTEMPTS,
    Attribute::BROADCAST_MAX_CW_ENABLED,
    Attribute::POS_RECENT_ENTRY_THRESHOLD,
];

impl Mac {
    /// MLME-GET: the value of an attribute, or of entry `index` of a table; `index` is 0 for what is no table.
    ///
    /// # Errors
    /// `UnsupportedAttribute` (that is, too, what belongs to the radio of hybrid nodes); `InvalidIndex`; and
    /// `UnavailableKey` for keys, which nobody may read.
    pub fn get(&self, now: Instant, attribute: PibAttribute, index: u16) -> Result<PibValue, MacStatus> {
        let ttl = self.env.config.pib.mac_pos_table_entry_ttl;
        let entry = match attribute {
            Attribute::KEY_TABLE if usize::from(index) < KEY_SLOTS => return Err(MacStatus::UnavailableKey),
            Attribute::KEY_TABLE => None,
            Attribute::DEVICE_TABLE => self.receiver.devices.entry(index).map(PibValue::Device),
            Attribute::NEIGHBOUR_TABLE => self.env.neighbours.entry(now, index).map(PibValue::Neighbour),
            Attribute::POS_TABLE => self.env.pos.entry(now, ttl, index).map(PibValue::Pos),
            _ => {
                let value = self.scalar(now, attribute).ok_or(MacStatus::UnsupportedAttribute)?;
                (index == 0).then_some(value)
            }
        };
        entry.ok_or(MacStatus::InvalidIndex)
    }

    /// MLME-SET.
    ///
    /// # Errors
    /// `UnsupportedAttribute`; `ReadOnly`; `InvalidIndex`; `InvalidParameter` for a value of another type or out of
    /// range, and for a frame counter that would go back.
    pub fn set(&mut self, attribute: PibAttribute, index: u16, value: PibValue) -> Result<(), MacStatus> {
        self.check_writable(attribute, index)?;
        let done = match (attribute, value) {
            (Attribute::KEY_TABLE, PibValue::Key(key)) => self.set_key(index, key),
            (Attribute::FRAME_COUNTER, PibValue::Unsigned32(next)) => {
                self.sender.composer.frame_counter.skip_to(next)
            }
            (_, PibValue::Unsigned16(value)) => self.set_identity(attribute, value),
            (_, PibValue::Boolean(value)) => self.set_switch(attribute, value),
            (_, PibValue::Unsigned8(value)) => {
                self.set_number(attribute, value)
                    || self.set_contention(attribute, value)
                    || self.set_interval(attribute, value)
            }
            _ => false,
        };
        if done { Ok(()) } else { Err(MacStatus::InvalidParameter) }
    }

    fn check_writable(&self, attribute: PibAttribute, index: u16) -> Result<(), MacStatus> {
        match self.get(Instant::EPOCH, attribute, index) {
            Err(MacStatus::UnsupportedAttribute) => Err(MacStatus::UnsupportedAttribute),
            _ if !WRITABLE.contains(&attribute) => Err(MacStatus::ReadOnly),
            Err(MacStatus::InvalidIndex) => Err(MacStatus::InvalidIndex),
            _ => Ok(()),
        }
    }

    fn scalar(&self, now: Instant, attribute: PibAttribute) -> Option<PibValue> {
        self.identity(now, attribute)
            .or_else(|| contention(&self.env.config.pib, attribute))
            .or_else(|| self.interval(now, attribute))
            .or_else(|| self.count(attribute))
            .or_else(|| self.phy(attribute))
    }

    fn identity(&self, now: Instant, attribute: PibAttribute) -> Option<PibValue> {
        let (identity, composer) = (&self.env.identity, &self.sender.composer);
        Some(match attribute {
            Attribute::BSN => composer.bsn.into(),
            Attribute::DSN => composer.dsn.into(),
            Attribute::PAN_ID => identity.pan.into(),
            Attribute::SHORT_ADDRESS => identity.short.into(),
            Attribute::RC_COORD => identity.rc_coord.into(),
            Attribute::FRAME_COUNTER => composer.frame_counter.next().into(),
            Attribute::SECURITY_ENABLED => true.into(),
            Attribute::PROMISCUOUS_MODE => false.into(),
            // Milliseconds, wrapping.
            Attribute::TIME_STAMP => ((now.as_nanos() / 1_000_000) as u32).into(),
            _ => return None,
        })
    }

    fn interval(&self, now: Instant, attribute: PibAttribute) -> Option<PibValue> {
        let (timing, pib) = (&self.env.config.timing, &self.env.config.pib);
        Some(match attribute {
            Attribute::DUPLICATE_DETECTION_TTL => octet(timing.duplicate_ttl.as_secs()),
            Attribute::BEACON_RANDOMIZATION_WINDOW_LENGTH => octet(timing.beacon_window.as_secs()),
            Attribute::HIGH_PRIORITY_WINDOW_SIZE => octet(timing.high_priority_slots.into()),
            Attribute::TMR_TTL => octet(timing.tone_map_ttl.as_secs() / 60),
            Attribute::POS_TABLE_ENTRY_TTL => octet(pib.mac_pos_table_entry_ttl.as_secs() / 60),
            Attribute::POS_RECENT_ENTRY_THRESHOLD => octet(pib.mac_pos_recent_entry_threshold.as_secs() / 60),
            Attribute::POS_RECENT_ENTRIES => {
                self.env.pos.recent(now, pib.mac_pos_recent_entry_threshold).into()
            }
            _ => return None,
        })
    }

    /// macTxDataPacketCount to macBadCRCCount.
    fn count(&self, attribute: PibAttribute) -> Option<PibValue> {
        let c = self.counters();
        let counters = [
            c.tx_data,
            c.rx_data,
            c.tx_command,
            c.rx_command,
            c.csma_fail,
            c.csma_no_ack,
            c.rx_data_broadcast,
            c.tx_data_broadcast,
            c.bad_crc,
        ];
        let nth = attribute.0.checked_sub(Attribute::TX_DATA_PACKET_COUNT.0)?;
        counters.get(usize::from(nth)).map(|&count| count.into())
    }

    /// What the PHY below is and does.
    fn phy(&self, attribute: PibAttribute) -> Option<PibValue> {
        let geometry = self.env.config.geometry;
        Some(match attribute {
            Attribute::FREQ_NOTCHING => geometry.freq_notching().into(),
            Attribute::TONE_MASK => PibValue::ToneMask(geometry.tone_mask()),
            Attribute::PREAMBLE_LENGTH => geometry.preamble_symbols().into(),
            Attribute::CENELEC_LEGACY_MODE | Attribute::FCC_LEGACY_MODE => LEGACY_MODE.into(),
            Attribute::TRANSMIT_ATTEN => 0u8.into(),
            Attribute::PLC_DISABLE => false.into(),
            _ => return None,
        })
    }

    fn set_key(&mut self, index: u16, key: Key) -> bool {
        // The index was checked against the slots.
        u8::try_from(index).map(|index| self.on_key(index, Some(key))).is_ok()
    }

    fn set_identity(&mut self, attribute: PibAttribute, value: u16) -> bool {
        let identity = &mut self.env.identity;
        match attribute {
            Attribute::PAN_ID => identity.pan = PanId(value),
            Attribute::SHORT_ADDRESS => identity.short = ShortAddress(value),
            Attribute::RC_COORD => identity.rc_coord = value,
            _ => return false,
        }
        true
    }

    fn set_switch(&mut self, attribute: PibAttribute, value: bool) -> bool {
        let known = attribute == Attribute::BROADCAST_MAX_CW_ENABLED;
        if known {
            self.env.config.pib.mac_broadcast_max_cw_enabled = value;
        }
        known
    }

    fn set_number(&mut self, attribute: PibAttribute, value: u8) -> bool {
        match attribute {
            Attribute::BSN => self.sender.composer.bsn = value,
            Attribute::DSN => self.sender.composer.dsn = value,
            _ => return false,
        }
        true
    }

    /// Takes `value` if the contention window is lawful with it.
    fn set_contention(&mut self, attribute: PibAttribute, value: u8) -> bool {
        let mut pib = self.env.config.pib;
        match attribute {
            Attribute::MAX_BE => pib.mac_max_be = value,
            Attribute::MIN_BE => pib.mac_min_be = value,
            Attribute::MAX_CSMA_BACKOFFS => pib.mac_max_csma_backoffs = value,
            Attribute::MAX_FRAME_RETRIES => pib.mac_max_frame_retries = value,
            Attribute::CSMA_FAIRNESS_LIMIT => pib.mac_csma_fairness_limit = value,
            Attribute::A => pib.mac_a = value,
            Attribute::K => pib.mac_k = value,
            Attribute::MIN_CW_ATTEMPTS => pib.mac_min_cw_attempts = value,
            _ => return false,
        }
        let lawful = is_lawful(&pib);
        if lawful {
            self.env.config.pib = pib;
        }
        lawful
    }

    fn set_interval(&mut self, attribute: PibAttribute, value: u8) -> bool {
        let (seconds, minutes) =
            (Duration::from_secs(value.into()), Duration::from_secs(60 * u64::from(value)));
        let (timing, pib) = (&mut self.env.config.timing, &mut self.env.config.pib);
        match attribute {
            _ if value == 0 => return false,
            Attribute::DUPLICATE_DETECTION_TTL => timing.duplicate_ttl = seconds,
            Attribute::BEACON_RANDOMIZATION_WINDOW_LENGTH => timing.beacon_window = seconds,
            Attribute::HIGH_PRIORITY_WINDOW_SIZE => timing.high_priority_slots = value.into(),
            Attribute::TMR_TTL => timing.tone_map_ttl = minutes,
            Attribute::POS_TABLE_ENTRY_TTL => pib.mac_pos_table_entry_ttl = minutes,
            Attribute::POS_RECENT_ENTRY_THRESHOLD => pib.mac_pos_recent_entry_threshold = minutes,
            _ => return false,
        }
        let timing = *timing;
        self.receiver.retime(timing.duplicate_ttl);
        self.env.channel.retime(timing);
        true
    }
}

fn contention(pib: &Pib, attribute: PibAttribute) -> Option<PibValue> {
    Some(match attribute {
        Attribute::MAX_BE => pib.mac_max_be.into(),
        Attribute::MIN_BE => pib.mac_min_be.into(),
        Attribute::MAX_CSMA_BACKOFFS => pib.mac_max_csma_backoffs.into(),
        Attribute::MAX_FRAME_RETRIES => pib.mac_max_frame_retries.into(),
        Attribute::CSMA_FAIRNESS_LIMIT => pib.mac_csma_fairness_limit.into(),
        Attribute::A => pib.mac_a.into(),
        Attribute::K => pib.mac_k.into(),
        Attribute::MIN_CW_ATTEMPTS => pib.mac_min_cw_attempts.into(),
        Attribute::BROADCAST_MAX_CW_ENABLED => pib.mac_broadcast_max_cw_enabled.into(),
        _ => return None,
    })
}

/// The window is no larger than a contention state, and the fairness limit leaves time to widen it \[G3 MAC 1.9\].
fn is_lawful(pib: &Pib) -> bool {
    let range = pib.mac_max_be.checked_sub(pib.mac_min_be);
    pib.mac_max_be <= BE_LIMIT
        && pib.mac_k > 0
        && range.is_some_and(|range| pib.mac_csma_fairness_limit >= 2 * range)
}

fn octet(value: u64) -> PibValue {
    u8::try_from(value).unwrap_or(u8::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FCC, GEOMETRY};
    use crate::{MacConfig, MacInput, MacOutput};
    use plc_core::sap::{FrameGeometry, MlmeConfirm, MlmeRequest};
    use plc_core::{Eui64, Machine, Seed};
    use std::vec::Vec;

    const NOW: Instant = Instant::from_secs(9);

    fn mac_of(geometry: &'static dyn FrameGeometry) -> Mac {
        Mac::new(MacConfig::new(Eui64::from_u64(1), geometry, Seed::from_u64(1), 77))
    }

    fn mac() -> Mac {
        mac_of(&GEOMETRY)
    }

    fn octet(value: u8) -> Option<PibValue> {
        Some(PibValue::Unsigned8(value))
    }

    fn word(value: u16) -> Option<PibValue> {
        Some(PibValue::Unsigned16(value))
    }

    fn flag(value: bool) -> Option<PibValue> {
        Some(PibValue::Boolean(value))
    }

    fn long(value: u32) -> Option<PibValue> {
        Some(PibValue::Unsigned32(value))
    }

    /// The table of the standard: identifier, default (`None`: a table, a key or a random number), and whether it can be
    /// written.
    fn attributes() -> Vec<(u16, Option<PibValue>, bool)> {
        let all_carriers = Some(PibValue::ToneMask([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0]));
        let mut all = std::vec![
            (0x47, octet(8), true),
            (0x49, None, true),
            (0x4C, None, true),
            (0x4E, octet(50), true),
            (0x4F, octet(3), true),
            (0x50, word(0xFFFF), true),
            (0x51, flag(false), false),
            (0x53, word(0xFFFF), true),
            (0x59, octet(5), true),
            (0x5C, long(9000), false),
            (0x5D, flag(true), false),
            (0x71, None, true),
            (0x73, None, false),
            (0x77, long(77), true),
            (0x78, octet(3), true),
            (0x100, octet(7), true),
            (0x10A, None, false),
            (0x10B, flag(false), false),
            (0x10C, octet(25), true),
            (0x10D, octet(10), true),
            (0x10E, octet(255), true),
            (0x10F, word(0xFFFF), true),
            (0x110, all_carriers, false),
            (0x111, octet(12), true),
            (0x112, octet(8), true),
            (0x113, octet(5), true),
            (0x114, octet(10), true),
            (0x115, octet(1), false),
            (0x116, octet(1), false),
            (0x11E, flag(false), true),
            (0x11F, octet(0), false),
            (0x120, None, false),
            (0x121, octet(120), true),
            (0x122, word(0), false),
            (0x123, flag(false), false),
            (0x124, octet(8), false),
        ];
        all.extend((0x101..=0x109).map(|id| (id, long(0), false)));
        all
    }

    #[test]
    fn every_attribute_of_the_table_has_its_default_and_is_written_where_that_is_allowed() {
        for (id, default, writable) in attributes() {
            let (mut mac, attribute) = (mac(), PibAttribute(id));
            let value = mac.get(NOW, attribute, 0);
            assert_ne!(value, Err(MacStatus::UnsupportedAttribute), "{id:x}");
            if let Some(default) = default {
                assert_eq!(value, Ok(default), "{id:x}");
                assert_eq!(mac.get(NOW, attribute, 1), Err(MacStatus::InvalidIndex), "{id:x}");
            }
            let new = match value.unwrap_or(PibValue::Key(Key([3; 16]))) {
                PibValue::Unsigned8(old) => {
                    PibValue::Unsigned8(if id == 0x47 { old + 1 } else { old.saturating_sub(1).max(1) })
                }
                PibValue::Unsigned16(_) => PibValue::Unsigned16(0x1234),
                PibValue::Unsigned32(old) => PibValue::Unsigned32(old + 1),
                PibValue::Boolean(old) => PibValue::Boolean(!old),
                other => other,
            };
            let expected = if writable { Ok(()) } else { Err(MacStatus::ReadOnly) };
            assert_eq!(mac.set(attribute, 0, new), expected, "{id:x} {new:?}");
            match (writable, id) {
                (true, 0x71) => assert_eq!(mac.get(NOW, attribute, 0), Err(MacStatus::UnavailableKey)),
                (true, _) => assert_eq!(mac.get(NOW, attribute, 0), Ok(new), "{id:x}"),
                (false, _) => assert_eq!(mac.get(NOW, attribute, 0), value, "{id:x}"),
            }
            assert!(value.is_err() || !value.unwrap().octets().is_empty());
        }
    }

    #[test]
    fn no_other_identifier_exists_and_least_of_all_those_of_the_radio() {
        let known: Vec<_> = attributes().iter().map(|&(id, ..)| id).collect();
        for id in (0..=0xFFFF).filter(|id| !known.contains(id)) {
            let unsupported = Err(MacStatus::UnsupportedAttribute);
            assert_eq!(mac_get(id), unsupported, "{id:x}");
        }
        let mut mac = mac();
        assert_eq!(mac.set(PibAttribute(0x21E), 0, 1u8.into()), Err(MacStatus::UnsupportedAttribute));
    }

    fn mac_get(id: u16) -> Result<PibValue, MacStatus> {
        std::thread_local! { static MAC: Mac = mac(); }
        MAC.with(|mac| mac.get(NOW, PibAttribute(id), 0))
    }

    #[test]
    fn values_out_of_range_or_of_another_type_are_refused_and_change_nothing() {
        let mut mac = mac();
        let refused = Err(MacStatus::InvalidParameter);
        for (attribute, value) in [
            (Attribute::MAX_BE, 2u8.into()),
            (Attribute::MAX_BE, 16u8.into()),
            (Attribute::MIN_BE, 9u8.into()),
            (Attribute::K, 0u8.into()),
            (Attribute::CSMA_FAIRNESS_LIMIT, 9u8.into()),
            (Attribute::TMR_TTL, 0u8.into()),
            (Attribute::HIGH_PRIORITY_WINDOW_SIZE, 0u8.into()),
            (Attribute::PAN_ID, 5u8.into()),
            (Attribute::MAX_BE, 5u16.into()),
            (Attribute::KEY_TABLE, 5u8.into()),
            (Attribute::FRAME_COUNTER, 76u32.into()),
            (Attribute::BROADCAST_MAX_CW_ENABLED, 1u8.into()),
        ] {
            let before = mac.get(NOW, attribute, 0);
            assert_eq!(mac.set(attribute, 0, value), refused, "{attribute:?} {value:?}");
            assert_eq!(mac.get(NOW, attribute, 0), before);
        }
        assert_eq!(
            mac.set(Attribute::KEY_TABLE, 2, PibValue::Key(Key([1; 16]))),
            Err(MacStatus::InvalidIndex)
        );
        assert_eq!(mac.set(Attribute::PAN_ID, 1, 5u16.into()), Err(MacStatus::InvalidIndex));
    }

    #[test]
    fn the_primitives_confirm_with_what_they_were_asked() {
        let (mut mac, attribute, index) = (mac(), Attribute::PAN_ID, 0);
        let mut ask = |request| {
            mac.handle(NOW, MacInput::Mlme(request));
            mac.poll()
        };
        let set = ask(MlmeRequest::Set { attribute, index, value: 5u16.into() });
        let confirm = MlmeConfirm::Set { attribute, index, status: MacStatus::Success };
        assert_eq!(set, Some(MacOutput::MlmeConfirm(confirm)));
        let result = Ok(5u16.into());
        let got = ask(MlmeRequest::Get { attribute, index });
        assert_eq!(got, Some(MacOutput::MlmeConfirm(MlmeConfirm::Get { attribute, index, result })));
    }

    #[test]
    fn the_mask_is_that_of_the_band() {
        let mask = mac_of(&FCC).get(NOW, Attribute::TONE_MASK, 0);
        assert_eq!(mask, Ok(PibValue::ToneMask([0xFF; 9])));
    }
}
