//! The commands that ask a running concentrator.

use super::dial::{dial, refused};
use super::print::{self, Table};
use super::{
    ClientArgs, Command, EventsArgs, ExplainArgs, MeterOrder, MetersArgs, OneMeterArgs, ReadingsArgs, jobs,
    ledger, network, tasks,
};
use anyhow::anyhow;
use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_client::ConcentratorClient;
use concentrator_proto::v1::events_client::EventsClient;
use concentrator_proto::v1::meters_client::MetersClient;
use concentrator_proto::v1::readings_client::ReadingsClient;
use plc_core::Utc;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

pub(super) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let done = match command {
            Command::Read(args) => return jobs::read(&args).await,
            Command::Jobs(args) => return jobs::jobs(&args).await,
            Command::Tasks(args) => tasks::tasks(&args).await,
            Command::Values(args) => tasks::values(&args).await,
            Command::Cache(args) => cache(&args).await,
            Command::Backhaul(args) => backhaul(&args).await,
            Command::Meters(args) => meters(&args).await,
            Command::Meter(args) => one_meter(&args).await,
            Command::Readings(args) => readings(&args).await,
            Command::Topology(args) => network::topology(&args).await,
            Command::Capture(args) => network::capture(&args).await,
            Command::Status(args) => status(&args).await,
            Command::Events(args) => events(&args).await,
            Command::Explain(args) => explain(&args).await,
            Command::Ledger(args) => return ledger::ledger(&args).await,
            other => Err(anyhow!("{other:?}: not a command for a running concentrator")),
        };
        done.map(|()| ExitCode::SUCCESS)
    })
}

async fn meters(args: &MetersArgs) -> anyhow::Result<()> {
    let mut client = MetersClient::new(dial(&args.client).await?);
    let answer = client.list_meters(v1::ListMetersRequest {}).await.map_err(refused)?;
    let mut meters = answer.into_inner().meters;
    if args.sort == MeterOrder::Worst {
        meters.sort_by_key(print::worth);
    }
    let mut table = Table::new(args.client.json, print::METER);
    meters.iter().try_for_each(|meter| table.row(print::meter(meter)))?;
    Ok(table.finish()?)
}

/// The newest value of each quantity of a meter, then its events.
async fn one_meter(args: &OneMeterArgs) -> anyhow::Result<()> {
    let channel = dial(&args.client).await?;
    let mut client = ReadingsClient::new(channel.clone());
    let request =
        v1::ListReadingsRequest { meter_id: args.meter.clone(), ..v1::ListReadingsRequest::default() };
    let mut stream = client.list_readings(request).await.map_err(refused)?.into_inner();
    let mut newest: BTreeMap<String, v1::Reading> = BTreeMap::new();
    let mut id = args.meter.clone();
    while let Some(reading) = stream.message().await.map_err(refused)? {
        id.clone_from(&reading.meter_id);
        let held = newest.get(&reading.obis);
        if held.is_none_or(|held| held.capture_time_ms <= reading.capture_time_ms) {
            newest.insert(reading.obis.clone(), reading);
        }
    }
    let mut table = Table::new(args.client.json, print::QUANTITY);
    newest.values().try_for_each(|reading| table.row(print::quantity_row(reading)))?;
    table.finish()?;
    tasks::newest(channel.clone(), &args.meter, args.client.json).await?;
    events_of(&mut EventsClient::new(channel), args, &id).await
}

async fn events_of(client: &mut EventsClient<Channel>, args: &OneMeterArgs, id: &str) -> anyhow::Result<()> {
    let mut table = Table::new(args.client.json, print::EVENT);
    let mut after_cursor = 0;
    loop {
        let request = v1::ListEventsRequest { after_cursor, limit: 0 };
        let events = client.list_events(request).await.map_err(refused)?.into_inner().events;
        let Some(last) = events.last() else { return Ok(table.finish()?) };
        after_cursor = last.cursor;
        let mut own = events.iter().filter(|event| event.meter_id == id);
        own.try_for_each(|event| table.row(print::event(event)))?;
    }
}

async fn events(args: &EventsArgs) -> anyhow::Result<()> {
    let mut client = EventsClient::new(dial(&args.client).await?);
    let mut table = Table::new(args.client.json, print::EVENT);
    let mut after_cursor = args.after;
    if args.follow {
        let request = v1::WatchEventsRequest { after_cursor: Some(after_cursor) };
        let mut stream = client.watch_events(request).await.map_err(refused)?.into_inner();
        loop {
            match stream.message().await {
                Ok(Some(event)) => table.row(print::event(&event))?,
                Ok(None) => return Ok(table.finish()?),
                Err(status) if status.code() == Code::Unavailable => return Ok(table.finish()?),
                Err(status) => return Err(refused(status)),
            }
            table.flush()?;
        }
    }
    loop {
        let request = v1::ListEventsRequest { after_cursor, limit: 0 };
        let events = client.list_events(request).await.map_err(refused)?.into_inner().events;
        let Some(last) = events.last() else { return Ok(table.finish()?) };
        after_cursor = last.cursor;
        events.iter().try_for_each(|event| table.row(print::event(event)))?;
    }
}

async fn explain(args: &ExplainArgs) -> anyhow::Result<()> {
    let mut client = MetersClient::new(dial(&args.client).await?);
    if let Some(meter) = &args.meter {
        let told = explanation(&mut client, meter.clone()).await?;
        return Ok(io::stdout().lock().write_all(print::explanation(&told, args.client.json).as_bytes())?);
    }
    let meters = client.list_meters(v1::ListMetersRequest {}).await.map_err(refused)?.into_inner().meters;
    let mut all = Vec::new();
    for meter in meters {
        all.push(explanation(&mut client, meter.eui64).await?);
    }
    // What needs somebody comes first.
    all.sort_by_key(|told| told.good);
    let mut table = Table::new(args.client.json, print::EXPLANATION);
    all.iter().try_for_each(|told| table.row(print::explanation_row(told)))?;
    Ok(table.finish()?)
}

async fn explanation(
    client: &mut MetersClient<Channel>,
    meter_id: String,
) -> anyhow::Result<v1::ExplainResponse> {
    Ok(client.explain(v1::ExplainRequest { meter_id }).await.map_err(refused)?.into_inner())
}

async fn cache(args: &ClientArgs) -> anyhow::Result<()> {
    let mut client = ConcentratorClient::new(dial(args).await?);
    let told = client.show_cache(v1::ShowCacheRequest {}).await.map_err(refused)?.into_inner();
    let mut table = Table::new(args.json, print::CACHE);
    table.row(print::cache(&told))?;
    Ok(table.finish()?)
}

async fn backhaul(args: &ClientArgs) -> anyhow::Result<()> {
    let mut client = ConcentratorClient::new(dial(args).await?);
    let told = client.show_backhaul(v1::ShowBackhaulRequest {}).await.map_err(refused)?.into_inner();
    let mut table = Table::new(args.json, print::BACKHAUL);
    table.row(print::backhaul(&told))?;
    Ok(table.finish()?)
}

async fn status(args: &ClientArgs) -> anyhow::Result<()> {
    let mut client = ConcentratorClient::new(dial(args).await?);
    let answer = client.status(v1::StatusRequest {}).await.map_err(refused)?;
    let mut out = io::stdout().lock();
    Ok(out.write_all(print::status(&answer.into_inner(), args.json).as_bytes())?)
}

async fn readings(args: &ReadingsArgs) -> anyhow::Result<()> {
    let mut client = ReadingsClient::new(dial(&args.client).await?);
    let meter_id = args.meter.clone().unwrap_or_default();
    let stream = if args.follow {
        let request = v1::WatchReadingsRequest { meter_id, after_cursor: Some(args.after) };
        client.watch_readings(request).await
    } else {
        let request = v1::ListReadingsRequest {
            meter_id,
            from_ms: args.from.map(Utc::as_millis),
            to_ms: args.to.map(Utc::as_millis),
            after_cursor: args.after,
            limit: 0,
        };
        client.list_readings(request).await
    };
    print_readings(stream.map_err(refused)?.into_inner(), args).await
}

async fn print_readings(mut stream: Streaming<v1::Reading>, args: &ReadingsArgs) -> anyhow::Result<()> {
    let mut table = Table::new(args.client.json, print::READING);
    loop {
        match stream.message().await {
            Ok(Some(reading)) => table.row(print::reading(&reading))?,
            Ok(None) => return Ok(table.finish()?),
            // To follow ends with the concentrator.
            Err(status) if args.follow && status.code() == Code::Unavailable => return Ok(table.finish()?),
            Err(status) => return Err(refused(status)),
        }
        if args.follow {
            table.flush()?;
        }
    }
}
