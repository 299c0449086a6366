//! How tasks and what they have read look.

use super::{Column, Row, quantity, scaled, time, unit, word};
use concentrator_proto::v1;
use serde_json::{Value, json};

pub(in super::super) const TASK: &[Column] = &[
    ("TASK", -16),
    ("READS", -12),
    ("METERS", -8),
    ("EVERY", 7),
    ("PRIORITY", 8),
    ("STATE", -8),
    ("NEXT RUN", -20),
    ("LAST RUN", -20),
    ("DONE", 5),
    ("FAILED", 6),
    ("LATE", 5),
];

pub(in super::super) fn task(task: &v1::Task) -> Row {
    let plan = task.plan.clone().unwrap_or_default();
    let kind = word(plan.kind().as_str_name(), "TASK_KIND_");
    let state = match (task.paused, &task.run) {
        (true, _) => "paused",
        (false, Some(_)) => "running",
        (false, None) => "waiting",
    };
    let meters = match plan.meter_ids.len() {
        0 => String::from("all"),
        some => some.to_string(),
    };
    // Of a run under way so far, else of the last.
    let run = task.run.or(task.last);
    let count = |count: fn(&v1::TaskRun) -> u32| {
        run.as_ref().map_or_else(|| String::from("-"), |run| count(run).to_string())
    };
    let cells = vec![
        plan.name.clone(),
        kind.clone(),
        meters,
        format!("{} s", plan.period_ms / 1000),
        plan.priority.to_string(),
        state.to_owned(),
        time(task.next_ms),
        time(task.last.map(|last| last.at_ms)),
        count(|run| run.done),
        count(|run| run.failed),
        count(|run| run.late),
    ];
    let run = |run: &v1::TaskRun| {
        json!({
            "at_ms": run.at_ms, "ended_ms": run.ended_ms, "done": run.done, "failed": run.failed, "late": run.late,
        })
    };
    let json = json!({
        "name": plan.name, "read": kind, "objects": plan.objects, "meter_ids": plan.meter_ids, "period_ms": plan.period_ms,
        "offset_ms": plan.offset_ms, "spread_ms": plan.spread_ms, "deadline_ms": plan.deadline_ms,
        "priority": plan.priority, "attempts": plan.attempts, "back_off_ms": plan.back_off_ms,
        "configured": task.configured, "paused": task.paused, "state": state, "next_ms": task.next_ms,
        "run": task.run.as_ref().map_or(Value::Null, run), "last": task.last.as_ref().map_or(Value::Null, run),
    });
    Row { cells, json }
}

pub(in super::super) const VALUE: &[Column] = &[
    ("CURSOR", 8),
    ("CAPTURED", -20),
    ("METER", -12),
    ("READ", -7),
    ("WHAT", -30),
    ("VALUE", 14),
    ("UNIT", -5),
    ("OBIS", -18),
    ("SOURCE", -18),
];

pub(in super::super) fn value(value: &v1::TaskValue) -> Row {
    let kind = word(value.kind().as_str_name(), "TASK_KIND_");
    let words = match value.kind() {
        v1::TaskKind::Events => Some(String::from("event")),
        v1::TaskKind::Clock => Some(String::from("clock ahead by")),
        _ => quantity(&value.obis),
    };
    let cells = vec![
        value.cursor.to_string(),
        time(Some(value.capture_time_ms)),
        value.meter_id.clone(),
        kind.clone(),
        words.clone().unwrap_or_else(|| value.obis.clone()),
        scaled(value.value, value.scaler),
        unit(value.unit),
        value.obis.clone(),
        value.source.clone(),
    ];
    let json = json!({
        "cursor": value.cursor, "meter_id": value.meter_id, "eui64": value.eui64, "read": kind, "what": words,
        "source": value.source, "obis": value.obis, "capture_time_ms": value.capture_time_ms, "ordinal": value.ordinal,
        "value": value.value, "scaler": value.scaler, "unit": value.unit, "status": value.status,
        "received_ms": value.received_ms,
    });
    Row { cells, json }
}
