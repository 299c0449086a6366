//! The choice of a tone map response: how a neighbour is to speak to this node.

use crate::Timing;
use crate::airtimes::{Airtimes, Cut};
use crate::links::Link;
use plc_core::sap::{GROUPS_MAX, Modulation, ModulationScheme, ToneMap, TxGain, TxParameters, TxStep};

/// How this node answers requests for a tone map \[G3 MAC 3; the thresholds are our own, confidence C\].
///
/// Of all modulations with all tone maps that leave out the worst groups, the one is chosen that delivers a typical
/// MSDU in the least time, preambles, headers, acknowledgements, contention and repetitions included. Ratios are in
/// quarters of a decibel, the step of an LQI.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptation {
    /// Modulations that neighbours may be told, with what they need.
    pub modes: &'static [Mode],
    /// Ratio beyond what a mode needs, for lines that are worse at the next frame than at the last ones.
    pub margin: i16,
    /// How far a group may count beyond what the mode needs: one that is heard very well makes good for a weak one to
    /// a degree only.
    pub surplus_max: i16,
    /// The MSDU whose time is compared, octets.
    pub typical_octets: u16,
    /// Fewest carriers in a tone map.
    pub carriers_min: u8,
    /// Gain in time, in percent, for which a neighbour is told something else than last time.
    pub hysteresis_percent: u8,
    /// A frame moves the smoothed ratios by 1/2^this of its distance.
    pub smoothing_shift: u8,
    /// Ratio taken off for each octet that the Reed-Solomon code had to correct: impulses do not show in the ratio.
    pub per_corrected_octet: u8,
    /// Ratio beyond the need of the densest mode from which on neighbours are told to be quieter. `None`: never, which
    /// is the default: a quiet frame is one that others do not notice before they speak.
    pub attenuate_beyond: Option<i16>,
}

/// A way to send a payload, with the ratio per carrier at which one long frame in a hundred is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Bits per carrier and coding.
    pub modulation: Modulation,
    /// Differential or coherent.
    pub scheme: ModulationScheme,
    /// Es/N0 at a frame error rate of 1 %, quarters of a decibel, rounded up.
    pub needs: i16,
}

impl Mode {
    const fn new(modulation: Modulation, scheme: ModulationScheme, needs: i16) -> Self {
        Self { modulation, scheme, needs }
    }

    fn is_of(&self, tx: &TxParameters) -> bool {
        self.modulation == tx.modulation && self.scheme == tx.scheme
    }

    /// What every node of every band has. The needs are those of the product detector of our own modem in white noise:
    /// -1.6, 2.3, 5.3 and 9.2 dB.
    pub const MANDATORY: &[Self] = &[
        Self::new(Modulation::Robo, ModulationScheme::Differential, -6),
        Self::new(Modulation::Bpsk, ModulationScheme::Differential, 10),
        Self::new(Modulation::Qpsk, ModulationScheme::Differential, 22),
        Self::new(Modulation::Psk8, ModulationScheme::Differential, 37),
    ];

    /// The optional ones too, for networks whose nodes are known to have them: -0.6, 2.4, 6.0 and (FCC) 8.9 dB.
    pub const ALL: &[Self] = &[
        Self::new(Modulation::Robo, ModulationScheme::Differential, -6),
        Self::new(Modulation::Bpsk, ModulationScheme::Differential, 10),
        Self::new(Modulation::Qpsk, ModulationScheme::Differential, 22),
        Self::new(Modulation::Psk8, ModulationScheme::Differential, 37),
        Self::new(Modulation::Bpsk, ModulationScheme::Coherent, -2),
        Self::new(Modulation::Qpsk, ModulationScheme::Coherent, 10),
        Self::new(Modulation::Psk8, ModulationScheme::Coherent, 24),
        Self::new(Modulation::Qam16, ModulationScheme::Coherent, 36),
    ];
}

impl Default for Adaptation {
    fn default() -> Self {
        Self {
            modes: Mode::MANDATORY,
            margin: 6,
            surplus_max: 12,
            typical_octets: 120,
            carriers_min: 12,
            hysteresis_percent: 5,
            smoothing_shift: 2,
            per_corrected_octet: 1,
            attenuate_beyond: None,
        }
    }
}

/// Frames lost out of a thousand, by how many quarters of a decibel the ratio is above the need, from -5 on. From the
/// waterfalls of the modem, which are equally steep for all modulations.
const LOST_PERMILLE: [u16; 8] = [970, 880, 600, 300, 85, 10, 2, 1];
const BELOW: i16 = 5;

impl Adaptation {
    /// What to tell the neighbour of `link`; the most robust parameters if it was never heard.
    pub(crate) fn choose(
        &self,
        link: Option<&Link>,
        airtimes: &Airtimes,
        timing: &Timing,
    ) -> (TxParameters, TxGain) {
        let robust = airtimes.robust;
        let Some(link) = link else { return (robust, TxGain::default()) };
        let time = |tx: &TxParameters| self.time(tx, link, airtimes, timing);
        let timed = self.candidates(link, airtimes).map(|tx| (time(&tx), tx));
        let best = timed.filter(|&(time, _)| time < u64::MAX).min_by_key(|&(time, _)| time);
        let (best_time, best) = best.unwrap_or((u64::MAX, robust));
        let tx = match link.told().map(|told| told.tx) {
            Some(last) if !self.is_worth_a_change(time(&last), best_time) => last,
            _ => best,
        };
        (tx, self.gain(&tx, link, &robust))
    }

    /// Every mode with every number of best groups; ROBO with all groups only.
    fn candidates<'a>(
        &'a self,
        link: &'a Link,
        airtimes: &'a Airtimes,
    ) -> impl Iterator<Item = TxParameters> + 'a {
        let order = by_quality(link, airtimes.usable);
        self.modes.iter().flat_map(move |&Mode { modulation, scheme, .. }| {
            let (all, order) = (order.len(), order.clone());
            let from = if modulation == Modulation::Robo { all } else { airtimes.groups_min.min(all) };
            (from..=all).map(move |count| {
                let tone_map = ToneMap(order[..count].iter().fold(0, |map, &group| map | 1 << group));
                let tone_map = if count == all { airtimes.robust.tone_map } else { tone_map };
                TxParameters { modulation, scheme, tone_map }
            })
        })
    }

    fn is_worth_a_change(&self, old: u64, new: u64) -> bool {
        let allowed = u128::from(100u8.saturating_sub(self.hysteresis_percent));
        old == u64::MAX || u128::from(new) * 100 < u128::from(old) * allowed
    }

    /// Nanoseconds that a typical MSDU takes on average; the greatest number if none arrives.
    fn time(&self, tx: &TxParameters, link: &Link, airtimes: &Airtimes, timing: &Timing) -> u64 {
        let Some(mode) = self.modes.iter().position(|mode| mode.is_of(tx)) else { return u64::MAX };
        let Some(Cut { segments, airtime }) = airtimes.cut(mode, tx.tone_map) else { return u64::MAX };
        let map = ToneMap(tx.tone_map.0 & airtimes.usable.0);
        let lost = self.lost_permille(&self.modes[mode], map, link);
        if lost >= 1000 {
            return u64::MAX;
        }
        let answer = timing.rifs + timing.ack + timing.cifs;
        let slots = timing.cfs_slots + timing.high_priority_slots + CONTENTION_SLOTS;
        let contention = (timing.slot * slots).as_nanos() as u64;
        // A lost segment costs its time again, and contention.
        let each = (airtime + answer).as_nanos() as u64 + contention * u64::from(lost) / 1000;
        contention + u64::from(segments) * each * 1000 / u64::from(1000 - lost)
    }

    fn lost_permille(&self, mode: &Mode, map: ToneMap, link: &Link) -> u16 {
        let step = self.ratio(mode, map, link) - mode.needs + BELOW;
        match usize::try_from(step) {
            Ok(step) => LOST_PERMILLE.get(step).copied().unwrap_or(0),
            Err(_) => 1000,
        }
    }

    /// Mean of what can be relied on over the groups of `map`, none counting for more than `surplus_max` beyond the need.
    fn ratio(&self, mode: &Mode, map: ToneMap, link: &Link) -> i16 {
        let most = mode.needs.saturating_add(self.surplus_max);
        let off = self.margin.saturating_add(link.doubt(self.per_corrected_octet));
        let groups = (0..GROUPS_MAX).filter(|group| map.0 >> group & 1 == 1);
        let (sum, count) = groups.fold((0i32, 0), |(sum, count), group| {
            (sum + i32::from(link.snr(group).saturating_sub(off).min(most)), count + 1)
        });
        (sum / count.max(1)) as i16
    }

    /// Full level, or what leaves every group in use `attenuate_beyond` above its need.
    fn gain(&self, tx: &TxParameters, link: &Link, robust: &TxParameters) -> TxGain {
        let mode = self.modes.iter().find(|mode| mode.is_of(tx));
        let (Some(beyond), Some(mode)) = (self.attenuate_beyond, mode) else { return TxGain::default() };
        let densest = self.modes.iter().map(|mode| mode.needs).max() == Some(mode.needs);
        if !densest || tx.tone_map != robust.tone_map {
            return TxGain::default();
        }
        let groups = || (0..GROUPS_MAX).filter(|group| tx.tone_map.0 >> group & 1 == 1);
        let spare = |group| link.snr(group) - mode.needs - self.margin - beyond;
        let least = groups().map(spare).min().unwrap_or(0).max(0);
        let steps = (least / QUARTERS_PER_STEP).min(STEPS_MAX);
        let mut gain = TxGain { step: TxStep::ThreeDb, steps: steps as u8, ..TxGain::default() };
        for group in groups() {
            let more = (spare(group) - steps * QUARTERS_PER_STEP) / QUARTERS_PER_STEP;
            gain.group_steps[group] = more.clamp(0, GROUP_STEPS_MAX) as u8;
        }
        gain
    }
}

/// Slots that contention takes on average when nobody else contends: half of the smallest window.
const CONTENTION_SLOTS: u32 = 4;
/// 3 dB.
const QUARTERS_PER_STEP: i16 = 12;
/// Largest TXGAIN.
const STEPS_MAX: i16 = 15;
/// Largest TXCOEF that both layouts of the response can hold.
const GROUP_STEPS_MAX: i16 = 3;

/// The groups of `map`, best first.
fn by_quality(link: &Link, map: ToneMap) -> heapless::Vec<u8, GROUPS_MAX> {
    let mut order: heapless::Vec<u8, GROUPS_MAX> =
        (0..GROUPS_MAX as u8).filter(|group| map.0 >> group & 1 == 1).collect();
    order.sort_unstable_by_key(|&group| (core::cmp::Reverse(link.snr(group.into())), group));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::tests::frame;
    use crate::testing::{FCC, GEOMETRY};
    use plc_core::Instant;
    use plc_core::sap::FrameGeometry;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn lqi(db: f32) -> u8 {
        ((db + 10.0) * 4.0) as u8
    }

    fn choice(adaptation: &Adaptation, db: &[f32]) -> (TxParameters, TxGain) {
        let groups: Vec<u8> = db.iter().map(|&db| lqi(db)).collect();
        let link = Link::new(Instant::EPOCH, &frame(&groups));
        let geometry: &dyn FrameGeometry = if db.len() > 6 { &FCC } else { &GEOMETRY };
        let timing = Timing::new(geometry);
        let airtimes = Airtimes::new(geometry, adaptation);
        adaptation.choose(Some(&link), &airtimes, &timing)
    }

    #[test]
    fn a_better_line_gets_a_denser_modulation_and_never_one_beyond_its_need_and_margin() {
        let adaptation = Adaptation::default();
        let modulations: Vec<_> =
            (-6..30).map(|db| choice(&adaptation, &[db as f32; 6]).0.modulation).collect();
        assert!(modulations.is_sorted(), "{modulations:?}");
        assert_eq!((modulations[0], modulations[35]), (Modulation::Robo, Modulation::Psk8));
        for (db, chosen) in (-6i16..30).zip(modulations) {
            let mode = Mode::MANDATORY.iter().find(|mode| mode.modulation == chosen).unwrap();
            let enough = 4 * db >= mode.needs + adaptation.margin - 3;
            assert!(enough || chosen == Modulation::Robo, "{chosen:?} at {db} dB");
        }
    }

    #[test]
    fn groups_that_cost_more_than_they_carry_are_left_out() {
        let (tx, _) = choice(&Adaptation::default(), &[25.0, 25.0, -8.0, 25.0, 25.0, -8.0]);
        assert_eq!((tx.modulation, tx.tone_map), (Modulation::Psk8, ToneMap(0b01_1011)));
        let (tx, _) = choice(&Adaptation::default(), &[25.0, -8.0, -8.0, -8.0, -8.0, -8.0]);
        assert!(tx.modulation == Modulation::Robo || tx.tone_map.0.count_ones() >= 2, "{tx:?}");
    }

    #[test]
    fn a_line_where_nothing_is_left_gets_robo_on_all_groups() {
        let (tx, gain) = choice(&Adaptation::default(), &[-10.0; 6]);
        assert_eq!((tx, gain), (GEOMETRY.robust(), TxGain::default()));
    }

    #[test]
    fn fcc_has_24_groups_and_optional_modes_only_if_they_are_allowed() {
        let mut db = [20.0; 24];
        db[..8].fill(-9.0);
        let (tx, _) = choice(&Adaptation::default(), &db);
        assert_eq!((tx.modulation, tx.scheme), (Modulation::Psk8, ModulationScheme::Differential));
        assert_eq!(tx.tone_map.0 & 0xFF_FF00, 0xFF_FF00);
        assert!(tx.tone_map.0.count_ones() <= 18, "a few bad groups out of many do no harm: {tx:?}");
        let all = Adaptation { modes: Mode::ALL, ..Adaptation::default() };
        assert_eq!(choice(&all, &db).0.modulation, Modulation::Qam16);
    }

    #[test]
    fn a_small_change_of_the_line_does_not_change_what_the_neighbour_was_told() {
        let adaptation = Adaptation::default();
        let timing = Timing::new(&GEOMETRY);
        let airtimes = Airtimes::new(&GEOMETRY, &Adaptation::default());
        let (mut links, a) = (crate::links::Links::new(1), plc_core::ShortAddress(1));
        let mut told = Vec::new();
        for round in 0..60u64 {
            let level = if round % 2 == 0 { 68 } else { 70 };
            links.on_frame(Instant::EPOCH, a, &frame(&[level; 6]), &adaptation);
            let (tx, gain) = adaptation.choose(links.find(a), &airtimes, &timing);
            links.on_told(Instant::EPOCH, a, tx, gain);
            told.push(tx);
        }
        let changes = told.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 1, "{told:?}");
        (0..40).for_each(|_| links.on_frame(Instant::EPOCH, a, &frame(&[160; 6]), &adaptation));
        assert_eq!(adaptation.choose(links.find(a), &airtimes, &timing).0.modulation, Modulation::Psk8);
        (0..40).for_each(|_| links.on_frame(Instant::EPOCH, a, &frame(&[25; 6]), &adaptation));
        assert_eq!(adaptation.choose(links.find(a), &airtimes, &timing).0.modulation, Modulation::Robo);
    }

    #[test]
    fn corrected_octets_make_more_robust() {
        let timing = Timing::new(&GEOMETRY);
        let airtimes = Airtimes::new(&GEOMETRY, &Adaptation::default());
        let modulation = |corrected_octets| {
            let heard = plc_core::sap::PdDataIndication { corrected_octets, ..frame(&[lqi(11.0); 6]) };
            let link = Link::new(Instant::EPOCH, &heard);
            Adaptation::default().choose(Some(&link), &airtimes, &timing).0.modulation
        };
        assert_eq!((modulation(0), modulation(8)), (Modulation::Psk8, Modulation::Qpsk));
    }

    #[test]
    fn attenuation_leaves_every_group_what_it_needs() {
        let quiet = Adaptation { attenuate_beyond: Some(24), ..Adaptation::default() };
        let db = [30.0, 40.0, 30.0, 35.0, 30.0, 50.0];
        let (tx, gain) = choice(&quiet, &db);
        assert_eq!(tx.modulation, Modulation::Psk8);
        assert!(gain.steps > 0 && gain.group_steps[5] == 3 && gain.group_steps[0] == 0);
        for (group, db) in db.into_iter().enumerate() {
            assert!(db - f32::from(gain.steps_of(group)) * 3.0 >= (37.0 + 6.0 + 24.0) / 4.0 - 0.25);
        }
        assert_eq!(choice(&Adaptation::default(), &[50.0; 6]).1, TxGain::default());
    }

    proptest! {
        #[test]
        fn whatever_was_measured_the_choice_is_a_legal_frame(
            groups in prop::collection::vec(any::<u8>(), 6),
            corrected_octets: u8,
            more: Vec<u8>,
        ) {
            let adaptation = Adaptation::default();
            let mut links = crate::links::Links::new(1);
            let a = plc_core::ShortAddress(1);
            let first = plc_core::sap::PdDataIndication { corrected_octets, ..frame(&groups) };
            links.on_frame(Instant::EPOCH, a, &first, &adaptation);
            more.iter().for_each(|&lqi| links.on_frame(Instant::EPOCH, a, &frame(&[lqi; 6]), &adaptation));
            let timing = Timing::new(&GEOMETRY);
            let airtimes = Airtimes::new(&GEOMETRY, &adaptation);
            let (tx, gain) = adaptation.choose(links.find(a), &airtimes, &timing);
            prop_assert!(GEOMETRY.max_psdu(&tx) > 24);
            prop_assert!(gain.steps <= 15 && gain.group_steps.iter().all(|&steps| steps <= 3));
        }
    }
}
