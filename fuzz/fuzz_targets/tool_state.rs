//! Files of counters of `concentrator dlms`: what is read is written so that it is read as the same.
#![no_main]

use concentrator::cli::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(written) = parsers::state(text) {
        assert_eq!(parsers::state(&written), Ok(written.clone()));
    }
});
