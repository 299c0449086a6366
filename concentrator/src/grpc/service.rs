//! The procedures of the interface.

use super::beside::{self, LONG, SHORT};
use super::convert;
use super::places::{StreamPlace, StreamPlaces};
use super::role::Caller;
use super::stream::{self, Messages, Page, Query};
use crate::live::{Live, MeterStatus};
use crate::store::{Cursor, ReadingFilter, StoreError, StoreReader};
use crate::words::Quoted;
use backhaul::{Span, Spans};
use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_server::Concentrator;
use concentrator_proto::v1::events_server::Events;
use concentrator_proto::v1::meters_server::Meters;
use concentrator_proto::v1::readings_server::Readings;
use plc_core::{Eui64, Utc};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

/// Events in one answer.
const MAX_EVENTS: usize = 1000;
/// Connections to the store for short questions at the same time; more wait.
const MAX_QUESTIONS: usize = 8;

/// The interface: what is known now, and the store beside its writer.
#[derive(Debug)]
pub(super) struct Service {
    live: Arc<Live>,
    store: PathBuf,
    streams: StreamPlaces,
    questions: Arc<Semaphore>,
    /// Everything that is held is read for digests: one at a time, so that others are answered meanwhile.
    digesting: Arc<Semaphore>,
}

impl Service {
    /// Of whose streams one person may have `share` open.
    pub(super) fn new(live: Arc<Live>, store: PathBuf, share: usize) -> Self {
        let streams = StreamPlaces::new(share);
        let [questions, digesting] = [MAX_QUESTIONS, 1].map(|most| Arc::new(Semaphore::new(most)));
        Self { live, store, streams, questions, digesting }
    }

    /// Refuses a meter that only pushes.
    pub(super) fn can_be_asked(&self, meter: Eui64) -> Result<(), Status> {
        let meters = self.live().meters();
        match meters.borrow().get(&meter).filter(|status| status.one_way) {
            None => Ok(()),
            Some(MeterStatus { id, .. }) => Err(Status::invalid_argument(format!(
                "meter {id:?}: only pushes and hears nobody, expected one that can be asked"
            ))),
        }
    }

    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    pub(super) fn shared(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// Asks for something short, in turn, beside the threads of the runtime.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let permit = beside::permit(&self.questions, SHORT).await?;
        beside::beside(what, SHORT, Some(permit), work).await
    }

    /// Puts a command on record, before it is carried out; the name of who gives it comes back.
    pub(super) async fn record(
        &self,
        who: Caller,
        what: &'static str,
        detail: String,
    ) -> Result<String, Status> {
        let live = self.shared();
        let recorded = beside::beside("audit log", SHORT, None, move || {
            let jobs = live.jobs().ok_or_else(|| Status::unavailable("nothing can be put on record here"))?;
            let recorded = jobs.record(live.now(), &who, what, &detail);
            recorded.map(|()| who.name).map_err(|error| Status::internal(error.to_string()))
        });
        recorded.await
    }

    /// The oldest reading, the newest, and the newest event.
    async fn held(&self) -> Result<(Cursor, Cursor, Cursor), Status> {
        self.ask(|store| {
            let (oldest, newest) = store.bounds()?;
            Ok((oldest, newest, store.newest_event()?))
        })
        .await
    }

    /// Readings between two cursors that the head-end does not have.
    fn undelivered(&self, oldest: Cursor, newest: Cursor) -> u64 {
        Self::missing(&self.live.delivery().borrow().readings, oldest, newest)
    }

    /// Cursors between two that are not in a set.
    fn missing(delivered: &Spans, oldest: Cursor, newest: Cursor) -> u64 {
        if newest.0 == 0 {
            return 0;
        }
        let common = |span: &Span| (span.last.min(newest.0) + 1).saturating_sub(span.first.max(oldest.0));
        let held = (newest.0 + 1).saturating_sub(oldest.0);
        held.saturating_sub(delivered.spans().iter().map(common).sum())
    }

    /// The values that a query asks for.
    pub(super) fn values(
        &self,
        who: &Caller,
        query: stream::ValueQuery,
    ) -> Result<Messages<v1::TaskValue>, Status> {
        Ok(stream::values(self.permit(who)?, Arc::clone(&self.live), self.store.clone(), query))
    }

    /// A place for a stream of this person.
    pub(super) fn permit(&self, who: &Caller) -> Result<StreamPlace, Status> {
        self.streams.take(who)
    }

    /// Asks the store something short, beside the threads of the runtime.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&StoreReader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let path = self.store.clone();
        let work = move || stream::told(StoreReader::open(&path).and_then(|reader| question(&reader)));
        self.beside("store", work).await
    }

    /// Asks the store for digests when nobody else does.
    pub(super) async fn digest<T: Send + 'static>(
        &self,
        question: impl FnOnce(&StoreReader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let path = self.store.clone();
        let work = move || stream::told(StoreReader::open(&path).and_then(|reader| question(&reader)));
        let alone = beside::permit(&self.digesting, LONG).await?;
        beside::beside("store", LONG, Some(alone), work).await
    }

    /// The meter of that name, configured or only in the store; `None` for an empty name.
    pub(super) async fn meter(&self, name: &str) -> Result<Option<Eui64>, Status> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(meter) = self.live.find_meter(name) {
            return Ok(Some(meter));
        }
        let unknown = || {
            Status::not_found(format!(
                "meter {}: not known, expected an id or EUI-64 of ListMeters",
                Quoted(name)
            ))
        };
        let meter = Eui64::parse_hex(name).ok_or_else(unknown)?;
        let held = self.ask(move |store| Ok(store.meter(meter)?.is_some())).await?;
        held.then_some(Some(meter)).ok_or_else(unknown)
    }

    fn readings(
        &self,
        who: &Caller,
        filter: ReadingFilter,
        query: Query,
    ) -> Result<Response<Messages<v1::Reading>>, Status> {
        let page = Page::new(self.store.clone(), filter);
        Ok(Response::new(stream::readings(self.permit(who)?, Arc::clone(&self.live), page, query)))
    }
}

#[tonic::async_trait]
impl Concentrator for Service {
    type WatchStatusStream = Messages<v1::StatusResponse>;

    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        Ok(Response::new(convert::status(&self.live)))
    }

    async fn show_cache(
        &self,
        _: Request<v1::ShowCacheRequest>,
    ) -> Result<Response<v1::ShowCacheResponse>, Status> {
        let (oldest, newest, event) = self.held().await?;
        let octets = ["", "-wal"].map(|suffix| {
            let mut path = self.store.clone().into_os_string();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |file| file.len())
        });
        Ok(Response::new(v1::ShowCacheResponse {
            oldest_cursor: oldest.0,
            newest_cursor: newest.0,
            newest_event: event.0,
            undelivered: self.undelivered(oldest, newest),
            octets: octets.iter().sum(),
        }))
    }

    async fn show_backhaul(
        &self,
        _: Request<v1::ShowBackhaulRequest>,
    ) -> Result<Response<v1::ShowBackhaulResponse>, Status> {
        let (oldest, newest, _) = self.held().await?;
        let (oldest_value, newest_value) = self.ask(|store| store.value_bounds()).await?;
        let delivery = self.live.delivery().borrow().clone();
        Ok(Response::new(v1::ShowBackhaulResponse {
            linked: delivery.linked,
            readings_through: delivery.readings.cumulative(1),
            events_through: delivery.events.cumulative(1),
            undelivered: self.undelivered(oldest, newest),
            fault: delivery.fault,
            values_through: delivery.values.cumulative(oldest_value.0),
            undelivered_values: Self::missing(&delivery.values, oldest_value, newest_value),
            takes_values: delivery.takes_values,
        }))
    }

    async fn watch_status(
        &self,
        request: Request<v1::WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let place = self.permit(&Caller::of(&request)?)?;
        Ok(Response::new(stream::status(place, Arc::clone(&self.live))))
    }
}

#[tonic::async_trait]
impl Meters for Service {
    async fn list_meters(
        &self,
        _: Request<v1::ListMetersRequest>,
    ) -> Result<Response<v1::ListMetersResponse>, Status> {
        let mut known = self.live.meters().borrow().clone();
        for row in self.ask(StoreReader::meters).await? {
            let meter = known.entry(row.eui64).or_default();
            meter.short_address = meter.short_address.or(row.short_address);
            if meter.id.is_empty() {
                meter.id = row.eui64.to_string();
            }
        }
        let meters =
            known.iter().map(|(eui64, status)| convert::meter(self.live.now(), *eui64, status)).collect();
        Ok(Response::new(v1::ListMetersResponse { meters }))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let name = request.into_inner().meter_id;
        let meter = self.live.find_meter(&name).or_else(|| Eui64::parse_hex(&name));
        let unknown = || {
            Status::not_found(format!(
                "meter {}: not known, expected an id of ListMeters or an EUI-64",
                Quoted(&name)
            ))
        };
        let explanation = self.live.explain(meter.ok_or_else(unknown)?);
        Ok(Response::new(convert::explanation(&self.live, explanation)))
    }
}

#[tonic::async_trait]
impl Readings for Service {
    type ListReadingsStream = Messages<v1::Reading>;
    type WatchReadingsStream = Messages<v1::Reading>;

    async fn list_readings(
        &self,
        request: Request<v1::ListReadingsRequest>,
    ) -> Result<Response<Self::ListReadingsStream>, Status> {
        let who = Caller::of(&request)?;
        let request = request.into_inner();
        let filter = ReadingFilter {
            meter: self.meter(&request.meter_id).await?,
            from: request.from_ms.map(Utc::from_millis),
            to: request.to_ms.map(Utc::from_millis),
        };
        let limit = if request.limit == 0 { u64::MAX } else { request.limit };
        self.readings(&who, filter, Query { after: Cursor(request.after_cursor), limit, follow: false })
    }

    async fn watch_readings(
        &self,
        request: Request<v1::WatchReadingsRequest>,
    ) -> Result<Response<Self::WatchReadingsStream>, Status> {
        let who = Caller::of(&request)?;
        let request = request.into_inner();
        let filter =
            ReadingFilter { meter: self.meter(&request.meter_id).await?, ..ReadingFilter::default() };
        let newest = *self.live.newest().borrow();
        let after = request.after_cursor.map_or(newest, Cursor);
        if after > newest {
            let text =
                format!("cursor {}: after the newest reading, {}; it is of another store", after.0, newest.0);
            return Err(Status::out_of_range(text));
        }
        self.readings(&who, filter, Query { after, limit: u64::MAX, follow: true })
    }
}

#[tonic::async_trait]
impl Events for Service {
    type WatchEventsStream = Messages<v1::Event>;

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let v1::ListEventsRequest { after_cursor, limit } = request.into_inner();
        let limit = if limit == 0 { MAX_EVENTS } else { MAX_EVENTS.min(limit as usize) };
        let events = self.ask(move |store| store.events(Cursor(after_cursor), limit)).await?;
        let events = events.into_iter().map(|event| convert::event(&self.live, event)).collect();
        Ok(Response::new(v1::ListEventsResponse { events }))
    }

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let who = Caller::of(&request)?;
        let newest = self.ask(StoreReader::newest_event).await?;
        let after = request.into_inner().after_cursor.map_or(newest, Cursor);
        if after > newest {
            let text =
                format!("cursor {}: after the newest event, {}; it is of another store", after.0, newest.0);
            return Err(Status::out_of_range(text));
        }
        let live = Arc::clone(&self.live);
        Ok(Response::new(stream::events(self.permit(&who)?, live, self.store.clone(), after)))
    }
}
