//! What is different between two configurations, and what it takes to make it so.

use super::{BackhaulConfig, Config, MeterConfig};
use crate::grpc::Access;
use crate::tasks::Plan;
use backhaul::Order;
use std::collections::BTreeMap;
use std::fmt;

/// What a change takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing else.
    AtOnce,
    /// The connection to the head-end is opened anew.
    Backhaul,
    /// The power line is opened anew; meters stay joined.
    PowerLine,
    /// The daemon has to be started anew.
    Restart,
}

/// One key that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key, such as `collector.retries` or `meter "flat-1"`.
    pub key: String,
    /// What it was; keys of meters are never shown.
    pub old: String,
    /// What it is.
    pub new: String,
    /// What it takes.
    pub effect: Effect,
}

impl Effect {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::Backhaul => "opens the connection to the head-end anew",
            Self::PowerLine => "opens the power line anew",
            Self::Restart => "needs a restart of the daemon",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {} ({})", self.key, self.old, self.new, self.effect.as_str())
    }
}

impl Config {
    /// Takes back what would need a restart of the daemon.
    pub fn keep_what_needs_a_restart(&mut self, running: &Self) {
        self.store_path.clone_from(&running.store_path);
        (self.listen, self.metrics, self.log_format) = (running.listen, running.metrics, running.log_format);
        self.access.clone_from(&running.access);
    }

    /// What is different in `new`, in the order of the file.
    pub fn changes(&self, new: &Self) -> Vec<Change> {
        let (old, new_rows) = (self.rows(), new.rows());
        let mut changes: Vec<_> = old
            .iter()
            .zip(&new_rows)
            .filter(|((_, old, _), (_, new, _))| old != new)
            .map(|((key, old, effect), (_, new, _))| Change {
                key: (*key).to_owned(),
                old: old.clone(),
                new: new.clone(),
                effect: *effect,
            })
            .collect();
        changes.extend(self.changed_files(new));
        changes.extend(changed_tasks(&self.tasks, &new.tasks));
        changes.extend(changed_meters(&self.meters, &new.meters));
        changes
    }

    /// Every key with its value, then the meters; secrets are not shown.
    pub fn shown(&self) -> Vec<(String, String)> {
        let rows = self.rows().into_iter().map(|(key, value, _)| (key.to_owned(), value));
        let meter = |meter: &MeterConfig| {
            let title = plc_core::Eui64(meter.system_title);
            (format!("meter.{}", meter.eui64), format!("{}, system title {title}, keys not shown", meter.id))
        };
        let task = |plan: &Plan| (format!("task.{}", plan.name), told(plan));
        rows.chain(self.tasks.iter().map(task)).chain(self.meters.iter().map(meter)).collect()
    }

    /// Every key but those of meters: its name, its value, what a change of it takes. The same keys in the same order always.
    pub(super) fn rows(&self) -> Vec<(&'static str, String, Effect)> {
        use Effect::{AtOnce, Backhaul, PowerLine, Restart};
        let Self {
            store_path,
            listen,
            access,
            limits,
            backhaul,
            plc,
            collector,
            metrics,
            log,
            log_format,
            ..
        } = self;
        let far = |value: fn(&BackhaulConfig) -> String| backhaul.as_ref().map_or_else(none, value);
        let mut rows = vec![
            ("store.path", store_path.display().to_string(), Restart),
            ("store.max_mb", (limits.octets >> 20).to_string(), PowerLine),
            ("store.keep_days", (limits.keep.as_secs() / 86_400).to_string(), PowerLine),
            ("grpc.listen", listen.to_string(), Restart),
            ("grpc.plain_text", (*access == Some(Access::PlainText)).to_string(), Restart),
            ("backhaul.head_end", far(|far| far.head_end.to_string()), Backhaul),
            ("backhaul.box_id", far(|far| far.box_id.clone()), Backhaul),
            ("backhaul.order", far(|far| order(far.order).to_owned()), Backhaul),
            (
                "backhaul.max_octets_per_s",
                far(|far| far.octets_per_s.map_or_else(none, |n| n.to_string())),
                Backhaul,
            ),
            ("plc.front_end", plc.front_end.clone(), PowerLine),
            ("plc.eui64", plc.eui64.to_string(), PowerLine),
            ("plc.band", plc.band.as_str().to_owned(), PowerLine),
            ("plc.pan_id", format!("{:#06x}", plc.pan_id.0), PowerLine),
            ("collector.capture_period_s", collector.capture_period.as_secs().to_string(), PowerLine),
            ("collector.read_delay_s", collector.read_delay.as_secs().to_string(), PowerLine),
            ("collector.retries", collector.retries.to_string(), PowerLine),
            ("collector.parallel_sessions", collector.parallel_sessions.to_string(), PowerLine),
            ("collector.set_clocks", collector.set_clocks.to_string(), PowerLine),
            ("collector.set_clocks_within_s", collector.set_clocks_within.as_secs().to_string(), PowerLine),
            (
                "collector.clock_trusted_file",
                collector.clock_trusted_file.as_ref().map_or_else(none, |file| file.display().to_string()),
                PowerLine,
            ),
            ("metrics.listen", metrics.map_or_else(none, |address| address.to_string()), Restart),
            ("log.level", log.clone(), AtOnce),
            ("log.format", log_format.as_str().to_owned(), Restart),
        ];
        rows.extend(super::guard::rows(&self.guard));
        rows
    }

    /// Certificates and keys are compared by what is in the files, which is not shown.
    fn changed_files(&self, new: &Self) -> impl Iterator<Item = Change> {
        let far = |config: &Self| config.backhaul.as_ref().and_then(|far| far.tls.clone());
        let near = |config: &Self| match &config.access {
            Some(Access::Mutual(files)) => Some(files.clone()),
            _ => None,
        };
        let changed = [
            ("grpc.authority, certificate, key", near(self) != near(new), Effect::Restart),
            ("backhaul.authority, certificate, key", far(self) != far(new), Effect::Backhaul),
        ];
        changed.into_iter().filter(|(_, changed, _)| *changed).map(|(key, _, effect)| Change {
            key: String::from(key),
            old: String::from("(not shown)"),
            new: String::from("(not shown)"),
            effect,
        })
    }
}

fn changed_tasks(old: &[Plan], new: &[Plan]) -> Vec<Change> {
    let by_name =
        |plans: &[Plan]| plans.iter().map(|plan| (plan.name.clone(), told(plan))).collect::<BTreeMap<_, _>>();
    let (old, new) = (by_name(old), by_name(new));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let change = |name: &String| {
        let (was, is) = (old.get(name), new.get(name));
        (was != is).then(|| Change {
            key: format!("task {name}"),
            old: was.cloned().unwrap_or_else(none),
            new: is.cloned().unwrap_or_else(none),
            effect: Effect::PowerLine,
        })
    };
    names.filter_map(change).collect()
}

/// A task in one line.
fn told(plan: &Plan) -> String {
    let objects: Vec<_> = plan.objects.iter().map(ToString::to_string).collect();
    let or = |list: Vec<String>, none: &str| if list.is_empty() { none.to_owned() } else { list.join(" ") };
    format!(
        "{} of {}, {}, every {} s + {} s within {} s, over after {} s, priority {}, {} attempts, {} s between",
        plan.kind.as_str(),
        or(plan.meters.clone(), "all"),
        or(objects, "usual objects"),
        plan.period.as_secs(),
        plan.offset.as_secs(),
        plan.spread.as_secs(),
        plan.deadline.as_secs(),
        plan.priority,
        plan.attempts,
        plan.back_off.as_secs(),
    )
}

fn changed_meters(old: &[MeterConfig], new: &[MeterConfig]) -> Vec<Change> {
    let by_address = |meters: &[MeterConfig]| -> BTreeMap<_, _> {
        meters.iter().map(|meter| (meter.eui64, meter.clone())).collect()
    };
    let (old, new) = (by_address(old), by_address(new));
    let addresses = old.keys().chain(new.keys().filter(|eui64| !old.contains_key(eui64)));
    addresses.filter_map(|eui64| changed_meter(old.get(eui64), new.get(eui64))).collect()
}

fn changed_meter(old: Option<&MeterConfig>, new: Option<&MeterConfig>) -> Option<Change> {
    let named = |meter: &MeterConfig| format!("{} {}", meter.eui64, meter.id);
    let any = new.or(old)?;
    let (was, is) = match (old, new) {
        (Some(old), Some(new)) if old == new => return None,
        (Some(old), Some(new)) if old.id != new.id => (old.id.clone(), new.id.clone()),
        (Some(_), Some(_)) => (String::from("keys or title"), String::from("others (not shown)")),
        (Some(_), None) => (String::from("expected"), String::from("removed")),
        _ => (String::from("unknown"), String::from("expected")),
    };
    Some(Change { key: format!("meter {}", named(any)), old: was, new: is, effect: Effect::PowerLine })
}

const fn order(order: Order) -> &'static str {
    match order {
        Order::OldestFirst => "oldest-first",
        Order::NewestFirst => "newest-first",
    }
}

fn none() -> String {
    String::from("none")
}
