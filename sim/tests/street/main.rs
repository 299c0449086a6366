//! Whole streets, driven sample by sample from the transformer by a coordinator and a collector.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what surrounds the tests is part of them")]

mod concentrator;
mod firmware;
mod hostile;
mod noise;
mod reading;
mod repetition;
mod truth;
mod voltage;
