//! Work on all sites at once: they do not know each other between two exchanges with the line.

use super::Site;

/// Gaps shorter than this (in samples of the line) are not worth a thread: a tenth of a second.
const WORTH_A_THREAD: u64 = 40_000;

/// Calls `work` on every site, on all processors when the gap is long. The order cannot matter, since a
/// site touches nothing but itself.
pub(super) fn for_each(sites: &mut [Site], samples: u64, work: impl Fn(&mut Site) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(sites.len());
    if samples < WORTH_A_THREAD || threads < 2 {
        return sites.iter_mut().for_each(work);
    }
    let share = sites.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for sites in sites.chunks_mut(share) {
            scope.spawn(|| sites.iter_mut().for_each(&work));
        }
    });
}
