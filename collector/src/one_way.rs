//! Meters that only push: what they have said, and what they owe.
//!
//! Nobody can ask such a meter, so a capture that is missing stays due, for it may have been put off, or wait in another concentrator's
//! neighbourhood; when its time is up it is lost, because it was never pushed.

use crate::{CaptureRange, CollectorConfig, PushedValue, Reading, Unexpected};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;
use dlms::axdr::Data;
use dlms::cosem::ClockStatus;
use plc_core::{Eui64, Utc};

/// What is known of the captures of a meter that only pushes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    /// Each capture up to here has arrived or is lost.
    through: Option<Utc>,
    /// Those that have arrived beyond.
    beyond: BTreeSet<Utc>,
}

impl Arrivals {
    /// Everything through `through` has arrived before.
    pub(crate) const fn new(through: Option<Utc>) -> Self {
        Self { through, beyond: BTreeSet::new() }
    }

    /// A capture has arrived; whether it is a new one. That of a meter of which nothing is known is the first that it owes.
    pub(crate) fn arrived(&mut self, capture: Utc, period: Duration) -> bool {
        let through = *self.through.get_or_insert(capture - period);
        let is_new = capture > through && self.beyond.insert(capture);
        self.advance(period);
        is_new
    }

    /// The first capture that is missing, when it is lost if it does not come.
    pub(crate) fn deadline(&self, config: &CollectorConfig) -> Option<Utc> {
        Some(self.through? + config.period + config.push_deadline)
    }

    /// Gives up what is missing and whose time is up at `now`: a run of captures, if there is one.
    pub(crate) fn give_up(&mut self, now: Utc, config: &CollectorConfig) -> Option<CaptureRange> {
        let from = self.through? + config.period;
        // Nothing that is there already is given up.
        let due = (now - config.push_deadline).floor(config.period);
        let before = self.beyond.first().map_or(due, |&first| due.min(first - config.period));
        let lost = CaptureRange::new(from, before)?;
        self.through = Some(lost.to);
        self.advance(config.period);
        Some(lost)
    }

    fn advance(&mut self, period: Duration) {
        while let Some(next) = self.through.map(|through| through + period) {
            if !self.beyond.remove(&next) {
                return;
            }
            self.through = Some(next);
        }
    }
}

/// Whether the body of a push is one of values: it begins with a time, where that of an alarm begins with a name.
pub(crate) fn is_of_values(body: &[u8]) -> bool {
    let first = || Data::from_bytes(body).ok()?.as_structure()?.iter().next()?.as_clock_time();
    first().is_some()
}

/// The readings of a push of values: time, name, then the values that were configured, in their order.
///
/// # Errors
/// The first thing that cannot be believed.
pub(crate) fn read(
    meter: Eui64,
    body: &[u8],
    now: Utc,
    config: &CollectorConfig,
) -> Result<(Utc, Vec<Reading>), Unexpected> {
    let body = Data::from_bytes(body).map_err(|_| Unexpected::Encoding)?;
    let cells = body.as_structure().ok_or(Unexpected::RowShape)?;
    if cells.len() != config.push_values.len() + 2 {
        return Err(Unexpected::RowShape);
    }
    let mut cells = cells.iter();
    let clock = cells.next().and_then(|cell| cell.as_clock_time());
    let clock = clock.filter(|clock| !clock.status().has(ClockStatus::INVALID));
    let told = clock.and_then(|clock| clock.utc()).ok_or(Unexpected::RowClock)?;
    let capture = capture(told, now, config)?;
    // The name tells nothing that the keys have not proved.
    cells.next().and_then(|cell| cell.as_octets().map(|_| ())).ok_or(Unexpected::RowShape)?;
    let reading = |(value, cell): (&PushedValue, Data<'_>)| {
        let PushedValue { logical_name, scaler, unit } = *value;
        let value = cell.as_i64().ok_or(Unexpected::RowValue)?;
        Ok(Reading { meter, logical_name, capture, value, scaler, unit, status: 0 })
    };
    let readings = config.push_values.iter().zip(cells).map(reading).collect::<Result<_, _>>()?;
    Ok((capture, readings))
}

/// The boundary that a push is of: its clock stands there, or a little later. It is none to come, and none whose time is up.
fn capture(told: Utc, now: Utc, config: &CollectorConfig) -> Result<Utc, Unexpected> {
    let capture = told.floor(config.period);
    if told > capture + config.clock_tolerance {
        return Err(Unexpected::RowMisaligned);
    }
    let earliest = now - config.push_deadline;
    if capture > now + config.clock_tolerance || capture < earliest {
        return Err(Unexpected::RowOutside);
    }
    Ok(capture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::axdr::Encoder;
    use dlms::cosem::ClockTime;
    use plc_core::Seed;
    use proptest::prelude::*;

    const METER: Eui64 = Eui64::from_u64(7);

    fn config() -> CollectorConfig {
        CollectorConfig {
            push_deadline: Duration::from_secs(3600),
            ..CollectorConfig::new(Seed::from_u64(1))
        }
    }

    fn at(n: u32) -> Utc {
        Utc::from_secs(1_800_000_000) + Duration::from_secs(900) * n
    }

    fn body(clock: ClockTime, values: &[u64]) -> Vec<u8> {
        let mut body = Vec::new();
        let mut out = Encoder::new(&mut body, 200);
        out.structure(2 + values.len());
        out.clock_time(&clock);
        out.octet_string(b"ABC0000000000001");
        values.iter().for_each(|&value| out.u64(value));
        body
    }

    fn clock(utc: Utc) -> ClockTime {
        ClockTime::from_utc(utc, -60, ClockStatus::OK)
    }

    #[test]
    fn a_push_becomes_the_readings_of_its_boundary() {
        let late = Duration::from_millis(90);
        let pushed = body(clock(at(4) + late), &[12_345, 6]);
        assert!(is_of_values(&pushed));
        let (capture, readings) = read(METER, &pushed, at(4) + Duration::from_secs(70), &config()).unwrap();
        assert_eq!(capture, at(4));
        let told: Vec<_> =
            readings.iter().map(|r| (r.logical_name.0[2], r.value, r.scaler, r.unit)).collect();
        assert_eq!(told, [(1, 12_345, -3, 30), (2, 6, -3, 30)]);
        assert!(readings.iter().all(|reading| reading.capture == at(4) && reading.meter == METER));
    }

    #[test]
    fn what_cannot_be_believed_is_named() {
        let now = at(4) + Duration::from_secs(70);
        let fault = |body: &[u8]| read(METER, body, now, &config()).unwrap_err();
        assert_eq!(fault(&body(clock(at(4)), &[1])), Unexpected::RowShape);
        assert_eq!(fault(&body(clock(at(4)), &[1, 2, 3])), Unexpected::RowShape);
        assert_eq!(fault(&body(clock(at(4) + Duration::from_secs(60)), &[1, 2])), Unexpected::RowMisaligned);
        assert_eq!(fault(&body(clock(at(5)), &[1, 2])), Unexpected::RowOutside, "not there yet");
        assert_eq!(fault(&body(clock(at(0)), &[1, 2])), Unexpected::RowOutside, "its time was up");
        let invalid = ClockTime::from_utc(at(4), 0, ClockStatus::INVALID);
        assert_eq!(fault(&body(invalid, &[1, 2])), Unexpected::RowClock);
        assert_eq!(fault(&body(clock(at(4)), &[1, u64::MAX])), Unexpected::RowValue);
        let whole = body(clock(at(4)), &[1, 2]);
        for len in 0..whole.len() {
            assert_eq!(fault(&whole[..len]), Unexpected::Encoding, "{len}");
        }
    }

    #[test]
    fn what_is_missing_is_due_until_its_time_is_up_and_what_comes_late_is_taken() {
        let (mut arrivals, config) = (Arrivals::new(Some(at(0))), config());
        assert!(arrivals.arrived(at(1), config.period));
        assert!(arrivals.arrived(at(4), config.period));
        assert!(!arrivals.arrived(at(4), config.period), "once");
        assert_eq!(arrivals.deadline(&config), Some(at(2) + config.push_deadline));
        assert_eq!(arrivals.give_up(at(5), &config), None);
        assert!(arrivals.arrived(at(3), config.period), "late");
        // An hour is four captures.
        let lost = arrivals.give_up(at(6), &config).unwrap();
        assert_eq!((lost.from, lost.to), (at(2), at(2)), "not what has arrived behind it");
        assert_eq!(arrivals.give_up(at(8), &config), None);
        let lost = arrivals.give_up(at(10), &config).unwrap();
        assert_eq!((lost.from, lost.to), (at(5), at(6)));
        assert!(!arrivals.arrived(at(5), config.period), "it is lost");
    }

    #[test]
    fn a_meter_of_which_nothing_is_known_owes_nothing_before_its_first_push() {
        let (mut arrivals, config) = (Arrivals::new(None), config());
        assert_eq!((arrivals.deadline(&config), arrivals.give_up(at(99), &config)), (None, None));
        assert!(arrivals.arrived(at(50), config.period));
        assert_eq!(arrivals.deadline(&config), Some(at(51) + config.push_deadline));
    }

    proptest! {
        #[test]
        fn nothing_that_is_pushed_panics(octets: Vec<u8>) {
            let _ = (is_of_values(&octets), read(METER, &octets, at(4), &config()));
        }
    }
}
