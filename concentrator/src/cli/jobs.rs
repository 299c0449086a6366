//! `concentrator read`, `concentrator jobs` and `concentrator audit`: what is wanted of meters, and who wanted it.

use super::dial::{dial, refused};
use super::print::{self, Table};
use super::{AuditCommand, ClientArgs, JobWords, JobsArgs, JobsCommand, KindWord, ReadArgs};
use crate::grpc::PIECE_MAX;
use crate::jobs::{audit, images};
use crate::{bounded, entropy};
use anyhow::{Context, anyhow, ensure};
use collector::IMAGE_LEN_MAX;
use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_client::ConcentratorClient;
use concentrator_proto::v1::jobs_client::JobsClient;
use concentrator_proto::v1::readings_client::ReadingsClient;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tonic::transport::Channel;

/// Reads meters now, waits for it, and prints how it ended; of a single meter, the newest value of each quantity too.
pub(super) async fn read(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let channel = dial(&args.client).await?;
    let mut client = JobsClient::new(channel.clone());
    let request = v1::JobRequest {
        key: fresh_key()?,
        kind: v1::JobKind::Read.into(),
        meter_ids: args.meters.clone(),
        within_ms: args.within.saturating_mul(1000),
        ..v1::JobRequest::default()
    };
    let job = submit(&mut client, request).await?;
    let told = follow(&mut client, job.id).await?;
    let mut table = Table::new(args.client.json, print::JOB_ITEM);
    told.items.iter().try_for_each(|item| table.row(print::job_item(item)))?;
    table.finish()?;
    if let [meter] = &args.meters[..] {
        newest(channel, meter, &args.client).await?;
    }
    Ok(outcome(&told.job.unwrap_or_default()))
}

/// The newest value of each quantity of a meter.
async fn newest(channel: Channel, meter: &str, args: &ClientArgs) -> anyhow::Result<()> {
    let request =
        v1::ListReadingsRequest { meter_id: meter.to_owned(), ..v1::ListReadingsRequest::default() };
    let mut stream = ReadingsClient::new(channel).list_readings(request).await.map_err(refused)?.into_inner();
    let mut newest: BTreeMap<String, v1::Reading> = BTreeMap::new();
    while let Some(reading) = stream.message().await.map_err(refused)? {
        let held = newest.get(&reading.obis);
        if held.is_none_or(|held| held.capture_time_ms <= reading.capture_time_ms) {
            newest.insert(reading.obis.clone(), reading);
        }
    }
    let mut table = Table::new(args.json, print::QUANTITY);
    newest.values().try_for_each(|reading| table.row(print::quantity_row(reading)))?;
    Ok(table.finish()?)
}

/// Lists jobs, or does something with one.
pub(super) async fn jobs(args: &JobsArgs) -> anyhow::Result<ExitCode> {
    let mut client = JobsClient::new(dial(&args.client).await?);
    let json = args.client.json;
    let job = match &args.command {
        None => return list(&mut client, json).await,
        Some(JobsCommand::Show { id }) => return show(&mut client, *id, json).await,
        Some(JobsCommand::Preview(words)) => return preview(&mut client, words, &args.client).await,
        Some(JobsCommand::Submit { words, wait }) => {
            let image = words.image()?;
            let request = words.request(&image, now(words, &args.client).await?)?;
            if !image.is_empty() {
                upload(&mut client, image).await?;
            }
            let job = submit(&mut client, request).await?;
            if *wait {
                let told = follow(&mut client, job.id).await?;
                return print_whole(&told, json);
            }
            Some(job)
        }
        Some(JobsCommand::Approve { id }) => {
            client.approve_job(v1::ApproveJobRequest { id: *id }).await.map_err(refused)?.into_inner().job
        }
        Some(JobsCommand::Cancel { id }) => {
            client.cancel_job(v1::CancelJobRequest { id: *id }).await.map_err(refused)?.into_inner().job
        }
        Some(JobsCommand::Resume { id }) => {
            client.resume_job(v1::ResumeJobRequest { id: *id }).await.map_err(refused)?.into_inner().job
        }
    };
    let job = job.ok_or_else(|| anyhow!("concentrator: an answer without a job"))?;
    let mut table = Table::new(json, print::JOB);
    table.row(print::job(&job))?;
    table.finish()?;
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &mut JobsClient<Channel>, json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.list_jobs(v1::ListJobsRequest { limit: 0 }).await.map_err(refused)?.into_inner();
    let mut table = Table::new(json, print::JOB);
    answer.jobs.iter().try_for_each(|job| table.row(print::job(job)))?;
    table.finish()?;
    Ok(ExitCode::SUCCESS)
}

async fn show(client: &mut JobsClient<Channel>, id: u64, json: bool) -> anyhow::Result<ExitCode> {
    let told = client.read_job(v1::ReadJobRequest { id }).await.map_err(refused)?.into_inner();
    print_whole(&told, json)
}

fn print_whole(told: &v1::ReadJobResponse, json: bool) -> anyhow::Result<ExitCode> {
    let job = told.job.clone().unwrap_or_default();
    let mut table = Table::new(json, print::JOB);
    table.row(print::job(&job))?;
    table.finish()?;
    let mut table = Table::new(json, print::JOB_ITEM);
    told.items.iter().try_for_each(|item| table.row(print::job_item(item)))?;
    table.finish()?;
    Ok(outcome(&job))
}

async fn preview(
    client: &mut JobsClient<Channel>,
    words: &JobWords,
    args: &ClientArgs,
) -> anyhow::Result<ExitCode> {
    let key = words.key.clone().unwrap_or_else(|| String::from("preview"));
    let job =
        JobWords { key: Some(key), ..words.clone() }.request(&words.image()?, now(words, args).await?)?;
    let request = v1::PreviewJobRequest { job: Some(job) };
    let told = client.preview_job(request).await.map_err(refused)?.into_inner();
    let mut table = Table::new(args.json, print::PREVIEW);
    table.row(print::preview(&told))?;
    table.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Hands an image over, in pieces.
async fn upload(client: &mut JobsClient<Channel>, image: Vec<u8>) -> anyhow::Result<()> {
    let sha256 = images::hex(&images::hash(&image));
    let pieces: Vec<_> = image.chunks(PIECE_MAX).map(<[u8]>::to_vec).collect();
    let pieces =
        pieces.into_iter().map(move |octets| v1::UploadImageRequest { octets, sha256: sha256.clone() });
    client.upload_image(tokio_stream::iter(pieces)).await.map_err(refused)?;
    Ok(())
}

/// The time of the concentrator, where it matters.
async fn now(words: &JobWords, args: &ClientArgs) -> anyhow::Result<i64> {
    if words.activate_after.is_none() {
        return Ok(0);
    }
    let mut client = ConcentratorClient::new(dial(args).await?);
    Ok(client.status(v1::StatusRequest {}).await.map_err(refused)?.into_inner().now_ms)
}

async fn submit(client: &mut JobsClient<Channel>, job: v1::JobRequest) -> anyhow::Result<v1::Job> {
    let request = v1::SubmitJobRequest { job: Some(job) };
    let answer = client.submit_job(request).await.map_err(refused)?.into_inner();
    answer.job.ok_or_else(|| anyhow!("concentrator: an answer without a job"))
}

/// Waits until a job is over or somebody has to do something.
async fn follow(client: &mut JobsClient<Channel>, id: u64) -> anyhow::Result<v1::ReadJobResponse> {
    loop {
        let told = client.read_job(v1::ReadJobRequest { id }).await.map_err(refused)?.into_inner();
        let state = told.job.as_ref().map(v1::Job::state);
        if state != Some(v1::JobState::Running) {
            return Ok(told);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a program learns from the exit code.
fn outcome(job: &v1::Job) -> ExitCode {
    match job.state() {
        v1::JobState::Finished if job.failed == 0 => ExitCode::SUCCESS,
        v1::JobState::Running => ExitCode::SUCCESS,
        v1::JobState::AwaitingApproval | v1::JobState::Halted => ExitCode::from(7),
        _ => ExitCode::from(6),
    }
}

impl JobWords {
    /// The octets of the image; none where no image is named.
    fn image(&self) -> anyhow::Result<Vec<u8>> {
        let Some(path) = self.image.as_ref().filter(|_| self.kind == KindWord::Firmware) else {
            return Ok(Vec::new());
        };
        let octets =
            bounded::piped(path, IMAGE_LEN_MAX).with_context(|| format!("image {}", path.display()))?;
        ensure!(
            !octets.is_empty(),
            "image {}: it is empty, expected 1 to {IMAGE_LEN_MAX} octets",
            path.display()
        );
        Ok(octets)
    }

    /// What is asked of the concentrator, whose time is `now_ms`.
    fn request(&self, image: &[u8], now_ms: i64) -> anyhow::Result<v1::JobRequest> {
        let key = match &self.key {
            Some(key) => key.clone(),
            None => fresh_key()?,
        };
        let is_image = !image.is_empty();
        Ok(v1::JobRequest {
            key,
            kind: self.kind.message().into(),
            meter_ids: self.meters.clone(),
            all: self.all,
            limit_w: self.watt.unwrap_or(0),
            within_ms: self.within.saturating_mul(1000),
            image_sha256: if is_image { images::hex(&images::hash(image)) } else { String::new() },
            image_identifier: self.identifier.clone().unwrap_or_default(),
            activate_from_ms: self.activate_after.map_or(0, |after| now_ms + i64::from(after) * 1000),
        })
    }
}

/// A key that nobody has used.
fn fresh_key() -> anyhow::Result<String> {
    let seed = entropy::seed().context("entropy of the machine")?;
    Ok(seed.0[..8].iter().map(|octet| format!("{octet:02x}")).collect())
}

/// Proves the audit log in the folder of a store, and lists it.
pub(super) fn audit(command: &AuditCommand) -> anyhow::Result<ExitCode> {
    let (AuditCommand::Verify { dir, .. } | AuditCommand::List { dir, .. }) = command;
    let entries = audit::verify(&dir.join(audit::LOG), &audit::public_key(dir)?)?;
    match command {
        AuditCommand::Verify { .. } => {
            println(&format!("{} entries, whole and signed by this box", entries.len()), dir)?
        }
        AuditCommand::List { json, .. } => {
            let mut table = Table::new(*json, print::AUDIT);
            entries.iter().try_for_each(|entry| table.row(print::audit(entry)))?;
            table.finish()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn println(text: &str, dir: &Path) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout().lock(), "{}: {text}", dir.join(audit::LOG).display())
}

/// Pause between two looks at a job.
const LOOK: Duration = Duration::from_millis(200);
