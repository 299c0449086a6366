//! Power quality against the truth, in the conditions and within the limits of class A of IEC 61000-4-30.

use metrology::quality::{EventKind, QualityCore, QualityEvent, Thresholds};
use metrology::{Frame, MeterCore, Ratings};
use std::f64::consts::{SQRT_2, TAU};

const UN: f64 = 230.0;
const RATE: f64 = 8000.0;

/// Order, RMS as a part of the fundamental, lead in radians.
type Part = (f64, f64, f64);

/// Three voltages and currents: a fundamental with parts; its RMS values may change from sample to sample.
struct System {
    hz: f64,
    parts: Vec<Part>,
    amps: f64,
    lag: f64,
}

impl System {
    fn pure(hz: f64) -> Self {
        Self { hz, parts: vec![(1.0, 1.0, 0.0)], amps: 10.0, lag: 0.5 }
    }

    fn frame(&self, n: u64, volts: [f64; 3]) -> Frame {
        let ratings = Ratings::three_phase();
        let (u_step, i_step) = (ratings.u_pv_per_lsb as f64 * 1e-12, ratings.i_pa_per_lsb as f64 * 1e-12);
        let mut frame = Frame::default();
        for (phase, volts) in volts.into_iter().enumerate() {
            let angle = n as f64 * self.hz / RATE * TAU - TAU / 3.0 * phase as f64;
            let sum = |lag: f64| -> f64 {
                self.parts.iter().map(|&(h, share, lead)| share * (h * (angle - lag) + lead).sin()).sum()
            };
            frame.u[phase] = (volts * SQRT_2 * sum(0.0) / u_step).round() as i32;
            frame.i[phase] = (self.amps * SQRT_2 * sum(self.lag) / i_step).round() as i32;
        }
        frame
    }
}

fn quality() -> Box<QualityCore> {
    let core = MeterCore::new(Ratings::three_phase()).expect("valid ratings");
    Box::new(QualityCore::new(core, Thresholds::of_declared(230_000_000)))
}

fn run(
    system: &System,
    seconds: f64,
    volts: impl Fn(u64) -> [f64; 3],
) -> (Box<QualityCore>, Vec<QualityEvent>) {
    let (mut quality, mut events) = (quality(), Vec::new());
    for n in 0..(seconds * RATE) as u64 {
        quality.process_frames(&[system.frame(n, volts(n))]);
        events.extend(std::iter::from_fn(|| quality.take_event()));
    }
    (quality, events)
}

#[test]
fn harmonics_to_the_fortieth_are_those_of_the_wave_at_any_frequency() {
    for hz in [42.5, 49.97, 50.0, 50.3, 57.5] {
        let mut system = System::pure(hz);
        let orders = [
            (2, 0.02),
            (3, 0.05),
            (5, 0.06),
            (7, 0.05),
            (11, 0.035),
            (13, 0.03),
            (25, 0.015),
            (39, 0.01),
            (40, 0.01),
        ];
        system.parts.extend(orders.map(|(order, share)| (f64::from(order), share, f64::from(order))));
        let (quality, _) = run(&system, 3.0, |_| [UN; 3]);
        for element in 0..3 {
            let (u, i) = (quality.voltage_spectrum(element), quality.current_spectrum(element));
            let mut square = 0.0;
            for order in 2..=40 {
                let share = orders.iter().find(|known| known.0 == order).map_or(0.0, |known| known.1);
                square += share * share;
                let apart = f64::from(u.harmonic_ppm(order as usize)) * 1e-6 - share;
                let limit = class_a(share);
                assert!(apart.abs() < limit, "{hz} Hz, order {order}: {apart}");
                let amps = f64::from(i.subgroups[order as usize]) * 1e-6 - share * 10.0;
                assert!(amps.abs() < limit * 10.0, "{hz} Hz, current, order {order}: {amps}");
            }
            let thd = f64::from(u.thd_ppm()) * 1e-6 / square.sqrt() - 1.0;
            assert!(thd.abs() < 0.01, "{hz} Hz: {thd}");
        }
    }
}

/// Limits of class A for a harmonic that is a part of the fundamental: 5 % of it from 1 % of Un, 0.05 % of Un below.
fn class_a(share: f64) -> f64 {
    if share >= 0.01 { 0.05 * share } else { 0.0005 }
}

#[test]
fn what_lies_above_the_fortieth_harmonic_is_found_at_no_other() {
    for hz in [42.5, 45.1, 48.0, 50.0, 50.9, 51.1, 53.7, 57.5] {
        // From beyond the last group to half of the sampling rate, on lines: what lies between them has skirts of its own.
        for line in (411..(RATE / 2.0 / hz * 10.0) as u32).step_by(9) {
            let mut system = System::pure(hz);
            system.parts.push((f64::from(line) / 10.0, 0.05, 0.7));
            let (quality, _) = run(&system, 0.7, |_| [UN; 3]);
            for order in 2..=40 {
                let (u, i) = (quality.voltage_spectrum(1), quality.current_spectrum(2));
                // A tone moves the crossings, and the outer lines of the second group have what the fundamental leaves at that.
                let u = if order == 2 { u.subgroups[order] } else { u.groups[order] };
                let parts = [f64::from(u) * 1e-6 / UN, f64::from(i.subgroups[order]) * 1e-6 / 10.0];
                assert!(parts.iter().all(|&part| part < 0.0005), "{hz} Hz, {line} at {order}: {parts:?}");
            }
        }
    }
}

#[test]
fn every_harmonic_alone_is_within_class_a_at_every_frequency() {
    for hz in [42.5, 47.0, 50.0, 51.0, 51.1, 54.0, 57.5] {
        for order in (2..=40).step_by(2).chain([3, 35, 37, 39]) {
            for share in [0.05, 0.005] {
                let mut system = System::pure(hz);
                system.parts.push((f64::from(order), share, 0.4));
                let (quality, _) = run(&system, 0.7, |_| [UN; 3]);
                let spectrum = quality.voltage_spectrum(0);
                for other in 2..=40 {
                    let truth = if other == order { share } else { 0.0 };
                    let apart = f64::from(spectrum.harmonic_ppm(other as usize)) * 1e-6 - truth;
                    // Half of what is allowed: the sensors and converters of a meter take their part of it as well.
                    assert!(apart.abs() < 0.5 * class_a(truth), "{hz} Hz, {order} at {other}: {apart}");
                }
            }
        }
    }
}

#[test]
fn an_interharmonic_is_no_harmonic() {
    let mut system = System::pure(53.0);
    system.parts.extend([(2.0, 0.1, 0.0), (1.5, 0.1, 0.0)]);
    let (quality, _) = run(&system, 3.0, |_| [UN; 3]);
    let spectrum = quality.voltage_spectrum(1);
    assert!(spectrum.harmonic_ppm(2).abs_diff(100_000) < 200, "{}", spectrum.harmonic_ppm(2));
    assert!(spectrum.thd_ppm().abs_diff(100_000) < 500, "{}", spectrum.thd_ppm());
    let between = f64::from(spectrum.interharmonics[1]) * 1e-6 / UN;
    assert!((between - 0.1).abs() < 2e-4, "{between}");
}

#[test]
fn voltage_and_frequency_are_within_class_a() {
    for hz in [42.5, 45.0, 49.99, 50.0, 51.2, 57.5] {
        for share in [0.1, 0.5, 1.0, 1.5] {
            let mut system = System::pure(hz);
            system.parts.extend([(3.0, 0.05, 1.0), (5.0, 0.06, 2.0), (7.0, 0.04, 0.5)]);
            let rms = 1.0f64.hypot(0.05).hypot(0.06).hypot(0.04);
            let (mut quality, _) = run(&system, 12.0, |_| [UN * share; 3]);
            for element in quality.core().values().elements {
                let apart = element.u_uv as f64 * 1e-6 - UN * share * rms;
                assert!(apart.abs() < 0.001 * UN, "{hz} Hz, {share} Un: {apart} V");
            }
            if share >= 0.5 {
                let mhz = quality.take_frequency_mhz().expect("ten seconds have passed");
                assert!((f64::from(mhz) - hz * 1000.0).abs() < 2.0, "{hz} Hz: {mhz}");
            }
        }
    }
}

/// A change of the voltages between two moments given in half cycles since 2 s, shifted by a part of one.
fn between(n: u64, from: f64, to: f64, inside: [f64; 3]) -> [f64; 3] {
    let halves = (n as f64 / RATE - 2.0) * 100.0;
    if (from..to).contains(&halves) { inside } else { [UN; 3] }
}

#[test]
fn depth_and_duration_of_dips_are_within_class_a() {
    for residual in [0.85, 0.7, 0.4, 0.1] {
        for halves in [2.0, 5.0, 20.0, 100.0] {
            for shift in [0.0, 0.3, 0.7] {
                let inside = [UN, UN * residual, UN];
                let (_, events) =
                    run(&System::pure(50.0), 4.0, |n| between(n, shift, shift + halves, inside));
                let dips: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Dip).collect();
                assert_eq!((dips.len(), events.len()), (1, 1), "{events:?}");
                let dip = dips[0];
                assert_eq!(dip.channels, 0b010);
                let apart = dip.extreme_uv as f64 * 1e-6 - UN * residual;
                // In a dip of one cycle between the crossings no whole cycle lies within.
                let limit = if halves > 2.0 { 0.002 * UN } else { 0.4 * UN };
                assert!(apart.abs() < limit, "{residual} {halves} {shift}: {apart} V");
                let duration = (dip.end - dip.start) as f64 / 80.0;
                assert!((duration - halves).abs() <= 2.0, "{residual} {halves} {shift}: {duration}");
                let start = dip.start as f64 / 80.0 - 200.0;
                assert!((0.0..=2.5).contains(&(start - shift)), "{start} {shift}");
            }
        }
    }
}

#[test]
fn an_interruption_of_all_phases_is_found_and_the_meter_goes_on_after_it() {
    let (quality, events) = run(&System::pure(50.0), 6.0, |n| between(n, 0.4, 150.4, [0.5; 3]));
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Interruption, EventKind::Dip]);
    for event in &events {
        let duration = (event.end - event.start) as f64 / 80.0;
        // A dip to a cycle, an interruption to two: all voltages must have been gone for a whole cycle.
        let limit = if event.kind == EventKind::Dip { 2.0 } else { 4.0 };
        assert!((duration - 150.0).abs() <= limit, "{event:?}");
        assert!(event.extreme_uv < 1_000_000);
    }
    assert!((quality.half_cycle_uv(2) as f64 * 1e-6 - UN).abs() < 0.002 * UN);
}

#[test]
fn the_loss_of_the_phase_that_cuts_the_windows_disturbs_no_other() {
    let (quality, events) = run(&System::pure(49.8), 8.0, |n| between(n, 0.0, 200.0, [0.0, UN, UN]));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].kind, events[0].channels), (EventKind::Dip, 0b001));
    let values = quality.core().values();
    let lags = [1, 2].map(|n| values.voltage_lag_mdeg(n));
    assert!((lags[0] - 120_000).abs() < 30 && (lags[1] - 240_000).abs() < 30, "{lags:?}");
}

#[test]
fn a_swell_is_measured() {
    let (_, events) = run(&System::pure(50.0), 4.0, |n| between(n, 0.2, 30.2, [UN * 1.2, UN, UN * 1.3]));
    assert_eq!(events.len(), 1);
    let swell = events[0];
    assert_eq!((swell.kind, swell.channels), (EventKind::Swell, 0b101));
    assert!((swell.extreme_uv as f64 * 1e-6 - UN * 1.3).abs() < 0.002 * UN);
}

#[test]
fn a_rapid_change_is_no_dip() {
    let (_, events) =
        run(&System::pure(50.0), 6.0, |n| if n < 24_000 { [UN; 3] } else { [UN, 0.93 * UN, UN] });
    assert_eq!(events.len(), 1, "{events:?}");
    let change = events[0];
    assert_eq!((change.kind, change.channels), (EventKind::RapidChange, 0b010));
    assert!((change.steady_uv as f64 * 1e-6 - 0.07 * UN).abs() < 0.002 * UN, "{change:?}");
    assert!(change.start.abs_diff(24_000) <= 160 && change.end - change.start <= 320, "{change:?}");
}

#[test]
fn unbalance_is_that_of_the_system() {
    let (quality, _) = run(&System::pure(50.1), 3.0, |_| [UN, 0.9 * UN, UN]);
    let found = quality.unbalance();
    assert!(found.negative_ppm.abs_diff(34_483) < 100 && found.zero_ppm.abs_diff(34_483) < 100, "{found:?}");
}

#[test]
fn budeanu_counts_the_harmonics_and_the_fundamental_does_not() {
    let degrees = f64::to_radians;
    let u: [(f64, f64, f64); 3] = [(1.0, 230.0, 0.0), (3.0, 10.0, degrees(40.0)), (5.0, 23.0, 0.0)];
    let i = [(1.0, 10.0, degrees(-30.0)), (3.0, 4.0, degrees(10.0)), (5.0, 2.0, degrees(-100.0))];
    let ratings = Ratings::household();
    let mut quality = Box::new(QualityCore::new(
        MeterCore::new(ratings).expect("valid ratings"),
        Thresholds::of_declared(230_000_000),
    ));
    for n in 0..24_000u32 {
        let angle = f64::from(n) / RATE * 50.0 * TAU;
        let sum = |parts: &[(f64, f64, f64)], pico: u64| {
            let sum: f64 = parts.iter().map(|&(h, rms, lead)| rms * SQRT_2 * (h * angle + lead).sin()).sum();
            (sum / (pico as f64 * 1e-12)).round() as i32
        };
        let mut frame = Frame::default();
        (frame.u[0], frame.i[0]) = (sum(&u, ratings.u_pv_per_lsb), sum(&i, ratings.i_pa_per_lsb));
        quality.process_frames(&[frame]);
    }
    let near = |found: i64, truth: f64| (found as f64 * 1e-6 / truth - 1.0).abs() < 3e-4;
    let values = quality.core().values().elements[0];
    assert!(near(values.reactive_uvar, 1150.0), "{}", values.reactive_uvar);
    assert!(near(values.fundamental_uw, 1991.8584), "{}", values.fundamental_uw);
    assert!(near(values.active_uw, 2018.5116), "{}", values.active_uw);
    assert!(near(values.apparent_uva as i64, 2534.4585), "{}", values.apparent_uva);
    assert!(near(quality.budeanu_uvar(0), 1215.3012), "{}", quality.budeanu_uvar(0));
    assert_eq!(values.power_factor_per_mille(), Some(796));
    let thd = (quality.voltage_spectrum(0).thd_ppm(), quality.current_spectrum(0).thd_ppm());
    assert!(thd.0.abs_diff(109_043) < 100 && thd.1.abs_diff(447_214) < 300, "{thd:?}");
}

#[test]
fn flicker_is_told_with_the_ten_minutes_by_phase() {
    // 39 changes a minute of 0.894 % are a Pst of one; the second voltage has half of them, the third none.
    let step = |n: u64, percent: f64| {
        let up = ((n as f64 / RATE * 39.0 / 60.0) as u64).is_multiple_of(2);
        if up { 1.0 + percent / 200.0 } else { 1.0 - percent / 200.0 }
    };
    let volts = |n| [0.894, 0.447, 0.0].map(|percent| UN * step(n, percent));
    let (mut quality, _) = run(&System::pure(50.0), 75.0, volts);
    let pst = quality.take_ten_minutes().pst_per_mille.map(|pst| pst.expect("it was measured"));
    assert!((930..=1070).contains(&pst[0]) && (460..=540).contains(&pst[1]) && pst[2] < 40, "{pst:?}");
    assert_eq!(quality.take_ten_minutes().pst_per_mille, [None; 3], "each once");
}
