//! What is wired wrongly, found from what is measured.

use crate::phasor::signed_millidegrees;
use crate::ratings::{Ratings, Wiring};
use crate::values::{PhaseSequence, Values};
use ::core::fmt;

/// Which current each element of a four-wire meter has, and which way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// Element n has the current of phase `phase[n]`, counted from zero.
    pub phase: [u8; 3],
    /// Whether it flows the wrong way through element n.
    pub reversed: [bool; 3],
}

/// Orders in which currents can be connected.
const ORDERS: [[u8; 3]; 6] = [[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0], [2, 0, 1]];

impl Arrangement {
    /// As it should be.
    pub const CORRECT: Self = Self { phase: [0, 1, 2], reversed: [false; 3] };

    /// All there are: six orders, each current either way.
    pub fn all() -> impl Iterator<Item = Self> {
        ORDERS.into_iter().flat_map(|phase| {
            (0..8u8).map(move |bits| Self { phase, reversed: [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0] })
        })
    }

    /// Elements that have a wrong current, and those that have one the wrong way round.
    fn faults(&self) -> u32 {
        let displaced = self.phase.iter().zip(0u8..).filter(|(phase, n)| **phase != *n).count();
        let reversed = self.reversed.iter().filter(|reversed| **reversed).count();
        (displaced + reversed) as u32
    }
}

impl fmt::Display for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.phase {
            [0, 1, 2] => "",
            [1, 0, 2] => "currents of 1 and 2 swapped",
            [2, 1, 0] => "currents of 1 and 3 swapped",
            [0, 2, 1] => "currents of 2 and 3 swapped",
            [1, 2, 0] => "currents rotated: 1 has 2, 2 has 3, 3 has 1",
            _ => "currents rotated: 1 has 3, 2 has 1, 3 has 2",
        };
        f.write_str(order)?;
        let between = if order.is_empty() { "" } else { "; " };
        match self.reversed {
            [false, false, false] if order.is_empty() => f.write_str("correct"),
            [false, false, false] => Ok(()),
            [true, true, true] => write!(f, "{between}all currents reversed"),
            reversed => {
                write!(f, "{between}current reversed in element")?;
                let elements = reversed.iter().zip(1..).filter(|(reversed, _)| **reversed);
                elements.into_iter().try_for_each(|(_, n)| write!(f, " {n}"))
            }
        }
    }
}

/// What was found. Elements are bits of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// Which current is where; `None` while it cannot be told: some current or voltage is missing, there is no forward sequence, or
    /// no arrangement is plausible.
    pub arrangement: Option<Arrangement>,
    /// Elements whose voltage is missing (a fuse), though others are there: below 70 % of Un, induced voltages too.
    pub voltage_missing: u8,
    /// Elements whose current is missing (a shorted transformer), though others carry 5 % of the reference current.
    pub current_missing: u8,
    /// Elements whose voltage is that between phases: the neutral is on the terminal of a phase.
    pub neutral_misplaced: u8,
    /// The voltages follow each other in the wrong order.
    pub sequence_reversed: bool,
    /// More than 1.2 times Imax: a ratio is set wrongly.
    pub ratio_suspect: bool,
}

/// The lag of a load behind its voltage that is plausible, in thousandths of a degree: power factor 0.97 capacitive to 0.71
/// inductive. The range is as wide as the shift between arrangements of equal currents, so that only one of them lies within.
const LAG_MDEG: ::core::ops::Range<i32> = -15_000..45_000;
/// What one fault weighs against a spread of the lags, in thousandths of a degree.
const FAULT_MDEG: u32 = 5_000;

impl Diagnosis {
    /// Of the values of a window. Loads that export (generators) have implausible lags and get no arrangement of their own: ask at
    /// night.
    pub fn new(values: &Values, ratings: &Ratings) -> Self {
        let un_uv = u64::from(ratings.un_mv) * 1000;
        let elements = ratings.wiring.elements();
        let mask = |holds: &dyn Fn(usize) -> bool| (0..elements).map(|n| u8::from(holds(n)) << n).sum::<u8>();
        let (u, i) = (|n: usize| values.elements[n].u_uv, |n: usize| values.elements[n].i_ua);
        let high = mask(&|n| u(n) > un_uv / 100 * 150);
        let low = mask(&|n| u(n) < un_uv / 10 * 7);
        let some_voltage = (0..elements).any(|n| u(n) >= un_uv / 10 * 8);
        let reference_ua = u64::from(ratings.ib_ma) * 1000;
        let some_current = (0..elements).any(|n| i(n) > reference_ua / 20);
        let none = mask(&|n| i(n) < ratings.starting_current_ua() / 2);
        let mut found = Self {
            arrangement: None,
            voltage_missing: if some_voltage && high == 0 { low } else { 0 },
            current_missing: if some_current { none } else { 0 },
            neutral_misplaced: if ratings.wiring == Wiring::ThreePhaseFourWire { high } else { 0 },
            sequence_reversed: values.sequence == PhaseSequence::Reversed,
            ratio_suspect: (0..elements).any(|n| i(n) > u64::from(ratings.imax_ma) * 1200),
        };
        let told = none == 0 && values.sequence == PhaseSequence::Forward;
        if told && ratings.wiring == Wiring::ThreePhaseFourWire {
            found.arrangement = arrangement(values);
        }
        found
    }

    /// Whether nothing is wrong.
    pub fn is_correct(&self) -> bool {
        *self == Self { arrangement: Some(Arrangement::CORRECT), ..Self::NOTHING }
    }

    /// Whether something is certainly wrong. A current that is missing is not: a phase may be idle. Where energy `may_be_exported`, a
    /// current that seems reversed is no fault either.
    pub fn names_a_fault(&self, may_be_exported: bool) -> bool {
        let displaced = self.arrangement.is_some_and(|arrangement| {
            arrangement.phase != Arrangement::CORRECT.phase
                || !may_be_exported && arrangement.reversed != Arrangement::CORRECT.reversed
        });
        let voltages = self.voltage_missing | self.neutral_misplaced;
        displaced || voltages != 0 || self.sequence_reversed || self.ratio_suspect
    }

    const NOTHING: Self = Self {
        arrangement: None,
        voltage_missing: 0,
        current_missing: 0,
        neutral_misplaced: 0,
        sequence_reversed: false,
        ratio_suspect: false,
    };
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.arrangement {
            Some(arrangement) => write!(f, "{arrangement}")?,
            None => f.write_str("arrangement of the currents unknown")?,
        }
        let masks = [
            ("voltage missing", self.voltage_missing),
            ("current missing", self.current_missing),
            ("neutral on the terminal of a phase, high voltage", self.neutral_misplaced),
        ];
        for (what, mask) in masks.into_iter().filter(|(_, mask)| *mask != 0) {
            write!(f, "; {what} in element")?;
            (0..3).filter(|n| mask >> n & 1 == 1).try_for_each(|n| write!(f, " {}", n + 1))?;
        }
        f.write_str(if self.sequence_reversed { "; phase sequence reversed" } else { "" })?;
        f.write_str(if self.ratio_suspect { "; current a fifth above Imax, check the ratio" } else { "" })
    }
}

/// The arrangement that makes all lags plausible and alike with the fewest faults.
fn arrangement(values: &Values) -> Option<Arrangement> {
    let costs = Arrangement::all().filter_map(|arrangement| Some((cost(values, &arrangement)?, arrangement)));
    costs.min_by_key(|(cost, _)| *cost).map(|(_, arrangement)| arrangement)
}

/// How implausible an arrangement is, in thousandths of a degree; `None` if it cannot be.
fn cost(values: &Values, arrangement: &Arrangement) -> Option<u32> {
    let mut lags = [0; 3];
    for (n, lag) in lags.iter_mut().enumerate() {
        let voltage = values.elements[usize::from(arrangement.phase[n])].voltage.angle();
        let half = if arrangement.reversed[n] { 1 << 31 } else { 0 };
        let current = values.elements[n].current.angle().wrapping_add(half);
        *lag = signed_millidegrees(voltage.wrapping_sub(current));
    }
    let plausible = lags.iter().all(|lag| LAG_MDEG.contains(lag));
    let spread = lags.iter().max()?.abs_diff(*lags.iter().min()?);
    plausible.then(|| spread + arrangement.faults() * FAULT_MDEG)
}

/// Waits until a diagnosis has stood for some windows: a load that switches makes strange angles for one.
#[derive(Clone, Debug)]
pub struct WiringWatch {
    candidate: Diagnosis,
    stood: u32,
    told: Option<Diagnosis>,
}

/// Windows for which a diagnosis must stand: five seconds.
const STANDS: u32 = 25;

impl Default for WiringWatch {
    fn default() -> Self {
        Self { candidate: Diagnosis::NOTHING, stood: 0, told: None }
    }
}

impl WiringWatch {
    /// A window has ended: a diagnosis that has stood and is not the one told last.
    pub fn on_window(&mut self, values: &Values, ratings: &Ratings) -> Option<Diagnosis> {
        let now = Diagnosis::new(values, ratings);
        self.stood = if now == self.candidate { self.stood.saturating_add(1) } else { 1 };
        self.candidate = now;
        if self.stood < STANDS || self.told == Some(now) {
            return None;
        }
        self.told = Some(now);
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn arrangements_are_48_and_have_names() {
        assert_eq!(Arrangement::all().count(), 48);
        assert_eq!(Arrangement::CORRECT.to_string(), "correct");
        let both = Arrangement { phase: [1, 0, 2], reversed: [true, false, false] };
        assert_eq!(both.to_string(), "currents of 1 and 2 swapped; current reversed in element 1");
        let mut names: std::vec::Vec<_> = Arrangement::all().map(|one| one.to_string()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 48);
    }
}
