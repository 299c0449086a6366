//! Work on many things at once that do not know each other: the outcome never depends on the processors.

use super::Site;

/// Gaps shorter than this (in samples of the line) are not worth a thread: a tenth of a second.
const WORTH_A_THREAD: u64 = 40_000;

/// Calls `work` on every site, on all processors when the gap is long. The order cannot matter, since a
/// site touches nothing but itself.
pub(super) fn for_each(sites: &mut [Site], samples: u64, work: impl Fn(&mut Site) + Sync) {
    let threads = threads(sites.len());
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

/// What `work` makes of each item, in the order of the items.
pub(super) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(threads(items.len()).max(1)).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(|| items.iter().map(&work).collect::<Vec<_>>()))
            .collect();
        let results = shares.into_iter().map(|share| share.join());
        results.flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// As many threads as there are processors, and no more than there are things to do.
fn threads(things: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(things)
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_come_in_the_order_of_the_items_however_many_there_are() {
        for count in [0, 1, 2, 3, 100] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(
                map(&items, |item| item * item),
                items.iter().map(|item| item * item).collect::<Vec<_>>()
            );
        }
    }
}
