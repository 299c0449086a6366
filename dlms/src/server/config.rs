//! What a server is told, what it tells.

use super::{ObjectModel, Origin};
use crate::apdu::{ApplicationContext, Mechanism};
use crate::security::{
    Certificate, HashFunction, Hls, KeyId, KeyUse, PrivateKey, PublicKey, Secret, SecurityContext,
    SecurityPolicy, SystemTitle,
};
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Seed;

/// How a client of an association must prove itself, and under what keys its APDUs are ciphered. Where
/// there are keys, their policy is the least protection that is served.
#[derive(Clone, Debug)]
pub enum ServerAuthentication {
    /// Lowest level: no security. Give such an association little to see.
    None,
    /// Low level, mechanism 1: a password.
    Lls {
        /// The password.
        password: Secret,
        /// The keys, in a ciphered context.
        ciphering: Option<Ciphering>,
    },
    /// High level, mechanism 5 (GMAC), in a ciphered context.
    HlsGmac {
        /// The keys.
        keys: SecurityContext,
        /// The highest counter that was persisted for this association.
        last_client_counter: Option<u32>,
    },
    /// High level, mechanisms 3, 4 and 6: a shared secret, hashed with the challenge.
    HlsHash {
        /// The hash.
        hash: HashFunction,
        /// The secret.
        secret: Secret,
        /// The keys, in a ciphered context.
        ciphering: Option<Ciphering>,
    },
    /// High level, mechanism 7: signatures.
    HlsEcdsa {
        /// Own key for signatures.
        own: PrivateKey,
        /// The public key with which the signatures of the client are verified.
        client: PublicKey,
        /// The keys, in a ciphered context.
        ciphering: Option<Ciphering>,
    },
    /// None but the keys, in a ciphered context that is there without AARQ and cannot be released: each authentic APDU is of the
    /// client, and each counter is made durable, since no AARQ stands between the lives of the server.
    PreEstablished {
        /// The keys.
        keys: SecurityContext,
        /// The title of the client.
        client_title: SystemTitle,
        /// The highest counter that was persisted for this association.
        last_client_counter: Option<u32>,
    },
}

/// The keys of a ciphered context, and what was heard under them.
#[derive(Clone, Debug)]
pub struct Ciphering {
    /// The keys.
    pub keys: SecurityContext,
    /// The highest counter that was persisted for this association.
    pub last_client_counter: Option<u32>,
}

impl ServerAuthentication {
    /// The mechanism that an AARQ must name; none for the lowest level.
    pub const fn mechanism(&self) -> Option<Mechanism> {
        match self {
            Self::None | Self::PreEstablished { .. } => None,
            Self::Lls { .. } => Some(Mechanism::LOW),
            Self::HlsGmac { .. } => Some(Mechanism::HIGH_GMAC),
            Self::HlsHash { hash, .. } => Some(hash.mechanism()),
            Self::HlsEcdsa { .. } => Some(Mechanism::HIGH_ECDSA),
        }
    }

    /// The keys that the server was told, in a ciphered context.
    pub const fn keys(&self) -> Option<&SecurityContext> {
        match self.ciphering() {
            Some((keys, _)) => Some(keys),
            None => None,
        }
    }

    /// The application context.
    pub const fn context(&self) -> ApplicationContext {
        ApplicationContext::of(self.keys().is_some())
    }

    /// The keys, and the highest counter heard under them.
    pub(super) const fn ciphering(&self) -> Option<(&SecurityContext, Option<u32>)> {
        match self {
            Self::None => None,
            Self::HlsGmac { keys, last_client_counter }
            | Self::PreEstablished { keys, last_client_counter, .. } => Some((keys, *last_client_counter)),
            Self::Lls { ciphering, .. }
            | Self::HlsHash { ciphering, .. }
            | Self::HlsEcdsa { ciphering, .. } => match ciphering {
                None => None,
                Some(ciphering) => Some((&ciphering.keys, ciphering.last_client_counter)),
            },
        }
    }

    /// The same as [`ServerAuthentication::ciphering`], to change it.
    pub(super) const fn ciphering_mut(&mut self) -> Option<(&mut SecurityContext, &mut Option<u32>)> {
        match self {
            Self::None => None,
            Self::HlsGmac { keys, last_client_counter }
            | Self::PreEstablished { keys, last_client_counter, .. } => Some((keys, last_client_counter)),
            Self::Lls { ciphering, .. }
            | Self::HlsHash { ciphering, .. }
            | Self::HlsEcdsa { ciphering, .. } => match ciphering {
                None => None,
                Some(Ciphering { keys, last_client_counter }) => Some((keys, last_client_counter)),
            },
        }
    }

    /// The title of the client of a ciphered context that is there without AARQ.
    pub(super) const fn pre_established(&self) -> Option<SystemTitle> {
        match self {
            Self::PreEstablished { client_title, .. } => Some(*client_title),
            _ => None,
        }
    }

    /// The high level security of the association under its present keys.
    pub(super) fn hls<'a>(&'a self, keys: Option<&'a SecurityContext>) -> Option<Hls<'a>> {
        match self {
            Self::None | Self::Lls { .. } | Self::PreEstablished { .. } => None,
            Self::HlsGmac { .. } => keys.map(Hls::Gmac),
            Self::HlsHash { hash, secret, .. } => Some(Hls::Hash(*hash, secret)),
            Self::HlsEcdsa { own, client, .. } => Some(Hls::Ecdsa { own, peer: client }),
        }
    }
}

/// What an association may do; object models tell rights by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anyone.
    Public,
    /// Whoever reads the meter.
    Reading,
    /// Whoever manages the meter.
    Management,
}

/// An association that a server offers.
#[derive(Clone, Debug)]
pub struct AssociationConfig {
    /// The wrapper port of the client.
    pub client_sap: u16,
    /// How the client must prove itself.
    pub authentication: ServerAuthentication,
    /// What it may do then.
    pub access: Access,
    /// Whether services are possible without AARQ. Only for associations without security; with keys it is
    /// [`ServerAuthentication::PreEstablished`] that says so.
    pub pre_established: bool,
}

/// What a server answers to errors of security. They are counted, and told where they are events, in any case.
///
/// | what came | exception-response |
/// |---|---|
/// | less protection than the policy demands, also in an RLRQ | service-not-allowed, operation-not-possible |
/// | another suite, the broadcast key, compression, no such dedicated key | service-not-allowed, deciphering-error |
/// | a wrong tag or title, something else inside than the envelope says | service-not-allowed, deciphering-error |
/// | an old counter | service-not-allowed, invocation-counter-error with the lowest that is new |
/// | octets that are no ciphered APDU | service-not-allowed, other-reason |
///
/// The first two and the last follow from what stands outside of the cipher, so they are no oracle. An old counter is told only to
/// whoever has the keys, or has recorded somebody who has: it helps a client that has lost its counter, and tells who plays a record
/// again how far the client has come. Companions differ in what they want \[GB 9.4.2; confidence C\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityErrors {
    /// Nothing at all.
    Silent,
    /// An exception; an old counter is answered as a wrong tag is, so that whoever plays an APDU again learns neither that it was
    /// authentic once nor the counter.
    WithoutCounter,
    /// An exception, with the counter that is expected.
    #[default]
    WithCounter,
}

/// Configuration of a [`super::Server`].
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The own wrapper port: 1 management logical device.
    pub server_sap: u16,
    /// The own system title.
    pub server_title: SystemTitle,
    /// The logical device name, 16 octets, the first three the maker's flag.
    pub logical_device_name: [u8; 16],
    /// The associations, one per client port.
    pub associations: Vec<AssociationConfig>,
    /// The largest APDU that the server takes and sends, in octets.
    pub max_pdu: u16,
    /// The longest value that is served, in octets.
    pub max_value_len: usize,
    /// Sessions kept at the same time.
    pub max_sessions: usize,
    /// The first send counter that is certainly unused: what was persisted last.
    pub first_invocation_counter: u32,
    /// Send counters reserved at a time.
    pub counter_block: u32,
    /// A session without a valid request for so long is forgotten.
    pub session_timeout: Duration,
    /// Failed proofs (passwords and answers to a challenge) from one [`Origin`] at one association in a row behind which it is heard there
    /// only now and then. Origins that have not failed are heard all the same, as long as no more fail than are remembered (32, and 32 whose
    /// address nobody has checked); beyond that eight times as many failures of all others are borne, and then one at a time.
    pub max_failed_proofs: u8,
    /// In how long it may fail as often again: one failure counts for `lockout / max_failed_proofs`.
    pub lockout: Duration,
    /// What is answered to errors of security.
    pub security_errors: SecurityErrors,
    /// Entropy for challenges and keys; another one for every life of the server.
    pub seed: Seed,
}

/// A datagram for a server.
pub struct ServerInput<'a> {
    /// Who sent it: any number that names the sender's address.
    pub peer: u16,
    /// Where that is, as far as guessing at passwords goes: several peers may be there.
    pub origin: Origin,
    /// A whole wrapper PDU.
    pub bytes: &'a [u8],
    /// The objects that the request may concern.
    pub objects: &'a mut dyn ObjectModel,
}

/// What a server wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOutput {
    /// Make this durable before the datagrams that follow.
    Persist(ServerPersist),
    /// Send this datagram: a whole wrapper PDU.
    Datagram {
        /// To whom.
        peer: u16,
        /// A whole wrapper PDU.
        bytes: Vec<u8>,
    },
    /// Something worth logging has happened.
    Event(ServerEvent),
}

/// A record of a server that survives restarts: [`ServerConfig::restore`] puts it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerPersist {
    /// Send counters below this may have been used.
    SendCounter {
        /// The first send counter that is certainly unused.
        reserved_to: u32,
    },
    /// The highest counter that was accepted when a client opened its association.
    ReceiveCounter {
        /// The client.
        client_sap: u16,
        /// Counters up to and including this are refused from now on.
        last: u32,
    },
    /// The highest number that was accepted of an APDU under a key of its own.
    SingleUse {
        /// The client.
        client_sap: u16,
        /// Numbers up to and including this are refused from now on.
        last: u128,
    },
    /// A client has activated another policy.
    Policy {
        /// The client.
        client_sap: u16,
        /// The policy.
        policy: SecurityPolicy,
    },
    /// A client has transferred or agreed a key, which is valid from its next association on. The
    /// counters of a new unicast key begin anew.
    Key {
        /// The client.
        client_sap: u16,
        /// Which key.
        id: KeyId,
        /// The key.
        key: Secret,
    },
    /// A client has had a key pair made.
    KeyPair {
        /// The client.
        client_sap: u16,
        /// What for.
        key_use: KeyUse,
        /// The private key.
        private: PrivateKey,
    },
    /// A client has imported a certificate.
    Certificate {
        /// The client.
        client_sap: u16,
        /// The certificate.
        certificate: Certificate,
    },
    /// A client has removed a certificate.
    CertificateRemoved {
        /// The client.
        client_sap: u16,
        /// The certificate.
        certificate: Certificate,
    },
}

/// Events of security, for the event log of the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A client has confirmed a push.
    PushConfirmed {
        /// The client.
        client_sap: u16,
        /// The number of the push.
        number: u32,
    },
    /// Nobody has confirmed a push.
    PushFailed {
        /// The client.
        client_sap: u16,
        /// The number of the push.
        number: u32,
    },
    /// A client has opened its association.
    Associated {
        /// The client.
        client_sap: u16,
    },
    /// A tag or a proof was wrong.
    AuthenticationFailure {
        /// The client that was claimed.
        client_sap: u16,
    },
    /// A counter was used again.
    Replay {
        /// The client that was claimed.
        client_sap: u16,
    },
    /// Too many failed proofs came from one place: it is heard only now and then.
    Locked {
        /// The client.
        client_sap: u16,
    },
}
