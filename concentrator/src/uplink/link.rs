//! One connection to the head-end.

use super::UplinkSettings;
use anyhow::Context;
use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_client::BackhaulClient;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    requests: mpsc::Sender<v1::DeliverRequest>,
    answers: Streaming<v1::DeliverResponse>,
}

impl Link {
    /// Dials.
    pub(super) async fn open(settings: &UplinkSettings) -> anyhow::Result<Self> {
        let mut endpoint = Endpoint::from(settings.head_end.clone())
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        if let Some(tls) = &settings.tls {
            let tls = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(&tls.authority))
                .identity(Identity::from_pem(&tls.certificate, &tls.key));
            endpoint = endpoint.tls_config(tls).context("certificates of the backhaul")?;
        }
        let channel = endpoint.connect().await?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let mut client = BackhaulClient::new(channel);
        let answers = tokio::time::timeout(STALLED, client.deliver(ReceiverStream::new(queue))).await;
        let answers = answers.context("the head-end does not take the stream")??.into_inner();
        Ok(Self { requests, answers })
    }

    /// Sends; whether the connection took it.
    pub(super) async fn send(&self, word: v1::deliver_request::Word) -> bool {
        let request = v1::DeliverRequest { word: Some(word) };
        self.requests.send_timeout(request, STALLED).await.is_ok()
    }

    /// What the head-end says next; `None` when the connection has ended.
    pub(super) async fn next(&mut self) -> Result<Option<v1::deliver_response::Word>, tonic::Status> {
        Ok(self.answers.message().await?.and_then(|answer| answer.word))
    }
}

const CONNECT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);
/// A connection that takes nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(45);
/// Messages that wait for the connection.
const QUEUE: usize = 64;
/// Octets on their way at most.
const WINDOW: u32 = 1 << 20;
