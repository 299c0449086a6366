//! Counts the instructions that the metrology executes on a Cortex-M4.
//!
//! An emulated machine, on which every instruction takes one nanosecond, measures seconds of samples; its timer says how many were
//! executed. That is exact to the forty instructions of a tick, for these samples, and says nothing of wait states or of instructions that
//! take several cycles.
#![no_std]
#![no_main]

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use metrology::quality::{QualityCore, Thresholds};
use metrology::{Calibration, Frame, Ledger, MeterCore, Ratings, Wiring};
use panic_semihosting as _;

const RATE: usize = 8000;
/// Samples of a cycle, and parts of a cycle of which the phases are a third apart.
const CYCLE: usize = RATE / 50;
const STEPS: usize = 3 * CYCLE;
/// Instructions of a tick: the timer runs with 25 MHz.
const TICK: u32 = 40;
const LONGEST: u32 = 0x00FF_FFFF;
const SECONDS: u32 = 40;

#[entry]
fn main() -> ! {
    let mut timer = cortex_m::Peripherals::take().expect("nobody else").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(LONGEST);
    timer.clear_current();
    timer.enable_counter();
    let sines = sines();
    let meter = || core(Wiring::ThreePhaseFourWire);
    let mut metering = meter();
    show("metering", &sines, &mut timer, |frames| metering.process_frames(frames));
    let mut quality = QualityCore::new(meter(), Thresholds::of_declared(230_000_000));
    show("metering and power quality", &sines, &mut timer, |frames| quality.process_frames(frames));
    let mut single = core(Wiring::OnePhaseTwoWire);
    show("metering, one phase", &sines, &mut timer, |frames| single.process_frames(frames));
    debug::exit(debug::EXIT_SUCCESS);
    loop {
        cortex_m::asm::wfi();
    }
}

/// The mean second, the busiest window of ten cycles, and the busiest millisecond.
fn show(name: &str, sines: &[i32; STEPS], timer: &mut SYST, mut process: impl FnMut(&[Frame])) {
    let (mut noise, mut all, mut window, mut longest_window, mut longest) = (1, 0u64, 0, 0, 0);
    for index in 0..SECONDS as usize * 1000 {
        let frames = frames(sines, index * RATE / 1000, &mut noise);
        let before = SYST::get_current();
        process(&frames);
        let ticks = before.wrapping_sub(SYST::get_current()) & LONGEST;
        // The first seconds settle.
        if index >= 2000 {
            all += u64::from(ticks);
            longest = longest.max(ticks);
            window += ticks;
        }
        if index % 200 == 199 {
            longest_window = longest_window.max(window);
            window = 0;
        }
    }
    let second = all * u64::from(TICK) / u64::from(SECONDS - 2);
    hprintln!(
        "{}: {} instructions/s; busiest window {}/s, busiest millisecond {}",
        name,
        second,
        longest_window * TICK * 5,
        longest * TICK
    );
    let _ = timer;
}

/// A cycle of a sine with an amplitude of 2^20.
fn sines() -> [i32; STEPS] {
    // A step of 2π/480.
    const STEP: (f64, f64) = (0.013_089_595_571_344_441, 0.999_914_327_574_007_4);
    let (mut sine, mut cosine) = (0.0, 1.0);
    core::array::from_fn(|_| {
        let now = sine * 1_048_576.0;
        (sine, cosine) = (sine * STEP.1 + cosine * STEP.0, cosine * STEP.1 - sine * STEP.0);
        now as i32
    })
}

/// A millisecond of mains with some harmonics and noise.
fn frames(sines: &[i32; STEPS], from: usize, noise: &mut u32) -> [Frame; RATE / 1000] {
    core::array::from_fn(|n| {
        let mut frame = Frame::default();
        for phase in 0..3 {
            let at = (from + n) * 3 + STEPS - phase * CYCLE;
            let sine = |order: usize, lag: usize| sines[(at * order + STEPS * order - lag * order) % STEPS];
            *noise = noise.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            let hum = (*noise >> 26) as i32 - 32;
            frame.u[phase] = 5 * sine(1, 0) + sine(5, 0) / 7 + hum;
            frame.i[phase] = sine(1, 31) + sine(3, 31) / 10 - hum;
        }
        frame
    })
}

/// Delays and gains that are not one, so that nothing is left out.
fn core(wiring: Wiring) -> MeterCore {
    let mut calibration = Calibration::default();
    for element in &mut calibration.elements {
        element.current.gain += 1_000_000;
        element.points.iter_mut().for_each(|point| point.delay = 3_000);
    }
    let ratings = Ratings { wiring, ..Ratings::three_phase() };
    MeterCore::calibrated(ratings, &calibration, Ledger::default()).expect("valid ratings")
}
