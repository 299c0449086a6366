//! Files of keys of `concentrator dlms`, for the clients that the built-in plan of a meter has.
#![no_main]

use concentrator::cli::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for client in [1, 2, 3, 4, 16, 17, 102] {
        let _ = parsers::keys(text, client);
    }
});
