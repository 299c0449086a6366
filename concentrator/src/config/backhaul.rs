//! `[backhaul]`: the way to the head-end.

use super::section::{Findings, Section, Show};
use super::{set, value};
use crate::seats;
use crate::uplink::TlsFiles;
use backhaul::Order;
use std::path::Path;
use toml::de::DeValue;
use tonic::transport::Uri;

/// The way to the head-end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackhaulConfig {
    /// `head_end`: where it listens.
    pub head_end: Uri,
    /// `box_id`: the name in the certificate of the box.
    pub box_id: String,
    /// `authority`, `certificate`, `key`: contents of the files; without them in plain text.
    pub tls: Option<TlsFiles>,
    /// `order`: of a backlog.
    pub order: Order,
    /// `max_octets_per_s`: a cap.
    pub octets_per_s: Option<u64>,
}

impl BackhaulConfig {
    /// The section, if it names a head-end.
    pub(super) fn take(mut section: Section<'_>, folder: &Path, found: &mut Findings) -> Option<Self> {
        let expected = "\"https://HOST:PORT\"";
        let span = section.span();
        let head_end = section.take("head_end", expected, Show::Value, found, uri);
        let expected = "a name of letters, digits and hyphens, as in the certificate";
        let box_id = section.take("box_id", expected, Show::Value, found, label);
        let pem = "the path of a readable PEM file";
        let mut file = |key| section.take(key, pem, Show::Value, found, |v| read(v, folder));
        let files = (file("authority"), file("certificate"), file("key"));
        let plain = section
            .take("plain_text", "true or false", Show::Value, found, DeValue::as_bool)
            .unwrap_or(false);
        let mut order = Order::OldestFirst;
        let expected = "\"oldest-first\" or \"newest-first\"";
        set(&mut order, section.take("order", expected, Show::Value, found, parse_order));
        let octets_per_s =
            section.take("max_octets_per_s", "a number, 1000 to 1000000000", Show::Value, found, |v| {
                value::integer(v, 1000..=1_000_000_000).map(i64::unsigned_abs)
            });
        section.finish(found);
        let head_end = head_end?;
        let tls = match files {
            (Some(authority), Some(certificate), Some(key)) => Some(TlsFiles { authority, certificate, key }),
            _ => None,
        };
        if let Some(fault) = tls.as_ref().and_then(unsound) {
            found.push(span.clone(), format!("backhaul: {fault}"));
        }
        let fault = match (&tls, head_end.scheme_str(), plain) {
            (Some(_), Some("https"), false) => None,
            (None, Some("http"), true) if is_loopback(&head_end) => None,
            (_, Some("http"), _) => Some("plain text only with plain_text = true and to this machine"),
            _ => Some("authority, certificate and key for https"),
        };
        let fault = fault.or(box_id.is_none().then_some("box_id beside head_end"));
        if let Some(fault) = fault {
            found.push(span, format!("backhaul: expected {fault}"));
        }
        Some(Self { head_end, box_id: box_id?, tls, order, octets_per_s })
    }
}

fn uri(value: &DeValue<'_>) -> Option<Uri> {
    let uri: Uri = value.as_str()?.parse().ok()?;
    (matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some()).then_some(uri)
}

fn label(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str()?;
    let valid =
        (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then(|| text.to_owned())
}

pub(super) fn read(value: &DeValue<'_>, folder: &Path) -> Option<String> {
    crate::bounded::text(folder.join(value.as_str()?)).ok().filter(|text| text.contains("-----BEGIN "))
}

/// Why certificates do not serve, and what was expected.
pub(super) fn unsound(files: &TlsFiles) -> Option<String> {
    let error = seats::acceptor(files).err()?;
    Some(format!("{error}; expected an authority, and a certificate with its key, in PEM"))
}

fn parse_order(value: &DeValue<'_>) -> Option<Order> {
    match value.as_str()? {
        "oldest-first" => Some(Order::OldestFirst),
        "newest-first" => Some(Order::NewestFirst),
        _ => None,
    }
}

/// Whether nobody else can hear what is said to it.
pub(crate) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
