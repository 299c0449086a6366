//! Many ratios, one number.

/// The ratio of white noise (dB) that does as much harm as `ratios` (linear), one for each part of a frame with its weight:
/// exponential effective SNR mapping, -β ln Σ w exp(-γ/β) with Σ w = 1. `None` for no parts.
///
/// A part without signal is an erasure, not the end: the mean of exponentials is ruled by how many parts are good, which is how a
/// code with an interleaver over the whole frame behaves. β is calibrated for each modulation.
pub fn effective_db(beta: f64, ratios: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (weight, ratio) in ratios {
        sum += weight * (-ratio / beta).exp();
        weights += weight;
    }
    (weights > 0.0).then(|| {
        let mean = (sum / weights).max(f64::MIN_POSITIVE);
        10.0 * (-beta * mean.ln()).max(FLOOR).log10()
    })
}

/// A ratio that is as good as none.
const FLOOR: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_are_what_they_are_whatever_their_weights() {
        for db in [-5.0, 3.0, 12.0] {
            let ratio = 10f64.powf(db / 10.0);
            let effective = effective_db(1.7, [(1.0, ratio), (0.25, ratio)].into_iter());
            assert!((effective.expect("there are parts") - db).abs() < 1e-9);
        }
        assert_eq!(effective_db(1.0, std::iter::empty()), None);
    }

    #[test]
    fn a_part_without_signal_costs_its_share_and_no_more() {
        let half = effective_db(1.0, [(1.0, 0.0), (1.0, 100.0)].into_iter()).expect("parts");
        assert!((half - 10.0 * std::f64::consts::LN_2.log10()).abs() < 1e-6);
        let most = effective_db(1.0, [(1.0, 0.0), (9.0, 100.0)].into_iter()).expect("parts");
        assert!(most > half + 4.0);
    }
}
