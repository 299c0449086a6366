//! The objects, asked directly.

mod mains;

use dlms::apdu::DataAccessResult;
use dlms::axdr::{Data, Encoder};
use dlms::classes::Schema;
use dlms::cosem::AttributeRequest;
use dlms::hdlc::{Address, Parameters};
use dlms::server::{Access, AssociationContext, ObjectEntry, ObjectModel};
use mains::{IDENTITY, at, config};
use meter::objects::{Board, HdlcPort, Note, Objects, names};
use meter::{Block, ClockShift, ImageCheck, Measurement};
use metrology::Ledger;
use plc_core::time::Duration;
use plc_core::{Instant, Seed, UtcAnchor};

/// Without those of a network.
const OBJECTS: usize = 170;
const NOW: Instant = Instant::from_secs(100);

fn asked_by(access: Access) -> AssociationContext {
    AssociationContext { now: NOW, client_sap: 1, access, ciphered: access != Access::Public }
}

fn measurement() -> Measurement {
    let config = config();
    let mut measurement = Measurement::new(config.measurement(), Ledger::default()).expect("good ratings");
    measurement.on_clock(UtcAnchor { at: NOW, utc: at(22, 10, 0, 0) });
    measurement.on_samples(Instant::from_secs(101), &Block::Pairs(&[0; 1000], &[0; 1000]));
    measurement
}

fn board() -> Board {
    Board::new(ImageCheck::Complete, 4096, &Seed::from_u64(3))
}

fn objects<'m>(measurement: &'m mut Measurement, board: &'m mut Board) -> Objects<'m> {
    Objects {
        identity: &IDENTITY,
        firmware: "1",
        receive_counter: None,
        measurement,
        board,
        network: None,
        hdlc: None,
        sessions_max: 4,
        notes: Vec::new(),
        steps_left: 64,
    }
}

fn list(objects: &Objects<'_>, access: Access) -> Vec<ObjectEntry> {
    (0..).map_while(|index| objects.object(index, &asked_by(access))).collect()
}

#[test]
fn every_attribute_of_every_object_is_one_value_and_no_other_exists() {
    let (mut measurement, mut board) = (measurement(), board());
    let mut objects = objects(&mut measurement, &mut board);
    let entries = list(&objects, Access::Management);
    assert_eq!(entries.len(), OBJECTS);
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
fn a_meter_with_an_hdlc_port_shows_what_it_is_and_another_has_no_such_object() {
    let (mut measurement, mut board) = (measurement(), board());
    let mut objects = objects(&mut measurement, &mut board);
    let manager = asked_by(Access::Management);
    assert_eq!(objects.find(names::HDLC_SETUP, &manager), None);
    objects.hdlc = Some(HdlcPort {
        address: Address::two(1, 17).expect("a lawful address"),
        parameters: Parameters { max_info_receive: 128, window_receive: 1, ..Parameters::symmetric(512, 5) },
        inter_octet_timeout: Duration::from_millis(2000),
        inactivity_timeout: Duration::from_secs(120),
    });
    let entry = objects.find(names::HDLC_SETUP, &manager).expect("it has a port now");
    assert_eq!((entry.class_id, list(&objects, Access::Management).len()), (23, OBJECTS + 1));
    assert_eq!(objects.find(names::HDLC_SETUP, &asked_by(Access::Public)), None);
    let mut read = |attribute| {
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, 100);
        let request = AttributeRequest::new(23, names::HDLC_SETUP, attribute);
        assert_eq!(
            (objects.get(&request, &manager, &mut out), out.finish()),
            (Ok(()), Ok(())),
            "{attribute}"
        );
        let value = Data::from_bytes(&bytes).expect("a value");
        assert!(
            Schema::of(23).and_then(|schema| schema.attribute(attribute)).expect("known").kind.fits(&value)
        );
        value.as_i64()
    };
    let values: Vec<_> = (2..=9).map(|attribute| read(attribute).expect("a number")).collect();
    assert_eq!(values, [5, 5, 1, 512, 128, 2000, 120, 17]);
}

#[test]
fn the_local_port_is_set_by_the_manager_and_shows_its_passwords_to_nobody() {
    let (mut measurement, mut board) = (measurement(), board());
    let mut objects = objects(&mut measurement, &mut board);
    let manager = asked_by(Access::Management);
    let entry = objects.find(names::LOCAL_PORT, &manager).expect("every meter has a local port");
    assert_eq!(
        (entry.class_id, entry.version, entry.readable, entry.writable),
        (19, 1, 0b111_1110, 0b11_1111_1100)
    );
    let attribute = |n| AttributeRequest::new(19, names::LOCAL_PORT, n);
    assert_eq!(objects.set(&attribute(4), &Data::Enum(6), &manager), Ok(()));
    assert_eq!(objects.set(&attribute(4), &Data::Enum(10), &manager), Err(DataAccessResult::OtherReason));
    assert_eq!(objects.set(&attribute(7), &Data::OctetString(b"secret"), &manager), Ok(()));
    let mut read = |n| {
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, 100);
        assert_eq!((objects.get(&attribute(n), &manager, &mut out), out.finish()), (Ok(()), Ok(())), "{n}");
        bytes
    };
    assert_eq!((read(7), read(4)), (vec![9, 0], vec![22, 6]));
    // All of it is kept, the password too.
    let snapshot = board.take_changed().expect("it has changed");
    assert_eq!((snapshot.class_id, snapshot.logical_name), (19, names::LOCAL_PORT));
    let mut next = self::board();
    next.restore(&[snapshot], true);
    let port = &next.slots.local_port;
    assert_eq!((port.pass_p1.as_slice(), port.prop_baud.bits_per_second()), (&b"secret"[..], 19_200));
}

#[test]
fn names_are_unique_and_the_public_sees_three() {
    let (mut measurement, mut board) = (measurement(), board());
    let objects = objects(&mut measurement, &mut board);
    let mut all: Vec<_> = list(&objects, Access::Reading).iter().map(|entry| entry.logical_name).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), OBJECTS);
    let public: Vec<_> = list(&objects, Access::Public).iter().map(|entry| entry.logical_name).collect();
    assert_eq!(public, [names::LOGICAL_DEVICE_NAME, names::RECEIVE_COUNTER, names::CLOCK]);
}

#[test]
fn every_object_is_of_the_declared_version_of_its_class() {
    let (mut measurement, mut board) = (measurement(), board());
    for entry in list(&objects(&mut measurement, &mut board), Access::Management) {
        let schema = Schema::of(entry.class_id).expect("a known class");
        assert_eq!(
            (entry.version, entry.attributes),
            (schema.version, schema.attribute_count()),
            "{}",
            schema.name
        );
        assert_eq!(usize::from(entry.methods), schema.methods.len(), "{}", schema.name);
        assert_eq!(
            entry.writable & !schema.writable(),
            0,
            "{}: more may be written than the class has",
            schema.name
        );
    }
}

#[test]
fn only_the_manager_may_write_and_invoke() {
    let (mut measurement, mut board) = (measurement(), board());
    let objects = objects(&mut measurement, &mut board);
    for access in [Access::Public, Access::Reading] {
        assert!(list(&objects, access).iter().all(|entry| (entry.writable, entry.callable) == (0, 0)));
    }
    let managed = list(&objects, Access::Management);
    let find = |name| managed.iter().find(|entry| entry.logical_name == name).expect("an object");
    assert_eq!(find(names::CLOCK).writable, 0b1_1110_1100 & !(1 << 4), "all but the status");
    assert_eq!(find(names::DISCONNECTOR).callable, 0b110);
    for name in [names::ACTIVE_IMPORT, names::LOAD_PROFILE, names::POWER_FAILURES, names::FIRMWARE] {
        assert_eq!((find(name).writable, find(name).callable), (0, 0), "{name}");
    }
}

#[test]
fn the_time_is_set_and_what_is_no_time_is_refused() {
    let (mut measurement, mut board) = (measurement(), board());
    let mut objects = objects(&mut measurement, &mut board);
    let time = Data::OctetString(&[0x07, 0xEA, 11, 22, 0xFF, 10, 0, 5, 0, 0, 0, 0]);
    let manager = asked_by(Access::Management);
    let clock = |attribute| AttributeRequest::new(8, names::CLOCK, attribute);
    assert_eq!(objects.set(&clock(2), &time, &manager), Ok(()));
    assert_eq!(objects.notes, [Note::ClockSet(ClockShift::Millis(5000))]);
    assert_eq!(objects.set(&clock(4), &Data::U8(0), &manager), Err(DataAccessResult::ReadWriteDenied));
    assert_eq!(objects.set(&clock(2), &Data::U8(1), &manager), Err(DataAccessResult::TypeUnmatched));
    let undated = Data::OctetString(&[0xFF; 12]);
    assert_eq!(objects.set(&clock(2), &undated, &manager), Err(DataAccessResult::OtherReason));
}
