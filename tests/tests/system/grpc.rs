//! A client of the interface that waits for its answers.

use concentrator_proto::v1;
use concentrator_proto::v1::concentrator_client::ConcentratorClient;
use concentrator_proto::v1::ledger_client::LedgerClient;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// A client.
pub(crate) struct Client {
    runtime: Runtime,
    client: ConcentratorClient<Channel>,
    ledger: LedgerClient<Channel>,
}

/// The readings as they come.
pub(crate) struct Readings<'c> {
    runtime: &'c Runtime,
    stream: Streaming<v1::Reading>,
}

impl Client {
    /// A client of the interface at this URL.
    pub(crate) fn new(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(ConcentratorClient::connect(url.to_owned())).unwrap();
        let ledger = runtime.block_on(LedgerClient::connect(url.to_owned())).unwrap();
        Self { runtime, client, ledger }
    }

    /// All meters.
    pub(crate) fn meters(&mut self) -> Vec<v1::Meter> {
        let answer = self.runtime.block_on(self.client.list_meters(v1::ListMetersRequest {}));
        answer.unwrap().into_inner().meters
    }

    /// Whether there are captures that are read and not durable.
    pub(crate) fn holds_in_hand(&mut self) -> bool {
        let answer = self.runtime.block_on(self.ledger.list(v1::LedgerListRequest::default()));
        let lines = answer.unwrap().into_inner().lines;
        lines.iter().any(|line| line.state() == v1::IntervalState::Read)
    }

    /// The concentrator itself.
    pub(crate) fn status(&mut self) -> v1::StatusResponse {
        self.runtime.block_on(self.client.status(v1::StatusRequest {})).unwrap().into_inner()
    }

    /// Everything that has been read and will be.
    pub(crate) fn readings(&mut self) -> Readings<'_> {
        let request = v1::WatchReadingsRequest { meter_id: String::new(), after_cursor: Some(0) };
        let stream = self.runtime.block_on(self.client.watch_readings(request)).unwrap().into_inner();
        Readings { runtime: &self.runtime, stream }
    }
}

impl Readings<'_> {
    /// The next one, or why there will be no more.
    pub(crate) fn next(&mut self) -> Result<v1::Reading, Status> {
        self.runtime.block_on(self.stream.message()).map(|reading| reading.expect("a follower never ends"))
    }
}
