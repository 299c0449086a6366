//! A limit for each place of the code that logs: a fault that repeats itself fills no disk and hides no other.

use crate::clock::Monotonic;
use plc_core::Instant;
use plc_core::time::Duration;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Messages of one place at once.
const BURST: u32 = 100;
/// After which one more may be said.
const REFILL: Duration = Duration::from_secs(1);

/// Messages that were left out since the process began.
pub fn left_out() -> u64 {
    LEFT_OUT.load(Ordering::Relaxed)
}

static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Lets a hundred messages of one place of the code through at once, and one more each second. How many it has left out, it says
/// before the next one. Debugging, which somebody has asked for, is not limited.
#[derive(Debug)]
pub struct LimitLayer {
    clock: Monotonic,
    buckets: Mutex<Buckets>,
}

impl Default for LimitLayer {
    fn default() -> Self {
        Self { clock: Monotonic::start(), buckets: Mutex::default() }
    }
}

impl<S: Subscriber> Layer<S> for LimitLayer {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return true;
        }
        let now = self.clock.now();
        let admitted =
            self.buckets.lock().unwrap_or_else(PoisonError::into_inner).admit(metadata.name(), now);
        match admitted {
            Some(0) => true,
            Some(left_out) => {
                let place = format!("{}:{}", metadata.target(), metadata.line().unwrap_or(0));
                tracing::warn!(left_out, place, "messages were left out");
                true
            }
            None => {
                LEFT_OUT.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }
}

/// What each place may still say.
#[derive(Debug, Default)]
struct Buckets(BTreeMap<&'static str, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: u32,
    refilled: Instant,
    left_out: u64,
}

impl Buckets {
    /// Whether `place` may say something now; and then how much of it was left out before. There are as many places as the program
    /// has lines that log.
    fn admit(&mut self, place: &'static str, now: Instant) -> Option<u64> {
        let full = Bucket { tokens: BURST, refilled: now, left_out: 0 };
        let bucket = self.0.entry(place).or_insert(full);
        let passed = now.since(bucket.refilled).as_secs() / REFILL.as_secs();
        let more = u32::try_from(passed).unwrap_or(u32::MAX);
        bucket.tokens = bucket.tokens.saturating_add(more).min(BURST);
        bucket.refilled += REFILL * more;
        match bucket.tokens.checked_sub(1) {
            Some(tokens) => {
                bucket.tokens = tokens;
                Some(std::mem::take(&mut bucket.left_out))
            }
            None => {
                bucket.left_out += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tracing_subscriber::layer::SubscriberExt;

    fn at(milliseconds: u64) -> Instant {
        Instant::EPOCH + Duration::from_millis(milliseconds)
    }

    #[test]
    fn one_place_may_say_a_hundred_things_and_one_more_each_second_and_tells_what_it_left_out() {
        let mut buckets = Buckets::default();
        let said = (0..150).filter(|_| buckets.admit("fault", at(0)).is_some()).count();
        assert_eq!(said, 100);
        assert_eq!(buckets.admit("another", at(0)), Some(0), "another place is not silenced");
        assert_eq!(buckets.admit("fault", at(999)), None);
        assert_eq!(buckets.admit("fault", at(1000)), Some(51));
        assert_eq!(buckets.admit("fault", at(1999)), None, "one a second");
        assert_eq!(buckets.admit("fault", at(2000)), Some(1));
        let later = (0..150).filter(|_| buckets.admit("fault", at(10_000_000)).is_some()).count();
        assert_eq!(later, 100, "what was saved is bounded");
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flood_of_one_fault_leaves_others_to_be_seen() {
        let lines = Lines::default();
        let writer = lines.clone();
        let text = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let log = tracing_subscriber::registry().with(LimitLayer::default()).with(text);
        let before = left_out();
        tracing::subscriber::with_default(log, || {
            for n in 0..500 {
                tracing::error!(n, "the same again");
            }
            tracing::error!("something else");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("the same again").count(), 100);
        assert_eq!(text.matches("something else").count(), 1);
        assert!(left_out() >= before + 400);
    }
}
