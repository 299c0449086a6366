//! A node of the power line network: the layers of G3-PLC assembled into one machine, with IPv6 and UDP
//! on top, generic over the PHY.
//!
//! ```text
//! application   NodeInput::Udp  ▼        ▲ NodeOutput::Udp
//! Endpoint      AdpdDataRequest ▼        ▲ AdpdDataIndication
//! g3-adp        McpsDataRequest ▼        ▲ McpsDataIndication
//! g3-mac        PhyRequest      ▼        ▲ PhyIndication
//! Phy           samples of the line (the modem), or whatever else a medium is made of
//! ```
//!
//! Tour: [`node`] owns the layers and moves primitives between them; [`endpoint`] turns datagrams into
//! packets; [`ip`] is the wire format; [`role`] builds the stack of a coordinator or of a device; [`tap`] listens to a node's
//! frames, and [`pcapng`] is the file of them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod endpoint;
pub mod ip;
pub mod node;
mod outputs;
pub mod pcapng;
pub mod role;
pub mod tap;

pub use endpoint::{Endpoint, EndpointCounters};
pub use g3_adp::Memory;
pub use g3_adp::loadng::Route;
pub use g3_mac::{AfterRestart, DeviceCounter};
pub use node::{Node, NodeInput, NodeOutput};
pub use pcapng::Pcapng;
pub use role::{CoordinatorConfig, DeviceConfig, NodeConfig};
pub use tap::{FrameBody, Tapped, TappedFrame};

/// The software modem, for those who build a node on samples.
#[cfg(feature = "modem")]
pub use g3_phy as modem;
