//! What keeps a mistake from reaching every meter: how many are asked at a time, and when to stop.

/// The limits of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Meters of a job that changes something, above which a second person must approve it.
    pub approval_above: usize,
    /// Meters that go first; the others wait until all of these have ended.
    pub canary: usize,
    /// Failures in percent of the meters that have ended, above which a job is halted.
    pub failed_percent: usize,
    /// Loss in percent of the meters that were in the network when the job began, above which it is halted.
    pub lost_percent: usize,
    /// Meters of one job at most.
    pub meters_max: usize,
    /// Meters that are asked at the same time.
    pub in_hand: usize,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            approval_above: 10,
            canary: 2,
            failed_percent: 20,
            lost_percent: 10,
            meters_max: 2000,
            in_hand: 8,
        }
    }
}

/// Where the meters of a job stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub total: usize,
    /// Have not begun.
    pub waiting: usize,
    /// Have begun and not ended.
    pub sent: usize,
    /// Have ended well.
    pub done: usize,
    /// Have ended otherwise.
    pub failed: usize,
}

/// What a job may do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many more meters may be asked.
    Give(usize),
    /// It stops until somebody lets it go on; why.
    Halt(String),
}

impl Guard {
    /// What a job may do next that changes something; `joined` meters were in the network when it began, `now` are.
    pub(super) fn judge(&self, tally: &Tally, joined: usize, now: usize) -> Verdict {
        let Tally { total, sent, done, failed, .. } = *tally;
        let ended = done + failed;
        let enough = ended >= self.canary.min(total);
        if total > 1 && enough && failed * 100 > self.failed_percent * ended {
            return Verdict::Halt(format!("{failed} of {ended} meters failed"));
        }
        if total > 1 && ended > 0 && now * 100 < joined * (100 - self.lost_percent) {
            return Verdict::Halt(format!("{now} meters are in the network, {joined} were when it began"));
        }
        let room = self.in_hand.saturating_sub(sent);
        if ended < self.canary {
            Verdict::Give(room.min(self.canary - ended - sent.min(self.canary - ended)))
        } else {
            Verdict::Give(room)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(total: usize, sent: usize, done: usize, failed: usize) -> Tally {
        Tally { total, sent, done, failed, waiting: total - sent - done - failed }
    }

    fn judge(tally: Tally) -> Verdict {
        Guard::default().judge(&tally, 100, 100)
    }

    #[test]
    fn canaries_go_first_and_alone() {
        assert_eq!(judge(tally(50, 0, 0, 0)), Verdict::Give(2));
        assert_eq!(judge(tally(50, 1, 0, 0)), Verdict::Give(1));
        assert_eq!(judge(tally(50, 2, 0, 0)), Verdict::Give(0));
        assert_eq!(judge(tally(50, 1, 1, 0)), Verdict::Give(0));
        assert_eq!(judge(tally(50, 0, 2, 0)), Verdict::Give(8));
        assert_eq!(judge(tally(50, 7, 2, 0)), Verdict::Give(1));
    }

    #[test]
    fn failures_halt_a_job_when_the_canaries_have_ended() {
        assert_eq!(judge(tally(50, 1, 0, 1)), Verdict::Give(0));
        assert!(matches!(judge(tally(50, 0, 1, 1)), Verdict::Halt(why) if why == "1 of 2 meters failed"));
        assert_eq!(judge(tally(50, 0, 8, 2)), Verdict::Give(8), "a fifth is tolerated");
        assert!(matches!(judge(tally(50, 0, 8, 3)), Verdict::Halt(_)));
        assert_eq!(judge(tally(1, 0, 0, 1)), Verdict::Give(1), "one meter is no campaign");
    }

    #[test]
    fn a_network_that_shrinks_halts_a_job() {
        let guard = Guard::default();
        assert_eq!(guard.judge(&tally(50, 0, 5, 0), 100, 90), Verdict::Give(8));
        assert!(
            matches!(guard.judge(&tally(50, 0, 5, 0), 100, 89), Verdict::Halt(why) if why.starts_with("89 "))
        );
        assert_eq!(guard.judge(&tally(50, 0, 0, 0), 100, 0), Verdict::Give(2), "it cannot have been the job");
    }
}
