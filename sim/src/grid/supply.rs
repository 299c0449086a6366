//! What a meter sees of the mains.

use super::Consumer;
use crate::power_flow::PerPhase;
use channel::Complex64;
use metrology::{Line, Phasor, Steady, SteadyElement};
use std::fmt::Write;

/// Orders of what is seen: the fundamental and three harmonics.
pub const ORDERS: [u8; 4] = [1, 3, 5, 7];
/// Nominal frequency, mHz.
const FREQUENCY_MHZ: u32 = 50_000;
/// A whole turn.
const TURN: f64 = 4_294_967_296.0;

/// Voltages and currents of the elements of a meter for a while in which they do not change: whole nanovolts and nanoamperes, so that
/// whoever computes the energy from them finds what the meter finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    elements: [SteadyElement; 3],
}

impl Supply {
    /// Of a consumer at these voltages: fundamental, then harmonics by order; and with these currents of load and generator.
    pub(super) fn new(
        consumer: &Consumer,
        voltages: &PerPhase,
        harmonics: [&PerPhase; 3],
        currents: &[(Complex64, Complex64); 3],
    ) -> Self {
        let first = if consumer.has_three_phases() { 0 } else { consumer.phase().index() };
        let count = if consumer.has_three_phases() { 3 } else { 1 };
        let mut supply = Self::default();
        for (element, phase) in supply.elements.iter_mut().zip((first..3).take(count)) {
            let own = voltages[phase].arg();
            let (load, generated) = currents[phase];
            let (mut volts, mut amperes) = ([voltages[phase]; 4], [load - generated; 4]);
            for (n, (order, share, turns)) in crate::household::CURRENT_HARMONICS.into_iter().enumerate() {
                volts[n + 1] = harmonics[n][phase];
                let angle = f64::from(order) * own + std::f64::consts::TAU * turns;
                amperes[n + 1] = Complex64::from_polar(share * load.norm(), angle);
            }
            let turns = (own - voltages[first].arg()) / std::f64::consts::TAU;
            element.angle = (turns.rem_euclid(1.0) * TURN).round() as u64 as u32;
            for (n, order) in ORDERS.into_iter().enumerate() {
                let back = Complex64::from_polar(1e9, -f64::from(order) * own);
                element.lines[n] =
                    Line { order, voltage: whole(volts[n] * back), current: whole(amperes[n] * back) };
            }
        }
        supply
    }

    /// The same for a measurement.
    pub fn steady(&self) -> Steady {
        Steady::new(FREQUENCY_MHZ, self.elements).unwrap_or_default()
    }

    /// RMS voltage of an element, nV².
    fn squares(&self, element: usize, of: fn(&Line) -> Phasor) -> (i128, i128) {
        let square = |line: &Line| {
            let Phasor { re, im } = of(line);
            i128::from(re) * i128::from(re) + i128::from(im) * i128::from(im)
        };
        let lines = &self.elements[element].lines;
        (square(&lines[0]), lines[1..].iter().map(square).sum())
    }

    /// RMS voltage of an element, volts.
    pub fn volts(&self, element: usize) -> f64 {
        let (fundamental, harmonics) = self.squares(element, |line| line.voltage);
        ((fundamental + harmonics) as f64).sqrt() / 1e9
    }

    /// RMS current of an element, amperes.
    pub fn amperes(&self, element: usize) -> f64 {
        let (fundamental, harmonics) = self.squares(element, |line| line.current);
        ((fundamental + harmonics) as f64).sqrt() / 1e9
    }

    /// Harmonics of the voltage of an element by its fundamental, percent.
    pub fn distortion(&self, element: usize) -> f64 {
        let (fundamental, harmonics) = self.squares(element, |line| line.voltage);
        if fundamental == 0 { 0.0 } else { 100.0 * (harmonics as f64 / fundamental as f64).sqrt() }
    }

    /// Mean power of an element, 1e-18 W, exactly.
    pub fn active(&self, element: usize) -> i128 {
        let of = |line: &Line| {
            i128::from(line.voltage.re) * i128::from(line.current.re)
                + i128::from(line.voltage.im) * i128::from(line.current.im)
        };
        self.elements[element].lines.iter().map(of).sum()
    }

    /// One line of text, as [`Self::parse`] reads it: of each element its angle, then voltage and current of each order.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (n, element) in self.elements.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{}", if n == 0 { "" } else { ";" }, element.angle);
            for line in element.lines.iter().take_while(|line| line.order > 0) {
                let (u, i) = (line.voltage, line.current);
                let _ = write!(text, ",{},{},{},{},{}", line.order, u.re, u.im, i.re, i.im);
            }
        }
        text
    }

    /// The supply of a text; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut supply = Self::default();
        let mut parts = text.split(';');
        for element in &mut supply.elements {
            let mut numbers = parts.next()?.split(',');
            element.angle = numbers.next()?.parse().ok()?;
            let rest = numbers.map(|number| number.parse::<i64>().ok()).collect::<Option<Vec<_>>>()?;
            let (lines, left) = rest.as_chunks::<5>();
            if !left.is_empty() || lines.len() > element.lines.len() {
                return None;
            }
            for (line, &[order, u_re, u_im, i_re, i_im]) in element.lines.iter_mut().zip(lines) {
                let order = u8::try_from(order).ok().filter(|&order| order > 0)?;
                let voltage = Phasor { re: u_re, im: u_im };
                *line = Line { order, voltage, current: Phasor { re: i_re, im: i_im } };
            }
        }
        let known = parts.next().is_none() && Steady::new(FREQUENCY_MHZ, supply.elements).is_ok();
        known.then_some(supply)
    }
}

/// The nearest whole numbers.
fn whole(value: Complex64) -> Phasor {
    Phasor { re: value.re.round() as i64, im: value.im.round() as i64 }
}
