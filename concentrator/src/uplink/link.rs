//! One connection to the head-end.

use super::UplinkSettings;
use anyhow::Context;
use concentrator_proto::v1;
use concentrator_proto::v1::backhaul_client::BackhaulClient;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Status, Streaming};

/// One connection.
pub(super) struct Link {
    requests: mpsc::Sender<v1::DeliverRequest>,
    answers: Answers,
}

/// The answers of the head-end.
enum Answers {
    /// It has not begun to answer. Many servers do so only with their first word, which comes after the hello of the box.
    Awaited(Pin<Box<dyn Future<Output = Result<Streaming<v1::DeliverResponse>, Status>> + Send>>),
    Begun(Streaming<v1::DeliverResponse>),
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
        let begun = async move {
            let stream = tokio::time::timeout(STALLED, client.deliver(ReceiverStream::new(queue))).await;
            let late = |_| Status::deadline_exceeded("the head-end does not take the stream");
            Ok(stream.map_err(late)??.into_inner())
        };
        Ok(Self { requests, answers: Answers::Awaited(Box::pin(begun)) })
    }

    /// Sends; whether the connection took it.
    pub(super) async fn send(&self, word: v1::deliver_request::Word) -> bool {
        let request = v1::DeliverRequest { word: Some(word) };
        self.requests.send_timeout(request, STALLED).await.is_ok()
    }

    /// What the head-end says next; `None` when the connection has ended. Nothing is lost when this is not waited for to its end.
    pub(super) async fn next(&mut self) -> Result<Option<v1::deliver_response::Word>, Status> {
        let answers = match &mut self.answers {
            Answers::Begun(answers) => answers,
            Answers::Awaited(begun) => {
                let answers = begun.await;
                self.answers = Answers::Begun(answers?);
                return Box::pin(self.next()).await;
            }
        };
        Ok(answers.message().await?.and_then(|answer| answer.word))
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
