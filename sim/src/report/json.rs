//! The report for programs.

use super::Report;
use crate::grid::Extreme;
use collector::Supply;
use serde_json::{Value, json};

impl Report {
    /// The report as JSON, its keys in alphabetical order.
    pub fn json(&self) -> String {
        format!("{:#}\n", self.value())
    }

    fn value(&self) -> Value {
        let said = |what| self.record.supplies.iter().filter(|(_, supply, _)| *supply == what).count();
        json!({
            "name": self.name,
            "about": self.about,
            "seed": self.seed,
            "band": self.band,
            "start": self.start.to_string(),
            "duration_s": self.duration.as_secs_f64(),
            "feeders": self.feeders,
            "links": self.links,
            "joined": self.joined(),
            "join_times_s": rounded(&self.join_times_s()),
            "hops": self.hop_histogram(),
            "hop_changes": self.record.hop_changes,
            "left": self.record.leaves.len(),
            "refused": self.record.refused,
            "rogue_frames": self.record.rogue_frames,
            "loops": { "seen": self.record.loops, "longest_s": self.record.longest_loop.as_secs() },
            "air": self.air_value(),
            "nodes": figures(&self.nodes),
            "concentrator": figures(&self.concentrator),
            "captures": { "due": self.captures.0, "held": self.captures.1, "share": self.success() },
            "sessions": { "good": self.record.sessions.0, "failed": self.record.sessions.1, "reasons": self.record.failures },
            "clock_deviations": self.record.clock_deviations,
            "supply_losses": self.record.losses,
            "supply_lost": said(Supply::Lost),
            "supply_back": said(Supply::Back),
            "clocks_set": self.record.clocks_set,
            "captures_lost": self.record.captures_lost,
            "first_reading_s": self.first_reading_s,
            "mains": self.mains_value(),
            "periods": self.periods.iter().map(|period| json!({
                "capture": period.capture.to_string(),
                "read": period.read.0,
                "half_s": period.seconds.map(|seconds| seconds.0),
                "all_s": period.seconds.map(|seconds| seconds.1),
                "frames": period.line.frames,
                "retries": period.line.retries,
                "airtime_s": period.line.airtime.as_secs_f64(),
                "busy_s": period.line.busy.as_secs_f64(),
                "collisions": period.line.collisions,
                "collided": period.line.collided,
            })).collect::<Vec<_>>(),
            "meters": self.meters_value(),
            "worst_clock_ms": self.record.worst_clock.map(|(_, ahead_ms, _)| ahead_ms),
            "node_octets": self.node_octets,
            "coordinator_octets": self.coordinator_octets,
            "violations": { "count": self.record.violation_count, "first": self.record.violations },
        })
    }

    fn meters_value(&self) -> Vec<Value> {
        self.meters
            .iter()
            .map(|meter| {
                json!({
                    "id": meter.id,
                    "feeder": meter.feeder,
                    "phase": meter.phase,
                    "position_m": [meter.position.0, meter.position.1],
                    "snr_db": meter.snr_db.map(one_digit),
                    "join_s": rounded(&meter.join_s),
                    "hops": meter.hops,
                    "parent": meter.parent,
                    "captures": meter.captures,
                    "node": figures(&meter.node),
                })
            })
            .collect()
    }

    fn mains_value(&self) -> Value {
        let mains = &self.mains;
        let extreme = |of: &Option<Extreme>| {
            of.map(|Extreme { value, meter, at }| {
                let id = self.meters.get(meter).map(|meter| meter.id.as_str());
                json!({ "value": (value * 1e4).round() / 1e4, "meter": id, "at": at.to_string() })
            })
        };
        let quantiles = [0.01, 0.05, 0.5, 0.95, 0.99].map(|share| mains.quantile(share).map(one_digit));
        json!({
            "lowest_v": extreme(&mains.lowest),
            "highest_v": extreme(&mains.highest),
            "unbalance_percent": extreme(&mains.unbalance),
            "distortion_percent": extreme(&mains.distortion),
            "quantiles_v": quantiles,
            "supplied_kwh": rounded(&[mains.supplied_kwh])[0],
            "lost_kwh": rounded(&[mains.lost_kwh])[0],
            "minutes": mains.minutes,
            "minutes_unsolved": mains.unsolved,
        })
    }

    fn air_value(&self) -> Value {
        let air = &self.air;
        json!({
            "frames": air.frames,
            "acks": air.acks,
            "airtime_s": air.airtime.as_secs_f64(),
            "busy_s": air.busy.as_secs_f64(),
            "received": air.received,
            "headers_lost": air.headers_lost,
            "payloads_lost": air.payloads_lost,
            "collisions": air.collisions,
            "collided": air.collided,
            "kinds": air.kinds.iter().map(|(kind, frames, time)| (kind.name().to_owned(), json!({
                "frames": frames,
                "airtime_s": time.as_secs_f64(),
            }))).collect::<serde_json::Map<_, _>>(),
        })
    }
}

fn figures(node: &crate::world::NodeFigures) -> Value {
    json!({
        "frames": node.frames,
        "retries": node.retries,
        "acks": node.acks,
        "no_ack": node.no_ack,
        "channel_failures": node.channel_failures,
        "forwarded": node.forwarded,
        "replayed": node.replayed,
        "security": node.security,
        "adp_drops": node.adp_drops,
        "airtime_s": node.airtime.as_secs_f64(),
    })
}

fn rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| (value * 1e3).round() / 1e3).collect()
}

fn one_digit(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
