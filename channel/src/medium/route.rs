//! A link in use.

use crate::Link;
use crate::skew::Resampler;
use core::ops::Range;

/// A link of the medium, and the sliding delay that it may have.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) link: Link,
    pub(super) resampler: Option<Resampler>,
}

impl Route {
    /// A link without a past.
    pub(super) fn new(link: Link) -> Self {
        let resampler = (link.skew_ppm() != 0.0).then(|| Resampler::new(link.skew_ppm()));
        Self { link, resampler }
    }

    /// Whether its filter is all that happens on the way.
    pub(super) fn is_plain(&self) -> bool {
        self.resampler.is_none() && self.link.mains_gain().is_none()
    }

    /// The samples of the present block that a burst can reach; all of them under a sliding delay, whose own
    /// past must have no gap.
    pub(super) fn span(&self, now: u64, samples: usize, burst: &Range<u64>) -> Range<usize> {
        if self.resampler.is_some() {
            return 0..samples;
        }
        let end = (burst.end + self.link.fir().memory() as u64).saturating_sub(now).min(samples as u64);
        let start = burst.start.saturating_sub(now).min(end);
        start as usize..end as usize
    }

    /// What varies with time, on the samples from index `at`.
    pub(super) fn vary(&mut self, at: u64, burst: u64, samples: &mut [f32]) {
        if let Some(resampler) = &mut self.resampler {
            resampler.run(at as i64 - burst as i64, samples);
        }
        if let Some(gain) = self.link.mains_gain() {
            gain.apply(at, samples);
        }
    }
}
