//! Tasks on the interface, and the values that they have read.

use super::convert::obis;
use super::role::Caller;
use super::service::Service;
use super::stream::{Messages, ValueQuery};
use crate::live::Live;
use crate::store::{Cursor, EventKind, StoreReader, StoredValue};
use crate::tasks::{Entry, LOAD_PROFILE, LastRun, Plan, TaskError, TaskKind, Tasks};
use crate::words::Quoted;
use concentrator_proto::v1;
use concentrator_proto::v1::tasks_server::Tasks as TasksService;
use dlms::cosem::LogicalName;
use plc_core::Utc;
use plc_core::time::Duration;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// What is wanted: everything that can be wrong with a message is found here. `known` says whether there is a meter of that name.
///
/// # Errors
/// What is wrong, in words.
pub fn parse_task(plan: &v1::TaskPlan, known: impl Fn(&str) -> bool) -> Result<Plan, Status> {
    let Some(kind) = kind_of(plan.kind()) else {
        let text = format!("kind {}: expected one of TaskKind, and not what is built in", plan.kind);
        return Err(Status::invalid_argument(text));
    };
    let name = |name: &String| {
        let text = || format!("object {}: expected a logical name such as 1-0:32.7.0*255", Quoted(name));
        name.parse::<LogicalName>().map_err(|_| Status::invalid_argument(text()))
    };
    if let Some(unknown) = plan.meter_ids.iter().find(|name| !known(name)) {
        let text =
            format!("meter {}: not configured, expected an id or EUI-64 of ListMeters", Quoted(unknown));
        return Err(Status::not_found(text));
    }
    let or = |given: u64, usual: Duration| if given == 0 { usual } else { Duration::from_millis(given) };
    let small = |key, number: u32| {
        let text = || format!("{key} {number}: expected a number up to 255");
        u8::try_from(number).map_err(|_| Status::invalid_argument(text()))
    };
    let usual = Plan::new(&plan.name, kind);
    let period = Duration::from_millis(plan.period_ms);
    let attempts = small("attempts", plan.attempts)?;
    let parsed = Plan {
        objects: plan.objects.iter().map(name).collect::<Result<_, _>>()?,
        meters: plan.meter_ids.clone(),
        period,
        offset: Duration::from_millis(plan.offset_ms),
        spread: Duration::from_millis(plan.spread_ms),
        deadline: or(plan.deadline_ms, period),
        priority: small("priority", plan.priority)?,
        attempts: if attempts == 0 { usual.attempts } else { attempts },
        back_off: or(plan.back_off_ms, usual.back_off),
        ..usual
    };
    parsed.fault().map_or(Ok(parsed), |fault| Err(Status::invalid_argument(fault)))
}

/// The tasks, beside the rest of the interface.
#[derive(Clone, Debug)]
pub(super) struct TaskService(pub(super) Arc<Service>);

impl TaskService {
    fn live(&self) -> &Live {
        self.0.live()
    }

    /// Asks the book, beside the threads of the runtime.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Tasks) -> Result<T, TaskError> + Send + 'static,
    ) -> Result<T, Status> {
        let live = self.0.shared();
        let answer = self.0.beside("tasks", move || {
            let tasks = live.tasks().ok_or_else(|| Status::unavailable("no tasks are taken here"))?;
            question(tasks).map_err(refused)
        });
        answer.await
    }

    fn message(&self, entry: &Entry) -> v1::Task {
        let status = self.live().tasks().and_then(|tasks| tasks.status(entry.number));
        message(entry, status.as_ref())
    }

    /// A command about the task of this name: on record first, an event when it is done.
    async fn command<T: Send + 'static>(
        &self,
        who: Caller,
        (what, done): (&'static str, &str),
        name: String,
        command: impl FnOnce(&Tasks, &str) -> Result<T, TaskError> + Send + 'static,
    ) -> Result<T, Status> {
        let who = self.0.record(who, what, name.clone()).await?;
        let asked = name.clone();
        let answer = self.ask(move |tasks| command(tasks, &asked)).await?;
        self.live().tell(EventKind::Task, format!("{name}: {done} by {who}"));
        Ok(answer)
    }

    async fn pause(&self, who: Caller, name: String, paused: bool) -> Result<v1::Task, Status> {
        let words = if paused { ("pause-task", "paused") } else { ("resume-task", "resumed") };
        let entry = self.command(who, words, name, move |tasks, name| tasks.pause(name, paused)).await?;
        Ok(self.message(&entry))
    }
}

#[tonic::async_trait]
impl TasksService for TaskService {
    type ListValuesStream = Messages<v1::TaskValue>;
    type WatchValuesStream = Messages<v1::TaskValue>;

    async fn list_tasks(
        &self,
        _: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        let entries = self.ask(Tasks::list).await?;
        let tasks = entries.iter().map(|entry| self.message(entry));
        let tasks = std::iter::once(load_profile(self.live())).chain(tasks).collect();
        Ok(Response::new(v1::ListTasksResponse { tasks }))
    }

    async fn add_task(
        &self,
        request: Request<v1::AddTaskRequest>,
    ) -> Result<Response<v1::AddTaskResponse>, Status> {
        let who = Caller::of(&request)?;
        let plan = request.into_inner().plan.ok_or_else(|| Status::invalid_argument("plan: missing"))?;
        let plan = parse_task(&plan, |name| self.live().find_meter(name).is_some())?;
        let named = plan.meters.iter().filter_map(|name| self.live().find_meter(name));
        named.into_iter().try_for_each(|meter| self.0.can_be_asked(meter))?;
        let (words, name) = (("add-task", "added"), plan.name.clone());
        let entry = self.command(who, words, name, move |tasks, _| tasks.add(&plan)).await?;
        Ok(Response::new(v1::AddTaskResponse { task: Some(self.message(&entry)) }))
    }

    async fn remove_task(
        &self,
        request: Request<v1::RemoveTaskRequest>,
    ) -> Result<Response<v1::RemoveTaskResponse>, Status> {
        let who = Caller::of(&request)?;
        let (words, name) = (("remove-task", "removed"), request.into_inner().name);
        self.command(who, words, name, Tasks::remove).await?;
        Ok(Response::new(v1::RemoveTaskResponse {}))
    }

    async fn pause_task(
        &self,
        request: Request<v1::PauseTaskRequest>,
    ) -> Result<Response<v1::PauseTaskResponse>, Status> {
        let who = Caller::of(&request)?;
        let task = self.pause(who, request.into_inner().name, true).await?;
        Ok(Response::new(v1::PauseTaskResponse { task: Some(task) }))
    }

    async fn resume_task(
        &self,
        request: Request<v1::ResumeTaskRequest>,
    ) -> Result<Response<v1::ResumeTaskResponse>, Status> {
        let who = Caller::of(&request)?;
        let task = self.pause(who, request.into_inner().name, false).await?;
        Ok(Response::new(v1::ResumeTaskResponse { task: Some(task) }))
    }

    async fn list_values(
        &self,
        request: Request<v1::ListValuesRequest>,
    ) -> Result<Response<Self::ListValuesStream>, Status> {
        let who = Caller::of(&request)?;
        let request = request.into_inner();
        let kind = wanted_kind(request.kind)?;
        let query = ValueQuery {
            meter: self.0.meter(&request.meter_id).await?,
            kind,
            after: Cursor(request.after_cursor),
            limit: if request.limit == 0 { u64::MAX } else { request.limit },
            follow: false,
            newest: request.newest,
        };
        Ok(Response::new(self.0.values(&who, query)?))
    }

    async fn watch_values(
        &self,
        request: Request<v1::WatchValuesRequest>,
    ) -> Result<Response<Self::WatchValuesStream>, Status> {
        let who = Caller::of(&request)?;
        let request = request.into_inner();
        let newest = self.0.ask(StoreReader::newest_value).await?;
        let after = request.after_cursor.map_or(newest, Cursor);
        if after > newest {
            let text =
                format!("cursor {}: after the newest value, {}; it is of another store", after.0, newest.0);
            return Err(Status::out_of_range(text));
        }
        let query = ValueQuery {
            meter: self.0.meter(&request.meter_id).await?,
            kind: wanted_kind(request.kind)?,
            after,
            limit: u64::MAX,
            follow: true,
            newest: false,
        };
        Ok(Response::new(self.0.values(&who, query)?))
    }
}

/// A value as it is told.
pub(super) fn value(live: &Live, stored: &StoredValue) -> v1::TaskValue {
    let value = &stored.value;
    v1::TaskValue {
        cursor: stored.cursor.0,
        meter_id: live.meter_id(value.meter),
        eui64: value.meter.to_string(),
        kind: kind(TaskKind::of_source(value.source)).into(),
        source: obis(value.source),
        obis: obis(value.logical_name),
        capture_time_ms: value.capture.as_millis(),
        ordinal: value.ordinal.into(),
        value: value.value,
        scaler: value.scaler.into(),
        unit: value.unit.into(),
        status: value.status,
        received_ms: value.received.as_millis(),
    }
}

/// What is always read. Its run is that of each meter.
fn load_profile(live: &Live) -> v1::Task {
    let period = live.period();
    let plan = v1::TaskPlan {
        name: LOAD_PROFILE.to_owned(),
        kind: v1::TaskKind::LoadProfile.into(),
        period_ms: ms(period),
        priority: collector::PROFILE_PRIORITY.into(),
        ..v1::TaskPlan::default()
    };
    let next = live.now().floor(period) + period;
    v1::Task { plan: Some(plan), configured: true, next_ms: Some(next.as_millis()), ..v1::Task::default() }
}

fn message(entry: &Entry, status: Option<&collector::TaskStatus>) -> v1::Task {
    let run = status.and_then(|status| {
        let collector::TaskStatus { run, waiting, done, failed, .. } = *status;
        Some(v1::TaskRun { at_ms: run?.as_millis(), ended_ms: None, done, failed, late: waiting })
    });
    let last = entry.last.map(|last| {
        let LastRun { at, ended, done, failed, late } = last;
        v1::TaskRun { at_ms: at.as_millis(), ended_ms: Some(ended.as_millis()), done, failed, late }
    });
    let next = status.and_then(|status| status.next);
    v1::Task {
        plan: Some(plan_message(&entry.plan)),
        configured: entry.configured,
        paused: entry.paused,
        next_ms: next.filter(|_| !entry.paused).map(Utc::as_millis),
        run,
        last,
    }
}

fn plan_message(plan: &Plan) -> v1::TaskPlan {
    v1::TaskPlan {
        name: plan.name.clone(),
        kind: kind(plan.kind).into(),
        objects: plan.objects().iter().map(|name| obis(name.0)).collect(),
        meter_ids: plan.meters.clone(),
        period_ms: ms(plan.period),
        offset_ms: ms(plan.offset),
        spread_ms: ms(plan.spread),
        deadline_ms: ms(plan.deadline),
        priority: plan.priority.into(),
        attempts: plan.attempts.into(),
        back_off_ms: ms(plan.back_off),
    }
}

fn refused(error: TaskError) -> Status {
    let text = error.to_string();
    match error {
        TaskError::Invalid(_) => Status::invalid_argument(text),
        TaskError::Taken(_) => Status::already_exists(text),
        TaskError::Unknown(_) => Status::not_found(text),
        TaskError::Configured(_) => Status::failed_precondition(text),
        TaskError::Many => Status::resource_exhausted(text),
        TaskError::Book(_) | TaskError::File(_) => {
            tracing::error!("{text}");
            Status::internal(text)
        }
    }
}

const fn kind(kind: TaskKind) -> v1::TaskKind {
    match kind {
        TaskKind::Instant => v1::TaskKind::Instant,
        TaskKind::Daily => v1::TaskKind::Daily,
        TaskKind::Monthly => v1::TaskKind::Monthly,
        TaskKind::Events => v1::TaskKind::Events,
        TaskKind::Clock => v1::TaskKind::Clock,
    }
}

/// Of which kind values are asked for; none: of all.
fn wanted_kind(number: i32) -> Result<Option<TaskKind>, Status> {
    let known = v1::TaskKind::try_from(number).ok().map(|kind| (kind, kind_of(kind)));
    match known {
        Some((v1::TaskKind::Unspecified, _)) => Ok(None),
        Some((_, Some(kind))) => Ok(Some(kind)),
        _ => Err(Status::invalid_argument(format!(
            "kind {number}: expected one of TaskKind, and not the load profile, whose readings are in Readings"
        ))),
    }
}

const fn kind_of(kind: v1::TaskKind) -> Option<TaskKind> {
    match kind {
        v1::TaskKind::Instant => Some(TaskKind::Instant),
        v1::TaskKind::Daily => Some(TaskKind::Daily),
        v1::TaskKind::Monthly => Some(TaskKind::Monthly),
        v1::TaskKind::Events => Some(TaskKind::Events),
        v1::TaskKind::Clock => Some(TaskKind::Clock),
        v1::TaskKind::Unspecified | v1::TaskKind::LoadProfile => None,
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn plan() -> v1::TaskPlan {
        v1::TaskPlan {
            name: "volts".into(),
            kind: v1::TaskKind::Instant.into(),
            period_ms: 900_000,
            meter_ids: vec!["flat-1".into()],
            ..v1::TaskPlan::default()
        }
    }

    #[test]
    fn a_plan_is_taken_with_what_is_usual_and_told_again_as_it_was() {
        let parsed = parse_task(&plan(), |_| true).unwrap();
        assert_eq!((parsed.deadline, parsed.attempts), (Duration::from_secs(900), 3));
        assert_eq!(parsed.objects, []);
        let told = plan_message(&parsed);
        assert_eq!(told.objects.len(), 19, "what is read is told");
        let again = parse_task(&told, |_| true).unwrap();
        assert_eq!(Plan { objects: Vec::new(), ..again }, parsed);
    }

    #[test]
    fn everything_that_is_wrong_with_a_plan_is_refused_with_its_name() {
        let bad = |change: fn(&mut v1::TaskPlan)| {
            let mut plan = plan();
            change(&mut plan);
            let status = parse_task(&plan, |name| name == "flat-1").unwrap_err();
            (status.code(), status.message().to_owned())
        };
        for (code, words, change) in [
            (Code::InvalidArgument, "kind 0", (|plan| plan.kind = 0) as fn(&mut v1::TaskPlan)),
            (Code::InvalidArgument, "kind 1", |plan| plan.kind = 1),
            (Code::InvalidArgument, "kind 77", |plan| plan.kind = 77),
            (Code::InvalidArgument, "period 1 s", |plan| plan.period_ms = 1000),
            (Code::InvalidArgument, "period 18446744073709551615 ms", |plan| plan.period_ms = u64::MAX),
            (Code::InvalidArgument, "priority 256", |plan| plan.priority = 256),
            (Code::InvalidArgument, "object \"x\"", |plan| plan.objects = vec!["x".into()]),
            (Code::InvalidArgument, "objects: 65", |plan| plan.objects = vec!["1.0.1.8.0.255".into(); 65]),
            (Code::NotFound, "meter \"flat-2\"", |plan| plan.meter_ids = vec!["flat-2".into()]),
        ] {
            let (found, text) = bad(change);
            assert_eq!(found, code, "{text}");
            assert!(text.starts_with(words) && text.contains("expected"), "{text}");
        }
    }
}
