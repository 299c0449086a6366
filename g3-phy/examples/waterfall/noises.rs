//! What ideal reception knows of the noise: how much each symbol gets on each carrier.

use crate::line::{Disturbance, lv14_level};
use channel::noise::Cyclostationary;
use g3_phy::BandPlan;
use g3_phy::g3::specs::{FFT_LEN, SYMBOL_HOP};
use plc_core::Seed;
use std::ops::Range;

/// The noise of one kind of line.
pub(crate) enum Noises {
    /// The same for every symbol.
    Even,
    /// Three regions of each half mains cycle.
    Regions { regions: Vec<[(Range<u64>, f64); 3]>, period: u64 },
}

/// What a symbol's carrier gets: noise over the mean, and noise over its own power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) noise: f64,
    pub(crate) own: f64,
}

/// The region with the impulses.
const IMPULSIVE: usize = 2;

impl Noises {
    /// For the carriers with these indices of `plan`.
    pub(crate) fn new(disturbance: Disturbance, plan: &BandPlan, carriers: &[usize]) -> Self {
        let Disturbance::Lv14 { impulses } = disturbance else { return Self::Even };
        let rate = f64::from(plan.sample_rate_hz);
        let source = Cyclostationary::lv14(plan.sample_rate_hz, 1.0, 0.0, &Seed::from_u64(0));
        let source = if impulses { source } else { source.without_impulses() };
        let level = lv14_level(plan, carriers) * 2.0 / rate;
        let of_carrier = |&k: &usize| {
            let regions = source.regions(k as f64 * rate / FFT_LEN as f64);
            regions.map(|(span, power)| (span, power / level))
        };
        let regions: Vec<_> = carriers.iter().map(of_carrier).collect();
        let period = regions[0][IMPULSIVE].0.end;
        Self::Regions { regions, period }
    }

    /// Carrier number `carrier` of the symbol number `symbol` of a frame that begins after `phase` (0..1) of the half cycle.
    /// Samples with impulses are heard or set to zero, whichever is better at `snr`.
    pub(crate) fn share(&self, carrier: usize, symbol: usize, phase: f64, snr: f64) -> Share {
        let Self::Regions { regions, period } = self else { return Share { noise: 1.0, own: 0.0 } };
        let start = (phase * *period as f64) as u64 + (symbol * SYMBOL_HOP) as u64;
        let (mut heard, mut quiet, mut kept) = (0.0, 0.0, 0.0);
        for (n, (span, power)) in regions[carrier].iter().enumerate() {
            let part = overlap(start % period, span, *period) as f64 / FFT_LEN as f64;
            heard += part * power;
            if n != IMPULSIVE {
                (quiet, kept) = (quiet + part * power, kept + part);
            }
        }
        let blanked = Share { noise: quiet / (kept * kept), own: (1.0 - kept) / kept };
        let whole = Share { noise: heard, own: 0.0 };
        if kept > 0.0 && blanked.noise + blanked.own * snr < heard { blanked } else { whole }
    }
}

/// Samples of the window from `start` on that lie in `span` of each period.
fn overlap(start: u64, span: &Range<u64>, period: u64) -> u64 {
    let end = start + FFT_LEN as u64;
    let within = |from: u64, to: u64| end.min(to).saturating_sub(start.max(from));
    within(span.start, span.end) + within(span.start + period, span.end + period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use g3_phy::CENELEC_A;

    fn lv14(impulses: bool) -> Noises {
        Noises::new(Disturbance::Lv14 { impulses }, &CENELEC_A, &(23..59).collect::<Vec<_>>())
    }

    /// Mean noise over carriers, symbols and phases.
    fn mean(noises: &Noises, snr: f64) -> f64 {
        let one = |n: usize| noises.share(n % 36, n % 50, (n % 97) as f64 / 97.0, snr).noise;
        (0..36 * 50 * 97).map(one).sum::<f64>() / f64::from(36 * 50 * 97)
    }

    #[test]
    fn noise_without_impulses_has_the_mean_that_the_axis_shows() {
        assert!((mean(&lv14(false), 1.0) - 1.0).abs() < 0.01);
        assert_eq!(mean(&Noises::Even, 1.0), 1.0);
    }

    #[test]
    fn impulses_are_set_to_zero_where_that_costs_less() {
        let (loud, noises) = (mean(&lv14(true), 1e9), lv14(true));
        assert!(loud > 2.5 && mean(&noises, 1.0) < 1.4, "{loud}");
        // Half a window of impulses at the end of the half cycle.
        let struck = noises.share(35, 0, (4000.0 - 253.0) / 4000.0, 1.0);
        assert!((struck.own - 125.0 / 131.0).abs() < 0.05 && struck.noise < 10.0, "{struck:?}");
    }
}
