//! The words of COSEM that client and server share: names, attributes, times, units, selectors.

mod clock_time;
mod date;
mod logical_name;
mod quantity;
mod request;
mod selector;
mod unit;
mod wall;

pub use clock_time::{ClockStatus, ClockTime};
pub use date::{Date, Day, Month, Time};
pub use logical_name::LogicalName;
pub use quantity::Quantity;
pub use request::{AttributeRequest, MethodRequest};
pub use selector::{Bound, CaptureObject, Selector};
pub use unit::{ScalerUnit, Unit};
pub use wall::Wall;
