//! Sync: SYNCP by SYNCP until SYNCM turns the phases over.

use super::State;
use super::header::Header;
use super::kit::{Kit, direction};
use super::preamble::EARLY;
use super::reports::Reports;
use super::search::{COHERENCE, Search};
use crate::g3::specs::{CYCLIC_PREFIX, FFT_LEN, OVERLAP, SYNCM_LEN, WINDOW_ADVANCE};
use plc_core::sap::CarrierSense;

/// Windows in step with the cycles of the preamble, each a little before its cycle begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync {
    start: u64,
    heard: usize,
    missed: usize,
    /// Whether carrier sense has been told.
    reported: bool,
}

/// Mean cosine between a window and the SYNCP before it that makes it a SYNCP, or its negative a SYNCM.
const LIKENESS: f32 = 0.12;
/// The same where a pulse has struck.
const LIKENESS_STRUCK: f32 = 0.12;
/// Windows in a row that may be neither.
const MISSED_MAX: usize = 2;
/// The same when the last was struck.
const MISSED_STRUCK_MAX: usize = 4;
/// Part of a SYNCM in a window from which on it is the first one, where the one before was neither: the second is half.
const WHOLE: f32 = 0.75;
/// No preamble is longer than this, whatever the number of its SYNCP.
const HEARD_MAX: usize = 256;
/// The alignment of the search is at most so many samples wrong.
const CORRECTION_MAX: i64 = 40;

impl Sync {
    /// With windows from sample `start` on.
    pub(super) const fn from(start: u64, reported: bool) -> Self {
        Self { start, heard: 0, missed: 0, reported }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    /// Whether carrier sense knows about this.
    pub(super) const fn is_reported(&self) -> bool {
        self.reported
    }

    pub(super) fn step(self, window: &[f32], kit: &mut Kit, reports: &mut Reports) -> State {
        kit.blanker.follow(window);
        kit.analyse(window, self.start);
        if self.heard < EARLY {
            return self.syncp(kit, reports);
        }
        let struck = kit.is_struck();
        let (likeness_min, missed_max) =
            if struck { (LIKENESS_STRUCK, MISSED_STRUCK_MAX) } else { (LIKENESS, MISSED_MAX) };
        match likeness(kit) {
            same if same > likeness_min && self.heard < HEARD_MAX => self.syncp(kit, reports),
            opposite if opposite < -likeness_min => self.syncm(kit, reports),
            _ if self.missed + 1 < missed_max => {
                kit.preamble.skip();
                State::Sync(Self { missed: self.missed + 1, ..self.next() })
            }
            _ => self.give_up(reports),
        }
    }

    const fn next(self) -> Self {
        Self { start: self.start + FFT_LEN as u64, ..self }
    }

    fn give_up(self, reports: &mut Reports) -> State {
        if self.reported {
            reports.false_preamble();
        }
        State::Search(Search::from(self.next().start))
    }

    fn syncp(self, kit: &mut Kit, reports: &mut Reports) -> State {
        if self.heard == 0 {
            kit.preamble.restart();
            kit.restart_phases();
        }
        if self.heard >= EARLY && kit.is_struck() {
            kit.preamble.skip();
        } else {
            kit.preamble.add(&kit.carriers);
            kit.add_phases(1.0);
        }
        let reported = self.reported || self.heard >= EARLY && kit.peak_of_phases().1 > COHERENCE;
        let heard = Self { heard: self.heard + 1, missed: 0, ..self.next() };
        State::Sync(heard.report(reported, reports))
    }

    fn report(self, now: bool, reports: &mut Reports) -> Self {
        if now && !self.reported {
            reports.sense(CarrierSense::Preamble);
        }
        Self { reported: now, ..self }
    }

    /// The header starts after one and a half SYNCM.
    fn syncm(self, kit: &mut Kit, reports: &mut Reports) -> State {
        let second = self.missed > 0 && kit.preamble.share_of(&kit.carriers) > -WHOLE;
        let first = if second { self.start - FFT_LEN as u64 } else { self.start };
        kit.add_phases(-1.0);
        let (delay, height) = kit.peak_of_phases();
        if height < COHERENCE {
            return self.give_up(reports);
        }
        self.report(true, reports);
        let correction = correction(delay);
        let Kit { preamble, heard, estimate, .. } = kit;
        preamble.settle();
        let cycles = preamble.age() + if second { 0.0 } else { 1.0 };
        let age = FFT_LEN as f32 * cycles + AFTER_SYNCM as f32;
        preamble.turn(|position| heard.turn_back(position, -correction));
        estimate.assume(preamble, &mut heard.anchor);
        let syncm = (first + WINDOW_ADVANCE as u64).saturating_add_signed(correction);
        let length = (kit.plan.syncp * FFT_LEN) as u64;
        State::Header(Header::from(
            syncm + AFTER_SYNCM - WINDOW_ADVANCE as u64,
            syncm.saturating_sub(length),
            age,
        ))
    }
}

/// Samples from SYNCM to the body of the first header symbol.
const AFTER_SYNCM: u64 = (SYNCM_LEN - OVERLAP + CYCLIC_PREFIX) as u64;

/// Mean cosine between the window at hand and the SYNCP so far.
fn likeness(kit: &Kit) -> f32 {
    let cosine = |(carrier, sum)| (direction(carrier) * direction(sum).conj()).re;
    let pairs = kit.carriers.iter().copied().zip(kit.preamble.sum().iter().copied());
    pairs.map(cosine).sum::<f32>() / kit.used.len() as f32
}

/// How many samples later than assumed the cycles begin, when all phases add up best at `delay`.
fn correction(delay: usize) -> i64 {
    let ahead = (FFT_LEN - delay) as i64;
    let late =
        (ahead - WINDOW_ADVANCE as i64 + FFT_LEN as i64 / 2).rem_euclid(FFT_LEN as i64) - FFT_LEN as i64 / 2;
    if late.abs() <= CORRECTION_MAX { late } else { 0 }
}
