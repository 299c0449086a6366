//! Urms(1/2): the RMS value of one cycle, new every half cycle \[61000-4-30 5.4\].

/// The voltage of one channel by half cycles.
#[derive(Clone, Debug)]
pub(crate) struct HalfCycle {
    /// Lead of the fundamental before the oscillator, a turn being 2^32.
    lead: u32,
    positive: bool,
    /// The open half cycle: sum of squares and samples.
    sum: i64,
    samples: u32,
    /// The last whole one: sum of squares, and duration in samples with 16 fractional bits.
    last: Option<(i64, u64)>,
}

impl HalfCycle {
    pub(crate) const fn new() -> Self {
        Self { lead: 0, positive: false, sum: 0, samples: 0, last: None }
    }

    /// The fundamental leads the oscillator by this from now on.
    pub(crate) const fn follow(&mut self, lead: u32) {
        self.lead = lead;
    }

    /// Takes a sample at a phase of the oscillator, of which `half` samples (16 fractional bits) are half a turn. When a half cycle has ended before it: the RMS
    /// value of the last two in µV, if there were two.
    pub(crate) fn on_sample(&mut self, u: i32, phase: u32, half: u64, pv_per_lsb: u64) -> Option<u64> {
        let positive = phase.wrapping_add(self.lead) < 1 << 31;

        // What is shorter than half of that is a jump of the oscillator and no half cycle; what is much longer ends anyway.
        // Half a turn is shorter than 2^15 samples whatever the rate: words suffice.
        let turn = half.min(u64::from(u32::MAX >> 1)) as u32;
        let long = self.samples > turn >> 17;
        let ended = (positive != self.positive && long) || self.samples > turn >> 15;
        let value = if ended { self.end(half, pv_per_lsb) } else { None };
        self.positive = if ended || !long { positive } else { self.positive };
        self.sum += i64::from(u) * i64::from(u);
        self.samples += 1;
        value
    }

    #[inline(never)]
    fn end(&mut self, half: u64, pv_per_lsb: u64) -> Option<u64> {
        let counted = u64::from(self.samples) << 16;
        // Cut at the crossings, the true duration of a half cycle is better than the whole samples in it.
        let duration = if counted.abs_diff(half) < 2 << 16 { half } else { counted };
        let whole = (self.sum, duration);
        (self.sum, self.samples) = (0, 0);
        // The oscillator has jumped, as it does when the voltage comes back: with another half this makes no whole cycle.
        if counted.abs_diff(half) >= (half / 8).max(2 << 16) {
            self.last = None;
            return None;
        }
        let before = self.last.replace(whole)?;
        let square = u128::from((before.0 + whole.0).unsigned_abs()) << 48;
        let rms_q16 = (square / u128::from(before.1 + whole.1)).isqrt();
        Some(((rms_q16 * u128::from(pv_per_lsb) / 1_000_000) >> 16) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn every_half_cycle_has_the_rms_value_of_a_cycle() {
        for (hz, lead) in [(50.0, 0.0), (47.3, 120.0), (52.5, 77.0)] {
            let step = (hz / 8000.0 * 2f64.powi(32)) as u32;
            let mut half = HalfCycle::new();
            half.follow((lead / 360.0 * 2f64.powi(32)) as u32);
            let mut values = 0;
            for n in 0..8000u32 {
                let phase = step.wrapping_mul(n);
                let angle = f64::from(phase) / 2f64.powi(32) * TAU + f64::to_radians(lead);
                let u = (230e3 * 2f64.sqrt() * angle.sin()).round() as i32;
                if let Some(uv) = half.on_sample(u, phase, (1 << 47) / u64::from(step), 1_000_000_000) {
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
            let (mut half, mut values) = (HalfCycle::new(), 0);
            for n in 0..4000u32 {
                let turns = f64::from(n) * 50.0 / 8000.0;
                let u = (230e3 * 2f64.sqrt() * (turns * TAU).sin()).round() as i32;
                let phase = (turns + if n > 2000 { jump } else { 0.0 }).fract() * 2f64.powi(32);
                if let Some(uv) = half.on_sample(u, phase as u32, 80 << 16, 1_000_000_000) {
                    values += 1;
                    assert!(values < 3 || uv.abs_diff(230_000_000) < 4_000_000, "{jump}: {uv}");
                }
            }
            assert!(values > 40, "{values}");
        }
    }
}
