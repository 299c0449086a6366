//! How the answers of a concentrator look: tables for people, JSON for programs.

pub(super) mod tasks;

use super::quantity::quantity;
use crate::jobs::audit::Entry;
use crate::words::plain;
use backhaul::Digested;
use concentrator_proto::v1;
use plc_core::Utc;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, BufWriter, StdoutLock, Write};

/// A column: its heading and its least width, negative to align to the left.
pub(super) type Column = (&'static str, i8);

/// One row, both ways.
pub(super) struct Row {
    cells: Vec<String>,
    json: Value,
}

impl Row {
    pub(super) const fn new(cells: Vec<String>, json: Value) -> Self {
        Self { cells, json }
    }
}

/// Rows on standard output, as they come.
pub(super) struct Table {
    out: BufWriter<StdoutLock<'static>>,
    columns: &'static [Column],
    json: bool,
    headed: bool,
}

impl Table {
    pub(super) fn new(json: bool, columns: &'static [Column]) -> Self {
        Self { out: BufWriter::new(io::stdout().lock()), columns, json, headed: json }
    }

    pub(super) fn row(&mut self, row: Row) -> io::Result<()> {
        if self.json {
            return writeln!(self.out, "{}", row.json);
        }
        self.head()?;
        self.line(&row.cells)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.head()?;
        self.flush()
    }

    fn head(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.headed, true) {
            return Ok(());
        }
        let headings: Vec<_> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        self.line(&headings)
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (cell, (_, width)) in cells.iter().zip(self.columns) {
            let cell = plain(cell);
            let size = usize::from(width.unsigned_abs());
            let _ =
                if *width < 0 { write!(line, "{cell:<size$}  ") } else { write!(line, "{cell:>size$}  ") };
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

pub(super) const METER: &[Column] = &[
    ("METER", -12),
    ("EUI64", -16),
    ("ADDR", -4),
    ("STATE", -8),
    ("LAST READING", -20),
    ("LAST SUCCESS", -20),
    ("MISSING", 7),
    ("LQI", 3),
    ("HOPS", 4),
    ("RETRIES", 7),
    ("DAY", 4),
    ("LAST CONTACT", -20),
    ("LAST ERROR", -10),
];

pub(super) fn meter(meter: &v1::Meter) -> Row {
    let counters = meter.counters.unwrap_or_default();
    let state = word(meter.state().as_str_name(), "METER_STATE_");
    let cells = vec![
        meter.id.clone(),
        meter.eui64.clone(),
        address(meter.short_address),
        state.clone(),
        time(meter.last_reading_time_ms),
        time(meter.last_success_ms),
        meter.missing_periods.to_string(),
        number(meter.link_quality),
        number(meter.hops),
        counters.retries.to_string(),
        percent(meter).map_or_else(String::new, |percent| format!("{percent}%")),
        time(meter.last_contact_ms),
        meter.last_error.clone(),
    ];
    let json = json!({
        "id": meter.id, "eui64": meter.eui64, "short_address": meter.short_address, "state": state,
        "last_reading_time_ms": meter.last_reading_time_ms, "last_success_ms": meter.last_success_ms,
        "last_error": meter.last_error, "missing_periods": meter.missing_periods,
        "link_quality": meter.link_quality, "hops": meter.hops, "seen_ms": meter.seen_ms, "joined_ms": meter.joined_ms,
        "associated_ms": meter.associated_ms, "last_contact_ms": meter.last_contact_ms, "available_percent": percent(meter),
        "availability": meter.availability.iter().map(|hour| json!({
            "from_ms": hour.from_ms, "succeeded": hour.succeeded, "failed": hour.failed,
        })).collect::<Vec<_>>(),
        "counters": {
            "datagrams_sent": counters.datagrams_sent, "datagrams_received": counters.datagrams_received,
            "retries": counters.retries, "sessions_succeeded": counters.sessions_succeeded,
            "sessions_failed": counters.sessions_failed, "security_failures": counters.security_failures,
        },
    });
    Row { cells, json }
}

/// Sessions of the last day that ended well, in percent; `None` when it was not asked.
fn percent(meter: &v1::Meter) -> Option<u64> {
    let sum = |count: fn(&v1::HourAvailability) -> u32| {
        meter.availability.iter().map(count).map(u64::from).sum::<u64>()
    };
    let (good, bad) = (sum(|hour| hour.succeeded), sum(|hour| hour.failed));
    (good * 100).checked_div(good + bad)
}

/// How well off a meter is; the smallest needs somebody most.
pub(super) fn worth(meter: &v1::Meter) -> (bool, u64, i64) {
    let joined = matches!(meter.state(), v1::MeterState::Joined | v1::MeterState::Reading);
    (joined, percent(meter).unwrap_or(0), meter.last_reading_time_ms.unwrap_or(0))
}

pub(super) const JOB: &[Column] = &[
    ("JOB", 4),
    ("WHAT", -24),
    ("STATE", -17),
    ("METERS", 6),
    ("DONE", 5),
    ("FAILED", 6),
    ("ASKED BY", -14),
    ("APPROVED BY", -14),
    ("UNTIL", -20),
    ("NOTE", -10),
];

pub(super) fn job(job: &v1::Job) -> Row {
    let (kind, state) =
        (word(job.kind().as_str_name(), "JOB_KIND_"), word(job.state().as_str_name(), "JOB_STATE_"));
    let what = match job.kind() {
        v1::JobKind::Limit => format!("{kind} {} W", job.limit_w),
        v1::JobKind::Firmware => format!("{kind} {:.15}", job.image_identifier),
        v1::JobKind::Rekey => String::from("re-key"),
        _ => kind.clone(),
    };
    let cells = vec![
        job.id.to_string(),
        what,
        state.clone(),
        job.meters.to_string(),
        job.done.to_string(),
        job.failed.to_string(),
        job.asked_by.clone(),
        job.approved_by.clone(),
        time(Some(job.until_ms)),
        job.note.clone(),
    ];
    let json = json!({
        "id": job.id, "key": job.key, "kind": kind, "limit_w": job.limit_w, "state": state, "note": job.note,
        "asked_by": job.asked_by, "approved_by": job.approved_by, "created_ms": job.created_ms, "until_ms": job.until_ms,
        "meters": job.meters, "waiting": job.waiting, "sent": job.sent, "done": job.done, "failed": job.failed,
        "image_sha256": job.image_sha256, "image_identifier": job.image_identifier, "activate_from_ms": job.activate_from_ms,
    });
    Row { cells, json }
}

pub(super) const JOB_ITEM: &[Column] = &[("METER", -16), ("STATE", -8), ("SINCE", -20), ("HOW", -10)];

pub(super) fn job_item(item: &v1::JobItem) -> Row {
    let state = word(item.state().as_str_name(), "ITEM_STATE_");
    let cells = vec![item.meter_id.clone(), state.clone(), time(Some(item.time_ms)), item.text.clone()];
    let json = json!({
        "meter_id": item.meter_id, "state": state, "time_ms": item.time_ms, "text": item.text,
        "blocks_done": item.blocks_done, "blocks": item.blocks, "firmware_before": item.firmware_before,
    });
    Row { cells, json }
}

pub(super) const PREVIEW: &[Column] = &[("METERS", 6), ("FIRST", 5), ("APPROVAL", -8), ("WHICH", -10)];

pub(super) fn preview(told: &v1::PreviewJobResponse) -> Row {
    let approval = if told.needs_approval { "needed" } else { "none" };
    let (meters, canary) = (told.meter_ids.len().to_string(), told.canary.to_string());
    let cells = vec![meters, canary, approval.to_owned(), told.meter_ids.join(" ")];
    let json =
        json!({"meter_ids": told.meter_ids, "canary": told.canary, "needs_approval": told.needs_approval});
    Row { cells, json }
}

pub(super) const AUDIT: &[Column] =
    &[("ENTRY", 6), ("TIME", -20), ("WHO", -16), ("ROLE", -13), ("WHAT", -9), ("DETAIL", -10)];

pub(super) fn audit(entry: &Entry) -> Row {
    let Entry { sequence, time: at, who, role, what, detail } = entry;
    let texts = [who, role, what, detail].map(Clone::clone);
    let cells = [sequence.to_string(), time(Some(at.as_millis()))].into_iter().chain(texts).collect();
    let json = json!({
        "sequence": sequence, "time_ms": at.as_millis(), "who": who, "role": role, "what": what, "detail": detail,
    });
    Row { cells, json }
}

pub(super) const CACHE: &[Column] =
    &[("OLDEST", 10), ("NEWEST", 10), ("EVENTS", 10), ("UNDELIVERED", 11), ("OCTETS", 12)];

pub(super) fn cache(told: &v1::ShowCacheResponse) -> Row {
    let numbers = [told.oldest_cursor, told.newest_cursor, told.newest_event, told.undelivered, told.octets];
    let json = json!({
        "oldest_cursor": told.oldest_cursor, "newest_cursor": told.newest_cursor, "newest_event": told.newest_event,
        "undelivered": told.undelivered, "octets": told.octets,
    });
    Row { cells: numbers.iter().map(ToString::to_string).collect(), json }
}

pub(super) const BACKHAUL: &[Column] = &[
    ("LINK", -6),
    ("READINGS", 10),
    ("EVENTS", 10),
    ("VALUES", 10),
    ("UNDELIVERED", 11),
    ("OF VALUES", 10),
    ("FAULT", -10),
];

pub(super) fn backhaul(told: &v1::ShowBackhaulResponse) -> Row {
    let link = if told.linked { "up" } else { "down" };
    let through = [told.readings_through, told.events_through, told.values_through];
    let numbers = through.into_iter().chain([told.undelivered, told.undelivered_values]);
    let numbers = numbers.map(|number| number.to_string());
    let cells = [link.to_owned()].into_iter().chain(numbers).chain([told.fault.clone()]).collect();
    let json = json!({
        "linked": told.linked, "readings_through": told.readings_through, "events_through": told.events_through,
        "undelivered": told.undelivered, "fault": told.fault, "values_through": told.values_through,
        "undelivered_values": told.undelivered_values, "takes_values": told.takes_values,
    });
    Row { cells, json }
}

pub(super) const READING: &[Column] = &[
    ("CURSOR", 8),
    ("CAPTURED", -20),
    ("METER", -12),
    ("OBIS", -16),
    ("VALUE", 14),
    ("UNIT", -5),
    ("STATUS", -6),
];

pub(super) fn reading(reading: &v1::Reading) -> Row {
    let cells = vec![
        reading.cursor.to_string(),
        time(Some(reading.capture_time_ms)),
        reading.meter_id.clone(),
        reading.obis.clone(),
        scaled(reading.value, reading.scaler),
        unit(reading.unit),
        if reading.status == 0 { String::new() } else { format!("{:#x}", reading.status) },
    ];
    let json = json!({
        "cursor": reading.cursor, "meter_id": reading.meter_id, "eui64": reading.eui64, "obis": reading.obis,
        "capture_time_ms": reading.capture_time_ms, "value": reading.value, "scaler": reading.scaler,
        "unit": reading.unit, "status": reading.status, "received_ms": reading.received_ms,
    });
    Row { cells, json }
}

pub(super) const QUANTITY: &[Column] =
    &[("QUANTITY", -30), ("VALUE", 14), ("UNIT", -5), ("CAPTURED", -20), ("OBIS", -16), ("STATUS", -6)];

pub(super) fn quantity_row(reading: &v1::Reading) -> Row {
    let words = quantity(&reading.obis);
    let cells = vec![
        words.clone().unwrap_or_else(|| reading.obis.clone()),
        scaled(reading.value, reading.scaler),
        unit(reading.unit),
        time(Some(reading.capture_time_ms)),
        reading.obis.clone(),
        if reading.status == 0 { String::new() } else { format!("{:#x}", reading.status) },
    ];
    let json = json!({
        "quantity": words, "meter_id": reading.meter_id, "obis": reading.obis, "value": reading.value,
        "scaler": reading.scaler, "unit": reading.unit, "capture_time_ms": reading.capture_time_ms,
        "status": reading.status,
    });
    Row { cells, json }
}

pub(super) const NODE: &[Column] = &[
    ("ADDR", -4),
    ("EUI64", -16),
    ("METER", -12),
    ("STATE", -11),
    ("PARENT", -6),
    ("HOPS", 4),
    ("LQI", 3),
    ("LAST HEARD", -20),
];

pub(super) fn node(node: &v1::Node) -> Row {
    let state = word(node.state().as_str_name(), "NODE_STATE_");
    let cells = vec![
        address(node.short_address),
        node.eui64.clone(),
        node.meter_id.clone(),
        state.clone(),
        address(node.parent_short_address),
        number(node.hops),
        number(node.link_quality),
        time(node.last_heard_ms),
    ];
    let json = json!({
        "eui64": node.eui64, "meter_id": node.meter_id, "short_address": node.short_address,
        "parent_short_address": node.parent_short_address, "hops": node.hops,
        "link_quality": node.link_quality, "last_heard_ms": node.last_heard_ms, "state": state,
    });
    Row { cells, json }
}

pub(super) const LEDGER: &[Column] =
    &[("METER", -16), ("FROM", -20), ("TO", -20), ("INTERVALS", 9), ("STATE", -12), ("REASON", -9)];

pub(super) fn ledger(line: &v1::LedgerLine) -> Row {
    let state = word(line.state().as_str_name(), "INTERVAL_STATE_");
    let cells = vec![
        line.meter_id.clone(),
        time(Some(line.from_ms)),
        time(Some(line.to_ms)),
        line.intervals.to_string(),
        state.clone(),
        line.reason.clone(),
    ];
    let json = json!({
        "meter_id": line.meter_id, "from_ms": line.from_ms, "to_ms": line.to_ms, "intervals": line.intervals,
        "state": state, "reason": line.reason,
    });
    Row { cells, json }
}

pub(super) const fn digest_columns(of: Digested) -> &'static [Column] {
    match of {
        Digested::Readings => &[("EUI64", -16), ("FROM", -20), ("READINGS", 8), ("DIGEST", -32)],
        Digested::Values => &[("EUI64", -16), ("FROM", -20), ("VALUES", 8), ("DIGEST", -32)],
    }
}

pub(super) fn digest(of: Digested, bucket_ms: u64, digest: &v1::RangeDigest) -> Row {
    let mut sum = String::new();
    digest.sum.iter().for_each(|octet| {
        let _ = write!(sum, "{octet:02x}");
    });
    let eui64 = format!("{:016x}", digest.eui64);
    let cells = vec![eui64.clone(), time(Some(digest.from_ms)), digest.count.to_string(), sum.clone()];
    let json = json!({
        "of": of.as_str(), "eui64": eui64, "from_ms": digest.from_ms, "bucket_ms": bucket_ms, "count": digest.count, "sum": sum,
    });
    Row { cells, json }
}

pub(super) const EVENT: &[Column] =
    &[("CURSOR", 8), ("TIME", -20), ("KIND", -17), ("METER", -12), ("TEXT", -4)];

pub(super) fn event(event: &v1::Event) -> Row {
    let cells = vec![
        event.cursor.to_string(),
        time(Some(event.time_ms)),
        event.kind.clone(),
        event.meter_id.clone(),
        event.text.clone(),
    ];
    let json = json!({
        "cursor": event.cursor, "time_ms": event.time_ms, "kind": event.kind, "meter_id": event.meter_id,
        "text": event.text,
    });
    Row { cells, json }
}

pub(super) const EXPLANATION: &[Column] =
    &[("METER", -12), ("EUI64", -16), ("VERDICT", -20), ("WHY", -50), ("ADVICE", -6)];

pub(super) fn explanation_row(told: &v1::ExplainResponse) -> Row {
    let cells = vec![
        told.meter_id.clone(),
        told.eui64.clone(),
        told.verdict.clone(),
        told.summary.clone(),
        told.advice.clone(),
    ];
    Row { cells, json: explanation_json(told) }
}

fn explanation_json(told: &v1::ExplainResponse) -> Value {
    let finding = |finding: &v1::Finding| json!({ "time_ms": finding.time_ms, "text": finding.text });
    json!({
        "meter_id": told.meter_id, "eui64": told.eui64, "verdict": told.verdict, "good": told.good,
        "summary": told.summary, "advice": told.advice,
        "findings": told.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// One meter, with the chain.
pub(super) fn explanation(told: &v1::ExplainResponse, as_json: bool) -> String {
    if as_json {
        return format!("{}\n", explanation_json(told));
    }
    let mut text = format!("{} ({}): {}\n\n", told.meter_id, told.eui64, told.summary);
    for finding in &told.findings {
        let _ = writeln!(text, "{:<20}  {}", time(finding.time_ms), plain(&finding.text));
    }
    text + &format!("\nverdict  {}\nadvice   {}\n", told.verdict, told.advice)
}

pub(super) fn status(status: &v1::StatusResponse, as_json: bool) -> String {
    let clock = word(status.clock().as_str_name(), "CLOCK_");
    if as_json {
        let counters: serde_json::Map<_, _> =
            status.counters.iter().map(|counter| (counter.name.clone(), counter.value.into())).collect();
        let json = json!({
            "version": status.version, "clock": clock, "now_ms": status.now_ms, "started_ms": status.started_ms,
            "uptime_ms": status.uptime_ms, "pan_id": status.pan_id, "expected": status.expected,
            "joined": status.joined, "newest_cursor": status.newest_cursor, "fault": status.fault,
            "impairments": status.impairments, "counters": counters,
        });
        return format!("{json}\n");
    }
    let fault = if status.fault.is_empty() { String::from("none") } else { plain(&status.fault) };
    let mut text = format!(
        "version   {}\ntime      {} ({clock})\nuptime    {} s\npan       {}\nmeters    {} of {} joined\n\
         readings  newest cursor {}\nfault     {fault}\n",
        status.version,
        time(Some(status.now_ms)),
        status.uptime_ms / 1000,
        address(status.pan_id),
        status.joined,
        status.expected,
        status.newest_cursor,
    );
    for impairment in &status.impairments {
        let _ = writeln!(text, "impaired  {}", plain(impairment));
    }
    for counter in &status.counters {
        let _ = writeln!(text, "{:<40} {:>12}", counter.name, counter.value);
    }
    text
}

/// The value times ten to the power of `scaler`, exactly.
fn scaled(value: i64, scaler: i32) -> String {
    let (sign, digits) = (if value < 0 { "-" } else { "" }, value.unsigned_abs().to_string());
    let places = usize::try_from(scaler.unsigned_abs()).unwrap_or(0).min(128);
    match scaler {
        0 => format!("{sign}{digits}"),
        1.. if value == 0 => digits,
        1.. => format!("{sign}{digits}{}", "0".repeat(places)),
        _ => {
            let padded = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(padded.len() - places);
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// Units of DLMS/COSEM that a meter of electricity uses [Blue Book, enumeration unit]; others by number.
fn unit(code: u32) -> String {
    let symbol = match code {
        7 => "s",
        9 => "°C",
        27 => "W",
        28 => "VA",
        29 => "var",
        30 => "Wh",
        31 => "VAh",
        32 => "varh",
        33 => "A",
        35 => "V",
        44 => "Hz",
        56 => "%",
        8 => "°",
        255 => "",
        other => return format!("u{other}"),
    };
    symbol.to_owned()
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', "-")
}

pub(super) fn time(millis: Option<i64>) -> String {
    millis.map_or_else(|| String::from("-"), |millis| Utc::from_millis(millis).to_string())
}

pub(super) fn address(address: Option<u32>) -> String {
    address.map_or_else(|| String::from("-"), |address| format!("{address:04x}"))
}

fn number(number: Option<u32>) -> String {
    number.map_or_else(|| String::from("-"), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_scaled_without_rounding() {
        for (value, scaler, expected) in [
            (12345, 0, "12345"),
            (12345, -1, "1234.5"),
            (5, -3, "0.005"),
            (-5, -1, "-0.5"),
            (7, 3, "7000"),
            (0, 2, "0"),
            (i64::MIN, -2, "-92233720368547758.08"),
        ] {
            assert_eq!(scaled(value, scaler), expected);
        }
    }
}
