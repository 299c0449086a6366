//! Interface classes: what servers write into attributes and clients read out of them.

pub mod association;
pub mod clock;
pub mod companion;
pub mod profile;
pub mod register;
pub mod registers;
pub mod security_setup;
