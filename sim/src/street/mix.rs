//! Which meters have one phase and which have three.

use std::fmt;
use std::str::FromStr;

/// What meters customers have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeterMix {
    /// One phase, two wires: as the table of customers says.
    #[default]
    SinglePhase,
    /// Three phases, four wires: the load of each customer is spread over all phases.
    ThreePhase,
    /// A third of the customers have three phases, whichever are chosen by a step of their numbers.
    Mix,
}

impl MeterMix {
    /// Whether the meter of a customer, by number, has three phases.
    pub const fn has_three_phases(self, customer: u32) -> bool {
        match self {
            Self::SinglePhase => false,
            Self::ThreePhase => true,
            Self::Mix => (customer / 3 + customer).is_multiple_of(3),
        }
    }

    /// All, as they are written.
    pub const NAMES: [(&'static str, Self); 3] =
        [("single-phase", Self::SinglePhase), ("three-phase", Self::ThreePhase), ("mix", Self::Mix)];
}

impl FromStr for MeterMix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, mix)| *mix).ok_or_else(|| String::from("expected single-phase, three-phase or mix"))
    }
}

impl fmt::Display for MeterMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, mix)| mix == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_as_it_is_written_and_a_third_of_it_has_three_phases() {
        for (name, mix) in MeterMix::NAMES {
            assert_eq!((name.parse(), mix.to_string()), (Ok(mix), String::from(name)));
        }
        assert!("three".parse::<MeterMix>().is_err());
        let all = [MeterMix::SinglePhase, MeterMix::ThreePhase, MeterMix::Mix];
        for step in [1, 6] {
            let chosen = (0..9).map(|n| 1 + n * step);
            let of =
                |mix: MeterMix| chosen.clone().filter(|&customer| mix.has_three_phases(customer)).count();
            assert_eq!(all.map(of), [0, 9, 3]);
        }
    }
}
