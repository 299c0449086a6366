//! Why a command could not be carried out, as an exit code and as one line.

use super::carrier::Carrier;
use dlms::client::{ClientFailure, ClientOutput};
use std::fmt;
use std::process::ExitCode;

/// Who is to blame: the exit code of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The meter cannot be reached, or does not answer: 3.
    Unreachable = 3,
    /// The meter refuses the association, or one of both did not prove itself: 4.
    Association = 4,
    /// The meter refuses what it was asked for: 5.
    Refused = 5,
    /// It is another meter than was expected, or the counters are those of another meter, client or key: 8.
    Stranger = 8,
}

/// A fault with an exit code of its own.
#[derive(Debug)]
pub(crate) struct Fault {
    blame: Blame,
    text: String,
}

impl Fault {
    pub(crate) fn error(blame: Blame, text: impl Into<String>) -> anyhow::Error {
        Self { blame, text: text.into() }.into()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.blame as u8)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

/// Whether the meter was reached and has refused.
pub(super) fn is_refusal(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Fault>().is_some_and(|fault| fault.blame == Blame::Refused)
}

/// What the meter has said instead of opening the association.
pub(super) fn not_associated(output: &ClientOutput, carrier: &Carrier) -> anyhow::Error {
    match output {
        ClientOutput::Failed(ClientFailure::Rejected(result, diagnostic)) => Fault::error(
            Blame::Association,
            format!("the meter refuses the association: {result}, {diagnostic}"),
        ),
        ClientOutput::Failed(ClientFailure::RejectedByProvider(result, diagnostic)) => Fault::error(
            Blame::Association,
            format!("the meter refuses the association: {result}, acse-service-provider {diagnostic}"),
        ),
        ClientOutput::Failed(ClientFailure::Authentication) => Fault::error(
            Blame::Association,
            "authentication-failure: the meter did not prove that it knows the keys, or does not believe us",
        ),
        ClientOutput::Failed(ClientFailure::Aare(fault)) => Fault::error(
            Blame::Association,
            format!("the meter accepts the association, but on other terms: {fault}"),
        ),
        ClientOutput::Failed(ClientFailure::Exception(exception)) => {
            Fault::error(Blame::Association, format!("the meter says {exception}"))
        }
        other => not_served(other, carrier),
    }
}

/// What the meter has said instead of serving a request; where it has said nothing, the carrier knows what came instead.
pub(super) fn not_served(output: &ClientOutput, carrier: &Carrier) -> anyhow::Error {
    let ClientOutput::Failed(failure) = output else {
        return Fault::error(Blame::Refused, "the meter answers something else than it was asked for");
    };
    let (blame, text) = match failure {
        ClientFailure::NoAnswer => (Blame::Unreachable, carrier.silence()),
        ClientFailure::Exception(exception) => (Blame::Refused, format!("the meter says {exception}")),
        ClientFailure::NotNegotiated => {
            (Blame::Refused, String::from("the meter does not offer this service to this client"))
        }
        ClientFailure::Answer(fault) => (Blame::Unreachable, format!("the meter answers, but {fault}")),
        ClientFailure::TimedOut => (
            Blame::Unreachable,
            String::from("the meter sends without end, expected the answer within --limit seconds"),
        ),
        ClientFailure::TooLong => {
            (Blame::Refused, String::from("too long: the value, or the request for this meter"))
        }
        ClientFailure::CounterExhausted => {
            (Blame::Association, String::from("the invocation counter has ended: the meter needs new keys"))
        }
        ClientFailure::KeyMissing => (
            Blame::Association,
            String::from("--ciphering, --sign: this form needs keys that the file does not hold"),
        ),
        ClientFailure::NotAValue => (Blame::Refused, String::from("expected one whole value to send")),
        ClientFailure::WrongState => {
            (Blame::Association, String::from("the association is closed, expected one that is open"))
        }
        ClientFailure::Busy => (Blame::Refused, String::from("expected one request at a time")),
        ClientFailure::Rejected(..)
        | ClientFailure::RejectedByProvider(..)
        | ClientFailure::Authentication
        | ClientFailure::Aare(_) => return not_associated(output, carrier),
    };
    Fault::error(blame, text)
}
