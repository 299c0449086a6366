//! A client of the interface that waits for its answers.

use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_client::ConcentratorClient;
use concentrator_proto::v1::ledger_client::LedgerClient;
use concentrator_proto::v1::meters_client::MetersClient;
use concentrator_proto::v1::readings_client::ReadingsClient;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// A client.
pub(crate) struct Client {
    runtime: Runtime,
    channel: Channel,
}

/// The readings as they come.
pub(crate) struct Readings<'c> {
    runtime: &'c Runtime,
    stream: Streaming<v1::Reading>,
}

impl Client {
    /// A client of the interface at this URL.
    pub(crate) fn new(url: &str) -> Self {
        // A thread of its own answers the pings of the concentrator while a test waits for something else.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let endpoint = Channel::from_shared(url.to_owned()).unwrap();
        let channel = runtime.block_on(endpoint.connect()).unwrap();
        Self { runtime, channel }
    }

    /// All meters.
    pub(crate) fn meters(&mut self) -> Vec<v1::Meter> {
        let answer = self
            .runtime
            .block_on(MetersClient::new(self.channel.clone()).list_meters(v1::ListMetersRequest {}));
        answer.unwrap().into_inner().meters
    }

    /// Whether there are captures that are read and not durable.
    pub(crate) fn holds_in_hand(&mut self) -> bool {
        let mut ledger = LedgerClient::new(self.channel.clone());
        let answer = self.runtime.block_on(ledger.list(v1::LedgerListRequest::default()));
        let lines = answer.unwrap().into_inner().lines;
        lines.iter().any(|line| line.state() == v1::IntervalState::Read)
    }

    /// The concentrator itself.
    pub(crate) fn status(&mut self) -> v1::StatusResponse {
        let mut client = ConcentratorClient::new(self.channel.clone());
        self.runtime.block_on(client.status(v1::StatusRequest {})).unwrap().into_inner()
    }

    /// Everything that has been read and will be.
    pub(crate) fn readings(&mut self) -> Readings<'_> {
        let request = v1::WatchReadingsRequest { meter_id: String::new(), after_cursor: Some(0) };
        let mut client = ReadingsClient::new(self.channel.clone());
        let stream = self.runtime.block_on(client.watch_readings(request)).unwrap().into_inner();
        Readings { runtime: &self.runtime, stream }
    }
}

impl Readings<'_> {
    /// The next one, or why there will be no more.
    pub(crate) fn next(&mut self) -> Result<v1::Reading, Status> {
        self.runtime.block_on(self.stream.message()).map(|reading| reading.expect("a follower never ends"))
    }
}
