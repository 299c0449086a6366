//! β from curves over groups of uneven power.

use crate::frame::effective_db;

/// What a spread of power over the groups has done: gains (dB) and the mean ratio (dB) before them at which half was lost.
pub(super) struct Uneven {
    pub(super) gains_db: Vec<f64>,
    pub(super) half_db: f64,
}

/// Errors that differ by less than this are the same: halves are not known better. dB.
const SAME_DB: f64 = 0.05;

/// The β, and the worst error in dB that it leaves, for which the effective ratios at the halves come nearest to that of an even
/// spread. Of those that do so alike it is the smallest: where ratios are far below one, every large β means the same sum of powers, and
/// says too much of groups that are far above.
pub(super) fn beta(even_half_db: f64, uneven: &[Uneven]) -> (f64, f64) {
    let error = |beta: f64| {
        let of = |u: &Uneven| {
            let ratios = u.gains_db.iter().map(|gain| (1.0, 10f64.powf((u.half_db + gain) / 10.0)));
            effective_db(beta, ratios).map_or(f64::INFINITY, |db| (db - even_half_db).abs())
        };
        uneven.iter().map(of).fold(0.0, f64::max)
    };
    let candidates: Vec<_> =
        (-20..=20).map(|n| 10f64.powf(f64::from(n) / 20.0)).map(|beta| (beta, error(beta))).collect();
    let least = candidates.iter().map(|(_, error)| *error).fold(f64::INFINITY, f64::min);
    candidates.into_iter().find(|(_, error)| *error < least + SAME_DB).unwrap_or((1.0, least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beta_that_made_the_curves_is_found() {
        for wanted in [0.5, 1.0, 4.0] {
            let shapes = [vec![0.0, -12.0], vec![0.0, -3.0, -6.0, -9.0]];
            let half = |gains: &[f64]| {
                let at = |mean: f64| {
                    let ratios = gains.iter().map(|gain| (1.0, 10f64.powf((mean + gain) / 10.0)));
                    effective_db(wanted, ratios).expect("there are groups")
                };
                (-1000..3000)
                    .map(|n| f64::from(n) * 0.01)
                    .find(|&mean| at(mean) >= 2.0)
                    .expect("some ratio is enough")
            };
            let uneven: Vec<_> =
                shapes.iter().map(|gains| Uneven { gains_db: gains.clone(), half_db: half(gains) }).collect();
            let (beta, error) = beta(2.0, &uneven);
            assert!((beta / wanted).log10().abs() < 0.06 && error < 0.2, "{wanted}: {beta}, {error} dB");
        }
    }
}
