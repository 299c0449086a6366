//! How long a typical MSDU takes in each mode of the band.

use crate::Adaptation;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::sap::{FrameGeometry, GROUPS_MAX, ToneMap, TxParameters};

/// Airtimes by mode and number of groups. Found out once: the arithmetic of frames is not cheap, and a choice needs all.
#[derive(Debug)]
pub(crate) struct Airtimes {
    /// The most robust parameters of the band.
    pub(crate) robust: TxParameters,
    /// Groups that have carriers at all.
    pub(crate) usable: ToneMap,
    /// Fewest groups in a tone map.
    pub(crate) groups_min: usize,
    /// One for each number of usable groups, mode after mode.
    cuts: Vec<Option<Cut>>,
}

/// A typical MSDU in as few segments as possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) segments: u32,
    /// Time of each on air.
    pub(crate) airtime: Duration,
}

/// Octets of a segment besides its payload: control, header with short addresses, security header, MIC, check sequence.
const OVERHEAD: usize = 3 + 9 + 6 + 4 + 2;

/// In how many segments a typical MSDU may be cut to be considered.
const CUTS: [u32; 6] = [1, 2, 3, 4, 6, 8];

impl Airtimes {
    pub(crate) fn new(geometry: &dyn FrameGeometry, adaptation: &Adaptation) -> Self {
        let robust = geometry.robust();
        let usable = usable(geometry, &robust);
        let carriers = geometry.group_carriers().max(1);
        let groups_min = u32::from(adaptation.carriers_min).div_ceil(carriers).max(1) as usize;
        let groups = usable.0.count_ones() as usize;
        let mut cuts = Vec::with_capacity(adaptation.modes.len() * groups);
        for mode in adaptation.modes {
            let (modulation, scheme, octets) = (mode.modulation, mode.scheme, adaptation.typical_octets);
            cuts.extend((1..=groups).map(|count| {
                let tx = TxParameters { modulation, scheme, tone_map: lowest(usable, count) };
                cut(geometry, &tx, octets.into())
            }));
        }
        Self { robust, usable, groups_min, cuts }
    }

    /// How a typical MSDU is sent in the mode with this number and in `map`; `None` if no frame carries it.
    pub(crate) fn cut(&self, mode: usize, map: ToneMap) -> Option<Cut> {
        let (groups, count) = (self.usable.0.count_ones(), (map.0 & self.usable.0).count_ones());
        *self.cuts.get(mode * groups as usize + count.checked_sub(1)? as usize)?
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.cuts.capacity() * size_of::<Option<Cut>>()
    }
}

/// The groups of the band that leave carriers when nothing else is sent.
fn usable(geometry: &dyn FrameGeometry, robust: &TxParameters) -> ToneMap {
    let alone = |group: &usize| {
        let tone_map = ToneMap(1 << group & robust.tone_map.0);
        geometry.max_psdu(&TxParameters { tone_map, ..*robust }) > 0
    };
    ToneMap((0..GROUPS_MAX).filter(alone).fold(0, |map, group| map | 1 << group))
}

/// The lowest `count` groups of `map`.
fn lowest(map: ToneMap, count: usize) -> ToneMap {
    let groups = (0..GROUPS_MAX).filter(|group| map.0 >> group & 1 == 1);
    ToneMap(groups.take(count).fold(0, |lowest, group| lowest | 1 << group))
}

fn cut(geometry: &dyn FrameGeometry, tx: &TxParameters, octets: usize) -> Option<Cut> {
    CUTS.into_iter().find_map(|segments| {
        let fit = geometry.fit(tx, octets.div_ceil(segments as usize) + OVERHEAD)?;
        Some(Cut { segments, airtime: fit.duration })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FCC, GEOMETRY};
    use plc_core::sap::{Modulation, ModulationScheme};

    #[test]
    fn every_airtime_is_that_of_a_real_frame() {
        for geometry in [&GEOMETRY as &dyn FrameGeometry, &FCC] {
            let adaptation = Adaptation { modes: crate::Mode::ALL, ..Adaptation::default() };
            let airtimes = Airtimes::new(geometry, &adaptation);
            let groups = airtimes.robust.tone_map.0.count_ones() as usize;
            for (n, mode) in crate::Mode::ALL.iter().enumerate() {
                for skipped in 0..groups {
                    let tone_map = ToneMap(airtimes.robust.tone_map.0 & !(1 << skipped));
                    let tx = TxParameters { modulation: mode.modulation, scheme: mode.scheme, tone_map };
                    assert_eq!(airtimes.cut(n, tone_map), cut(geometry, &tx, 120), "{tx:?}");
                }
            }
        }
    }

    #[test]
    fn more_groups_and_denser_modulations_are_never_slower() {
        let airtimes = Airtimes::new(&GEOMETRY, &Adaptation::default());
        let total = |mode, groups| {
            let cut = airtimes.cut(mode, ToneMap::all(groups));
            cut.map_or(Duration::MAX, |cut| cut.airtime * cut.segments)
        };
        for mode in 0..4 {
            assert!((2..6).all(|groups| total(mode, groups + 1) <= total(mode, groups)));
        }
        assert!((0..3).all(|mode| total(mode + 1, 6) <= total(mode, 6)));
        assert_eq!((airtimes.usable, airtimes.groups_min), (ToneMap::all(6), 2));
        assert_eq!(airtimes.cut(0, ToneMap(0)), None);
    }

    /// CENELEC without its lower half.
    struct Masked;

    impl FrameGeometry for Masked {
        fn fit(&self, tx: &TxParameters, len: usize) -> Option<plc_core::sap::FrameFit> {
            GEOMETRY.fit(&TxParameters { tone_map: ToneMap(tx.tone_map.0 & 0b11_1000), ..*tx }, len)
        }
        fn max_psdu(&self, tx: &TxParameters) -> usize {
            GEOMETRY.max_psdu(&TxParameters { tone_map: ToneMap(tx.tone_map.0 & 0b11_1000), ..*tx })
        }
        fn robust(&self) -> TxParameters {
            GEOMETRY.robust()
        }
        fn symbol(&self) -> Duration {
            GEOMETRY.symbol()
        }
        fn ack(&self) -> Duration {
            GEOMETRY.ack()
        }
    }

    #[test]
    fn masked_groups_count_for_nothing() {
        let airtimes = Airtimes::new(&Masked, &Adaptation::default());
        assert_eq!(airtimes.usable, ToneMap(0b11_1000));
        assert_eq!(airtimes.cut(3, ToneMap::all(6)), airtimes.cut(3, ToneMap(0b11_1000)));
        let scheme = ModulationScheme::Differential;
        let tx = TxParameters { modulation: Modulation::Psk8, scheme, tone_map: ToneMap(0b01_1000) };
        assert_eq!(airtimes.cut(3, tx.tone_map), cut(&Masked, &tx, 120));
    }
}
