//! Attributes that are tables.

use super::super::Adp;
use crate::addressing;
use crate::config::Context;
use crate::loadng::Route;
use heapless::Vec;
use plc_core::sap::{AdpStatus, IbAttribute, IbOctets, IbValue};
use plc_core::wire::{Reader, Writer};
use plc_core::{Instant, ShortAddress};

impl Adp {
    /// Entry `index` of a table; the outer `None`: the attribute is no table.
    pub(super) fn table_entry(
        &self,
        now: Instant,
        attribute: IbAttribute,
        index: u16,
    ) -> Option<Option<IbValue>> {
        let at = usize::from(index);
        let short = |all: &[ShortAddress]| all.get(at).map(|short| IbValue::Unsigned16(short.0));
        Some(match attribute {
            IbAttribute::PREFIX_TABLE => self.ib.adp_prefix_table.get(at).copied().map(IbValue::Octets),
            IbAttribute::CONTEXT_INFORMATION_TABLE => {
                self.ib.adp_context_information_table.get(at).map(|context| {
                    context.as_ref().map_or(IbValue::Octets(octets(|_| Ok(()))), context_value)
                })
            }
            IbAttribute::BROADCAST_LOG_TABLE => {
                self.broadcasts.entry(at).map(|(originator, sequence, until)| {
                    let left = minutes(now, until);
                    IbValue::Octets(octets(|w| {
                        w.u16_le(originator.0)?;
                        w.u8(sequence)?;
                        w.u16_le(left)
                    }))
                })
            }
            IbAttribute::ROUTING_TABLE => self.routes().get(at).map(|route| route_value(now, route)),
            IbAttribute::BLACKLIST_TABLE => self.blacklist().get(at).map(|&(neighbour, until)| {
                let left = minutes(now, until);
                IbValue::Octets(octets(|w| {
                    w.u16_le(neighbour.0)?;
                    w.u16_le(left)
                }))
            }),
            IbAttribute::GROUP_TABLE => short(&self.ib.adp_group_table),
            IbAttribute::DESTINATION_ADDRESS_SET => short(&self.ib.adp_destination_address_set),
            _ => return None,
        })
    }

    /// Writes an entry; `None`: the attribute is no table.
    pub(super) fn set_table_entry(
        &mut self,
        now: Instant,
        attribute: IbAttribute,
        index: u16,
        value: IbValue,
    ) -> Option<AdpStatus> {
        let at = usize::from(index);
        Some(match (attribute, value) {
            (IbAttribute::BROADCAST_LOG_TABLE | IbAttribute::BLACKLIST_TABLE, _) => AdpStatus::ReadOnly,
            (IbAttribute::PREFIX_TABLE, IbValue::Octets(octets)) => {
                put(&mut self.ib.adp_prefix_table, at, octets)
            }
            (IbAttribute::GROUP_TABLE, IbValue::Unsigned16(group))
                if addressing::is_group(ShortAddress(group)) =>
            {
                put(&mut self.ib.adp_group_table, at, ShortAddress(group))
            }
            (IbAttribute::DESTINATION_ADDRESS_SET, IbValue::Unsigned16(short)) => {
                put(&mut self.ib.adp_destination_address_set, at, ShortAddress(short))
            }
            (IbAttribute::CONTEXT_INFORMATION_TABLE, IbValue::Octets(octets)) => {
                self.set_context(at, &octets)
            }
            (IbAttribute::ROUTING_TABLE, IbValue::Octets(octets)) => self.set_route(now, &octets),
            (
                IbAttribute::PREFIX_TABLE
                | IbAttribute::GROUP_TABLE
                | IbAttribute::DESTINATION_ADDRESS_SET
                | IbAttribute::CONTEXT_INFORMATION_TABLE
                | IbAttribute::ROUTING_TABLE,
                _,
            ) => AdpStatus::InvalidRequest,
            _ => return None,
        })
    }

    /// No octets: no context.
    fn set_context(&mut self, at: usize, octets: &IbOctets) -> AdpStatus {
        let Some(place) = self.ib.adp_context_information_table.get_mut(at) else {
            return AdpStatus::InvalidIndex;
        };
        match octets.as_slice() {
            [] => *place = None,
            [_, _, compress, bits @ 1..=128, prefix @ ..]
                if prefix.len() == usize::from(bits.div_ceil(8)) =>
            {
                let mut context = Context { prefix: [0; 16], bits: *bits, compress: *compress != 0 };
                context.prefix[..prefix.len()].copy_from_slice(prefix);
                let kept = u128::from_be_bytes(context.prefix) & context.mask();
                context.prefix = kept.to_be_bytes();
                *place = Some(context);
            }
            _ => return AdpStatus::InvalidRequest,
        }
        AdpStatus::Success
    }

    /// A route that management knows of, whatever its index.
    fn set_route(&mut self, now: Instant, octets: &IbOctets) -> AdpStatus {
        let Some(route) = parse_route(now, self.ib.adp_metric_type & 0x0F, octets) else {
            return AdpStatus::InvalidRequest;
        };
        self.loadng.set_route(route);
        AdpStatus::Success
    }
}

/// Valid lifetime (infinite), C flag, bits, prefix.
fn context_value(context: &Context) -> IbValue {
    let len = usize::from(context.bits.div_ceil(8)).min(16);
    IbValue::Octets(octets(|w| {
        w.u16_le(u16::MAX)?;
        w.bytes(&[u8::from(context.compress), context.bits])?;
        w.bytes(&context.prefix[..len])
    }))
}

/// Destination, next hop, cost, hops and weak links, minutes \[G3 ADP IB 0x0C; confidence B\].
fn route_value(now: Instant, route: &Route) -> IbValue {
    let left = if route.broken { 0 } else { minutes(now, route.expires) };
    IbValue::Octets(octets(|w| {
        w.u16_le(route.destination.0)?;
        w.u16_le(route.next_hop.0)?;
        w.u16_le(route.cost)?;
        w.u8(route.hops << 4 | route.weak_links & 0x0F)?;
        w.u16_le(left)
    }))
}

fn parse_route(now: Instant, metric: u8, octets: &IbOctets) -> Option<Route> {
    let mut reader = Reader::new(octets.as_slice());
    let destination = ShortAddress(reader.u16_le().ok()?);
    let next_hop = ShortAddress(reader.u16_le().ok()?);
    let cost = reader.u16_le().ok()?;
    let counts = reader.u8().ok()?;
    let left = reader.u16_le().ok()?;
    reader.finish().ok()?;
    let unicast = !addressing::is_group(destination) && !addressing::is_group(next_hop);
    unicast.then_some(Route {
        destination,
        next_hop,
        cost,
        hops: counts >> 4,
        weak_links: counts & 0x0F,
        metric,
        sequence: None,
        bidirectional: true,
        broken: false,
        expires: now + core::time::Duration::from_secs(60 * u64::from(left)),
        used: Instant::EPOCH,
    })
}

fn minutes(now: Instant, until: Instant) -> u16 {
    if until <= now { 0 } else { u16::try_from(until.since(now).as_secs() / 60).unwrap_or(u16::MAX) }
}

fn octets(emit: impl FnOnce(&mut Writer<'_>) -> Result<(), plc_core::wire::WireError>) -> IbOctets {
    let mut buffer = [0; IbOctets::MAX];
    let mut writer = Writer::new(&mut buffer);
    emit(&mut writer).expect("entries are shorter than the room for them");
    IbOctets::new(writer.written()).expect("the buffer is as large as the value")
}

/// Replaces an entry, or adds the one behind the last.
fn put<T, const N: usize>(table: &mut Vec<T, N>, at: usize, entry: T) -> AdpStatus {
    let len = table.len();
    match table.get_mut(at) {
        Some(place) => *place = entry,
        None if at == len && len < N => drop(table.push(entry)),
        None => return AdpStatus::InvalidIndex,
    }
    AdpStatus::Success
}
