//! One second of samples: `cargo bench -p metrology --bench core`.
//!
//! 8000 frames of three voltages, three currents and the neutral. A core of the machine is loaded by the time of one run, in percent
//! by hundredths of a second.

use divan::Bencher;
use metrology::quality::{QualityCore, Thresholds};
use metrology::{Calibration, Frame, Ledger, MeterCore, Ratings, Wiring};
use std::f64::consts::TAU;

fn main() {
    divan::main();
}

/// A second of mains with some harmonics and noise; it repeats.
fn second() -> Vec<Frame> {
    let mut noise = 1u32;
    let frame = |n: u32| {
        let mut frame = Frame::default();
        for phase in 0..3 {
            let angle = f64::from(n) * 50.0 / 8000.0 * TAU - f64::from(phase) * TAU / 3.0;
            noise = noise.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            let hum = (noise >> 26) as i32 - 32;
            frame.u[phase as usize] = ((angle.sin() + 0.03 * (5.0 * angle).sin()) * 5.4e6) as i32 + hum;
            frame.i[phase as usize] = (((angle - 0.4).sin() + 0.1 * (3.0 * angle).sin()) * 1e6) as i32 - hum;
        }
        frame
    };
    (0..8000).map(frame).collect()
}

/// Delays and gains that are not one, so that nothing is left out.
fn calibration() -> Calibration {
    let mut calibration = Calibration::default();
    for element in &mut calibration.elements {
        element.current.gain += 1_000_000;
        element.points.iter_mut().for_each(|point| point.delay = 3_000);
    }
    calibration
}

fn core(wiring: Wiring) -> MeterCore {
    let ratings = Ratings { wiring, ..Ratings::three_phase() };
    MeterCore::calibrated(ratings, &calibration(), Ledger::default()).expect("valid ratings")
}

#[divan::bench(args = [1, 3], sample_count = 50)]
fn metering(bencher: Bencher, elements: u8) {
    let wiring = if elements == 1 { Wiring::OnePhaseTwoWire } else { Wiring::ThreePhaseFourWire };
    let (frames, mut core) = (second(), core(wiring));
    bencher.bench_local(|| core.process_frames(divan::black_box(&frames)));
}

#[divan::bench(sample_count = 50)]
fn three_phases_with_power_quality(bencher: Bencher) {
    let frames = second();
    let mut quality =
        Box::new(QualityCore::new(core(Wiring::ThreePhaseFourWire), Thresholds::of_declared(230_000_000)));
    bencher.bench_local(|| quality.process_frames(divan::black_box(&frames)));
}
