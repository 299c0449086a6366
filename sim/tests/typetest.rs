//! The type test, the rows of every day.

use sim::laboratory::specimen::Design;
use sim::laboratory::typetest::{Extent, test};

fn passes(design: &Design, share: f64) {
    let tested = test(design, Extent::Short).expect("a specimen can be adjusted");
    let failed: Vec<_> = tested
        .rows
        .iter()
        .zip(&tested.verdicts)
        .filter(|(_, verdict)| verdict.passed != Some(true))
        .map(|(row, verdict)| format!("{}: {:?} of {}", row.what, verdict.measured, row.limit))
        .collect();
    assert!(failed.is_empty(), "{}: {failed:#?}", design.name);
    assert!(tested.rows.len() >= 16, "only {} rows", tested.rows.len());
    assert!(tested.worst_share() <= share, "{}: {}", design.name, tested.worst_share());
}

#[test]
fn class_02s_with_transformers_stays_within_half_of_each_limit() {
    passes(&Design::class_02s(), 0.5);
}

#[test]
fn class_02s_with_coils_stays_within_half_of_each_limit() {
    passes(&Design::class_02s_rogowski(), 0.5);
}

#[test]
fn class_1_with_a_shunt_in_one_phase_and_class_05s_pass() {
    passes(&Design::class_2(), 1.0);
    passes(&Design::class_05s(), 1.0);
}
