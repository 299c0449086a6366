//! Security suite 0: AES-128-GCM with a 12-octet tag \[GB 9.2.3\].

mod channel;
mod suite0;

pub(crate) use channel::{OpenFault, SPECIFIC, open, overhead, seal};
pub use suite0::{Control, ProtectFault, Suite0, SystemTitle};
