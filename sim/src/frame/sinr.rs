//! Signal against noise and other frames.

use super::air::FlightId;
use super::solo::Solos;
use super::traffic::{Interval, Traffic};
use super::{Curve, ErrorTable, Links, Quality, effective_db};
use channel::gauss::{Words, ziggurat};
use heapless::Vec as Bounded;
use plc_core::sap::{GROUPS_MAX, Lqi, PhaseDifference};

/// Room for a computation.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    parts: Vec<(f64, f64)>,
    bounds: Vec<u64>,
    others: Vec<Other>,
    solos: Solos,
}

/// Another frame that a receiver hears meanwhile.
#[derive(Clone, Copy, Debug)]
struct Other {
    from: u64,
    to: u64,
    id: FlightId,
    place: u32,
}

/// A frame at a receiver, and the place of the link between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reception {
    pub(super) id: FlightId,
    pub(super) to: u32,
    pub(super) place: u32,
}

/// The part of a frame that may be lost.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    /// The preamble.
    Preamble,
    /// The header.
    Header,
    /// A payload in the groups `map`, with two curves and the weight of the second.
    Payload { map: u32, curves: (&'a Curve, &'a Curve, f64) },
}

/// The share of frames that is lost, and whether another frame has to do with it.
pub(super) struct Loss {
    pub(super) share: f64,
    pub(super) interfered: bool,
}

impl Scratch {
    pub(super) fn new(links: &Links, receivers: usize) -> Self {
        Self { solos: Solos::new(links, receivers), ..Self::default() }
    }

    /// The noise at a receiver is another from now on.
    pub(super) fn on_noise(&mut self, receiver: u32) {
        self.solos.on_noise(receiver);
    }
}

/// The share that the curves of `part` foretell for a frame at a receiver: by the effective ratio over an interval.
///
/// The interval is cut where another frame begins or ends; within a cut all frames that the receiver hears add their power to the noise.
/// The cuts are weighed by their length, as the interleaver spreads each part of the frame over its whole length.
pub(super) fn loss(
    traffic: &Traffic,
    table: &ErrorTable,
    scratch: &mut Scratch,
    at: Reception,
    interval: Interval,
    part: Part<'_>,
) -> Loss {
    let interfered = cut(traffic, scratch, at, interval);
    if !interfered && traffic.flight(at.id).full_level {
        let (solo, _) = scratch.solos.of(traffic, table, at.place, at.to);
        let known = match part {
            Part::Preamble => Some(solo.preamble),
            Part::Header => Some(solo.header),
            Part::Payload { curves, .. } => (solo.worst >= clear_ratio(curves)).then(|| floor(curves)),
        };
        if let Some(share) = known {
            return Loss { share, interfered };
        }
    }
    let (map, curves) = match part {
        Part::Preamble => (u32::MAX, (&table.preamble, &table.preamble, 0.0)),
        Part::Header => (u32::MAX, (&table.header, &table.header, 0.0)),
        Part::Payload { map, curves } => (map, curves),
    };
    fill(traffic, scratch, at, map);
    Loss { share: share(&scratch.parts, curves), interfered }
}

/// The share that is lost where the parts of a frame (weight, linear ratio) are these.
pub(super) fn share(parts: &[(f64, f64)], curves: (&Curve, &Curve, f64)) -> f64 {
    let (short, long, weight) = curves;
    let clear = clear_ratio(curves);
    if parts.iter().all(|part| part.1 >= clear) && !parts.is_empty() {
        return floor(curves);
    }
    let beta = short.beta + weight * (long.beta - short.beta);
    let db = effective_db(beta, parts.iter().copied()).unwrap_or(f64::NEG_INFINITY);
    let of = |curve: &Curve| curve.loss(db - curve.impulse_db).max(curve.floor);
    if weight == 0.0 { of(short) } else { of(short) + weight * (of(long) - of(short)) }
}

fn floor((short, long, weight): (&Curve, &Curve, f64)) -> f64 {
    short.floor + weight * (long.floor - short.floor)
}

fn clear_ratio((short, long, _): (&Curve, &Curve, f64)) -> f64 {
    short.clear_ratio().max(long.clear_ratio())
}

/// The mean ratio of each group in dB, as the receiver would find it, into `db`.
pub(super) fn by_group(
    traffic: &Traffic,
    table: &ErrorTable,
    scratch: &mut Scratch,
    at: Reception,
    interval: Interval,
    db: &mut Bounded<f64, GROUPS_MAX>,
) {
    db.clear();
    if !cut(traffic, scratch, at, interval) && traffic.flight(at.id).full_level {
        let (_, known) = scratch.solos.of(traffic, table, at.place, at.to);
        return db.extend(known.iter().copied().take(GROUPS_MAX));
    }
    fill(traffic, scratch, at, u32::MAX);
    let groups = traffic.links.groups();
    let mut ratios = [(0.0, 0.0); GROUPS_MAX];
    for (n, (weight, ratio)) in scratch.parts.iter().enumerate() {
        // Means of noise: a receiver averages that, not the ratio.
        let (sum, weights) = &mut ratios[n % groups];
        *sum += weight / ratio.max(LEAST);
        *weights += weight;
    }
    db.extend(ratios[..groups].iter().map(|(sum, weights)| -10.0 * (sum / weights).log10()));
}

/// A ratio that is as good as none.
pub(super) const LEAST: f64 = 1e-9;

/// Finds the other frames that `to` hears and where they begin and end.
fn cut(traffic: &Traffic, scratch: &mut Scratch, at: Reception, interval: Interval) -> bool {
    let Scratch { bounds, others, .. } = scratch;
    others.clear();
    for &other in &traffic.flight(at.id).beside {
        let flight = traffic.flight(other);
        let Some(shared) = interval.shared(&flight.frame) else { continue };
        if let Some(place) = traffic.links.place(flight.from, at.to) {
            let (from, to) = (shared.from.as_nanos(), shared.to.as_nanos());
            others.push(Other { from, to, id: other, place });
        }
    }
    bounds.clear();
    bounds.extend([interval.from.as_nanos(), interval.to.as_nanos()]);
    if others.is_empty() {
        return false;
    }
    bounds.extend(others.iter().flat_map(|other| [other.from, other.to]));
    bounds.sort_unstable();
    bounds.dedup();
    true
}

fn fill(traffic: &Traffic, scratch: &mut Scratch, at: Reception, map: u32) {
    let Scratch { parts, bounds, others, .. } = scratch;
    parts.clear();
    let flight = traffic.flight(at.id);
    let link = traffic.links.at(at.place);
    let groups = traffic.links.groups();
    for cut in bounds.windows(2) {
        let mut against = [0.0; GROUPS_MAX];
        against[..groups].copy_from_slice(traffic.noise(at.to));
        for other in others.iter().filter(|other| other.from <= cut[0] && cut[1] <= other.to) {
            let (link, gains) = (traffic.links.at(other.place), &traffic.flight(other.id).gains);
            for ((against, level), gain) in against.iter_mut().zip(link.ratios).zip(gains) {
                *against += level * gain;
            }
        }
        let weight = (cut[1] - cut[0]) as f64;
        for (group, (&level, against)) in link.ratios.iter().zip(against).enumerate() {
            if map >> group & 1 == 1 {
                parts.push((weight, f64::from(level * flight.gains[group]) / f64::from(against)));
            }
        }
    }
}

/// Range of what a receiver reports, dB.
const REPORTED_DB: (f64, f64) = (-10.0, 60.0);

/// What a receiver reports of a frame that it hears with the ratios `groups` (dB), of which those in `map` carry data: with the error
/// that the real one makes. The groups are reported if the `whole` is wanted.
pub(super) fn report(
    table: &ErrorTable,
    groups: &[f64],
    (map, whole): (u32, bool),
    phase: u8,
    words: &mut Words,
) -> Quality {
    let mut active = (0.0, 0.0);
    let mut group_lqi = Bounded::new();
    let common = f64::from(words.gaussian(ziggurat()));
    for (group, &db) in groups.iter().enumerate() {
        let db = db.clamp(REPORTED_DB.0, REPORTED_DB.1);
        if whole {
            let (_, (bias, deviation)) = table.lqi_error(db);
            let reported = db + bias + deviation * f64::from(words.gaussian(ziggurat()));
            // Bands have at most 24 groups.
            _ = group_lqi.push(Lqi::from_snr_db(reported as f32));
        }
        if map >> group & 1 == 1 {
            active = (active.0 + db, active.1 + 1.0);
        }
    }
    let mean = active.0 / f64::max(active.1, 1.0);
    let ((bias, deviation), _) = table.lqi_error(mean);
    let lqi = Lqi::from_snr_db((mean + bias + deviation * common) as f32);
    Quality { lqi, group_lqi, phase_difference: PhaseDifference(phase) }
}
