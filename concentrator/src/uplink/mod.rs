//! The way to the head-end: the driver of [`backhaul::Uplink`].
//!
//! It runs on a thread of its own, reads the store beside its writer, and tells [`Live`] and the store's retention what the head-end
//! has. `wire` turns readings into messages and back, for both ends.

mod link;
mod memory;
pub mod wire;

pub use memory::{Memory, Present};

use crate::clock::{self, Monotonic};
use crate::live::{Delivery, Live};
use crate::pulse::Pipeline;
use crate::shutdown::Shutdown;
use crate::store::{Cursor, DeliveredMark, ReadingFilter, StoreError, StoreReader};
use crate::{validity, words};
use backhaul::{Ending, Lot, Span, Spans, Uplink, UplinkConfig, UplinkInput, UplinkOutput};
use concentrator_proto::v1;
use concentrator_proto::v1::deliver_request::Word as Request;
use concentrator_proto::v1::deliver_response::Word as Answer;
use link::Link;
use plc_core::{Instant, Machine};
use prost::Message;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tonic::transport::Uri;

/// Where the head-end is, and who the box is.
#[derive(Clone, Debug)]
pub struct UplinkSettings {
    /// Where the head-end listens.
    pub head_end: Uri,
    /// Name of the box, as in its certificate.
    pub box_id: String,
    /// Certificates and key; without them in plain text.
    pub tls: Option<TlsFiles>,
    /// Limits and habits.
    pub config: UplinkConfig,
}

/// Contents of PEM files.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authority of the other end.
    pub authority: String,
    /// Own certificate.
    pub certificate: String,
    /// Own private key.
    pub key: String,
}

/// Starts to deliver what is in the store, until `stop`.
///
/// # Errors
/// The system gives no thread.
pub fn start(
    settings: UplinkSettings,
    live: Arc<Live>,
    store: PathBuf,
    mark: DeliveredMark,
    stop: Shutdown,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = move || runtime.block_on(Driver::new(settings, live, store, mark, stop).run());
    std::thread::Builder::new().name(String::from("uplink")).spawn(body)
}

struct Driver {
    settings: UplinkSettings,
    live: Arc<Live>,
    stop: Shutdown,
    store: PathBuf,
    reader: Option<StoreReader>,
    mark: DeliveredMark,
    machine: Uplink,
    clock: Monotonic,
    memory: Memory,
    saved: Option<Instant>,
    link: Option<Link>,
    /// Cursors of the oldest reading and of the oldest value that are here, or will be.
    floor: u64,
    value_floor: u64,
}

enum News {
    Word(Result<Option<Answer>, tonic::Status>),
    Grown,
    Tick,
    Stop,
}

impl Driver {
    fn new(
        settings: UplinkSettings,
        live: Arc<Live>,
        store: PathBuf,
        mark: DeliveredMark,
        stop: Shutdown,
    ) -> Self {
        let present = StoreReader::open(&store).and_then(|reader| Present::of(&reader));
        let present = present.inspect_err(|error| tracing::error!("{error}")).ok();
        let memory = Memory::open(&store, present.as_ref(), clock::utc());
        let machine = Uplink::new(UplinkConfig { ceiling: memory.ceiling, ..settings.config.clone() });
        mark.set(Cursor(memory.readings.cumulative(1)));
        mark.set_values(Cursor(memory.values.cumulative(1)));
        let known = Delivery {
            events: memory.events.clone(),
            readings: memory.readings.clone(),
            values: memory.values.clone(),
            ..Delivery::default()
        };
        live.update_delivery(|delivery| *delivery = known);
        let clock = Monotonic::start();
        Self {
            settings,
            live,
            stop,
            store,
            reader: None,
            mark,
            machine,
            clock,
            memory,
            saved: None,
            link: None,
            floor: 1,
            value_floor: 1,
        }
    }

    async fn run(mut self) {
        if let Err(error) = self.memory.save() {
            tracing::error!("what the head-end has cannot be remembered: {error}");
        }
        let (mut newest, mut events) = (self.live.newest(), self.live.events());
        let mut values = self.live.newest_value();
        self.grow();
        let shutdown = self.stop.clone();
        loop {
            self.live.beat(Pipeline::Backhaul);
            self.carry_out().await;
            let deadline = self.machine.deadline();
            let pause = deadline.map_or(IDLE, |at| at.since(self.clock.now())).min(IDLE);
            let news = tokio::select! {
                biased;
                () = shutdown.triggered() => News::Stop,
                word = next_word(&mut self.link) => News::Word(word),
                _ = newest.changed() => News::Grown,
                _ = events.changed() => News::Grown,
                _ = values.changed() => News::Grown,
                () = tokio::time::sleep(pause) => News::Tick,
            };
            match news {
                News::Stop => break,
                News::Word(word) => self.on_word(word),
                News::Grown => self.grow(),
                News::Tick => self.machine.tick(self.clock.now()),
            }
            self.remember(SAVE_EVERY);
        }
        self.live.rest(Pipeline::Backhaul);
        self.remember(Duration::ZERO);
    }

    fn input(&mut self, input: UplinkInput<'_>) {
        self.machine.handle(self.clock.now(), input);
    }

    /// Does what the machine wants.
    async fn carry_out(&mut self) {
        let mut batches = Vec::new();
        while let Some(output) = self.machine.poll() {
            if let UplinkOutput::Batch { lot, span } = output {
                batches.push((lot, span));
                if batches.len() < LOADED_AT_ONCE {
                    continue;
                }
            }
            self.send_batches(std::mem::take(&mut batches)).await;
            match output {
                UplinkOutput::Batch { .. } => {}
                UplinkOutput::Open => self.open().await,
                UplinkOutput::Close(ending) => self.close(String::from(ended(ending))),
                UplinkOutput::Hello => self.send(hello(&self.settings.box_id, self.memory.epoch)).await,
                UplinkOutput::Heartbeat => self.send(Request::Heartbeat(v1::Heartbeat {})).await,
                UplinkOutput::Held { lot, spans } => self.hold(lot, spans),
                UplinkOutput::Renew => self.renew(),
            }
        }
        self.send_batches(batches).await;
    }

    async fn open(&mut self) {
        self.grow();
        let shutdown = self.stop.clone();
        let opened = tokio::select! {
            opened = Link::open(&self.settings) => opened,
            () = shutdown.triggered() => return,
        };
        match opened {
            Ok(link) => {
                self.link = Some(link);
                self.input(UplinkInput::Opened);
            }
            Err(error) => {
                self.close(words::chain(&error) + &self.own_fault());
                self.input(UplinkInput::Closed { retry_after: None });
            }
        }
    }

    /// What is wrong with the certificate of this box, to go on with what else is said.
    fn own_fault(&self) -> String {
        let tls = self.settings.tls.as_ref();
        let fault = tls.and_then(|tls| validity::fault(&tls.certificate, clock::utc()));
        fault.map_or_else(String::new, |fault| format!("; the certificate of this box {fault}"))
    }

    fn close(&mut self, fault: String) {
        self.link = None;
        let fault = words::short(&fault);
        tracing::warn!(head_end = %self.settings.head_end, "no connection: {fault}");
        self.live.update_delivery(|delivery| {
            (delivery.linked, delivery.sent, delivery.fault) = (false, Spans::new(), fault);
        });
    }

    async fn send(&mut self, word: Request) {
        let Some(link) = &self.link else { return };
        self.live.beat(Pipeline::Backhaul);
        if !link.send(word).await {
            self.close(String::from("the connection takes nothing"));
            self.input(UplinkInput::Closed { retry_after: None });
        }
    }

    /// Reads batches from the store and sends them.
    async fn send_batches(&mut self, batches: Vec<(Lot, Span)>) {
        if batches.is_empty() {
            return;
        }
        let spans = batches.clone();
        let (reader, store) = (self.reader.take(), self.store.clone());
        let loaded = tokio::task::spawn_blocking(move || load(reader, &store, &spans)).await;
        let words = match loaded {
            Ok(Ok((reader, words))) => {
                self.reader = Some(reader);
                words
            }
            Ok(Err(error)) => return self.give_up(error.to_string()),
            Err(error) => return self.give_up(error.to_string()),
        };
        for ((lot, span), (word, octets)) in batches.into_iter().zip(words) {
            if self.link.is_none() {
                return;
            }
            if lot == Lot::Readings {
                self.live.update_delivery(|delivery| delivery.sent.insert(span));
            }
            self.send(word).await;
            self.input(UplinkInput::Sent { octets });
        }
    }

    fn give_up(&mut self, fault: String) {
        tracing::error!("the store cannot be read for the head-end: {fault}");
        self.close(fault);
        self.input(UplinkInput::Closed { retry_after: None });
    }

    fn on_word(&mut self, word: Result<Option<Answer>, tonic::Status>) {
        let fault = match word {
            Ok(Some(Answer::Welcome(welcome))) => self.on_welcome(&welcome).err(),
            Ok(Some(Answer::Acknowledgement(news))) => self.on_acknowledgement(&news).err(),
            Ok(Some(Answer::Heartbeat(_))) => {
                self.input(UplinkInput::Heartbeat);
                None
            }
            Ok(Some(Answer::Farewell(farewell))) => {
                self.close(format!("the head-end says: {}", farewell.reason));
                let retry_after = Some(Duration::from_millis(farewell.retry_after_ms));
                return self.input(UplinkInput::Closed { retry_after });
            }
            Ok(None) => Some(String::from("ended by the head-end")),
            Err(status) => Some(said(&status)),
        };
        if let Some(fault) = fault {
            self.close(fault + &self.own_fault());
            self.input(UplinkInput::Closed { retry_after: None });
        }
    }

    fn on_welcome(&mut self, welcome: &v1::Welcome) -> Result<(), String> {
        let (held, takes_values) = wire::parse_welcome(welcome).map_err(|error| error.to_string())?;
        let [events, readings, values] = Lot::ALL.map(|lot| held.held(lot));
        self.input(UplinkInput::Welcome { events, readings, values: takes_values.then_some(values) });
        let linked = self.machine.is_linked();
        tracing::info!(head_end = %self.settings.head_end, linked, takes_values, "welcome");
        self.live.update_delivery(|delivery| {
            (delivery.linked, delivery.takes_values) = (linked, takes_values);
            delivery.fault.clear();
        });
        if linked {
            // Also what is less than was remembered: the head-end may have lost its store.
            let taken = Lot::ALL.into_iter().filter(|lot| takes_values || *lot != Lot::Values);
            taken.for_each(|lot| self.hold(lot, held.held(lot).clone()));
            self.mark_values();
            self.remember_link();
        }
        Ok(())
    }

    /// From here on things are sent, and the head-end may hold whatever there is.
    fn remember_link(&mut self) {
        if self.memory.ceiling.take().is_some()
            && let Err(error) = self.memory.save()
        {
            tracing::error!("that the head-end was heard cannot be remembered: {error}");
        }
    }

    fn on_acknowledgement(&mut self, news: &v1::Acknowledgement) -> Result<(), String> {
        let lot = wire::parse_lot(news.lot).map_err(|error| error.to_string())?;
        let held = wire::parse_spans(&news.held).map_err(|error| error.to_string())?;
        self.input(UplinkInput::Acknowledged { lot, held: &held });
        Ok(())
    }

    fn hold(&mut self, lot: Lot, spans: Spans) {
        match lot {
            Lot::Events => self.memory.events.clone_from(&spans),
            Lot::Readings => {
                self.mark.set(Cursor(spans.cumulative(self.floor)));
                self.memory.readings.clone_from(&spans);
            }
            Lot::Values => self.memory.values.clone_from(&spans),
        }
        self.live.update_delivery(|delivery| match lot {
            Lot::Events => delivery.events = spans,
            Lot::Readings => delivery.readings = spans,
            Lot::Values => delivery.values = spans,
        });
        self.mark_values();
    }

    /// Values of which the head-end has said that it does not want them may make room, as they do without a head-end.
    fn mark_values(&self) {
        let delivery = self.live.delivery();
        let refused = delivery.borrow().linked && !delivery.borrow().takes_values;
        let through = if refused { u64::MAX } else { self.memory.values.cumulative(self.value_floor) };
        self.mark.set_values(Cursor(through));
    }

    /// The head-end holds more than this store ever had.
    fn renew(&mut self) {
        self.memory.renew(clock::utc());
        tracing::warn!(
            epoch = self.memory.epoch,
            "the head-end knows another store of this box: all is sent again"
        );
        match self.memory.save() {
            Ok(()) => self.input(UplinkInput::Renewed),
            // Without a durable epoch nothing may be sent; said, and tried again with the daemon.
            Err(error) => tracing::error!("the epoch cannot be kept: {error}"),
        }
    }

    /// What is there now.
    fn grow(&mut self) {
        let reader = match self.reader.take().map_or_else(|| StoreReader::open(&self.store), Ok) {
            Ok(reader) => reader,
            Err(error) => return tracing::error!("the store cannot be read for the head-end: {error}"),
        };
        let bounds = reader.bounds().and_then(|bounds| Ok((bounds, reader.newest_event()?)));
        let bounds = bounds.and_then(|(bounds, event)| Ok((bounds, event, reader.value_bounds()?)));
        self.reader = Some(reader);
        match bounds {
            Ok(((floor, newest), event, (value_floor, value))) => {
                (self.floor, self.value_floor) = (floor.0.max(1), value_floor.0);
                self.input(UplinkInput::Pruned { lot: Lot::Readings, floor: floor.0 });
                self.input(UplinkInput::Grown { lot: Lot::Events, newest: event.0 });
                self.input(UplinkInput::Grown { lot: Lot::Readings, newest: newest.0 });
                self.input(UplinkInput::Pruned { lot: Lot::Values, floor: value_floor.0 });
                self.input(UplinkInput::Grown { lot: Lot::Values, newest: value.0 });
            }
            Err(error) => tracing::error!("the store cannot be read for the head-end: {error}"),
        }
    }

    /// Writes down what the head-end has, not more often than that.
    fn remember(&mut self, every: Duration) {
        let now = self.clock.now();
        let last = self.saved.unwrap_or(Instant::EPOCH);
        if now.since(last) >= every {
            self.saved = Some(now);
            let present = self.reader.as_ref().and_then(|reader| Present::of(reader).ok());
            present.into_iter().for_each(|present| self.memory.note(&present));
            if let Err(error) = self.memory.save() {
                tracing::warn!("what the head-end has cannot be remembered: {error}");
            }
        }
    }
}

/// Why the box has closed a connection.
const fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Silent => "the head-end has not said a word for long",
        Ending::NotAcknowledged => "the head-end does not commit",
        Ending::NewEpoch => "the head-end knows another store of this box: a new epoch begins",
        Ending::NeverSent => "the head-end acknowledges what was never sent",
    }
}

/// What a status tells, in one line.
fn said(status: &tonic::Status) -> String {
    match (status.source(), status.message()) {
        (Some(_), _) => format!("the connection broke ({})", words::innermost(status)),
        (None, "") => status.code().description().to_owned(),
        (None, message) => format!("the head-end says: {message}"),
    }
}

/// Waits for ever while there is no connection.
async fn next_word(link: &mut Option<Link>) -> Result<Option<Answer>, tonic::Status> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

type Loaded = (StoreReader, Vec<(Request, u64)>);

/// The messages of batches, with their octets.
fn load(
    reader: Option<StoreReader>,
    store: &std::path::Path,
    batches: &[(Lot, Span)],
) -> Result<Loaded, StoreError> {
    let reader = reader.map_or_else(|| StoreReader::open(store), Ok)?;
    let mut words = Vec::with_capacity(batches.len());
    for &(lot, span) in batches {
        words.push(match lot {
            Lot::Events => {
                let length = usize::try_from(span.len()).unwrap_or(usize::MAX);
                let mut events = reader.events(Cursor(span.first - 1), length)?;
                events.retain(|event| event.cursor.0 <= span.last);
                let batch = wire::emit_events(span, events);
                let octets = batch.encoded_len() as u64;
                (Request::Events(batch), octets)
            }
            Lot::Readings => {
                let (after, until) = (Cursor(span.first - 1), Cursor(span.last));
                let readings = reader.readings_within(&ReadingFilter::default(), after, until, usize::MAX)?;
                let batch = wire::emit_readings(span, &readings);
                let octets = batch.encoded_len() as u64;
                (Request::Readings(batch), octets)
            }
            Lot::Values => {
                let length = usize::try_from(span.len()).unwrap_or(usize::MAX);
                let mut values = reader.values(None, Cursor(span.first - 1), length)?;
                values.retain(|stored| stored.cursor.0 <= span.last);
                let batch = wire::emit_values(span, &values);
                let octets = batch.encoded_len() as u64;
                (Request::Values(batch), octets)
            }
        });
    }
    Ok((reader, words))
}

fn hello(box_id: &str, epoch: u64) -> Request {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Request::Hello(v1::Hello { box_id: box_id.to_owned(), epoch, version })
}

impl std::fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsFiles(..)")
    }
}

/// The longest sleep.
const IDLE: Duration = Duration::from_secs(60);
/// What the head-end has is written down so often at most: it costs some pages of flash.
const SAVE_EVERY: Duration = Duration::from_secs(600);
/// Batches that are read from the store at once.
const LOADED_AT_ONCE: usize = 32;
