//! IEC local port setup \[BB 4.7.1; confidence B\].

#![allow(missing_docs)]

use core::time::Duration;

/// Bits per second, by the numbers of default_baud and prop_baud.
pub const RATES: [u32; 10] = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];
pub const RESPONSE_TIME_SHORT: Duration = Duration::from_millis(20);
pub const RESPONSE_TIME_LONG: Duration = Duration::from_millis(200);
