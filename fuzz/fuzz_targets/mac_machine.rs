//! Two MACs on a line of which the fuzzer decides everything. What must hold stands with the test that shares this.
#![no_main]

#[path = "../../g3-mac/tests/machine/geometry.rs"]
mod geometry;
#[path = "../../g3-mac/tests/machine/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::run(bytes));
