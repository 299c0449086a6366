//! How well each neighbour is heard, and what it was told.

use crate::Adaptation;
use crate::specs::{CAUTION_AFTER, CAUTION_MAX, CAUTION_STEP};
use crate::table::Table;
use plc_core::sap::{GROUPS_MAX, Lqi, Modulation, PdDataIndication, TxGain, TxParameters};
use plc_core::{Instant, ShortAddress};

/// Fraction bits of smoothed values.
const FRACTION: u32 = 6;

/// What this node knows of the links from its neighbours: the ground for its tone map responses.
#[derive(Debug)]
pub(crate) struct Links {
    table: Table<ShortAddress, Link>,
}

/// The link from one neighbour. Smoothed values have `FRACTION` bits below the point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    levels: [u16; GROUPS_MAX],
    lqi: u16,
    /// Mean distance of the LQI of a frame from the smoothed one.
    spread: u16,
    corrected: u16,
    /// Quarters of a decibel to stay below what the measurements allow, because earlier choices have failed.
    caution: i16,
    told: Option<Told>,
    heard: Instant,
}

/// What the neighbour was told last, and has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) tx: TxParameters,
    pub(crate) gain: TxGain,
    at: Instant,
}

impl Links {
    pub(crate) fn new(bound: usize) -> Self {
        Self { table: Table::new(bound) }
    }

    /// A frame of `short` for this node was heard: its signal quality counts. A full table gives up who was silent for
    /// longest.
    pub(crate) fn on_frame(
        &mut self,
        now: Instant,
        short: ShortAddress,
        frame: &PdDataIndication,
        adaptation: &Adaptation,
    ) {
        match self.table.find_mut(short) {
            Some(link) => link.on_frame(now, frame, adaptation.smoothing_shift),
            None => self.table.insert(short, Link::new(now, frame), |link| link.heard),
        }
    }

    /// The neighbour asks for a tone map response, in a frame sent with `tx`.
    pub(crate) fn on_request(&mut self, now: Instant, short: ShortAddress, tx: &TxParameters) {
        if let Some(link) = self.table.find_mut(short) {
            link.on_request(now, tx);
        }
    }

    /// The neighbour has acknowledged a tone map response.
    pub(crate) fn on_told(&mut self, now: Instant, short: ShortAddress, tx: TxParameters, gain: TxGain) {
        if let Some(link) = self.table.find_mut(short) {
            link.told = Some(Told { tx, gain, at: now });
        }
    }

    pub(crate) fn find(&self, short: ShortAddress) -> Option<&Link> {
        self.table.find(short)
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    pub(crate) fn table(&self) -> &Table<ShortAddress, Link> {
        &self.table
    }
}

impl Link {
    pub(crate) fn new(now: Instant, frame: &PdDataIndication) -> Self {
        let mut levels = [0; GROUPS_MAX];
        for (level, lqi) in levels.iter_mut().zip(&frame.group_lqi) {
            *level = fixed(lqi.0);
        }
        let corrected = fixed(frame.corrected_octets);
        Self { levels, lqi: fixed(frame.lqi.0), spread: 0, corrected, caution: 0, told: None, heard: now }
    }

    fn on_frame(&mut self, now: Instant, frame: &PdDataIndication, shift: u8) {
        let distance = self.lqi.abs_diff(fixed(frame.lqi.0));
        smooth(&mut self.spread, distance, shift);
        smooth(&mut self.lqi, fixed(frame.lqi.0), shift);
        smooth(&mut self.corrected, fixed(frame.corrected_octets), shift);
        let gain = self.told.filter(|told| told.tx == frame.tx && told.tx.modulation != Modulation::Robo);
        for (group, (level, lqi)) in self.levels.iter_mut().zip(&frame.group_lqi).enumerate() {
            let lost = gain.map_or(0, |told| attenuation(&told.gain, group));
            smooth(level, fixed(lqi.0.saturating_add(lost)), shift);
        }
        self.heard = now;
    }

    /// Who asks in ROBO although it was told something else not long ago has fallen silent in between: what it was told
    /// was too much. Who asks when its time is over has fared well; that counts for
    /// little, so that what failed is not tried again each time.
    fn on_request(&mut self, now: Instant, tx: &TxParameters) {
        let Some(told) = self.told else { return };
        let robust = tx.modulation == Modulation::Robo && told.tx.modulation != Modulation::Robo;
        if now.since(told.at) < CAUTION_AFTER {
            return;
        }
        self.caution =
            if robust { (self.caution + CAUTION_STEP).min(CAUTION_MAX) } else { (self.caution - 1).max(0) };
    }

    /// Signal-to-noise ratio of a group of carriers at full level, in quarters of a decibel.
    pub(crate) fn snr(&self, group: usize) -> i16 {
        i16::from(rounded(self.levels[group])) - LQI_ZERO_DB
    }

    /// What the measurements overstate, in quarters of a decibel: they scatter, octets had to be corrected although the
    /// ratio was good, and earlier choices have failed.
    pub(crate) fn doubt(&self, per_corrected_octet: u8) -> i16 {
        let corrected = (u32::from(self.corrected) * u32::from(per_corrected_octet)) >> FRACTION;
        i16::from(rounded(self.spread)) + self.caution + corrected.min(LQI_LIMIT) as i16
    }

    /// The smoothed LQI.
    pub(crate) fn lqi(&self) -> Lqi {
        Lqi(rounded(self.lqi))
    }

    pub(crate) fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }
}

/// LQI of 0 dB \[G3 MAC 3; confidence B\].
const LQI_ZERO_DB: i16 = 40;
const LQI_LIMIT: u32 = 255;

fn fixed(value: u8) -> u16 {
    u16::from(value) << FRACTION
}

fn rounded(value: u16) -> u8 {
    (value.saturating_add(1 << (FRACTION - 1)) >> FRACTION).min(255) as u8
}

/// Moves `mean` towards `value` by 1/2^`shift` of their distance.
fn smooth(mean: &mut u16, value: u16, shift: u8) {
    let step = (i32::from(value) - i32::from(*mean)) >> shift.min(15);
    *mean = (i32::from(*mean) + step).clamp(0, u16::MAX.into()) as u16;
}

/// What `gain` takes off a group, in quarters of a decibel.
fn attenuation(gain: &TxGain, group: usize) -> u8 {
    let quarters = match gain.step {
        plc_core::sap::TxStep::SixDb => 24u8,
        plc_core::sap::TxStep::ThreeDb => 12,
    };
    quarters.saturating_mul(gain.steps_of(group))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::GEOMETRY;
    use plc_core::sap::{FrameGeometry, PhaseDifference, Psdu};

    /// A frame in ROBO whose groups arrive with these LQI.
    pub(crate) fn frame(groups: &[u8]) -> PdDataIndication {
        let mean = groups.iter().map(|&lqi| u32::from(lqi)).sum::<u32>() / groups.len() as u32;
        PdDataIndication {
            psdu: Psdu::new(),
            tx: GEOMETRY.robust(),
            response_expected: true,
            lqi: Lqi(mean as u8),
            group_lqi: groups.iter().map(|&lqi| Lqi(lqi)).collect(),
            phase_difference: PhaseDifference(0),
            corrected_octets: 0,
            started: Instant::EPOCH,
            ended: Instant::EPOCH,
        }
    }

    const A: ShortAddress = ShortAddress(1);

    fn told(tx: TxParameters) -> Links {
        let mut links = Links::new(2);
        links.on_frame(Instant::EPOCH, A, &frame(&[80; 6]), &Adaptation::default());
        links.on_told(Instant::EPOCH, A, tx, TxGain::default());
        links
    }

    #[test]
    fn one_frame_that_is_off_moves_the_level_by_a_quarter_and_widens_the_doubt() {
        let mut links = Links::new(2);
        let adaptation = Adaptation { smoothing_shift: 2, ..Adaptation::default() };
        links.on_frame(Instant::EPOCH, A, &frame(&[80; 6]), &adaptation);
        links.on_frame(Instant::EPOCH, A, &frame(&[120; 6]), &adaptation);
        let link = links.find(A).unwrap();
        assert_eq!((link.snr(0), link.lqi(), link.doubt(0)), (50, Lqi(90), 10));
        (0..40).for_each(|_| links.on_frame(Instant::EPOCH, A, &frame(&[120; 6]), &adaptation));
        let link = links.find(A).unwrap();
        assert!((79..=80).contains(&link.snr(5)) && link.doubt(0) <= 1, "{link:?}");
    }

    #[test]
    fn a_neighbour_that_falls_back_to_robo_makes_cautious_and_one_that_fares_well_bold_again() {
        let dense = TxParameters { modulation: Modulation::Psk8, ..GEOMETRY.robust() };
        let mut links = told(dense);
        let caution = |links: &Links| links.find(A).unwrap().doubt(0);
        links.on_request(Instant::from_secs(1), A, &GEOMETRY.robust());
        assert_eq!(caution(&links), 0, "the request may have been under way already");
        (0..100).for_each(|_| links.on_request(Instant::from_secs(60), A, &GEOMETRY.robust()));
        assert_eq!(caution(&links), CAUTION_MAX);
        (0..100).for_each(|_| links.on_request(Instant::from_secs(700), A, &dense));
        assert_eq!(caution(&links), 0);
    }

    #[test]
    fn what_the_gain_took_off_is_added_again() {
        let dense = TxParameters { modulation: Modulation::Psk8, ..GEOMETRY.robust() };
        let mut links = told(dense);
        links.on_told(Instant::EPOCH, A, dense, TxGain { steps: 1, ..TxGain::default() });
        let quieter = PdDataIndication { tx: dense, ..frame(&[56; 6]) };
        links.on_frame(Instant::EPOCH, A, &quieter, &Adaptation::default());
        assert_eq!(links.find(A).unwrap().snr(3), 40);
    }

    #[test]
    fn extreme_measurements_stay_in_range() {
        let mut links = Links::new(1);
        for n in 0..200u8 {
            let lqi = if n % 2 == 0 { 255 } else { 0 };
            let wild = PdDataIndication { corrected_octets: 255, ..frame(&[lqi; 6]) };
            links.on_frame(Instant::EPOCH, A, &wild, &Adaptation::default());
            let link = links.find(A).unwrap();
            assert!((-40..=215).contains(&link.snr(0)) && (0..=1000).contains(&link.doubt(255)));
        }
    }
}
