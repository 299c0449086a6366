//! Signal against noise and other frames.

use super::air::FlightId;
use super::traffic::{Interval, Traffic, gain};
use super::{Curve, ErrorTable, Quality, effective_db};
use channel::gauss::{Words, ziggurat};
use heapless::Vec as Bounded;
use plc_core::sap::{GROUPS_MAX, Lqi, PhaseDifference};

/// Room for a computation.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    parts: Vec<(f64, f64)>,
    bounds: Vec<u64>,
    others: Vec<(u64, u64, FlightId)>,
}

/// The share of frames that is lost, and whether another frame has to do with it.
pub(super) struct Loss {
    pub(super) share: f64,
    pub(super) interfered: bool,
}

/// The share that `curves` (two, and the weight of the second) foretell for a frame at a receiver: by the effective ratio over an interval
/// and the groups in `map`.
///
/// The interval is cut where another frame begins or ends; within a cut all frames that the receiver hears add their power to the noise.
/// The cuts are weighed by their length, as the interleaver spreads each part of the frame over its whole length.
pub(super) fn loss(
    traffic: &Traffic,
    scratch: &mut Scratch,
    (id, to): (FlightId, u32),
    interval: Interval,
    map: u32,
    (short, long, weight): (&Curve, &Curve, f64),
) -> Loss {
    let interfered = cut(traffic, scratch, id, to, interval);
    fill(traffic, scratch, id, to, map);
    let floor = short.floor + weight * (long.floor - short.floor);
    let clear = short.clear_ratio().max(long.clear_ratio());
    if scratch.parts.iter().all(|part| part.1 >= clear) && !scratch.parts.is_empty() {
        return Loss { share: floor, interfered };
    }
    let beta = short.beta + weight * (long.beta - short.beta);
    let db = effective_db(beta, scratch.parts.iter().copied()).unwrap_or(f64::NEG_INFINITY);
    let of = |curve: &Curve| curve.loss(db - curve.impulse_db).max(curve.floor);
    Loss { share: of(short) + weight * (of(long) - of(short)), interfered }
}

/// The mean ratio of each group in dB, as the receiver would find it.
pub(super) fn by_group(
    traffic: &Traffic,
    scratch: &mut Scratch,
    (id, to): (FlightId, u32),
    interval: Interval,
) -> Vec<f64> {
    cut(traffic, scratch, id, to, interval);
    fill(traffic, scratch, id, to, u32::MAX);
    let groups = traffic.links.groups();
    let mut ratios = vec![(0.0, 0.0); groups];
    for (n, (weight, ratio)) in scratch.parts.iter().enumerate() {
        // Means of noise: a receiver averages that, not the ratio.
        let (sum, weights) = &mut ratios[n % groups];
        *sum += weight / ratio.max(1e-9);
        *weights += weight;
    }
    ratios.iter().map(|(sum, weights)| -10.0 * (sum / weights).log10()).collect()
}

/// Finds the other frames that `to` hears and where they begin and end.
fn cut(traffic: &Traffic, scratch: &mut Scratch, id: FlightId, to: u32, interval: Interval) -> bool {
    let Scratch { bounds, others, .. } = scratch;
    bounds.clear();
    others.clear();
    bounds.extend([interval.from.as_nanos(), interval.to.as_nanos()]);
    for &other in &traffic.flight(id).beside {
        let flight = traffic.flight(other);
        let shared =
            interval.shared(&flight.frame).filter(|_| traffic.links.between(flight.from, to).is_some());
        if let Some(shared) = shared {
            let (from, to) = (shared.from.as_nanos(), shared.to.as_nanos());
            bounds.extend([from, to]);
            others.push((from, to, other));
        }
    }
    bounds.sort_unstable();
    bounds.dedup();
    !others.is_empty()
}

fn fill(traffic: &Traffic, scratch: &mut Scratch, id: FlightId, to: u32, map: u32) {
    let Scratch { parts, bounds, others } = scratch;
    parts.clear();
    let flight = traffic.flight(id);
    let Some(link) = traffic.links.between(flight.from, to) else { return };
    let groups = traffic.links.groups();
    for cut in bounds.windows(2) {
        let mut against = [0.0; GROUPS_MAX];
        against[..groups].copy_from_slice(traffic.noise(to));
        for &(_, _, other) in others.iter().filter(|other| other.0 <= cut[0] && cut[1] <= other.1) {
            let other = traffic.flight(other);
            let Some(link) = traffic.links.between(other.from, to) else { continue };
            for (group, (against, level)) in against.iter_mut().zip(link.ratios).enumerate() {
                *against += level * gain(&other.frame, group) as f32;
            }
        }
        let weight = (cut[1] - cut[0]) as f64;
        for (group, (&level, against)) in link.ratios.iter().zip(against).enumerate() {
            if map >> group & 1 == 1 {
                parts.push((weight, f64::from(level) * gain(&flight.frame, group) / f64::from(against)));
            }
        }
    }
}

/// Range of what a receiver reports, dB.
const REPORTED_DB: (f64, f64) = (-10.0, 60.0);

/// What a receiver reports of a frame that it hears with the ratios `groups` (dB), of which those in `map` carry data: with the error
/// that the real one makes.
pub(super) fn report(table: &ErrorTable, groups: &[f64], map: u32, phase: u8, words: &mut Words) -> Quality {
    let mut active = (0.0, 0.0);
    let mut group_lqi = Bounded::new();
    let common = f64::from(words.gaussian(ziggurat()));
    for (group, &db) in groups.iter().enumerate() {
        let db = db.clamp(REPORTED_DB.0, REPORTED_DB.1);
        let (_, (bias, deviation)) = table.lqi_error(db);
        let reported = db + bias + deviation * f64::from(words.gaussian(ziggurat()));
        // Bands have at most 24 groups.
        _ = group_lqi.push(Lqi::from_snr_db(reported as f32));
        if map >> group & 1 == 1 {
            active = (active.0 + db, active.1 + 1.0);
        }
    }
    let mean = active.0 / f64::max(active.1, 1.0);
    let ((bias, deviation), _) = table.lqi_error(mean);
    let lqi = Lqi::from_snr_db((mean + bias + deviation * common) as f32);
    Quality { lqi, group_lqi, phase_difference: PhaseDifference(phase) }
}
