//! Security suite 0: AES-128-GCM with a 12-octet tag \[GB 9.2.3\].

mod suite0;

pub use suite0::{Control, ProtectFault, Suite0, SystemTitle};
