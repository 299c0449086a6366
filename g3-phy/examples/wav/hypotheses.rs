//! `wav hypotheses`: which readings of the standard a recording agrees with.

use crate::args::Args;
use crate::receive::{Heard, closes, listen};
use crate::{Fault, mode, recording};
use g3_phy::{BandPlan, Interop};
use plc_core::sap::PhyIndication;
use std::cmp::Reverse;
use std::io::Write;

pub(crate) fn run(mut args: Args) -> Result<String, Fault> {
    let plan = mode::band(&mut args)?;
    let top = args.value("--top", 8, "a whole number")?;
    let path = args.file("the WAV file to read")?;
    let samples = recording::read(&path, plan)?;
    let trials = attempt(plan, &samples);
    if trials.iter().all(|trial| trial.preambles == 0) {
        let (name, band) = (path.display(), plan.name);
        return Err(format!("{name} holds no preamble of {band}: expected frames of this band"));
    }
    Ok(summary(&trials) + &trials.iter().take(top).map(Trial::line).collect::<String>())
}

/// One reading, and what a receiver that follows it has made of the recording.
#[derive(Clone, Debug)]
struct Trial {
    number: usize,
    interop: Interop,
    score: Score,
    preambles: usize,
    lost: usize,
}

/// How well a reading fits. The FCS of the MAC counts most: it alone tells whether the scrambler was right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    sound: usize,
    frames: usize,
    headers: usize,
    acks: usize,
    corrected: Reverse<u64>,
}

/// Tries every reading; the most successful first.
fn attempt(plan: &'static BandPlan, samples: &[f32]) -> Vec<Trial> {
    let readings: Vec<_> = Interop::readings(plan).collect();
    let mut trials: Vec<Trial> = Vec::new();
    for (number, &interop) in readings.iter().enumerate() {
        trials.push(Trial::of(number, interop, &listen(plan, interop, samples)));
        let best = trials.iter().map(|trial| trial.score.frames).max().unwrap_or(0);
        eprint!("\r{} of {} readings tried, at best {best} frames decoded", trials.len(), readings.len());
        _ = std::io::stderr().flush();
    }
    eprintln!();
    trials.sort_by_key(|trial| Reverse(trial.score));
    trials
}

impl Trial {
    fn of(number: usize, interop: Interop, heard: &Heard) -> Self {
        let count =
            |is: fn(&PhyIndication) -> bool| heard.indications.iter().filter(|heard| is(heard)).count();
        let score = Score {
            sound: heard.frames().filter(|frame| closes(&frame.psdu)).count(),
            frames: count(|heard| matches!(heard, PhyIndication::Data(_))),
            headers: heard.headers,
            acks: count(|heard| matches!(heard, PhyIndication::Ack(_))),
            corrected: Reverse(heard.counters.corrected_octets),
        };
        let lost = count(|heard| matches!(heard, PhyIndication::Lost { .. }));
        Self { number, interop, score, preambles: heard.indications.len(), lost }
    }

    /// Whether it decodes as much as `best`.
    fn matches(&self, best: &Score) -> bool {
        Score { corrected: best.corrected, ..self.score } == *best
    }

    fn line(&self) -> String {
        let Score { sound, frames, headers, acks, corrected } = self.score;
        let (lost, number, corrected) = (self.lost, self.number, corrected.0);
        format!(
            "{sound:>5} {frames:>6} {headers:>7} {acks:>4} {lost:>4} {corrected:>9} {number:>7}  {}\n",
            self.interop
        )
    }
}

/// What the recording decides, and the head of the table: FCS right, payloads, headers of payloads,
/// acknowledgements, losses, octets that the Reed-Solomon code has put right.
fn summary(trials: &[Trial]) -> String {
    let count = |is: fn(&Score) -> bool| trials.iter().filter(|trial| is(&trial.score)).count();
    let payloads = count(|score| score.frames > 0);
    let headers = count(|score| score.frames == 0 && score.headers + score.acks > 0);
    let (all, nothing) = (trials.len(), trials.len() - payloads - headers);
    let mut text =
        format!("of {all} readings {payloads} decode payloads, {headers} headers only, {nothing} nothing\n");
    if nothing < all {
        let best = trials.iter().filter(|trial| trial.matches(&trials[0].score));
        let best: Vec<_> = best.map(|trial| fields(&trial.interop).collect::<Vec<_>>()).collect();
        let every: Vec<_> = trials.iter().map(|trial| fields(&trial.interop).collect::<Vec<_>>()).collect();
        for (at, (name, value)) in best[0].iter().enumerate() {
            let alike = |fields: &Vec<(String, String)>| fields[at].1 == *value;
            match (every.iter().all(alike), best.iter().all(alike)) {
                (true, _) => {}
                (false, true) => text += &format!("  {name}: {value}\n"),
                (false, false) => text += &format!("  {name}: open, these frames read the same either way\n"),
            }
        }
    }
    text + "  FCS frames headers acks lost corrected reading  by its differences from the default\n"
}

/// Names and values of the fields of a reading, in order.
fn fields(interop: &Interop) -> impl Iterator<Item = (String, String)> + use<> {
    let text = format!("{interop:?}");
    let inner = text.trim_start_matches("Interop { ").trim_end_matches(" }").to_owned();
    let pairs: Vec<_> = inner
        .split(", ")
        .filter_map(|field| field.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    pairs.into_iter()
}
