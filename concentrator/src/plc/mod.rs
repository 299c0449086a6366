//! The power line side of the daemon: the node, the converter that clocks it, the way up.

pub mod application;
pub mod driver;
pub mod front_end;
pub mod network;
pub mod observer;
pub mod port;
pub mod session;
pub mod telemetry;
pub mod trust;

pub use application::{Application, MeterAccess, Observer};
pub use driver::{Driver, DriverError};
pub use front_end::{FrontEnd, Incoming, Outgoing};
pub use observer::LiveObserver;
pub use port::{Answer, ApplicationPort, NodePort, Turn, port};
pub use session::{SessionConfig, SessionError, serve};
