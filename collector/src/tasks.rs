//! Which meters each task has still to read, and when.

use crate::back_off::{moment, pause};
use crate::errand::Errand;
use crate::outgoing::Outgoing;
use crate::task::NAMED_MAX;
use crate::{CollectorEvent, CollectorOutput, Mark, RunReport, TASKS_MAX, Task, TaskFault, TaskStatus};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::seed::Stream;
use plc_core::{Eui64, Instant, Utc, UtcAnchor};

/// Batches that may wait for the store.
const STORING_MAX: usize = 256;
/// The longest pause after a failure.
const BACK_OFF_MAX: Duration = Duration::from_secs(3600);

/// All tasks, with their runs.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: BTreeMap<u32, Planned>,
    storing: Vec<Storing>,
}

/// A task, and how far it is.
#[derive(Debug)]
struct Planned {
    task: Task,
    run: Option<Run>,
    /// When the next run begins, if none is under way.
    next: Option<(Utc, Instant)>,
}

/// A run under way.
#[derive(Debug)]
struct Run {
    at: Utc,
    until: Instant,
    items: BTreeMap<Eui64, Item>,
    done: u32,
    failed: u32,
}

/// A meter of a run that has not ended.
#[derive(Debug)]
struct Item {
    not_before: Instant,
    failures: u32,
    in_session: bool,
    /// Batches that are not durable yet.
    open: u32,
    /// What the session has come to.
    outcome: Option<Outcome>,
}

/// A batch that is not durable yet.
#[derive(Debug)]
struct Storing {
    batch: u64,
    task: u32,
    meter: Eui64,
    mark: Option<Mark>,
    until: Instant,
}

/// What a session has come to with an errand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Everything was read.
    Done,
    /// It makes no sense to ask again.
    Failed(TaskFault),
    /// It may be tried again.
    Again(TaskFault),
    /// It could not be tried.
    Later,
}

impl Tasks {
    /// Takes a task, in the place of one with the same number. Whether there was room. One that is the same goes on as it was.
    pub(crate) fn take(&mut self, task: Task) -> bool {
        if self.tasks.get(&task.number).is_some_and(|known| known.is_same(&task)) {
            return true;
        }
        if self.tasks.len() >= TASKS_MAX && !self.tasks.contains_key(&task.number) {
            return false;
        }
        self.tasks.insert(task.number, Planned { task, run: None, next: None });
        true
    }

    /// Forgets a task. What is under way for it with a meter goes on.
    pub(crate) fn remove(&mut self, number: u32) {
        self.tasks.remove(&number);
    }

    /// Forgets what a meter still had to be asked.
    pub(crate) fn forget(&mut self, meter: Eui64) {
        self.runs().for_each(|run| drop(run.items.remove(&meter)));
    }

    /// Tasks, meters that they wait for, and batches under way.
    pub(crate) fn len(&self) -> usize {
        let items = |planned: &Planned| planned.run.as_ref().map_or(0, |run| run.items.len());
        self.tasks.len() + self.storing.len() + self.tasks.values().map(items).sum::<usize>()
    }

    /// How many that may be.
    pub(crate) fn limit(meters: usize) -> usize {
        TASKS_MAX + STORING_MAX + TASKS_MAX * meters
    }

    /// Every task, in order of number.
    pub(crate) fn status(&self) -> impl Iterator<Item = TaskStatus> {
        self.tasks.values().map(Planned::status)
    }

    /// Ends the runs that are over, and begins those that are due, with the meters that are registered.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        anchor: &UtcAnchor,
        meters: &[Eui64],
        stream: &mut Stream,
        out: &mut Outgoing,
    ) {
        self.give_up_storing(now, stream, out);
        for planned in self.tasks.values_mut() {
            planned.end_run(now, out);
            planned.begin_run(now, anchor, meters, stream);
        }
    }

    /// Whether a run may have to begin or end now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.storing.iter().any(|storing| storing.until <= now)
            || self.tasks.values().any(|planned| planned.is_due(now))
    }

    /// The most urgent errand for this meter that may begin now: priority, whether it repeats a failed one, since when.
    pub(crate) fn due(&self, now: Instant, meter: Eui64) -> Option<(u8, bool, Instant)> {
        self.items(meter)
            .filter(|(_, item)| item.waits() && item.not_before <= now)
            .map(|(task, item)| (task.priority, item.failures > 0, item.not_before))
            .min()
    }

    /// Takes all errands for a meter whose session begins, the most urgent first.
    pub(crate) fn begin(&mut self, now: Instant, meter: Eui64) -> Vec<Errand> {
        let mut errands = Vec::new();
        for planned in self.tasks.values_mut() {
            let Planned { task, run: Some(run), .. } = planned else { continue };
            let item = run.items.get_mut(&meter).filter(|item| item.waits() && item.not_before <= now);
            if let Some(item) = item {
                item.in_session = true;
                errands.push(Errand::new(task));
            }
        }
        errands.sort_by_key(Errand::priority);
        errands
    }

    /// Whether one more batch may wait for the store.
    pub(crate) fn has_room(&self) -> bool {
        self.storing.len() < STORING_MAX
    }

    /// A batch is on its way to the store.
    pub(crate) fn on_storing(
        &mut self,
        task: u32,
        meter: Eui64,
        batch: u64,
        mark: Option<Mark>,
        until: Instant,
    ) {
        self.storing.push(Storing { batch, task, meter, mark, until });
        if let Some(item) = self.item(task, meter) {
            item.open += 1;
        }
    }

    /// A session has ended an errand.
    pub(crate) fn on_outcome(
        &mut self,
        now: Instant,
        (task, meter): (u32, Eui64),
        outcome: Outcome,
        stream: &mut Stream,
        out: &mut Outgoing,
    ) {
        if let Some(item) = self.item(task, meter) {
            item.in_session = false;
            item.outcome = Some(outcome);
        }
        self.settle(now, (task, meter), stream, out);
    }

    /// A batch has become durable, if it is one of these: the mark that it moves.
    pub(crate) fn on_stored(
        &mut self,
        now: Instant,
        batch: u64,
        stream: &mut Stream,
        out: &mut Outgoing,
    ) -> Option<Option<Mark>> {
        let at = self.storing.iter().position(|storing| storing.batch == batch)?;
        let Storing { task, meter, mark, .. } = self.storing.remove(at);
        if let Some(item) = self.item(task, meter) {
            item.open = item.open.saturating_sub(1);
        }
        self.settle(now, (task, meter), stream, out);
        Some(mark)
    }

    /// When something is to be done next. Meters for which `reachable` does not hold wait for something else than time.
    pub(crate) fn deadline(&self, reachable: impl Fn(Eui64) -> bool) -> Option<Instant> {
        let storing = self.storing.iter().map(|storing| storing.until);
        let planned = self.tasks.values().filter(|planned| !planned.task.paused).filter_map(|planned| {
            match &planned.run {
                None => planned.next.map(|(_, at)| at),
                Some(run) if run.items.is_empty() => Some(Instant::EPOCH),
                Some(run) => Some(run.begins(&reachable).fold(run.until, Instant::min)),
            }
        });
        storing.chain(planned).min()
    }

    fn give_up_storing(&mut self, now: Instant, stream: &mut Stream, out: &mut Outgoing) {
        while let Some(at) = self.storing.iter().position(|storing| storing.until <= now) {
            let Storing { task, meter, .. } = self.storing.remove(at);
            if let Some(item) = self.item(task, meter) {
                item.open = item.open.saturating_sub(1);
                item.outcome = item.outcome.take().map(|_| Outcome::Again(TaskFault::NotStored));
            }
            self.settle(now, (task, meter), stream, out);
        }
    }

    /// Counts a meter whose errand has come to something and is durable.
    fn settle(
        &mut self,
        now: Instant,
        (number, meter): (u32, Eui64),
        stream: &mut Stream,
        out: &mut Outgoing,
    ) {
        let Some(Planned { task, run: Some(run), .. }) = self.tasks.get_mut(&number) else { return };
        let Some(item) = run.items.get_mut(&meter).filter(|item| !item.in_session && item.open == 0) else {
            return;
        };
        let fault = match item.outcome.take() {
            None => return,
            Some(Outcome::Later) => return item.not_before = now + shortest(task),
            Some(Outcome::Done) => None,
            Some(Outcome::Failed(fault)) => Some(fault),
            Some(Outcome::Again(fault)) => {
                item.failures += 1;
                if item.failures < task.attempts {
                    let pause = pause(task.back_off, BACK_OFF_MAX, item.failures, stream);
                    item.not_before = now + pause.max(shortest(task));
                    return;
                }
                Some(fault)
            }
        };
        run.items.remove(&meter);
        run.done += u32::from(fault.is_none());
        run.failed += u32::from(fault.is_some());
        if let Some(fault) = fault {
            out.event(CollectorEvent::TaskFailed { meter, task: number, fault });
        }
    }

    fn item(&mut self, task: u32, meter: Eui64) -> Option<&mut Item> {
        self.tasks.get_mut(&task)?.run.as_mut()?.items.get_mut(&meter)
    }

    fn items(&self, meter: Eui64) -> impl Iterator<Item = (&Task, &Item)> {
        self.tasks.values().filter_map(move |Planned { task, run, .. }| {
            let item = run.as_ref()?.items.get(&meter)?;
            (!task.paused).then_some((task, item))
        })
    }

    fn runs(&mut self) -> impl Iterator<Item = &mut Run> {
        self.tasks.values_mut().filter_map(|planned| planned.run.as_mut())
    }
}

impl Planned {
    /// Whether nothing is different but how far it is.
    fn is_same(&self, task: &Task) -> bool {
        self.task == Task { ran: self.task.ran, ..task.clone() }
    }

    fn status(&self) -> TaskStatus {
        let Self { task, run, next } = self;
        let next = next.filter(|_| !task.paused).map(|(at, _)| at);
        let after = run.as_ref().filter(|_| !task.paused).map(|run| run.at + task.period);
        let count = |count: fn(&Run) -> u32| run.as_ref().map_or(0, count);
        TaskStatus {
            number: task.number,
            next: after.or(next),
            run: run.as_ref().map(|run| run.at),
            waiting: count(|run| run.items.len() as u32),
            done: count(|run| run.done),
            failed: count(|run| run.failed),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        match &self.run {
            Some(run) => run.is_over(now),
            None => !self.task.paused && self.next.is_none_or(|(_, at)| at <= now),
        }
    }

    fn end_run(&mut self, now: Instant, out: &mut Outgoing) {
        let Some(run) = self.run.take_if(|run| run.is_over(now)) else { return };
        self.task.ran = Some(run.at);
        out.push(CollectorOutput::TaskEnded(RunReport {
            task: self.task.number,
            at: run.at,
            done: run.done,
            failed: run.failed,
            late: run.items.len() as u32,
            named: run.items.into_keys().take(NAMED_MAX).collect(),
        }));
    }

    fn begin_run(&mut self, now: Instant, anchor: &UtcAnchor, meters: &[Eui64], stream: &mut Stream) {
        if self.run.is_some() {
            return;
        }
        let Self { task, .. } = self;
        let period = task.period.max(SHORTEST_PERIOD);
        let at = (anchor.utc(now) - task.offset).floor(period) + task.offset;
        // A clock that was set back must not stop the task for so long.
        task.ran = task.ran.map(|ran| ran.min(at));
        let until = anchor.instant(at + task.deadline.clamp(SHORTEST_PERIOD, period));
        let selected: Vec<_> = meters.iter().copied().filter(|meter| task.meters.contains(*meter)).collect();
        if task.ran < Some(at) && now < until && !task.paused && !selected.is_empty() {
            let items = items(task, at, now, &selected, stream);
            self.run = Some(Run { at, until, items, done: 0, failed: 0 });
        }
        self.next = Some((at + period, anchor.instant(at + period)));
    }
}

/// The meters of a run that begins, each with its moment. Who is first differs from run to run.
fn items(task: &Task, at: Utc, now: Instant, meters: &[Eui64], stream: &mut Stream) -> BTreeMap<Eui64, Item> {
    let round = at.as_secs().unsigned_abs() / task.period.max(SHORTEST_PERIOD).as_secs().max(1);
    let places = meters.len() as u32;
    let item = |(index, meter): (usize, &Eui64)| {
        let not_before = now + slot(task.spread, index as u64, round, places, stream);
        (*meter, Item { not_before, failures: 0, in_session: false, open: 0, outcome: None })
    };
    meters.iter().enumerate().map(item).collect()
}

/// When the meter at place `index` of `places` begins, within `span`: the places move on by one each round, so that nobody is always
/// last, and each begins at its own moment of its part of the span.
pub(crate) fn slot(span: Duration, index: u64, round: u64, places: u32, stream: &mut Stream) -> Duration {
    let places = places.max(1);
    let place = ((index + round) % u64::from(places)) as u32;
    span / places * place + moment(span / places, stream)
}

impl Run {
    fn is_over(&self, now: Instant) -> bool {
        self.until <= now || self.items.is_empty()
    }

    /// When the meters that wait may begin.
    fn begins(&self, reachable: impl Fn(Eui64) -> bool) -> impl Iterator<Item = Instant> {
        self.items
            .iter()
            .filter(move |(meter, item)| item.waits() && reachable(**meter))
            .map(|(_, item)| item.not_before)
    }
}

impl Item {
    const fn waits(&self) -> bool {
        !self.in_session && self.open == 0 && self.outcome.is_none()
    }
}

/// A failed try and the next never share an instant.
fn shortest(task: &Task) -> Duration {
    task.back_off.max(Duration::from_millis(1))
}

const SHORTEST_PERIOD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CollectorConfig, Selection, What};
    use plc_core::Seed;
    use std::collections::BTreeSet;

    const PERIOD: Duration = Duration::from_secs(900);

    fn meters(count: u64) -> Vec<Eui64> {
        (1..=count).map(Eui64::from_u64).collect()
    }

    fn task() -> Task {
        Task {
            number: 7,
            what: What::Clock,
            meters: Selection::All,
            period: PERIOD,
            offset: Duration::from_secs(60),
            spread: Duration::from_secs(100),
            deadline: Duration::from_secs(600),
            priority: 50,
            attempts: 3,
            back_off: Duration::from_secs(10),
            ran: None,
            paused: false,
        }
    }

    struct Bench {
        tasks: Tasks,
        out: Outgoing,
        stream: Stream,
        meters: Vec<Eui64>,
    }

    impl Bench {
        fn new(task: Task, count: u64) -> Self {
            let config = CollectorConfig::new(Seed::from_u64(1));
            let (mut tasks, stream) = (Tasks::default(), config.seed.stream());
            assert!(tasks.take(task));
            Self { tasks, out: Outgoing::new(&config), stream, meters: meters(count) }
        }

        /// Midnight is 1000 s after the epoch of the driver.
        fn advance(&mut self, secs: u64) -> Option<RunReport> {
            let midnight = Utc::from_civil(2026, 7, 1, 0, 0, 0).unwrap();
            let anchor = UtcAnchor { at: Instant::from_secs(1000), utc: midnight };
            let Self { tasks, out, stream, meters } = self;
            tasks.advance(Instant::from_secs(1000 + secs), &anchor, meters, stream, out);
            let mut reports = core::iter::from_fn(|| out.pop()).filter_map(|output| match output {
                CollectorOutput::TaskEnded(report) => Some(report),
                _ => None,
            });
            reports.next()
        }

        /// Meters in the order in which they may begin within the next 100 seconds.
        fn order(&self) -> Vec<u64> {
            let run = self.tasks.tasks[&7].run.as_ref().unwrap();
            let mut order: Vec<_> =
                run.items.iter().map(|(meter, item)| (item.not_before, meter.as_u64())).collect();
            order.sort();
            order.into_iter().map(|(_, meter)| meter).collect()
        }

        fn end(&mut self, secs: u64, meter: u64, outcome: Outcome) {
            let Self { tasks, out, stream, .. } = self;
            let (now, meter) = (Instant::from_secs(1000 + secs), Eui64::from_u64(meter));
            let errands = tasks.begin(now, meter);
            assert_eq!(errands.len(), 1, "due");
            tasks.on_outcome(now, (7, meter), outcome, stream, out);
        }
    }

    #[test]
    fn each_meter_is_first_once_in_as_many_runs_as_there_are_and_nobody_is_always_last() {
        let mut bench = Bench::new(task(), 5);
        let (mut first, mut last) = (BTreeSet::new(), BTreeSet::new());
        for round in 0..5 {
            bench.advance(round * 900 + 60);
            let order = bench.order();
            first.insert(order[0]);
            last.insert(order[4]);
            let late = bench.advance(round * 900 + 660).unwrap();
            assert_eq!((late.late, late.done), (5, 0));
        }
        assert_eq!(first, (1..=5).collect());
        assert_eq!(last, (1..=5).collect());
    }

    #[test]
    fn a_run_begins_after_its_offset_and_ends_as_late_at_its_deadline() {
        let mut bench = Bench::new(Task { ran: Utc::from_civil(2026, 6, 30, 23, 46, 0), ..task() }, 10);
        assert_eq!(bench.advance(59), None);
        assert_eq!(bench.tasks.status().next().unwrap().run, None, "the run before is over");
        bench.advance(60);
        bench.end(160, 3, Outcome::Done);
        bench.end(160, 4, Outcome::Failed(TaskFault::NotStored));
        let status = bench.tasks.status().next().unwrap();
        assert_eq!((status.waiting, status.done, status.failed), (8, 1, 1));
        assert_eq!(bench.advance(659), None);
        let report = bench.advance(660).unwrap();
        assert_eq!((report.done, report.failed, report.late, report.named.len()), (1, 1, 8, NAMED_MAX));
        assert_eq!(report.at, Utc::from_civil(2026, 7, 1, 0, 1, 0).unwrap());
        bench.advance(661);
        assert_eq!(bench.tasks.status().next().unwrap().run, None, "once in a period");
    }

    #[test]
    fn a_meter_is_tried_as_often_as_the_task_says_with_growing_pauses() {
        let mut bench = Bench::new(task(), 1);
        bench.advance(60);
        for (secs, pause) in [(160, 10), (180, 20)] {
            bench.end(secs, 1, Outcome::Again(TaskFault::NotStored));
            let now = Instant::from_secs(1000 + secs);
            let meter = Eui64::from_u64(1);
            assert_eq!(bench.tasks.due(now + Duration::from_secs(pause / 2 - 1), meter), None);
            assert!(bench.tasks.due(now + Duration::from_secs(pause), meter).is_some_and(|due| due.1));
        }
        bench.end(220, 1, Outcome::Again(TaskFault::NotStored));
        let report = bench.advance(221).unwrap();
        assert_eq!((report.done, report.failed, report.late), (0, 1, 0));
        assert_eq!(bench.tasks.status().next().unwrap().run, None);
    }

    #[test]
    fn a_meter_counts_only_when_its_batches_are_durable() {
        let mut bench = Bench::new(task(), 1);
        bench.advance(60);
        let (now, meter) = (Instant::from_secs(1160), Eui64::from_u64(1));
        bench.tasks.begin(now, meter);
        bench.tasks.on_storing(7, meter, 1, None, Instant::from_secs(1300));
        let Bench { tasks, out, stream, .. } = &mut bench;
        tasks.on_outcome(now, (7, meter), Outcome::Done, stream, out);
        assert_eq!(tasks.status().next().unwrap().waiting, 1);
        assert_eq!(tasks.on_stored(now, 2, stream, out), None, "another batch");
        assert_eq!(tasks.on_stored(now, 1, stream, out), Some(None));
        let report = bench.advance(170).unwrap();
        assert_eq!((report.done, report.late), (1, 0));
    }

    #[test]
    fn what_the_store_does_not_take_in_time_is_read_again() {
        let mut bench = Bench::new(task(), 1);
        bench.advance(60);
        let (now, meter) = (Instant::from_secs(1160), Eui64::from_u64(1));
        bench.tasks.begin(now, meter);
        bench.tasks.on_storing(7, meter, 1, None, Instant::from_secs(1300));
        let Bench { tasks, out, stream, .. } = &mut bench;
        tasks.on_outcome(now, (7, meter), Outcome::Done, stream, out);
        bench.advance(300);
        assert!(bench.tasks.due(Instant::from_secs(1320), meter).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_a_task() {
        let mut bench = Bench::new(Task { ran: Utc::from_civil(2030, 1, 1, 0, 0, 0), ..task() }, 1);
        bench.advance(60);
        assert_eq!(bench.tasks.status().next().unwrap().run, None);
        bench.advance(960);
        assert!(bench.tasks.status().next().unwrap().run.is_some());
    }

    #[test]
    fn a_task_that_is_told_again_goes_on_and_one_that_is_different_begins_anew() {
        let mut bench = Bench::new(task(), 2);
        bench.advance(60);
        bench.end(160, 1, Outcome::Done);
        let done =
            |bench: &Bench| bench.tasks.status().next().map(|status| (status.run.is_some(), status.done));
        assert!(bench.tasks.take(Task { ran: None, ..task() }));
        assert_eq!(done(&bench), Some((true, 1)));
        assert!(bench.tasks.take(Task { priority: 3, ..task() }));
        assert_eq!(done(&bench), Some((false, 0)));
    }

    #[test]
    fn a_paused_task_does_not_begin_and_one_too_many_is_refused() {
        let mut bench = Bench::new(Task { paused: true, ..task() }, 1);
        bench.advance(60);
        let status = bench.tasks.status().next().unwrap();
        assert_eq!((status.run, status.next), (None, None));
        for number in 0..TASKS_MAX as u32 - 1 {
            assert!(bench.tasks.take(Task { number: 100 + number, ..task() }));
        }
        assert!(!bench.tasks.take(Task { number: 9, ..task() }));
        assert!(bench.tasks.take(task()), "in its own place");
    }
}
