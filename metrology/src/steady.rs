//! What is measured of a load that does not change, in closed form.

use crate::energy::{Registers, Unit};
use crate::ledger::{Ledger, LedgerKeeper, PowerSums};
use crate::phasor::{Phasor, THIRD};
use crate::ratings::{RatingError, Ratings, Wiring};
use crate::values::{ElementValues, Values};
use ::core::fmt;

/// Orders that an element may have: the fundamental and seven harmonics.
pub const LINES_MAX: usize = 8;
/// The largest RMS value of an element, in nV or nA: 4.4 kV, 4.4 kA. Its energy over two minutes fits 128 bits.
pub const RMS_MAX_NANO: u64 = 1 << 42;

/// One order of the spectrum of an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its order: 1 for the fundamental, 0 for none.
    pub order: u8,
    /// The voltage: RMS in nV.
    pub voltage: Phasor,
    /// The current: RMS in nA.
    pub current: Phasor,
}

/// Voltage and current of an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SteadyElement {
    /// By how much the element leads element 0, a turn being 2^32; harmonics by as much more as their order says.
    pub angle: u32,
    /// The fundamental, then harmonics, about `angle`. Orders of zero count for nothing.
    pub lines: [Line; LINES_MAX],
}

impl SteadyElement {
    /// A sinusoidal voltage with a current in phase with it and one that lags it by a quarter of a turn: RMS in µV and µA,
    /// negative currents flow back.
    pub const fn sinusoidal(u_uv: i64, in_phase_ua: i64, lagging_ua: i64) -> Self {
        let mut lines = [Line { order: 0, voltage: ZERO, current: ZERO }; LINES_MAX];
        lines[0] = Line {
            order: 1,
            voltage: Phasor { re: u_uv.saturating_mul(1000), im: 0 },
            current: Phasor { re: in_phase_ua.saturating_mul(1000), im: lagging_ua.saturating_mul(-1000) },
        };
        Self { angle: 0, lines }
    }

    /// The same at another angle.
    pub const fn at(self, angle: u32) -> Self {
        Self { angle, ..self }
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.order > 0)
    }

    /// Mean power, in 1e-18 W, exactly \[Parseval\].
    fn active(&self) -> i128 {
        self.lines().map(|line| line.voltage.dot(line.current)).sum()
    }

    /// Of the fundamental alone: active and reactive power, in 1e-18 W.
    fn fundamental(&self) -> (i128, i128) {
        let of = |line: &Line| (line.voltage.dot(line.current), line.voltage.cross(line.current));
        self.lines().find(|line| line.order == 1).map_or((0, 0), of)
    }

    /// RMS values of voltage and current, in nV and nA.
    fn rms(&self) -> (u64, u64) {
        let root = |part: fn(&Line) -> Phasor| self.squares(part).isqrt() as u64;
        (root(|line| line.voltage), root(|line| line.current))
    }

    fn squares(&self, part: fn(&Line) -> Phasor) -> u128 {
        self.lines().map(|line| square(part(line))).sum()
    }

    /// Harmonics by the fundamental, in millionths; none without a fundamental.
    fn distortion_ppm(&self, part: fn(&Line) -> Phasor) -> u32 {
        let fundamental: u128 =
            self.lines().filter(|line| line.order == 1).map(|line| square(part(line))).sum();
        let harmonics = (self.squares(part) - fundamental).isqrt();
        let ppm = (harmonics * 1_000_000).checked_div(fundamental.isqrt()).unwrap_or(0);
        u32::try_from(ppm).unwrap_or(u32::MAX)
    }

    fn is_in_range(&self) -> bool {
        let small = |part: i64| part.unsigned_abs() <= RMS_MAX_NANO;
        let both = |phasor: Phasor| small(phasor.re) && small(phasor.im);
        let lines_fit = self.lines().all(|line| both(line.voltage) && both(line.current));
        lines_fit && self.rms().0 <= RMS_MAX_NANO && self.rms().1 <= RMS_MAX_NANO
    }
}

const ZERO: Phasor = Phasor { re: 0, im: 0 };

fn square(phasor: Phasor) -> u128 {
    phasor.dot(phasor).unsigned_abs()
}

/// The state of the mains and of the load while neither changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steady {
    frequency_mhz: u32,
    elements: [SteadyElement; 3],
}

/// Why a state is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SteadyError {
    /// The element whose RMS value exceeds [`RMS_MAX_NANO`].
    pub element: usize,
}

impl fmt::Display for SteadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "element {}: voltage or current out of range, expected at most {RMS_MAX_NANO} nV or nA",
            self.element
        )
    }
}

impl ::core::error::Error for SteadyError {}

impl Steady {
    /// The elements at a frequency in mHz; elements that the wiring does not have count for nothing.
    ///
    /// # Errors
    /// An element whose RMS voltage or current is above [`RMS_MAX_NANO`].
    pub fn new(frequency_mhz: u32, elements: [SteadyElement; 3]) -> Result<Self, SteadyError> {
        match elements.iter().position(|element| !element.is_in_range()) {
            Some(element) => Err(SteadyError { element }),
            None => Ok(Self { frequency_mhz, elements }),
        }
    }

    /// Three phases in forward order, each with a state of its own about its own voltage.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn three_phase(frequency_mhz: u32, phases: [SteadyElement; 3]) -> Result<Self, SteadyError> {
        let [first, second, third] = phases;
        Self::new(frequency_mhz, [first.at(0), second.at(THIRD.wrapping_mul(2)), third.at(THIRD)])
    }

    /// RMS of the sum of the currents of all elements, in nA: order by order, because only equal orders add up as phasors.
    fn residual(&self) -> u64 {
        let mut sum: u128 = 0;
        for order in 1..=u8::MAX {
            let of = |element: &SteadyElement| {
                let line = element.lines().find(|line| line.order == order)?;
                Some(line.current.turned(element.angle.wrapping_mul(order.into())))
            };
            let currents = self.elements.iter().filter_map(of);
            sum += square(currents.fold(ZERO, Phasor::plus));
        }
        sum.isqrt() as u64
    }

    fn values(&self, ratings: &Ratings) -> Values {
        let mut values = Values::default();
        let count = ratings.wiring.elements();
        for (shown, element) in values.elements.iter_mut().zip(&self.elements).take(count) {
            *shown = shown_values(element);
        }
        values.add_up(ratings.wiring);
        values.residual_ua = match ratings.wiring {
            Wiring::OnePhaseTwoWire => values.elements[0].i_ua,
            Wiring::ThreePhaseFourWire => self.residual() / 1000,
            Wiring::ThreePhaseThreeWire => 0,
        };
        values.neutral_ua = values.residual_ua;
        values.sequence = values.sequence_of(ratings);
        values
    }
}

fn shown_values(element: &SteadyElement) -> ElementValues {
    let (u, i) = element.rms();
    let (fundamental, reactive) = element.fundamental();
    let first = element.lines().find(|line| line.order == 1).copied().unwrap_or_default();
    let micro = |atto: i128| (atto / 1_000_000_000_000) as i64;
    ElementValues {
        u_uv: u / 1000,
        i_ua: i / 1000,
        active_uw: micro(element.active()),
        fundamental_uw: micro(fundamental),
        reactive_uvar: micro(reactive),
        apparent_uva: (u128::from(u) * u128::from(i) / 1_000_000_000_000) as u64,
        voltage: first.voltage.turned(element.angle),
        current: first.current.turned(element.angle),
    }
}

/// The longest stretch that is counted at once, in µs: some two minutes.
const PIECE_US: u64 = 1 << 27;

/// A measurement of loads that do not change, for simulations of many meters: no samples, no windows, and the same registers as
/// [`crate::MeterCore`] has.
///
/// Energy is power times time, summed in 1e-24 J: nothing is rounded but the register that shows milliwatt-hours, and the rest below one
/// is kept in the unit that samples use, so that a ledger may go from one to the other. Anti-creep, signs, quadrants and the total
/// follow the same rules, for a stretch of time instead of a window.
///
/// What it leaves out is what waveforms alone have: the error of the converters, events of half cycles, and the windows in which a
/// load changes, whose direction the sample path decides by their mean.
#[derive(Clone, Debug)]
pub struct SteadyCore {
    ratings: Ratings,
    ledger: LedgerKeeper,
    values: Values,
    /// Distortion of voltage and current of each element, in millionths.
    distortion_ppm: [[u32; 2]; 3],
    frequency_mhz: Option<u32>,
}

impl SteadyCore {
    /// Goes on from `ledger`.
    ///
    /// # Errors
    /// See [`Ratings::check`].
    pub fn new(ratings: Ratings, ledger: Ledger) -> Result<Self, RatingError> {
        ratings.check()?;
        Ok(Self {
            ledger: LedgerKeeper::with_unit(&ratings, ledger, Unit::yoctojoule(&ratings)),
            values: Values::default(),
            distortion_ppm: [[0; 2]; 3],
            frequency_mhz: None,
            ratings,
        })
    }

    /// The mains and the load have been like this for `us` microseconds.
    pub fn advance(&mut self, steady: &Steady, us: u64) {
        self.values = steady.values(&self.ratings);
        self.frequency_mhz = self.is_supplied().then_some(steady.frequency_mhz);
        for (shown, element) in self.distortion_ppm.iter_mut().zip(&steady.elements) {
            *shown =
                [element.distortion_ppm(|line| line.voltage), element.distortion_ppm(|line| line.current)];
        }
        let mut left = us;
        while left > 0 {
            let piece = left.min(PIECE_US);
            left -= piece;
            let count = self.ratings.wiring.elements();
            self.ledger.on_sums(sums(&steady.elements[..count], piece), &self.values);
        }
    }

    /// The registers of the total active energy.
    pub fn registers(&self) -> Registers {
        self.ledger.registers()
    }

    /// All registers.
    pub fn ledger(&self) -> Ledger {
        self.ledger.ledger()
    }

    /// The values of the last stretch.
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Total harmonic distortion of voltage and current of an element, in millionths of the fundamental.
    pub const fn distortion_ppm(&self, element: usize) -> [u32; 2] {
        self.distortion_ppm[element]
    }

    /// The frequency, in mHz; `None` while all voltages are below a tenth of Un.
    pub const fn frequency_mhz(&self) -> Option<u32> {
        self.frequency_mhz
    }

    fn is_supplied(&self) -> bool {
        let least = u64::from(self.ratings.un_mv) * 100;
        self.values.elements.iter().any(|element| element.u_uv >= least)
    }
}

/// Energy of the elements over `us` microseconds, in 1e-24 J.
fn sums(elements: &[SteadyElement], us: u64) -> PowerSums {
    let mut sums = PowerSums::default();
    let (signed, unsigned) = (i128::from(us), u128::from(us));
    for (n, element) in elements.iter().enumerate() {
        let (u, i) = element.rms();
        sums.active[n] = element.active() * signed;
        sums.reactive[n] = element.fundamental().1 * signed;
        sums.apparent[n] = u128::from(u) * u128::from(i) * unsigned;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::PhaseSequence;

    fn three(phases: [(i64, i64, i64); 3]) -> Steady {
        let elements = phases.map(|(u, i, q)| SteadyElement::sinusoidal(u, i, q));
        Steady::three_phase(50_000, elements).unwrap()
    }

    #[test]
    fn an_hour_in_any_pieces_is_power_times_time_exactly() {
        // 230.001 V · 1.000003 A: 230.001690003 W, of which the ninth place is not lost.
        let steady = three([(230_001_000, 1_000_003, 0); 3]);
        let run = |pieces: &[u64]| {
            let mut core = SteadyCore::new(Ratings::three_phase(), Ledger::default()).unwrap();
            pieces.iter().for_each(|&us| core.advance(&steady, us));
            core.ledger()
        };
        let whole = run(&[3_600_000_000]);
        assert_eq!(whole, run(&[1, 999_999, 3_599_000_000]));
        assert_eq!(whole.elements[1].active.import.milliwatt_hours(), 230_001);
        assert_eq!(whole.total.active.import.milliwatt_hours(), 690_005);
        // 0.690003 mWh and 0.070009 mWh remain: in 1e-24 W · sample at 8 kHz.
        let per_mwh = 3_600_000_000_000_000_000_000_000u128 * 8000;
        assert_eq!(whole.elements[1].active.import.rest(), per_mwh / 1_000_000 * 690_003);
        assert_eq!(whole.total.active.import.rest(), per_mwh / 1_000_000 * 70_009);
    }

    #[test]
    fn quadrants_directions_and_creep_are_those_of_the_sample_path() {
        let mut core = SteadyCore::new(Ratings::three_phase(), Ledger::default()).unwrap();
        // A motor, a generator that takes reactive power, and a load below the threshold of 2.3 W.
        core.advance(
            &three([
                (230_000_000, 4_000_000, 3_000_000),
                (230_000_000, -2_000_000, 1_000_000),
                (230_000_000, 9_000, 0),
            ]),
            3_600_000_000,
        );
        let ledger = core.ledger();
        let [motor, generator, creep] = ledger.elements;
        assert_eq!(motor.active.import.milliwatt_hours(), 920_000);
        assert_eq!(motor.reactive.map(|q| q.milliwatt_hours()), [690_000, 0, 0, 0]);
        assert_eq!(motor.apparent.import.milliwatt_hours(), 1_150_000);
        assert_eq!(generator.active.export.milliwatt_hours(), 460_000);
        assert_eq!(generator.reactive.map(|q| q.milliwatt_hours()), [0, 230_000, 0, 0]);
        assert_eq!(creep, crate::Account::default());
        assert_eq!((ledger.total.net(), ledger.total.active.export.milliwatt_hours()), (460_000, 0));
    }

    #[test]
    fn elements_that_the_wiring_does_not_have_count_for_nothing() {
        let mut core = SteadyCore::new(Ratings::household(), Ledger::default()).unwrap();
        core.advance(&three([(230_000_000, 1_000_000, 0); 3]), 3_600_000_000);
        assert_eq!(core.registers().import.milliwatt_hours(), 230_000);
        assert_eq!(
            (core.values().active_uw, core.ledger().elements[1]),
            (230_000_000, crate::Account::default())
        );
    }

    #[test]
    fn values_follow_from_the_spectrum() {
        let mut element = SteadyElement::sinusoidal(230_000_000, 10_000_000, 0);
        let harmonic = |order, volts: i64, amperes: i64| Line {
            order,
            voltage: Phasor { re: volts * 1_000_000_000, im: 0 },
            current: Phasor { re: amperes * 1_000_000_000, im: 0 },
        };
        element.lines[1] = harmonic(3, 10, 4);
        element.lines[2] = harmonic(5, 23, -2);
        let mut core = SteadyCore::new(Ratings::three_phase(), Ledger::default()).unwrap();
        core.advance(&Steady::three_phase(49_990, [element; 3]).unwrap(), 0);
        let values = core.values();
        assert_eq!(values.elements[2].active_uw, 2_294_000_000);
        assert_eq!(values.elements[0].u_uv, 231_363_350);
        assert_eq!(core.distortion_ppm(1), [109_042, 447_213]);
        assert_eq!((core.frequency_mhz(), values.sequence), (Some(49_990), PhaseSequence::Forward));
        // Of equal loads the third harmonics add up in the neutral, and the fifth cancel.
        assert!(values.residual_ua.abs_diff(12_000_000) < 10, "{}", values.residual_ua);
    }

    #[test]
    fn what_the_arithmetic_cannot_hold_is_refused_and_what_it_can_fits() {
        let high = SteadyElement::sinusoidal(5_000_000_000, 1, 0);
        let error = Steady::new(50_000, [SteadyElement::default(), high, high]).unwrap_err();
        assert_eq!(error, SteadyError { element: 1 });
        let most = SteadyElement::sinusoidal(4_398_046_511, 4_398_046_511, 0);
        let ratings = Ratings { sample_rate_hz: 12_800, ..Ratings::three_phase() };
        let mut core = SteadyCore::new(ratings, Ledger::default()).unwrap();
        core.advance(&Steady::new(50_000, [most; 3]).unwrap(), 10 * PIECE_US);
        let expected =
            4_398_046_511u128.pow(2) * 3 * 10 * u128::from(PIECE_US) / 3_600_000_000_000_000_000_000 * 1000;
        let counted = u128::from(core.registers().import.milliwatt_hours());
        assert!(counted.abs_diff(expected) <= 1000 + expected / 1_000_000, "{counted} {expected}");
    }
}
