//! What a client is answered that it cannot take.

use crate::apdu::{ApduKind, ApplicationContext, Conformance};
use crate::specs::initiate as specs;
use core::fmt;
use plc_core::wire::WireError;

/// An answer that the client cannot take: what came, and what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFault {
    /// An APDU that is none: cut short, with a length that lies, values too deep in each other, an unknown
    /// type.
    Malformed {
        /// What it begins like.
        came: ApduKind,
        /// What is wrong with it.
        fault: WireError,
    },
    /// An APDU of another kind.
    Kind {
        /// What came.
        came: ApduKind,
        /// What would have been the answer.
        expected: ApduKind,
    },
    /// The answer to no request that is under way.
    InvokeId {
        /// Its number.
        came: u8,
        /// The number of the request.
        expected: u8,
    },
    /// A block out of order.
    Block {
        /// Its number.
        came: u32,
        /// The one that is due.
        expected: u32,
    },
    /// A block without content that is not the last.
    EmptyBlock(u32),
    /// An answer of another form: one result for several, or several for one.
    Form,
    /// Blocks that join to no answer.
    Joined,
    /// So many results.
    Count {
        /// That came.
        came: usize,
        /// That were asked for.
        expected: usize,
    },
    /// Ciphered, in an association without keys.
    Ciphered(ApduKind),
    /// Less protection than agreed, a wrong tag, another title.
    Unauthentic(ApduKind),
    /// A counter that is not above all earlier ones.
    Replayed(ApduKind),
    /// From or for another port.
    Ports {
        /// Of the sender.
        source: u16,
        /// Of the receiver.
        destination: u16,
    },
}

/// Why an AARE that accepts is none that the client can accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AareFault {
    /// Another application context than proposed.
    Context {
        /// What came.
        came: ApplicationContext,
        /// What was proposed.
        expected: ApplicationContext,
    },
    /// The client must authenticate itself, and has no way to.
    AuthenticationRequired,
    /// No initiate-response.
    NoUserInformation,
    /// What should be an initiate-response is none.
    Initiate(WireError),
    /// Another version of DLMS than proposed.
    Version(u8),
    /// Another VAA name than that of logical names.
    VaaName(u16),
    /// More services than proposed: these.
    Conformance(Conformance),
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Malformed { came, fault } => write!(f, "with a malformed {came}: {fault}"),
            Self::Kind { came, expected } => write!(f, "with {came}, expected {expected}"),
            Self::InvokeId { came, expected } => {
                write!(f, "with invoke-id {came}, expected {expected}")
            }
            Self::Block { came, expected } => write!(f, "with block {came}, expected {expected}"),
            Self::EmptyBlock(block) => {
                write!(f, "with block {block} that is empty and not the last, expected octets")
            }
            Self::Form => f.write_str("in another form than asked: a list for one, or one for a list"),
            Self::Joined => f.write_str("with blocks that join to no value"),
            Self::Count { came, expected } => write!(f, "with {came} results, expected {expected}"),
            Self::Ciphered(came) => write!(f, "with {came}, expected no ciphering in this association"),
            Self::Unauthentic(came) => {
                write!(f, "with {came} that is not authentic, expected the protection that was agreed")
            }
            Self::Replayed(came) => write!(f, "with {came} under an old counter, expected a higher one"),
            Self::Ports { source, destination } => {
                write!(f, "from port {source} for port {destination}, expected the other way of the request")
            }
        }
    }
}

impl fmt::Display for AareFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Context { came, expected } => {
                write!(f, "application-context {}, expected {} as proposed", came.0, expected.0)
            }
            Self::AuthenticationRequired => {
                f.write_str("accepted but authentication-required, expected null from a client without proof")
            }
            Self::NoUserInformation => f.write_str("no user-information, expected an initiate-response"),
            Self::Initiate(fault) => write!(f, "initiate-response: {fault}"),
            Self::Version(version) => write!(f, "DLMS version {version}, expected {}", specs::VERSION),
            Self::VaaName(name) => write!(f, "vaa-name {name:04X}, expected {:04X}", specs::VAA_NAME_LN),
            Self::Conformance(more) => {
                write!(f, "conformance with {more:?} that was not proposed, expected a part of the proposal")
            }
        }
    }
}

impl core::error::Error for AnswerFault {}

impl core::error::Error for AareFault {}
