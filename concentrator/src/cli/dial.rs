//! How a command reaches a running concentrator.

use super::ClientArgs;
use crate::words::innermost;
use crate::{bounded, clock, validity};
use anyhow::{Context, anyhow, bail};
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Code, Status};

/// The connection that the command line asks for.
pub(super) async fn dial(args: &ClientArgs) -> anyhow::Result<Channel> {
    let scheme = if args.pki.is_some() { "https" } else { "http" };
    let address = match &args.address {
        Some(address) => address.clone(),
        None => Uri::builder().scheme(scheme).authority(HERE).path_and_query("/").build()?,
    };
    match address.scheme_str() {
        Some("https") if args.pki.is_none() => {
            bail!(
                "address {address}: expected --pki, the folder of certificates, or http:// for a concentrator in plain text"
            );
        }
        Some("http" | "https") => {}
        _ => bail!("address {address}: expected http:// or https:// before it"),
    }
    let mut endpoint = Endpoint::from(address.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    if let Some(folder) = &args.pki {
        endpoint = endpoint.tls_config(tls(folder, args)?).context("certificates")?;
    }
    let channel = endpoint.connect().await;
    channel.map_err(|error| {
        let why = args.pki.as_ref().map_or_else(String::new, |_| format!(" ({})", innermost(&error)));
        anyhow!("address {address}: no answer{why}, expected a running concentrator")
    })
}

fn tls(folder: &Path, args: &ClientArgs) -> anyhow::Result<ClientTlsConfig> {
    let read = |name: String| {
        let path = folder.join(name);
        bounded::octets(&path, bounded::TEXT)
            .with_context(|| format!("file {}: expected a readable PEM file", path.display()))
    };
    let authority = Certificate::from_pem(read(String::from("ca.pem"))?);
    let name = &args.name;
    let certificate = read(format!("{name}.pem"))?;
    if let Some(fault) = validity::fault(&String::from_utf8_lossy(&certificate), clock::utc()) {
        bail!("file {}: the certificate {fault}", folder.join(format!("{name}.pem")).display());
    }
    let identity = Identity::from_pem(certificate, read(format!("{name}.key"))?);
    let tls = ClientTlsConfig::new().ca_certificate(authority).identity(identity);
    Ok(match &args.server_name {
        Some(name) => tls.domain_name(name),
        None => tls,
    })
}

/// What the concentrator said, in one line.
pub(super) fn refused(status: Status) -> anyhow::Error {
    match status.code() {
        Code::NotFound | Code::OutOfRange | Code::ResourceExhausted | Code::PermissionDenied => {
            anyhow!("{}", status.message())
        }
        Code::FailedPrecondition | Code::InvalidArgument | Code::Unauthenticated => {
            anyhow!("{}", status.message())
        }
        // The other end has closed: in TLS 1.3 a client hears only now that its certificate is not believed.
        _ if status.source().is_some() => anyhow!(
            "the connection broke ({}); expected a concentrator that speaks as asked: with --pki one whose authority has \
             signed the certificate, without it one that serves plain text",
            innermost(&status)
        ),
        code => anyhow!(
            "concentrator: {}",
            if status.message().is_empty() { code.description() } else { status.message() }
        ),
    }
}

const HERE: &str = "127.0.0.1:50051";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(20);
