//! What a client is told, what it tells.

use super::{AareFault, AnswerFault, Quirks};
use crate::apdu::{
    AccessOperation, ActionResult, ApplicationContext, AssociationResult, DataAccessResult, Diagnostic,
    Envelope, ExceptionResponse, Mechanism, OperationResult,
};
use crate::cosem::{AttributeRequest, ClockTime, MethodRequest};
use crate::security::{
    HashFunction, Hls, KeySource, PrivateKey, PublicKey, SPECIFIC, SPECIFIC_DEDICATED, Secret,
    SecurityContext, SystemTitle, Wrap,
};
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::Seed;

/// How a client proves itself, and under what keys its APDUs are ciphered. Where there are keys, what their
/// policy demands of requests is put on every request.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// Lowest level: no security, for the public client.
    None,
    /// Low level, mechanism 1: a password.
    Lls {
        /// The password.
        password: Secret,
        /// The keys of the meter, in a ciphered context.
        keys: Option<SecurityContext>,
    },
    /// High level, mechanism 5 (GMAC), in a ciphered context.
    HlsGmac {
        /// The keys of the meter.
        keys: SecurityContext,
    },
    /// High level, mechanisms 3, 4 and 6: a shared secret, hashed with the challenge.
    HlsHash {
        /// The hash.
        hash: HashFunction,
        /// The secret.
        secret: Secret,
        /// The keys of the meter, in a ciphered context.
        keys: Option<SecurityContext>,
    },
    /// High level, mechanism 7: signatures.
    HlsEcdsa {
        /// Own key for signatures.
        own: PrivateKey,
        /// The public key with which the signatures of the server are verified.
        server: PublicKey,
        /// The keys of the meter, in a ciphered context.
        keys: Option<SecurityContext>,
    },
    /// None but the keys, if there are any, in a context that is there without AARQ: to connect and to release send nothing.
    PreEstablished {
        /// The keys of the meter, in a ciphered context.
        keys: Option<SecurityContext>,
        /// The title of the meter.
        server_title: SystemTitle,
    },
}

impl ClientAuthentication {
    /// The mechanism that an AARQ names; none for the lowest level.
    pub const fn mechanism(&self) -> Option<Mechanism> {
        match self {
            Self::None | Self::PreEstablished { .. } => None,
            Self::Lls { .. } => Some(Mechanism::LOW),
            Self::HlsGmac { .. } => Some(Mechanism::HIGH_GMAC),
            Self::HlsHash { hash, .. } => Some(hash.mechanism()),
            Self::HlsEcdsa { .. } => Some(Mechanism::HIGH_ECDSA),
        }
    }

    /// The keys, in a ciphered context.
    pub const fn keys(&self) -> Option<&SecurityContext> {
        match self {
            Self::None => None,
            Self::HlsGmac { keys } => Some(keys),
            Self::Lls { keys, .. }
            | Self::HlsHash { keys, .. }
            | Self::HlsEcdsa { keys, .. }
            | Self::PreEstablished { keys, .. } => keys.as_ref(),
        }
    }

    /// The application context.
    pub const fn context(&self) -> ApplicationContext {
        ApplicationContext::of(self.keys().is_some())
    }

    /// The title of the server in a context that is there without AARQ.
    pub(super) const fn pre_established(&self) -> Option<SystemTitle> {
        match self {
            Self::PreEstablished { server_title, .. } => Some(*server_title),
            _ => None,
        }
    }

    pub(super) const fn hls(&self) -> Option<Hls<'_>> {
        match self {
            Self::None | Self::Lls { .. } | Self::PreEstablished { .. } => None,
            Self::HlsGmac { keys } => Some(Hls::Gmac(keys)),
            Self::HlsHash { hash, secret, .. } => Some(Hls::Hash(*hash, secret)),
            Self::HlsEcdsa { own, server, .. } => Some(Hls::Ecdsa { own, peer: server }),
        }
    }
}

/// In what envelope a client ciphers services. Servers answer in the form asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CipheringForm {
    /// glo-get-request and its kin: the shorter one.
    #[default]
    ServiceSpecific,
    /// general-glo-ciphering, with the system title in every APDU.
    General,
    /// ded-get-request and its kin, under a key of this association alone.
    Dedicated,
    /// general-ded-ciphering, under a key of this association alone.
    GeneralDedicated,
    /// general-ciphering, with a key from this source.
    GeneralCiphering(KeySource),
}

impl CipheringForm {
    /// Whether the client gives the server a dedicated key when it opens the association.
    pub const fn is_dedicated(self) -> bool {
        matches!(self, Self::Dedicated | Self::GeneralDedicated)
    }

    pub(super) const fn wrap(self) -> Wrap {
        match self {
            Self::ServiceSpecific => Wrap::Envelope(SPECIFIC),
            Self::General => Wrap::Envelope(Envelope::General(None)),
            Self::Dedicated => Wrap::Envelope(SPECIFIC_DEDICATED),
            Self::GeneralDedicated => Wrap::Envelope(Envelope::GeneralDedicated(None)),
            Self::GeneralCiphering(source) => Wrap::General(source),
        }
    }
}

/// Configuration of a [`super::Client`].
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The own wrapper port: 1 management, 16 public.
    pub client_sap: u16,
    /// The wrapper port of the logical device: 1 management.
    pub server_sap: u16,
    /// The own system title.
    pub client_title: SystemTitle,
    /// How the client proves itself.
    pub authentication: ClientAuthentication,
    /// The envelope of ciphered services.
    pub ciphering: CipheringForm,
    /// The first send counter that is certainly unused: what was persisted last.
    pub first_invocation_counter: u32,
    /// Send counters reserved at a time.
    pub counter_block: u32,
    /// The highest counter seen from this server, if any was.
    pub last_server_counter: Option<u32>,
    /// The largest APDU that the client takes, in octets; 0 for no limit.
    pub max_receive_pdu: u16,
    /// The largest value that the client joins from blocks, in octets.
    pub max_value_len: usize,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// How often an unanswered request is repeated; at most 7. Actions never are.
    pub retries: u8,
    /// How long a request, or the way to an open association, may take in all, whatever is heard meanwhile:
    /// blocks without end, and answers to something else. At least `response_timeout`.
    pub request_limit: Duration,
    /// Where meters differ from the books.
    pub quirks: Quirks,
    /// Entropy for challenges and keys; another one for every life of the client.
    pub seed: Seed,
}

/// What happens to a client.
#[derive(Clone, Debug)]
pub enum ClientInput<'a> {
    /// Open the association.
    Connect,
    /// Read an attribute.
    Get(AttributeRequest),
    /// Read several attributes in one answer; at most 32, and only from a server that says
    /// [`crate::apdu::Conformance::MULTIPLE_REFERENCES`].
    GetList(Vec<AttributeRequest>),
    /// Write an attribute: one whole encoded value.
    Set(AttributeRequest, &'a [u8]),
    /// Invoke a method, with one whole encoded value as parameter.
    Action(MethodRequest, Option<&'a [u8]>),
    /// Write several attributes in one request, one whole encoded value each; at most 32.
    SetList(Vec<(AttributeRequest, Vec<u8>)>),
    /// Invoke several methods in one request, with one whole encoded value as parameter each; at most 32.
    ActionList(Vec<(MethodRequest, Option<Vec<u8>>)>),
    /// Carry out several operations in one request, with one whole encoded value each where one is written
    /// or a parameter; at most 32, and only from a server that says
    /// [`crate::apdu::Conformance::ACCESS`].
    Access(Vec<(AccessOperation, Option<Vec<u8>>)>),
    /// Close the association.
    Release,
    /// A datagram has arrived from the server: a whole wrapper PDU.
    Datagram(&'a [u8]),
    /// The connection below is gone, and with it the association: the request under way fails.
    ConnectionLost,
}

/// What a client wants done or known. Every `Connect`, request and `Release` is answered exactly once: by
/// `Connected`, `Value`, `Values`, `AccessResult`, `AccessResults`, `ActionResult`, `ActionResults`,
/// `AccessResponse`, `Released` or `Failed`.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientOutput {
    /// Make this durable before the datagrams that follow: send counters below it may have been used.
    Persist {
        /// The first send counter that is certainly unused.
        reserved_to: u32,
    },
    /// Send this datagram to the server: a whole wrapper PDU.
    Datagram(Vec<u8>),
    /// The association is open.
    Connected,
    /// The value that was read: one whole encoded A-XDR value, blocks joined.
    Value(Vec<u8>),
    /// The values of a `GetList`, in its order: one whole encoded A-XDR value each, or why there is none. A
    /// server that has no room for a value in this answer refuses it with `OtherReason`.
    Values(Vec<Result<Vec<u8>, DataAccessResult>>),
    /// The result of a `Set`, or why a `Get` gave no value.
    AccessResult(DataAccessResult),
    /// The result of an `Action`, and the value that the method returned.
    ActionResult(ActionResult, Option<Vec<u8>>),
    /// The results of a `SetList`, in its order.
    AccessResults(Vec<DataAccessResult>),
    /// The results of an `ActionList`, in its order, and the values that the methods returned.
    ActionResults(Vec<(ActionResult, Option<Vec<u8>>)>),
    /// What an `Access` gave, in its order: one whole encoded value each, null-data for those that have none,
    /// and how each operation went.
    AccessResponse(Vec<(Vec<u8>, OperationResult)>),
    /// The server pushes a value, unasked. A push that wants to be confirmed was.
    DataNotification {
        /// When it was sent, if the server says so.
        date_time: Option<ClockTime>,
        /// One whole encoded value.
        body: Vec<u8>,
    },
    /// The server tells the value of an attribute, unasked.
    EventNotification {
        /// When it happened, if the server says so.
        time: Option<ClockTime>,
        /// Which attribute.
        attribute: AttributeRequest,
        /// One whole encoded value.
        value: Vec<u8>,
    },
    /// The association is closed.
    Released,
    /// The request could not be carried out.
    Failed(ClientFailure),
    /// The highest counter that was accepted from the server: worth keeping for the next life.
    ServerCounter(u32),
}

/// Why a request could not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFailure {
    /// No valid answer after all repetitions. The association may be gone.
    NoAnswer,
    /// The server has refused the association.
    Rejected(AssociationResult, Diagnostic),
    /// The service provider of the server has refused the association, with a diagnostic of its own: 2 for
    /// no common version of the protocol.
    RejectedByProvider(AssociationResult, u8),
    /// The server has answered with an exception. In a ciphered association exceptions are not
    /// authentic: this is told only after all repetitions went unanswered.
    Exception(ExceptionResponse),
    /// The server did not prove that it knows the keys, or sent our own title or challenge back.
    Authentication,
    /// The server has answered, but not what can be taken. What is no answer to this request is told
    /// only after all repetitions brought nothing better.
    Answer(AnswerFault),
    /// The server accepts the association on other terms than were proposed.
    Aare(AareFault),
    /// The server was heard all the time, and the request is not done.
    TimedOut,
    /// A value or parameter that is to be sent is not one whole encoded value.
    NotAValue,
    /// The value is longer than the client may join, or the request longer than the server takes.
    TooLong,
    /// No request is possible: not connected, or already connected.
    WrongState,
    /// The server has not said that it can do this, so it was not asked.
    NotNegotiated,
    /// The previous request is not finished.
    Busy,
    /// The send counter has ended: the server needs new keys.
    CounterExhausted,
    /// The form of ciphering needs a key that the client was not given.
    KeyMissing,
}
