//! Scenario files: a town and what befalls it, as TOML.
//!
//! A file is read by hand, so that every fault of it is told at once, each with its key, what was found there and what was expected.

mod action;
mod section;

use crate::frame::{ErrorTable, Noise};
use crate::street::MeterMix;
use crate::world::{Layout, ReadingPlan, TownConfig};
use g3_phy::{BandPlan, CENELEC_A};
use plc_core::Utc;
use plc_core::time::Duration;
use section::Section;
use std::path::Path;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The town.
    pub town: TownConfig,
}

/// A scenario that cannot be run: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(pub Vec<String>);

impl std::fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ScenarioError {}

/// The longest town, hours.
const HOURS_MAX: f64 = 24.0 * 366.0;
/// The most feeders and meters.
const FEEDERS_MAX: u64 = 64;
const METERS_MAX: usize = 5000;
/// What `start` should be.
const START_EXPECTED: &str = "a time of the years 2000 to 2099 such as \"2026-01-14T00:00:00Z\"";

impl Scenario {
    /// The scenario in a file.
    ///
    /// # Errors
    /// See [`ScenarioError`].
    pub fn from_file(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ScenarioError(vec![format!("{}: {error}", path.display())]))?;
        Self::parse(&text)
    }

    /// The scenario of a text.
    ///
    /// # Errors
    /// See [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| ScenarioError(vec![error.to_string().trim_end().to_owned()]))?;
        if table.is_empty() {
            return Err(ScenarioError(vec!["the file says nothing, expected at least a `name`".into()]));
        }
        let mut errors = Vec::new();
        let scenario = read(&table, &mut errors);
        if errors.is_empty() { Ok(scenario) } else { Err(ScenarioError(errors)) }
    }
}

/// Whether files may bear the name, whatever comes before and behind it.
fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

fn read(table: &toml::Table, errors: &mut Vec<String>) -> Scenario {
    let mut root = Section::new("", table, errors);
    let name = root.text("name", "unnamed");
    if !is_file_name(&name) {
        root.fault(
            "name",
            &format!("{name:?}"),
            "letters, digits, hyphens and underscores: files are named after it",
        );
    }
    let about = root.text("about", "");
    let mut town = TownConfig::new(root.whole("seed", 1, (0, i64::MAX as u64)));
    let start = root.text("start", "2026-01-14T17:55:00Z");
    match utc(&start) {
        Some(utc) => town.start = utc,
        None => root.fault("start", &format!("{start:?}"), START_EXPECTED),
    }
    town.duration = seconds(root.number("hours", 0.5, (0.01, HOURS_MAX)) * 3600.0);
    root.inside("town", |section| read_town(section, &mut town));
    root.inside("reading", |section| read_reading(section, &mut town));
    root.inside("noise", |section| read_noise(section, &mut town));
    root.inside("rogue", |section| read_rogue(section, &mut town));
    let (counts, end) = ((town.meters, town.rogue.recorders.len()), town.duration);
    let actions = root.each("action", |section| action::read(section, counts, end));
    town.actions = actions.into_iter().flatten().collect();
    root.finish();
    Scenario { name, about, town }
}

fn read_town(section: &mut Section<'_>, town: &mut TownConfig) {
    town.feeders = section.whole("feeders", 1, (1, FEEDERS_MAX)) as usize;
    let room = Layout::room(&town.feeder, town.feeders).min(METERS_MAX);
    town.meters = section.whole("meters", 8, (1, room as u64)) as usize;
    let kinds = section.text("kinds", &MeterMix::SinglePhase.to_string());
    match kinds.parse() {
        Ok(mix) => town.mix = mix,
        Err(_) => section.fault("kinds", &format!("{kinds:?}"), "single-phase, three-phase or mix"),
    }
    town.offset_db = section.number("offset_db", 0.0, (-60.0, 60.0));
    town.power_on = seconds(section.number("power_on_s", 0.0, (0.0, 86_400.0)));
    town.hold_up = seconds(section.number("hold_up_s", town.hold_up.as_secs_f64(), (0.1, 120.0)));
    let drift_ppm = section.number("drift_ppm", f64::from(town.drift_ppb) / 1e3, (0.0, 1000.0));
    town.drift_ppb = (drift_ppm * 1e3).round() as u32;
    let band = section.text("band", CENELEC_A.name);
    match BandPlan::named(&band).ok().and_then(|plan| town.clone().in_band(plan)) {
        Some(other) => *town = other,
        None => {
            let bands: Vec<_> = ErrorTable::bands().map(|band| format!("{band:?}")).collect();
            let expected = format!("a band with an error table: {}", bands.join(" or "));
            section.fault("band", &format!("{band:?}"), &expected);
        }
    }
}

fn read_reading(section: &mut Section<'_>, town: &mut TownConfig) {
    let default = ReadingPlan::new();
    let capture = section.whole("capture_s", 900, (60, 3600));
    if !3600_u64.is_multiple_of(capture) {
        section.fault("capture_s", &capture.to_string(), "a divisor of 3600");
    }
    let every = section.whole("every_s", capture, (60, 86_400));
    if !every.is_multiple_of(capture) {
        section.fault("every_s", &every.to_string(), "a multiple of `capture_s`");
    }
    (town.capture, town.reading.every) = (Duration::from_secs(capture), Duration::from_secs(every));
    let delay = section.number("delay_s", default.delay.as_secs_f64(), (0.0, 3600.0));
    let spread = section.number("spread_s", default.spread.as_secs_f64(), (0.0, 86_400.0));
    if delay + spread > every as f64 {
        let found = format!("{spread} after a delay of {delay}");
        section.fault("spread_s", &found, &format!("all to begin within `every_s`, {every}"));
    }
    (town.reading.delay, town.reading.spread) = (seconds(delay), seconds(spread));
    town.reading.sessions = section.whole("sessions", default.sessions as u64, (1, 64)) as usize;
}

fn read_noise(section: &mut Section<'_>, town: &mut TownConfig) {
    town.noise_spread_db = section.number("spread_db", 0.0, (0.0, 30.0));
    let expected = "pairs of an hour, from 0 to less than 24, and dB, -40 to 60";
    let points = section
        .pairs("day", expected, |&(hour, db)| (0.0..24.0).contains(&hour) && (-40.0..=60.0).contains(&db));
    if let Some(pair) = points.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        let found = format!("hour {} after hour {}", pair[1].0, pair[0].0);
        section.fault("day", &found, "hours in ascending order, each once");
    }
    town.noise = Noise::new(points.into_iter().map(|(hour, db)| ((hour * 3600.0) as u32, db)).collect());
}

fn read_rogue(section: &mut Section<'_>, town: &mut TownConfig) {
    let meters = town.meters;
    town.rogue.wrong_key = section.places("wrong_key", meters);
    town.rogue.wrong_dlms_keys = section.places("wrong_dlms_keys", meters);
    town.rogue.unknown = section.places("unknown", meters);
    town.rogue.recorders = section.places("recorders", meters);
}

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_millis((seconds * 1e3).round() as u64)
}

/// A time as RFC 3339 has it, in UTC and whole seconds.
fn utc(text: &str) -> Option<Utc> {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00Z";
    let fits =
        |(&found, &wanted): (&u8, &u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
    if bytes.len() != shape.len() || !bytes.iter().zip(shape).all(fits) {
        return None;
    }
    let field = |from: usize, to: usize| text[from..to].parse::<u16>().ok();
    let small = |from: usize| field(from, from + 2).map(|value| value as u8);
    (2000..=2099).contains(&field(0, 4)?).then_some(())?;
    Utc::from_civil(i32::from(field(0, 4)?), small(5)?, small(8)?, small(11)?, small(14)?, small(17)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Action, Choice};

    const GOOD: &str = r#"
name = "storm"
start = "2026-01-14T00:00:00Z"
hours = 2
[town]
meters = 55
[reading]
capture_s = 900
every_s = 1800
[noise]
day = [[18, 6], [23, 0]]
[[action]]
at_s = 3600
do = "power-off"
share = 0.3
[[action]]
at_s = 3900
do = "power-on"
share = 0.3
"#;

    #[test]
    fn a_scenario_is_what_its_file_says() {
        let scenario = Scenario::parse(GOOD).expect("the scenario is good");
        let town = scenario.town;
        assert_eq!((scenario.name.as_str(), town.meters, town.start_second()), ("storm", 55, 0));
        assert_eq!(town.reading.every, Duration::from_secs(1800));
        assert_eq!(town.actions[0], (Duration::from_secs(3600), Action::PowerOff(Choice::Share(0.3))));
        assert!((town.noise.db(18 * 3600) - 6.0).abs() < 1e-9);
    }

    #[test]
    fn meters_have_one_phase_or_three_or_both_are_there() {
        let mix = |text: &str| Scenario::parse(text).expect(text).town.mix;
        assert_eq!(mix("name = \"a\""), MeterMix::SinglePhase);
        assert_eq!(mix("[town]\nkinds = \"three-phase\""), MeterMix::ThreePhase);
        assert_eq!(mix("[town]\nmeters = 3\nkinds = \"mix\""), MeterMix::Mix);
        assert_eq!(
            fault("[town]\nkinds = \"two-phase\""),
            "town.kinds: \"two-phase\", expected single-phase, three-phase or mix"
        );
    }

    #[test]
    fn a_name_that_leads_somewhere_else_is_refused() {
        for name in ["", "../../escape", "/tmp/escape", "v1.2", "a b", "<script>"] {
            let text = format!("name = {name:?}");
            let errors = Scenario::parse(&text).expect_err(name).0;
            assert!(errors.iter().any(|error| error.starts_with("name: ")), "{errors:?}");
        }
        assert!(Scenario::parse("name = \"town-55_b\"").is_ok());
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_key_and_what_was_expected() {
        let bad = GOOD
            .replace("meters = 55", "meters = 900\nmeter = 3\nband = \"FCC-1.a\"")
            .replace("every_s = 1800", "every_s = 1000")
            .replace("share = 0.3\n[[", "share = 3\n[[")
            .replace("power-on", "power-in")
            .replace("2026-01-14T00:00:00Z", "tomorrow");
        let errors = Scenario::parse(&bad).expect_err("the scenario is bad").0;
        assert_eq!(
            errors,
            [
                "start: \"tomorrow\", expected a time of the years 2000 to 2099 such as \"2026-01-14T00:00:00Z\"",
                "town.meters: 900, expected a whole number from 1 to 165",
                "town.band: \"FCC-1.a\", expected a band with an error table: \"CENELEC-A\" or \"FCC\"",
                "town.meter: unknown key, expected one of feeders, meters, kinds, offset_db, power_on_s, hold_up_s, drift_ppm, band",
                "reading.every_s: 1000, expected a multiple of `capture_s`",
                "action 1.share: 3, expected a number from 0 to 1",
                "action 2.do: \"power-in\", expected power-off, power-on, crash, cut, noise, quiet, clock, firmware, disk-full, \
                 replay, forged-join or full-table",
            ]
        );
        let error = Scenario::parse("hours = ").expect_err("no TOML").to_string();
        assert!(error.contains("line 1"), "{error}");
    }

    /// The one fault of a scenario of a few lines.
    fn fault(text: &str) -> String {
        let mut errors = Scenario::parse(text).expect_err(text).0;
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        errors.remove(0)
    }

    #[test]
    fn a_fraction_where_a_whole_number_belongs_is_a_fault() {
        for (text, key) in [
            ("seed = 1.5", "seed: 1.5"),
            ("[town]\nmeters = 8.5", "town.meters: 8.5"),
            ("[town]\nmeters = 8.0", "town.meters: 8.0"),
            ("[town]\nfeeders = 1.5", "town.feeders: 1.5"),
            ("[reading]\nsessions = 2.5", "reading.sessions: 2.5"),
            ("[reading]\ncapture_s = 112.5", "reading.capture_s: 112.5"),
            ("[rogue]\nunknown = [1.5]", "rogue.unknown: [1.5]"),
            ("[[action]]\nat_s = 1\ndo = \"crash\"\nnode = 1.5", "action 1.node: 1.5"),
            ("[[action]]\nat_s = 1\ndo = \"cut\"\nmeter = 1.5", "action 1.meter: 1.5"),
            ("[[action]]\nat_s = 1\ndo = \"quiet\"\nnode = -1", "action 1.node: -1"),
        ] {
            let error = fault(text);
            assert!(error.starts_with(key) && error.contains("whole number"), "{error}");
        }
    }

    #[test]
    fn reading_that_would_begin_after_the_next_boundary_is_a_fault() {
        let text = "[reading]\ncapture_s = 900\nspread_s = 1000";
        assert_eq!(
            fault(text),
            "reading.spread_s: 1000 after a delay of 10, expected all to begin within `every_s`, 900"
        );
        assert!(Scenario::parse("[reading]\ncapture_s = 900\nspread_s = 890").is_ok());
        assert!(fault("[reading]\ndelay_s = 880").contains("30 after a delay of 880"));
    }

    #[test]
    fn years_that_no_clock_of_a_meter_shows_are_faults() {
        for year in ["0000", "1999", "2100", "9999"] {
            let error = fault(&format!("start = \"{year}-01-14T00:00:00Z\""));
            assert!(error.starts_with("start: ") && error.contains("2000 to 2099"), "{error}");
        }
        assert!(Scenario::parse("start = \"2099-12-31T23:59:59Z\"").is_ok());
        assert!(fault("start = \"2026-02-30T00:00:00Z\"").starts_with("start: "));
    }

    #[test]
    fn a_day_of_noise_whose_hours_do_not_ascend_is_a_fault() {
        assert_eq!(
            fault("[noise]\nday = [[8, 3], [6, 0]]"),
            "noise.day: hour 6 after hour 8, expected hours in ascending order, each once"
        );
        assert!(fault("[noise]\nday = [[8, 3], [8, 0]]").contains("hour 8 after hour 8"));
        assert!(fault("[noise]\nday = [[24, 3]]").contains("less than 24"));
        assert!(Scenario::parse("[noise]\nday = [[6, 0], [8, 3]]").is_ok());
    }

    #[test]
    fn a_share_is_more_than_nobody_and_stands_alone() {
        let action = |keys: &str| format!("[[action]]\nat_s = 1\ndo = \"power-off\"\n{keys}");
        assert_eq!(fault(&action("share = 0")), "action 1.share: 0, expected more than 0 and at most 1");
        assert_eq!(
            fault(&action("share = 0.5\nnode = 3")),
            "action 1.share: stands beside `node`, expected one of node, share, phase and behind"
        );
        assert!(fault(&action("")).starts_with("action 1.node: missing"));
        assert!(fault(&action("share = \"all\"")).contains("a number from 0 to 1"));
    }

    #[test]
    fn what_comes_after_the_end_and_a_file_that_says_nothing_are_faults() {
        let late = "hours = 1\n[[action]]\nat_s = 3600\ndo = \"power-off\"\nnode = 0";
        assert_eq!(fault(late), "action 1.at_s: 3600, expected less than the 3600 s of the scenario");
        assert!(Scenario::parse(&late.replace("3600", "3599.9")).is_ok());
        assert_eq!(fault("# nothing\n"), "the file says nothing, expected at least a `name`");
    }

    #[test]
    fn what_a_rogue_shall_do_needs_a_rogue() {
        for kind in ["replay", "forged-join", "full-table"] {
            let text = format!("[[action]]\nat_s = 1\ndo = {kind:?}\nrecorder = 1");
            assert_eq!(
                fault(&text),
                "action 1.recorder: there is no recorder, expected one of those that `rogue.recorders` lists"
            );
            let two = format!("[rogue]\nrecorders = [3]\n{text}").replace("recorder = 1", "recorder = 2");
            assert_eq!(fault(&two), "action 1.recorder: 2, expected a whole number from 1 to 1");
            assert!(Scenario::parse(&two.replace("recorder = 2", "recorder = 1")).is_ok());
        }
        assert!(fault("[[action]]\nat_s = 1\ndo = \"replay\"").contains("action 1.recorder: missing"));
    }
}
