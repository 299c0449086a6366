//! What is measured.

use crate::channels::Response;
use crate::line::Disturbance;
use g3_phy::{ARIB, BandPlan, CENELEC_A, FCC, ModemConfig, ToneMask};
use plc_core::sap::{FrameGeometry, Modulation, ModulationScheme, TxParameters};

/// One measurement.
pub(crate) struct Curve {
    /// Name on the command line and of the files.
    pub(crate) name: &'static str,
    /// Name for people.
    pub(crate) title: &'static str,
    pub(crate) kind: Kind,
}

/// What kind of measurement it is.
pub(crate) enum Kind {
    /// The yardstick itself, under the conditions of its published points.
    Anchors,
    /// Frames of the greatest length through both modems.
    Frames(Frames),
    /// Acknowledgements: a preamble and a header. What counts is the ratio at which the curve `robo` loses 1 %.
    Headers { frames: Frames, robo: &'static str },
    /// Ideal reception alone, of these frames and of the same without impulses: what no receiver of this kind can undo.
    Limit(Frames),
    /// Noise without a signal, for a share of the hours of the setting.
    Quiet { frames: Frames, share: f64 },
}

/// Frames over a line.
#[derive(Clone)]
pub(crate) struct Frames {
    pub(crate) plan: &'static BandPlan,
    pub(crate) modulation: Modulation,
    pub(crate) scheme: ModulationScheme,
    pub(crate) config: ModemConfig,
    pub(crate) response: Response,
    pub(crate) disturbance: Disturbance,
    pub(crate) against: Against,
    pub(crate) goal: Goal,
    /// Distance between points, in dB.
    pub(crate) step_db: f64,
}

/// What a curve must do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// At a frame error rate of 1 %, stand no farther than so many dB from what it is measured against; negative for a
    /// gain.
    Within(f64),
    /// Fall to this error rate.
    Floor(f64),
    /// Serve as a measure for others.
    None,
}

/// What a curve is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// Ideal reception of the same code words.
    Reference,
    /// Another curve.
    Curve(&'static str),
}

impl Frames {
    pub(crate) fn tx(&self) -> TxParameters {
        TxParameters { modulation: self.modulation, scheme: self.scheme, ..self.plan.robust() }
    }
}

/// All measurements, in the order of the table.
pub(crate) fn all() -> Vec<Curve> {
    let frames = white_noise()
        .chain(iterative())
        .chain(coherent())
        .chain(disturbed())
        .chain(selective())
        .chain(notched());
    let frames = frames.map(|(name, title, frames)| (name, title, Kind::Frames(frames)));
    let quiet = quiet().map(|(name, title, frames)| {
        let share = if frames.disturbance == Disturbance::None { 1.0 } else { 0.2 };
        (name, title, Kind::Quiet { frames, share })
    });
    let headers = [
        (
            "headers-cenelec-a",
            "CENELEC-A preamble and header",
            Kind::Headers { frames: robo(), robo: "awgn-robo" },
        ),
        ("headers-fcc", "FCC preamble and header", Kind::Headers { frames: of(&FCC), robo: "fcc-robo" }),
        (
            "headers-iterative",
            "Preamble and header, ten iterations",
            Kind::Headers { frames: iterated(robo()), robo: "iterative-robo" },
        ),
    ];
    let all = [("anchors", "Yardstick, published points", Kind::Anchors)].into_iter();
    let all = all.chain(frames).chain(limits()).chain(headers).chain(quiet);
    all.map(|(name, title, kind)| Curve { name, title, kind }).collect()
}

type Entry = (&'static str, &'static str, Frames);

fn white_noise() -> impl Iterator<Item = Entry> {
    let keyed = |modulation, frames| Frames { modulation, ..frames };
    [
        ("awgn-robo", "CENELEC-A ROBO", robo()),
        ("awgn-dbpsk", "CENELEC-A DBPSK", dbpsk()),
        ("awgn-dqpsk", "CENELEC-A DQPSK", keyed(Modulation::Qpsk, dbpsk())),
        ("awgn-d8psk", "CENELEC-A D8PSK", keyed(Modulation::Psk8, dbpsk())),
        ("fcc-robo", "FCC ROBO", keyed(Modulation::Robo, of(&FCC))),
        ("fcc-dbpsk", "FCC DBPSK", of(&FCC)),
        ("fcc-dqpsk", "FCC DQPSK", keyed(Modulation::Qpsk, of(&FCC))),
        ("fcc-d8psk", "FCC D8PSK", keyed(Modulation::Psk8, of(&FCC))),
        ("arib-robo", "ARIB ROBO", keyed(Modulation::Robo, of(&ARIB))),
        ("arib-dbpsk", "ARIB DBPSK", of(&ARIB)),
        ("arib-dqpsk", "ARIB DQPSK", keyed(Modulation::Qpsk, of(&ARIB))),
        ("arib-d8psk", "ARIB D8PSK", keyed(Modulation::Psk8, of(&ARIB))),
    ]
    .into_iter()
}

/// The same frames, heard again and again where plain decoding fails.
fn iterative() -> impl Iterator<Item = Entry> {
    let heard = |modulation, against, db: f64| {
        let (against, goal) = (Against::Curve(against), Goal::Within(-db));
        Frames { modulation, against, goal, ..iterated(dbpsk()) }
    };
    [
        ("iterative-robo", "ROBO, ten iterations", heard(Modulation::Robo, "awgn-robo", 3.0)),
        ("iterative-dbpsk", "DBPSK, ten iterations", heard(Modulation::Bpsk, "awgn-dbpsk", 3.0)),
        ("iterative-dqpsk", "DQPSK, ten iterations", heard(Modulation::Qpsk, "awgn-dqpsk", 2.0)),
        ("iterative-d8psk", "D8PSK, ten iterations", heard(Modulation::Psk8, "awgn-d8psk", 2.0)),
    ]
    .into_iter()
}

/// `frames` with a receiver that hears what it has failed on again.
fn iterated(frames: Frames) -> Frames {
    Frames { config: ModemConfig { iterations: ITERATIONS, ..frames.config }, ..frames }
}

/// Iterations of those curves.
const ITERATIONS: usize = 10;

fn coherent() -> impl Iterator<Item = Entry> {
    let keyed = |modulation, frames| Frames {
        modulation,
        scheme: ModulationScheme::Coherent,
        goal: Goal::Within(0.5),
        ..frames
    };
    [
        ("coherent-robo", "CENELEC-A coherent ROBO", keyed(Modulation::Robo, dbpsk())),
        (
            // Headers are differential: it is they that are heard again.
            "iterative-coherent-robo",
            "CENELEC-A coherent ROBO, ten iterations",
            keyed(Modulation::Robo, iterated(dbpsk())),
        ),
        ("coherent-bpsk", "CENELEC-A BPSK", keyed(Modulation::Bpsk, dbpsk())),
        ("coherent-qpsk", "CENELEC-A QPSK", keyed(Modulation::Qpsk, dbpsk())),
        ("coherent-8psk", "CENELEC-A 8PSK", keyed(Modulation::Psk8, dbpsk())),
        ("coherent-16qam", "FCC 16QAM", keyed(Modulation::Qam16, of(&FCC))),
    ]
    .into_iter()
}

fn disturbed() -> impl Iterator<Item = Entry> {
    let with = |frames: Frames, disturbance, against, db| Frames {
        disturbance,
        against: Against::Curve(against),
        goal: Goal::Within(db),
        ..frames
    };
    let free =
        |frames| Frames { disturbance: Disturbance::Lv14 { impulses: false }, goal: Goal::None, ..frames };
    let lv14 = Disturbance::Lv14 { impulses: true };
    [
        ("impulses-robo", "ROBO, impulses 1 %, +30 dB", with(robo(), IMPULSES, "awgn-robo", 0.5)),
        ("impulses-dbpsk", "DBPSK, impulses 1 %, +30 dB", with(dbpsk(), IMPULSES, "awgn-dbpsk", 0.5)),
        ("impulses-d8psk", "D8PSK, impulses 1 %, +30 dB", with(d8psk(), IMPULSES, "awgn-d8psk", 0.5)),
        ("lv14-free-robo", "ROBO, LV14 without impulses", free(robo())),
        ("lv14-robo", "ROBO, LV14", with(robo(), lv14, "lv14-free-robo", 0.5)),
        ("lv14-free-dbpsk", "DBPSK, LV14 without impulses", free(dbpsk())),
        ("lv14-dbpsk", "DBPSK, LV14", with(dbpsk(), lv14, "lv14-free-dbpsk", 0.5)),
        ("tone-robo", "ROBO, tone +20 dB on a carrier", with(robo(), tone(41.0), "awgn-robo", 1.0)),
        ("tone-dbpsk", "DBPSK, tone +20 dB on a carrier", with(dbpsk(), tone(41.0), "awgn-dbpsk", 1.0)),
        ("tone-between", "DBPSK, tone +20 dB between carriers", with(dbpsk(), tone(41.5), "awgn-dbpsk", 1.0)),
    ]
    .into_iter()
}

/// What LV14 costs when every burst is known to the sample.
fn limits() -> impl Iterator<Item = (&'static str, &'static str, Kind)> {
    let lv14 =
        |frames| Frames { disturbance: Disturbance::Lv14 { impulses: true }, goal: Goal::None, ..frames };
    [
        ("lv14-limit-robo", "ROBO, LV14, bursts known", Kind::Limit(lv14(robo()))),
        ("lv14-limit-dbpsk", "DBPSK, LV14, bursts known", Kind::Limit(lv14(dbpsk()))),
    ]
    .into_iter()
}

fn selective() -> impl Iterator<Item = Entry> {
    let over = |response| Frames { response, goal: Goal::Floor(1e-3), ..dbpsk() };
    let random =
        |frames| Frames { response: Response::Random, goal: Goal::Floor(1e-3), step_db: 1.0, ..frames };
    [
        ("paths-4", "DBPSK, 4 paths", over(Response::FourPaths)),
        ("paths-11", "DBPSK, 11 paths", over(Response::ElevenPaths)),
        ("paths-15", "DBPSK, 15 paths", over(Response::FifteenPaths)),
        (
            "paths-15-fcc",
            "FCC DBPSK, 15 paths",
            Frames { plan: &FCC, config: ModemConfig::of(&FCC), ..over(Response::FifteenPaths) },
        ),
        ("paths-random-robo", "ROBO, random paths", random(robo())),
        ("paths-random-dbpsk", "DBPSK, random paths", random(dbpsk())),
    ]
    .into_iter()
}

/// What deep notches cost: both ends mask the carriers of S-FSK, and echoes carry the beginnings of symbols into windows.
fn notched() -> impl Iterator<Item = Entry> {
    let over = |deep_notches, against, goal| Frames {
        plan: &WITHOUT_SFSK,
        config: ModemConfig { deep_notches, iterations: 0, ..ModemConfig::of(&WITHOUT_SFSK) },
        response: Response::FifteenPaths,
        against,
        goal,
        ..d8psk()
    };
    [
        ("notch-plain", "D8PSK, 15 paths, notch", over(false, Against::Reference, Goal::None)),
        (
            "notch-deep",
            "D8PSK, 15 paths, deep notch",
            over(true, Against::Curve("notch-plain"), Goal::Within(0.1)),
        ),
    ]
    .into_iter()
}

/// CENELEC-A without the carriers that S-FSK is near to.
static WITHOUT_SFSK: BandPlan = match CENELEC_A.with_mask(ToneMask::carriers(23, 39, 49)) {
    Ok(plan) => plan,
    Err(_) => panic!("the carriers of S-FSK are some of the band's"),
};

fn quiet() -> impl Iterator<Item = Entry> {
    let with = |disturbance| Frames { disturbance, ..robo() };
    [
        ("quiet-white", "False preambles in white noise", with(Disturbance::None)),
        ("quiet-impulses", "False preambles in impulses", with(IMPULSES)),
        ("quiet-lv14", "False preambles in LV14", with(Disturbance::Lv14 { impulses: true })),
        ("quiet-tone", "False preambles beside a tone", with(tone(41.0))),
    ]
    .into_iter()
}

const IMPULSES: Disturbance = Disturbance::Impulses { probability: 0.01, db: 30.0 };

const fn tone(index: f64) -> Disturbance {
    Disturbance::Tone { index, db: 20.0 }
}

fn robo() -> Frames {
    Frames { modulation: Modulation::Robo, ..dbpsk() }
}

fn d8psk() -> Frames {
    Frames { modulation: Modulation::Psk8, ..dbpsk() }
}

fn dbpsk() -> Frames {
    of(&CENELEC_A)
}

/// DBPSK in a band and white noise.
fn of(plan: &'static BandPlan) -> Frames {
    Frames {
        plan,
        modulation: Modulation::Bpsk,
        scheme: ModulationScheme::Differential,
        config: ModemConfig { iterations: 0, ..ModemConfig::of(plan) },
        response: Response::Flat,
        disturbance: Disturbance::None,
        against: Against::Reference,
        goal: Goal::Within(0.3),
        step_db: 0.25,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_has_a_name_of_its_own_and_is_compared_with_one_that_there_is() {
        let curves = all();
        for (n, curve) in curves.iter().enumerate() {
            assert!(curves[..n].iter().all(|other| other.name != curve.name), "{}", curve.name);
            if let Kind::Frames(Frames { against: Against::Curve(name), .. }) = &curve.kind {
                assert!(curves.iter().any(|other| other.name == *name), "{name}");
            }
        }
    }
}
