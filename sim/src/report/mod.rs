//! What a run has shown: as text, as JSON, and as a page with plots and the map of the mesh.
//!
//! Everything in a report follows from the scenario and its seed: the same ones give the same bytes.

mod figures;
mod html;
mod json;
mod map;
mod svg;
mod text;

pub use figures::{MeterFigures, PeriodFigures, Report};
