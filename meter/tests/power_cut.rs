//! The supply fails: at any octet that is written to flash, and with time for a last word.

mod flash;
mod line;
mod mains;

use dlms::axdr::Data;
use dlms::client::{ClientAuthentication, ClientInput, ClientOutput};
use dlms::security::{SecurityContext, Suite0};
use dlms::server::{Access, AssociationConfig, ServerAuthentication};
use flash::Pages;
use mains::{IDENTITY, KEYS, RATE, at, config};
use meter::journal::{Damage, Item, Journal};
use meter::objects::names;
use meter::specs::{alarm_2, event};
use meter::{
    ApplicationInput, ApplicationOutput, MeterApplication, MeterConfig, MeterEvent, MeterPersist, MeterState,
    ProfileSizes,
};
use metrology::{Steady, SteadyElement, TamperInputs};
use plc_core::wire::{Reader, Writer};
use plc_core::{Instant, Machine, Seed, UtcAnchor};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const SIZES: ProfileSizes = ProfileSizes { capture_period_s: 60, load: 6, daily: 3, monthly: 2 };

fn three_phase() -> MeterConfig {
    let mut config = MeterConfig::three_phase(IDENTITY, KEYS, Seed::from_u64(1));
    (config.profiles, config.ratings.sample_rate_hz) = (SIZES, RATE as u32);
    config
}

fn load(watts: i64) -> Steady {
    let element = SteadyElement::sinusoidal(230_000_000, watts * 1_000_000 / 230, 500_000);
    Steady::three_phase(50_000, [element; 3]).expect("small")
}

fn drain(app: &mut MeterApplication) -> Vec<ApplicationOutput> {
    std::iter::from_fn(|| app.poll()).collect()
}

/// The records of a busy hour before midnight: rows, logs, objects, a clock that is set.
fn records() -> Vec<MeterPersist> {
    let mut app = MeterApplication::new(three_phase()).expect("a good configuration");
    let mut now = Instant::from_secs(1);
    let mut records = Vec::new();
    let mut tell = |app: &mut MeterApplication, now, input: ApplicationInput<'_>| {
        app.handle(now, input);
        let persists = drain(app).into_iter().filter_map(|output| match output {
            ApplicationOutput::Persist(record) => Some(record),
            _ => None,
        });
        records.extend(persists);
    };
    let clock = |now, utc| ApplicationInput::Clock(UtcAnchor { at: now, utc });
    tell(&mut app, now, clock(now, at(22, 23, 30, 10)));
    for minute in 0..40 {
        now += Duration::from_secs(60);
        tell(&mut app, now, ApplicationInput::Steady(&load(100 + 37 * minute)));
        if minute % 7 == 0 {
            let inputs = TamperInputs { cover_open: minute % 2 == 0, ..TamperInputs::default() };
            tell(&mut app, now, ApplicationInput::Inputs(inputs));
        }
        if minute == 20 {
            tell(&mut app, now, clock(now, at(22, 23, 50, 40)));
        }
    }
    tell(&mut app, now, ApplicationInput::SupplyLost);
    records
}

/// Appends until the supply fails; how many records were acknowledged.
fn write(flash: Pages, records: &[MeterPersist]) -> (Pages, usize) {
    let mut journal = Journal::open(flash, SIZES);
    let kept = records.iter().take_while(|record| journal.append(record) == Ok(true)).count();
    (journal.into_flash(), kept)
}

/// The state after each of the records.
fn states(records: &[MeterPersist]) -> Vec<MeterState> {
    let mut state = MeterState::default();
    let mut states = vec![state.clone()];
    for record in records {
        state.keep(record, &SIZES);
        states.push(state.clone());
    }
    states
}

#[test]
fn a_cut_at_any_octet_loses_no_record_that_was_acknowledged_and_tears_none() {
    let records = records();
    let states = states(&records);
    let rows = records.iter().filter(|record| matches!(record, MeterPersist::Captured(_))).count();
    assert!(rows >= 39, "{rows} rows of {} records", records.len());
    let (whole, all) = write(Pages::new(32), &records);
    assert_eq!(all, records.len());
    assert!(whole.erased.iter().all(|&times| times >= 1), "both halves were used: {:?}", whole.erased);
    assert_eq!(Journal::open(whole.clone(), SIZES).state(), states.last().expect("there are some"));
    // At every boundary between two writes, an octet before and after it, and at every thirteenth octet within.
    let around = |&at: &usize| [at.saturating_sub(1), at, at + 1];
    let cuts: BTreeSet<usize> =
        whole.boundaries.iter().flat_map(around).chain((0..whole.written).step_by(13)).collect();
    for &left in cuts.iter().filter(|&&left| left < whole.written) {
        let (mut flash, kept) = write(Pages { left, ..Pages::new(32) }, &records);
        flash.left = usize::MAX;
        let journal = Journal::open(flash, SIZES);
        let is_last = *journal.state() == states[kept];
        // The record under way may have become whole with its last octet.
        let is_next = states.get(kept + 1) == Some(journal.state());
        assert!(is_last || is_next, "cut after {left} octets, {kept} acknowledged");
        assert_eq!(journal.damage().lost, 0, "a cut is no damage: {left}");
    }
    assert!(cuts.len() > 3000 && whole.boundaries.len() > records.len(), "{}", cuts.len());
}

/// A day with its rows of every quarter of an hour, signs of tampering, a clock that is set and a supply that goes.
const DAY: ProfileSizes = ProfileSizes { capture_period_s: 900, load: 100, daily: 3, monthly: 2 };

fn records_of_a_day(sizes: ProfileSizes) -> Vec<MeterPersist> {
    let config = MeterConfig { profiles: sizes, ..three_phase() };
    let mut app = MeterApplication::new(config).expect("a good configuration");
    let (mut now, mut outputs) = (Instant::from_secs(1), Vec::new());
    app.handle(now, ApplicationInput::Clock(UtcAnchor { at: now, utc: at(22, 0, 0, 10) }));
    for quarter in 0..96 {
        now += Duration::from_secs(900);
        app.handle(now, ApplicationInput::Steady(&load(100 + 37 * quarter)));
        if quarter % 24 == 5 {
            let inputs = TamperInputs { cover_open: quarter % 48 == 5, ..TamperInputs::default() };
            app.handle(now, ApplicationInput::Inputs(inputs));
        }
        if quarter == 48 {
            app.handle(now, ApplicationInput::Clock(UtcAnchor { at: now, utc: at(22, 12, 15, 40) }));
        }
        outputs.extend(drain(&mut app));
    }
    app.handle(now, ApplicationInput::SupplyLost);
    outputs.extend(drain(&mut app));
    let persists = outputs.into_iter().filter_map(|output| match output {
        ApplicationOutput::Persist(record) => Some(record),
        _ => None,
    });
    persists.collect()
}

#[test]
fn a_cut_at_any_boundary_of_a_day_loses_no_row_that_was_stored() {
    let records = records_of_a_day(DAY);
    let rows = records.iter().filter(|record| matches!(record, MeterPersist::Captured(_))).count();
    assert_eq!(rows, 96, "of {} records", records.len());
    let mut states = vec![MeterState::default()];
    for record in &records {
        let mut state = states[states.len() - 1].clone();
        state.keep(record, &DAY);
        states.push(state);
    }
    let write = |flash: Pages| {
        let mut journal = Journal::open(flash, DAY);
        let kept = records.iter().take_while(|record| journal.append(record) == Ok(true)).count();
        (journal.into_flash(), kept)
    };
    let (whole, all) = write(Pages::new(96));
    assert_eq!((all, whole.erased.iter().all(|&times| times >= 1)), (records.len(), true));
    let cuts: BTreeSet<usize> = whole.boundaries.iter().flat_map(|&at| [at, at + 1]).collect();
    for left in cuts.into_iter().filter(|&left| left < whole.written) {
        let (mut flash, kept) = write(Pages { left, ..Pages::new(96) });
        flash.left = usize::MAX;
        let journal = Journal::open(flash, DAY);
        let found = [kept, kept + 1].map(|n| states.get(n) == Some(journal.state()));
        assert!(found.contains(&true), "cut after {left} octets, {kept} acknowledged");
    }
}

#[test]
fn a_day_of_rows_takes_some_hundred_writes_and_a_quarter_of_the_flash() {
    let records = records_of_a_day(ProfileSizes::default());
    // Two halves of 256 kB, as a meter has them.
    let mut journal = Journal::open(Pages::new(512), ProfileSizes::default());
    assert_eq!(journal.append(&records[0]), Ok(true));
    let mut flash = journal.into_flash();
    let (writes, octets) = (flash.boundaries.len(), flash.written);
    let mut journal = Journal::open(flash, ProfileSizes::default());
    records[1..].iter().for_each(|record| assert_eq!(journal.append(record), Ok(true)));
    flash = journal.into_flash();
    let (writes, octets) = (flash.boundaries.len() - writes, flash.written - octets);
    assert!((96..=150).contains(&writes), "{writes} writes");
    assert!((90_000..=140_000).contains(&octets), "{octets} octets");
}

#[test]
fn a_meter_goes_on_after_a_cut_and_a_second_cut_while_it_recovers() {
    let records = records();
    let states = states(&records);
    let (whole, _) = write(Pages::new(32), &records);
    for left in (0..whole.written).step_by(whole.written / 41) {
        let (mut flash, kept) = write(Pages { left, ..Pages::new(32) }, &records);
        for second in [0, 1, 700, 5_000] {
            let mut again = flash.clone();
            again.left = second;
            let mut journal = Journal::open(again, SIZES);
            let began = journal.state().clone();
            let outcome = journal.append(&records[kept.min(records.len() - 1)]);
            let mut after = journal.into_flash();
            after.left = usize::MAX;
            let mut recovered = Journal::open(after, SIZES);
            assert!(
                outcome.is_ok() || recovered.state().load.starts_with(&began.load) || !began.load.is_empty()
            );
            if outcome.is_err() {
                let same = *recovered.state() == began || states.get(kept + 1) == Some(recovered.state());
                assert!(same || began != states[kept], "cut after {left}, then after {second}");
            }
            // And it takes records again.
            assert_eq!(recovered.append(&records[0]), Ok(true));
        }
        flash.left = usize::MAX;
        let journal = Journal::open(flash, SIZES);
        let state = journal.state().clone();
        let newest = state.load.last().map_or(0, |row| row.import_mwh);
        let counted = state.ledger.total.active.import.milliwatt_hours();
        assert!(counted >= newest, "no more than the open interval is lost: {counted} {newest}");
        let app = MeterApplication::new(MeterConfig { state: state.clone(), ..three_phase() });
        assert_eq!(app.expect("a good configuration").state().load, state.load);
    }
}

/// The octets of the half that is valid, up to what was written last.
fn valid_half(flash: &Pages) -> std::ops::Range<usize> {
    let (room, sequence) = (flash.octets.len() / 2, |at: usize| flash.octets[at + 4]);
    let from = if sequence(room) > sequence(0) { room } else { 0 };
    let last = flash.octets[from..from + room].iter().rposition(|&octet| octet != 0xFF).expect("something");
    from..from + last + 1
}

#[test]
fn a_bit_that_flips_anywhere_in_what_is_kept_is_put_back_and_told() {
    let records = records();
    let (whole, _) = write(Pages::new(32), &records);
    let state = Journal::open(whole.clone(), SIZES).state().clone();
    let half = valid_half(&whole);
    assert!(half.len() > 2000, "{half:?}");
    for (n, at) in half.clone().step_by(29).enumerate() {
        let mut flash = whole.clone();
        flash.octets[at] ^= 1 << (n % 8);
        let mut journal = Journal::open(flash, SIZES);
        let damage = journal.damage();
        assert!(
            *journal.state() == state && (damage.mended, damage.lost) == (1, 0),
            "octet {at}: {damage:?}"
        );
        if n % 20 == 0 {
            assert_eq!(journal.append(&records[0]), Ok(true));
            let again = Journal::open(journal.into_flash(), SIZES);
            assert_eq!(again.damage(), Damage::default(), "what was damaged is written anew");
        }
    }
}

#[test]
fn what_is_destroyed_in_flash_takes_nothing_along_that_stands_behind_it() {
    let records = records();
    let (whole, _) = write(Pages::new(32), &records);
    let state = Journal::open(whole.clone(), SIZES).state().clone();
    let half = valid_half(&whole);
    for part in [0.1, 0.35, 0.6] {
        let (mut flash, at) = (whole.clone(), half.start + (half.len() as f64 * part) as usize);
        flash.octets[at..at + 40].fill(0xA5);
        let journal = Journal::open(flash, SIZES);
        assert_eq!(journal.damage().lost, 1, "{part}");
        let kept = journal.state();
        assert!(kept.events == state.events && kept.objects == state.objects, "{part}");
        assert!((kept.ledger == state.ledger) != (kept.load == state.load), "{part}: one record is lost");
    }
}

#[test]
fn pages_wear_evenly() {
    let records = records();
    let mut flash = Pages::new(32);
    for _ in 0..20 {
        flash = write(flash, &records).0;
    }
    let (least, most) = (flash.erased.iter().min(), flash.erased.iter().max());
    assert!(
        most.zip(least).is_some_and(|(most, least)| *least > 3 && most - least <= 1),
        "{:?}",
        flash.erased
    );
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_names_what_it_takes() {
    let records = records();
    let mut journal = Journal::open(Pages::new(4), SIZES);
    let error = records.iter().find_map(|record| journal.append(record).err()).expect("it is too small");
    let text = error.to_string();
    assert!(text.contains("expected at most 2048, half of the flash"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_octets_make_an_item_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(item) = Item::parse(&mut Reader::new(&octets)) {
            let mut buffer = vec![0; 4096];
            let mut out = Writer::new(&mut buffer);
            item.emit(&mut out).expect("there is room");
            prop_assert_eq!(Item::parse(&mut Reader::new(out.written())), Ok(item));
        }
    }

    #[test]
    fn no_flash_makes_a_journal_panic(seed in any::<u64>(), flips in prop::collection::vec((any::<u16>(), any::<u8>()), 0..40)) {
        let records = records();
        let (mut flash, _) = write(Pages::new(32), &records[..(seed % 20) as usize]);
        for (at, octet) in flips {
            let at = usize::from(at) % flash.octets.len();
            flash.octets[at] = octet;
        }
        let mut journal = Journal::open(flash, SIZES);
        prop_assert!(journal.append(&records[0]).is_ok());
    }
}

/// The client that hears pushes without ever opening an association, and its keys.
const LISTENER: i8 = 102;
const LISTENER_KEYS: [[u8; 16]; 2] = [[0x33; 16], [0x44; 16]];

/// A meter that lets the alarms of its supply through, to a client that it has never heard.
fn alarmed(state: MeterState) -> MeterApplication {
    let authentication = ServerAuthentication::PreEstablished {
        keys: SecurityContext::new(&LISTENER_KEYS[0], &LISTENER_KEYS[1]),
        client_title: *b"CLI\0\0\0\0\x01",
        last_client_counter: None,
    };
    let listener = AssociationConfig {
        client_sap: LISTENER as u16,
        authentication,
        access: Access::Reading,
        pre_established: false,
    };
    let (further, hold_up) = (vec![listener], Duration::from_secs(3));
    let config = MeterConfig { state, hold_up, further, push_client_sap: LISTENER, ..config() };
    let mut app = MeterApplication::new(config).expect("a good configuration");
    let now = Instant::from_secs(1);
    app.handle(now, ApplicationInput::Clock(UtcAnchor { at: now, utc: at(22, 10, 0, 10) }));
    app
}

fn filter() -> MeterState {
    let bits = alarm_2::POWER_FAILURE | alarm_2::POWER_RESUMED;
    let app = MeterApplication::new(config()).expect("a good configuration");
    let mut snapshot = app
        .board()
        .snapshots()
        .into_iter()
        .find(|snapshot| snapshot.logical_name == names::ALARM_FILTER_2)
        .expect("it is there");
    let zero = snapshot.state.windows(5).position(|octets| octets == [6, 0, 0, 0, 0]).expect("a zero");
    snapshot.state[zero + 1..zero + 5].copy_from_slice(&bits.to_be_bytes());
    MeterState { objects: vec![snapshot], ..MeterState::default() }
}

fn codes(app: &MeterApplication) -> Vec<u8> {
    let rows = app.board().events.rows(meter::objects::EventGroup::Standard);
    rows.iter().map(|row| row.code).collect()
}

#[test]
fn the_last_gasp_makes_the_registers_durable_then_pushes_then_the_meter_dies() {
    let mut app = alarmed(filter());
    drain(&mut app);
    app.handle(Instant::from_secs(1), ApplicationInput::Steady(&load(1000)));
    app.handle(Instant::from_secs(31), ApplicationInput::Steady(&load(1000)));
    drain(&mut app);
    let now = Instant::from_secs(31);
    app.handle(now, ApplicationInput::SupplyLost);
    let outputs = drain(&mut app);
    let place = |what: fn(&ApplicationOutput) -> bool| outputs.iter().position(what).expect("it is there");
    let totals = place(|output| matches!(output, ApplicationOutput::Persist(MeterPersist::Totals(_))));
    let push = place(|output| matches!(output, ApplicationOutput::Udp(_)));
    assert!(totals < push, "durable first: {outputs:?}");
    let ApplicationOutput::Persist(MeterPersist::Totals(kept)) = &outputs[totals] else { return };
    // One element of 1000 W for half a minute: 8.333 Wh.
    let counted = kept.ledger.total.active.import.milliwatt_hours();
    assert!(counted.abs_diff(8_333) <= 1, "{counted} mWh");
    let ApplicationOutput::Udp(push) = &outputs[push] else { return };
    // The descriptor keeps what was told before, until a client clears it.
    assert_ne!(heard(&push.payload) & u64::from(alarm_2::POWER_FAILURE), 0);
    let dies_at = now + Duration::from_secs(3);
    assert!(outputs.contains(&ApplicationOutput::Event(MeterEvent::SupplyLost { dies_at })));
    assert_eq!(codes(&app).last(), Some(&event::POWER_DOWN));
    while let Some(deadline) = app.deadline() {
        app.tick(deadline);
        let died = drain(&mut app).contains(&ApplicationOutput::Event(MeterEvent::Died));
        assert_eq!(died, deadline == dies_at);
    }
    // Nothing moves it any more.
    app.handle(dies_at, ApplicationInput::Steady(&load(1000)));
    app.handle(dies_at, ApplicationInput::SupplyBack);
    assert_eq!(drain(&mut app), []);
    // After that it tells that it is back, with all that it had counted.
    let mut state = filter();
    state.ledger = kept.ledger;
    let mut again = alarmed(state);
    if again.deadline().is_some_and(|at| at <= Instant::from_secs(2)) {
        again.tick(Instant::from_secs(2));
    }
    let pushed: Vec<_> = drain(&mut again)
        .into_iter()
        .filter_map(|output| match output {
            ApplicationOutput::Udp(request) => Some(heard(&request.payload)),
            _ => None,
        })
        .collect();
    assert_eq!(pushed, [u64::from(alarm_2::POWER_RESUMED)]);
    assert_eq!(again.measurement().ledger(), kept.ledger);
    assert_eq!(codes(&again).last(), Some(&event::POWER_UP));
}

/// The second alarm descriptor in a push, as a client hears it that only listens.
fn heard(datagram: &[u8]) -> u64 {
    let keys = Suite0::new(&LISTENER_KEYS[0], &LISTENER_KEYS[1]);
    let authentication =
        ClientAuthentication::PreEstablished { keys: Some(keys), server_title: IDENTITY.system_title() };
    let mut client = line::client(LISTENER as u16, authentication, 1);
    client.handle(Instant::from_secs(40), ClientInput::Connect);
    client.handle(Instant::from_secs(40), ClientInput::Datagram(datagram));
    let body = std::iter::from_fn(|| client.poll()).find_map(|output| match output {
        ClientOutput::DataNotification { body, .. } => Some(body),
        _ => None,
    });
    let body = body.expect("a push");
    let data = Data::from_bytes(&body).ok().and_then(|data| data.as_structure()).expect("a structure");
    let [name, _, _, descriptor, _] = data.exactly().expect("five values");
    assert_eq!(name.as_octets(), Some(&IDENTITY.logical_device_name()[..]));
    descriptor.as_u64().expect("a number")
}

#[test]
fn a_supply_that_comes_back_in_time_leaves_two_events_and_no_death() {
    let mut app = alarmed(MeterState::default());
    drain(&mut app);
    app.handle(Instant::from_secs(10), ApplicationInput::SupplyLost);
    app.handle(Instant::from_secs(11), ApplicationInput::SupplyBack);
    let outputs = drain(&mut app);
    assert!(outputs.contains(&ApplicationOutput::Event(MeterEvent::SupplyBack)));
    assert!(
        !outputs.iter().any(|output| matches!(output, ApplicationOutput::Udp(_))),
        "the filter lets nothing through"
    );
    let codes = codes(&app);
    assert_eq!(codes[codes.len() - 2..], [event::POWER_DOWN, event::POWER_UP]);
    app.tick(Instant::from_secs(20));
    assert!(!drain(&mut app).contains(&ApplicationOutput::Event(MeterEvent::Died)));
}

/// The demand of A+ of the window that ended last, in mW; and whether it had all of its periods.
fn demand(app: &MeterApplication) -> (u32, bool) {
    let demand = &app.board().slots.demand;
    (demand.last_average_value, demand.status == 0)
}

#[test]
fn the_window_of_demand_goes_on_after_a_last_gasp_and_begins_anew_after_a_cut_without_one() {
    for has_gasp in [true, false] {
        let mut journal = Journal::open(Pages::new(32), SIZES);
        let mut app = MeterApplication::new(three_phase()).expect("a good configuration");
        let mut keep = |app: &mut MeterApplication| {
            for output in drain(app) {
                if let ApplicationOutput::Persist(record) = output {
                    journal.append(&record).expect("there is room");
                }
            }
        };
        let second = Instant::from_secs;
        app.handle(second(0), ApplicationInput::Clock(UtcAnchor { at: second(0), utc: at(22, 10, 0, 0) }));
        // From 10:15 on: five minutes of 3 kW, an outage of two minutes, eight of 6 kW.
        for (until, watts) in [(0, 0), (900, 500), (1200, 1000)] {
            app.handle(second(until), ApplicationInput::Steady(&load(watts)));
            keep(&mut app);
        }
        if has_gasp {
            app.handle(second(1200), ApplicationInput::SupplyLost);
            keep(&mut app);
        }
        let state = Journal::open(journal.into_flash(), SIZES).state().clone();
        let mut again = MeterApplication::new(MeterConfig { state, ..three_phase() }).expect("good");
        again.handle(
            second(1320),
            ApplicationInput::Clock(UtcAnchor { at: second(1320), utc: at(22, 10, 22, 0) }),
        );
        for (until, watts) in [(1320, 0), (1800, 2000), (1801, 2000)] {
            again.handle(second(until), ApplicationInput::Steady(&load(watts)));
        }
        drain(&mut again);
        let (average, whole) = demand(&again);
        // 3 kW for five minutes and 6 kW for eight, over a quarter of an hour: 4.2 kW.
        let is_kept = average.abs_diff(4_200_000) < 2_000 && whole;
        assert_eq!(is_kept, has_gasp, "{average} mW, whole: {whole}");
        if !has_gasp {
            assert_eq!(average, 0, "a window that nobody has seen begin is none");
        }
    }
}
