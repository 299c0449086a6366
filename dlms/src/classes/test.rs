//! What the tests of the classes share.

use super::{Effects, Moment, Object, Snapshot};
use crate::axdr::{Data, Encoder};
use crate::cosem::{LogicalName, Wall};
use alloc::vec::Vec;
use plc_core::{Instant, Utc};

/// The clock is not set.
pub(crate) const UNSET: Moment = Moment { now: Instant::from_secs(10), utc: None, wall: None };

/// A second of 2026 where local time is UTC.
pub(crate) fn at(month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Moment {
    let utc = Utc::from_civil(2026, month, day, hour, minute, second).unwrap();
    let start = Utc::from_civil(2026, 1, 1, 0, 0, 0).unwrap().as_secs();
    let now = Instant::from_secs((utc.as_secs() - start) as u64);
    Moment { now, utc: Some(utc), wall: Some(Wall::of(utc, 0)) }
}

/// An attribute as it stands on the wire.
pub(crate) fn read(object: &dyn Object, attribute: i8, at: &Moment) -> Vec<u8> {
    let mut value = Vec::new();
    let mut out = Encoder::new(&mut value, 10_000);
    assert_eq!(object.get(attribute, at, &mut out), Ok(()));
    assert_eq!(out.finish(), Ok(()));
    value
}

/// All attributes are of their declared types and no other exists; what is kept is what is given back.
pub(crate) fn check<T: Object + Clone>(object: &T, at: &Moment) {
    let schema = object.schema();
    for n in 2..=schema.attribute_count() as i8 {
        let value = read(object, n, at);
        let described = schema.attribute(n).unwrap();
        assert!(described.kind.fits(&Data::from_bytes(&value).unwrap()), "{}: {value:02x?}", described.name);
    }
    let mut none = Vec::new();
    let beyond = schema.attribute_count() as i8 + 1;
    assert!(object.get(beyond, at, &mut Encoder::new(&mut none, 100)).is_err());
    let name = LogicalName([0, 0, 1, 2, 3, 255]);
    let (snapshot, mut again) = (Snapshot::of(name, object), object.clone());
    assert!(snapshot.restore(&mut again));
    assert_eq!(Snapshot::of(name, &again), snapshot);
    assert!(!Snapshot { version: 99, ..snapshot.clone() }.restore(&mut again));
    assert!(!Snapshot { state: [1, 0].to_vec(), ..snapshot }.restore(&mut again));
}

/// Writes as a client does.
pub(crate) fn write(
    object: &mut dyn Object,
    attribute: i8,
    value: &[u8],
) -> Result<(), crate::apdu::DataAccessResult> {
    let value = Data::from_bytes(value).unwrap();
    super::write(object, attribute, &value, &UNSET, &mut Effects::default())
}
