//! How clients come in: encrypted with certificates on both sides, or in plain text on this machine alone.

use super::places::{MAX_STREAMS, STREAMS_OF_ONE};
use super::role::{Caller, Role};
use crate::seats::{self, CertificateError, Door, Occupant, Party, Rules};
use crate::uplink::TlsFiles;
use std::convert::Infallible;
use std::net::SocketAddr;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Context, Poll, Service, http};
use tonic::server::NamedService;

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

    /// How connections come in.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub(super) fn door(&self) -> Result<Door, CertificateError> {
        let (tls, share) = match self {
            Self::PlainText => (None, MAX_CONNECTIONS),
            Self::Mutual(files) => (Some(seats::acceptor(files)?), CONNECTIONS_OF_ONE),
        };
        let rules = Rules { places: MAX_CONNECTIONS, share, newest_wins: false, waiting: seats::WAITING };
        Ok(Door { tls, rules: seats::fitting(rules, OTHER_DESCRIPTORS), party })
    }

    /// Streams that one person may have open.
    pub(super) const fn streams_of_one(&self) -> usize {
        match self {
            Self::PlainText => MAX_STREAMS,
            Self::Mutual(_) => STREAMS_OF_ONE,
        }
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
    let own = request.extensions().get::<Occupant>().and_then(|occupant| occupant.certificate.as_deref());
    let own = own.ok_or_else(|| Status::unauthenticated("no certificate: expected one that names a role"))?;
    Caller::from_certificate(own).map_err(Status::unauthenticated)
}

/// Whose connection it is. A certificate that names nobody is of a party without a name.
fn party(certificate: Option<&[u8]>) -> Party {
    match certificate.map_or_else(|| Ok(Caller::local()), Caller::from_certificate) {
        Ok(Caller { name, role }) => Party { name: name.into_bytes(), rank: role as u8 },
        Err(_) => Party { name: Vec::new(), rank: Role::Viewer as u8 },
    }
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

/// Connections of people that may be open at the same time.
pub const MAX_CONNECTIONS: usize = 64;
/// The same of one person. In plain text, where everybody is the same person, all of them.
pub const CONNECTIONS_OF_ONE: usize = 16;
/// Descriptors besides the connections: a reader of the store for each stream and each question, two each; 10 for metrics; 64 for databases, logs,
/// the power line, the head-end and the runtime.
const OTHER_DESCRIPTORS: usize = 2 * (MAX_STREAMS + super::BLOCKING) + 10 + 64;
