//! How clients come in: encrypted with certificates on both sides, or in plain text on this machine alone.

use super::role::Caller;
use crate::uplink::TlsFiles;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Context, Poll, Service, http};
use tonic::server::NamedService;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// How clients come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// In plain text, as an administrator: only to an address of this machine that no other can reach.
    PlainText,
    /// With mutual TLS. The authority (PEM) is that of the clients; certificate and key are the box's own.
    Mutual(TlsFiles),
}

impl Access {
    /// Whether it may be served there.
    pub(super) fn suits(&self, listen: SocketAddr) -> bool {
        matches!(self, Self::Mutual(_)) || listen.ip().is_loopback()
    }

    /// What TLS needs, if it is spoken.
    pub(super) fn tls(&self) -> Option<ServerTlsConfig> {
        let Self::Mutual(files) = self else { return None };
        let identity = Identity::from_pem(&files.certificate, &files.key);
        let authority = Certificate::from_pem(&files.authority);
        Some(ServerTlsConfig::new().identity(identity).client_ca_root(authority).timeout(HANDSHAKE))
    }
}

/// A service that only those reach who may, each procedure by its least role. What it lets pass carries the [`Caller`].
#[derive(Clone, Debug)]
pub(super) struct Guarded<S> {
    inner: S,
    plain: bool,
}

impl<S> Guarded<S> {
    pub(super) fn new(access: &Access, inner: S) -> Self {
        Self { inner, plain: *access == Access::PlainText }
    }

    fn admit(&self, request: &http::Request<Body>) -> Result<Caller, Status> {
        let caller = if self.plain { Caller::local() } else { certified(request)? };
        caller.may(request.uri().path()).map_err(Status::permission_denied)?;
        Ok(caller)
    }
}

fn certified(request: &http::Request<Body>) -> Result<Caller, Status> {
    let connection = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
    let chain = connection.and_then(TlsConnectInfo::peer_certs);
    let own = chain.as_ref().and_then(|chain| chain.first());
    let own = own.ok_or_else(|| Status::unauthenticated("no certificate: expected one that names a role"))?;
    Caller::from_certificate(own).map_err(Status::unauthenticated)
}

impl<S: NamedService> NamedService for Guarded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        match self.admit(&request) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Box::pin(self.inner.call(request))
            }
            Err(status) => {
                tracing::warn!("refused: {}", status.message());
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// How long the introduction of a client may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
