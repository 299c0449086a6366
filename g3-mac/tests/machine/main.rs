//! Whole MACs, joined by an ideal line with the real durations, and alone under random inputs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what surrounds the tests is part of them")]

mod about;
mod adapting;
mod alone;
mod exchange;
mod geometry;
mod laws;
mod line;
mod management;
mod protection;
