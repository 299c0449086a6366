//! What is known, in the messages of the interface.

use crate::availability::Hour;
use crate::live::{ClockKind, Live, MeterState, MeterStatus, Node, NodeState};
use crate::store::{StoredEvent, StoredReading};
use concentrator_proto::v1;
use plc_core::{Eui64, Utc};

/// A logical name as A-B:C.D.E*F.
pub fn obis(logical_name: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = logical_name;
    format!("{a}-{b}:{c}.{d}.{e}*{f}")
}

pub(super) fn reading(live: &Live, stored: &StoredReading) -> v1::Reading {
    let reading = &stored.reading;
    v1::Reading {
        cursor: stored.cursor.0,
        meter_id: live.meter_id(reading.meter),
        eui64: reading.meter.to_string(),
        obis: obis(reading.logical_name),
        capture_time_ms: reading.capture.as_millis(),
        value: reading.value,
        scaler: reading.scaler.into(),
        unit: reading.unit.into(),
        status: reading.status,
        received_ms: reading.received.as_millis(),
    }
}

pub(super) fn event(live: &Live, stored: StoredEvent) -> v1::Event {
    v1::Event {
        cursor: stored.cursor.0,
        time_ms: stored.event.time.as_millis(),
        kind: stored.event.kind.as_str().to_owned(),
        meter_id: stored.event.meter.map(|meter| live.meter_id(meter)).unwrap_or_default(),
        text: stored.event.text,
    }
}

pub(super) fn meter(now: Utc, eui64: Eui64, status: &MeterStatus) -> v1::Meter {
    let counters = &status.counters;
    v1::Meter {
        id: status.id.clone(),
        eui64: eui64.to_string(),
        short_address: status.short_address.map(|short| short.0.into()),
        state: meter_state(status.state).into(),
        last_reading_time_ms: status.last_reading.map(Utc::as_millis),
        last_success_ms: status.last_success.map(Utc::as_millis),
        last_error: status.last_error.clone(),
        missing_periods: status.missing_periods,
        link_quality: status.link_quality.map(u32::from),
        hops: status.hops.map(u32::from),
        counters: Some(v1::MeterCounters {
            datagrams_sent: counters.datagrams_sent,
            datagrams_received: counters.datagrams_received,
            retries: counters.retries,
            sessions_succeeded: counters.sessions_succeeded,
            sessions_failed: counters.sessions_failed,
            security_failures: counters.security_failures,
        }),
        seen_ms: status.seen.map(Utc::as_millis),
        joined_ms: status.joined.map(Utc::as_millis),
        associated_ms: status.associated.map(Utc::as_millis),
        last_contact_ms: status.last_contact.map(Utc::as_millis),
        availability: status.availability.hours(now).map(hour).collect(),
    }
}

fn hour(hour: Hour) -> v1::HourAvailability {
    let Hour { from, succeeded, failed } = hour;
    v1::HourAvailability { from_ms: from.as_millis(), succeeded, failed }
}

pub(super) fn node(live: &Live, node: &Node) -> v1::Node {
    let coordinator = node.state == NodeState::Coordinator;
    v1::Node {
        eui64: node.eui64.to_string(),
        meter_id: if coordinator { String::new() } else { live.meter_id(node.eui64) },
        short_address: node.short_address.map(|short| short.0.into()),
        parent_short_address: node.parent.map(|short| short.0.into()),
        hops: node.hops.map(u32::from),
        link_quality: node.link_quality.map(u32::from),
        last_heard_ms: node.last_heard.map(Utc::as_millis),
        state: node_state(node.state).into(),
        age_ms: node.last_heard.map(|heard| age(live.now(), heard)),
    }
}

pub(super) fn status(live: &Live) -> v1::StatusResponse {
    let now = live.now();
    let status = live.status().borrow().clone();
    let (expected, joined) = count(live);
    v1::StatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        clock: clock(live.clock()).into(),
        now_ms: now.as_millis(),
        started_ms: live.started().as_millis(),
        uptime_ms: u64::try_from(live.uptime().as_millis()).unwrap_or(u64::MAX),
        pan_id: status.pan_id.map(|pan_id| pan_id.0.into()),
        expected,
        joined,
        newest_cursor: live.newest().borrow().0,
        impairments: live.impairments(),
        fault: status.fault,
        counters: status.counters.into_iter().map(|(name, value)| v1::Counter { name, value }).collect(),
    }
}

/// Why a meter is read or is not.
pub(super) fn explanation(live: &Live, explanation: collector::Explanation) -> v1::ExplainResponse {
    let verdict = explanation.verdict;
    let summary = match verdict {
        collector::Verdict::RelaySilent { relay } => {
            format!("its frames are passed on by the meter {}, which does not answer", live.meter_id(relay))
        }
        other => other.to_string(),
    };
    let finding = |finding: collector::Finding| v1::Finding {
        time_ms: finding.at.map(Utc::as_millis),
        text: finding.text,
    };
    v1::ExplainResponse {
        meter_id: live.meter_id(explanation.meter),
        eui64: explanation.meter.to_string(),
        verdict: verdict.name().to_owned(),
        good: verdict.is_good(),
        summary,
        advice: verdict.advice().to_owned(),
        findings: explanation.chain.into_iter().map(finding).collect(),
    }
}

/// Milliseconds since; 0 for what is ahead of its time.
fn age(now: Utc, heard: Utc) -> u64 {
    u64::try_from(now.as_millis().saturating_sub(heard.as_millis())).unwrap_or(0)
}

/// Meters expected, and of those in the network.
fn count(live: &Live) -> (u32, u32) {
    let meters = live.meters();
    let meters = meters.borrow();
    let joined =
        meters.values().filter(|meter| matches!(meter.state, MeterState::Joined | MeterState::Reading));
    (u32::try_from(meters.len()).unwrap_or(u32::MAX), u32::try_from(joined.count()).unwrap_or(u32::MAX))
}

const fn clock(kind: ClockKind) -> v1::Clock {
    match kind {
        ClockKind::Real => v1::Clock::Real,
        ClockKind::Simulated => v1::Clock::Simulated,
    }
}

const fn meter_state(state: MeterState) -> v1::MeterState {
    match state {
        MeterState::Expected => v1::MeterState::Expected,
        MeterState::Joining => v1::MeterState::Joining,
        MeterState::Joined => v1::MeterState::Joined,
        MeterState::Reading => v1::MeterState::Reading,
        MeterState::Lost => v1::MeterState::Lost,
        MeterState::Refused => v1::MeterState::Refused,
    }
}

const fn node_state(state: NodeState) -> v1::NodeState {
    match state {
        NodeState::Coordinator => v1::NodeState::Coordinator,
        NodeState::Joining => v1::NodeState::Joining,
        NodeState::Joined => v1::NodeState::Joined,
        NodeState::Lost => v1::NodeState::Lost,
    }
}
