//! Interface classes: what servers write into attributes and clients read out of them.

pub mod profile;
pub mod register;
pub mod security_setup;
