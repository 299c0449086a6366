//! Wiring faults, from samples to their names.

use metrology::{Arrangement, Diagnosis, Frame, MeterCore, Ratings, Values, WiringWatch};
use std::f64::consts::{SQRT_2, TAU};

/// 230 V, 10 A in each phase, lagging by `phi`, connected as `arrangement` says, voltages by `volts`.
fn measured(arrangement: &Arrangement, phi: f64, volts: [f64; 3], amps: [f64; 3]) -> Values {
    let ratings = Ratings::three_phase();
    let (u_step, i_step) = (ratings.u_pv_per_lsb as f64 * 1e-12, ratings.i_pa_per_lsb as f64 * 1e-12);
    let mut core = MeterCore::new(ratings).expect("valid ratings");
    let frames: Vec<Frame> = (0..16_000u32)
        .map(|n| {
            let angle = |phase: f64| f64::from(n) * 50.0 / 8000.0 * TAU - phase * TAU / 3.0;
            let mut frame = Frame::default();
            for element in 0..3 {
                let phase = f64::from(arrangement.phase[element]);
                let sign = if arrangement.reversed[element] { -1.0 } else { 1.0 };
                let current = amps[usize::from(arrangement.phase[element])];
                frame.u[element] =
                    (volts[element] * SQRT_2 * angle(element as f64).sin() / u_step).round() as i32;
                frame.i[element] =
                    (sign * current * SQRT_2 * (angle(phase) - phi).sin() / i_step).round() as i32;
            }
            frame
        })
        .collect();
    core.process_frames(&frames);
    *core.values()
}

const GOOD: [f64; 3] = [230.0; 3];
const BALANCED: [f64; 3] = [10.0; 3];

/// The fault, its name, and ΣP, ΣQ at power factor 1 and at 0.866 inductive.
type Fault = ([u8; 3], [bool; 3], &'static str, [f64; 4]);

const FAULTS: [Fault; 8] = [
    ([0, 1, 2], [false, false, false], "correct", [6900.0, 0.0, 5975.6, 3450.0]),
    ([0, 1, 2], [true, false, false], "current reversed in element 1", [2300.0, 0.0, 1991.9, 1150.0]),
    ([0, 1, 2], [true, true, false], "current reversed in element 1 2", [-2300.0, 0.0, -1991.9, -1150.0]),
    ([0, 1, 2], [true, true, true], "all currents reversed", [-6900.0, 0.0, -5975.6, -3450.0]),
    ([1, 0, 2], [false, false, false], "currents of 1 and 2 swapped", [0.0; 4]),
    (
        [1, 2, 0],
        [false, false, false],
        "currents rotated: 1 has 2, 2 has 3, 3 has 1",
        [-3450.0, 5975.6, -5975.6, 3450.0],
    ),
    (
        [2, 0, 1],
        [false, false, false],
        "currents rotated: 1 has 3, 2 has 1, 3 has 2",
        [-3450.0, -5975.6, 0.0, -6900.0],
    ),
    (
        [1, 0, 2],
        [true, false, false],
        "currents of 1 and 2 swapped; current reversed in element 1",
        [2300.0, -3983.7, 3983.7, -2300.0],
    ),
];

#[test]
fn each_fault_has_its_powers_and_is_told_by_its_name() {
    for (phase, reversed, name, powers) in FAULTS {
        let arrangement = Arrangement { phase, reversed };
        for (phi, wanted) in [(0.0, &powers[..2]), (TAU / 12.0, &powers[2..])] {
            let values = measured(&arrangement, phi, GOOD, BALANCED);
            let found = [values.active_uw, values.reactive_uvar].map(|micro| micro as f64 * 1e-6);
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 0.6, "{name}, {phi}: {found} instead of {wanted}");
            }
            let diagnosis = Diagnosis::new(&values, &Ratings::three_phase());
            assert_eq!(diagnosis.to_string(), name, "{phi}");
            assert_eq!(diagnosis.is_correct(), name == "correct");
        }
    }
}

#[test]
fn every_arrangement_is_told_apart_when_the_loads_differ() {
    for arrangement in Arrangement::all() {
        for phi in [-0.2, 0.1, 0.5] {
            let values = measured(&arrangement, phi, [231.0, 228.0, 233.0], [4.0, 10.0, 7.0]);
            let found = Diagnosis::new(&values, &Ratings::three_phase()).arrangement;
            assert_eq!(found, Some(arrangement), "{arrangement}, {phi}");
        }
    }
}

#[test]
fn missing_voltages_and_currents_are_named() {
    let name = |volts, amps| {
        let values = measured(&Arrangement::CORRECT, 0.2, volts, amps);
        Diagnosis::new(&values, &Ratings::three_phase()).to_string()
    };
    assert_eq!(
        name([230.0, 90.0, 230.0], BALANCED),
        "arrangement of the currents unknown; voltage missing in element 2"
    );
    assert_eq!(
        name(GOOD, [10.0, 0.0, 10.0]),
        "arrangement of the currents unknown; current missing in element 2"
    );
    assert_eq!(
        name([230.0, 400.0, 400.0], BALANCED),
        "correct; neutral on the terminal of a phase, high voltage in element 2 3"
    );
    assert_eq!(name(GOOD, [73.0, 10.0, 10.0]), "correct; current a fifth above Imax, check the ratio");
}

#[test]
fn a_reversed_sequence_is_told_and_the_watch_waits_for_five_seconds() {
    let reversed = {
        let mut values = measured(&Arrangement::CORRECT, 0.2, GOOD, BALANCED);
        values.elements.swap(1, 2);
        Values { sequence: metrology::PhaseSequence::Reversed, ..values }
    };
    let (ratings, mut watch) = (Ratings::three_phase(), WiringWatch::default());
    assert!((0..24).all(|_| watch.on_window(&reversed, &ratings).is_none()));
    let told = watch.on_window(&reversed, &ratings).expect("it has stood for 25 windows");
    assert_eq!(told.to_string(), "arrangement of the currents unknown; phase sequence reversed");
    assert!(watch.on_window(&reversed, &ratings).is_none());
}
