//! The mains cycle, as the zero crossings show it.

use super::specs::PDC_COUNTS;
use plc_core::Instant;
use plc_core::time::Duration;

/// Phase of the mains at this node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mains {
    crossing: Instant,
    period_ns: u64,
}

/// Cycles of 40 to 70 Hz are believed, in nanoseconds.
const PERIODS_NS: core::ops::RangeInclusive<u64> = 14_285_714..=25_000_000;
/// Share of a new cycle in the period: one part in so many.
const SMOOTHING: i64 = 16;

impl Mains {
    /// With a rising zero crossing at `crossing`. A period that no mains has is taken for 20 ms.
    pub(crate) fn new(crossing: Instant, period: Duration) -> Self {
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let period_ns = if PERIODS_NS.contains(&period_ns) { period_ns } else { 20_000_000 };
        Self { crossing, period_ns }
    }

    /// A rising zero crossing at `at`. Crossings may be missed; one that does not fit a whole number of cycles moves the
    /// phase, but leaves the period.
    pub(crate) fn on_crossing(&mut self, at: Instant) {
        let elapsed = at.as_nanos().saturating_sub(self.crossing.as_nanos());
        let cycles = (elapsed + self.period_ns / 2) / self.period_ns;
        if let Some(cycle) = elapsed.checked_div(cycles).filter(|cycle| PERIODS_NS.contains(cycle)) {
            let change = (cycle as i64 - self.period_ns as i64) / SMOOTHING;
            self.period_ns = self.period_ns.saturating_add_signed(change);
        }
        self.crossing = at;
    }

    /// The phase detection counter at `at`: 256 counts to a cycle, 0 at the rising crossing \[G3 PHY 7; confidence B\].
    pub(crate) fn counter(&self, at: Instant) -> u8 {
        let (at, crossing) = (at.as_nanos(), self.crossing.as_nanos() % self.period_ns);
        // From the last crossing on where it is near, so that an error of the period does not add up.
        let since = if at >= self.crossing.as_nanos() {
            at - self.crossing.as_nanos()
        } else {
            at % self.period_ns + self.period_ns - crossing
        };
        let into = since % self.period_ns;
        (u128::from(into) * u128::from(PDC_COUNTS) / u128::from(self.period_ns)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_counter_is_zero_at_the_crossing_and_counts_256_to_the_cycle() {
        let mains = Mains::new(Instant::from_nanos(3 * MS), Duration::from_millis(20));
        let counts = [3, 8, 13, 23, 0, 2].map(|ms| mains.counter(Instant::from_nanos(ms * MS)));
        assert_eq!(counts, [0, 64, 128, 0, 217, 243]);
    }

    #[test]
    fn crossings_teach_the_period_even_when_some_are_missed() {
        let mut mains = Mains::new(Instant::EPOCH, Duration::from_millis(20));
        // 60 Hz, every third crossing missed.
        for n in (0..400u64).filter(|n| n % 3 != 0) {
            mains.on_crossing(Instant::from_nanos(n * 16_666_667));
        }
        assert!((mains.period_ns as i64 - 16_666_667).abs() < 20_000, "{}", mains.period_ns);
        assert_eq!(mains.counter(Instant::from_nanos(398 * 16_666_667 + 8_400_000)), 129);
    }

    #[test]
    fn a_crossing_out_of_step_moves_the_phase_alone() {
        let mut mains = Mains::new(Instant::EPOCH, Duration::from_millis(20));
        mains.on_crossing(Instant::from_nanos(2 * MS));
        assert_eq!((mains.period_ns, mains.counter(Instant::from_nanos(12 * MS))), (20 * MS, 128));
    }

    #[test]
    fn an_impossible_period_is_not_believed() {
        let mains = Mains::new(Instant::EPOCH, Duration::ZERO);
        assert_eq!(mains.counter(Instant::from_nanos(5 * MS)), 64);
    }
}
