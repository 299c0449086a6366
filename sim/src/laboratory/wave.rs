//! What the source of the laboratory can make.

use super::band::Banded;
use std::f64::consts::{SQRT_2, TAU};

/// A sinusoid at a multiple of the frequency of the mains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sine {
    /// Multiple of the frequency of the mains; need not be whole.
    pub order: f64,
    /// RMS value, in V or A.
    pub rms: f64,
    /// Lead before the sine of the mains, in radians of its own.
    pub lead: f64,
}

/// A current that is not a sum of sinusoids: what part of a sine of `rms` that leads by `lead` flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Only the positive half waves: DC and even harmonics.
    HalfWave,
    /// Only the second quarter of each half wave, as of a phase-fired load: odd harmonics.
    PhaseFired,
    /// Two cycles on, two off, as of a burst-fired load: sub-harmonics.
    Burst,
}

/// The course of a voltage or a current.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wave {
    /// Its sinusoids; the first is the fundamental.
    pub parts: Vec<Sine>,
    /// What lets it through, in step with the first sinusoid.
    pub gate: Option<Gate>,
    /// A constant part, in V or A.
    pub dc: f64,
}

impl Wave {
    /// A sine of `rms` that leads by `lead` radians.
    pub fn sine(rms: f64, lead: f64) -> Self {
        Self { parts: vec![Sine { order: 1.0, rms, lead }], ..Self::default() }
    }

    /// The same with one more sinusoid: a share of the fundamental, whose lead is given against the fundamental's own zero.
    pub fn with(mut self, order: f64, share: f64, lead: f64) -> Self {
        let first = self.parts.first().copied().unwrap_or(Sine { order: 1.0, rms: 0.0, lead: 0.0 });
        self.parts.push(Sine { order, rms: first.rms * share, lead: first.lead * order + lead });
        self
    }

    /// The same behind a gate.
    pub fn gated(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Its value after so many turns of the mains.
    pub fn at(&self, turns: f64) -> f64 {
        let sines = self.parts.iter().map(|part| {
            let angle = (part.order * turns).fract() * TAU + part.lead;
            part.rms * SQRT_2 * angle.sin()
        });
        let value: f64 = sines.sum();
        let open = self.gate.is_none_or(|gate| gate.is_open(turns + self.parts[0].lead / TAU));
        self.dc + if open { value } else { 0.0 }
    }

    /// RMS value without a gate.
    pub fn rms(&self) -> f64 {
        self.parts.iter().map(|part| part.rms * part.rms).sum::<f64>().sqrt().hypot(self.dc)
    }
}

/// Plays a wave sample by sample: the same as [`Wave::at`], but the sinusoids are rotated from sample to sample instead of computed,
/// and computed anew every thousand samples. Of a wave with edges it plays what lies in the band of a converter.
#[derive(Clone, Debug)]
pub struct Player {
    wave: Wave,
    /// Turns of the mains by sample.
    step: f64,
    next: u64,
    parts: Vec<Part>,
    /// Of a wave with edges: in time, and late.
    banded: Option<[Banded; 2]>,
}

/// A sinusoid that is being played.
#[derive(Clone, Copy, Debug)]
struct Part {
    peak: f64,
    /// Sine and cosine now, of a step, and of the lateness.
    now: (f64, f64),
    step: (f64, f64),
    late: (f64, f64),
}

/// Samples after which the sinusoids are computed anew.
const ANEW: u64 = 1024;

impl Player {
    /// A player of `wave` at `step` turns of the mains a sample, whose second output is `late` turns late.
    pub fn new(wave: &Wave, step: f64, late: f64) -> Self {
        let of = |sine: &Sine| Part {
            peak: sine.rms * SQRT_2,
            now: (0.0, 1.0),
            step: (sine.order * step * TAU).sin_cos(),
            late: (sine.order * late * TAU).sin_cos(),
        };
        let banded = wave.gate.map(|_| [0.0, late].map(|late| Banded::new(wave, step, late)));
        Self { wave: wave.clone(), step, next: 0, parts: wave.parts.iter().map(of).collect(), banded }
    }

    /// The next sample: in time, and late.
    pub fn next_sample(&mut self) -> (f64, f64) {
        if let Some([now, late]) = &mut self.banded {
            return (now.next_sample(), late.next_sample());
        }
        let turns = self.next as f64 * self.step;
        if self.next.is_multiple_of(ANEW) {
            for (part, sine) in self.parts.iter_mut().zip(&self.wave.parts) {
                part.now = ((sine.order * turns).fract() * TAU + sine.lead).sin_cos();
            }
        }
        self.next += 1;
        let (mut value, mut late) = (0.0, 0.0);
        for part in &mut self.parts {
            let (s, c) = part.now;
            value += part.peak * s;
            late += part.peak * (s * part.late.1 - c * part.late.0);
            part.now = (s * part.step.1 + c * part.step.0, c * part.step.1 - s * part.step.0);
        }
        (self.wave.dc + value, self.wave.dc + late)
    }
}

impl Gate {
    fn is_open(self, turns: f64) -> bool {
        match self {
            Self::HalfWave => turns.rem_euclid(1.0) < 0.5,
            Self::PhaseFired => turns.rem_euclid(0.5) >= 0.25,
            Self::Burst => turns.rem_euclid(4.0) < 2.0,
        }
    }
}

/// What the source feeds into a meter: the voltages and currents of its elements, and the current of the neutral.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Frequency of the mains, in Hz.
    pub hz: f64,
    /// Voltages of the elements.
    pub u: [Wave; 3],
    /// Currents of the elements, and of the neutral.
    pub i: [Wave; 4],
}

/// A third of a turn, in radians.
pub const THIRD: f64 = TAU / 3.0;

impl Load {
    /// Voltages of `volts` and currents of `amps` that lag by `phi`, on the elements of a meter with one, two (three wires) or three.
    pub fn balanced(elements: usize, volts: f64, amps: f64, phi: f64) -> Self {
        let mut load = Self { hz: 50.0, u: Default::default(), i: Default::default() };
        for n in 0..elements {
            let (of_u, of_i) = match (elements, n) {
                // Voltages 1-2 and 3-2 lead the phase voltage of 1 by 30° and by 90°; the currents are of phases 1 and 3.
                (2, 0) => (TAU / 12.0, 0.0),
                (2, _) => (TAU / 4.0, THIRD),
                _ => (-THIRD * n as f64, -THIRD * n as f64),
            };
            load.u[n] = Wave::sine(volts, of_u);
            load.i[n] = Wave::sine(amps, of_i - phi);
        }
        if elements == 1 {
            load.i[3] = load.i[0].clone();
        }
        load
    }

    /// The same with current in one element alone.
    pub fn single(mut self, element: usize) -> Self {
        for (n, i) in self.i.iter_mut().enumerate().filter(|(n, _)| *n != element) {
            *i = if n == 3 { i.clone() } else { Wave::default() };
        }
        self.i[3] = self.i[element].clone();
        self
    }

    /// The same at another frequency.
    pub fn at_hz(mut self, hz: f64) -> Self {
        self.hz = hz;
        self
    }

    /// The same with phases 2 and 3 exchanged.
    pub fn reversed(mut self) -> Self {
        self.u.swap(1, 2);
        self.i.swap(1, 2);
        self
    }

    /// The same without the voltages of these elements.
    pub fn interrupted(mut self, elements: &[usize]) -> Self {
        elements.iter().for_each(|&n| self.u[n] = Wave::default());
        self
    }

    /// The same with each voltage and each current changed.
    pub fn shaped(mut self, u: impl Fn(Wave) -> Wave, i: impl Fn(Wave) -> Wave) -> Self {
        self.u = self.u.map(|wave| if wave.parts.is_empty() { wave } else { u(wave) });
        self.i = self.i.map(|wave| if wave.parts.is_empty() { wave } else { i(wave) });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_power(load: &Load, elements: usize) -> f64 {
        let count = 160_000;
        let power = |n: usize| {
            let turns = f64::from(n as u32) * 40.0 / f64::from(count);
            (0..elements).map(|k| load.u[k].at(turns) * load.i[k].at(turns)).sum::<f64>()
        };
        (0..count as usize).map(power).sum::<f64>() / f64::from(count)
    }

    #[test]
    fn three_elements_and_two_see_the_power_of_the_system() {
        for phi in [0.0, 0.5, 1.2, -0.6] {
            let four = mean_power(&Load::balanced(3, 230.0, 10.0, phi), 3);
            assert!((four - 6900.0 * phi.cos()).abs() < 1e-6);
            let three = mean_power(&Load::balanced(2, 400.0, 10.0, phi), 2);
            assert!((three - 3f64.sqrt() * 4000.0 * phi.cos()).abs() < 1e-6, "{phi}: {three}");
        }
    }

    #[test]
    fn a_player_plays_what_the_wave_is() {
        let wave = Wave { dc: 0.5, ..Wave::sine(10.0, 0.7).with(5.0, 0.3, 1.0).with(2.5, 0.1, 0.0) };
        let mut player = Player::new(&wave, 51.0 / 8000.0, 0.003);
        for n in 0..5000 {
            let (turns, (now, late)) = (f64::from(n) * 51.0 / 8000.0, player.next_sample());
            assert!((now - wave.at(turns)).abs() < 1e-9, "{n}");
            assert!((late - wave.at(turns - 0.003)).abs() < 1e-9, "{n}");
        }
    }

    #[test]
    fn gated_currents_carry_the_power_of_theory() {
        for gate in [Gate::HalfWave, Gate::PhaseFired, Gate::Burst] {
            let load = Load::balanced(1, 230.0, 10.0, 0.0).shaped(|u| u, |i| i.gated(gate));
            assert!((mean_power(&load, 1) - 1150.0).abs() < 2.0, "{gate:?}");
        }
        let fifth =
            Load::balanced(1, 230.0, 10.0, 0.0).shaped(|u| u.with(5.0, 0.1, 0.0), |i| i.with(5.0, 0.4, 0.0));
        assert!((mean_power(&fifth, 1) - 2392.0).abs() < 1e-6);
    }
}
