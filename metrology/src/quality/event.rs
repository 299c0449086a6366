//! Dips, swells and interruptions \[61000-4-30 5.4, 5.5\].

/// What is wrong with the voltage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Some voltage is below the dip threshold.
    Dip,
    /// Some voltage is above the swell threshold.
    Swell,
    /// Every voltage is below the interruption threshold.
    Interruption,
    /// A voltage left its steady value and found another one, within dip and swell thresholds.
    RapidChange,
}

/// An event that is over. Times are numbers of samples since construction: who owns the clock knows their instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityEvent {
    /// What it was.
    pub kind: EventKind,
    /// End of the half cycle that began it.
    pub start: u64,
    /// End of the half cycle that ended it; for a rapid change, of its last unsteady half cycle.
    pub end: u64,
    /// Residual voltage of a dip or interruption, largest voltage of a swell, largest change from the steady value before a rapid
    /// change: on the worst channel, in µV.
    pub extreme_uv: u64,
    /// Change of the steady value by a rapid change, in µV; zero for others.
    pub steady_uv: u64,
    /// Channels that took part, a bit each.
    pub channels: u8,
}

/// Thresholds of events, in µV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Declared input voltage.
    pub declared_uv: u64,
    /// A dip begins below.
    pub dip_uv: u64,
    /// A swell begins above.
    pub swell_uv: u64,
    /// An interruption begins when all are below.
    pub interruption_uv: u64,
    /// An event ends when the voltage has passed its threshold by this.
    pub hysteresis_uv: u64,
    /// A rapid change begins when a voltage is this far from its steady value; half of it is the hysteresis.
    pub rapid_change_uv: u64,
}

impl Thresholds {
    /// 90 %, 110 % and 5 % of the declared voltage, 2 % of hysteresis, 5 % for rapid changes \[61000-4-30; confidence B\].
    pub const fn of_declared(declared_uv: u64) -> Self {
        Self {
            declared_uv,
            dip_uv: declared_uv / 10 * 9,
            swell_uv: declared_uv / 10 * 11,
            interruption_uv: declared_uv / 20,
            hysteresis_uv: declared_uv / 50,
            rapid_change_uv: declared_uv / 20,
        }
    }
}

/// Finds events in the RMS values of the half cycles of up to three channels.
#[derive(Clone, Debug)]
pub(crate) struct EventDetector {
    thresholds: Thresholds,
    channels: usize,
    /// The newest value of each channel; `None` before the first.
    newest: [Option<u64>; 3],
    dip: Open,
    swell: Open,
    interruption: Open,
}

/// An event that may be under way.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: Option<u64>,
    extreme_uv: u64,
    channels: u8,
}

impl Open {
    const NONE: Self = Self { start: None, extreme_uv: 0, channels: 0 };

    /// Begins it with a value, or goes on.
    fn take(&mut self, now: u64, value: u64, channels: u8, worse: fn(u64, u64) -> u64) {
        self.extreme_uv = if self.start.is_none() { value } else { worse(self.extreme_uv, value) };
        self.start.get_or_insert(now);
        self.channels |= channels;
    }

    fn close(&mut self, kind: EventKind, end: u64) -> Option<QualityEvent> {
        let open = ::core::mem::replace(self, Self::NONE);
        let (extreme_uv, channels) = (open.extreme_uv, open.channels);
        open.start.map(|start| QualityEvent { kind, start, end, extreme_uv, steady_uv: 0, channels })
    }
}

impl EventDetector {
    pub(crate) const fn new(thresholds: Thresholds, channels: usize) -> Self {
        Self {
            thresholds,
            channels,
            newest: [None; 3],
            dip: Open::NONE,
            swell: Open::NONE,
            interruption: Open::NONE,
        }
    }

    /// Whether an event is under way.
    pub(crate) const fn is_open(&self) -> bool {
        self.dip.start.is_some() || self.swell.start.is_some() || self.interruption.start.is_some()
    }

    /// A half cycle of `channel` has ended at sample `now` with this value. What has ended with it: interruption, dip, swell.
    pub(crate) fn on_half_cycle(&mut self, now: u64, channel: usize, uv: u64) -> [Option<QualityEvent>; 3] {
        self.newest[channel] = Some(uv);
        let values = self.newest[..self.channels].iter().flatten();
        if values.clone().count() < self.channels {
            return [None; 3];
        }
        let (lowest, highest) = (*values.clone().min().unwrap_or(&0), *values.max().unwrap_or(&0));
        let Thresholds { dip_uv, swell_uv, interruption_uv, hysteresis_uv, .. } = self.thresholds;
        let interruption = follow(
            &mut self.interruption,
            highest < interruption_uv,
            highest >= interruption_uv + hysteresis_uv,
            (EventKind::Interruption, now, highest, 0xFF >> (8 - self.channels), u64::min),
        );
        let below = self.mask(|uv| uv < dip_uv);
        let dip = follow(
            &mut self.dip,
            below != 0,
            lowest >= dip_uv + hysteresis_uv,
            (EventKind::Dip, now, lowest, below, u64::min),
        );
        let above = self.mask(|uv| uv > swell_uv);
        let swell = follow(
            &mut self.swell,
            above != 0,
            highest <= swell_uv - hysteresis_uv,
            (EventKind::Swell, now, highest, above, u64::max),
        );
        [interruption, dip, swell]
    }

    fn mask(&self, holds: impl Fn(u64) -> bool) -> u8 {
        let bit = |(n, value): (usize, &Option<u64>)| u8::from(value.is_some_and(&holds)) << n;
        self.newest[..self.channels].iter().enumerate().map(bit).sum()
    }
}

type Update = (EventKind, u64, u64, u8, fn(u64, u64) -> u64);

/// Begins, continues or ends an event.
fn follow(open: &mut Open, begins: bool, ends: bool, update: Update) -> Option<QualityEvent> {
    let (kind, now, value, channels, worse) = update;
    if begins || (open.start.is_some() && !ends) {
        open.take(now, value, channels, worse);
        return None;
    }
    open.close(kind, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn events(values: &[[u64; 3]]) -> Vec<QualityEvent> {
        let mut detector = EventDetector::new(Thresholds::of_declared(230_000_000), 3);
        let mut found = Vec::new();
        for (n, row) in values.iter().enumerate() {
            for (channel, &volts) in row.iter().enumerate() {
                let ended = detector.on_half_cycle(n as u64 * 80, channel, volts * 1_000_000);
                found.extend(ended.into_iter().flatten());
            }
        }
        found
    }

    #[test]
    fn a_dip_begins_with_the_first_channel_and_ends_with_the_last() {
        let good = [230, 230, 230];
        let found = events(&[
            good,
            [200, 230, 230],
            [150, 180, 230],
            [209, 206, 230],
            [212, 211, 230],
            [230, 212, 230],
            good,
        ]);
        let dip = QualityEvent {
            kind: EventKind::Dip,
            start: 80,
            end: 400,
            extreme_uv: 150_000_000,
            steady_uv: 0,
            channels: 0b011,
        };
        assert_eq!(found, [dip]);
    }

    #[test]
    fn an_interruption_needs_all_channels() {
        assert!(events(&[[230; 3], [0, 0, 230], [230; 3]]).iter().all(|event| event.kind == EventKind::Dip));
        let found = events(&[[230; 3], [0, 5, 230], [0, 5, 7], [0, 0, 0], [0, 0, 17], [230; 3]]);
        let kinds: Vec<_> = found.iter().map(|event| (event.kind, event.start, event.end)).collect();
        assert_eq!(kinds, [(EventKind::Interruption, 160, 320), (EventKind::Dip, 80, 400)]);
    }

    #[test]
    fn a_swell_has_its_hysteresis() {
        let found = events(&[[230; 3], [254, 230, 230], [250, 230, 230], [248, 230, 230], [230; 3]]);
        assert_eq!(
            (found.len(), found[0].start, found[0].end, found[0].extreme_uv),
            (1, 80, 240, 254_000_000)
        );
    }
}
