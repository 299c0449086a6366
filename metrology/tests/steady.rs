//! The closed form against the samples: the same load over minutes gives both the same energies and values.

use metrology::quality::{QualityCore, Thresholds};
use metrology::{
    Account, Energy, Frame, Ledger, Line, MeterCore, Phasor, Ratings, Steady, SteadyCore, SteadyElement,
};
use std::f64::consts::{SQRT_2, TAU};

const HZ: f64 = 49.97;
const RATE: f64 = 8000.0;
/// Corner of the filter that removes DC, in Hz: fs / (2π · 2^13). It takes (corner / f)²/2 off each channel.
const CORNER_HZ: f64 = RATE / TAU / 8192.0;
/// Ten cycles.
const WINDOW_S: f64 = 10.0 / HZ;

/// A state of a phase: voltage and current (A, lag in degrees), third harmonics of both in parts of one.
#[derive(Clone, Copy)]
struct Load {
    amps: f64,
    lag: f64,
    third: (f64, f64),
}

const VOLTS: [f64; 3] = [231.7, 228.4, 225.0];

/// Six states of the three phases: consumption of all kinds, one phase that feeds back, one that is idle.
fn states() -> Vec<[Load; 3]> {
    let load = |amps, lag, u3, i3| Load { amps, lag, third: (u3, i3) };
    vec![
        [load(10.0, 0.0, 0.0, 0.0), load(5.0, 30.0, 0.0, 0.0), load(2.0, -20.0, 0.0, 0.0)],
        [load(25.0, 10.0, 0.02, 0.3), load(5.0, 30.0, 0.02, 0.3), load(0.5, 60.0, 0.02, 0.3)],
        [load(12.0, 170.0, 0.0, 0.0), load(5.0, 30.0, 0.0, 0.0), load(2.0, -20.0, 0.0, 0.0)],
        [load(12.0, -150.0, 0.01, 0.1), load(0.004, 0.0, 0.0, 0.0), load(40.0, 37.0, 0.01, 0.1)],
        [load(3.0, 75.0, 0.0, 0.0), load(8.0, 12.0, 0.0, 0.0), load(40.0, 37.0, 0.0, 0.0)],
        [load(3.0, 20.0, 0.03, 0.5), load(8.0, 12.0, 0.03, 0.5), load(6.0, 5.0, 0.03, 0.5)],
    ]
}

/// Seconds of each state: no whole number of cycles, so that every change falls inside a cycle and a window.
const SECONDS: [f64; 6] = [31.013, 40.237, 35.501, 42.111, 37.777, 30.409];

fn steady(state: &[Load; 3]) -> Steady {
    let element = |n: usize| {
        let Load { amps, lag, third } = state[n];
        let nano = |value: f64| (value * 1e9).round() as i64;
        let phasor = |rms: f64, lead: f64| Phasor {
            re: nano(rms * lead.to_radians().cos()),
            im: nano(rms * lead.to_radians().sin()),
        };
        let mut element = SteadyElement::default();
        element.lines[0] = Line { order: 1, voltage: phasor(VOLTS[n], 0.0), current: phasor(amps, -lag) };
        let (u3, i3) = (phasor(VOLTS[n] * third.0, 0.0), phasor(amps * third.1, 0.0));
        element.lines[1] = Line { order: 3, voltage: u3, current: i3 };
        element
    };
    Steady::three_phase((HZ * 1e3).round() as u32, [0, 1, 2].map(element)).expect("small values")
}

/// Sample number `n`.
fn frame(state: &[Load; 3], n: u64) -> Frame {
    let ratings = Ratings::three_phase();
    let (u_step, i_step) = (ratings.u_pv_per_lsb as f64 * 1e-12, ratings.i_pa_per_lsb as f64 * 1e-12);
    let mut frame = Frame::default();
    for (phase, load) in state.iter().enumerate() {
        let angle = (n as f64 * HZ / RATE).fract() * TAU - phase as f64 * TAU / 3.0;
        let third = (3.0 * angle).sin();
        let u = VOLTS[phase] * SQRT_2 * (angle.sin() + load.third.0 * third);
        let i = load.amps * SQRT_2 * ((angle - load.lag.to_radians()).sin() + load.third.1 * third);
        (frame.u[phase], frame.i[phase]) = ((u / u_step).round() as i32, (i / i_step).round() as i32);
        frame.i[3] -= frame.i[phase];
    }
    frame
}

struct Run {
    samples: QualityCore,
    closed: SteadyCore,
    /// Sample and microsecond at which the state under way began.
    at: (u64, u64),
}

impl Run {
    fn new() -> Self {
        let core = MeterCore::new(Ratings::three_phase()).expect("good ratings");
        Self {
            samples: QualityCore::new(core, Thresholds::of_declared(230_000_000)),
            closed: SteadyCore::new(Ratings::three_phase(), Ledger::default()).expect("good ratings"),
            at: (0, 0),
        }
    }

    /// A state for so long, to the sample: an eighth of a millisecond.
    fn live(&mut self, state: &[Load; 3], seconds: f64) {
        let end = self.at.0 + (seconds * RATE) as u64;
        for from in (self.at.0..end).step_by(400) {
            let block: Vec<_> = (from..end.min(from + 400)).map(|n| frame(state, n)).collect();
            self.samples.process_frames(&block);
        }
        self.samples.core_mut().settle();
        self.closed.advance(&steady(state), end * 125 - self.at.1);
        self.at = (end, end * 125);
    }
}

/// Watt-seconds, with the part below the last digit of the register.
fn joule(energy: Energy) -> f64 {
    (energy.milliwatt_hours() as f64 + energy.rest() as f64 / (3.6e24 * RATE)) * 3.6
}

/// The bound on active energy of a phase or of several, in J: what the arithmetic of the sample path takes or gives.
#[derive(Clone, Copy, Default)]
struct Bound {
    /// To the net energy: rounding to steps of the converters; the filter of DC; cycles that a change of load cuts.
    net: f64,
    /// To import or export alone: windows in which the direction changes (or ceases) belong to one of both as a whole.
    one_way: f64,
}

fn active_w(load: &Load, phase: usize) -> f64 {
    VOLTS[phase] * load.amps * (load.lag.to_radians().cos() + load.third.0 * load.third.1)
}

fn apparent_va(load: &Load, phase: usize) -> f64 {
    VOLTS[phase] * load.amps * (1.0 + load.third.0) * (1.0 + load.third.1)
}

fn bound(phase: usize) -> Bound {
    let ratings = Ratings::three_phase();
    let (u_step, i_step) = (ratings.u_pv_per_lsb as f64 * 1e-12, ratings.i_pa_per_lsb as f64 * 1e-12);
    let (mut bound, mut before) = (Bound::default(), Load { amps: 0.0, lag: 0.0, third: (0.0, 0.0) });
    for (state, seconds) in states().iter().zip(SECONDS) {
        let load = state[phase];
        let (p, s) = (active_w(&load, phase), apparent_va(&load, phase));
        // Half a step of one channel times the mean of the other, at worst always with the same sign.
        bound.net += seconds * 0.5 * (VOLTS[phase] * i_step + load.amps * u_step);
        bound.net += (CORNER_HZ / HZ).powi(2) * s * seconds;
        // The power of a cycle swings by S about its mean at twice the frequency: up to S/ω wherever a state begins or ends; and
        // the filter of DC answers to the step with a part corner/f of it.
        bound.net += 2.0 * s / (TAU * HZ) * (1.0 + 2.0 * CORNER_HZ / HZ);
        let (was, is) = (active_w(&before, phase), p);
        if was * is <= 0.0 || was.abs().min(is.abs()) < 2.3 {
            bound.one_way += WINDOW_S * (was.abs() + is.abs());
        }
        before = load;
    }
    bound
}

fn net(account: &Account) -> f64 {
    joule(account.active.import) - joule(account.active.export)
}

#[test]
fn energies_of_minutes_agree_within_what_the_arithmetic_allows() {
    let mut run = Run::new();
    for (state, seconds) in states().iter().zip(SECONDS) {
        run.live(state, seconds);
    }
    let (measured, exact) = (run.samples.core().ledger(), run.closed.ledger());
    let mut total = Bound::default();
    for phase in 0..3 {
        let bound = bound(phase);
        let (a, b) = (&measured.elements[phase], &exact.elements[phase]);
        let off = (net(a) - net(b)).abs();
        // An idle phase is withheld window by window; at 0.9 W for one state that is no more than one window.
        assert!(off <= bound.net + 0.92 * WINDOW_S, "phase {phase}: {off} J of {} J", bound.net);
        assert!(bound.net < 5e-4 * joule(b.active.import), "the bound says something: {}", bound.net);
        for way in [|account: &Account| account.active.import, |account: &Account| account.active.export] {
            let off = (joule(way(a)) - joule(way(b))).abs();
            assert!(off <= bound.net + bound.one_way, "phase {phase}: {off} J");
        }
        (total.net, total.one_way) = (total.net + bound.net, total.one_way + bound.one_way);
        reactive_agrees(a, b, phase);
        apparent_agrees(a, b, phase);
    }
    let off = (net(&measured.total) - net(&exact.total)).abs();
    assert!(off <= total.net + WINDOW_S, "{off} J of {} J", total.net);
    assert!(joule(exact.elements[0].active.export) > 1e5 && joule(exact.total.active.import) > 1e6);
}

/// Reactive and apparent energy count whole windows: that of each change, and the open one at the end, may go either way.
fn window_bound(phase: usize, of: fn(&Load, usize) -> f64) -> f64 {
    let states = states();
    let magnitudes: Vec<_> = states.iter().map(|state| of(&state[phase], phase).abs()).collect();
    let energy: f64 = magnitudes.iter().zip(SECONDS).map(|(power, seconds)| power * seconds).sum();
    let changes = magnitudes.windows(2).map(|pair| pair[0] + pair[1]).sum::<f64>();
    let ends = magnitudes[0] + magnitudes[5];
    // The filter of DC, and the fit of the fundamental: 2e-6.
    energy * ((CORNER_HZ / HZ).powi(2) + 4e-6) + WINDOW_S * (changes + ends)
}

fn reactive_agrees(a: &Account, b: &Account, phase: usize) {
    let of = |load: &Load, phase: usize| VOLTS[phase] * load.amps * load.lag.to_radians().sin();
    let bound = window_bound(phase, of);
    for quadrant in 0..4 {
        let (got, wanted) = (joule(a.reactive[quadrant]), joule(b.reactive[quadrant]));
        assert!((got - wanted).abs() <= bound, "phase {phase} Q{}: {got} {wanted}", quadrant + 1);
    }
    let sum = |account: &Account| account.reactive.iter().map(|&energy| joule(energy)).sum::<f64>();
    assert!(sum(b) > 30.0 * bound, "the bound says something: {} {bound}", sum(b));
}

fn apparent_agrees(a: &Account, b: &Account, phase: usize) {
    let sum = |account: &Account| joule(account.apparent.import) + joule(account.apparent.export);
    let bound = window_bound(phase, apparent_va);
    assert!((sum(a) - sum(b)).abs() <= bound, "phase {phase}: {} {} {bound}", sum(a), sum(b));
}

#[test]
fn values_of_every_state_agree_within_what_a_window_allows() {
    let (mut run, mut before) = (Run::new(), [0.0; 3]);
    for state in &states() {
        run.live(state, 3.337);
        let (a, b) = (run.samples.core().values(), run.closed.values());
        for phase in 0..3 {
            let (x, y) = (&a.elements[phase], &b.elements[phase]);
            let apparent = apparent_va(&state[phase], phase) * 1e6;
            // A window ends at the sample next to a crossing of phase 0: up to one sample of some 1600 more or less, of whatever is
            // not at zero there; half a step of the converter; the filter of DC.
            let sample = 1.0 / (WINDOW_S * RATE);
            let voltage_edge = if phase == 0 { 2e-5 } else { sample };
            close(x.u_uv, y.u_uv, 231.7e6 * voltage_edge + 30.0, "voltage");
            // What is left of the step that the filter of DC has answered to, three seconds later.
            let step = before[phase] * 1e6 * SQRT_2 * CORNER_HZ / HZ * (-3.1 * TAU * CORNER_HZ).exp();
            let tail = f64::hypot(y.i_ua as f64, step) - y.i_ua as f64;
            close(x.i_ua, y.i_ua, y.i_ua as f64 * (sample + 1e-5) + tail + 8.0, "current");
            // The voltage of phase 0 within a sample of its crossing is below ω/fs of its peak.
            let edge = if phase == 0 { TAU * HZ / RATE } else { 1.0 };
            let edge = apparent * (2.0 * sample * edge + 1e-5) + 4_000.0;
            close(x.active_uw, y.active_uw, edge, "active power");
            close(x.reactive_uvar, y.reactive_uvar, edge, "reactive power");
            close(
                x.apparent_uva,
                y.apparent_uva,
                apparent * (sample + voltage_edge + 1e-5) + VOLTS[phase] * tail + 4_000.0,
                "apparent power",
            );
            before[phase] = state[phase].amps;
            if state[phase].amps > 0.1 {
                let lag = |values: &metrology::ElementValues| values.lag_mdeg().expect("a current");
                close(lag(x), lag(y), 5.0, "angle");
                let spectrum = [run.samples.voltage_spectrum(phase), run.samples.current_spectrum(phase)];
                for (got, wanted) in spectrum.iter().zip(run.closed.distortion_ppm(phase)) {
                    // Class I of 61000-4-7: five percent of what is measured, here of a twentieth of that.
                    close(got.thd_ppm(), wanted, 0.0025 * f64::from(wanted) + 100.0, "distortion");
                }
            }
        }
        close(a.voltage_lag_mdeg(1), b.voltage_lag_mdeg(1), 5.0, "angle of voltages");
        close(a.neutral_ua, b.neutral_ua, b.neutral_ua as f64 * 1e-3 + 60.0, "current of the neutral");
        assert_eq!(a.sequence, b.sequence);
        let frequency = run.samples.core().instantaneous().frequency_mhz;
        close(frequency.unwrap_or(0), run.closed.frequency_mhz().unwrap_or(1), 2.0, "frequency");
    }
}

fn close<T: TryInto<i64> + Copy>(got: T, wanted: T, bound: f64, what: &str) {
    let [got, wanted] = [got, wanted].map(|value| value.try_into().ok().expect("a small number"));
    assert!((got - wanted).abs() as f64 <= bound, "{what}: {got}, expected {wanted} within {bound}");
}
