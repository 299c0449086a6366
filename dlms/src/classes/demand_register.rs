//! Demand register, class 5 \[BB 4.3.4\].

use super::object::{attributes, no_parameter, object_basics};
use super::{Effect, Effects, Moment, Object, Value};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::cosem::{ClockTime, ScalerUnit};
use crate::specs::objects::DEMAND_PERIODS_MAX;
use alloc::collections::VecDeque;
use core::time::Duration;
use plc_core::Utc;

attributes! {
    /// Average power over a window that slides in periods.
    DemandRegister: DEMAND_REGISTER {
        /// Of the period under way, as if nothing more was used in the window.
        [2] current_average_value: u32,
        /// Of the window that ended last.
        [3] last_average_value: u32,
        /// Of both.
        [4] scaler_unit: ScalerUnit,
        /// Whether the last average is worth anything: 0 is.
        [5] status: u8,
        /// When the last window ended.
        [6] capture_time: ClockTime,
        /// When the period under way began.
        [7] start_time_current: ClockTime,
        /// Seconds of a period.
        [8] period: u32,
        /// Periods of a window.
        [9] number_of_periods: u16,
    } kept {
        /// The energy at the beginning of each period of the window, the last of which is under way.
        starts: Starts,
    } volatile {
        /// The energy now.
        energy_mwh: u64,
    }
}

/// When periods began, and the energy then, in thousandths of a watt-hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Starts(VecDeque<(Utc, u64)>);

impl Value for Starts {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        let starts = data.as_array().filter(|starts| starts.len() <= usize::from(DEMAND_PERIODS_MAX))?;
        let start = |start: Data<'_>| match start.as_structure()?.exactly()? {
            [Data::I64(ms), Data::U64(energy)] => Some((Utc::from_millis(ms), energy)),
            _ => None,
        };
        starts.iter().map(start).collect::<Option<_>>().map(Self)
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.array(self.0.len());
        for (start, energy) in &self.0 {
            out.structure(2);
            out.i64(start.as_millis());
            out.u64(*energy);
        }
    }
}

impl DemandRegister {
    /// A register over `number_of_periods` periods of `period` seconds.
    pub fn new(scaler_unit: ScalerUnit, period: u32, number_of_periods: u16) -> Self {
        Self {
            current_average_value: 0,
            last_average_value: 0,
            scaler_unit,
            status: INCOMPLETE,
            capture_time: ClockTime::UNSPECIFIED,
            start_time_current: ClockTime::UNSPECIFIED,
            period: period.max(1),
            number_of_periods: number_of_periods.clamp(1, DEMAND_PERIODS_MAX),
            starts: Starts::default(),
            energy_mwh: 0,
        }
    }

    /// The energy counted up to `utc` is `energy_mwh`, in thousandths of a watt-hour; values are in thousandths of a
    /// watt. `time` shows a time as the clock does. A clock that was set back begins the window anew.
    pub fn step(&mut self, utc: Utc, energy_mwh: u64, time: &dyn Fn(Utc) -> ClockTime) {
        let period = Duration::from_secs(self.period.into());
        self.energy_mwh = energy_mwh;
        let began = utc.floor(period);
        match self.starts.0.back().map(|&(start, _)| start) {
            Some(start) if start == began => {}
            Some(start) if start + period == began => self.close(began, time),
            _ => {
                self.starts.0.clear();
                self.open(utc.max(began), time);
            }
        }
        let window_s = u64::from(self.period) * u64::from(self.number_of_periods);
        self.current_average_value = self.average(window_s);
    }

    /// Begins anew, as from `utc`.
    pub fn reset(&mut self, utc: Utc, time: &dyn Fn(Utc) -> ClockTime) {
        (self.current_average_value, self.last_average_value) = (0, 0);
        (self.status, self.capture_time) = (INCOMPLETE, ClockTime::UNSPECIFIED);
        self.starts.0.clear();
        self.open(utc.floor(Duration::from_secs(self.period.into())), time);
    }

    /// Closes the period under way before its time.
    pub fn next_period(&mut self, utc: Utc, time: &dyn Fn(Utc) -> ClockTime) {
        self.close(utc, time);
        if let Some(start) = self.starts.0.back_mut() {
            // The period goes on to the boundary that it would have ended at.
            start.0 = utc.floor(Duration::from_secs(self.period.into()));
        }
    }

    /// A period ends at `utc`, and with it a window.
    fn close(&mut self, utc: Utc, time: &dyn Fn(Utc) -> ClockTime) {
        let window_s =
            self.starts.0.front().map_or(0, |&(start, _)| (utc.as_secs() - start.as_secs()).max(0) as u64);
        let whole = self.starts.0.len() == usize::from(self.number_of_periods);
        self.last_average_value = self.average(window_s);
        self.status = if whole { COMPLETE } else { INCOMPLETE };
        self.capture_time = time(utc);
        self.open(utc, time);
    }

    fn open(&mut self, utc: Utc, time: &dyn Fn(Utc) -> ClockTime) {
        self.starts.0.push_back((utc, self.energy_mwh));
        while self.starts.0.len() > usize::from(self.number_of_periods) {
            self.starts.0.pop_front();
        }
        self.start_time_current = time(utc);
    }

    /// What was used in the window, over so many seconds.
    fn average(&self, seconds: u64) -> u32 {
        let start = self.starts.0.front().map_or(self.energy_mwh, |&(_, energy)| energy);
        let used = self.energy_mwh.saturating_sub(start);
        let average = used.saturating_mul(3600).checked_div(seconds).unwrap_or(0);
        u32::try_from(average).unwrap_or(u32::MAX)
    }
}

/// The window had all of its periods.
const COMPLETE: u8 = 0;
/// The window had fewer: the meter began in it, or its clock was set.
const INCOMPLETE: u8 = 1;

impl Object for DemandRegister {
    object_basics!();

    fn get(&self, attribute: i8, _: &Moment, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        self.read(attribute, out)
    }

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        let lawful = match *value {
            Data::U32(period) => (1..=PERIOD_MAX_S).contains(&period),
            Data::U16(periods) => (1..=DEMAND_PERIODS_MAX).contains(&periods),
            _ => false,
        };
        if !lawful {
            return Err(DataAccessResult::OtherReason);
        }
        self.store(attribute, value)?;
        effects.push(Effect::DemandReset);
        Ok(())
    }

    fn invoke(
        &mut self,
        method: i8,
        data: &Data<'_>,
        _: &Moment,
        effects: &mut Effects,
    ) -> Result<(), ActionResult> {
        no_parameter(data)?;
        effects.push(if method == 1 { Effect::DemandReset } else { Effect::DemandNextPeriod });
        Ok(())
    }
}

/// The longest period: a day. A bound of this crate.
const PERIOD_MAX_S: u32 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Snapshot, test};
    use crate::cosem::{ClockStatus, Unit};

    fn time(utc: Utc) -> ClockTime {
        ClockTime::from_utc(utc, 0, ClockStatus::OK)
    }

    fn utc(minute: u8, second: u8) -> Utc {
        Utc::from_civil(2026, 11, 22, 10, minute, second).unwrap()
    }

    /// Three periods of five minutes.
    fn register() -> DemandRegister {
        DemandRegister::new(ScalerUnit { scaler: -3, unit: Unit::WATT }, 300, 3)
    }

    #[test]
    fn the_window_slides_period_by_period() {
        let mut register = register();
        register.step(utc(0, 0), 1000, &time);
        // 1 kW in the first period, 2 kW in the second, 3 kW in the third: 83.333, 166.667 and 250 Wh.
        register.step(utc(5, 0), 1000 + 83_333, &time);
        assert_eq!((register.last_average_value, register.status), (83_333 * 12, 1));
        register.step(utc(10, 0), 1000 + 250_000, &time);
        register.step(utc(12, 30), 1000 + 375_000, &time);
        assert_eq!(
            register.current_average_value,
            375_000 * 4,
            "over the whole window of a quarter of an hour"
        );
        register.step(utc(15, 0), 1000 + 500_000, &time);
        assert_eq!((register.last_average_value, register.status), (2_000_000, 0));
        assert_eq!(
            (register.capture_time.utc(), register.start_time_current.utc()),
            (Some(utc(15, 0)), Some(utc(15, 0)))
        );
        register.step(utc(20, 0), 1000 + 500_000, &time);
        assert_eq!(register.last_average_value, (500_000 - 83_333) * 4);
        test::check(&register, &test::UNSET);
    }

    #[test]
    fn a_window_goes_on_after_an_outage_that_spares_a_boundary_or_spans_one_but_not_two() {
        let whole = |back: Utc, end: Utc| {
            let mut register = DemandRegister::new(ScalerUnit { scaler: -3, unit: Unit::WATT }, 300, 1);
            register.step(utc(0, 0), 0, &time);
            register.step(utc(5, 0), 1000, &time);
            register.step(utc(7, 0), 11_000, &time);
            let kept = Snapshot::of(crate::specs::classes::CLOCK_NAME, &register);
            let mut again = DemandRegister::new(ScalerUnit { scaler: -3, unit: Unit::WATT }, 300, 1);
            assert!(kept.restore(&mut again));
            again.step(back, 11_000, &time);
            again.step(end, 31_000, &time);
            (again.last_average_value, again.status)
        };
        // Ten watt-hours before and thirty after, within the same five minutes.
        let mut register = DemandRegister::new(ScalerUnit { scaler: -3, unit: Unit::WATT }, 300, 1);
        register.step(utc(5, 0), 1000, &time);
        register.step(utc(6, 0), 11_000, &time);
        let kept = Snapshot::of(crate::specs::classes::CLOCK_NAME, &register);
        let mut again = DemandRegister::new(ScalerUnit { scaler: -3, unit: Unit::WATT }, 300, 1);
        assert!(kept.restore(&mut again));
        again.step(utc(8, 0), 11_000, &time);
        again.step(utc(10, 0), 41_000, &time);
        assert_eq!((again.last_average_value, again.status), (40_000 * 12, 0));
        // Across one boundary the period before is closed as it stood; the one after is whole.
        assert_eq!(whole(utc(10, 30), utc(15, 0)), (20_000 * 12, 0));
        // Across two, the period in which the supply came back is no whole one, and closes nothing.
        assert_eq!(whole(utc(15, 20), utc(20, 0)), (1000 * 12, 0));
    }

    #[test]
    fn a_clock_that_jumps_begins_the_window_anew() {
        let mut register = register();
        (0..4).for_each(|n| register.step(utc(5 * n, 0), u64::from(n) * 1000, &time));
        assert_eq!(register.status, 0);
        register.step(utc(50, 0), 9000, &time);
        assert_eq!(register.current_average_value, 0);
        register.step(utc(55, 0), 9000, &time);
        assert_eq!(register.status, 1);
    }

    #[test]
    fn a_period_is_closed_by_its_method_and_all_is_forgotten_by_reset() {
        let mut register = register();
        register.step(utc(0, 0), 0, &time);
        register.step(utc(2, 0), 100_000, &time);
        register.next_period(utc(2, 0), &time);
        assert_eq!(register.last_average_value, 3_000_000);
        register.reset(utc(3, 0), &time);
        assert_eq!((register.last_average_value, register.capture_time), (0, ClockTime::UNSPECIFIED));
        for wrong in [0u16.to_value(), 33u16.to_value(), 0u32.to_value(), 86_401u32.to_value()] {
            let attribute = if wrong[0] == 18 { 9 } else { 8 };
            assert_eq!(test::write(&mut register, attribute, &wrong), Err(DataAccessResult::OtherReason));
        }
        assert_eq!(test::write(&mut register, 8, &60u32.to_value()), Ok(()));
    }
}
