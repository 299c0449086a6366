//! `concentrator tasks` and `concentrator values`.

use super::dial::{dial, refused};
use super::print::{Table, tasks as print};
use super::task_words::{TasksArgs, TasksCommand, ValuesArgs};
use anyhow::anyhow;
use concentrator_proto::v1;
use concentrator_proto::v1::tasks_client::TasksClient;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

/// Lists tasks, or does something with one.
pub(super) async fn tasks(args: &TasksArgs) -> anyhow::Result<()> {
    let mut client = TasksClient::new(dial(&args.client).await?);
    let tasks = match &args.command {
        None => client.list_tasks(v1::ListTasksRequest {}).await.map_err(refused)?.into_inner().tasks,
        Some(command) => one(&mut client, command).await?.into_iter().collect(),
    };
    if matches!(args.command, Some(TasksCommand::Remove { .. })) {
        return Ok(());
    }
    let mut table = Table::new(args.client.json, print::TASK);
    tasks.iter().try_for_each(|task| table.row(print::task(task)))?;
    Ok(table.finish()?)
}

/// What became of the task.
async fn one(client: &mut TasksClient<Channel>, command: &TasksCommand) -> anyhow::Result<Option<v1::Task>> {
    let task = match command.clone() {
        TasksCommand::Add(words) => {
            let request = v1::AddTaskRequest { plan: Some(words.plan()) };
            client.add_task(request).await.map_err(refused)?.into_inner().task
        }
        TasksCommand::Remove { name } => {
            client.remove_task(v1::RemoveTaskRequest { name }).await.map_err(refused)?;
            return Ok(None);
        }
        TasksCommand::Pause { name } => {
            client.pause_task(v1::PauseTaskRequest { name }).await.map_err(refused)?.into_inner().task
        }
        TasksCommand::Resume { name } => {
            client.resume_task(v1::ResumeTaskRequest { name }).await.map_err(refused)?.into_inner().task
        }
    };
    task.map(Some).ok_or_else(|| anyhow!("concentrator: an answer without a task"))
}

/// Lists or follows values.
pub(super) async fn values(args: &ValuesArgs) -> anyhow::Result<()> {
    let mut client = TasksClient::new(dial(&args.client).await?);
    let meter_id = args.meter.clone().unwrap_or_default();
    let kind = args.read.map_or(v1::TaskKind::Unspecified, |word| word.message()).into();
    let stream = if args.follow {
        let request = v1::WatchValuesRequest { meter_id, kind, after_cursor: Some(args.after) };
        client.watch_values(request).await
    } else {
        let (after_cursor, newest) = (args.after, args.newest);
        client.list_values(v1::ListValuesRequest { meter_id, kind, after_cursor, limit: 0, newest }).await
    };
    let mut stream = stream.map_err(refused)?.into_inner();
    let mut table = Table::new(args.client.json, print::VALUE);
    while let Some(value) = next(&mut stream, args.follow).await? {
        table.row(print::value(&value))?;
        if args.follow {
            table.flush()?;
        }
    }
    Ok(table.finish()?)
}

/// The newest of each object of a meter that tasks have read.
pub(super) async fn newest(channel: Channel, meter: &str, json: bool) -> anyhow::Result<()> {
    let request = v1::ListValuesRequest {
        meter_id: meter.to_owned(),
        newest: true,
        ..v1::ListValuesRequest::default()
    };
    let mut stream = TasksClient::new(channel).list_values(request).await.map_err(refused)?.into_inner();
    let mut table = Table::new(json, print::VALUE);
    while let Some(value) = next(&mut stream, false).await? {
        table.row(print::value(&value))?;
    }
    Ok(table.finish()?)
}

/// The next value; to follow ends with the concentrator.
async fn next(stream: &mut Streaming<v1::TaskValue>, follow: bool) -> anyhow::Result<Option<v1::TaskValue>> {
    match stream.message().await {
        Err(status) if follow && status.code() == Code::Unavailable => Ok(None),
        told => told.map_err(refused),
    }
}
