//! Errors against the truth, in the conditions of IEC 62053-21.

mod wave;

use metrology::{MeterCore, Ratings, Registers};
use wave::Wave;

const PHI_05_IND: f64 = std::f64::consts::FRAC_PI_3;
const PHI_08_CAP: f64 = -0.643_501_108_793_284_4;

fn wh(registers: Registers) -> (f64, f64) {
    let of = |e: metrology::Energy| e.milliwatt_hours() as f64 * 1e-3;
    (of(registers.import), of(registers.export))
}

/// Meters `seconds` of the wave; gives the core and the true energy in Wh.
fn metered(ratings: Ratings, wave: &Wave, seconds: usize) -> (MeterCore, f64) {
    let mut core = MeterCore::new(ratings).expect("valid ratings");
    let len = ratings.sample_rate_hz as usize * seconds;
    let (u, i, truth) = wave.samples(&ratings, 0, len);
    core.process(&u, &i);
    core.settle();
    (core, truth)
}

/// Error in percent, with the part of the register below its last digit included.
fn error_percent(core: &MeterCore, truth: f64) -> f64 {
    let e = core.registers().import;
    let rest_mwh = e.rest() as f64 / (3.6e24 * f64::from(core.ratings().sample_rate_hz));
    ((e.milliwatt_hours() as f64 + rest_mwh) * 1e-3 / truth - 1.0) * 100.0
}

/// The class 1 table for balanced loads: current in Ib (Imax = 12 Ib), phase angle, limit in percent.
fn class_1_points() -> Vec<(f64, f64, f64)> {
    let mut points = vec![(0.05, 0.0, 1.5), (0.07, 0.0, 1.5), (0.099, 0.0, 1.5)];
    points.extend([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 12.0].map(|i| (i, 0.0, 1.0)));
    for phi in [PHI_05_IND, PHI_08_CAP] {
        points.extend([0.1, 0.15, 0.199].map(|i| (i, phi, 1.5)));
        points.extend([0.2, 0.5, 1.0, 2.0, 5.0, 12.0].map(|i| (i, phi, 1.0)));
    }
    points
}

#[test]
fn errors_stay_far_within_class_1_over_the_whole_table() {
    for (ib, phi, limit) in class_1_points() {
        for hz in [49.0, 50.0, 51.0] {
            let mut wave = Wave::sine(hz, 230.0, ib * 5.0, phi);
            wave.noise = 20.0;
            wave.dc = (1.0, 0.01);
            let (core, truth) = metered(Ratings::household(), &wave, 6);
            let error = error_percent(&core, truth);
            assert!(error.abs() < limit / 20.0, "{ib} Ib, phi {phi}, {hz} Hz: {error} %");
            assert_eq!(wh(core.registers()).1, 0.0);
        }
    }
}

#[test]
fn the_fifth_harmonic_counts_its_four_percent() {
    let mut wave = Wave::sine(50.0, 230.0, 30.0, 0.0);
    wave.u.push((5.0, 23.0, 5.0 * 0.3));
    wave.i.push((5.0, 12.0, 5.0 * 0.3));
    assert!((wave.power_w() / (230.0 * 30.0) - 1.04).abs() < 1e-12);
    let (core, truth) = metered(Ratings::household(), &wave, 5);
    assert!(error_percent(&core, truth).abs() < 0.01, "{}", error_percent(&core, truth));
    let mw = core.instantaneous().active_power_mw as f64;
    assert!((mw / wave.power_w() / 1e3 - 1.0).abs() < 2e-4, "{mw}");
}

#[test]
fn a_distorted_wave_has_the_rms_values_and_power_of_theory() {
    let degrees = |d: f64| d.to_radians();
    let wave = Wave {
        hz: 50.0,
        u: vec![(1.0, 230.0, 0.0), (3.0, 10.0, degrees(40.0)), (5.0, 23.0, 0.0)],
        i: vec![(1.0, 10.0, degrees(-30.0)), (3.0, 4.0, degrees(10.0)), (5.0, 2.0, degrees(-100.0))],
        dc: (0.0, 0.0),
        noise: 2.0,
    };
    let (core, _) = metered(Ratings::household(), &wave, 5);
    let now = core.instantaneous();
    assert!((now.u_uv as f64 * 1e-6 / 231.3634 - 1.0).abs() < 1e-4, "{now:?}");
    assert!((now.i_ua as f64 * 1e-6 / 10.9545 - 1.0).abs() < 1e-4, "{now:?}");
    assert!((now.active_power_mw as f64 * 1e-3 / 2018.5116 - 1.0).abs() < 2e-4, "{now:?}");
}

#[test]
fn the_meter_starts_at_the_starting_current_in_both_directions() {
    for phi in [0.0, std::f64::consts::PI] {
        let wave = Wave::sine(50.0, 230.0, 0.020, phi);
        let (core, truth) = metered(Ratings::household(), &wave, 60);
        let (import, export) = wh(core.registers());
        let (with, against) = if phi == 0.0 { (import, export) } else { (export, import) };
        assert!((with / truth.abs() - 1.0).abs() < 0.02, "{with} {truth}");
        assert_eq!(against, 0.0);
    }
}

#[test]
fn without_current_the_meter_stands_still() {
    // 1.15 Un, current circuit open, for 600e6 / (k · m · Un · Imax) = 43.5 min at 1000 imp/kWh: at
    // most one pulse. Here not a milliwatt-hour, with noise and some crosstalk of the voltage.
    let mut wave = Wave::sine(50.0, 264.5, 0.002, 0.0);
    wave.noise = 30.0;
    let ratings = Ratings::household();
    let mut core = MeterCore::new(ratings).expect("valid ratings");
    let (u, i, _) = wave.samples(&ratings, 0, 8000);
    (0..2610).for_each(|_| core.process(&u, &i));
    core.settle();
    assert_eq!(core.registers(), Registers::default());
    assert_eq!(core.instantaneous().frequency_mhz, Some(50_000));
}

#[test]
fn exported_energy_goes_to_its_own_register() {
    let ratings = Ratings::household();
    let mut core = MeterCore::new(ratings).expect("valid ratings");
    let (mut truth, mut from) = ([0.0; 2], 0);
    for (way, watts) in [(0, 2300.0), (1, -4600.0), (0, 1150.0), (1, -230.0)] {
        let phi = if watts < 0.0 { std::f64::consts::PI } else { 0.0 };
        let (u, i, e) =
            Wave::sine(50.0, 230.0, f64::abs(watts) / 230.0, phi).samples(&ratings, from, 8000 * 4);
        core.process(&u, &i);
        core.settle();
        truth[way] += e.abs();
        from += 8000 * 4;
    }
    let (import, export) = wh(core.registers());
    // A window that spans a change of direction is credited as a whole: up to 0.2 s of the weaker flow.
    assert!(
        (import - truth[0]).abs() < 0.1 && (export - truth[1]).abs() < 0.1,
        "{import} {export} {truth:?}"
    );
    let net = (import - export) - (truth[0] - truth[1]);
    assert!(net.abs() < 0.002, "{net}");
}

#[test]
fn frequency_is_read_to_a_few_millihertz_between_49_and_51() {
    for hz in [47.5, 49.0, 49.5, 49.98, 50.0, 50.01, 50.5, 51.0, 52.5, 60.0] {
        let mut wave = Wave::sine(hz, 230.0, 1.0, 0.0);
        wave.u.extend([(3.0, 11.0, 1.0), (5.0, 13.0, 2.0), (7.0, 11.0, 0.5)]);
        wave.noise = 100.0;
        let (core, _) = metered(Ratings::household(), &wave, 4);
        let read = f64::from(core.instantaneous().frequency_mhz.unwrap()) * 1e-3;
        assert!((read - hz).abs() < 0.002, "{hz} {read}");
    }
}

#[test]
fn without_voltage_there_is_no_frequency_and_no_energy() {
    let ratings = Ratings::household();
    let (mut core, _) = metered(ratings, &Wave::sine(50.0, 230.0, 5.0, 0.0), 3);
    let before = core.registers();
    let (u, i, _) = Wave::sine(50.0, 0.0, 5.0, 0.0).samples(&ratings, 24_000, 16_000);
    core.process(&u, &i);
    let now = core.instantaneous();
    assert_eq!(now.frequency_mhz, None);
    assert!(now.active_power_mw.abs() < 100, "{now:?}");
    assert!(now.u_uv < 2_000_000 && (now.i_ua as f64 * 1e-6 - 5.0).abs() < 0.01, "{now:?}");
    let lost = core.registers().import.milliwatt_hours() - before.import.milliwatt_hours();
    assert!(lost <= 65, "{lost}");
}

#[test]
fn energy_over_a_day_does_not_drift_from_the_exact_sum() {
    // The same second 86 400 times: the truth is one sum, multiplied.
    let ratings = Ratings { sample_rate_hz: 4000, ..Ratings::household() };
    let (u, i, _) = Wave::sine(50.0, 231.7, 0.157, 0.2).samples(&ratings, 0, 4000);
    let exact: i128 = u.iter().zip(&i).map(|(&u, &i)| i128::from(u) * i128::from(i)).sum();
    let lsb2 = i128::from(ratings.u_pv_per_lsb) * i128::from(ratings.i_pa_per_lsb);
    let mut core = MeterCore::new(ratings).expect("valid ratings");
    // Let the high-pass forget its start before the day begins.
    (0..30).for_each(|_| core.process(&u, &i));
    core.settle();
    let start = core.registers().import;
    (0..86_400).for_each(|_| core.process(&u, &i));
    core.settle();
    let end = core.registers().import;
    let unit = 3_600_000_000_000_000_000_000_000i128 * 4000;
    let counted = i128::from(end.milliwatt_hours() - start.milliwatt_hours()) * unit + end.rest() as i128
        - start.rest() as i128;
    let truth = exact * lsb2 * 86_400;
    let ppm = (counted - truth) * 1_000_000 / truth;
    assert!(ppm.abs() <= 40, "{ppm} ppm of {} mWh", truth / unit);
}
