//! A meter of three phases: what it measures, as clients read it.

mod line;
mod mains;

use dlms::apdu::DataAccessResult;
use dlms::axdr::Data;
use dlms::classes::association::ObjectList;
use dlms::classes::{Value, profile, register};
use dlms::client::{ClientInput, ClientOutput};
use dlms::cosem::{AttributeRequest, CaptureObject, LogicalName, ScalerUnit, Unit};
use line::{Line, management};
use mains::{IDENTITY, KEYS, Mains, at};
use meter::objects::{THREE_PHASE_COLUMNS, names};
use meter::specs::{alarm_2, event};
use meter::{ApplicationInput, MeterApplication, MeterConfig};
use metrology::{Frame, Ratings, Steady, SteadyElement, TamperInputs, Wiring};
use plc_core::Seed;
use std::f64::consts::{SQRT_2, TAU};

const RATE: u64 = 1000;

fn config() -> MeterConfig {
    let mut config = MeterConfig::three_phase(IDENTITY, KEYS, Seed::from_u64(1));
    config.ratings.sample_rate_hz = RATE as u32;
    config
}

/// RMS volts, amperes, lag in degrees, and how much fifth harmonic both have, of each phase.
type Load = [(f64, f64, f64, f64); 3];

const MOTOR: Load = [(230.0, 5.0, 36.87, 0.0), (231.0, 4.0, 36.87, 0.0), (229.0, 3.0, 36.87, 0.0)];

/// Samples of `seconds`, in blocks of 100 ms. Samples are counted on, and the phases with them.
fn feed(mains: &mut Mains, load: &Load, seconds: f64) {
    let end = mains.samples + (seconds * RATE as f64) as u64;
    while mains.samples < end {
        let len = (RATE / 10).min(end - mains.samples);
        let block: Vec<_> = (mains.samples..mains.samples + len).map(|n| frame(load, n)).collect();
        mains.samples += len;
        mains.handle(ApplicationInput::Frames(&block));
    }
}

fn frame(load: &Load, n: u64) -> Frame {
    let ratings = Ratings::three_phase();
    let mut frame = Frame::default();
    for (phase, &(volts, amps, lag, fifth)) in load.iter().enumerate() {
        let angle = (n * 50 % RATE) as f64 / RATE as f64 * TAU - phase as f64 * TAU / 3.0;
        let wave = |lag: f64| (angle - lag).sin() + fifth * (5.0 * angle).sin();
        let steps = |value: f64, pico: u64| (value * SQRT_2 / (pico as f64 * 1e-12)).round() as i32;
        frame.u[phase] = steps(volts * wave(0.0), ratings.u_pv_per_lsb);
        frame.i[phase] = steps(amps * wave(lag.to_radians()), ratings.i_pa_per_lsb);
    }
    frame
}

/// A meter that has measured `load` for five minutes from ten o'clock.
fn measured(load: &Load) -> Line {
    let mut mains = Mains::with(config());
    mains.set_clock(at(22, 10, 0, 0));
    feed(&mut mains, load, 300.0);
    Line::open(mains, management(1))
}

impl Line {
    /// A register as a number in its unit.
    fn value(&mut self, name: LogicalName) -> (f64, Unit) {
        let value = self.get(AttributeRequest::new(3, name, 2));
        let scaler_unit = self.get(AttributeRequest::new(3, name, 3));
        let ScalerUnit { scaler, unit } = register::scaler_unit(&scaler_unit).expect("a scaler_unit");
        let number = register::value(&value).expect("a number");
        (number as f64 * 10f64.powi(scaler.into()), unit)
    }

    fn is(&mut self, name: LogicalName, expected: f64, unit: Unit) {
        let (got, of) = self.value(name);
        assert!((got - expected).abs() <= expected.abs() * 1e-3 + 0.02, "{name}: {got}, expected {expected}");
        assert_eq!(of, unit, "{name}");
    }

    fn codes(&mut self, group: u8) -> Vec<u64> {
        let value = self.get(AttributeRequest::new(7, names::event_log(group), 2));
        let rows = profile::Rows::from_value(&value).expect("rows");
        rows.iter().map(|row| row.last().and_then(|cell| cell.as_u64()).expect("a code")).collect()
    }

    fn number(&mut self, name: LogicalName) -> u64 {
        let value = self.get(AttributeRequest::new(1, name, 2));
        Data::from_bytes(&value).expect("a value").as_u64().expect("a number")
    }

    fn names(&mut self) -> Vec<LogicalName> {
        let value = self.get(AttributeRequest::new(15, LogicalName([0, 0, 40, 0, 0, 255]), 2));
        assert!(value.len() < meter::specs::OBJECT_LIST_LEN * 3 / 4, "{} octets", value.len());
        ObjectList::from_value(&value).expect("a list").iter().map(|object| object.logical_name).collect()
    }
}

const fn of(phase: u8, code: u8, d: u8) -> LogicalName {
    names::of_phase(phase, code, d, 0)
}

#[test]
fn every_phase_shows_its_voltage_current_powers_and_energies_and_the_total_adds_them_up() {
    let mut line = measured(&MOTOR);
    let hours = 300.0 / 3600.0;
    let mut sums = [0.0; 3];
    for (phase, (volts, amps, lag, _)) in (1..).zip(MOTOR) {
        let (apparent, lag) = (volts * amps, lag.to_radians());
        let powers = [apparent * lag.cos(), apparent * lag.sin(), apparent];
        line.is(of(phase, 12, 7), volts, Unit::VOLT);
        line.is(of(phase, 11, 7), amps, Unit::AMPERE);
        for (n, (code, unit, energy)) in [
            (1, Unit::WATT, Unit::WATT_HOUR),
            (3, Unit::VAR, Unit::VAR_HOUR),
            (9, Unit::VOLT_AMPERE, Unit::VOLT_AMPERE_HOUR),
        ]
        .into_iter()
        .enumerate()
        {
            line.is(of(phase, code, 7), powers[n], unit);
            line.is(of(phase, code, 8), powers[n] * hours, energy);
            sums[n] += powers[n];
        }
        line.is(of(phase, 13, 7), 0.8, Unit::COUNT);
        line.is(of(phase, 5, 8), powers[1] * hours, Unit::VAR_HOUR);
        line.is(of(phase, 16, 8), powers[0] * hours, Unit::WATT_HOUR);
        line.is(names::angle(3 + phase, phase - 1), 36.87, Unit::DEGREE);
    }
    line.is(names::POWER_IMPORT, sums[0], Unit::WATT);
    line.is(names::ACTIVE_IMPORT, sums[0] * hours, Unit::WATT_HOUR);
    line.is(of(0, 16, 7), sums[0], Unit::WATT);
    line.is(of(0, 3, 8), sums[1] * hours, Unit::VAR_HOUR);
    line.is(of(0, 9, 8), sums[2] * hours, Unit::VOLT_AMPERE_HOUR);
    line.is(names::FREQUENCY, 50.0, Unit::HERTZ);
    line.is(names::angle(1, 0), 120.0, Unit::DEGREE);
    line.is(names::angle(2, 0), 240.0, Unit::DEGREE);
    // 5, 4 and 3 A a third of a turn apart leave √3 A.
    line.is(names::NEUTRAL_CURRENT, 3f64.sqrt(), Unit::AMPERE);
    // By day it is all of the first rate.
    line.is(names::of_phase(0, 5, 8, 1), sums[1] * hours, Unit::VAR_HOUR);
    line.is(names::of_phase(0, 16, 8, 1), sums[0] * hours, Unit::WATT_HOUR);
    line.is(names::of_phase(0, 1, 8, 2), 0.0, Unit::WATT_HOUR);
}

#[test]
fn export_of_one_phase_shows_there_and_lowers_the_total() {
    let solar = [(230.0, 10.0, 180.0, 0.0), (230.0, 2.0, 0.0, 0.0), (230.0, 3.0, -60.0, 0.0)];
    let mut line = measured(&solar);
    line.is(of(1, 2, 7), 2300.0, Unit::WATT);
    line.is(of(1, 1, 7), 0.0, Unit::WATT);
    line.is(of(1, 16, 7), -2300.0, Unit::WATT);
    line.is(of(1, 13, 7), -1.0, Unit::COUNT);
    line.is(of(3, 4, 7), 690.0 * 0.866_025, Unit::VAR);
    line.is(of(3, 8, 8), 690.0 * 0.866_025 / 12.0, Unit::VAR_HOUR);
    // 2300 W less 460 W less 345 W go out, and with them reactive power of the fourth quadrant's load: Q3 of the whole.
    line.is(of(0, 2, 8), 1495.0 / 12.0, Unit::WATT_HOUR);
    line.is(of(0, 7, 8), 690.0 * 0.866_025 / 12.0, Unit::VAR_HOUR);
    line.is(of(0, 16, 8), -1495.0 / 12.0, Unit::WATT_HOUR);
    assert_eq!(line.value(names::ACTIVE_IMPORT).0, 0.0);
}

#[test]
fn distortion_is_told_by_phase_in_percent() {
    let distorted = [(230.0, 5.0, 0.0, 0.08), (230.0, 5.0, 0.0, 0.03), (230.0, 5.0, 0.0, 0.0)];
    let mut line = measured(&distorted);
    for (phase, percent) in [(1, 8.0), (2, 3.0), (3, 0.0)] {
        for code in [11, 12] {
            // At a thousand samples a second as well: what interpolation takes of 250 Hz is given back.
            let (got, unit) = line.value(names::of_phase(phase, code, 7, 124));
            assert!((got - percent).abs() <= percent / 200.0 + 0.02, "phase {phase}: {got} %");
            assert_eq!(unit, Unit::PERCENT);
        }
    }
}

#[test]
fn a_dip_a_swell_and_an_interruption_are_counted_logged_with_their_depth_and_raise_alarms() {
    let mut line = measured(&MOTOR);
    let with = |volts: [f64; 3]| {
        let mut load = MOTOR;
        load.iter_mut().zip(volts).for_each(|(phase, volts)| phase.0 = volts);
        load
    };
    // 0.3 s at 161 V on phase 2, 0.5 s at 280 V on phase 3, 1 s of nothing at all, five seconds apart.
    for (volts, seconds) in [([230.0, 161.0, 230.0], 0.3), ([230.0, 230.0, 280.0], 0.5), ([0.0; 3], 1.0)] {
        feed(&mut line.mains, &with(volts), seconds);
        feed(&mut line.mains, &MOTOR, 5.0);
    }
    let count = |phase, d| of(phase, 12, d);
    let counts = |line: &mut Line, d| [0, 1, 2, 3].map(|phase| line.number(count(phase, d)));
    // An interruption begins and ends as a dip of all phases.
    assert_eq!(counts(&mut line, 32), [2, 1, 2, 1]);
    assert_eq!(counts(&mut line, 36), [1, 0, 0, 1]);
    assert_eq!(counts(&mut line, 40), [1, 1, 1, 1]);
    line.is(count(0, 31), 207.0, Unit::VOLT);
    line.is(count(0, 38), 280.0, Unit::VOLT);
    let (lasted, unit) = line.value(count(3, 37));
    // To the half cycle at either end.
    assert!((0.48..=0.52).contains(&lasted) && unit == Unit::SECOND, "{lasted}");
    let value = line.get(AttributeRequest::new(7, names::quality_log(1), 2));
    let rows = profile::Rows::from_value(&value).expect("rows");
    let rows: Vec<_> = rows.iter().map(Iterator::collect::<Vec<_>>).collect();
    assert_eq!(rows.len(), 2);
    let began = rows[0][0].as_clock_time().and_then(|time| time.utc()).expect("a time");
    assert_eq!(began.as_secs(), at(22, 10, 5, 0).as_secs());
    let [duration, depth] = [1, 2].map(|n| rows[0][n].as_u64().expect("a number"));
    assert!((280..=320).contains(&duration), "{duration} ms");
    assert!(depth.abs_diff(161_000) < 500, "{depth} mV");
    let codes = line.codes(4);
    let (dip, swell) = (u64::from(event::UNDERVOLTAGE_L1) + 1, u64::from(event::OVERVOLTAGE_L1) + 2);
    let normal = u64::from(event::NORMAL_VOLTAGE_L1);
    assert_eq!(codes[..4], [dip, normal + 1, swell, normal + 2]);
    let missing = u64::from(event::MISSING_VOLTAGE_L1);
    assert!([missing, missing + 1, missing + 2].iter().all(|code| codes.contains(code)), "{codes:?}");
    let alarms = line.number(names::ALARM_REGISTER_2) as u32;
    let expected = alarm_2::POWER_FAILURE
        | alarm_2::POWER_RESUMED
        | (7 * alarm_2::VOLTAGE_MISSING_L1)
        | (7 * alarm_2::BAD_VOLTAGE_QUALITY_L1);
    assert_eq!(alarms & expected, expected, "{alarms:x}");
    // And all of it is there after a restart.
    let state = line.mains.app.state();
    let again = MeterApplication::new(MeterConfig { state, ..config() }).expect("a good configuration");
    let mut line = Line::open(Mains { app: again, ..line.mains }, management(1000));
    assert_eq!(counts(&mut line, 32), [2, 1, 2, 1]);
    assert_eq!(line.get(AttributeRequest::new(7, names::quality_log(1), 2)), value);
}

#[test]
fn tampering_and_wrong_wiring_are_events_alarms_and_a_diagnosis_in_words() {
    let mut config = config();
    (config.tamper.import_only, config.tamper.neutral_measured) = (true, false);
    let mut mains = Mains::with(config);
    mains.set_clock(at(22, 10, 0, 0));
    feed(&mut mains, &MOTOR, 10.0);
    mains.handle(ApplicationInput::Inputs(TamperInputs { cover_open: true, ..TamperInputs::default() }));
    mains.handle(ApplicationInput::Inputs(TamperInputs { field_mt: 300, ..TamperInputs::default() }));
    let mut reversed = MOTOR;
    reversed[1].2 += 180.0;
    feed(&mut mains, &reversed, 10.0);
    feed(&mut mains, &MOTOR, 10.0);
    // The terminals of phases 2 and 3 are swapped: the sequence is reversed, the angles of all loads are right.
    let mut line = Line::open(mains, management(1));
    let diagnosis = |line: &mut Line| String::from_utf8(line.octets(names::WIRING_DIAGNOSIS)).expect("words");
    assert_eq!(diagnosis(&mut line), "correct");
    let code = u64::from;
    assert_eq!(
        line.codes(1),
        [
            code(event::COVER_REMOVED),
            code(event::COVER_CLOSED),
            code(event::MAGNET_DETECTED),
            code(event::CURRENT_REVERSED),
            code(event::CURRENT_RESTORED)
        ]
    );
    let standard = line.codes(0);
    assert_eq!(standard[standard.len() - 2..], [code(event::WIRING_FAULT), code(event::WIRING_CORRECT)]);
    assert_eq!(line.number(names::ALARM_REGISTER), 1 << 13);
    let alarms = line.number(names::ALARM_REGISTER_2) as u32;
    assert_eq!(alarms, alarm_2::CURRENT_REVERSAL | alarm_2::WIRING_FAULT);
    feed(&mut line.mains, &reversed, 6.0);
    assert_eq!(diagnosis(&mut line), "current reversed in element 2");
}

#[test]
fn a_row_of_the_load_profile_shows_the_mains_at_its_boundary() {
    let mut mains = Mains::with(config());
    mains.set_clock(at(22, 10, 14, 0));
    let low = MOTOR.map(|(volts, amps, lag, fifth)| (volts / 2.0, amps, lag, fifth));
    feed(&mut mains, &low, 2.0);
    feed(&mut mains, &MOTOR, 59.0);
    let mut line = Line::open(mains, management(1));
    let columns = line.get(AttributeRequest::new(7, names::LOAD_PROFILE, 3));
    let columns = Data::from_bytes(&columns).ok().and_then(|data| data.as_array()).expect("columns");
    let columns: Vec<_> =
        columns.into_iter().filter_map(|column| CaptureObject::from_data(&column)).collect();
    assert_eq!(columns, THREE_PHASE_COLUMNS);
    let value = line.get(AttributeRequest::new(7, names::LOAD_PROFILE, 2));
    let rows = profile::Rows::from_value(&value).expect("rows");
    let row: Vec<_> = rows.iter().next().expect("a row").collect();
    assert_eq!(row.len(), columns.len());
    for (phase, (volts, amps, _, _)) in (0..).zip(MOTOR) {
        let cell = |n: usize| row[4 + 4 * phase + n].as_i64().expect("a number") as f64;
        assert!((cell(0) - volts * 1e3).abs() < 100.0 && (cell(1) - amps * 1e3).abs() < 5.0, "{row:?}");
        assert!((cell(2) - 800.0).abs() <= 1.0 && cell(3) < 300.0, "{row:?}");
    }
    assert_eq!([16, 17, 18].map(|n| row[n].as_i64()), [Some(1), Some(0), Some(0)]);
}

#[test]
fn the_list_of_objects_is_that_of_the_wiring() {
    let list = |wiring| {
        let mut config = config();
        config.ratings.wiring = wiring;
        Line::open(Mains::with(config), management(1)).names()
    };
    let [one, three, four] =
        [Wiring::OnePhaseTwoWire, Wiring::ThreePhaseThreeWire, Wiring::ThreePhaseFourWire].map(list);
    let has = |names: &[LogicalName], name| names.contains(&name);
    for (name, expected) in [
        (of(0, 5, 8), [true, true, true]),
        (of(1, 12, 7), [true, true, true]),
        (of(2, 12, 7), [false, false, true]),
        (of(3, 12, 7), [false, true, true]),
        (of(2, 1, 8), [false, false, true]),
        (names::NEUTRAL_CURRENT, [true, false, true]),
        (names::angle(1, 0), [false, false, true]),
        (names::WIRING_DIAGNOSIS, [false, true, true]),
        (names::MAXIMUM_DEMAND_APPARENT, [true, true, true]),
    ] {
        assert_eq!([&one, &three, &four].map(|names| has(names, name)), expected, "{name}");
    }
    let mut single = Line::open(Mains::new(), management(1));
    let denied = single.denied(AttributeRequest::new(3, of(2, 12, 7), 2));
    assert_ne!(denied, DataAccessResult::Success);
}

#[test]
fn demand_of_export_and_of_apparent_power_has_its_maximum_and_its_time() {
    let mut mains = Mains::with(config());
    mains.set_clock(at(22, 10, 0, 0));
    let load = |w: i64, var: i64| {
        let element = SteadyElement::sinusoidal(230_000_000, w * 1_000_000 / 230, var * 1_000_000 / 230);
        Steady::three_phase(50_000, [element; 3]).expect("small")
    };
    let mut live = |load: Steady, minutes: u64| {
        for _ in 0..minutes {
            mains.samples += 60 * RATE;
            mains.handle(ApplicationInput::Steady(&load));
        }
    };
    live(load(1000, 0), 0);
    for (w, var) in [(1000, 500), (-2000, 0), (300, -400), (2000, 1500), (100, 0)] {
        live(load(w, var), 15);
    }
    let mut line = Line::open(mains, management(1));
    for (name, watts, hour, minute) in [
        (names::MAXIMUM_DEMAND, 6000.0, 11, 0),
        (names::MAXIMUM_DEMAND_EXPORT, 6000.0, 10, 30),
        (names::MAXIMUM_DEMAND_REACTIVE, 4500.0, 11, 0),
        (names::MAXIMUM_DEMAND_APPARENT, 7500.0, 11, 0),
    ] {
        let value = line.get(AttributeRequest::new(4, name, 2));
        let got = register::value(&value).expect("a number") as f64 / 1e3;
        assert!((got / watts - 1.0).abs() < 1e-6, "{name}: {got}");
        let value = line.get(AttributeRequest::new(4, name, 5));
        let time = Data::from_bytes(&value).ok().and_then(|data| data.as_clock_time()).expect("a time");
        assert_eq!(time.utc(), Some(at(22, hour, minute, 0)), "{name}");
    }
}

#[test]
fn the_closed_form_fills_rows_and_registers_as_samples_do() {
    let mut mains = [Mains::with(config()), Mains::with(config())];
    let element = |n: usize| {
        let (volts, amps, lag, _) = MOTOR[n];
        let micro = |value: f64| (value * 1e6).round() as i64;
        let (cos, sin) = (lag.to_radians().cos(), lag.to_radians().sin());
        SteadyElement::sinusoidal(micro(volts), micro(amps * cos), micro(amps * sin))
    };
    let steady = Steady::three_phase(50_000, [0, 1, 2].map(element)).expect("small");
    for mains in &mut mains {
        mains.set_clock(at(22, 10, 0, 0));
    }
    mains[1].handle(ApplicationInput::Steady(&steady));
    feed(&mut mains[0], &MOTOR, 1000.0);
    mains[1].samples += 1000 * RATE;
    mains[1].handle(ApplicationInput::Steady(&steady));
    let rows = mains.each_ref().map(|mains| mains.app.measurement().profiles().load().clone());
    assert_eq!(rows[0].len(), 2);
    for (a, b) in rows[0].iter().zip(rows[1].iter()) {
        assert_eq!((a.utc, a.status), (b.utc, b.status));
        // The filter of DC takes 9.7e-6 of power at 8 kHz, 3.9e-5 at 1 kHz, where its corner is twice as high.
        assert!(a.import_mwh.abs_diff(b.import_mwh) <= b.import_mwh / 20_000 + 2, "{a:?} {b:?}");
    }
    let mut lines = mains.map(|mains| Line::open(mains, management(1)));
    for name in [of(1, 12, 7), of(2, 11, 7), of(3, 1, 7), of(2, 3, 8), of(0, 9, 8), names::NEUTRAL_CURRENT] {
        let [a, b] = lines.each_mut().map(|line| line.value(name).0);
        assert!((a - b).abs() <= b * 5e-4 + 0.002, "{name}: {a} {b}");
    }
}

#[test]
fn what_one_phase_feeds_back_is_not_taken_from_the_others_where_the_mode_counts_phases() {
    // 1150 W in, 690 W back, 460 W in: five minutes.
    let load = [(230.0, 5.0, 0.0, 0.0), (230.0, 3.0, 180.0, 0.0), (230.0, 2.0, 0.0, 0.0)];
    let mut line = measured(&load);
    let hours = 300.0 / 3600.0;
    for (mode, watts) in [(0u8, 920.0), (1, 920.0), (4, 1610.0)] {
        let request = AttributeRequest::new(1, names::METERING_MODE, 2);
        let written = line.ask(ClientInput::Set(request, &mode.to_value()));
        assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::Success));
        line.is(names::CREDITED, watts * hours, Unit::WATT_HOUR);
    }
}
