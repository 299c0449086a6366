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
    /// Every third meter has three phases, the second of all first.
    Mix,
}

impl MeterMix {
    /// Whether the meter at this place among those that were chosen, from 0, has three phases.
    pub const fn has_three_phases(self, place: usize) -> bool {
        match self {
            Self::SinglePhase => false,
            Self::ThreePhase => true,
            Self::Mix => place % 3 == 1,
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
    fn a_mix_is_read_as_it_is_written_and_a_third_of_it_has_three_phases_from_two_meters_on() {
        for (name, mix) in MeterMix::NAMES {
            assert_eq!((name.parse(), mix.to_string()), (Ok(mix), String::from(name)));
        }
        assert!("three".parse::<MeterMix>().is_err());
        for meters in 2..=55 {
            let of = |mix: MeterMix| (0..meters).filter(|&place| mix.has_three_phases(place)).count();
            assert_eq!((of(MeterMix::SinglePhase), of(MeterMix::ThreePhase)), (0, meters));
            assert_eq!(of(MeterMix::Mix), (meters + 1) / 3);
        }
    }
}
