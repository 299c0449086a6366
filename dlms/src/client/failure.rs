//! Why a request could not be carried out, in words.

use super::ClientFailure;
use core::error::Error;
use core::fmt;

impl fmt::Display for ClientFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected(result, diagnostic) => {
                return write!(f, "the server refuses the association: {result}, {diagnostic}");
            }
            Self::RejectedByProvider(result, diagnostic) => {
                return write!(
                    f,
                    "the server refuses the association: {result}, acse-service-provider {diagnostic}"
                );
            }
            Self::Exception(exception) => return write!(f, "the server says {exception}"),
            Self::Answer(fault) => return write!(f, "the server answers, but {fault}"),
            Self::Aare(fault) => {
                return write!(f, "the server accepts the association on other terms: {fault}");
            }
            Self::NoAnswer => "the server does not answer",
            Self::Authentication => "the server did not prove that it knows the keys",
            Self::TimedOut => "the server sends without end, expected the answer in time",
            Self::NotAValue => "what is to be sent is not one whole A-XDR value",
            Self::TooLong => "too long: the value for this client, or the request for this server",
            Self::WrongState => "not possible in this state: not connected, or already connected",
            Self::NotNegotiated => "the server does not offer this service to this client",
            Self::Busy => "the previous request is not finished",
            Self::CounterExhausted => "the invocation counter has ended, expected new keys",
            Self::KeyMissing => "this form of ciphering needs a key that was not given",
        })
    }
}

impl Error for ClientFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Answer(fault) => Some(fault),
            Self::Aare(fault) => Some(fault),
            _ => None,
        }
    }
}
