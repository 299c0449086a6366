//! What is measured.

use crate::channels::Response;
use crate::line::Disturbance;
use g3_phy::{BandPlan, CENELEC_A, ModemConfig};
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
    /// Acknowledgements: a preamble and a header.
    Headers(Frames),
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
    let mut curves =
        vec![Curve { name: "anchors", title: "Yardstick, published points", kind: Kind::Anchors }];
    curves.extend(white_noise().map(|(name, title, frames)| Curve {
        name,
        title,
        kind: Kind::Frames(frames),
    }));
    curves.extend(disturbed().map(|(name, title, frames)| Curve { name, title, kind: Kind::Frames(frames) }));
    curves.extend(selective().map(|(name, title, frames)| Curve { name, title, kind: Kind::Frames(frames) }));
    curves.push(Curve {
        name: "headers",
        title: "CENELEC-A preamble and header",
        kind: Kind::Headers(robo()),
    });
    curves.extend(quiet().map(|(name, title, frames)| {
        let share = if frames.disturbance == Disturbance::None { 1.0 } else { 0.2 };
        Curve { name, title, kind: Kind::Quiet { frames, share } }
    }));
    curves
}

type Entry = (&'static str, &'static str, Frames);

fn white_noise() -> impl Iterator<Item = Entry> {
    [
        ("awgn-robo", "CENELEC-A ROBO", robo()),
        ("awgn-dbpsk", "CENELEC-A DBPSK", dbpsk()),
        ("awgn-dqpsk", "CENELEC-A DQPSK", Frames { modulation: Modulation::Qpsk, ..dbpsk() }),
        ("awgn-d8psk", "CENELEC-A D8PSK", Frames { modulation: Modulation::Psk8, ..dbpsk() }),
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

fn selective() -> impl Iterator<Item = Entry> {
    let over = |response| Frames { response, goal: Goal::Floor(1e-3), ..dbpsk() };
    let random =
        |frames| Frames { response: Response::Random, goal: Goal::Floor(1e-3), step_db: 1.0, ..frames };
    [
        ("paths-4", "DBPSK, 4 paths", over(Response::FourPaths)),
        ("paths-11", "DBPSK, 11 paths", over(Response::ElevenPaths)),
        ("paths-15", "DBPSK, 15 paths", over(Response::FifteenPaths)),
        ("paths-random-robo", "ROBO, random paths", random(robo())),
        ("paths-random-dbpsk", "DBPSK, random paths", random(dbpsk())),
    ]
    .into_iter()
}

fn quiet() -> impl Iterator<Item = Entry> {
    let of = |disturbance| Frames { disturbance, ..robo() };
    [
        ("quiet-white", "False preambles in white noise", of(Disturbance::None)),
        ("quiet-impulses", "False preambles in impulses", of(IMPULSES)),
        ("quiet-lv14", "False preambles in LV14", of(Disturbance::Lv14 { impulses: true })),
        ("quiet-tone", "False preambles beside a tone", of(tone(41.0))),
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

/// DBPSK in CENELEC-A and white noise.
fn dbpsk() -> Frames {
    Frames {
        plan: &CENELEC_A,
        modulation: Modulation::Bpsk,
        scheme: ModulationScheme::Differential,
        config: ModemConfig::default(),
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
