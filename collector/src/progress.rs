//! How far a meter has been read, and what was left out on the way.

use crate::{CaptureRange, CollectorConfig};
use heapless::Vec;
use plc_core::Utc;

/// Runs of missing captures that are remembered per meter. When there are more, the oldest is lost.
pub(crate) const GAPS_MAX: usize = 16;

/// How far a meter has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Everything up to here is stored, is a gap, or was reported as lost.
    through: Option<Utc>,
    gaps: Vec<Gap, GAPS_MAX>,
}

/// Captures that the meter should have and has not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    range: CaptureRange,
    /// How often it was asked for.
    attempts: u8,
}

/// What a question has left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Missing for the first time.
    Found(CaptureRange),
    /// Missing still, and not asked for again.
    Lost(CaptureRange),
}

impl Progress {
    /// Progress of a meter of which everything through `through` is stored.
    pub(crate) fn new(through: Option<Utc>) -> Self {
        Self { through, gaps: Vec::new() }
    }

    #[cfg(test)]
    fn through(&self) -> Option<Utc> {
        self.through
    }

    /// Runs of missing captures that will be asked for again.
    pub(crate) fn gaps(&self) -> usize {
        self.gaps.len()
    }

    /// What to ask for next when everything up to `boundary` may be asked and `after` has been asked in this session:
    /// first what is new, then the gaps of earlier sessions, oldest first.
    pub(crate) fn question(
        &self,
        boundary: Utc,
        after: &Asked,
        config: &CollectorConfig,
    ) -> Option<CaptureRange> {
        let fresh = CaptureRange::new(self.first_unread(boundary, after, config), boundary);
        let gap = || self.gaps.iter().map(|gap| gap.range).find(|range| after.may_repeat(range));
        fresh.or_else(gap).map(|range| range.first(config.rows, config.period))
    }

    fn first_unread(&self, boundary: Utc, after: &Asked, config: &CollectorConfig) -> Utc {
        let begin = boundary - config.period * config.history.saturating_sub(1);
        let unread = self.through.map_or(begin, |through| through + config.period);
        after.fresh.map_or(unread, |asked| unread.max(asked + config.period))
    }

    /// The meter has answered `asked` with the captures `present` (ascending, inside), and they are stored.
    pub(crate) fn answered(
        &mut self,
        asked: CaptureRange,
        present: &[Utc],
        config: &CollectorConfig,
        report: &mut impl FnMut(Finding),
    ) {
        let attempts = self.take(asked, config);
        // Of a meter of which nothing is known, captures before the first may never have been.
        let expected = match (self.through, present.first()) {
            (None, None) => return,
            (None, Some(&first)) => CaptureRange { from: first, ..asked },
            (Some(_), _) => asked,
        };
        self.through = self.through.max(Some(asked.to));
        for range in expected.missing(present.iter().copied(), config.period) {
            self.keep(Gap { range, attempts: attempts.saturating_add(1) }, config, report);
        }
    }

    /// The meter has answered `asked` with something that cannot be believed: all of it is missing.
    pub(crate) fn refused(
        &mut self,
        asked: CaptureRange,
        config: &CollectorConfig,
        report: &mut impl FnMut(Finding),
    ) {
        let attempts = self.take(asked, config);
        self.through = self.through.max(Some(asked.to));
        self.keep(Gap { range: asked, attempts: attempts.saturating_add(1) }, config, report);
    }

    /// Removes `asked` from the gap that it begins, and returns how often that was asked for.
    fn take(&mut self, asked: CaptureRange, config: &CollectorConfig) -> u8 {
        let Some(at) = self.gaps.iter().position(|gap| gap.range.from == asked.from) else { return 0 };
        let attempts = self.gaps[at].attempts;
        match CaptureRange::new(asked.to + config.period, self.gaps[at].range.to) {
            Some(rest) => self.gaps[at].range = rest,
            None => drop(self.gaps.remove(at)),
        }
        attempts
    }

    fn keep(&mut self, gap: Gap, config: &CollectorConfig, report: &mut impl FnMut(Finding)) {
        if gap.attempts == 1 {
            report(Finding::Found(gap.range));
        }
        if gap.attempts >= config.gap_attempts {
            report(Finding::Lost(gap.range));
            return;
        }
        if self.gaps.is_full() {
            report(Finding::Lost(self.gaps.remove(0).range));
        }
        let at = self.gaps.iter().position(|other| other.range.from > gap.range.from);
        let kept = self.gaps.insert(at.unwrap_or(self.gaps.len()), gap);
        kept.expect("room was made above");
    }
}

/// What one session has asked for already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// How far the meter had been read when the session began.
    horizon: Option<Utc>,
    fresh: Option<Utc>,
    gap: Option<Utc>,
}

impl Asked {
    /// A session begins with a meter read so far.
    pub(crate) fn nothing(progress: &Progress) -> Self {
        Self { horizon: progress.through, fresh: None, gap: None }
    }

    /// Notes a question, so that it is not put again in the same session.
    pub(crate) fn note(&mut self, asked: CaptureRange) {
        let mark = if self.is_new(asked.from) { &mut self.fresh } else { &mut self.gap };
        *mark = (*mark).max(Some(asked.to));
    }

    fn is_new(&self, capture: Utc) -> bool {
        self.horizon.is_none_or(|horizon| capture > horizon)
    }

    /// Whether a gap is one of earlier sessions and was not asked for in this one.
    fn may_repeat(&self, gap: &CaptureRange) -> bool {
        !self.is_new(gap.from) && self.gap.is_none_or(|asked| gap.from > asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use plc_core::Seed;

    fn config() -> CollectorConfig {
        CollectorConfig { gap_attempts: 3, history: 8, rows: 4, ..CollectorConfig::new(Seed::from_u64(1)) }
    }

    fn at(n: u32) -> Utc {
        Utc::from_secs(1_800_000_000) + Duration::from_secs(900) * n
    }

    fn range(from: u32, to: u32) -> CaptureRange {
        CaptureRange::new(at(from), at(to)).unwrap()
    }

    fn answer(progress: &mut Progress, asked: CaptureRange, present: &[u32]) -> std::vec::Vec<Finding> {
        let present: std::vec::Vec<_> = present.iter().map(|&n| at(n)).collect();
        let mut found = std::vec::Vec::new();
        progress.answered(asked, &present, &config(), &mut |finding| found.push(finding));
        found
    }

    #[test]
    fn a_long_outage_is_asked_for_in_pieces() {
        let mut progress = Progress::new(Some(at(9)));
        let mut asked = Asked::nothing(&progress);
        for piece in [range(10, 13), range(14, 17), range(18, 20)] {
            assert_eq!(progress.question(at(20), &asked, &config()), Some(piece));
            asked.note(piece);
            let all: std::vec::Vec<_> = (10..=20).filter(|&n| piece.contains(at(n))).collect();
            assert_eq!(answer(&mut progress, piece, &all), []);
        }
        assert_eq!(progress.question(at(20), &asked, &config()), None);
        assert_eq!((progress.through(), progress.gaps()), (Some(at(20)), 0));
    }

    #[test]
    fn an_unknown_meter_is_asked_for_its_history_and_owes_nothing_before_its_first_capture() {
        let mut progress = Progress::new(None);
        let mut asked = Asked::nothing(&progress);
        assert_eq!(progress.question(at(20), &asked, &config()), Some(range(13, 16)));
        asked.note(range(13, 16));
        assert_eq!(answer(&mut progress, range(13, 16), &[]), []);
        assert_eq!(progress.question(at(20), &asked, &config()), Some(range(17, 20)));
        asked.note(range(17, 20));
        assert_eq!(answer(&mut progress, range(17, 20), &[18, 20]), [Finding::Found(range(19, 19))]);
        assert_eq!(progress.through(), Some(at(20)));
    }

    #[test]
    fn a_gap_is_asked_for_again_and_then_lost() {
        let mut progress = Progress::new(Some(at(0)));
        assert_eq!(answer(&mut progress, range(1, 4), &[1, 4]), [Finding::Found(range(2, 3))]);
        for verdict in [&[][..], &[Finding::Lost(range(3, 3))]] {
            let mut asked = Asked::nothing(&progress);
            let question = progress.question(at(4), &asked, &config()).unwrap();
            asked.note(question);
            assert_eq!(
                answer(&mut progress, question, &[2][..usize::from(question.contains(at(2)))]),
                verdict
            );
            assert_eq!(progress.question(at(4), &asked, &config()), None, "once in a session is enough");
        }
        assert_eq!(progress.gaps(), 0);
    }

    #[test]
    fn a_gap_is_closed_by_the_captures_that_arrive_late() {
        let mut progress = Progress::new(Some(at(0)));
        answer(&mut progress, range(1, 4), &[]);
        assert_eq!(progress.gaps(), 1);
        assert_eq!(answer(&mut progress, range(1, 4), &[1, 2, 3, 4]), []);
        assert_eq!(progress.gaps(), 0);
    }

    #[test]
    fn an_answer_that_cannot_be_believed_is_a_gap() {
        let mut progress = Progress::new(Some(at(0)));
        let mut found = std::vec::Vec::new();
        for _ in 0..3 {
            progress.refused(range(1, 2), &config(), &mut |finding| found.push(finding));
        }
        assert_eq!(found, [Finding::Found(range(1, 2)), Finding::Lost(range(1, 2))]);
        assert_eq!((progress.through(), progress.gaps()), (Some(at(2)), 0));
    }

    #[test]
    fn gaps_beyond_the_bound_are_reported_and_forgotten() {
        let mut progress = Progress::new(Some(at(0)));
        let mut found = std::vec::Vec::new();
        for n in 0..GAPS_MAX as u32 + 1 {
            progress.refused(range(1 + 2 * n, 1 + 2 * n), &config(), &mut |finding| found.push(finding));
        }
        assert_eq!(progress.gaps(), GAPS_MAX);
        assert_eq!(found.iter().filter(|finding| matches!(finding, Finding::Lost(_))).count(), 1);
        assert!(found.contains(&Finding::Lost(range(1, 1))));
    }
}
