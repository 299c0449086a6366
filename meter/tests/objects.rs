//! The objects, asked directly.

mod mains;

use dlms::apdu::DataAccessResult;
use dlms::axdr::{Data, Encoder};
use dlms::cosem::AttributeRequest;
use dlms::server::{Access, AssociationContext, ObjectEntry, ObjectModel};
use mains::{IDENTITY, at, config};
use meter::objects::{Objects, names};
use meter::{ClockShift, Measurement};
use metrology::Registers;
use plc_core::{Instant, UtcAnchor};

const NOW: Instant = Instant::from_secs(100);

fn asked_by(access: Access) -> AssociationContext {
    AssociationContext { now: NOW, client_sap: 1, access, ciphered: access != Access::Public }
}

fn measurement() -> Measurement {
    let config = config();
    let mut measurement =
        Measurement::new(config.ratings, config.profiles, Registers::default()).expect("good ratings");
    measurement.on_clock(UtcAnchor { at: NOW, utc: at(22, 10, 0, 0) });
    measurement.on_samples(Instant::from_secs(101), &[0; 1000], &[0; 1000]);
    measurement
}

fn objects(measurement: &mut Measurement) -> Objects<'_> {
    Objects { identity: &IDENTITY, firmware: "1", receive_counter: None, measurement, clock_shift: None }
}

fn list(objects: &Objects<'_>, access: Access) -> Vec<ObjectEntry> {
    (0..).map_while(|index| objects.object(index, &asked_by(access))).collect()
}

#[test]
fn every_attribute_of_every_object_is_one_value_and_no_other_exists() {
    let mut measurement = measurement();
    let mut objects = objects(&mut measurement);
    let entries = list(&objects, Access::Management);
    assert_eq!(entries.len(), 16);
    for entry in entries {
        for attribute in 2..=entry.attributes as i8 + 1 {
            let request = AttributeRequest::new(entry.class_id, entry.logical_name, attribute);
            let mut bytes = Vec::new();
            let mut out = Encoder::new(&mut bytes, 10_000);
            let result = objects.get(&request, &asked_by(Access::Management), &mut out);
            if attribute <= entry.attributes as i8 {
                assert_eq!((result, out.finish()), (Ok(()), Ok(())), "{request}");
                assert!(Data::from_bytes(&bytes).is_ok(), "{request}");
            } else {
                assert_eq!(result, Err(DataAccessResult::ObjectUndefined), "{request}");
            }
        }
    }
}

#[test]
fn names_are_unique_and_the_public_sees_three() {
    let mut measurement = measurement();
    let objects = objects(&mut measurement);
    let mut all: Vec<_> = list(&objects, Access::Reading).iter().map(|entry| entry.logical_name).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 16);
    let public: Vec<_> = list(&objects, Access::Public).iter().map(|entry| entry.logical_name).collect();
    assert_eq!(public, [names::LOGICAL_DEVICE_NAME, names::RECEIVE_COUNTER, names::CLOCK]);
}

#[test]
fn only_the_manager_may_write_and_only_the_time() {
    let mut measurement = measurement();
    let mut objects = objects(&mut measurement);
    for access in [Access::Public, Access::Reading, Access::Management] {
        for entry in list(&objects, access) {
            let manages_clock = access == Access::Management && entry.logical_name == names::CLOCK;
            assert_eq!(entry.writable, if manages_clock { 1 << 2 } else { 0 });
        }
    }
    let time = Data::OctetString(&[0x07, 0xEA, 11, 22, 0xFF, 10, 0, 5, 0, 0, 0, 0]);
    let manager = asked_by(Access::Management);
    let clock = |attribute| AttributeRequest::new(8, names::CLOCK, attribute);
    assert_eq!(objects.set(&clock(2), &time, &manager), Ok(()));
    assert_eq!(objects.clock_shift, Some(ClockShift::Millis(5000)));
    assert_eq!(objects.set(&clock(3), &time, &manager), Err(DataAccessResult::ReadWriteDenied));
    assert_eq!(objects.set(&clock(2), &Data::U8(1), &manager), Err(DataAccessResult::TypeUnmatched));
    let undated = Data::OctetString(&[0xFF; 12]);
    assert!(objects.set(&clock(2), &undated, &manager).is_err());
}
