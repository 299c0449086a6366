//! What the meter remembers at the boundaries of its capture periods.

use crate::ring::Ring;
use crate::specs::{CLOCK_BASE_CRYSTAL, CLOCK_SET_BACK_MAX, status};
use core::time::Duration;
use dlms::classes::WallClock;
use metrology::Registers;
use plc_core::Utc;
use plc_core::time::Civil;

/// A row: the registers at a boundary. Consumption of a period is the difference of two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The boundary.
    pub utc: Utc,
    /// Bits of [`crate::specs::status`], about the period that ends here.
    pub status: u8,
    /// A+ in mWh.
    pub import_mwh: u64,
    /// A- in mWh.
    pub export_mwh: u64,
    /// The mains at the boundary; zeros in a profile that does not show them.
    pub mains: Mains,
}

/// The mains of three phases at a boundary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mains {
    /// By phase.
    pub phases: [PhaseValues; 3],
    /// Dips, swells and interruptions so far.
    pub counts: [u32; 3],
}

/// What a phase was like over the last window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseValues {
    /// RMS voltage, in mV.
    pub u_mv: u32,
    /// RMS current, in mA.
    pub i_ma: u32,
    /// Power factor in thousandths, negative for export; 0 without a current.
    pub factor_per_mille: i16,
    /// Total harmonic distortion of the voltage, in millionths.
    pub thd_ppm: u32,
}

/// What a row of the load profile begins besides a capture period, on the wall: rows of the billing profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begins {
    /// It is the first row of its local day.
    pub day: bool,
    /// It is the first row of its local month.
    pub month: bool,
}

/// How many rows each profile keeps, and how often the load profile captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileSizes {
    /// Seconds between rows of the load profile: a divisor of an hour, from 60.
    pub capture_period_s: u32,
    /// Rows of the load profile.
    pub load: usize,
    /// Rows of the daily billing profile.
    pub daily: usize,
    /// Rows of the monthly billing profile.
    pub monthly: usize,
}

impl Default for ProfileSizes {
    /// Every quarter of an hour for ten days, two months of days, fifteen months.
    fn default() -> Self {
        Self { capture_period_s: 900, load: 960, daily: 62, monthly: 15 }
    }
}

/// The load profile, the billing profiles, and the boundary that comes next.
#[derive(Clone, Debug)]
pub struct Profiles {
    period: Duration,
    load: Ring<Row>,
    daily: Ring<Row>,
    monthly: Ring<Row>,
    /// The next boundary; `None` while the clock is not set.
    next: Option<Utc>,
    /// Bits for the next row.
    status: u8,
    /// The rules by which UTC becomes local time: days, months and boundaries are those of the wall.
    wall: WallClock,
}

impl Profiles {
    /// Empty profiles. The first row will bear the bits of `status`.
    pub fn new(sizes: ProfileSizes, status: u8) -> Self {
        Self {
            period: Duration::from_secs(u64::from(sizes.capture_period_s)),
            load: Ring::new(sizes.load),
            daily: Ring::new(sizes.daily),
            monthly: Ring::new(sizes.monthly),
            next: None,
            status,
            wall: WallClock::new(CLOCK_BASE_CRYSTAL),
        }
    }

    /// Gives back the rows that were kept before a restart, oldest first.
    pub fn restore(&mut self, load: &[Row], daily: &[Row], monthly: &[Row]) {
        load.iter().for_each(|row| self.load.push(*row));
        daily.iter().for_each(|row| self.daily.push(*row));
        monthly.iter().for_each(|row| self.monthly.push(*row));
    }

    /// The load profile.
    pub const fn load(&self) -> &Ring<Row> {
        &self.load
    }

    /// The daily billing profile: the first row of each day.
    pub const fn daily(&self) -> &Ring<Row> {
        &self.daily
    }

    /// The monthly billing profile: the first row of each month.
    pub const fn monthly(&self) -> &Ring<Row> {
        &self.monthly
    }

    /// Time between boundaries.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// From now on local time follows these rules. The boundary that comes next is the next one of that time, so that the period in
    /// which the zone is changed may be longer.
    pub fn follow(&mut self, wall: &WallClock) {
        if self.wall != *wall {
            self.wall = wall.clone();
            self.next = self.next.map(|next| self.boundary_from(next));
        }
    }

    /// The bits that the next row bears so far.
    pub const fn status(&self) -> u8 {
        self.status
    }

    /// Adds bits of [`crate::specs::status`] to the next row.
    pub fn mark(&mut self, status: u8) {
        self.status |= status;
    }

    /// The boundary that comes next.
    pub const fn next(&self) -> Option<Utc> {
        self.next
    }

    /// The clock shows `utc`, or is taken to: the first boundary that is not before it comes next, but
    /// none that has a row already, unless the clock was set back by more than [`CLOCK_SET_BACK_MAX`].
    pub fn resume_at(&mut self, utc: Utc) {
        let next = self.boundary_from(utc);
        let newest = self.load.newest().map(|row| row.utc);
        let taken = newest.filter(|&newest| newest >= next && newest <= next + CLOCK_SET_BACK_MAX);
        self.next = Some(taken.map_or(next, |newest| self.boundary_before(newest) + self.period));
    }

    /// The boundary that comes next is the last one that is not after `utc`.
    pub fn advance_to(&mut self, utc: Utc) {
        self.next = Some(self.boundary_before(utc));
    }

    /// The last boundary that is not after `utc`: a multiple of the period in local standard time, which differs from UTC by
    /// quarters of an hour.
    fn boundary_before(&self, utc: Utc) -> Utc {
        let ahead_ms = i64::from(self.wall.time_zone) * 60_000;
        let local = Utc::from_millis(utc.as_millis().saturating_sub(ahead_ms)).floor(self.period);
        Utc::from_millis(local.as_millis().saturating_add(ahead_ms))
    }

    /// The first boundary that is not before `utc`.
    fn boundary_from(&self, utc: Utc) -> Utc {
        let before = self.boundary_before(utc);
        if before < utc { before + self.period } else { before }
    }

    /// The boundary that came next has been reached with these registers.
    pub fn capture(&mut self, registers: &Registers, mains: Mains) -> Option<(Row, Begins)> {
        let utc = self.next?;
        let row = Row {
            utc,
            status: core::mem::take(&mut self.status) | self.daylight_saving(utc),
            import_mwh: registers.import.milliwatt_hours(),
            export_mwh: registers.export.milliwatt_hours(),
            mains,
        };
        self.next = Some(utc + self.period);
        Some((row, self.keep(row)))
    }

    /// The billing period ends at `utc`, before its time.
    pub fn close(&mut self, utc: Utc, registers: &Registers) -> Row {
        let row = Row {
            utc,
            status: self.status | self.daylight_saving(utc),
            import_mwh: registers.import.milliwatt_hours(),
            export_mwh: registers.export.milliwatt_hours(),
            mains: Mains::default(),
        };
        self.monthly.push(row);
        row
    }

    fn keep(&mut self, row: Row) -> Begins {
        let before = self.load.newest().map(|row| row.utc);
        let begins = self.begins(before, row.utc);
        self.load.push(row);
        let billed = Row { mains: Mains::default(), ..row };
        if begins.day {
            self.daily.push(billed);
        }
        if begins.month {
            self.monthly.push(billed);
        }
        begins
    }

    /// The bit of daylight saving at a boundary.
    fn daylight_saving(&self, utc: Utc) -> u8 {
        if self.wall.is_daylight_saving(utc) { status::DAYLIGHT_SAVING } else { 0 }
    }

    /// What a row at `utc` begins, the row before it being at `before`; the first row of all begins what it stands at the beginning of.
    fn begins(&self, before: Option<Utc>, utc: Utc) -> Begins {
        let wall = self.wall.wall(utc);
        let before = before.map(|before| self.wall.wall(before));
        let day = before.map_or(wall == wall.midnight(), |before| before.midnight() < wall.midnight());
        let (civil, month) = (wall.civil(), |civil: Civil| (civil.year, civil.month));
        let month = before.map_or(civil.day == 1, |before| month(before.civil()) != month(civil));
        Begins { day, month: day && month }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::status;
    use alloc::vec::Vec;

    fn at(day: u8, hour: u8, minute: u8) -> Utc {
        Utc::from_civil(2026, 11, day, hour, minute, 0).unwrap()
    }

    fn profiles() -> Profiles {
        Profiles::new(ProfileSizes::default(), status::POWER_DOWN)
    }

    fn times(ring: &Ring<Row>) -> Vec<Utc> {
        ring.iter().map(|row| row.utc).collect()
    }

    #[test]
    fn only_the_first_row_bears_the_marks_of_the_start() {
        let mut profiles = profiles();
        assert_eq!(profiles.capture(&Registers::default(), Mains::default()), None);
        profiles.resume_at(at(22, 10, 1));
        profiles.capture(&Registers::default(), Mains::default());
        profiles.capture(&Registers::default(), Mains::default());
        assert_eq!(times(profiles.load()), [at(22, 10, 15), at(22, 10, 30)]);
        let status: Vec<_> = profiles.load().iter().map(|row| row.status).collect();
        assert_eq!(status, [status::POWER_DOWN, 0]);
    }

    #[test]
    fn a_clock_set_back_captures_no_boundary_twice() {
        let mut profiles = profiles();
        profiles.resume_at(at(22, 10, 0));
        (0..3).for_each(|_| _ = profiles.capture(&Registers::default(), Mains::default()));
        profiles.resume_at(at(22, 10, 10));
        assert_eq!(profiles.next(), Some(at(22, 10, 45)));
    }

    #[test]
    fn a_clock_set_back_by_more_than_an_hour_captures_its_boundaries_again() {
        let mut profiles = profiles();
        profiles.resume_at(at(22, 10, 0));
        (0..9).for_each(|_| _ = profiles.capture(&Registers::default(), Mains::default()));
        profiles.resume_at(at(22, 10, 40));
        assert_eq!(profiles.next(), Some(at(22, 10, 45)));
    }

    #[test]
    fn a_clock_that_was_far_ahead_does_not_silence_the_profile() {
        let mut profiles = profiles();
        profiles.resume_at(Utc::from_civil(2031, 1, 1, 0, 0, 0).unwrap());
        profiles.capture(&Registers::default(), Mains::default());
        profiles.resume_at(at(22, 10, 10));
        assert_eq!(profiles.next(), Some(at(22, 10, 15)));
    }

    #[test]
    fn each_day_and_month_begins_with_a_row_even_if_midnight_was_missed() {
        let mut profiles = profiles();
        for (from, rows) in [(at(28, 23, 30), 4), (at(30, 1, 0), 2), (at(30, 23, 45), 2)] {
            profiles.resume_at(from);
            (0..rows).for_each(|_| _ = profiles.capture(&Registers::default(), Mains::default()));
        }
        let december = Utc::from_civil(2026, 12, 1, 0, 0, 0).unwrap();
        assert_eq!(times(profiles.daily()), [at(29, 0, 0), at(30, 1, 0), december]);
        assert_eq!(times(profiles.monthly()), [december]);
    }
}
