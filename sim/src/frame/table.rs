//! What the real receiver loses, as tables.

use plc_core::sap::{Modulation, ModulationScheme};
use std::path::Path;
use toml::{Table, Value};

/// Which payloads a curve is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payload {
    /// Bits per carrier and coding.
    pub modulation: Modulation,
    /// Differential or coherent.
    pub scheme: ModulationScheme,
    /// Octets of the PSDU.
    pub octets: usize,
}

/// Share lost over the ratio of signal to noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// dB at the first point.
    pub first_db: f64,
    /// dB between two points.
    pub step_db: f64,
    /// Frames and losses at each point.
    pub points: Vec<(u32, u32)>,
    /// dB by which the noise of the street, with its impulses, is worse than white noise of the level of its background.
    pub impulse_db: f64,
    /// Share that impulses cost, however strong the signal.
    pub floor: f64,
    /// β of [`super::effective_db`].
    pub beta: f64,
    dense: Vec<f32>,
    /// A linear ratio from which on nothing is lost to white noise.
    clear: f64,
    /// The same with impulses, once they are known.
    clear_ratio: f64,
}

/// Error tables of one band, with what else was measured of the receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTable {
    /// Name of the band plan.
    pub band: String,
    /// Preambles missed.
    pub preamble: Curve,
    /// Headers lost of those whose preamble was heard.
    pub header: Curve,
    /// Payloads lost of those whose header was understood.
    pub payloads: Vec<(Payload, Curve)>,
    /// Samples from the start of a frame to the carrier sense that its preamble causes: the earliest and the latest.
    pub sense_samples: (u32, u32),
    /// What is reported as signal quality less what it is, and its standard deviation, dB, at the ratios of the first curve's
    /// points: of all carriers together, and of one group.
    pub lqi: Vec<(f64, f64)>,
    /// The same of one group.
    pub group_lqi: Vec<(f64, f64)>,
    /// dB at the first entry of both, and between two.
    pub lqi_axis: (f64, f64),
}

/// A table that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// Not TOML.
    #[error("error table: {0}")]
    Syntax(String),
    /// Not read.
    #[error("error table {0}")]
    Read(String),
    /// A key is missing or holds what it cannot.
    #[error("error table, {key}: expected {expected}")]
    Key {
        /// Which one.
        key: String,
        /// What should stand there.
        expected: &'static str,
    },
}

/// The tables that are part of the program, by their bands.
const BUILT_IN: [(&str, &str); 2] = [
    ("CENELEC-A", include_str!("../../data/errors/cenelec-a.toml")),
    ("FCC", include_str!("../../data/errors/fcc.toml")),
];
/// Losses below this are none.
const CLEAR: f64 = 1e-6;
/// dB between two points of a dense curve.
const DENSE_STEP: f64 = 0.1;
/// Steps of the dense curve beyond the last point.
const DENSE_BEYOND: usize = 80;

impl Curve {
    /// A curve of these points. Every point has frames, and no more losses than frames.
    pub fn new(first_db: f64, step_db: f64, points: Vec<(u32, u32)>) -> Self {
        let mut curve = Self {
            first_db,
            step_db,
            points,
            impulse_db: 0.0,
            floor: 0.0,
            beta: 1.0,
            dense: Vec::new(),
            clear: f64::INFINITY,
            clear_ratio: f64::INFINITY,
        };
        let steps = ((curve.points.len() - 1) as f64 * step_db / DENSE_STEP).round() as usize + DENSE_BEYOND;
        curve.dense = (0..=steps).map(|n| curve.exact(first_db + n as f64 * DENSE_STEP) as f32).collect();
        curve.clear = 10f64.powf((curve.snr_db(CLEAR) + DENSE_STEP) / 10.0);
        curve
    }

    /// A linear ratio from which on less than a millionth is lost to noise, impulses included.
    pub(super) const fn clear_ratio(&self) -> f64 {
        self.clear_ratio
    }

    /// Share lost at `snr_db` of white noise. Below the curve everything is lost that its first point says at least; beyond it, what
    /// the slope of its last points foretells.
    pub fn loss(&self, snr_db: f64) -> f64 {
        let place = (snr_db - self.first_db) / DENSE_STEP;
        if place < 0.0 {
            return if place < -20.0 { 1.0 } else { f64::from(self.dense[0]) };
        }
        let n = place as usize;
        match self.dense.get(n..n + 2) {
            Some(pair) => f64::from(pair[0]) + (place - n as f64) * f64::from(pair[1] - pair[0]),
            None => 0.0,
        }
    }

    /// The ratio at which `share` is lost: the highest of them.
    pub fn snr_db(&self, share: f64) -> f64 {
        let last = self.dense.iter().rposition(|&loss| f64::from(loss) >= share);
        self.first_db + last.map_or(0.0, |n| n as f64 * DENSE_STEP)
    }

    /// By interpolation of the logits of the points: half a loss is added to each, so that none is infinite.
    fn exact(&self, snr_db: f64) -> f64 {
        let logit =
            |(frames, lost): (u32, u32)| ((f64::from(lost) + 0.5) / (f64::from(frames - lost) + 0.5)).ln();
        let place = (snr_db - self.first_db) / self.step_db;
        let last = self.points.len() - 1;
        let n = (place.max(0.0) as usize).min(last.saturating_sub(1));
        let at = |n: usize| logit(self.points[n.min(last)]);
        let value = if place > last as f64 {
            // The slope is that of the steepest fall, which half losses do not flatten.
            let steepest = (0..last).map(|n| at(n + 1) - at(n)).fold(0.0, f64::min);
            at(last) + (place - last as f64) * steepest
        } else {
            at(n) + (place - n as f64) * (at(n + 1) - at(n))
        };
        1.0 / (1.0 + (-value).exp())
    }
}

impl ErrorTable {
    /// The table of a band that is part of the program.
    pub fn of_band(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.into_iter().find(|(band, _)| *band == name)?;
        Some(Self::parse(text).expect("the built-in tables are tested"))
    }

    /// The bands of which tables are part of the program.
    pub fn bands() -> impl Iterator<Item = &'static str> {
        BUILT_IN.into_iter().map(|(band, _)| band)
    }

    /// The table in a file.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn from_file(path: &Path) -> Result<Self, TableError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| TableError::Read(format!("{}: {error}", path.display())))?;
        Self::parse(&text)
    }

    /// A table as [`Self::to_text`] writes it.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            TableError::Syntax(error.to_string().lines().collect::<Vec<_>>().join(" "))
        })?;
        let root = Section { name: String::new(), table: &table };
        let sense = root.numbers("sense_samples")?;
        let &[earliest, latest] = &sense[..] else { return Err(root.error("sense_samples", "two numbers")) };
        let axis = root.numbers("lqi_axis")?;
        let &[first, step] = &axis[..] else { return Err(root.error("lqi_axis", "two numbers")) };
        if step <= 0.0 {
            return Err(root.error("lqi_axis", "a step above zero"));
        }
        Ok(Self {
            band: root.text("band")?.to_owned(),
            preamble: root.section("preamble")?.curve()?,
            header: root.section("header")?.curve()?,
            payloads: root.payloads()?,
            sense_samples: (earliest as u32, latest as u32),
            lqi: root.pairs("lqi")?,
            group_lqi: root.pairs("group_lqi")?,
            lqi_axis: (first, step),
        })
    }

    /// The table as a file.
    pub fn to_text(&self, head: &str) -> String {
        let list = |pairs: &[(f64, f64)]| {
            pairs.iter().map(|(a, b)| format!("[{a:.2}, {b:.2}]")).collect::<Vec<_>>().join(", ")
        };
        let mut text: String = head.lines().map(|line| format!("# {line}\n")).collect();
        text += &format!("band = \"{}\"\n", self.band);
        text += &format!("sense_samples = [{}, {}]\n", self.sense_samples.0, self.sense_samples.1);
        text += &format!("lqi_axis = [{:?}, {:?}]\n", self.lqi_axis.0, self.lqi_axis.1);
        text += &format!("lqi = [{}]\ngroup_lqi = [{}]\n", list(&self.lqi), list(&self.group_lqi));
        text +=
            &format!("\n[preamble]\n{}\n[header]\n{}", curve_text(&self.preamble), curve_text(&self.header));
        for (payload, curve) in &self.payloads {
            let (modulation, scheme) = (modulation_name(payload.modulation), scheme_name(payload.scheme));
            text += &format!("\n[[payload]]\nmodulation = \"{modulation}\"\nscheme = \"{scheme}\"\n");
            text += &format!("octets = {}\n{}", payload.octets, curve_text(curve));
        }
        text
    }

    /// Curves of `modulation` and `scheme` for lengths around `octets`, with the weight of the second. Differential ones stand in for
    /// coherent ones that are missing.
    pub fn payload(
        &self,
        modulation: Modulation,
        scheme: ModulationScheme,
        octets: usize,
    ) -> (&Curve, &Curve, f64) {
        let of = |scheme| {
            let fits = move |p: &Payload| p.modulation == modulation && p.scheme == scheme;
            self.payloads.iter().filter(move |(payload, _)| fits(payload))
        };
        let scheme = if of(scheme).next().is_some() { scheme } else { ModulationScheme::Differential };
        let above = of(scheme).find(|(p, _)| p.octets >= octets);
        let below = of(scheme).rfind(|(p, _)| p.octets < octets);
        match (below, above) {
            (Some((a, below)), Some((b, above))) => {
                (below, above, (octets - a.octets) as f64 / (b.octets - a.octets) as f64)
            }
            (Some((_, only)), None) | (None, Some((_, only))) => (only, only, 0.0),
            (None, None) => (&self.header, &self.header, 0.0),
        }
    }

    /// Bias and deviation of reported signal quality at `snr_db`: of all carriers, and of one group.
    pub fn lqi_error(&self, snr_db: f64) -> ((f64, f64), (f64, f64)) {
        let place = ((snr_db - self.lqi_axis.0) / self.lqi_axis.1).round().max(0.0) as usize;
        let of = |entries: &[(f64, f64)]| entries[place.min(entries.len() - 1)];
        (of(&self.lqi), of(&self.group_lqi))
    }
}

fn curve_text(curve: &Curve) -> String {
    let of = |pick: fn(&(u32, u32)) -> u32| {
        curve.points.iter().map(|point| pick(point).to_string()).collect::<Vec<_>>().join(", ")
    };
    let Curve { first_db, step_db, impulse_db, floor, beta, .. } = curve;
    format!(
        "first_db = {first_db:?}\nstep_db = {step_db:?}\nframes = [{}]\nlost = [{}]\nbeta = {beta:.2}\nimpulse_db = {impulse_db:.2}\nfloor = {floor:.5}\n",
        of(|point| point.0),
        of(|point| point.1)
    )
}

/// The name of a modulation in tables and reports.
pub(crate) const fn modulation_name(modulation: Modulation) -> &'static str {
    match modulation {
        Modulation::Robo => "robo",
        Modulation::Bpsk => "bpsk",
        Modulation::Qpsk => "qpsk",
        Modulation::Psk8 => "psk8",
        Modulation::Qam16 => "qam16",
    }
}

const fn scheme_name(scheme: ModulationScheme) -> &'static str {
    match scheme {
        ModulationScheme::Differential => "differential",
        ModulationScheme::Coherent => "coherent",
    }
}

struct Section<'a> {
    name: String,
    table: &'a Table,
}

impl Section<'_> {
    fn error(&self, key: &str, expected: &'static str) -> TableError {
        TableError::Key { key: format!("{}{key}", self.name), expected }
    }

    fn text(&self, key: &str) -> Result<&str, TableError> {
        self.table.get(key).and_then(Value::as_str).ok_or_else(|| self.error(key, "a string"))
    }

    fn number(&self, key: &str) -> Result<f64, TableError> {
        let number = self.table.get(key).and_then(number);
        number.ok_or_else(|| self.error(key, "a finite number"))
    }

    fn numbers(&self, key: &str) -> Result<Vec<f64>, TableError> {
        let list = self.table.get(key).and_then(Value::as_array);
        let list = list.and_then(|list| list.iter().map(number).collect::<Option<Vec<_>>>());
        list.filter(|list| !list.is_empty()).ok_or_else(|| self.error(key, "a list of finite numbers"))
    }

    fn pairs(&self, key: &str) -> Result<Vec<(f64, f64)>, TableError> {
        let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([a, b]) => Some((number(a)?, number(b)?)),
            _ => None,
        };
        let list = self.table.get(key).and_then(Value::as_array);
        let list = list.and_then(|list| list.iter().map(pair).collect::<Option<Vec<_>>>());
        list.filter(|list| !list.is_empty())
            .ok_or_else(|| self.error(key, "a list of pairs of finite numbers"))
    }

    fn section(&self, key: &str) -> Result<Section<'_>, TableError> {
        let table = self.table.get(key).and_then(Value::as_table);
        let table = table.ok_or_else(|| self.error(key, "a section"))?;
        Ok(Section { name: format!("{key}."), table })
    }

    fn curve(&self) -> Result<Curve, TableError> {
        let (frames, lost) = (self.numbers("frames")?, self.numbers("lost")?);
        if frames.len() != lost.len() || frames.len() < 2 {
            return Err(self.error("lost", "as many numbers as `frames` has, two or more"));
        }
        let sound = |(&frames, &lost): (&f64, &f64)| frames >= 1.0 && (0.0..=frames).contains(&lost);
        if !frames.iter().zip(&lost).all(sound) {
            return Err(self.error("lost", "numbers from 0 to that of `frames`, which are 1 or more"));
        }
        let (step, beta, floor) = (self.number("step_db")?, self.number("beta")?, self.number("floor")?);
        if step <= 0.0 || beta <= 0.0 {
            return Err(self.error(if step <= 0.0 { "step_db" } else { "beta" }, "a number above zero"));
        }
        if !(0.0..1.0).contains(&floor) {
            return Err(self.error("floor", "a share, 0 to below 1"));
        }
        let points = frames.iter().zip(&lost).map(|(&frames, &lost)| (frames as u32, lost as u32)).collect();
        let impulse_db = self.number("impulse_db")?;
        let mut curve = Curve::new(self.number("first_db")?, step, points);
        (curve.beta, curve.floor, curve.impulse_db) = (beta, floor, impulse_db);
        curve.clear_ratio = curve.clear * 10f64.powf(impulse_db / 10.0);
        Ok(curve)
    }

    fn payloads(&self) -> Result<Vec<(Payload, Curve)>, TableError> {
        let list = self.table.get("payload").and_then(Value::as_array);
        let list = list.ok_or_else(|| self.error("payload", "a list of sections"))?;
        let mut payloads = Vec::new();
        for (n, value) in list.iter().enumerate() {
            let table = value.as_table().ok_or_else(|| self.error("payload", "a list of sections"))?;
            let section = Section { name: format!("payload {}, ", n + 1), table };
            payloads.push((section.payload()?, section.curve()?));
        }
        payloads.sort_by_key(|(payload, _)| *payload);
        Ok(payloads)
    }

    fn payload(&self) -> Result<Payload, TableError> {
        use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
        let name = self.text("modulation")?;
        let modulation = [Robo, Bpsk, Qpsk, Psk8, Qam16].into_iter().find(|&m| modulation_name(m) == name);
        let modulation =
            modulation.ok_or_else(|| self.error("modulation", "robo, bpsk, qpsk, psk8 or qam16"))?;
        let scheme = self.text("scheme")?;
        let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
        let scheme = schemes.into_iter().find(|&s| scheme_name(s) == scheme);
        let scheme = scheme.ok_or_else(|| self.error("scheme", "differential or coherent"))?;
        let octets = self.number("octets")?;
        if !(1.0..=494.0).contains(&octets) {
            return Err(self.error("octets", "a number from 1 to 494"));
        }
        Ok(Payload { modulation, scheme, octets: octets as usize })
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_its_file_and_its_faults_are_named() {
        let table = ErrorTable::of_band("CENELEC-A").expect("a built-in table");
        let text = table.to_text("made for a test");
        assert_eq!(ErrorTable::parse(&text), Ok(table));
        let fault = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            ErrorTable::parse(&text.replacen(from, to, 1)).expect_err("the table is spoilt").to_string()
        };
        assert_eq!(fault("band = ", "bind = "), "error table, band: expected a string");
        assert_eq!(fault("[header]", "[head]"), "error table, header: expected a section");
        assert_eq!(
            fault("modulation = \"robo\"", "modulation = \"roboto\""),
            "error table, payload 1, modulation: expected robo, bpsk, qpsk, psk8 or qam16"
        );
        assert_eq!(
            fault("frames = [", "frames = [3000, "),
            "error table, preamble.lost: expected as many numbers as `frames` has, two or more"
        );
        assert!(fault("[header]", "[[").starts_with("error table: "));
    }

    #[test]
    fn every_built_in_table_is_that_of_its_band_and_falls_to_nothing() {
        for band in ErrorTable::bands() {
            let table = ErrorTable::of_band(band).expect("it is built in");
            assert_eq!(table.band, band);
            let payloads = table.payloads.iter().map(|(_, curve)| curve);
            for curve in payloads.chain([&table.preamble, &table.header]) {
                let half = curve.snr_db(0.5);
                assert!(curve.loss(half - 4.0) > 0.5 && curve.loss(half + 6.0) < 1e-3, "{band}: {curve:?}");
            }
        }
        assert_eq!(ErrorTable::of_band("CENELEC-B"), None);
    }

    #[test]
    fn a_curve_passes_its_points_falls_between_them_and_goes_on_beyond() {
        let curve = Curve::new(-2.0, 1.0, vec![(1000, 1000), (1000, 500), (1000, 10), (1000, 0)]);
        assert!((curve.loss(-1.0) - 0.5).abs() < 0.01);
        assert!((curve.loss(0.0) - 0.01).abs() < 0.002);
        assert!(curve.loss(-2.5) > 0.99 && curve.loss(-9.0) == 1.0);
        assert!(curve.loss(1.3) < curve.loss(1.0) && curve.loss(30.0) == 0.0);
        assert!((curve.snr_db(0.5) + 1.0).abs() < 0.11);
        let all: Vec<f64> = (0..80).map(|n| curve.loss(-4.0 + 0.1 * f64::from(n))).collect();
        assert!(all.is_sorted_by(|a, b| a >= b), "{all:?}");
    }
}
