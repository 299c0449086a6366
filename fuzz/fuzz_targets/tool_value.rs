//! Values in the notation of `concentrator dlms set`: what is read is written so that it is read as the same.
#![no_main]

use concentrator::cli::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok((octets, written)) = parsers::value(text) {
        assert_eq!(parsers::value(&written).map(|(again, _)| again), Ok(octets), "{written}");
    }
});
