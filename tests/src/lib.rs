//! The whole system: the daemon against the emulated street, and the house rules. Everything is in `tests/`.
#![forbid(unsafe_code)]
