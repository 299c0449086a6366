//! Who may do what: the role in a certificate, and the least role of each procedure.

use crate::words::Quoted;
use std::fmt;
use tonic::{Request, Status};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// What somebody may do. Each may do what the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Reads meters, sets clocks, and gives orders to meters within the limits.
    Operator,
    /// Disconnects, removes, approves what others want of many meters, and changes the configuration.
    Administrator,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The common name of the certificate; `this machine` in plain text.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// The word for it in a certificate and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }

    /// The role of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The least role that may call the procedure at this path, such as `/concentrator.v1.Jobs/SubmitJob`; `None` for a path that is not
    /// in the table: nobody may.
    pub fn least(path: &str) -> Option<Self> {
        let found = LEAST.iter().find(|(known, _)| path.strip_prefix(PACKAGE) == Some(known));
        let foreign = || AROUND.iter().any(|service| path.starts_with(service)).then_some(Self::Viewer);
        found.map(|(_, role)| *role).or_else(foreign)
    }
}

impl Caller {
    /// Whoever asks in plain text, which only this machine can.
    pub fn local() -> Self {
        Self { name: THIS_MACHINE.to_owned(), role: Role::Administrator }
    }

    /// Who asks, as the guard in front of the services has found.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| Status::unauthenticated("nobody asks"))
    }

    /// Who the certificate (DER) names: the common name, and the role in the first organizational unit. It was verified by TLS.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_certificate(der: &[u8]) -> Result<Self, String> {
        let malformed = |_| String::from("certificate: malformed, expected X.509");
        let certificate = Certificate::from_der(der).map_err(malformed)?;
        let subject = certificate.tbs_certificate().subject();
        let name = subject.common_name().map_err(malformed)?.map(|name| name.value().into_owned());
        let unit = subject.organization_unit().map_err(malformed)?.map(|unit| unit.value().into_owned());
        let name = name.filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
        let name = name.ok_or("certificate without a name: expected a common name")?;
        if name == THIS_MACHINE || name.chars().count() > NAME_MAX {
            let name = Quoted(&name);
            return Err(format!(
                "certificate of {name}: expected at most {NAME_MAX} characters, and another name than that of this machine itself"
            ));
        }
        let role = unit.as_deref().and_then(Role::from_word).ok_or_else(|| {
            let unit = unit.unwrap_or_default();
            format!("certificate of {name:?} with organizational unit {unit:?}: expected viewer, operator or administrator")
        })?;
        Ok(Self { name, role })
    }

    /// Whether they may call the procedure at this path.
    ///
    /// # Errors
    /// What they would have to be, in words.
    pub fn may(&self, path: &str) -> Result<(), String> {
        match Role::least(path) {
            Some(least) if self.role >= least => Ok(()),
            Some(least) => Err(format!("{path}: {} is {}, expected {least} or more", self.name, self.role)),
            None => Err(format!("{path}: not a procedure of this interface")),
        }
    }
}

/// Who asks in plain text, and who the daemon itself is where it puts something on record.
const THIS_MACHINE: &str = "this machine";
/// Characters of a common name at most (`ub-common-name`) [X.520; confidence A].
const NAME_MAX: usize = 64;

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const PACKAGE: &str = "/concentrator.v1.";

/// The one table of rights.
const LEAST: &[(&str, Role)] = &[
    ("Concentrator/Status", Role::Viewer),
    ("Concentrator/ShowCache", Role::Viewer),
    ("Concentrator/ShowBackhaul", Role::Viewer),
    ("Concentrator/WatchStatus", Role::Viewer),
    ("Meters/ListMeters", Role::Viewer),
    ("Meters/Explain", Role::Viewer),
    ("Readings/ListReadings", Role::Viewer),
    ("Readings/WatchReadings", Role::Viewer),
    ("Network/Topology", Role::Viewer),
    ("Network/ListLinks", Role::Viewer),
    ("Network/ListRoutes", Role::Viewer),
    ("Network/Capture", Role::Operator),
    ("Events/ListEvents", Role::Viewer),
    ("Events/WatchEvents", Role::Viewer),
    ("Config/ShowConfig", Role::Viewer),
    ("Config/PreviewConfig", Role::Administrator),
    ("Config/ApplyConfig", Role::Administrator),
    ("Config/ConfirmConfig", Role::Administrator),
    ("Config/RevertConfig", Role::Administrator),
    ("Jobs/UploadImage", Role::Administrator),
    ("Jobs/PreviewJob", Role::Operator),
    ("Jobs/SubmitJob", Role::Operator),
    ("Jobs/ListJobs", Role::Viewer),
    ("Jobs/ReadJob", Role::Viewer),
    ("Jobs/ApproveJob", Role::Operator),
    ("Jobs/CancelJob", Role::Operator),
    ("Jobs/ResumeJob", Role::Operator),
    ("Tasks/ListTasks", Role::Viewer),
    ("Tasks/AddTask", Role::Operator),
    ("Tasks/RemoveTask", Role::Operator),
    ("Tasks/PauseTask", Role::Operator),
    ("Tasks/ResumeTask", Role::Operator),
    ("Tasks/ListValues", Role::Viewer),
    ("Tasks/WatchValues", Role::Viewer),
    ("Ledger/List", Role::Viewer),
    ("Ledger/Digests", Role::Viewer),
];

/// Services of others that are served beside.
const AROUND: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"];

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn certificate(name: Option<&str>, units: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        units.iter().for_each(|unit| params.distinguished_name.push(DnType::OrganizationalUnitName, *unit));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_organizational_unit_of_a_certificate_is_the_role() {
        for role in Role::ALL {
            let caller = Caller::from_certificate(&certificate(Some("ann"), &[role.as_str()]));
            assert_eq!(caller, Ok(Caller { name: "ann".into(), role }));
        }
    }

    #[test]
    fn a_certificate_without_a_role_or_a_name_is_nobody() {
        let refused = |name, units: &[&str]| Caller::from_certificate(&certificate(name, units)).unwrap_err();
        assert!(refused(Some("box-1"), &[]).contains("expected viewer, operator or administrator"));
        assert!(refused(Some("eve"), &["Administrator"]).contains("\"Administrator\""));
        assert!(refused(None, &["viewer"]).contains("expected a common name"));
        for name in [THIS_MACHINE, &"x".repeat(65)] {
            assert!(
                refused(Some(name), &["viewer"]).contains("expected at most 64 characters, and another name")
            );
        }
        let long = Caller::from_certificate(&certificate(Some(&"x".repeat(64)), &["viewer"]));
        assert_eq!(long.unwrap().name.len(), 64);
        assert!(Caller::from_certificate(b"no").unwrap_err().contains("malformed"));
    }

    #[test]
    fn each_role_may_what_the_lesser_ones_may_and_no_more() {
        for (path, least) in LEAST {
            for role in Role::ALL {
                let caller = Caller { name: "ann".into(), role };
                assert_eq!(caller.may(&format!("{PACKAGE}{path}")).is_ok(), role >= *least, "{path} {role}");
            }
        }
        let root = Caller { name: "root".into(), role: Role::Administrator };
        assert!(root.may("/concentrator.v1.Meters/Erase").unwrap_err().contains("not a procedure"));
        assert!(root.may("/concentrator.v2.Meters/ListMeters").is_err());
    }
}
