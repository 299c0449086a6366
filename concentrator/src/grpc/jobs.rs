//! Jobs on the interface.

use super::role::Caller;
use super::service::Service;
use super::upload;
use crate::jobs::images::{self, ImageError};
use crate::jobs::{
    Firmware, Item, ItemState, Job, JobError, JobKind, JobState, Jobs, Request as Wish, Tally,
};
use crate::live::{Live, MeterStatus};
use crate::words::Quoted;
use concentrator_proto::v1;
use concentrator_proto::v1::jobs_server::Jobs as JobsService;
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

/// What is wanted, without whoever wants it: everything that can be wrong with a message is found here.
///
/// # Errors
/// What is wrong, in words.
pub fn parse_job(
    job: &v1::JobRequest,
    configured: &BTreeSet<Eui64>,
    find: impl Fn(&str) -> Option<Eui64>,
) -> Result<Wish, Status> {
    let kind = match job.kind() {
        v1::JobKind::Unspecified => {
            let text = format!("kind {}: expected one of JobKind", job.kind);
            return Err(Status::invalid_argument(text));
        }
        v1::JobKind::Read => JobKind::Read,
        v1::JobKind::SetClock => JobKind::SetClock,
        v1::JobKind::ActivateTariff => JobKind::ActivateTariff,
        v1::JobKind::Limit => JobKind::Limit(job.limit_w),
        v1::JobKind::Disconnect => JobKind::Disconnect,
        v1::JobKind::Reconnect => JobKind::Reconnect,
        v1::JobKind::Remove => JobKind::Remove,
        v1::JobKind::Firmware => JobKind::Firmware(firmware(job)?),
        v1::JobKind::Rekey => JobKind::Rekey,
    };
    let of_firmware =
        !job.image_sha256.is_empty() || !job.image_identifier.is_empty() || job.activate_from_ms != 0;
    if of_firmware && job.kind() != v1::JobKind::Firmware {
        return Err(Status::invalid_argument("image: expected only with JOB_KIND_FIRMWARE"));
    }
    if kind == JobKind::Limit(0) {
        return Err(Status::invalid_argument(
            "limit_w 0: expected 1 or more; JOB_KIND_DISCONNECT switches off",
        ));
    }
    if job.limit_w > 0 && kind != JobKind::Limit(job.limit_w) {
        return Err(Status::invalid_argument(format!(
            "limit_w {}: expected only with JOB_KIND_LIMIT",
            job.limit_w
        )));
    }
    if job.all != job.meter_ids.is_empty() {
        return Err(Status::invalid_argument("meters: expected either all or meter_ids"));
    }
    let known = |name: &String| {
        let text =
            || format!("meter {}: not configured, expected an id or EUI-64 of ListMeters", Quoted(name));
        find(name).ok_or_else(|| Status::not_found(text()))
    };
    let named: BTreeSet<_> = job.meter_ids.iter().map(known).collect::<Result<_, _>>()?;
    let meters = if job.all { configured } else { &named };
    let within = if job.within_ms == 0 { HOUR } else { Duration::from_millis(job.within_ms) };
    Ok(Wish { key: job.key.clone(), kind, meters: meters.iter().copied().collect(), within })
}

/// What a message says of firmware.
fn firmware(job: &v1::JobRequest) -> Result<Firmware, Status> {
    let wrong = || format!("image_sha256 {}: expected 64 hexadecimal digits", Quoted(&job.image_sha256));
    let image = images::unhex(&job.image_sha256).ok_or_else(|| Status::invalid_argument(wrong()))?;
    let identifier = match job.image_identifier.as_str() {
        "" => job.image_sha256[..32].to_ascii_lowercase(),
        named => named.to_owned(),
    };
    Ok(Firmware { image, identifier, activate_from: Utc::from_millis(job.activate_from_ms) })
}

/// The jobs, beside the rest of the interface.
#[derive(Clone, Debug)]
pub(super) struct JobService {
    service: Arc<Service>,
    /// One image is uploaded at a time.
    uploads: Arc<Semaphore>,
}

impl JobService {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service, uploads: Arc::new(Semaphore::new(1)) }
    }

    fn live(&self) -> &Live {
        self.service.live()
    }

    fn wish(&self, job: Option<v1::JobRequest>) -> Result<Wish, Status> {
        let job = job.ok_or_else(|| Status::invalid_argument("job: missing"))?;
        let meters = self.live().meters();
        let hear = |(meter, status): (&Eui64, &MeterStatus)| (!status.one_way).then_some(*meter);
        let hearing = meters.borrow().iter().filter_map(hear).collect();
        let wish = parse_job(&job, &hearing, |name| self.live().find_meter(name))?;
        wish.meters.iter().try_for_each(|meter| self.service.can_be_asked(*meter))?;
        Ok(wish)
    }

    /// Asks the book, beside the threads of the runtime.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Jobs, &Live) -> Result<T, JobError> + Send + 'static,
    ) -> Result<T, Status> {
        let live = self.service.shared();
        let answer = self.service.beside("jobs", move || {
            let jobs = live.jobs().ok_or_else(|| Status::unavailable("no jobs are taken here"))?;
            question(jobs, &live).map_err(refused)
        });
        answer.await
    }

    /// A command to one job, and how the job stands then.
    async fn command<T: Send + 'static>(
        &self,
        request: &Request<T>,
        id: u64,
        command: impl FnOnce(&Jobs, &Live, i64, &Caller) -> Result<Job, JobError> + Send + 'static,
    ) -> Result<Option<v1::Job>, Status> {
        let (id, who) = (number(id)?, Caller::of(request)?);
        let (job, tally) = self
            .ask(move |jobs, live| {
                let job = command(jobs, live, id, &who)?;
                Ok((job, tallied(&jobs.job(id)?.1)))
            })
            .await?;
        Ok(Some(message(&job, &tally)))
    }
}

#[tonic::async_trait]
impl JobsService for JobService {
    async fn preview_job(
        &self,
        request: Request<v1::PreviewJobRequest>,
    ) -> Result<Response<v1::PreviewJobResponse>, Status> {
        let who = Caller::of(&request)?;
        let wish = self.wish(request.into_inner().job)?;
        let meter_ids = wish.meters.iter().map(|meter| self.live().meter_id(*meter)).collect();
        let preview = self.ask(move |jobs, _| jobs.preview(&wish, &who)).await?;
        Ok(Response::new(v1::PreviewJobResponse {
            meter_ids,
            canary: count(preview.canary),
            needs_approval: preview.needs_approval,
        }))
    }

    async fn upload_image(
        &self,
        request: Request<Streaming<v1::UploadImageRequest>>,
    ) -> Result<Response<v1::UploadImageResponse>, Status> {
        let who = Caller::of(&request)?;
        let _turn = self
            .uploads
            .try_acquire()
            .map_err(|_| Status::resource_exhausted("another image is being uploaded"))?;
        let (octets, expected) = upload::receive(request.into_inner()).await?;
        let len = octets.len() as u64;
        let keep = move |jobs: &Jobs, live: &Live| jobs.keep_image(&octets, expected, &who, live.now());
        let hash = self.ask(keep).await?;
        Ok(Response::new(v1::UploadImageResponse { sha256: images::hex(&hash), octets: len }))
    }

    async fn submit_job(
        &self,
        request: Request<v1::SubmitJobRequest>,
    ) -> Result<Response<v1::SubmitJobResponse>, Status> {
        let who = Caller::of(&request)?;
        let wish = self.wish(request.into_inner().job)?;
        let (job, tally) = self
            .ask(move |jobs, live| {
                let job = jobs.submit(&wish, &who, live.joined(), live.now())?;
                let tally = tallied(&jobs.job(job.id)?.1);
                Ok((job, tally))
            })
            .await?;
        Ok(Response::new(v1::SubmitJobResponse { job: Some(message(&job, &tally)) }))
    }

    async fn list_jobs(
        &self,
        request: Request<v1::ListJobsRequest>,
    ) -> Result<Response<v1::ListJobsResponse>, Status> {
        let limit = request.into_inner().limit as usize;
        let limit = if limit == 0 { MAX_JOBS } else { MAX_JOBS.min(limit) };
        let jobs = self.ask(move |jobs, _| jobs.list(limit)).await?;
        let jobs = jobs.iter().map(|(job, tally)| message(job, tally)).collect();
        Ok(Response::new(v1::ListJobsResponse { jobs }))
    }

    async fn read_job(
        &self,
        request: Request<v1::ReadJobRequest>,
    ) -> Result<Response<v1::ReadJobResponse>, Status> {
        let id = number(request.into_inner().id)?;
        let (job, items) = self.ask(move |jobs, _| jobs.job(id)).await?;
        let tally = tallied(&items);
        let items = items.into_iter().map(|item| item_message(self.live(), item)).collect();
        Ok(Response::new(v1::ReadJobResponse { job: Some(message(&job, &tally)), items }))
    }

    async fn approve_job(
        &self,
        request: Request<v1::ApproveJobRequest>,
    ) -> Result<Response<v1::ApproveJobResponse>, Status> {
        let id = request.get_ref().id;
        let approve =
            |jobs: &Jobs, live: &Live, id, who: &Caller| jobs.approve(id, who, live.joined(), live.now());
        let job = self.command(&request, id, approve).await?;
        Ok(Response::new(v1::ApproveJobResponse { job }))
    }

    async fn cancel_job(
        &self,
        request: Request<v1::CancelJobRequest>,
    ) -> Result<Response<v1::CancelJobResponse>, Status> {
        let id = request.get_ref().id;
        let cancel = |jobs: &Jobs, live: &Live, id, who: &Caller| jobs.cancel(id, who, live.now());
        let job = self.command(&request, id, cancel).await?;
        Ok(Response::new(v1::CancelJobResponse { job }))
    }

    async fn resume_job(
        &self,
        request: Request<v1::ResumeJobRequest>,
    ) -> Result<Response<v1::ResumeJobResponse>, Status> {
        let id = request.get_ref().id;
        let resume =
            |jobs: &Jobs, live: &Live, id, who: &Caller| jobs.resume(id, who, live.joined(), live.now());
        let job = self.command(&request, id, resume).await?;
        Ok(Response::new(v1::ResumeJobResponse { job }))
    }
}

/// Whoever asks, as the guard of the service has found out.
fn number(id: u64) -> Result<i64, Status> {
    i64::try_from(id).map_err(|_| Status::not_found(format!("job {id}: not known")))
}

fn refused(error: JobError) -> Status {
    let text = error.to_string();
    match error {
        JobError::Invalid(_) => Status::invalid_argument(text),
        JobError::KeyTaken(..) => Status::already_exists(text),
        JobError::Unknown(_) => Status::not_found(text),
        JobError::Denied(_) => Status::permission_denied(text),
        JobError::State(..) => Status::failed_precondition(text),
        JobError::Many | JobError::Image(ImageError::Many) => Status::resource_exhausted(text),
        JobError::Image(ImageError::Unknown(_)) => Status::not_found(text),
        JobError::Image(ImageError::Length(_) | ImageError::Other(..)) => Status::invalid_argument(text),
        JobError::Book(_)
        | JobError::File(_)
        | JobError::Audit(_)
        | JobError::Entropy(_)
        | JobError::Image(ImageError::Io { .. }) => {
            tracing::error!("{text}");
            Status::internal(text)
        }
    }
}

fn tallied(items: &[Item]) -> Tally {
    let count = |state| items.iter().filter(|item| item.state == state).count();
    Tally {
        total: items.len(),
        waiting: count(ItemState::Waiting),
        sent: count(ItemState::Sent),
        done: count(ItemState::Done),
        failed: count(ItemState::Failed),
    }
}

fn message(job: &Job, tally: &Tally) -> v1::Job {
    let kind = match job.kind {
        JobKind::Read => v1::JobKind::Read,
        JobKind::SetClock => v1::JobKind::SetClock,
        JobKind::ActivateTariff => v1::JobKind::ActivateTariff,
        JobKind::Limit(_) => v1::JobKind::Limit,
        JobKind::Disconnect => v1::JobKind::Disconnect,
        JobKind::Reconnect => v1::JobKind::Reconnect,
        JobKind::Remove => v1::JobKind::Remove,
        JobKind::Firmware(_) => v1::JobKind::Firmware,
        JobKind::Rekey => v1::JobKind::Rekey,
    };
    let firmware = if let JobKind::Firmware(firmware) = &job.kind { Some(firmware) } else { None };
    let state = match job.state {
        JobState::AwaitingApproval => v1::JobState::AwaitingApproval,
        JobState::Running => v1::JobState::Running,
        JobState::Halted => v1::JobState::Halted,
        JobState::Finished => v1::JobState::Finished,
        JobState::Cancelled => v1::JobState::Cancelled,
        JobState::Expired => v1::JobState::Expired,
    };
    v1::Job {
        id: job.id.cast_unsigned(),
        key: job.key.clone(),
        kind: kind.into(),
        limit_w: job.kind.parameter(),
        asked_by: job.asked_by.clone(),
        approved_by: job.approved_by.clone(),
        created_ms: job.created.as_millis(),
        until_ms: job.until.as_millis(),
        state: state.into(),
        note: job.note.clone(),
        meters: count(tally.total),
        waiting: count(tally.waiting),
        sent: count(tally.sent),
        done: count(tally.done),
        failed: count(tally.failed),
        image_sha256: firmware.map_or_else(String::new, |firmware| images::hex(&firmware.image)),
        image_identifier: firmware.map_or_else(String::new, |firmware| firmware.identifier.clone()),
        activate_from_ms: firmware.map_or(0, |firmware| firmware.activate_from.as_millis()),
    }
}

fn item_message(live: &Live, item: Item) -> v1::JobItem {
    let state = match item.state {
        ItemState::Waiting => v1::ItemState::Waiting,
        ItemState::Sent => v1::ItemState::Sent,
        ItemState::Done => v1::ItemState::Done,
        ItemState::Failed => v1::ItemState::Failed,
    };
    let meter_id = live.meter_id(item.meter);
    v1::JobItem {
        meter_id,
        state: state.into(),
        time_ms: item.time.as_millis(),
        text: item.text,
        blocks_done: item.progress.done,
        blocks: item.progress.all,
        firmware_before: item.progress.version.escape_ascii().to_string(),
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const HOUR: Duration = Duration::from_secs(3600);
const MAX_JOBS: usize = 1000;
