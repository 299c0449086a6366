//! The test output: pulses in proportion to energy.

use crate::ratings::Ratings;

/// Milliwatt-hours in a kilowatt-hour.
const MWH_PER_KWH: u64 = 1_000_000;
/// A pulse, and the pause after it, at rest \[62053-31 4; confidence C\], in µs.
const WIDTH_US: u64 = 30_000;
/// Pulses that may wait; the excess is a counted drop.
const WAITING_MAX: u64 = 64;

/// A pulse output with a constant in pulses per kWh (kvarh, kVAh).
///
/// No energy is lost between pulses: what is left below one is kept. Pulses get narrower when they follow so fast that pulses of
/// the usual width would merge.
#[derive(Clone, Debug)]
pub struct PulseOutput {
    constant: u64,
    /// The register up to which pulses have been counted, in mWh.
    register: u64,
    /// Energy that has not made a pulse yet, in mWh · constant.
    rest: u64,
    waiting: u64,
    /// Pulses made since construction.
    pulses: u64,
    dropped: u64,
    /// Time until the level changes, in µs, and whether it is high.
    left_us: u64,
    high: bool,
}

impl PulseOutput {
    /// An output for a register that stands at `register` mWh.
    pub const fn new(ratings: &Ratings, register: u64) -> Self {
        Self {
            constant: ratings.constant_imp_per_kwh as u64,
            register,
            rest: 0,
            waiting: 0,
            pulses: 0,
            dropped: 0,
            left_us: 0,
            high: false,
        }
    }

    /// The register stands at `register` mWh.
    pub fn on_energy(&mut self, register: u64) {
        let energy = u128::from(register.wrapping_sub(self.register));
        self.register = register;
        let total = u128::from(self.rest) + energy * u128::from(self.constant);
        self.rest = (total % u128::from(MWH_PER_KWH)) as u64;
        let due = u64::try_from(total / u128::from(MWH_PER_KWH)).unwrap_or(u64::MAX);
        let room = WAITING_MAX - self.waiting;
        self.waiting += due.min(room);
        self.dropped = self.dropped.saturating_add(due.saturating_sub(room));
    }

    /// `us` microseconds have passed: the level of the output, high while a pulse lasts.
    pub const fn tick(&mut self, us: u64) -> bool {
        if self.left_us > us {
            self.left_us -= us;
        } else if self.high {
            (self.high, self.left_us) = (false, self.width_us());
        } else if self.waiting > 0 {
            (self.high, self.left_us) = (true, self.width_us());
            (self.waiting, self.pulses) = (self.waiting - 1, self.pulses + 1);
        } else {
            self.left_us = 0;
        }
        self.high
    }

    /// Pulses made since construction.
    pub const fn pulses(&self) -> u64 {
        self.pulses
    }

    /// Pulses that wait to be made.
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Pulses that could not wait because 64 did.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Narrower the more wait: what a window of a fifth of a second brings is gone when the next one ends.
    const fn width_us(&self) -> u64 {
        let width = WIDTH_US * 3 / (self.waiting + 1);
        if width < WIDTH_US { width } else { WIDTH_US }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulses_of(kilowatts: u64, constant_imp_per_kwh: u32, seconds: u64) -> (u64, u64, u64) {
        let ratings = Ratings { constant_imp_per_kwh, ..Ratings::three_phase() };
        let (mut output, mut high, mut edges) = (PulseOutput::new(&ratings, 7), false, 0);
        for ms in 0..seconds * 1000 {
            if ms % 200 == 0 {
                output.on_energy(7 + kilowatts * 1_000_000 * ms / 3_600_000);
            }
            let level = output.tick(1000);
            edges += u64::from(level && !high);
            high = level;
        }
        (edges, output.waiting(), output.dropped())
    }

    #[test]
    fn pulses_are_the_energy_times_the_constant() {
        // 69 kW at 1000 imp/kWh: 19.17 pulses a second.
        let (edges, waiting, dropped) = pulses_of(69, 1000, 600);
        assert!((11_495..=11_500).contains(&(edges + waiting)), "{edges} {waiting}");
        assert!(waiting <= 5 && dropped == 0);
        let (edges, waiting, dropped) = pulses_of(2, 10_000, 360);
        assert!((1_998..=2_000).contains(&(edges + waiting)) && dropped == 0, "{edges} {waiting}");
    }

    #[test]
    fn what_cannot_be_shown_is_counted() {
        let mut output = PulseOutput::new(&Ratings::household(), 0);
        output.on_energy(100 * 1000);
        assert_eq!((output.waiting(), output.dropped()), (64, 36));
        output.on_energy(u64::MAX);
        assert_eq!(output.waiting(), 64);
    }
}
