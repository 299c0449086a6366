//! MLME-GET and MLME-SET: attributes of the MAC by their identifiers.

use super::mac::Key;
use super::phy::{GROUPS_MAX, Lqi, PhaseDifference, TxGain, TxParameters, TxStep};
use crate::{PanId, ShortAddress};
use heapless::Vec;

/// The identifier of an attribute of the MAC \[G3 MAC 1.9; confidence A\]. Any number is one; the MAC knows which exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PibAttribute(pub u16);

impl PibAttribute {
    /// macMaxBE.
    pub const MAX_BE: Self = Self(0x47);
    /// macBSN.
    pub const BSN: Self = Self(0x49);
    /// macDSN.
    pub const DSN: Self = Self(0x4C);
    /// macMaxCSMABackoffs.
    pub const MAX_CSMA_BACKOFFS: Self = Self(0x4E);
    /// macMinBE.
    pub const MIN_BE: Self = Self(0x4F);
    /// macPANId.
    pub const PAN_ID: Self = Self(0x50);
    /// macPromiscuousMode.
    pub const PROMISCUOUS_MODE: Self = Self(0x51);
    /// macShortAddress.
    pub const SHORT_ADDRESS: Self = Self(0x53);
    /// macMaxFrameRetries.
    pub const MAX_FRAME_RETRIES: Self = Self(0x59);
    /// macTimeStamp.
    pub const TIME_STAMP: Self = Self(0x5C);
    /// macSecurityEnabled.
    pub const SECURITY_ENABLED: Self = Self(0x5D);
    /// macKeyTable, indexed by slot.
    pub const KEY_TABLE: Self = Self(0x71);
    /// macDeviceTable, indexed.
    pub const DEVICE_TABLE: Self = Self(0x73);
    /// macFrameCounter.
    pub const FRAME_COUNTER: Self = Self(0x77);
    /// macDuplicateDetectionTTL, seconds.
    pub const DUPLICATE_DETECTION_TTL: Self = Self(0x78);
    /// macHighPriorityWindowSize, slots.
    pub const HIGH_PRIORITY_WINDOW_SIZE: Self = Self(0x100);
    /// macTxDataPacketCount, the first of nine counters.
    pub const TX_DATA_PACKET_COUNT: Self = Self(0x101);
    /// macBadCRCCount, the last of nine counters.
    pub const BAD_CRC_COUNT: Self = Self(0x109);
    /// macNeighbourTable, indexed.
    pub const NEIGHBOUR_TABLE: Self = Self(0x10A);
    /// macFreqNotching.
    pub const FREQ_NOTCHING: Self = Self(0x10B);
    /// macCSMAFairnessLimit.
    pub const CSMA_FAIRNESS_LIMIT: Self = Self(0x10C);
    /// macTMRTTL, minutes.
    pub const TMR_TTL: Self = Self(0x10D);
    /// macPOSTableEntryTTL, minutes.
    pub const POS_TABLE_ENTRY_TTL: Self = Self(0x10E);
    /// macRCCoord.
    pub const RC_COORD: Self = Self(0x10F);
    /// macToneMask.
    pub const TONE_MASK: Self = Self(0x110);
    /// macBeaconRandomizationWindowLength, seconds.
    pub const BEACON_RANDOMIZATION_WINDOW_LENGTH: Self = Self(0x111);
    /// macA.
    pub const A: Self = Self(0x112);
    /// macK.
    pub const K: Self = Self(0x113);
    /// macMinCWAttempts.
    pub const MIN_CW_ATTEMPTS: Self = Self(0x114);
    /// macCenelecLegacyMode.
    pub const CENELEC_LEGACY_MODE: Self = Self(0x115);
    /// macFCCLegacyMode.
    pub const FCC_LEGACY_MODE: Self = Self(0x116);
    /// macBroadcastMaxCWEnabled.
    pub const BROADCAST_MAX_CW_ENABLED: Self = Self(0x11E);
    /// macTransmitAtten, dB.
    pub const TRANSMIT_ATTEN: Self = Self(0x11F);
    /// macPOSTable, indexed.
    pub const POS_TABLE: Self = Self(0x120);
    /// macPOSRecentEntryThreshold, minutes.
    pub const POS_RECENT_ENTRY_THRESHOLD: Self = Self(0x121);
    /// macPOSRecentEntries: entries heard within that threshold.
    pub const POS_RECENT_ENTRIES: Self = Self(0x122);
    /// macPLCDisable.
    pub const PLC_DISABLE: Self = Self(0x123);
    /// macPreambleLength, symbols.
    pub const PREAMBLE_LENGTH: Self = Self(0x124);
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PibValue {
    /// A truth value, one octet.
    Boolean(bool),
    /// One octet.
    Unsigned8(u8),
    /// Two octets.
    Unsigned16(u16),
    /// Four octets.
    Unsigned32(u32),
    /// A bit for each carrier in use, the lowest in bit 0 of the first octet.
    ToneMask([u8; 9]),
    /// A group key; written only.
    Key(Key),
    /// An entry of macDeviceTable.
    Device(DeviceEntry),
    /// An entry of macNeighbourTable.
    Neighbour(NeighbourEntry),
    /// An entry of macPOSTable.
    Pos(PosEntry),
}

/// The octets of a value as a management tool reads them.
pub type PibOctets = Vec<u8, 16>;

impl PibValue {
    /// The value in octets, least significant first, table entries packed \[G3 MAC 1.9, 3; confidence B\].
    pub fn octets(&self) -> PibOctets {
        let mut octets = PibOctets::new();
        // No value has more than sixteen octets.
        _ = match self {
            Self::Boolean(value) => octets.extend_from_slice(&[u8::from(*value)]),
            Self::Unsigned8(value) => octets.extend_from_slice(&[*value]),
            Self::Unsigned16(value) => octets.extend_from_slice(&value.to_le_bytes()),
            Self::Unsigned32(value) => octets.extend_from_slice(&value.to_le_bytes()),
            Self::ToneMask(mask) => octets.extend_from_slice(mask),
            Self::Key(key) => octets.extend_from_slice(&key.0),
            Self::Device(entry) => octets.extend_from_slice(&entry.octets()),
            Self::Neighbour(entry) => octets.extend_from_slice(&entry.octets()),
            Self::Pos(entry) => octets.extend_from_slice(&entry.octets()),
        };
        octets
    }
}

/// An entry of macDeviceTable: the last frame counter of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// The source.
    pub short: ShortAddress,
    /// The slot of the key under which the counter counts; not among the octets.
    pub key_index: u8,
    /// The last counter that was accepted.
    pub frame_counter: u32,
}

impl DeviceEntry {
    /// Short address, frame counter \[G3 MAC 1.9; confidence B\].
    pub fn octets(&self) -> [u8; 6] {
        let ([s0, s1], [c0, c1, c2, c3]) = (self.short.0.to_le_bytes(), self.frame_counter.to_le_bytes());
        [s0, s1, c0, c1, c2, c3]
    }
}

/// An entry of macNeighbourTable: how a neighbour wants to be spoken to, as its tone map response has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourEntry {
    /// The neighbour.
    pub short: ShortAddress,
    /// Modulation, scheme, tone map.
    pub tx: TxParameters,
    /// TXRES, TXGAIN, TXCOEF.
    pub gain: TxGain,
    /// How well the neighbour hears this node.
    pub lqi: Lqi,
    /// Mains phase here against that at the neighbour.
    pub phase_difference: PhaseDifference,
    /// Seconds until the neighbour is asked again; 0 when that is due.
    pub tmr_valid_s: u16,
}

impl NeighbourEntry {
    /// Bit fields from the least significant on: short address 16, tone map 24, modulation 3, gain 4, resolution 1,
    /// coefficients 48, scheme 1, phase 3, LQI 8, TMR valid time 16 \[G3 MAC 3; confidence B\]. Coefficients are
    /// of 4 bits on tone maps of up to 6 groups, of 2 bits on others.
    pub fn octets(&self) -> [u8; 16] {
        let mut packed = Packed(0, 0);
        packed.put(self.short.0.into(), 16);
        packed.put(self.tx.tone_map.0.into(), 24);
        packed.put(self.tx.modulation as u64, 3);
        packed.put(self.gain.steps.into(), 4);
        packed.put(u64::from(self.gain.step == TxStep::ThreeDb), 1);
        packed.put(self.coefficients(), 48);
        packed.put(self.tx.scheme as u64, 1);
        packed.put(u64::from(self.phase_difference.sector()) + 1, 3);
        packed.put(self.lqi.0.into(), 8);
        packed.put(self.tmr_valid_s.into(), 16);
        packed.0.to_le_bytes()
    }

    fn coefficients(&self) -> u64 {
        let bits = if self.tx.tone_map.0 < 1 << 6 { 4 } else { 2 };
        let groups = self.gain.group_steps.iter().take(if bits == 4 { 6 } else { GROUPS_MAX });
        let limit = (1u64 << bits) - 1;
        groups.enumerate().fold(0, |all, (n, &steps)| all | u64::from(steps).min(limit) << (bits * n))
    }
}

/// An entry of macPOSTable: a node heard not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PosEntry {
    /// The node.
    pub short: ShortAddress,
    /// Signal quality of the last frame heard.
    pub lqi: Lqi,
    /// Minutes until the entry is forgotten.
    pub valid_min: u16,
    /// Minutes since the last frame; not among the octets.
    pub age_min: u16,
}

impl PosEntry {
    /// Short address, LQI, valid time \[G3 MAC 3; confidence B\].
    pub fn octets(&self) -> [u8; 5] {
        let ([s0, s1], [v0, v1]) = (self.short.0.to_le_bytes(), self.valid_min.to_le_bytes());
        [s0, s1, self.lqi.0, v0, v1]
    }
}

/// Bits so far and their number.
struct Packed(u128, u32);

impl Packed {
    fn put(&mut self, value: u64, bits: u32) {
        self.0 |= u128::from(value & ((1 << bits) - 1)) << self.1;
        self.1 += bits;
    }
}

impl From<bool> for PibValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<u8> for PibValue {
    fn from(value: u8) -> Self {
        Self::Unsigned8(value)
    }
}

impl From<u16> for PibValue {
    fn from(value: u16) -> Self {
        Self::Unsigned16(value)
    }
}

impl From<u32> for PibValue {
    fn from(value: u32) -> Self {
        Self::Unsigned32(value)
    }
}

impl From<PanId> for PibValue {
    fn from(value: PanId) -> Self {
        Self::Unsigned16(value.0)
    }
}

impl From<ShortAddress> for PibValue {
    fn from(value: ShortAddress) -> Self {
        Self::Unsigned16(value.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sap::{Modulation, ModulationScheme, ToneMap};

    #[test]
    fn a_neighbour_is_packed_from_its_lowest_bit_on() {
        let (modulation, scheme) = (Modulation::Qpsk, ModulationScheme::Coherent);
        let tx = TxParameters { modulation, scheme, tone_map: ToneMap(0x2A) };
        let mut gain = TxGain { step: TxStep::ThreeDb, steps: 5, ..TxGain::default() };
        gain.group_steps[..6].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        let (short, lqi, phase_difference) = (ShortAddress(0x1234), Lqi(0xAB), PhaseDifference(85));
        let entry = NeighbourEntry { short, tx, gain, lqi, phase_difference, tmr_valid_s: 600 };
        let tail = 1u32 | 3 << 1 | 0xAB << 4 | 600 << 12;
        let mut octets = [0x34, 0x12, 0x2A, 0, 0, 2 | 5 << 3 | 0x80, 0x21, 0x43, 0x65, 0, 0, 0, 0, 0, 0, 0];
        octets[12..].copy_from_slice(&tail.to_le_bytes());
        assert_eq!(PibValue::Neighbour(entry).octets(), octets);
    }

    #[test]
    fn numbers_and_entries_come_least_significant_octet_first() {
        assert_eq!(PibValue::from(0x1234u16).octets(), [0x34, 0x12]);
        assert_eq!(PibValue::from(true).octets(), [1]);
        let device = DeviceEntry { short: ShortAddress(0x0102), key_index: 1, frame_counter: 0x0304_0506 };
        assert_eq!(PibValue::Device(device).octets(), [2, 1, 6, 5, 4, 3]);
        let pos = PosEntry { short: ShortAddress(3), lqi: Lqi(90), valid_min: 255, age_min: 0 };
        assert_eq!(PibValue::Pos(pos).octets(), [3, 0, 90, 255, 0]);
    }
}
