//! A task as it is wanted, in the words of the configuration and of the interface.

use crate::words::Quoted;
use collector::{OBJECTS_MAX, Selection, Task, What};
use dlms::cosem::LogicalName;
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a task reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// Registers as they are now.
    Instant,
    /// The daily values that are new.
    Daily,
    /// The monthly values that are new.
    Monthly,
    /// The events that are new.
    Events,
    /// The clock.
    Clock,
}

/// A task as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Names it: 1 to 64 letters, digits, hyphens and underscores.
    pub name: String,
    /// What is read.
    pub kind: TaskKind,
    /// Registers, profiles or logs; none: [`TaskKind::usual`].
    pub objects: Vec<LogicalName>,
    /// Ids or addresses of meters; none: all.
    pub meters: Vec<String>,
    /// Time between two runs: whole seconds, a minute to 31 days.
    pub period: Duration,
    /// How long after a multiple of the period a run begins.
    pub offset: Duration,
    /// Within which time its meters begin.
    pub spread: Duration,
    /// How long after its beginning a run is over.
    pub deadline: Duration,
    /// The smallest goes first.
    pub priority: u8,
    /// How often a meter is tried in a run.
    pub attempts: u8,
    /// Pause after the first failure.
    pub back_off: Duration,
}

impl TaskKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Instant, Self::Daily, Self::Monthly, Self::Events, Self::Clock];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
            Self::Events => "events",
            Self::Clock => "clock",
        }
    }

    /// The kind of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What kind of value stands in a profile or log of this name, or is itself the register of this name.
    pub const fn of_source([a, _, c, d, _, _]: [u8; 6]) -> Self {
        match (a, c, d) {
            (0, 99, 98) => Self::Events,
            (1, 98, 1) => Self::Monthly,
            (1, 98 | 99, _) => Self::Daily,
            (0, 1, 0) => Self::Clock,
            _ => Self::Instant,
        }
    }

    /// What is usually read [metering OBIS codes: BB 6 and 7; groups of logs: companion specifications; confidence B].
    pub fn usual(self) -> Vec<LogicalName> {
        let phases =
            |code: u8, e: u8| [1, 2, 3].map(move |phase| LogicalName([1, 0, 20 * phase + code, 7, e, 255]));
        match self {
            Self::Instant => {
                let totals = [1, 2, 14, 13].map(|c| LogicalName([1, 0, c, 7, 0, 255]));
                let quality = [phases(12, 0), phases(11, 0), phases(13, 0), phases(12, 124), phases(11, 124)];
                totals.into_iter().chain(quality.into_iter().flatten()).collect()
            }
            Self::Daily => vec![LogicalName([1, 0, 98, 2, 0, 255])],
            Self::Monthly => vec![LogicalName([1, 0, 98, 1, 0, 255])],
            Self::Events => [0, 1, 2, 4, 5].map(|group| LogicalName([0, 0, 99, 98, group, 255])).to_vec(),
            Self::Clock => Vec::new(),
        }
    }
}

impl Plan {
    /// A task of this name and kind, once an hour, of all meters.
    pub fn new(name: &str, kind: TaskKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            objects: Vec::new(),
            meters: Vec::new(),
            period: Duration::from_secs(3600),
            offset: Duration::ZERO,
            spread: Duration::from_secs(60),
            deadline: Duration::from_secs(3600),
            priority: 120,
            attempts: 3,
            back_off: Duration::from_secs(30),
        }
    }

    /// What is wrong with it, in words: key, value and what was expected.
    pub fn fault(&self) -> Option<String> {
        let Self { name, objects, period, offset, spread, deadline, attempts, back_off, .. } = self;
        let whole = |time: &Duration| time.subsec_nanos() == 0;
        let seconds = |time: &Duration| match whole(time) {
            true => format!("{} s", time.as_secs()),
            false => format!("{} ms", time.as_millis()),
        };
        let day = Duration::from_secs(86_400);
        Some(if !is_name(name) {
            format!("name {}: expected 1 to 64 letters, digits, hyphens and underscores", Quoted(name))
        } else if objects.len() > OBJECTS_MAX {
            format!("objects: {}, expected at most {OBJECTS_MAX}", objects.len())
        } else if self.kind == TaskKind::Clock && !objects.is_empty() {
            String::from("objects: expected none of a clock")
        } else if !whole(period) || !(SHORTEST..=LONGEST).contains(period) {
            format!("period {}: expected whole seconds, 60 to 2678400", seconds(period))
        } else if !whole(offset) || offset >= period {
            format!("offset {}: expected whole seconds, less than the period", seconds(offset))
        } else if !(SHORTEST..=*period).contains(deadline) {
            format!("deadline {}: expected 60 s to the period", seconds(deadline))
        } else if spread > deadline {
            format!("spread {}: expected no more than the deadline", seconds(spread))
        } else if !(1..=20).contains(attempts) {
            format!("attempts {attempts}: expected 1 to 20")
        } else if *back_off > day || back_off.is_zero() {
            format!("back_off {}: expected more than nothing, and a day at most", seconds(back_off))
        } else {
            return None;
        })
    }

    /// What is read.
    pub fn objects(&self) -> Vec<LogicalName> {
        if self.objects.is_empty() { self.kind.usual() } else { self.objects.clone() }
    }

    /// For the collector. Meters that `find` does not know are left out.
    pub fn task(
        &self,
        number: u32,
        paused: bool,
        ran: Option<Utc>,
        find: impl Fn(&str) -> Option<Eui64>,
    ) -> Task {
        let what = match self.kind {
            TaskKind::Instant => What::Registers(self.objects()),
            TaskKind::Clock => What::Clock,
            _ => What::Rows(self.objects()),
        };
        let meters: BTreeSet<_> = self.meters.iter().filter_map(|name| find(name)).collect();
        Task {
            number,
            what,
            meters: if self.meters.is_empty() { Selection::All } else { Selection::Only(meters) },
            period: self.period,
            offset: self.offset,
            spread: self.spread,
            deadline: self.deadline,
            priority: self.priority,
            attempts: self.attempts.into(),
            back_off: self.back_off,
            ran,
            paused,
        }
    }

    /// As it is kept.
    pub(super) fn to_json(&self) -> String {
        let objects: Vec<_> = self.objects.iter().map(|name| name.0).collect();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "name": self.name, "kind": self.kind.as_str(), "objects": objects, "meters": self.meters, "period_ms": ms(self.period),
            "offset_ms": ms(self.offset), "spread_ms": ms(self.spread), "deadline_ms": ms(self.deadline),
            "priority": self.priority, "attempts": self.attempts, "back_off_ms": ms(self.back_off),
        })
        .to_string()
    }

    /// As it was kept; `None` for what this version does not understand.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let ms = |key: &str| value[key].as_u64().map(Duration::from_millis);
        let small = |key: &str| u8::try_from(value[key].as_u64()?).ok();
        let octet = |value: &Value| u8::try_from(value.as_u64()?).ok();
        let name = |value: &Value| {
            let octets = value.as_array()?.iter().map(octet).collect::<Option<Vec<_>>>()?;
            Some(LogicalName(octets.try_into().ok()?))
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let plan = Self {
            name: text(&value["name"])?,
            kind: TaskKind::from_word(value["kind"].as_str()?)?,
            objects: value["objects"].as_array()?.iter().map(name).collect::<Option<_>>()?,
            meters: value["meters"].as_array()?.iter().map(text).collect::<Option<_>>()?,
            period: ms("period_ms")?,
            offset: ms("offset_ms")?,
            spread: ms("spread_ms")?,
            deadline: ms("deadline_ms")?,
            priority: small("priority")?,
            attempts: small("attempts")?,
            back_off: ms("back_off_ms")?,
        };
        plan.fault().is_none().then_some(plan)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(fits) && name != LOAD_PROFILE
}

/// The name of what is built in.
pub const LOAD_PROFILE: &str = "load-profile";
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_kept_and_found_again() {
        for kind in TaskKind::ALL {
            let mut plan = Plan { meters: vec!["flat-1".into()], ..Plan::new("a_b-1", kind) };
            plan.objects = plan.kind.usual();
            assert_eq!(Plan::from_json(&plan.to_json()), Some(plan));
            assert_eq!(TaskKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(Plan::from_json("{}"), None);
        assert_eq!(Plan::from_json("nonsense"), None);
        let tomorrow = Plan::new("a", TaskKind::Clock).to_json().replace("clock", "weather");
        assert_eq!(Plan::from_json(&tomorrow), None);
    }

    #[test]
    fn each_kind_reads_what_it_stores_as_its_own() {
        for kind in [TaskKind::Instant, TaskKind::Daily, TaskKind::Monthly, TaskKind::Events] {
            assert!(kind.usual().iter().all(|name| TaskKind::of_source(name.0) == kind), "{kind:?}");
        }
        assert_eq!(TaskKind::of_source([0, 0, 1, 0, 0, 255]), TaskKind::Clock);
        assert_eq!(TaskKind::Instant.usual().len(), 19);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key_and_what_was_expected() {
        let good = Plan::new("a", TaskKind::Instant);
        assert_eq!(good.fault(), None);
        let second = Duration::from_secs(1);
        for (plan, key) in [
            (Plan { name: "a b".into(), ..good.clone() }, "name \"a b\""),
            (Plan { name: LOAD_PROFILE.into(), ..good.clone() }, "name \"load-profile\""),
            (Plan { objects: vec![LogicalName([0; 6]); 65], ..good.clone() }, "objects: 65"),
            (Plan { period: second * 59, ..good.clone() }, "period 59 s"),
            (Plan { offset: second * 3600, ..good.clone() }, "offset 3600 s"),
            (Plan { deadline: second * 3601, ..good.clone() }, "deadline 3601 s"),
            (Plan { spread: second * 3601, ..good.clone() }, "spread 3601 s"),
            (Plan { attempts: 0, ..good.clone() }, "attempts 0"),
            (Plan { back_off: Duration::ZERO, ..good.clone() }, "back_off 0 s"),
            (Plan { objects: vec![LogicalName([0; 6])], ..Plan::new("a", TaskKind::Clock) }, "objects"),
        ] {
            let fault = plan.fault().unwrap();
            assert!(fault.starts_with(key) && fault.contains("expected"), "{fault}");
        }
    }
}
