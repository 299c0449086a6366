//! What a server needs to speak TLS with certificates on both sides.

use crate::uplink::TlsFiles;
use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// Why certificates cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file is not what it should be.
    #[error("{0}: {1}, expected PEM")]
    Pem(&'static str, String),
    /// The authority, or certificate and key, do not serve.
    #[error("{0}: {1}")]
    Unusable(&'static str, String),
}

/// Speaks TLS with clients that have a certificate of the authority of `files`.
///
/// # Errors
/// A file is not PEM, the authority is none, or certificate and key do not belong together.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, CertificateError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("authority", &files.authority)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| CertificateError::Unusable("authority", error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(files.key.as_bytes())
        .map_err(|error| CertificateError::Pem("key", error.to_string()))?;
    let unusable =
        |error: rustls::Error| CertificateError::Unusable("certificate and key", error.to_string());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates("certificate", &files.certificate)?, key)
        .map_err(unusable)?;
    config.alpn_protocols.push(HTTP_2.to_vec());
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| CertificateError::Pem(what, error.to_string()))?;
    if all.is_empty() {
        return Err(CertificateError::Pem(what, String::from("no certificate")));
    }
    Ok(all)
}

/// The name of HTTP/2 in TLS [RFC 7301 6; confidence A].
const HTTP_2: &[u8] = b"h2";
