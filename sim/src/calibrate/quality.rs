//! What receivers report of the ratio, against what it is.

use super::walk::{PAYLOADS_DB, Point};

/// dB at the first entry, and between two.
pub(super) const AXIS: (f64, f64) = (-6.0, 2.0);
/// Reports that an entry is made of, at least; with fewer it is that of the ratio below.
const REPORTS: usize = 30;

/// Mean and standard deviation of an error at each ratio, dB.
type Errors = Vec<(f64, f64)>;

/// Errors of what is reported: of all carriers together, and of one group.
pub(super) fn quality(points: &[Point]) -> (Errors, Errors) {
    let (first, step) = AXIS;
    let bins = ((PAYLOADS_DB.1 - step - first) / step) as usize + 1;
    let mut errors = vec![(Vec::new(), Vec::new()); bins];
    for point in points {
        let bin = ((point.snr_db - first) / step).round().max(0.0) as usize;
        let (all, groups) = &mut errors[bin.min(bins - 1)];
        for outcome in &point.outcomes {
            all.extend(outcome.lqi_db.map(|db| db - point.snr_db));
            groups.extend(outcome.group_db.iter().map(|db| db - point.snr_db));
        }
    }
    let mut last = ((0.0, 0.5), (0.0, 1.0));
    let entry = |(all, groups): &(Vec<f64>, Vec<f64>)| {
        if all.len() > REPORTS {
            last = (spread(all), spread(groups));
        }
        last
    };
    errors.iter().map(entry).unzip()
}

fn spread(errors: &[f64]) -> (f64, f64) {
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    let square = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / errors.len() as f64;
    (mean, square.sqrt())
}
