//! The file of the configuration: whatever stands in it is taken or refused in a bounded number of words, and what is shown of it is bounded too.
#![no_main]

use concentrator::config::Config;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match Config::parse(text, Path::new("/nowhere/concentrator.toml")) {
        Ok(config) => {
            assert!(!config.shown().is_empty());
            let again = Config::parse(&config.to_toml(), Path::new("/nowhere/concentrator.toml"));
            // Meters and certificates are not written out.
            assert!(config.backhaul.is_some() || again.is_ok(), "{again:?}");
        }
        Err(errors) => assert!(errors.to_string().len() < 64 * 1024),
    }
});
