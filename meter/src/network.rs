//! What the node knows of itself, as attributes of the G3-PLC setup objects.

use crate::objects::names;
use core::fmt;
use dlms::axdr::Encoder;
use dlms::classes::{Bits, G3Layer, G3Network, Value};
use plc_core::sap::{IbAttribute as Ib, IbValue, NeighbourEntry, Phy, PibAttribute as Pib, PibValue};
use plc_core::wire::Reader;
use plc_core::{Instant, ShortAddress};
use plc_node::Node;
use plc_node::ip::link_local;

/// How many counters class 90 has.
pub(crate) const COUNTERS: usize = 9;
/// What was counted when the counters were reset last.
pub(crate) type CounterBase = [u32; COUNTERS];

/// A node while an object over it is asked.
pub(crate) struct NodeView<'n, P: Phy> {
    pub(crate) node: &'n Node<P>,
    pub(crate) base: &'n mut CounterBase,
    pub(crate) now: Instant,
}

impl<P: Phy> fmt::Debug for NodeView<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeView").finish_non_exhaustive()
    }
}

/// The counters of class 90 in the order of its attributes \[G3 MAC 1.9, BB 4.13.3; confidence B\].
const COUNTED: [Pib; COUNTERS] = [
    Pib::TX_DATA_PACKET_COUNT,
    Pib(Pib::TX_DATA_PACKET_COUNT.0 + 1),
    Pib(Pib::TX_DATA_PACKET_COUNT.0 + 2),
    Pib(Pib::TX_DATA_PACKET_COUNT.0 + 3),
    Pib(Pib::TX_DATA_PACKET_COUNT.0 + 4),
    Pib(Pib::TX_DATA_PACKET_COUNT.0 + 5),
    Pib::BAD_CRC_COUNT,
    Pib(Pib::BAD_CRC_COUNT.0 - 1),
    Pib(Pib::BAD_CRC_COUNT.0 - 2),
];
/// address_config_mode: the node makes its addresses itself \[BB 4.9.3; confidence B\].
const AUTO_CONFIGURATION: u8 = 0;
/// Entries of a table that are shown.
const ENTRIES_MAX: u16 = 64;
/// Carriers of the widest band plan of CENELEC and FCC \[G3 PHY; confidence A\].
const TONE_MASK_BITS: usize = 72;
/// Octets of a context without prefix.
const CONTEXT_LEN_MIN: usize = 4;
/// Bits of a tone map.
const TONE_MAP_BITS: usize = 24;

impl<P: Phy> G3Network for NodeView<'_, P> {
    fn attribute(&self, layer: G3Layer, attribute: i8, out: &mut Encoder<'_>) -> bool {
        let known = match layer {
            G3Layer::MacCounters => self.count(attribute).map(|count| out.u32(count)),
            G3Layer::Mac => self.mac(attribute, out),
            G3Layer::Adaptation => self.adaptation(attribute, out),
            G3Layer::MacAddress => self.mac_address(attribute, out),
            G3Layer::Ipv6 => self.ipv6(attribute, out),
        };
        known.is_some()
    }

    fn neighbour(&self, short_address: u16, out: &mut Encoder<'_>) -> bool {
        let all = self.entries(Pib::NEIGHBOUR_TABLE).filter_map(|entry| match entry {
            PibValue::Neighbour(entry) => Some(entry),
            _ => None,
        });
        let found = all.into_iter().find(|entry| entry.short.0 == short_address);
        found.is_some_and(|entry| {
            neighbour(&entry, out);
            true
        })
    }

    fn reset_counters(&mut self) {
        *self.base = core::array::from_fn(|n| self.counted(n).unwrap_or(0));
    }
}

impl<P: Phy> NodeView<'_, P> {
    fn counted(&self, n: usize) -> Option<u32> {
        self.pib(*COUNTED.get(n)?).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn count(&self, attribute: i8) -> Option<u32> {
        let n = usize::try_from(attribute).ok()?.checked_sub(2)?;
        Some(self.counted(n)?.wrapping_sub(*self.base.get(n)?))
    }

    /// A scalar of the MAC.
    fn pib(&self, attribute: Pib) -> Option<u64> {
        match self.node.mac().get(self.now, attribute, 0).ok()? {
            PibValue::Boolean(value) => Some(value.into()),
            PibValue::Unsigned8(value) => Some(value.into()),
            PibValue::Unsigned16(value) => Some(value.into()),
            PibValue::Unsigned32(value) => Some(value.into()),
            _ => None,
        }
    }

    fn mac(&self, attribute: i8, out: &mut Encoder<'_>) -> Option<()> {
        let octet = match attribute {
            2 => return self.pib(Pib::SHORT_ADDRESS).map(|value| out.u16(value as u16)),
            3 => return self.pib(Pib::RC_COORD).map(|value| out.u16(value as u16)),
            4 => return self.pib(Pib::PAN_ID).map(|value| out.u16(value as u16)),
            // Keys are shown to nobody.
            5 => {
                out.array(0);
                return Some(());
            }
            6 => return self.pib(Pib::FRAME_COUNTER).map(|value| out.u32(value as u32)),
            7 => return self.tone_mask(out),
            11 => return self.neighbours(out),
            23 => return self.pib(Pib::BROADCAST_MAX_CW_ENABLED).map(|value| out.boolean(value != 0)),
            25 => return self.heard(out),
            8 => Pib::TMR_TTL,
            9 => Pib::MAX_FRAME_RETRIES,
            10 => Pib::POS_TABLE_ENTRY_TTL,
            12 => Pib::HIGH_PRIORITY_WINDOW_SIZE,
            13 => Pib::CSMA_FAIRNESS_LIMIT,
            14 => Pib::BEACON_RANDOMIZATION_WINDOW_LENGTH,
            15 => Pib::A,
            16 => Pib::K,
            17 => Pib::MIN_CW_ATTEMPTS,
            18 => Pib::CENELEC_LEGACY_MODE,
            19 => Pib::FCC_LEGACY_MODE,
            20 => Pib::MAX_BE,
            21 => Pib::MAX_CSMA_BACKOFFS,
            22 => Pib::MIN_BE,
            24 => Pib::TRANSMIT_ATTEN,
            26 => Pib::DUPLICATE_DETECTION_TTL,
            _ => return None,
        };
        self.pib(octet).map(|value| out.u8(octet_of(value)))
    }

    fn mac_address(&self, attribute: i8, out: &mut Encoder<'_>) -> Option<()> {
        (attribute == 2).then(|| out.octet_string(&self.node.mac().eui64().0))
    }

    /// The addresses that the node makes itself; there are no routers and no names on the line.
    fn ipv6(&self, attribute: i8, out: &mut Encoder<'_>) -> Option<()> {
        match attribute {
            2 => out.logical_name(names::MAC_ADDRESS),
            3 => out.enumeration(AUTO_CONFIGURATION),
            4 => {
                let own = self.node.address().map(|(pan_id, short)| link_local(pan_id, short));
                out.array(usize::from(own.is_some()));
                own.iter().for_each(|address| out.octet_string(&address.octets()));
            }
            5 | 6 | 10 => out.array(0),
            7 | 8 => out.octet_string(&[]),
            9 => out.u8(0),
            _ => return None,
        }
        Some(())
    }

    fn tone_mask(&self, out: &mut Encoder<'_>) -> Option<()> {
        let PibValue::ToneMask(mask) = self.node.mac().get(self.now, Pib::TONE_MASK, 0).ok()? else {
            return None;
        };
        let mut bits = Bits::<TONE_MASK_BITS>::zeros(TONE_MASK_BITS);
        (0..TONE_MASK_BITS).for_each(|n| bits.put(n, mask[n / 8] & 1 << (n % 8) != 0));
        bits.encode(out);
        Some(())
    }

    fn entries(&self, table: Pib) -> impl Iterator<Item = PibValue> + Clone + '_ {
        (0..ENTRIES_MAX).map_while(move |index| self.node.mac().get(self.now, table, index).ok())
    }

    fn neighbours(&self, out: &mut Encoder<'_>) -> Option<()> {
        let all = self.entries(Pib::NEIGHBOUR_TABLE);
        out.array(all.clone().count());
        for entry in all {
            match entry {
                PibValue::Neighbour(entry) => neighbour(&entry, out),
                _ => out.null(),
            }
        }
        Some(())
    }

    fn heard(&self, out: &mut Encoder<'_>) -> Option<()> {
        let all = self.entries(Pib::POS_TABLE);
        out.array(all.clone().count());
        for entry in all {
            let PibValue::Pos(entry) = entry else {
                out.null();
                continue;
            };
            out.structure(3);
            out.u16(entry.short.0);
            out.u8(entry.lqi.0);
            out.u8(octet_of(entry.valid_min.into()));
        }
        Some(())
    }

    /// A scalar of the adaptation layer.
    fn ib(&self, attribute: Ib) -> Option<u64> {
        match self.node.adp().get(self.now, attribute, 0).ok()? {
            IbValue::Boolean(value) => Some(value.into()),
            IbValue::Unsigned8(value) => Some(value.into()),
            IbValue::Unsigned16(value) => Some(value.into()),
            IbValue::Octets(_) => None,
        }
    }

    fn adaptation(&self, attribute: i8, out: &mut Encoder<'_>) -> Option<()> {
        let octet = match attribute {
            5 => {
                return self.table(Ib::PREFIX_TABLE, out, |octets, out| {
                    out.octet_string(octets);
                    Some(())
                });
            }
            6 => return self.routing(out),
            7 => return self.ib(Ib::BROADCAST_LOG_TABLE_ENTRY_TTL).map(|value| out.u16(value as u16)),
            8 => return self.table(Ib::ROUTING_TABLE, out, route),
            9 => return self.contexts(out),
            10 => return self.table(Ib::BLACKLIST_TABLE, out, blacklisted),
            11 => return self.table(Ib::BROADCAST_LOG_TABLE, out, broadcast),
            12 => return self.addresses(Ib::GROUP_TABLE, out),
            13 => return self.ib(Ib::MAX_JOIN_WAIT_TIME).map(|value| out.u16(value as u16)),
            17 => return self.ib(Ib::COORD_SHORT_ADDRESS).map(|value| out.u16(value as u16)),
            18 => return self.ib(Ib::DISABLE_DEFAULT_ROUTING).map(|value| out.boolean(value != 0)),
            19 => return self.ib(Ib::DEVICE_TYPE).map(|value| out.enumeration(octet_of(value))),
            20 => return self.ib(Ib::DEFAULT_COORD_ROUTE_ENABLED).map(|value| out.boolean(value != 0)),
            21 => return self.addresses(Ib::DESTINATION_ADDRESS_SET, out),
            2 => Ib::MAX_HOPS,
            3 => Ib::WEAK_LQI_VALUE,
            4 => Ib::SECURITY_LEVEL,
            14 => Ib::PATH_DISCOVERY_TIME,
            15 => Ib::ACTIVE_KEY_INDEX,
            16 => Ib::METRIC_TYPE,
            22 => Ib::LOW_LQI_VALUE,
            23 => Ib::HIGH_LQI_VALUE,
            _ => return None,
        };
        self.ib(octet).map(|value| out.u8(octet_of(value)))
    }

    /// A table as an array of what `entry` makes of its octets; entries that are empty are left out.
    fn table(
        &self,
        table: Ib,
        out: &mut Encoder<'_>,
        entry: impl Fn(&[u8], &mut Encoder<'_>) -> Option<()>,
    ) -> Option<()> {
        let octets = |index| match self.node.adp().get(self.now, table, index) {
            Ok(IbValue::Octets(octets)) => Some(octets),
            _ => None,
        };
        let all = (0..ENTRIES_MAX).map_while(octets).filter(|octets| !octets.as_slice().is_empty());
        out.array(all.clone().count());
        for octets in all {
            entry(octets.as_slice(), out)?;
        }
        Some(())
    }

    /// The number of a context is its place in the table.
    fn contexts(&self, out: &mut Encoder<'_>) -> Option<()> {
        let at = |index| match self.node.adp().get(self.now, Ib::CONTEXT_INFORMATION_TABLE, index) {
            Ok(IbValue::Octets(octets)) => Some((index, octets)),
            _ => None,
        };
        let used = |(_, octets): &(u16, plc_core::sap::IbOctets)| octets.as_slice().len() >= CONTEXT_LEN_MIN;
        let all = (0..ENTRIES_MAX).map_while(at).filter(used);
        out.array(all.clone().count());
        all.for_each(|(index, octets)| context(index, octets.as_slice(), out));
        Some(())
    }

    fn addresses(&self, table: Ib, out: &mut Encoder<'_>) -> Option<()> {
        let address = |index| match self.node.adp().get(self.now, table, index) {
            Ok(IbValue::Unsigned16(address)) => Some(ShortAddress(address)),
            _ => None,
        };
        let all = (0..ENTRIES_MAX).map_while(address);
        out.array(all.clone().count());
        all.for_each(|address| out.u16(address.0));
        Some(())
    }

    fn routing(&self, out: &mut Encoder<'_>) -> Option<()> {
        let octet = |attribute| self.ib(attribute).map(octet_of);
        let times = [Ib::KR, Ib::KM, Ib::KC, Ib::KQ, Ib::KH, Ib::KRT, Ib::RREQ_RETRIES, Ib::RREQ_WAIT];
        out.array(1);
        out.structure(14);
        out.u8(octet(Ib::NET_TRAVERSAL_TIME)?);
        out.u16(self.ib(Ib::ROUTING_TABLE_ENTRY_TTL)? as u16);
        for attribute in times {
            out.u8(octet(attribute)?);
        }
        out.u16(self.ib(Ib::BLACKLIST_TABLE_ENTRY_TTL)? as u16);
        out.boolean(self.ib(Ib::UNICAST_RREQ_GEN_ENABLE)? != 0);
        out.boolean(self.ib(Ib::RLC_ENABLED)? != 0);
        out.u8(octet(Ib::ADD_REV_LINK_COST)?);
        Some(())
    }
}

fn octet_of(value: u64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn neighbour(entry: &NeighbourEntry, out: &mut Encoder<'_>) {
    let mut map = Bits::<TONE_MAP_BITS>::zeros(TONE_MAP_BITS);
    (0..TONE_MAP_BITS).for_each(|n| map.put(n, entry.tx.tone_map.0 & 1 << n != 0));
    let mut coefficients = Bits::<{ 4 * TONE_MAP_BITS }>::zeros(4 * entry.gain.group_steps.len());
    for (group, steps) in entry.gain.group_steps.iter().enumerate() {
        (0..4).for_each(|bit| coefficients.put(4 * group + bit, steps & 8 >> bit != 0));
    }
    out.structure(11);
    out.u16(entry.short.0);
    out.boolean(entry.tx.scheme as u8 != 0);
    map.encode(out);
    out.enumeration(entry.tx.modulation as u8);
    out.i8(entry.gain.steps as i8);
    out.enumeration(entry.gain.step as u8);
    coefficients.encode(out);
    out.u8(entry.lqi.0);
    out.i8(entry.phase_difference.sector() as i8);
    out.u8(octet_of(u64::from(entry.tmr_valid_s) / 60));
    // The node forgets neighbours when it needs their place, not by time.
    out.u8(u8::MAX);
}

fn route(octets: &[u8], out: &mut Encoder<'_>) -> Option<()> {
    let mut reader = Reader::new(octets);
    out.structure(6);
    for _ in 0..3 {
        out.u16(reader.u16_le().ok()?);
    }
    let hops = reader.u8().ok()?;
    out.u8(hops >> 4);
    out.u8(hops & 0x0F);
    out.u16(reader.u16_le().ok()?);
    Some(())
}

/// Valid time, compression, bits, prefix.
fn context(index: u16, octets: &[u8], out: &mut Encoder<'_>) {
    let [low, high, compress, bits, prefix @ ..] = octets else { return };
    let mut id = Bits::<4>::zeros(4);
    (0..4).for_each(|bit| id.put(bit, index & 8 >> bit != 0));
    out.structure(5);
    id.encode(out);
    out.u8(*bits);
    out.octet_string(prefix);
    out.boolean(*compress != 0);
    out.u16(u16::from_le_bytes([*low, *high]));
}

fn blacklisted(octets: &[u8], out: &mut Encoder<'_>) -> Option<()> {
    let mut reader = Reader::new(octets);
    out.structure(2);
    out.u16(reader.u16_le().ok()?);
    out.u16(reader.u16_le().ok()?);
    Some(())
}

fn broadcast(octets: &[u8], out: &mut Encoder<'_>) -> Option<()> {
    let mut reader = Reader::new(octets);
    out.structure(3);
    out.u16(reader.u16_le().ok()?);
    out.u8(reader.u8().ok()?);
    out.u16(reader.u16_le().ok()?);
    Some(())
}
