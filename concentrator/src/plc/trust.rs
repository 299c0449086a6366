//! Whether the clock of the machine may be given to meters.

use plc_core::Utc;
use plc_core::time::Duration;
use std::path::PathBuf;

/// What is known of the clock. It counts as right until something speaks against it.
#[derive(Debug, Default)]
pub struct Trust {
    file: Option<PathBuf>,
    looked: Option<Utc>,
    /// Why it is not trusted; `None` when it is.
    doubt: Option<String>,
}

/// What is new about the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockNews {
    /// That it is trusted, or why it is not any more.
    pub trust: Option<Result<(), String>>,
    /// What UTC is in truth: the converter that counts the time has drifted.
    pub correct: Option<Utc>,
}

impl Trust {
    /// The clock is right while this file is there, if one is named.
    pub const fn new(file: Option<PathBuf>) -> Self {
        Self { file, looked: None, doubt: None }
    }

    /// What is new, looked at once a second: `run` is the time that the converter has counted since it was opened, `machine` what the machine
    /// shows now. They drift apart slowly, and the converter is corrected; a difference of more than [`JUMP`] is a clock that was set,
    /// and believed only where a file says that it is synchronised.
    pub fn news(&mut self, run: Utc, machine: Utc) -> ClockNews {
        if self.looked.is_some_and(|looked| looked.as_millis().abs_diff(run.as_millis()) < LOOK_MS) {
            return ClockNews::default();
        }
        self.looked = Some(run);
        let apart_ms = machine.as_millis().saturating_sub(run.as_millis());
        let doubt = self.doubt(apart_ms);
        let correct = (doubt.is_none() && apart_ms.unsigned_abs() >= DRIFT_MS).then_some(machine);
        let changed = doubt != self.doubt;
        self.doubt.clone_from(&doubt);
        ClockNews { trust: changed.then(|| doubt.map_or(Ok(()), Err)), correct }
    }

    fn doubt(&self, apart_ms: i64) -> Option<String> {
        if let Some(file) = &self.file {
            let words =
                || format!("the clock of this machine is not synchronised: there is no {}", file.display());
            return (!file.exists()).then(words);
        }
        let way = if apart_ms < 0 { "back" } else { "forth" };
        let jumped = u128::from(apart_ms.unsigned_abs()) > JUMP.as_millis();
        jumped.then(|| format!("the clock of this machine was set {way} while the power line was open"))
    }
}

/// What is no drift any more.
pub const JUMP: Duration = Duration::from_secs(60);
/// Drift of the converter that is corrected.
const DRIFT_MS: u64 = 500;
const LOOK_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Utc {
        Utc::from_secs(1_795_305_600 + secs)
    }

    #[test]
    fn the_file_says_whether_the_clock_is_right_and_each_change_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("synchronized");
        let mut trust = Trust::new(Some(file.clone()));
        let why = trust.news(at(0), at(0)).trust.unwrap().unwrap_err();
        assert!(why.contains("not synchronised"), "{why}");
        assert_eq!(trust.news(at(5), at(7)), ClockNews::default(), "nothing is corrected by it");
        std::fs::write(&file, "").unwrap();
        assert_eq!(trust.news(at(6), at(6)).trust, Some(Ok(())));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(trust.news(at(6), at(6)).trust, None, "not looked at more than once a second");
        assert!(trust.news(at(7), at(7)).trust.unwrap().is_err());
    }

    #[test]
    fn a_clock_that_was_set_is_not_trusted_until_both_agree_again() {
        let mut trust = Trust::default();
        assert_eq!(trust.news(at(0), at(0)), ClockNews::default());
        let news = trust.news(at(10), at(-3600));
        assert!(news.trust.unwrap().unwrap_err().contains("set back") && news.correct.is_none());
        assert!(trust.news(at(20), at(90)).trust.unwrap().unwrap_err().contains("set forth"));
        assert_eq!(trust.news(at(30), at(30)).trust, Some(Ok(())));
    }

    #[test]
    fn a_converter_that_drifts_is_corrected_and_one_that_is_synchronised_by_any_step() {
        let mut trust = Trust::default();
        assert_eq!(trust.news(at(0), at(1)), ClockNews { trust: None, correct: Some(at(1)) });
        let folder = tempfile::tempdir().unwrap();
        let mut trust = Trust::new(Some(folder.path().to_owned()));
        assert_eq!(trust.news(at(0), at(1_000_000)).correct, Some(at(1_000_000)));
    }
}
