//! Sync: SYNCP by SYNCP until SYNCM turns the phases over.

use super::State;
use super::header::Header;
use super::kit::{Kit, direction};
use super::reports::Reports;
use super::search::Search;
use crate::g3::specs::{CYCLIC_PREFIX, FFT_LEN, OVERLAP, PREAMBLE_GAIN, SYNCM_LEN, WINDOW_ADVANCE};

/// Windows in step with the cycles of the preamble, each a little before its cycle begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync {
    start: u64,
    heard: usize,
    missed: usize,
}

/// Mean cosine between a window and the SYNCP before it that makes it a SYNCP, or its negative a SYNCM.
const LIKENESS: f32 = 0.3;
/// Windows in a row that may be neither.
const MISSED_MAX: usize = 2;
/// No preamble is longer than this, whatever the number of its SYNCP.
const HEARD_MAX: usize = 256;
/// The alignment of the search is at most so many samples wrong.
const CORRECTION_MAX: i64 = 40;

impl Sync {
    /// With windows from sample `start` on.
    pub(super) const fn from(start: u64) -> Self {
        Self { start, heard: 0, missed: 0 }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    pub(super) fn step(self, window: &[f32], kit: &mut Kit, reports: &mut Reports) -> State {
        kit.analyse(window);
        if self.heard == 0 {
            return self.first(kit);
        }
        match likeness(kit) {
            same if same > LIKENESS && self.heard < HEARD_MAX => self.syncp(kit),
            opposite if opposite < -LIKENESS => self.syncm(kit),
            _ if self.missed + 1 < MISSED_MAX => State::Sync(Self { missed: self.missed + 1, ..self.next() }),
            _ => {
                reports.false_preamble();
                State::Search(Search::from(self.next().start))
            }
        }
    }

    const fn next(self) -> Self {
        Self { start: self.start + FFT_LEN as u64, ..self }
    }

    fn first(self, kit: &mut Kit) -> State {
        kit.reference.copy_from_slice(&kit.carriers);
        kit.previous.copy_from_slice(&kit.carriers);
        kit.estimate.restart();
        State::Sync(Self { heard: 1, ..self.next() })
    }

    fn syncp(self, kit: &mut Kit) -> State {
        // The first window may reach out of the preamble, and after a miss the last is not the one before.
        if self.missed == 0 && self.heard > 1 {
            kit.estimate.add_differences(&kit.carriers, &kit.previous);
        }
        kit.reference.iter_mut().zip(&kit.carriers).for_each(|(sum, carrier)| *sum += carrier);
        kit.previous.copy_from_slice(&kit.carriers);
        State::Sync(Self { heard: self.heard + 1, missed: 0, ..self.next() })
    }

    /// The header starts after one and a half SYNCM; what was heard becomes the symbol before it.
    fn syncm(self, kit: &mut Kit) -> State {
        let scale = 1.0 / (self.heard as f32 * PREAMBLE_GAIN);
        kit.previous.iter_mut().zip(&kit.reference).for_each(|(to, sum)| *to = sum * scale);
        kit.estimate.assume(&kit.previous, self.heard);
        let correction = correction(kit);
        kit.delay_previous(correction);
        let syncm = (self.start + WINDOW_ADVANCE as u64).saturating_add_signed(correction);
        let header = syncm + (SYNCM_LEN - OVERLAP + CYCLIC_PREFIX - WINDOW_ADVANCE) as u64;
        let preamble = (kit.plan.syncp * FFT_LEN) as u64;
        State::Header(Header::from(header, syncm.saturating_sub(preamble)))
    }
}

/// Mean cosine between the window at hand and the SYNCP so far.
fn likeness(kit: &Kit) -> f32 {
    let cosine = |(carrier, sum)| (direction(carrier) * direction(sum).conj()).re;
    let pairs = kit.carriers.iter().copied().zip(kit.reference.iter().copied());
    pairs.map(cosine).sum::<f32>() / kit.carriers.len() as f32
}

/// How many samples later than assumed the cycles begin, from all SYNCP together.
fn correction(kit: &mut Kit) -> i64 {
    let Kit { spare, reference, pattern, spectrum, .. } = kit;
    for ((to, &sum), &sent) in spare.iter_mut().zip(reference.iter()).zip(pattern.iter()) {
        *to = direction(sum) * sent;
    }
    let (delay, _) = spectrum.peak(spare);
    let ahead = (FFT_LEN - delay) as i64;
    let late =
        (ahead - WINDOW_ADVANCE as i64 + FFT_LEN as i64 / 2).rem_euclid(FFT_LEN as i64) - FFT_LEN as i64 / 2;
    if late.abs() <= CORRECTION_MAX { late } else { 0 }
}
