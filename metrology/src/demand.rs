//! Demand: mean power over blocks, fixed or sliding, and its maximum.

use plc_core::Utc;

/// A demand and when its period ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaximumDemand {
    /// Mean power over the period, in mW (mvar, mVA).
    pub mw: u64,
    /// End of the period.
    pub at: Utc,
}

/// Demand over the last `N` periods \[62056-6-2, class 5: number_of_periods\]: with one it is block demand, with more it slides.
///
/// Who owns it reads a register at each end of a period and passes it on; mean power is exact to a milliwatt.
#[derive(Clone, Debug)]
pub struct Demand<const N: usize> {
    period_s: u32,
    /// Energy of the last periods, in mWh, the newest first.
    periods: [u64; N],
    /// How many of them are whole.
    filled: usize,
    /// The register at the end of the last period.
    register: u64,
    maximum: Option<MaximumDemand>,
    cumulative_mw: u64,
}

impl<const N: usize> Demand<N> {
    /// Demand over `N` periods of `period_s` seconds (one at least) of a register that stands at `register` mWh.
    pub fn new(period_s: u32, register: u64) -> Self {
        Self {
            period_s: period_s.max(1),
            periods: [0; N],
            filled: 0,
            register,
            maximum: None,
            cumulative_mw: 0,
        }
    }

    /// A period has ended at `at`, with the register at `register` mWh. One that was cut short or drawn out by a change of the
    /// clock, or by the loss of the supply, is `whole: false`: it begins anew and counts in no demand.
    pub fn on_period_end(&mut self, at: Utc, register: u64, whole: bool) {
        let energy = register.wrapping_sub(self.register);
        self.register = register;
        if !whole {
            self.filled = 0;
            return;
        }
        self.periods.rotate_right(1);
        self.periods[0] = energy;
        self.filled = (self.filled + 1).min(N);
        if let Some(mw) =
            self.last_average_mw().filter(|&mw| self.maximum.is_none_or(|maximum| mw > maximum.mw))
        {
            self.maximum = Some(MaximumDemand { mw, at });
        }
    }

    /// Mean power since the last end of a period, in mW over the whole of the period, with the register now at `register` mWh.
    pub fn current_average_mw(&self, register: u64) -> u64 {
        let open = u128::from(register.wrapping_sub(self.register));
        let earlier = self.periods.iter().take(self.filled.min(N.saturating_sub(1)));
        self.mean(open + earlier.map(|&mwh| u128::from(mwh)).sum::<u128>())
    }

    /// Mean power over the last `N` whole periods, in mW; `None` before there were as many.
    pub fn last_average_mw(&self) -> Option<u64> {
        (self.filled == N).then(|| self.mean(self.periods.iter().map(|&mwh| u128::from(mwh)).sum()))
    }

    /// The largest since the last reset.
    pub const fn maximum(&self) -> Option<MaximumDemand> {
        self.maximum
    }

    /// The sum of the maxima of all billing periods that were closed, in mW.
    pub const fn cumulative_mw(&self) -> u64 {
        self.cumulative_mw
    }

    /// Closes the billing period: the maximum is added to the cumulative one and forgotten.
    pub fn reset(&mut self) {
        let maximum = self.maximum.take().map_or(0, |maximum| maximum.mw);
        self.cumulative_mw = self.cumulative_mw.saturating_add(maximum);
    }

    fn mean(&self, mwh: u128) -> u64 {
        let seconds = u128::from(self.period_s) * N as u128;
        u64::try_from((mwh * 3600).checked_div(seconds).unwrap_or(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Utc {
        Utc::from_secs(minutes * 60)
    }

    #[test]
    fn block_demand_is_the_mean_power_of_its_block() {
        let mut demand = Demand::<1>::new(900, 1_000);
        assert_eq!(demand.last_average_mw(), None);
        demand.on_period_end(at(15), 251_000, true);
        assert_eq!(demand.last_average_mw(), Some(1_000_000));
        demand.on_period_end(at(30), 351_000, true);
        assert_eq!(demand.last_average_mw(), Some(400_000));
        assert_eq!(demand.current_average_mw(376_000), 100_000);
        assert_eq!(demand.maximum(), Some(MaximumDemand { mw: 1_000_000, at: at(15) }));
        demand.reset();
        assert_eq!((demand.maximum(), demand.cumulative_mw()), (None, 1_000_000));
    }

    #[test]
    fn sliding_demand_finds_a_peak_that_two_blocks_share() {
        let (mut sliding, mut block) = (Demand::<3>::new(300, 0), Demand::<1>::new(900, 0));
        let mut register = 0;
        for (n, kilowatts) in [0, 0, 9, 9, 0, 0].into_iter().enumerate() {
            register += kilowatts * 1_000_000 / 12;
            sliding.on_period_end(at(5 * (n as i64 + 1)), register, true);
            if n % 3 == 2 {
                block.on_period_end(at(5 * (n as i64 + 1)), register, true);
            }
        }
        assert_eq!(block.maximum(), Some(MaximumDemand { mw: 3_000_000, at: at(15) }));
        assert_eq!(sliding.maximum(), Some(MaximumDemand { mw: 6_000_000, at: at(20) }));
    }

    #[test]
    fn a_period_that_is_not_whole_makes_no_demand() {
        let mut demand = Demand::<2>::new(60, 0);
        demand.on_period_end(at(1), 100, true);
        demand.on_period_end(at(2), 90_000, false);
        demand.on_period_end(at(3), 90_100, true);
        assert_eq!(demand.maximum(), None);
        demand.on_period_end(at(4), 90_300, true);
        assert_eq!(demand.maximum(), Some(MaximumDemand { mw: 9_000, at: at(4) }));
    }
}
