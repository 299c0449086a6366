//! Disconnect control: states, and which transitions each mode allows \[BB 4.5.8; confidence A\].
#![allow(missing_docs)]

pub const DISCONNECTED: u8 = 0;
pub const CONNECTED: u8 = 1;
pub const READY_FOR_RECONNECTION: u8 = 2;
/// Modes from 0.
pub const MODES: usize = 7;

/// Transitions, by the letters of the book.
pub mod transition {
    /// Remote reconnection, from disconnected to connected.
    pub const A: u8 = 1 << 0;
    /// Remote disconnection, from connected.
    pub const B: u8 = 1 << 1;
    /// Remote disconnection, from ready for reconnection.
    pub const C: u8 = 1 << 2;
    /// Remote reconnection, from disconnected to ready for reconnection.
    pub const D: u8 = 1 << 3;
    /// Manual reconnection, from ready for reconnection.
    pub const E: u8 = 1 << 4;
    /// Manual disconnection, from connected to ready for reconnection.
    pub const F: u8 = 1 << 5;
    /// Local disconnection, from connected to ready for reconnection.
    pub const G: u8 = 1 << 6;
    /// Local reconnection, from ready for reconnection.
    pub const H: u8 = 1 << 7;
}

/// The transitions of each mode.
pub const ALLOWED: [u8; MODES] = {
    use transition::{A, B, C, D, E, F, G, H};
    [
        0,
        B | C | F | G | D | E,
        B | C | F | G | A | E,
        B | C | G | D | E,
        B | C | G | A | E,
        B | C | F | G | D | E | H,
        B | C | G | D | E | H,
    ]
};
