//! Results of services, as numbers that are kept when they are unknown.

use core::fmt::{self, Write};

macro_rules! results {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A code that the standard does not name.
            Other(u8),
        }

        impl $name {
            /// From the code on the wire.
            pub const fn from_code(code: u8) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    other => Self::Other(other),
                }
            }

            /// The code on the wire.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(other) => other,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Other(code) => write!(f, "{code}"),
                    named => write!(StandardWords(f), "{named:?}"),
                }
            }
        }
    };
}

/// Writes names of variants as the standard spells them: `ReadWriteDenied` is read-write-denied.
struct StandardWords<'f, 'a>(&'f mut fmt::Formatter<'a>);

impl Write for StandardWords<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().enumerate().try_for_each(|(n, letter)| {
            if n > 0 && letter.is_ascii_uppercase() {
                self.0.write_char('-')?;
            }
            self.0.write_char(letter.to_ascii_lowercase())
        })
    }
}

results! {
    /// Data-Access-Result \[GB 9.5; confidence A\].
    DataAccessResult {
        /// Done.
        Success = 0,
        /// hardware-fault.
        HardwareFault = 1,
        /// temporary-failure.
        TemporaryFailure = 2,
        /// read-write-denied.
        ReadWriteDenied = 3,
        /// object-undefined.
        ObjectUndefined = 4,
        /// object-class-inconsistent.
        ObjectClassInconsistent = 9,
        /// object-unavailable.
        ObjectUnavailable = 11,
        /// type-unmatched.
        TypeUnmatched = 12,
        /// scope-of-access-violated.
        ScopeOfAccessViolated = 13,
        /// data-block-unavailable.
        DataBlockUnavailable = 14,
        /// long-get-aborted.
        LongGetAborted = 15,
        /// no-long-get-in-progress.
        NoLongGetInProgress = 16,
        /// long-set-aborted.
        LongSetAborted = 17,
        /// no-long-set-in-progress.
        NoLongSetInProgress = 18,
        /// data-block-number-invalid.
        DataBlockNumberInvalid = 19,
        /// other-reason.
        OtherReason = 250,
    }
}

results! {
    /// Action-Result \[GB 9.5; confidence A\].
    ActionResult {
        /// Done.
        Success = 0,
        /// hardware-fault.
        HardwareFault = 1,
        /// temporary-failure.
        TemporaryFailure = 2,
        /// read-write-denied.
        ReadWriteDenied = 3,
        /// object-undefined.
        ObjectUndefined = 4,
        /// object-class-inconsistent.
        ObjectClassInconsistent = 9,
        /// object-unavailable.
        ObjectUnavailable = 11,
        /// type-unmatched.
        TypeUnmatched = 12,
        /// scope-of-access-violated.
        ScopeOfAccessViolated = 13,
        /// data-block-unavailable.
        DataBlockUnavailable = 14,
        /// long-action-aborted.
        LongActionAborted = 15,
        /// no-long-action-in-progress.
        NoLongActionInProgress = 16,
        /// other-reason.
        OtherReason = 250,
    }
}

results! {
    /// The state-error of an exception response \[GB 9.5; confidence A\].
    StateError {
        /// service-not-allowed.
        ServiceNotAllowed = 1,
        /// service-unknown.
        ServiceUnknown = 2,
    }
}

results! {
    /// The result of an AARE \[GB 9.4.2; confidence A\].
    AssociationResult {
        /// accepted.
        Accepted = 0,
        /// rejected-permanent.
        RejectedPermanent = 1,
        /// rejected-transient.
        RejectedTransient = 2,
    }
}

results! {
    /// The diagnostic of the ACSE service user in an AARE \[GB 9.4.2; confidence A\].
    Diagnostic {
        /// null.
        Null = 0,
        /// no-reason-given.
        NoReasonGiven = 1,
        /// application-context-name-not-supported.
        ApplicationContextNameNotSupported = 2,
        /// calling-AP-title-not-recognized.
        CallingApTitleNotRecognized = 3,
        /// authentication-mechanism-name-not-recognised.
        AuthenticationMechanismNameNotRecognised = 11,
        /// authentication-mechanism-name-required.
        AuthenticationMechanismNameRequired = 12,
        /// authentication-failure.
        AuthenticationFailure = 13,
        /// authentication-required.
        AuthenticationRequired = 14,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn results_are_said_in_the_words_of_the_standard() {
        assert_eq!(DataAccessResult::ReadWriteDenied.to_string(), "read-write-denied");
        assert_eq!(ActionResult::Success.to_string(), "success");
        assert_eq!(DataAccessResult::from_code(200).to_string(), "200");
        assert_eq!(Diagnostic::CallingApTitleNotRecognized.to_string(), "calling-ap-title-not-recognized");
    }
}
