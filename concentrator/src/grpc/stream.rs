//! The streams of the interface: pages of the store while there are some, then the news.

use super::beside::{SHORT, beside};
use super::places::StreamPlace;
use super::{convert, tasks};
use crate::live::Live;
use crate::shutdown::Shutdown;
use crate::store::{Cursor, ReadingFilter, StoreError, StoreReader, StoredReading, StoredValue};
use crate::tasks::TaskKind;
use concentrator_proto::v1;
use plc_core::Eui64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// The messages of one stream.
pub(super) type Messages<T> = ReceiverStream<Result<T, Status>>;

/// Which readings, and whether to stay for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    pub(super) after: Cursor,
    pub(super) limit: u64,
    pub(super) follow: bool,
}

/// Which values of tasks, and whether to stay for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueQuery {
    pub(super) meter: Option<Eui64>,
    pub(super) kind: Option<TaskKind>,
    pub(super) after: Cursor,
    pub(super) limit: u64,
    pub(super) follow: bool,
    /// Only the newest of each object.
    pub(super) newest: bool,
}

impl ValueQuery {
    fn wants(&self, stored: &StoredValue) -> bool {
        let kind = TaskKind::of_source(stored.value.source);
        self.kind.is_none_or(|wanted| wanted == kind) && stored.cursor > self.after
    }
}

/// A connection to the store that goes to and fro between this task and the threads that may block.
#[derive(Debug)]
pub(super) struct Page {
    store: PathBuf,
    filter: ReadingFilter,
    reader: Option<StoreReader>,
}

impl Page {
    pub(super) const fn new(store: PathBuf, filter: ReadingFilter) -> Self {
        Self { store, filter, reader: None }
    }

    /// The next readings after a cursor. No transaction outlives it, so the log of the store can be recycled.
    async fn next(&mut self, after: Cursor, limit: u64) -> Result<Vec<StoredReading>, Status> {
        let (reader, store, filter) = (self.reader.take(), self.store.clone(), self.filter);
        let limit = usize::try_from(limit).unwrap_or(PAGE).min(PAGE);
        let (reader, readings) = blocking(move || {
            let reader = reader.map_or_else(|| StoreReader::open(&store), Ok)?;
            let readings = reader.readings(&filter, after, limit)?;
            Ok((reader, readings))
        })
        .await?;
        self.reader = Some(reader);
        Ok(readings)
    }
}

/// Sends readings until the query is answered, the client leaves or the concentrator stops.
pub(super) fn readings(
    permit: StreamPlace,
    live: Arc<Live>,
    page: Page,
    query: Query,
) -> Messages<v1::Reading> {
    let stopping = live.shutdown.clone();
    spawn(permit, stopping, async move |sender| send_readings(&sender, &live, page, query).await)
}

/// A stream that `send` fills, until it ends, the client leaves or the concentrator has stopped.
pub(super) fn spawn<T, F>(
    permit: StreamPlace,
    stopping: Shutdown,
    send: impl FnOnce(mpsc::Sender<Result<T, Status>>) -> F + Send + 'static,
) -> Messages<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(), Status>> + Send,
{
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let _permit = permit;
        let filled = send(sender.clone());
        tokio::select! {
            biased;
            () = sender.closed() => {}
            () = cut_short(&stopping) => { let _ = sender.try_send(Err(stopped())); }
            result = filled => {
                if let Err(status) = result { let _ = sender.try_send(Err(status)); }
            }
        }
    });
    ReceiverStream::new(receiver)
}

async fn send_readings(
    sender: &mpsc::Sender<Result<v1::Reading, Status>>,
    live: &Live,
    mut page: Page,
    Query { mut after, mut limit, follow }: Query,
) -> Result<(), Status> {
    let mut newest = live.newest();
    let mut stopping = false;
    loop {
        // Marked as seen before the store is asked: what is committed meanwhile wakes the wait below.
        newest.borrow_and_update();
        let readings = page.next(after, limit).await?;
        for stored in &readings {
            after = stored.cursor;
            limit -= 1;
            if !offer(sender, convert::reading(live, stored)).await? {
                return Ok(());
            }
        }
        let drained = readings.len() < PAGE;
        if limit == 0 || (drained && !follow) {
            return Ok(());
        }
        if drained {
            if stopping {
                return Err(stopped());
            }
            stopping = !news(&mut newest, &live.shutdown).await;
        }
    }
}

/// Sends values of tasks until the query is answered, the client leaves or the concentrator stops.
pub(super) fn values(
    permit: StreamPlace,
    live: Arc<Live>,
    store: PathBuf,
    query: ValueQuery,
) -> Messages<v1::TaskValue> {
    let stopping = live.shutdown.clone();
    spawn(permit, stopping, async move |sender| send_values(&sender, &live, store, query).await)
}

async fn send_values(
    sender: &mpsc::Sender<Result<v1::TaskValue, Status>>,
    live: &Live,
    store: PathBuf,
    mut query: ValueQuery,
) -> Result<(), Status> {
    let mut news_of = live.newest_value();
    let mut stopping = false;
    loop {
        news_of.borrow_and_update();
        let (path, ValueQuery { meter, after, newest, .. }) = (store.clone(), query);
        let page = blocking(move || {
            let reader = StoreReader::open(&path)?;
            if newest { reader.newest_values(meter) } else { reader.values(meter, after, PAGE) }
        });
        let page = page.await?;
        let drained = newest || page.len() < PAGE;
        let asked = query;
        for stored in page.iter().filter(|stored| asked.wants(stored)) {
            if query.limit == 0 || !offer(sender, tasks::value(live, stored)).await? {
                return Ok(());
            }
            query.limit -= 1;
        }
        query.after = page.last().map_or(query.after, |last| last.cursor.max(query.after));
        if query.limit == 0 || (drained && !query.follow) {
            return Ok(());
        }
        if drained {
            if stopping {
                return Err(stopped());
            }
            stopping = !news(&mut news_of, &live.shutdown).await;
        }
    }
}

/// Sends the events after a cursor, then the new ones.
pub(super) fn events(
    permit: StreamPlace,
    live: Arc<Live>,
    store: PathBuf,
    after: Cursor,
) -> Messages<v1::Event> {
    let stopping = live.shutdown.clone();
    spawn(permit, stopping, async move |sender| send_events(&sender, &live, store, after).await)
}

async fn send_events(
    sender: &mpsc::Sender<Result<v1::Event, Status>>,
    live: &Live,
    store: PathBuf,
    mut after: Cursor,
) -> Result<(), Status> {
    let mut count = live.events();
    let mut stopping = false;
    loop {
        count.borrow_and_update();
        let path = store.clone();
        let events = blocking(move || StoreReader::open(&path)?.events(after, PAGE)).await?;
        let drained = events.len() < PAGE;
        for stored in events {
            after = stored.cursor;
            if !offer(sender, convert::event(live, stored)).await? {
                return Ok(());
            }
        }
        if drained {
            if stopping {
                return Err(stopped());
            }
            stopping = !news(&mut count, &live.shutdown).await;
        }
    }
}

/// Waits for news; `false` when the concentrator stops instead. What is durable by then is still to be sent.
async fn news<T>(of: &mut watch::Receiver<T>, shutdown: &Shutdown) -> bool {
    tokio::select! {
        biased;
        changed = of.changed() => changed.is_ok(),
        () = shutdown.triggered() => false,
    }
}

/// Waits for the shutdown, and then until a client that takes what there is has it.
async fn cut_short(shutdown: &Shutdown) {
    shutdown.triggered().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// Sends one message; whether somebody is there.
///
/// # Errors
/// The client takes nothing for long: its stream is closed, so that others find a place.
pub(super) async fn offer<T: Send>(
    sender: &mpsc::Sender<Result<T, Status>>,
    message: T,
) -> Result<bool, Status> {
    match sender.send_timeout(Ok(message), STALLED).await {
        Ok(()) => Ok(true),
        Err(SendTimeoutError::Closed(_)) => Ok(false),
        Err(SendTimeoutError::Timeout(_)) => {
            tracing::warn!("a stream was closed: its client took nothing for {STALLED:?}");
            Err(Status::aborted("nothing was taken for long; resume after the last cursor"))
        }
    }
}

/// Sends the status now and after changes, not more often than [`PACE`].
pub(super) fn status(permit: StreamPlace, live: Arc<Live>) -> Messages<v1::StatusResponse> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _permit = permit;
        let stopping = live.shutdown.clone();
        tokio::select! {
            biased;
            () = sender.closed() => {}
            () = stopping.triggered() => { let _ = sender.try_send(Err(stopped())); }
            () = send_status(&sender, &live) => {}
        }
    });
    ReceiverStream::new(receiver)
}

async fn send_status(sender: &mpsc::Sender<Result<v1::StatusResponse, Status>>, live: &Live) {
    let (mut status, mut meters, mut newest) = (live.status(), live.meters(), live.newest());
    loop {
        status.borrow_and_update();
        meters.borrow_and_update();
        newest.borrow_and_update();
        if sender.send(Ok(convert::status(live))).await.is_err() {
            return;
        }
        tokio::time::sleep(PACE).await;
        let change = tokio::select! {
            change = status.changed() => change,
            change = meters.changed() => change,
            change = newest.changed() => change,
        };
        if change.is_err() {
            return;
        }
    }
}

/// Asks the store on a thread that may block.
async fn blocking<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Status> {
    beside("store", SHORT, None, move || told(question())).await
}

/// A fault of the store in the log, and to who has asked.
pub(super) fn told<T>(answer: Result<T, StoreError>) -> Result<T, Status> {
    answer.map_err(|error| {
        tracing::error!("{error}");
        Status::internal(error.to_string())
    })
}

fn stopped() -> Status {
    Status::unavailable("the concentrator is stopping; resume after the last cursor")
}

/// Readings fetched at once.
const PAGE: usize = 512;
/// Messages that wait for a slow client.
const QUEUE: usize = 64;
/// Between two messages of status.
const PACE: Duration = Duration::from_millis(200);
/// How long a stream may go on with what is durable after the shutdown.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A client that takes nothing for so long loses its stream.
const STALLED: Duration = Duration::from_secs(30);
