//! `[[task]]`: what is read besides the load profile.

use super::section::{Findings, Section, Show};
use super::{MeterConfig, set, value};
use crate::tasks::{Plan, TaskKind};
use collector::TASKS_MAX;
use dlms::cosem::LogicalName;
use plc_core::time::Duration;
use std::collections::BTreeSet;
use toml::de::DeValue;

/// All tasks of a file; meters that they name must be configured.
pub(super) fn take_all(root: &mut Section<'_>, meters: &[MeterConfig], found: &mut Findings) -> Vec<Plan> {
    let (mut plans, mut names) = (Vec::new(), BTreeSet::new());
    for section in root.sections("task", found) {
        let span = section.span();
        let Some(plan) = take(section, found) else { continue };
        let is = |meter: &MeterConfig, name: &str| {
            meter.id == name || meter.eui64.to_string() == name.to_lowercase()
        };
        let known = |name: &String| meters.iter().any(|meter| is(meter, name));
        if let Some(fault) = plan.fault() {
            found.push(span, format!("task.{fault}"));
        } else if let Some(unknown) = plan.meters.iter().find(|name| !known(name)) {
            found.push(span, format!("task.meters = {unknown:?}: expected the id or eui64 of a [[meter]]"));
        } else if let Some(deaf) =
            meters.iter().filter(|m| m.one_way).find(|m| plan.meters.iter().any(|name| is(m, name)))
        {
            let name = &deaf.id;
            found.push(
                span,
                format!("task.meters = {name:?}: expected meters that can be asked, this one only pushes"),
            );
        } else if !names.insert(plan.name.clone()) {
            found.push(span, format!("task.name = {:?}: given twice, expected each name once", plan.name));
        } else if plans.len() == TASKS_MAX {
            found.push(span, format!("task: expected at most {TASKS_MAX} tables [[task]]"));
        } else {
            plans.push(plan);
        }
    }
    plans
}

fn take(mut section: Section<'_>, found: &mut Findings) -> Option<Plan> {
    let expected = "a name of 1 to 64 letters, digits, hyphens and underscores";
    let name = section.require("name", expected, Show::Value, found, value::text);
    let expected = "\"instant\", \"daily\", \"monthly\", \"events\" or \"clock\"";
    let kind = section.require("read", expected, Show::Value, found, |v| TaskKind::from_word(v.as_str()?));
    let mut plan = Plan::new(name.as_deref().unwrap_or_default(), kind.unwrap_or(TaskKind::Clock));
    let expected = "a list of logical names, such as [\"1-0:32.7.0.255\"]";
    set(&mut plan.objects, section.take("objects", expected, Show::Value, found, |v| list(v, logical_name)));
    let expected = "a list of ids or addresses of meters";
    set(&mut plan.meters, section.take("meters", expected, Show::Value, found, |v| list(v, value::text)));
    let month = 0..=2_678_400;
    let mut seconds = |key, section: &mut Section<'_>| {
        section.take(key, "seconds, up to 2678400", Show::Value, found, |v| value::seconds(v, month.clone()))
    };
    set(&mut plan.period, seconds("every_s", &mut section));
    set(&mut plan.offset, seconds("offset_s", &mut section));
    let (spread, deadline) = (seconds("spread_s", &mut section), seconds("deadline_s", &mut section));
    plan.deadline = deadline.unwrap_or(plan.period);
    plan.spread = spread.unwrap_or(Duration::from_secs(60).min(plan.deadline));
    set(&mut plan.back_off, seconds("back_off_s", &mut section));
    let mut small = |key, expected, range: std::ops::RangeInclusive<i64>, section: &mut Section<'_>| {
        section.take(key, expected, Show::Value, found, |v| value::integer(v, range)?.try_into().ok())
    };
    set(&mut plan.priority, small("priority", "a number, 0 to 255", 0..=255, &mut section));
    set(&mut plan.attempts, small("attempts", "a number, 1 to 20", 1..=20, &mut section));
    section.finish(found);
    (name.is_some() && kind.is_some()).then_some(plan)
}

fn list<T>(value: &DeValue<'_>, item: impl Fn(&DeValue<'_>) -> Option<T>) -> Option<Vec<T>> {
    let DeValue::Array(items) = value else { return None };
    items.iter().map(|value| item(value.get_ref())).collect()
}

fn logical_name(value: &DeValue<'_>) -> Option<LogicalName> {
    value.as_str()?.parse().ok()
}
