//! Metrics for Prometheus, in the OpenMetrics text format, on an address of their own.
//!
//! No label names a meter: the number of series does not grow with the street. What is known of single meters is on the interface.
//! `families` says what there is, `page` how it is served.

mod families;
mod page;
mod process;

pub use families::{NAMES, write};
pub use page::{MetricsError, Page};
