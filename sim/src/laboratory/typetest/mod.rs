//! The type test: every row of the standards' tables, run on synthesised waves through sensors, converters and the core.

mod class_a;
mod page;
mod plan;
mod plot;
mod report;
mod row;
mod run;
mod service;
pub mod specs;

pub use class_a::Case;
pub use plan::{Extent, Plan};
pub use report::{Report, Tested};
pub use row::{Pf, Point, Quantity, Row, Span, Task, Verdict};
pub use run::run;

use super::adjust::adjust;
use super::specimen::Design;
use metrology::calibrate::CalibrationError;

/// The designs that the whole test runs.
pub const DESIGNS: [Design; 10] = [
    Design::core(),
    Design::class_02s(),
    Design::class_02s_rogowski(),
    Design::class_02s_three_wires(),
    Design::class_05s(),
    Design::class_1(),
    Design::class_1_transformer(),
    Design::class_1_optical(),
    Design::class_2(),
    Design::class_2_transformer(),
];

/// Adjusts a specimen of a design and runs its rows.
///
/// # Errors
/// When it cannot be adjusted: see [`CalibrationError`].
pub fn test(design: &Design, extent: Extent) -> Result<Tested, CalibrationError> {
    let calibrated = adjust(design)?;
    let rows = Plan::new(design, extent).rows();
    let verdicts = rows.iter().map(|row| run(&calibrated, row)).collect();
    Ok(Tested { name: design.name, class: design.ratings.class, rows, verdicts })
}
