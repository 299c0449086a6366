//! Signs of tampering, in what is measured and at inputs.

use crate::ratings::{Ratings, Wiring};
use crate::values::{PhaseSequence, Values};
use plc_core::Outbox;

/// A sign of tampering or of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tamper {
    /// The cover of the meter is open.
    Cover,
    /// The cover of the terminals is open.
    TerminalCover,
    /// A strong magnetic field.
    Magnet,
    /// The current of the neutral is not that of the phases: some of it goes another way.
    Bypass,
    /// Power flows backwards, and the contract knows no export.
    ReversedCurrent,
    /// There is current but no voltage: the neutral is taken away.
    MissingNeutral,
    /// A voltage is missing while another one is there.
    PhaseLoss,
    /// The phases follow each other the wrong way.
    ReversedSequence,
}

impl Tamper {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Cover,
        Self::TerminalCover,
        Self::Magnet,
        Self::Bypass,
        Self::ReversedCurrent,
        Self::MissingNeutral,
        Self::PhaseLoss,
        Self::ReversedSequence,
    ];
}

/// What the inputs of the meter say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TamperInputs {
    /// The switch of the cover is open.
    pub cover_open: bool,
    /// The switch of the cover of the terminals is open.
    pub terminal_cover_open: bool,
    /// Magnetic field at the sensor, in mT.
    pub field_mt: u16,
}

/// What counts as tampering \[practice; confidence C\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TamperLimits {
    /// The contract knows no export.
    pub import_only: bool,
    /// The neutral is measured.
    pub neutral_measured: bool,
    /// Difference of the neutral's current to that of the phases: so many thousandths of the larger one.
    pub bypass_per_mille: u32,
    /// And at least so many mA.
    pub bypass_ma: u32,
    /// Field that no meter has by itself, in mT.
    pub field_mt: u16,
    /// Windows for which a measured sign must stand: a fifth of a second each.
    pub windows: u32,
}

impl Default for TamperLimits {
    fn default() -> Self {
        Self {
            import_only: true,
            neutral_measured: true,
            bypass_per_mille: 63,
            bypass_ma: 50,
            field_mt: 100,
            windows: 25,
        }
    }
}

/// A sign that has appeared or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TamperEvent {
    /// Which.
    pub tamper: Tamper,
    /// Whether it has appeared.
    pub appeared: bool,
}

/// Watches for signs of tampering.
#[derive(Debug)]
pub struct TamperWatch {
    limits: TamperLimits,
    /// For how many windows each sign has been other than what was told.
    stood: [u32; 8],
    told: [bool; 8],
    found: Outbox<TamperEvent, 16>,
}

impl TamperWatch {
    /// A watch with no sign told yet.
    pub const fn new(limits: TamperLimits) -> Self {
        Self { limits, stood: [0; 8], told: [false; 8], found: Outbox::new() }
    }

    /// The inputs are so now; also without mains. What they say counts at once.
    pub fn on_inputs(&mut self, inputs: &TamperInputs) {
        let magnet = inputs.field_mt >= self.limits.field_mt;
        let signs = [
            (Tamper::Cover, inputs.cover_open),
            (Tamper::TerminalCover, inputs.terminal_cover_open),
            (Tamper::Magnet, magnet),
        ];
        signs.into_iter().for_each(|(tamper, present)| self.tell(tamper, present, 1));
    }

    /// A window has ended with these values.
    pub fn on_window(&mut self, values: &Values, ratings: &Ratings) {
        let windows = self.limits.windows;
        self.tell(Tamper::Bypass, self.is_bypassed(values, ratings), windows);
        let backwards = values.elements.iter().any(|element| {
            element.active_uw < -i64::try_from(ratings.creep_threshold_mw() * 2000).unwrap_or(i64::MAX)
        });
        // Of two elements one may rightly be negative: their sum counts.
        let backwards = match ratings.wiring {
            Wiring::ThreePhaseThreeWire => values.active_uw < 0,
            _ => backwards,
        };
        self.tell(Tamper::ReversedCurrent, self.limits.import_only && backwards, windows);
        self.tell(Tamper::MissingNeutral, is_without_neutral(values, ratings), windows);
        self.tell(Tamper::PhaseLoss, has_lost_a_phase(values, ratings), windows);
        self.tell(Tamper::ReversedSequence, values.sequence == PhaseSequence::Reversed, windows);
    }

    /// The oldest event that was not taken.
    pub fn take_event(&mut self) -> Option<TamperEvent> {
        self.found.pop()
    }

    /// Whether a sign is there.
    pub const fn is_present(&self, tamper: Tamper) -> bool {
        self.told[tamper as usize]
    }

    /// Active power that escapes the elements, in mW, as far as it can be told: of a missing neutral, Un and the current at power factor
    /// 1; of a bypass of one phase, the voltage and what the neutral carries more.
    pub fn escaping_mw(&self, values: &Values, ratings: &Ratings) -> u64 {
        let element = &values.elements[0];
        if self.is_present(Tamper::MissingNeutral) {
            return u64::from(ratings.un_mv) * element.i_ua / 1_000_000;
        }
        let more_ua = values.neutral_ua.saturating_sub(values.residual_ua);
        let escapes = self.is_present(Tamper::Bypass) && ratings.wiring == Wiring::OnePhaseTwoWire;
        if escapes { (u128::from(element.u_uv) * u128::from(more_ua) / 1_000_000_000) as u64 } else { 0 }
    }

    fn is_bypassed(&self, values: &Values, ratings: &Ratings) -> bool {
        let larger = values.neutral_ua.max(values.residual_ua);
        // Of four wires the difference counts against the phases: the neutral may carry next to nothing.
        let phases = values.elements.iter().map(|element| element.i_ua).max().unwrap_or(0);
        let share = larger.max(phases) / 1000 * u64::from(self.limits.bypass_per_mille);
        let least = u64::from(self.limits.bypass_ma) * 1000;
        self.limits.neutral_measured
            && ratings.wiring != Wiring::ThreePhaseThreeWire
            && values.neutral_ua.abs_diff(values.residual_ua) > share.max(least)
    }

    fn tell(&mut self, tamper: Tamper, present: bool, windows: u32) {
        let at = tamper as usize;
        if present == self.told[at] {
            self.stood[at] = 0;
            return;
        }
        self.stood[at] += 1;
        if self.stood[at] >= windows {
            (self.told[at], self.stood[at]) = (present, 0);
            self.found.push(TamperEvent { tamper, appeared: present });
        }
    }
}

/// No voltage anywhere, and current above twice the starting one.
fn is_without_neutral(values: &Values, ratings: &Ratings) -> bool {
    let elements = &values.elements[..ratings.wiring.elements()];
    let least = u64::from(ratings.un_mv) * 1000 / 5;
    elements.iter().all(|element| element.u_uv < least)
        && elements.iter().any(|element| element.i_ua > 2 * ratings.starting_current_ua())
}

fn has_lost_a_phase(values: &Values, ratings: &Ratings) -> bool {
    let elements = &values.elements[..ratings.wiring.elements()];
    let un_uv = u64::from(ratings.un_mv) * 1000;
    let lost = elements.iter().any(|element| element.u_uv < un_uv / 2);
    lost && elements.iter().any(|element| element.u_uv > un_uv / 10 * 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::ElementValues;
    use std::vec::Vec;

    fn one_phase(u_uv: u64, i_ua: u64, neutral_ua: u64) -> Values {
        let mut values = Values { neutral_ua, residual_ua: i_ua, ..Default::default() };
        let active_uw = (u_uv / 1000 * (i_ua / 1000)) as i64;
        values.elements[0] = ElementValues { u_uv, i_ua, active_uw, ..Default::default() };
        values.active_uw = active_uw;
        values
    }

    fn events(watch: &mut TamperWatch) -> Vec<(Tamper, bool)> {
        std::iter::from_fn(|| watch.take_event()).map(|event| (event.tamper, event.appeared)).collect()
    }

    #[test]
    fn a_bypass_must_stand_for_five_seconds_and_tells_what_escapes() {
        let (ratings, mut watch) = (Ratings::household(), TamperWatch::new(TamperLimits::default()));
        let bypassed = one_phase(230_000_000, 5_000_000, 8_000_000);
        (0..24).for_each(|_| watch.on_window(&bypassed, &ratings));
        assert_eq!(events(&mut watch), []);
        watch.on_window(&bypassed, &ratings);
        assert_eq!(events(&mut watch), [(Tamper::Bypass, true)]);
        assert_eq!(watch.escaping_mw(&bypassed, &ratings), 690_000);
        let small = one_phase(230_000_000, 5_000_000, 5_200_000);
        (0..25).for_each(|_| watch.on_window(&small, &ratings));
        assert_eq!(events(&mut watch), [(Tamper::Bypass, false)]);
    }

    #[test]
    fn a_missing_neutral_is_current_without_voltage() {
        let (ratings, mut watch) = (Ratings::household(), TamperWatch::new(TamperLimits::default()));
        let cut = one_phase(1_000_000, 5_000_000, 0);
        (0..25).for_each(|_| watch.on_window(&cut, &ratings));
        assert_eq!(events(&mut watch), [(Tamper::Bypass, true), (Tamper::MissingNeutral, true)]);
        assert_eq!(watch.escaping_mw(&cut, &ratings), 1_150_000);
    }

    #[test]
    fn inputs_count_at_once_and_export_only_where_it_is_not_allowed() {
        let (ratings, mut watch) = (Ratings::household(), TamperWatch::new(TamperLimits::default()));
        watch.on_inputs(&TamperInputs { cover_open: true, terminal_cover_open: false, field_mt: 150 });
        assert_eq!(events(&mut watch), [(Tamper::Cover, true), (Tamper::Magnet, true)]);
        let mut backwards = one_phase(230_000_000, 5_000_000, 5_000_000);
        backwards.elements[0].active_uw *= -1;
        let mut prosumer = TamperWatch::new(TamperLimits { import_only: false, ..TamperLimits::default() });
        (0..25).for_each(|_| watch.on_window(&backwards, &ratings));
        (0..25).for_each(|_| prosumer.on_window(&backwards, &ratings));
        assert_eq!(events(&mut watch), [(Tamper::ReversedCurrent, true)]);
        assert_eq!(events(&mut prosumer), []);
    }
}
