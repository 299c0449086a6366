//! The lines of the conformance checklist about COSEM objects, over the wire, against the objects of the meter.
#![allow(clippy::panic)] // what a test did not expect

mod line;
mod mains;

use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::Data;
use dlms::classes::association::{ListedObject, ObjectList};
use dlms::classes::{
    AnyValue, AttributeReference, Enumerated, ExecutionTime, List, PushObject, Restriction, Schema,
    ScriptReference, ThresholdActions, Value, profile, register,
};
use dlms::client::{ClientAuthentication, ClientInput, ClientOutput};
use dlms::cosem::{
    AttributeRequest, Bound, CaptureObject, ClockTime, Date, LogicalName, MethodRequest, Selector, Time, Unit,
};
use line::{Line, busy, client, management, time};
use mains::{IDENTITY, Mains, at, config};
use meter::objects::{COLUMNS, names};
use meter::{ApplicationInput, ApplicationOutput, MeterEvent};
use metrology::{Energy, Registers};
use plc_core::{Instant, Machine, UtcAnchor};
use std::time::Duration;

const ASSOCIATION: LogicalName = LogicalName([0, 0, 40, 0, 0, 255]);

impl Line {
    fn objects(&mut self) -> Vec<ListedObject> {
        let value = self.get(AttributeRequest::new(15, ASSOCIATION, 2));
        // There is room for it whatever the profiles take.
        assert!(value.len() < meter::specs::OBJECT_LIST_LEN * 3 / 4, "{} octets", value.len());
        ObjectList::from_value(&value).expect("a list").iter().collect()
    }

    fn set(&mut self, class_id: u16, name: LogicalName, attribute: i8, value: &[u8]) -> DataAccessResult {
        match self.ask(ClientInput::Set(AttributeRequest::new(class_id, name, attribute), value)) {
            ClientOutput::AccessResult(result) => result,
            other => panic!("{name} {attribute}: {other:?}"),
        }
    }

    fn act(
        &mut self,
        class_id: u16,
        logical_name: LogicalName,
        method: i8,
        parameter: &[u8],
    ) -> ActionResult {
        match self.ask(ClientInput::Action(MethodRequest { class_id, logical_name, method }, Some(parameter)))
        {
            ClientOutput::ActionResult(result, _) => result,
            other => panic!("{logical_name} {method}: {other:?}"),
        }
    }

    fn read<T: Value>(&mut self, class_id: u16, name: LogicalName, attribute: i8) -> T {
        let value = self.get(AttributeRequest::new(class_id, name, attribute));
        T::from_value(&value).unwrap_or_else(|| panic!("{name} {attribute}: {value:02x?}"))
    }

    /// The events of a log: hour, minute and code.
    fn events(&mut self, group: u8) -> Vec<(u8, u8, u64)> {
        let value = self.get(AttributeRequest::new(7, names::event_log(group), 2));
        let rows = profile::Rows::from_value(&value).expect("rows");
        let row = |mut cells: dlms::axdr::Elements<'_>| {
            let time = cells.next().and_then(|cell| cell.as_clock_time()).expect("a time").octets();
            (time[5], time[6], cells.next().and_then(|cell| cell.as_u64()).expect("a code"))
        };
        rows.iter().map(row).collect()
    }
}

fn managed() -> Line {
    Line::open(busy(), management(1))
}

#[test]
fn every_readable_attribute_of_every_listed_object_is_read_and_is_of_its_declared_type() {
    let public = client(16, ClientAuthentication::None, 1);
    for (client, least) in [(management(1), 70), (public, 6)] {
        let mut line = Line::open(busy(), client);
        let objects = line.objects();
        assert!(objects.len() >= least, "{}", objects.len());
        let mut read = 0;
        for object in &objects {
            let schema = Schema::of(object.class_id).expect("a known class");
            assert_eq!(object.version, schema.version, "{}", schema.name);
            assert_eq!(object.attributes.len(), usize::from(schema.attribute_count()), "{}", schema.name);
            for access in object.attributes.iter().filter(|access| access.rights.read) {
                let request = AttributeRequest::new(object.class_id, object.logical_name, access.attribute);
                let value = line.get(request.clone());
                let described = schema.attribute(access.attribute).expect("an attribute of the class");
                let data = Data::from_bytes(&value).expect("one value");
                assert!(described.kind.fits(&data), "{request} {}: {value:02x?}", described.name);
                if access.attribute == 1 {
                    assert_eq!(data.as_octets(), Some(&object.logical_name.0[..]));
                }
                read += 1;
            }
        }
        assert!(read > 4 * least, "{read}");
    }
}

#[test]
fn what_may_not_be_written_or_invoked_is_refused_and_what_may_not_be_seen_is_not_there() {
    let mut line = managed();
    for object in line.objects() {
        let (class_id, name) = (object.class_id, object.logical_name);
        for access in object.attributes.iter().filter(|access| !access.rights.write) {
            let result = line.set(class_id, name, access.attribute, &[0]);
            assert_eq!(result, DataAccessResult::ReadWriteDenied, "{name} {}", access.attribute);
        }
        for access in object.methods.iter().filter(|access| !access.may_invoke) {
            let result = line.act(class_id, name, access.method, &[15, 0]);
            assert_eq!(result, ActionResult::ReadWriteDenied, "{name} {}", access.method);
        }
        let beyond = object.attributes.len() as i8 + 1;
        let refused = line.denied(AttributeRequest::new(class_id, name, beyond));
        assert_eq!(refused, DataAccessResult::ReadWriteDenied, "{name}");
        let other_class = line.denied(AttributeRequest::new(class_id + 1, name, 2));
        assert_eq!(other_class, DataAccessResult::ObjectClassInconsistent, "{name}");
    }
}

#[test]
fn what_was_read_can_be_written_back_and_another_type_cannot() {
    let mut line = managed();
    let mut written = 0;
    for object in line.objects() {
        let schema = Schema::of(object.class_id).expect("a known class");
        for access in object.attributes.iter().filter(|access| access.rights.write) {
            let (class_id, name, n) = (object.class_id, object.logical_name, access.attribute);
            if !access.rights.read {
                // Passwords are written and read by nobody.
                assert_eq!((class_id, name, (7..=9).contains(&n)), (19, names::LOCAL_PORT, true));
                assert_eq!(line.set(class_id, name, n, &[9, 2, 1, 2]), DataAccessResult::Success);
                assert_eq!(
                    line.denied(AttributeRequest::new(class_id, name, n)),
                    DataAccessResult::ReadWriteDenied
                );
                continue;
            }
            let value = line.get(AttributeRequest::new(class_id, name, n));
            let wrong = line.set(class_id, name, n, &[26, 7, 0xEA, 11, 22, 7]);
            assert_eq!(wrong, DataAccessResult::TypeUnmatched, "{name} {n}");
            // A limit that was never set has no type that it could be set to.
            let is_set = value != [0];
            let back = line.set(class_id, name, n, &value);
            assert_eq!(back == DataAccessResult::Success, is_set, "{name} {n}: {value:02x?} {back}");
            let again = line.get(AttributeRequest::new(class_id, name, n));
            assert_eq!(again, value, "{} {n}", schema.name);
            written += 1;
        }
    }
    assert!(written > 60, "{written}");
}

#[test]
fn the_mandatory_objects_are_there() {
    let mut line = managed();
    let name = IDENTITY.logical_device_name();
    assert_eq!(line.octets(names::LOGICAL_DEVICE_NAME), name);
    assert!(name[..3].iter().all(u8::is_ascii_uppercase));
    let saps = line.get(AttributeRequest::new(17, LogicalName([0, 0, 41, 0, 0, 255]), 2));
    let saps = Data::from_bytes(&saps).unwrap().as_array().unwrap();
    let [sap, device] = saps.get(0).unwrap().as_structure().unwrap().exactly().unwrap();
    assert_eq!((saps.len(), sap.as_u64(), device.as_octets()), (1, Some(1), Some(&name[..])));
    assert!(line.objects().iter().any(|object| (object.class_id, object.logical_name) == (15, ASSOCIATION)));
}

#[test]
fn multiple_references_are_answered_in_their_order() {
    let mut line = managed();
    let register = |name| AttributeRequest::new(3, name, 2);
    let ten = vec![register(names::ACTIVE_IMPORT); 10];
    let short_and_long =
        vec![register(names::ACTIVE_IMPORT), AttributeRequest::new(7, names::LOAD_PROFILE, 2)];
    let first_four = (1..=4).map(|n| AttributeRequest::new(70, names::DISCONNECTOR, n)).collect::<Vec<_>>();
    for requests in [ten, short_and_long, first_four] {
        let alone: Vec<_> = requests.iter().map(|request| Ok(line.get(request.clone()))).collect();
        match line.ask(ClientInput::GetList(requests)) {
            ClientOutput::Values(values) => assert_eq!(values, alone),
            other => panic!("{other:?}"),
        }
    }
}

/// A meter whose load profile has this many rows of a minute each.
fn long(rows: usize) -> Line {
    let mut config = config();
    (config.profiles.capture_period_s, config.profiles.load) = (60, rows);
    let mut mains = Mains::with(config);
    mains.set_clock(at(22, 0, 0, 0));
    for minute in 0..rows as u64 {
        let now = Instant::from_secs(60 * minute);
        let import = Energy::from_milliwatt_hours(minute * 7);
        mains.app.handle(now, ApplicationInput::Registers(Registers { import, ..Registers::default() }));
        while mains.app.poll().is_some() {}
    }
    mains.samples = mains::RATE * 60 * rows as u64;
    Line::open(mains, management(1))
}

#[test]
fn a_buffer_of_more_than_a_thousand_rows_is_read_in_blocks_and_by_range_and_entry() {
    let mut line = long(1200);
    let all = line.rows(names::LOAD_PROFILE, None);
    assert_eq!(all.len(), 1200);
    assert!(all.iter().enumerate().all(|(n, row)| row.2 == 7 * n as u64));
    let range = |from, to| Some(Selector::between(time(from), time(to)));
    let day = at(22, 0, 0, 0);
    let minute = |n: u64| day + Duration::from_secs(60 * n);
    assert_eq!(line.rows(names::LOAD_PROFILE, range(day, minute(1199))), all, "full");
    assert_eq!(line.rows(names::LOAD_PROFILE, range(minute(1200), minute(2000))), [], "outside");
    assert_eq!(line.rows(names::LOAD_PROFILE, range(minute(100), minute(1150))), all[100..=1150], "part");
    let entries =
        |from_entry, to_entry| Some(Selector::Entry { from_entry, to_entry, from_column: 1, to_column: 0 });
    assert_eq!(line.rows(names::LOAD_PROFILE, entries(1, 0)), all, "wildcard");
    assert_eq!(line.rows(names::LOAD_PROFILE, entries(1001, 1200)), all[1000..], "part");
}

#[test]
fn parts_of_columns_are_read_by_range_and_one_cell_by_entry() {
    let mut line = long(20);
    let cells = |line: &mut Line, selector| {
        let request =
            AttributeRequest { selector: Some(selector), ..AttributeRequest::new(7, names::LOAD_PROFILE, 2) };
        let value = line.get(request);
        let rows = profile::Rows::from_value(&value).unwrap();
        rows.iter().map(|row| row.map(|cell| cell.as_u64()).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let bound = |minute| Bound::Time(time(at(22, 0, minute, 0)));
    let columns = vec![COLUMNS[2], COLUMNS[1]];
    let two = Selector::Range { restricting: COLUMNS[0], from: bound(5), to: bound(6), columns };
    assert_eq!(cells(&mut line, two), [[Some(35), Some(0)], [Some(42), Some(0)]]);
    let one = Selector::Entry { from_entry: 4, to_entry: 4, from_column: 3, to_column: 3 };
    assert_eq!(cells(&mut line, one), [[Some(21)]]);
    let none = Selector::Entry { from_entry: 0, to_entry: 4, from_column: 1, to_column: 0 };
    let request =
        AttributeRequest { selector: Some(none), ..AttributeRequest::new(7, names::LOAD_PROFILE, 2) };
    assert_eq!(line.denied(request), DataAccessResult::ScopeOfAccessViolated);
    for attribute in [3, 7] {
        let selector = Some(Selector::between(time(at(22, 0, 0, 0)), time(at(22, 1, 0, 0))));
        let request =
            AttributeRequest { selector, ..AttributeRequest::new(7, names::LOAD_PROFILE, attribute) };
        assert_eq!(line.denied(request), DataAccessResult::ScopeOfAccessViolated);
    }
}

#[test]
fn the_sort_object_is_a_column_and_every_profile_has_selective_access() {
    let mut line = managed();
    for object in line.objects().iter().filter(|object| object.class_id == 7) {
        let name = object.logical_name;
        let columns = line.get(AttributeRequest::new(7, name, 3));
        let columns = profile::capture_objects(&columns).unwrap();
        let sort: CaptureObject = line.read(7, name, 6);
        assert!(columns.contains(&sort), "{name}");
        assert_eq!(object.attributes[1].selectors, [1, 2], "{name}");
        let all = Selector::Entry { from_entry: 1, to_entry: 0, from_column: 1, to_column: 1 };
        let value = line.get(AttributeRequest { selector: Some(all), ..AttributeRequest::new(7, name, 2) });
        let in_use: u32 = line.read(7, name, 7);
        assert_eq!(profile::Rows::from_value(&value).unwrap().len(), in_use as usize, "{name}");
    }
}

#[test]
fn a_script_writes_and_invokes_and_an_unknown_one_is_refused() {
    let mut line = managed();
    for rate in [2u16, 4, 1] {
        assert_eq!(line.act(9, names::TARIFF_SCRIPTS, 1, &rate.to_value()), ActionResult::Success);
        let mask: dlms::classes::Octets<9> = line.read(6, names::REGISTER_ACTIVATION, 4);
        assert_eq!(mask.as_slice(), [b'0' + rate as u8]);
    }
    let unknown = line.act(9, names::TARIFF_SCRIPTS, 1, &0u16.to_value());
    assert_eq!(unknown, ActionResult::ObjectUnavailable);
    assert_eq!(line.act(9, names::TARIFF_SCRIPTS, 1, &1u8.to_value()), ActionResult::TypeUnmatched);
    assert_eq!(line.act(9, names::DISCONNECT_SCRIPTS, 1, &1u16.to_value()), ActionResult::Success);
    assert!(!line.read::<bool>(70, names::DISCONNECTOR, 2));
    assert_eq!(line.act(9, names::DISCONNECT_SCRIPTS, 1, &2u16.to_value()), ActionResult::Success);
    assert!(line.read::<bool>(70, names::DISCONNECTOR, 2));
    let codes: Vec<_> = line.events(2).iter().map(|event| event.2).collect();
    assert_eq!(codes, [62, 63]);
}

#[test]
fn used_energy_goes_to_the_rate_in_force_and_the_calendar_changes_it_in_time() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 21, 30, 0));
    mains.seconds(1000.0, 3600);
    let mut line = Line::open(mains, management(1));
    let day = line.register(names::ACTIVE_IMPORT_RATES[0]).0;
    let night = line.register(names::ACTIVE_IMPORT_RATES[1]).0;
    assert!(day.abs_diff(500_000) < 600 && night.abs_diff(500_000) < 600, "{day} {night}");
    let total = line.register(names::ACTIVE_IMPORT).0;
    assert!(total.abs_diff(day + night) < 600, "{total}");
    let state = line.mains.app.state();
    assert_eq!(state.rates.import_mwh()[0], day as u64);
}

#[test]
fn thresholds_of_a_monitor_have_the_type_of_the_value_and_crossing_them_executes_scripts() {
    let mut line = managed();
    let monitor = names::CURRENT_MONITOR;
    let of = |threshold: AnyValue| List::<_, 4>::new(vec![threshold]).unwrap().to_value();
    let wrong = line.set(21, monitor, 2, &of(AnyValue::of(&10_000u16)));
    assert_eq!(wrong, DataAccessResult::TypeUnmatched);
    assert_eq!(line.set(21, monitor, 2, &of(AnyValue::of(&10_000u32))), DataAccessResult::Success);
    let script = |selector| ScriptReference { table: names::DISCONNECT_SCRIPTS, selector };
    let actions = vec![ThresholdActions { up: script(1), down: script(2) }];
    let actions = List::<_, 4>::new(actions).unwrap().to_value();
    assert_eq!(line.set(21, monitor, 4, &actions), DataAccessResult::Success);
    // Mode 5 lets the meter reconnect by itself.
    assert_eq!(line.set(70, names::DISCONNECTOR, 4, &[22, 5]), DataAccessResult::Success);
    line.mains.seconds(1150.0, 3);
    assert_eq!(line.read::<dlms::classes::ControlState>(70, names::DISCONNECTOR, 3).code(), 1);
    line.mains.seconds(2760.0, 3);
    assert_eq!(line.read::<dlms::classes::ControlState>(70, names::DISCONNECTOR, 3).code(), 2, "12 A");
    line.mains.seconds(1150.0, 3);
    assert_eq!(line.read::<dlms::classes::ControlState>(70, names::DISCONNECTOR, 3).code(), 1);
}

#[test]
fn a_limit_that_is_exceeded_for_long_enough_opens_the_circuit() {
    let mut line = managed();
    assert_eq!(
        line.set(71, names::LIMITER, 4, &AnyValue::of(&2_000_000i32).to_value()),
        DataAccessResult::TypeUnmatched
    );
    assert_eq!(line.set(71, names::LIMITER, 4, &2_000_000u32.to_value()), DataAccessResult::Success);
    assert_eq!(line.set(71, names::LIMITER, 6, &10u32.to_value()), DataAccessResult::Success);
    line.mains.seconds(2500.0, 8);
    line.mains.seconds(1000.0, 3);
    line.mains.seconds(2500.0, 8);
    assert!(line.read::<bool>(70, names::DISCONNECTOR, 2));
    line.mains.outputs.clear();
    line.mains.seconds(2500.0, 8);
    let opened = ApplicationOutput::Event(MeterEvent::Switched { connected: false });
    assert!(line.mains.outputs.contains(&opened));
    assert_eq!(line.read::<dlms::classes::ControlState>(70, names::DISCONNECTOR, 3).code(), 2);
    let codes: Vec<_> = line.events(2).iter().map(|event| event.2).collect();
    assert_eq!(codes, [65, 64]);
}

/// Disconnects at these hours of every day.
fn schedule(line: &mut Line, hours: &[u8]) {
    let time = |&hour: &u8| ExecutionTime {
        time: Time { hour: Some(hour), minute: Some(0), second: Some(0), hundredths: Some(0) },
        date: Date::from_octets([0xFF; 5]),
    };
    let times = List::<_, 9>::new(hours.iter().map(time).collect()).expect("few enough").to_value();
    assert_eq!(line.set(22, names::DISCONNECT_SCHEDULE, 4, &times), DataAccessResult::Success);
}

#[test]
fn a_schedule_executes_its_script_at_its_time_by_the_deadline_of_the_meter() {
    let mut line = managed();
    schedule(&mut line, &[13]);
    let deadline = line.mains.app.deadline().expect("something is planned");
    // It is half past twelve and three seconds.
    assert!(deadline <= line.mains.now() + Duration::from_secs(1797), "{deadline:?}");
    line.mains.seconds(0.0, 1796);
    // The session has ended meanwhile.
    let mut line = Line::open(line.mains, management(500));
    assert!(line.read::<bool>(70, names::DISCONNECTOR, 2));
    line.mains.seconds(0.0, 1);
    assert!(!line.read::<bool>(70, names::DISCONNECTOR, 2));
    assert_eq!(line.events(2), [(13, 0, 62)]);
}

#[test]
fn a_clock_set_forward_executes_what_it_jumps_over_once_and_one_set_back_executes_again_what_comes_again() {
    let mut line = managed();
    schedule(&mut line, &[13, 14]);
    line.mains.set_clock(at(22, 15, 0, 0));
    assert_eq!(line.events(2), [(15, 0, 62)], "missed twice, executed once");
    assert_eq!(line.act(70, names::DISCONNECTOR, 2, &[15, 0]), ActionResult::Success);
    line.mains.set_clock(at(22, 13, 59, 58));
    assert!(line.read::<bool>(70, names::DISCONNECTOR, 2), "nothing is executed by going back");
    line.mains.seconds(0.0, 3);
    assert!(!line.read::<bool>(70, names::DISCONNECTOR, 2));
    assert_eq!(line.act(70, names::DISCONNECTOR, 2, &[15, 0]), ActionResult::Success);
    line.mains.set_clock(at(22, 13, 59, 58));
    line.mains.seconds(0.0, 5);
    assert!(
        line.read::<bool>(70, names::DISCONNECTOR, 2),
        "a synchronisation of seconds executes nothing again"
    );
}

#[test]
fn pushing_sends_what_is_listed_to_the_client() {
    let mut line = managed();
    assert_eq!(line.act(40, names::PUSH_INTERVAL, 1, &[15, 0]), ActionResult::Success);
    let Some(ClientOutput::DataNotification { body, date_time }) = line.client.poll() else {
        panic!("no push")
    };
    assert_eq!(date_time.and_then(|time| time.utc()), Some(at(22, 12, 30, 3)));
    let body = Data::from_bytes(&body).unwrap().as_structure().unwrap();
    let [name, clock, energy] = body.exactly().unwrap();
    assert_eq!(name.as_octets(), Some(&IDENTITY.logical_device_name()[..]));
    assert!(clock.as_clock_time().is_some());
    assert_eq!(energy.as_i64(), Some(line.register(names::ACTIVE_IMPORT).0));
}

#[test]
fn of_a_profile_only_the_rows_and_columns_that_are_listed_are_pushed() {
    let mut line = managed();
    let rows = line.rows(names::LOAD_PROFILE, None);
    let bounds = [2, 2, 6, 0, 0, 0, 2, 6, 0, 0, 0, 3];
    let object = |restriction, columns| PushObject {
        class_id: 7,
        logical_name: names::LOAD_PROFILE,
        attribute: 2,
        data_index: 0,
        restriction,
        columns,
    };
    let value = AnyValue::from_value(&bounds).unwrap();
    let by_entry = |kind| Restriction { kind: Enumerated(kind), value: value.clone() };
    let columns = List::new(vec![CaptureObject::CLOCK]).unwrap();
    let objects =
        |kind| List::<_, 32>::new(vec![object(by_entry(kind), columns.clone())]).unwrap().to_value();
    let refused = line.set(40, names::PUSH_INTERVAL, 2, &objects(1));
    assert_eq!(refused, DataAccessResult::TypeUnmatched, "entries are no dates");
    assert_eq!(line.set(40, names::PUSH_INTERVAL, 2, &objects(2)), DataAccessResult::Success);
    assert_eq!(line.act(40, names::PUSH_INTERVAL, 1, &[15, 0]), ActionResult::Success);
    let Some(ClientOutput::DataNotification { body, .. }) = line.client.poll() else { panic!("no push") };
    let [buffer] = Data::from_bytes(&body).unwrap().as_structure().unwrap().exactly().unwrap();
    let pushed: Vec<_> = buffer
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            row.as_structure().unwrap().exactly::<1>().unwrap()[0].as_clock_time().unwrap().utc().unwrap()
        })
        .collect();
    assert_eq!(pushed, [rows[1].0, rows[2].0]);
}

#[test]
fn a_push_that_lists_more_than_it_can_hold_is_none_rather_than_one_without_it() {
    let mut mains = busy();
    // Five hours of rows.
    mains.seconds(0.0, 5 * 3600);
    let mut line = Line::open(mains, management(1));
    let object = |class_id, logical_name| PushObject {
        class_id,
        logical_name,
        attribute: 2,
        data_index: 0,
        restriction: Restriction { kind: Enumerated(0), value: AnyValue::from_value(&[0]).unwrap() },
        columns: List::default(),
    };
    let list = |objects| List::<_, 32>::new(objects).unwrap().to_value();
    let lists = |line: &mut Line, objects| line.set(40, names::PUSH_INTERVAL, 2, &list(objects));
    let long = object(7, names::LOAD_PROFILE);
    let short = object(3, names::ACTIVE_IMPORT);
    assert_eq!(lists(&mut line, vec![short.clone(), long]), DataAccessResult::Success);
    assert_eq!(line.act(40, names::PUSH_INTERVAL, 1, &[15, 0]), ActionResult::Success);
    assert_eq!(line.client.poll(), None, "five hours of rows fit no datagram");
    assert_eq!(lists(&mut line, vec![short]), DataAccessResult::Success);
    assert_eq!(line.act(40, names::PUSH_INTERVAL, 1, &[15, 0]), ActionResult::Success);
    assert!(matches!(line.client.poll(), Some(ClientOutput::DataNotification { .. })));
}

#[test]
fn local_time_is_shown_and_taken_everywhere_once_there_is_a_zone() {
    let mut line = managed();
    assert_eq!(line.set(8, names::CLOCK, 3, &(-120i16).to_value()), DataAccessResult::Success);
    let shown: ClockTime = line.read(8, names::CLOCK, 2);
    assert_eq!((shown.octets()[5], shown.utc()), (14, Some(at(22, 12, 30, 3))));
    let all = line.rows(names::LOAD_PROFILE, None);
    let local =
        |hour, minute| ClockTime::from_octets([0x07, 0xEA, 11, 22, 0xFF, hour, minute, 0, 0, 0x80, 0, 0xFF]);
    let range = Some(Selector::between(local(12, 15), local(13, 0)));
    assert_eq!(line.rows(names::LOAD_PROFILE, range), all[1..5]);
    let adjusted = line.act(8, names::CLOCK, 6, &(-3i16).to_value());
    assert_eq!(adjusted, ActionResult::Success);
    assert_eq!(line.mains.app.measurement().clock().utc(line.mains.now()), Some(at(22, 12, 30, 0)));
    assert_eq!(line.act(8, names::CLOCK, 6, &901i16.to_value()), ActionResult::OtherReason);
}

#[test]
fn the_billing_period_is_closed_by_its_script_and_the_maximum_begins_anew() {
    let mut line = managed();
    let maximum: u32 = line.read(4, names::MAXIMUM_DEMAND, 2);
    assert!(maximum.abs_diff(2_300_000) < 2_300, "{maximum}");
    let rows = line.rows(names::MONTHLY_PROFILE, None).len();
    assert_eq!(line.act(9, names::BILLING_SCRIPTS, 1, &2u16.to_value()), ActionResult::Success);
    let closed = line.rows(names::MONTHLY_PROFILE, None);
    assert_eq!((closed.len(), closed[rows].0), (rows + 1, at(22, 12, 30, 3)));
    assert_eq!(line.read::<u32>(4, names::MAXIMUM_DEMAND, 2), 0);
    let monitored = AttributeReference { class_id: 3, logical_name: names::POWER_IMPORT, attribute: 2 };
    assert_eq!(line.read::<AttributeReference>(71, names::LIMITER, 2), monitored);
}

#[test]
fn what_clients_have_changed_survives_a_restart_and_was_told_before_it_was_answered() {
    let mut line = managed();
    assert_eq!(line.set(8, names::CLOCK, 3, &(-60i16).to_value()), DataAccessResult::Success);
    line.mains.outputs.clear();
    schedule(&mut line, &[13]);
    assert_eq!(line.act(70, names::DISCONNECTOR, 1, &[15, 0]), ActionResult::Success);
    let times = line.get(AttributeRequest::new(22, names::DISCONNECT_SCHEDULE, 4));
    let events = [line.events(0), line.events(2)];
    assert!(events.iter().all(|events| !events.is_empty()));
    let mut mains = line.mains.restarted();
    let now = mains.now();
    mains.app.handle(now, ApplicationInput::Clock(UtcAnchor { at: now, utc: at(22, 12, 31, 0) }));
    let mut line = Line::open(mains, management(1000));
    assert_eq!(line.get(AttributeRequest::new(22, names::DISCONNECT_SCHEDULE, 4)), times);
    assert_eq!(line.read::<i16>(8, names::CLOCK, 3), -60);
    assert_eq!(line.read::<dlms::classes::ControlState>(70, names::DISCONNECTOR, 3).code(), 0);
    line.mains.seconds(0.0, 1);
    assert_eq!(line.read::<u32>(1, names::POWER_FAILURES, 2), 1);
    assert_eq!(line.events(2), events[1]);
    let again = line.events(0);
    assert_eq!(
        (&again[..events[0].len()], again.last().map(|event| event.2)),
        (&events[0][..], Some(2)),
        "and power up"
    );
}

#[test]
fn the_type_of_a_value_follows_from_the_name_of_its_register() {
    let mut line = managed();
    for object in line.objects().iter().filter(|object| object.class_id == 3) {
        let value = line.get(AttributeRequest::new(3, object.logical_name, 2));
        let [.., c, d, e, _] = object.logical_name.0;
        // 128 is of the maker: the energy that is paid for.
        let is_net = c % 20 == 16 || c == 128;
        // D = 8 is energy, 7 an instantaneous value, the rest are durations and voltages. Signed are what is net, angles, and the
        // power factor, which is null without a current.
        let types: &[u8] = match (c % 20, d) {
            (_, 8) if is_net => &[20],
            (_, 8) => &[21],
            (1, 7) if c == 81 => &[5],
            (13, 7) => &[0, 5],
            (16, 7) => &[5],
            _ if e == 124 => &[0, 6],
            _ => &[6],
        };
        assert!(types.contains(&value[0]), "{}: {value:02x?}", object.logical_name);
        let scaler_unit = line.get(AttributeRequest::new(3, object.logical_name, 3));
        let unit = register::scaler_unit(&scaler_unit).expect("a unit").unit;
        assert_eq!(
            unit == Unit::WATT_HOUR,
            d == 8 && (matches!(c % 20, 1 | 2 | 15 | 16) || c == 128),
            "{}",
            object.logical_name
        );
    }
}

#[test]
fn numbers_and_enums_beyond_their_ranges_are_refused_and_change_nothing() {
    let mut line = managed();
    let beyond: [(u16, LogicalName, i8, Vec<u8>); 8] = [
        (70, names::DISCONNECTOR, 4, vec![22, 7]),
        (8, names::CLOCK, 3, 841i16.to_value()),
        (8, names::CLOCK, 7, 121i8.to_value()),
        (5, names::DEMAND, 8, 0u32.to_value()),
        (5, names::DEMAND, 9, 33u16.to_value()),
        (6, names::REGISTER_ACTIVATION, 4, vec![9, 1, b'9']),
        (
            9,
            names::TARIFF_SCRIPTS,
            2,
            vec![1, 1, 2, 2, 18, 0, 1, 1, 1, 2, 5, 22, 3, 18, 0, 1, 9, 6, 0, 0, 1, 0, 0, 255, 15, 2, 0],
        ),
        (
            22,
            names::BILLING_SCHEDULE,
            4,
            vec![
                1, 2, 2, 2, 9, 4, 0, 0, 0, 0, 9, 5, 255, 255, 255, 1, 255, 2, 2, 9, 4, 1, 0, 0, 0, 9, 5, 255,
                255, 255, 1, 255,
            ],
        ),
    ];
    for (class_id, name, attribute, value) in beyond {
        let before = line.get(AttributeRequest::new(class_id, name, attribute));
        let result = line.set(class_id, name, attribute, &value);
        assert_eq!(result, DataAccessResult::OtherReason, "{name} {attribute}");
        assert_eq!(line.get(AttributeRequest::new(class_id, name, attribute)), before, "{name} {attribute}");
    }
}

#[test]
fn selective_access_is_agreed_and_objects_that_are_empty_do_nothing() {
    let mut line = managed();
    let context = line.get(AttributeRequest::new(15, ASSOCIATION, 5));
    let Some(Data::BitString(conformance)) =
        Data::from_bytes(&context).unwrap().as_structure().unwrap().get(0)
    else {
        panic!("no conformance");
    };
    assert_eq!(conformance.octets[21 / 8] & 0x80 >> (21 % 8), 0x80 >> (21 % 8), "bit 21");
    let empty = [1, 0];
    let emptied = [
        (6, names::REGISTER_ACTIVATION, 2),
        (6, names::REGISTER_ACTIVATION, 3),
        (9, names::TARIFF_SCRIPTS, 2),
        (11, names::SPECIAL_DAYS, 2),
        (20, names::CALENDAR, 7),
        (20, names::CALENDAR, 8),
        (20, names::CALENDAR, 9),
        (21, names::CURRENT_MONITOR, 2),
        (21, names::CURRENT_MONITOR, 4),
        (22, names::BILLING_SCHEDULE, 4),
    ];
    for (class_id, name, attribute) in emptied {
        assert_eq!(
            line.set(class_id, name, attribute, &empty),
            DataAccessResult::Success,
            "{name} {attribute}"
        );
        assert_eq!(line.get(AttributeRequest::new(class_id, name, attribute)), empty);
    }
    assert_eq!(line.act(20, names::CALENDAR, 1, &[15, 0]), ActionResult::Success);
    assert_eq!(line.act(9, names::TARIFF_SCRIPTS, 1, &1u16.to_value()), ActionResult::ObjectUnavailable);
    line.mains.set_clock(at(22, 23, 0, 0));
    assert_eq!(line.read::<dlms::classes::Octets<9>>(6, names::REGISTER_ACTIVATION, 4).as_slice(), b"1");
}

#[test]
fn scripts_that_call_each_other_come_to_an_end() {
    let mut line = managed();
    // Script 1 pushes, then executes script 1.
    let step = |class_id, logical_name, index, parameter| dlms::classes::ScriptAction {
        service: dlms::classes::Service::Execute,
        class_id,
        logical_name,
        index,
        parameter,
    };
    let again = step(9, names::PUSH_SCRIPTS, 1, AnyValue::of(&1u16));
    let scripts = vec![dlms::classes::Script::new(1, vec![again.clone(), again.clone(), again])];
    let scripts = List::<_, 4>::new(scripts).unwrap().to_value();
    assert_eq!(line.set(9, names::PUSH_SCRIPTS, 2, &scripts), DataAccessResult::Success);
    assert_eq!(line.act(9, names::PUSH_SCRIPTS, 1, &1u16.to_value()), ActionResult::Success);
    assert!(line.read::<bool>(70, names::DISCONNECTOR, 2));
}

#[test]
fn attempts_to_get_in_are_logged_and_raise_an_alarm_that_is_pushed() {
    let mut line = managed();
    let filter = (1u32 << 13).to_value();
    assert_eq!(line.set(1, names::ALARM_FILTER, 2, &filter), DataAccessResult::Success);
    let keys = dlms::security::Suite0::new(&[9; 16], &[9; 16]);
    let stranger = client(1, ClientAuthentication::HlsGmac { keys }, 5000);
    let own = std::mem::replace(&mut line.client, stranger);
    line.client.handle(line.mains.now(), ClientInput::Connect);
    while let Some(output) = line.client.poll() {
        if let ClientOutput::Datagram(bytes) = output {
            line.carry(&bytes);
        }
    }
    line.client = own;
    assert_eq!(line.read::<u32>(1, names::ALARM_REGISTER, 2), 1 << 13);
    let Some(ClientOutput::DataNotification { body, .. }) = line.client.poll() else { panic!("no push") };
    let all = [&filter[..], &0u32.to_value(), &0u32.to_value()].concat();
    assert!(body.ends_with(&all), "both descriptors and the second register: {body:02x?}");
    assert_eq!(line.read::<u32>(1, names::ALARM_DESCRIPTOR, 2), 1 << 13);
    let events = line.events(1);
    assert_eq!(events.first().map(|event| event.2), Some(49), "{events:?}");
    assert_eq!(line.set(1, names::ALARM_REGISTER, 2, &0u32.to_value()), DataAccessResult::Success);
    assert_eq!(line.events(0).last().map(|event| event.2), Some(11));
}

#[test]
fn the_manager_chooses_whether_export_is_credited_and_the_choice_outlasts_an_outage() {
    let mut line = managed();
    let [import, export] = [names::ACTIVE_IMPORT, names::ACTIVE_EXPORT].map(|name| line.register(name).0);
    assert!(import > 2_000_000 && export > 190_000, "{import} {export}");
    let shown = [names::of_phase(0, 15, 8, 0), names::of_phase(0, 16, 8, 0)].map(|name| line.register(name));
    assert_eq!(shown, [(import + export, Unit::WATT_HOUR), (import - export, Unit::WATT_HOUR)]);
    assert_eq!(
        line.read::<u8>(1, names::METERING_MODE, 2),
        0,
        "export is not credited unless somebody says so"
    );
    let credited = |line: &mut Line| line.register(names::CREDITED);
    assert_eq!(credited(&mut line), (import, Unit::WATT_HOUR));
    let events = |line: &mut Line| line.events(0).iter().filter(|row| row.2 == 47).count();
    for (mode, expected) in
        [(1u8, import - export), (2, import + export), (3, import - export), (4, import), (0, import)]
    {
        let before = events(&mut line);
        assert_eq!(line.set(1, names::METERING_MODE, 2, &mode.to_value()), DataAccessResult::Success);
        assert_eq!((credited(&mut line).0, events(&mut line)), (expected, before + 1), "mode {mode}");
    }
    let before = events(&mut line);
    assert_eq!(line.set(1, names::METERING_MODE, 2, &5u8.to_value()), DataAccessResult::OtherReason);
    assert_eq!(line.set(1, names::METERING_MODE, 2, &1u16.to_value()), DataAccessResult::TypeUnmatched);
    assert_eq!((line.read::<u8>(1, names::METERING_MODE, 2), events(&mut line)), (0, before));
    assert_eq!(line.set(1, names::METERING_MODE, 2, &1u8.to_value()), DataAccessResult::Success);
    let mut again = Line::open(line.mains.restarted(), management(500));
    assert_eq!(again.read::<u8>(1, names::METERING_MODE, 2), 1);
    assert_eq!(credited(&mut again).0, import - export);
    // A meter that feeds back more than it takes is owed something.
    again.mains.seconds(-11_500.0, 900);
    again.client = management(900);
    assert_eq!(again.ask(ClientInput::Connect), ClientOutput::Connected);
    let balance = credited(&mut again).0;
    assert!(balance < import - export - 2_800_000 && balance < 0, "{balance}");
}
