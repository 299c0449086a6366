//! Urms(1/2): the RMS value of one cycle, new every half cycle \[61000-4-30 5.4\].

/// The voltage of one channel by half cycles.
#[derive(Clone, Debug)]
pub(crate) struct HalfCycle {
    /// Lead of the fundamental before the oscillator, a turn being 2^32.
    lead: u32,
    positive: bool,
    /// When the open half cycle began: the sample, and the running sum of squares at it.
    start: u32,
    square: u64,
    /// The last whole one: sum of squares, and duration in samples with 16 fractional bits.
    last: Option<(u64, u64)>,
}

/// Half a turn of the oscillator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HalfTurn {
    /// In samples, with 16 fractional bits.
    pub(crate) duration: u64,
    /// What lasts no more samples than this is a jump of the oscillator and no half cycle.
    short: u32,
    /// What lasts more than this ends anyway.
    long: u32,
}

impl HalfTurn {
    /// Of an oscillator that advances by `step` with each sample.
    pub(crate) const fn new(step: u32) -> Self {
        let step = if step == 0 { 1 } else { step as u64 };
        let duration = (1 << 47) / step;
        Self { duration, short: (duration >> 17) as u32, long: (duration >> 15) as u32 }
    }
}

impl HalfCycle {
    pub(crate) const fn new() -> Self {
        Self { lead: 0, positive: false, start: 0, square: 0, last: None }
    }

    /// The fundamental leads the oscillator by this from now on.
    pub(crate) const fn follow(&mut self, lead: u32) {
        self.lead = lead;
    }

    /// Whether a half cycle ends before sample `now`, at this phase of the oscillator: then it is to be [ended](Self::end).
    #[inline(always)]
    pub(crate) const fn is_over(&mut self, now: u32, phase: u32, turn: &HalfTurn) -> bool {
        let (samples, positive) = (now.wrapping_sub(self.start), is_positive(phase, self.lead));
        if samples <= turn.short {
            self.positive = positive;
            return false;
        }
        positive != self.positive || samples > turn.long
    }

    /// The half cycle has ended before sample `now`, where the running sum of squares is `square`: the RMS value of the last two in µV,
    /// if there were two.
    #[inline(never)]
    pub(crate) fn end(
        &mut self,
        (now, square): (u32, u64),
        phase: u32,
        turn: &HalfTurn,
        pv_per_lsb: u64,
    ) -> Option<u64> {
        let half = turn.duration;
        let (samples, sum) = (now.wrapping_sub(self.start), square.wrapping_sub(self.square));
        self.positive = is_positive(phase, self.lead);
        (self.start, self.square) = (now, square);
        let counted = u64::from(samples) << 16;
        // Cut at the crossings, the true duration of a half cycle is better than the whole samples in it.
        let duration = if counted.abs_diff(half) < 2 << 16 { half } else { counted };
        let whole = (sum, duration);
        // The oscillator has jumped, as it does when the voltage comes back: with another half this makes no whole cycle.
        if counted.abs_diff(half) >= (half / 8).max(2 << 16) {
            self.last = None;
            return None;
        }
        let before = self.last.replace(whole)?;
        let square = u128::from(before.0 + whole.0) << 48;
        let rms_q16 = (square / u128::from(before.1 + whole.1)).isqrt();
        Some(((rms_q16 * u128::from(pv_per_lsb) / 1_000_000) >> 16) as u64)
    }
}

const fn is_positive(phase: u32, lead: u32) -> bool {
    phase.wrapping_add(lead) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    /// A half cycle with the running sum that it is told of.
    #[derive(Default)]
    struct Running(u32, u64);

    impl Running {
        fn on_sample(&mut self, half: &mut HalfCycle, u: i32, phase: u32, turn: &HalfTurn) -> Option<u64> {
            let over = half.is_over(self.0, phase, turn);
            let value = if over { half.end((self.0, self.1), phase, turn, 1_000_000_000) } else { None };
            self.0 += 1;
            self.1 = self.1.wrapping_add(i64::from(u).pow(2) as u64);
            value
        }
    }

    #[test]
    fn every_half_cycle_has_the_rms_value_of_a_cycle() {
        for (hz, lead) in [(50.0, 0.0), (47.3, 120.0), (52.5, 77.0)] {
            let step = (hz / 8000.0 * 2f64.powi(32)) as u32;
            let mut half = HalfCycle::new();
            half.follow((lead / 360.0 * 2f64.powi(32)) as u32);
            // The running sum of squares goes over its end on the way.
            let (mut values, mut running) = (0, Running(0, u64::MAX - (1 << 45)));
            for n in 0..8000u32 {
                let phase = step.wrapping_mul(n);
                let angle = f64::from(phase) / 2f64.powi(32) * TAU + f64::to_radians(lead);
                let u = (230e3 * 2f64.sqrt() * angle.sin()).round() as i32;
                if let Some(uv) = running.on_sample(&mut half, u, phase, &HalfTurn::new(step)) {
                    values += 1;
                    assert!(values < 3 || uv.abs_diff(230_000_000) < 60_000, "{hz} {lead}: {uv}");
                }
            }
            assert!((f64::from(values) - 2.0 * hz).abs() < 4.0, "{hz}: {values}");
        }
    }

    #[test]
    fn a_jump_of_the_oscillator_makes_no_dip() {
        for jump in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] {
            let (mut half, mut values, mut running) = (HalfCycle::new(), 0, Running::default());
            let turn = HalfTurn::new((50.0 / 8000.0 * 2f64.powi(32)) as u32);
            for n in 0..4000u32 {
                let turns = f64::from(n) * 50.0 / 8000.0;
                let u = (230e3 * 2f64.sqrt() * (turns * TAU).sin()).round() as i32;
                let phase = (turns + if n > 2000 { jump } else { 0.0 }).fract() * 2f64.powi(32);
                if let Some(uv) = running.on_sample(&mut half, u, phase as u32, &turn) {
                    values += 1;
                    assert!(values < 3 || uv.abs_diff(230_000_000) < 4_000_000, "{jump}: {uv}");
                }
            }
            assert!(values > 40, "{values}");
        }
    }
}
