//! A test authority: certificates for a head-end, its boxes and the people who ask them. A utility has its own authority.

use crate::grpc::Role;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there are no certificates.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A name is none.
    #[error("name {0:?}: expected a DNS name or an address")]
    Name(String),
    /// A name is that of another certificate.
    #[error(
        "name {0:?}: there is a certificate of that name already; expected each name once, and neither ca nor head-end"
    )]
    Twice(String),
    /// A file is there already, or cannot be written.
    #[error("file {}: {error}; expected a folder without certificates", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A certificate cannot be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// Makes an authority (`ca.pem`, `ca.key`), a certificate for a head-end with these names and addresses (`head-end.pem`, `.key`), one for
/// each box (`BOX.pem`, `.key`), which is also served under the names of this machine, and one for each person (`NAME.pem`, `.key`) with
/// the role as its organizational unit. Nothing that is there is overwritten.
///
/// # Errors
/// A name is wrong, a file is there, or cannot be written.
pub fn init(
    folder: &Path,
    head_end: &[String],
    boxes: &[String],
    people: &[(String, Role)],
) -> Result<(), PkiError> {
    check(head_end, boxes, people)?;
    fs::create_dir_all(folder).map_err(|error| PkiError::Io { path: folder.to_owned(), error })?;
    let key = KeyPair::generate()?;
    let mut params = named("concentrator test authority", &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = params.self_signed(&key)?;
    keep(&folder.join("ca.pem"), &authority.pem(), 0o644)?;
    keep(&folder.join("ca.key"), &key.serialize_pem(), 0o600)?;
    let issuer = Issuer::new(params, key);
    let first = head_end.first().map_or("head-end", String::as_str);
    issue(folder, "head-end", named(first, head_end)?, &[ExtendedKeyUsagePurpose::ServerAuth], &issuer)?;
    for id in boxes {
        let [localhost, address] = THIS_MACHINE.map(String::from);
        let params = named(id, &[id.clone(), localhost, address])?;
        let both = [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        issue(folder, id, params, &both, &issuer)?;
    }
    for (name, role) in people {
        let mut params = named(name, &[])?;
        params.distinguished_name.push(DnType::OrganizationalUnitName, role.as_str());
        issue(folder, name, params, &[ExtendedKeyUsagePurpose::ClientAuth], &issuer)?;
    }
    Ok(())
}

/// Before anything is made: whether every name is one, and none of a file comes twice.
fn check(head_end: &[String], boxes: &[String], people: &[(String, Role)]) -> Result<(), PkiError> {
    let people = people.iter().map(|(name, _)| name);
    let all = head_end.iter().chain(boxes).chain(people.clone());
    if let Some(name) = all.into_iter().find(|name| !is_name(name)) {
        return Err(PkiError::Name(name.clone()));
    }
    let mut files: BTreeSet<&str> = OWN.into_iter().collect();
    match boxes.iter().chain(people).find(|name| !files.insert(name)) {
        Some(name) => Err(PkiError::Twice(name.clone())),
        None => Ok(()),
    }
}

fn named(common_name: &str, names: &[String]) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

/// Whether it is a DNS name or an address.
fn is_name(name: &str) -> bool {
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name.parse::<std::net::IpAddr>().is_ok() || name.len() < 254 && name.split('.').all(label)
}

fn issue(
    folder: &Path,
    file: &str,
    mut params: CertificateParams,
    purposes: &[ExtendedKeyUsagePurpose],
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(), PkiError> {
    let key = KeyPair::generate()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = purposes.to_vec();
    let certificate = params.signed_by(&key, issuer)?;
    keep(&folder.join(format!("{file}.pem")), &certificate.pem(), 0o644)?;
    keep(&folder.join(format!("{file}.key")), &key.serialize_pem(), 0o600)
}

/// Certificates that are always made.
const OWN: [&str; 2] = ["ca", "head-end"];
/// Names under which a box is served besides its own.
const THIS_MACHINE: [&str; 2] = ["localhost", "127.0.0.1"];

fn keep(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| PkiError::Io { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_name_that_comes_twice_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let pki = folder.path().join("pki");
        for twice in ["ca", "head-end", "box-1", "ann"] {
            let people = [(String::from("ann"), Role::Operator), (twice.to_owned(), Role::Viewer)];
            let error = init(&pki, &[], &[String::from("box-1")], &people).unwrap_err();
            assert!(matches!(&error, PkiError::Twice(name) if name == twice), "{error}");
            assert!(!pki.exists());
        }
    }

    #[test]
    fn keys_are_for_their_owner_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let pki = folder.path().join("pki");
        let names = [String::from("localhost"), String::from("127.0.0.1")];
        let people = [(String::from("ann"), Role::Operator)];
        init(&pki, &names, &[String::from("box-1")], &people).unwrap();
        for name in ["ca", "head-end", "box-1", "ann"] {
            let mode = fs::metadata(pki.join(format!("{name}.key"))).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            assert!(
                fs::read_to_string(pki.join(format!("{name}.pem")))
                    .unwrap()
                    .starts_with("-----BEGIN CERTIFICATE")
            );
        }
        let error = init(&pki, &names, &[], &[]).unwrap_err().to_string();
        assert!(
            error.contains("ca.pem") && error.contains("expected a folder without certificates"),
            "{error}"
        );
    }

    #[test]
    fn a_name_that_would_leave_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = init(folder.path(), &[], &[String::from("../box")], &[]).unwrap_err();
        assert!(matches!(&error, PkiError::Name(name) if name == "../box"), "{error}");
    }
}
