//! Security suites 0, 1 and 2 \[GB 9.2\]: keys, policies, envelopes, proofs.

mod aead;
mod agreement;
mod certificate;
mod channel;
mod context;
mod ecc;
mod end;
mod form;
mod interop;
mod policy;
mod proof;
mod secret;
mod suite;

pub use agreement::{WrapFault, derive_key, unwrap_key, wrap_key};
pub use certificate::{Certificate, CertificateFault, KeyUse, certificate_request};
pub(crate) use channel::{OpenFault, SPECIFIC, SPECIFIC_DEDICATED, open, overhead, seal};
pub use context::{KeyId, KeyLength, ProtectFault, SecurityContext, Suite0};
pub use ecc::{Curve, KeyPairs, NoKey, PrivateKey, PublicKey};
pub(crate) use end::{Demand, End, Opened, Unopened};
pub use form::KeySource;
pub(crate) use form::{Form, Heard, Mark, Wrap, transaction};
pub use interop::{GeneralCipheringAad, Interop, KdfParties, SessionKeyCounter, SignedRange};
pub use policy::SecurityPolicy;
pub use proof::HashFunction;
pub(crate) use proof::{Hls, Passes, Proved};
pub use secret::Secret;
pub use suite::{Control, Suite, SystemTitle};
