//! The information base by identifier.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::Adp;
use pipe::{Pipe, device_config};
use plc_core::Instant;
use plc_core::sap::*;

const NOW: Instant = Instant::from_secs(1);

fn octets(bytes: &[u8]) -> IbValue {
    IbValue::Octets(IbOctets::new(bytes).unwrap())
}

/// The table of the standard: identifiers, defaults, and whether they can be written.
fn table() -> Vec<(u8, IbValue, bool)> {
    use IbValue::{Boolean, Unsigned8, Unsigned16};
    let numbers = [
        (0x00, Unsigned8(5), false),
        (0x02, Unsigned16(2), true),
        (0x03, Unsigned8(0x0F), true),
        (0x04, Unsigned8(0), true),
        (0x05, Unsigned8(255), true),
        (0x06, Unsigned16(4), true),
        (0x08, Unsigned16(0), true),
        (0x09, Boolean(false), true),
        (0x0A, Unsigned8(0), true),
        (0x0D, Boolean(true), true),
        (0x0F, Unsigned8(8), true),
        (0x10, Unsigned8(0), false),
        (0x11, Unsigned16(20), true),
        (0x12, Unsigned16(360), true),
        (0x13, Unsigned8(0), true),
        (0x14, Unsigned8(0), true),
        (0x15, Unsigned8(0), true),
        (0x16, Unsigned8(10), true),
        (0x17, Unsigned8(4), true),
        (0x18, Unsigned8(0), true),
        (0x19, Unsigned16(30), true),
        (0x1A, Unsigned8(52), true),
        (0x1B, Unsigned8(0), true),
        (0x1C, octets(env!("CARGO_PKG_VERSION").as_bytes()), false),
        (0x1D, Boolean(false), true),
        (0x1F, Unsigned16(10), true),
        (0x20, Unsigned16(20), true),
        (0x21, Unsigned16(40), true),
        (0x22, Unsigned8(0), false),
        (0x24, Boolean(false), true),
        (0x25, Unsigned16(0), true),
        (0x26, Unsigned16(0), true),
        (0x27, Unsigned8(52), true),
        (0x28, Unsigned8(120), true),
        (0x29, Boolean(false), true),
        (0x2A, Unsigned8(80), true),
        (0x2B, Unsigned8(1), true),
        (0x2C, Unsigned8(0), true),
        (0x2D, Unsigned16(1200), true),
        (0x2E, Unsigned8(3), true),
        (0x2F, Boolean(true), true),
        (0x30, Boolean(false), true),
        (0x31, Boolean(false), true),
        (0x32, Unsigned8(90), true),
        (0x33, Unsigned8(3), true),
        (0x34, Unsigned16(4), true),
        (0x35, Unsigned16(900), true),
        (0x36, Unsigned8(90), true),
        (0xF0, Boolean(false), true),
    ];
    numbers.to_vec()
}

#[test]
fn every_attribute_has_its_default_and_takes_another_value_where_it_may() {
    let mut adp = Adp::new(device_config(1));
    for (id, default, writable) in table() {
        let attribute = IbAttribute(id);
        assert_eq!(adp.get(NOW, attribute, 0), Ok(default), "{id:02x}");
        assert_eq!(adp.get(NOW, attribute, 1), Err(AdpStatus::InvalidIndex), "{id:02x}");
        let other = match default {
            IbValue::Boolean(value) => IbValue::Boolean(!value),
            IbValue::Unsigned8(value) => IbValue::Unsigned8(value ^ 1),
            IbValue::Unsigned16(value) => IbValue::Unsigned16(value + 1),
            IbValue::Octets(_) => octets(&[1]),
        };
        let expected = if writable { (AdpStatus::Success, other) } else { (AdpStatus::ReadOnly, default) };
        let status = adp.set(NOW, attribute, 0, other);
        assert_eq!((status, adp.get(NOW, attribute, 0).unwrap()), expected, "{id:02x}");
        let wrong = if matches!(default, IbValue::Boolean(_)) {
            IbValue::Unsigned8(1)
        } else {
            IbValue::Boolean(true)
        };
        assert_ne!(adp.set(NOW, attribute, 0, wrong), AdpStatus::Success, "{id:02x}");
    }
}

#[test]
fn what_is_in_no_table_is_not_supported() {
    let mut adp = Adp::new(device_config(1));
    let tables = [0x01, 0x07, 0x0B, 0x0C, 0x0E, 0x1E, 0x23];
    let known: Vec<u8> = table().iter().map(|&(id, ..)| id).chain(tables).collect();
    for id in (0..=255).filter(|id| !known.contains(id)) {
        assert_eq!(adp.get(NOW, IbAttribute(id), 0), Err(AdpStatus::UnsupportedAttribute), "{id:02x}");
        let status = adp.set(NOW, IbAttribute(id), 0, IbValue::Unsigned8(1));
        assert_eq!(status, AdpStatus::UnsupportedAttribute, "{id:02x}");
    }
}

#[test]
fn tables_are_read_and_written_entry_by_entry() {
    let mut adp = Adp::new(device_config(1));
    let context = octets(&[0xFF, 0xFF, 1, 48, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
    let entries = [
        (IbAttribute::PREFIX_TABLE, octets(&[1, 2, 3])),
        (IbAttribute::CONTEXT_INFORMATION_TABLE, context),
        (IbAttribute::GROUP_TABLE, IbValue::Unsigned16(0x8567)),
        (IbAttribute::DESTINATION_ADDRESS_SET, IbValue::Unsigned16(0x0100)),
        (IbAttribute::ROUTING_TABLE, octets(&[7, 0, 3, 0, 20, 0, 0x21, 0x68, 0x01])),
    ];
    for (attribute, entry) in entries {
        assert_eq!(adp.set(NOW, attribute, 0, entry), AdpStatus::Success, "{attribute:?}");
        assert_eq!(adp.get(NOW, attribute, 0), Ok(entry), "{attribute:?}");
        assert_eq!(adp.get(NOW, attribute, 300), Err(AdpStatus::InvalidIndex), "{attribute:?}");
    }
    for attribute in [IbAttribute::BROADCAST_LOG_TABLE, IbAttribute::BLACKLIST_TABLE] {
        assert_eq!(adp.get(NOW, attribute, 0), Err(AdpStatus::InvalidIndex));
        assert_eq!(adp.set(NOW, attribute, 0, octets(&[1])), AdpStatus::ReadOnly);
    }
    assert_eq!(adp.set(NOW, IbAttribute::CONTEXT_INFORMATION_TABLE, 0, octets(&[])), AdpStatus::Success);
    assert_eq!(adp.get(NOW, IbAttribute::CONTEXT_INFORMATION_TABLE, 0), Ok(octets(&[])));
    assert_eq!(adp.set(NOW, IbAttribute::GROUP_TABLE, 0, IbValue::Unsigned16(5)), AdpStatus::InvalidRequest);
    assert_eq!(adp.set(NOW, IbAttribute::MAX_HOPS, 0, IbValue::Unsigned8(15)), AdpStatus::InvalidRequest);
}

#[test]
fn management_reads_routes_and_sets_costs_by_primitives() {
    let mut pipe = Pipe::town(1, &[(0, 1, 200), (1, 2, 200)], |_| {});
    let (attribute, index) = (IbAttribute::ROUTING_TABLE, 1);
    pipe.manage(0, AdpmRequest::Get { attribute, index });
    let Some(AdpmIndication::Get { result: Ok(IbValue::Octets(entry)), .. }) = pipe.stations[0].told.last()
    else {
        panic!()
    };
    assert_eq!(
        entry.as_slice()[..7],
        [2, 0, 1, 0, 12, 0, 0x20],
        "to 2 through 1 at the cost of 12 over two hops"
    );
    let (attribute, index, value) = (IbAttribute::KH, 0, IbValue::Unsigned8(9));
    pipe.manage(0, AdpmRequest::Set { attribute, index, value });
    let status = AdpStatus::Success;
    assert_eq!(pipe.stations[0].told.last(), Some(&AdpmIndication::Set { attribute, index, status }));
}
