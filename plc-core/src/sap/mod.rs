//! The service primitives between layers: requests go down, indications and confirms come up.
//!
//! ```text
//! UDP    UdpRequest                 UdpIndication                       plc-node
//! ADPD   AdpdDataRequest            AdpdDataConfirm, AdpdDataIndication  g3-adp
//! ADPM   AdpmRequest                AdpmIndication                       g3-adp
//! MCPS   McpsDataRequest            McpsDataConfirm, McpsDataIndication  g3-mac
//! MLME   MlmeRequest                MlmeConfirm, MlmeIndication          g3-mac
//! PD     PdDataRequest PdAckRequest PhyIndication                        g3-phy
//! ```
//!
//! Primitives own their bytes in buffers whose size the standard bounds.

mod adp;
mod ib;
mod mac;
mod persist;
mod phy;
mod pib;
mod udp;

pub use adp::*;
pub use ib::*;
pub use mac::*;
pub use persist::*;
pub use phy::*;
pub use pib::*;
pub use udp::*;
