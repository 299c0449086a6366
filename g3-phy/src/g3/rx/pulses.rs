//! Pulses: symbols with more energy than their neighbours deserve less trust.

/// Follows the usual energy of symbols and tells how far to trust each product of two of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulses {
    /// Usual energy, in units of the energy expected.
    usual: f32,
    /// Trust in the symbol before.
    before: f32,
}

/// Energy over the usual that chance brings.
const CHANCE: f32 = 1.4;
/// How fast the usual energy follows, per symbol. It moves by steps of this size towards the median.
const STEP: f32 = 1.05;

impl Pulses {
    /// At the end of the header.
    pub(super) const fn new() -> Self {
        Self { usual: 1.0, before: 1.0 }
    }

    /// The factor for soft bits from a symbol of `energy`, in units of the energy expected, and the one before, on a
    /// line of signal-to-noise ratio `snr`. Energy over the usual counts as noise; soft bits go down as the variance
    /// of their product goes up.
    pub(super) fn trust(&mut self, energy: f32, snr: f32) -> f32 {
        let ratio = energy / self.usual;
        self.usual *= if ratio > 1.0 { STEP } else { 1.0 / STEP };
        let noise = 1.0 + (ratio - CHANCE).clamp(0.0, 1e6) * (snr + 1.0);
        let own = (2.0 * snr + 1.0) / (2.0 * snr * noise + noise * noise);
        own * core::mem::replace(&mut self.before, own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_costs_its_symbol_and_the_next_their_voice() {
        let mut pulses = Pulses::new();
        let trust = [1.1, 0.9, 20.0, 1.0, 1.0].map(|energy| pulses.trust(energy, 5.0));
        assert_eq!((trust[0], trust[1], trust[4]), (1.0, 1.0, 1.0));
        assert!(trust[2] < 0.01 && trust[3] < 0.01);
    }

    #[test]
    fn a_line_that_has_become_louder_is_trusted_again() {
        let mut pulses = Pulses::new();
        let last = (0..60).map(|_| pulses.trust(6.0, 5.0)).last();
        assert_eq!(last, Some(1.0));
    }
}
