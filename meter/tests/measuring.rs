//! Samples to registers and rows.

mod mains;

use mains::{Mains, at, config};
use meter::specs::{CLOCK_SET_BACK_MAX, status};
use meter::{
    ApplicationInput, ApplicationOutput, Block, ClockShift, Measurement, MeterApplication, MeterConfig,
    MeterEvent, MeterPersist, MeterState, ProfileSizes, Row,
};
use metrology::{Energy, Ledger, Registers};
use plc_core::{Instant, Machine, Utc, UtcAnchor};
use proptest::prelude::*;
use std::time::Duration;

fn rows(app: &MeterApplication) -> Vec<Row> {
    app.measurement().profiles().load().iter().copied().collect()
}

fn times(app: &MeterApplication) -> Vec<Utc> {
    rows(app).iter().map(|row| row.utc).collect()
}

/// Within 30 ppm and two steps of the register.
fn close(mwh: u64, wh: f64) -> bool {
    (mwh as f64 - wh * 1e3).abs() <= wh * 1e3 * 30e-6 + 2.0
}

#[test]
fn each_period_counts_the_load_that_ran_in_it() {
    let mut mains = Mains::new();
    // The clock is set at an odd moment: boundaries lie inside blocks, at single samples.
    mains.feed(1000.0, 3_701, 100);
    mains.set_clock(at(22, 10, 7, 13) + Duration::from_millis(251));
    let to_boundary = 466_749;
    mains.feed(1000.0, to_boundary, 100);
    let mut truth = vec![mains.truth];
    for watts in [3680.0, 36.0, 0.0, -2300.0, 13_800.0, 0.0, -5.0] {
        mains.feed(watts, 900_000, 97);
        truth.push(mains.truth);
    }
    mains.feed(0.0, 1000, 100);
    let rows = rows(&mains.app);
    assert_eq!(rows.len(), truth.len());
    for (row, truth) in rows.iter().zip(truth) {
        assert!(close(row.import_mwh, truth[0]) && close(row.export_mwh, truth[1]), "{row:?} {truth:?}");
    }
    let expected: Vec<_> = (0..8).map(|n| at(22, 10, 15, 0) + Duration::from_secs(900 * n)).collect();
    assert_eq!(times(&mains.app), expected);
    let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [status::POWER_DOWN | status::CLOCK_INVALID, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_quarter_of_an_hour_at_36_watts_is_nine_watt_hours() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 0, 0));
    mains.seconds(36.0, 1801);
    let rows = rows(&mains.app);
    assert_eq!((rows.len(), rows[0].import_mwh), (3, 0));
    assert!(rows[2].import_mwh.abs_diff(rows[1].import_mwh + 9000) <= 1, "{rows:?}");
}

#[test]
fn a_day_of_changing_load_agrees_with_the_truth_and_fills_a_day_of_rows() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 0, 0, 0));
    for hour in 0..24 {
        mains.seconds([120.0, 450.0, 3200.0, -800.0][hour % 4], 3600);
    }
    let state = mains.app.state();
    let [import, export] = mains.truth;
    let off = |mwh: u64, wh: f64| (mwh as f64 / 1e3 / wh - 1.0).abs();
    assert!(
        off(state.ledger.total.active.import.milliwatt_hours(), import) < 0.0005 / 10.0,
        "{state:?} {import}"
    );
    assert!(
        off(state.ledger.total.active.export.milliwatt_hours(), export) < 0.0005 / 10.0,
        "{state:?} {export}"
    );
    assert_eq!(times(&mains.app).len(), 97);
    assert_eq!(state.daily.iter().map(|row| row.utc).collect::<Vec<_>>(), [at(22, 0, 0, 0), at(23, 0, 0, 0)]);
    let asked = mains.outputs.iter().filter(|o| {
        matches!(o, ApplicationOutput::Persist(MeterPersist::Captured(captured))
            if captured.row.import_mwh == captured.ledger.total.active.import.milliwatt_hours())
    });
    assert_eq!(asked.count(), 97);
}

#[test]
fn without_a_clock_nothing_is_captured_and_the_first_row_says_so() {
    let mut mains = Mains::new();
    mains.seconds(500.0, 2000);
    assert!(rows(&mains.app).is_empty());
    mains.set_clock(at(22, 10, 14, 58));
    assert_eq!(
        mains.outputs.back(),
        Some(&ApplicationOutput::Event(MeterEvent::ClockSet(ClockShift::First)))
    );
    mains.seconds(500.0, 3);
    let rows = rows(&mains.app);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].status, status::POWER_DOWN | status::CLOCK_INVALID);
    assert!(close(rows[0].import_mwh, 500.0 * 2002.0 / 3600.0), "{rows:?}");
}

#[test]
fn boundaries_without_samples_get_no_row_and_the_next_row_is_marked() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 0, 0));
    mains.seconds(500.0, 901);
    mains.samples += 3_000_000;
    mains.seconds(500.0, 900);
    assert_eq!(times(&mains.app), [at(22, 10, 0, 0), at(22, 10, 15, 0), at(22, 11, 15, 0)]);
    assert_eq!(rows(&mains.app)[1].status, 0);
    assert_eq!(rows(&mains.app)[2].status, status::POWER_DOWN);
}

#[test]
fn a_pause_of_samples_within_a_period_is_marked() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 0, 0));
    mains.seconds(500.0, 300);
    mains.samples += 5_000;
    mains.seconds(500.0, 1500);
    let statuses: Vec<_> = rows(&mains.app).iter().map(|row| row.status).collect();
    assert_eq!(statuses, [status::POWER_DOWN, status::POWER_DOWN, 0]);
}

#[test]
fn a_small_correction_of_the_clock_leaves_the_period_valid_and_a_large_one_does_not() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 0, 0));
    mains.seconds(500.0, 600);
    mains.set_clock(at(22, 10, 10, 5));
    mains.seconds(500.0, 600);
    mains.set_clock(at(22, 10, 14, 50));
    mains.seconds(500.0, 600);
    mains.seconds(500.0, 600);
    // 10:15 has its row already when the clock goes back below it.
    assert_eq!(times(&mains.app), [at(22, 10, 0, 0), at(22, 10, 15, 0), at(22, 10, 30, 0)]);
    let statuses: Vec<_> = rows(&mains.app).iter().map(|row| row.status).collect();
    assert_eq!(statuses, [status::POWER_DOWN, 0, status::CLOCK_ADJUSTED]);
}

#[test]
fn a_boundary_that_the_clock_jumps_over_gets_its_row_at_the_jump() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 14, 50));
    mains.seconds(500.0, 8);
    mains.set_clock(at(22, 10, 15, 2));
    mains.seconds(500.0, 898);
    mains.set_clock(at(22, 11, 7, 0));
    mains.seconds(500.0, 480);
    assert_eq!(
        times(&mains.app),
        [at(22, 10, 15, 0), at(22, 10, 30, 0), at(22, 11, 0, 0), at(22, 11, 15, 0)]
    );
    let statuses: Vec<_> = rows(&mains.app).iter().map(|row| row.status).collect();
    assert_eq!(statuses, [status::POWER_DOWN, 0, status::CLOCK_ADJUSTED, 0]);
    assert!(close(rows(&mains.app)[0].import_mwh, 500.0 * 8.0 / 3600.0));
}

#[test]
fn a_restart_keeps_registers_rows_and_the_last_fraction() {
    let mut whole = Mains::new();
    let mut broken = Mains::new();
    for mains in [&mut whole, &mut broken] {
        mains.set_clock(at(22, 10, 0, 0));
        mains.seconds(777.0, 2000);
    }
    let before = broken.app.state();
    let mut broken = broken.restarted();
    assert_eq!(broken.app.state(), before);
    assert!(before.ledger.total.active.import.rest() > 0);
    broken.set_clock(at(22, 10, 33, 20));
    for mains in [&mut whole, &mut broken] {
        mains.seconds(777.0, 1000);
    }
    assert_eq!(times(&whole.app), times(&broken.app));
    let (a, b) = (whole.app.state().ledger.total.active, broken.app.state().ledger.total.active);
    assert!(a.import.milliwatt_hours().abs_diff(b.import.milliwatt_hours()) <= 1, "{a:?} {b:?}");
    assert_eq!(rows(&broken.app).last().unwrap().status, status::POWER_DOWN);
}

#[test]
fn a_state_kept_up_with_the_records_is_that_of_the_last_boundary() {
    let mut config: MeterConfig = config();
    config.profiles = ProfileSizes { capture_period_s: 60, load: 40, daily: 2, monthly: 1 };
    let mut mains = Mains::with(config.clone());
    mains.set_clock(Utc::from_civil(2026, 11, 30, 23, 30, 30).unwrap());
    mains.seconds(350.0, 30 + 3600);
    let exported = mains.app.state();
    mains.seconds(350.0, 59);
    let mut kept = MeterState::default();
    for output in &mains.outputs {
        if let ApplicationOutput::Persist(record) = output {
            kept.keep(record, &config.profiles);
        }
    }
    assert_eq!(kept, exported);
    assert_eq!((kept.load.len(), kept.daily.len(), kept.monthly.len()), (40, 1, 1));
}

#[test]
fn the_load_profile_forgets_the_oldest_row_when_it_is_full() {
    let mut config: MeterConfig = config();
    config.profiles.load = 3;
    config.profiles.capture_period_s = 60;
    let mut mains = Mains::with(config);
    mains.set_clock(at(22, 23, 58, 0));
    mains.seconds(100.0, 301);
    assert_eq!(times(&mains.app), [at(23, 0, 1, 0), at(23, 0, 2, 0), at(23, 0, 3, 0)]);
    let daily: Vec<_> = mains.app.measurement().profiles().daily().iter().map(|row| row.utc).collect();
    assert_eq!(daily, [at(23, 0, 0, 0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_do_not_depend_on_how_samples_are_cut(block in 1u64..5000, offset_ms in 0u64..60_000) {
        let run = |block| {
            let mut config = config();
            config.profiles.capture_period_s = 60;
            let mut mains = Mains::with(config);
            mains.set_clock(at(22, 10, 0, 0) + Duration::from_millis(offset_ms));
            mains.feed(2000.0, 130_000, block);
            mains.feed(-150.0, 130_000, block);
            (rows(&mains.app), mains.app.state().ledger)
        };
        prop_assert_eq!(run(block), run(100));
    }

    #[test]
    fn a_row_is_the_register_at_the_very_sample_of_its_boundary(before in 500u64..9000, block in 2u64..3000) {
        let start = at(22, 10, 15, 0) - Duration::from_millis(before);
        let (mut until, mut across) = (Mains::new(), Mains::new());
        for mains in [&mut until, &mut across] {
            mains.set_clock(start);
        }
        until.feed(13_800.0, before, 100);
        across.feed(13_800.0, before + 3000, block);
        let at_boundary = until.app.state().ledger.total.active.import.milliwatt_hours();
        prop_assert_eq!(rows(&across.app)[0].import_mwh, at_boundary);
        // The sample before it counts in, the sample at it does not: one of 13.8 kW is several mWh.
        prop_assert!(at_boundary > 0);
    }

    #[test]
    fn whatever_the_clock_does_short_of_going_back_for_more_than_an_hour_no_boundary_has_two_rows(
        steps in prop::collection::vec((0u64..1200, prop::option::weighted(0.3, 0u64..36_000), any::<bool>()), 1..30),
    ) {
        let mut config = config();
        config.ratings.sample_rate_hz = 400;
        let mut measurement =
            Measurement::new(config.measurement(), Ledger::default()).expect("good ratings");
        let mut now = Instant::from_secs(1);
        let second = [0; 400];
        // Whether the newest samples are missing: a step without any leaves that as it was.
        let mut behind = false;
        for (seconds, clock, gap) in steps {
            if let Some(secs) = clock {
                let newest = measurement.profiles().load().newest().map(|row| row.utc - CLOCK_SET_BACK_MAX);
                let utc = at(22, 10, 0, 0) + Duration::from_secs(secs);
                measurement.on_clock(UtcAnchor { at: now, utc: newest.map_or(utc, |newest| utc.max(newest)) });
            }
            behind = if seconds == 0 { behind } else { gap };
            for n in 0..seconds {
                now += Duration::from_secs(1);
                if !gap || n % 300 < 20 {
                    measurement.on_samples(now, &Block::Pairs(&second, &second));
                }
            }
            let rows: Vec<_> = measurement.profiles().load().iter().map(|row| row.utc).collect();
            prop_assert!(rows.is_sorted_by(|a, b| a < b), "{:?}", rows);
            prop_assert!(rows.iter().all(|utc| utc.as_secs() % 900 == 0));
            let utc = measurement.clock().utc(now);
            prop_assert!(measurement.profiles().next().zip(utc).is_none_or(|(next, utc)| next >= utc || behind));
        }
    }
}

#[test]
fn what_another_metrology_has_counted_stands_in_the_row_of_its_boundary() {
    let anchor = UtcAnchor { at: Instant::from_secs(10), utc: at(22, 10, 0, 10) };
    let mut app = MeterApplication::new(config()).unwrap();
    app.handle(anchor.at, ApplicationInput::Clock(anchor));
    let boundary = app.measurement().next_boundary().unwrap();
    assert_eq!(boundary, Instant::from_secs(900));
    let mut report = |seconds, mwh| {
        let registers = Registers { import: Energy::from_milliwatt_hours(mwh), ..Registers::default() };
        app.handle(Instant::from_secs(seconds), ApplicationInput::Registers(registers));
        rows(&app).iter().map(|row| (row.utc, row.import_mwh)).collect::<Vec<_>>()
    };
    assert_eq!(report(899, 5), []);
    assert_eq!(report(900, 7), [(at(22, 10, 15, 0), 7)]);
    assert_eq!(report(1799, 11), [(at(22, 10, 15, 0), 7)]);
    // A boundary was slept through: the last one alone gets its row, and says so.
    assert_eq!(report(3601, 19)[1..], [(at(22, 11, 0, 0), 19)]);
    assert_eq!(rows(&app)[1].status & status::POWER_DOWN, status::POWER_DOWN);
}
