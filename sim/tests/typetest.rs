//! The type test, the rows of every day.

use sim::laboratory::specimen::Design;
use sim::laboratory::typetest::{Extent, Report, Tested, test};

/// Rows that did not pass, or were not run.
fn failed(tested: &Tested) -> Vec<String> {
    let rows = tested.rows.iter().zip(&tested.verdicts);
    let failed = rows.filter(|(_, verdict)| verdict.passed != Some(true));
    failed.map(|(row, verdict)| format!("{}: {:?} of {}", row.what, verdict.measured, row.limit)).collect()
}

fn passes(design: &Design, rows: usize, share: f64) -> Tested {
    let tested = test(design, Extent::Short).expect("a specimen can be adjusted");
    assert_eq!(failed(&tested), [""; 0], "{}", design.name);
    assert!(tested.rows.len() >= rows, "only {} rows", tested.rows.len());
    assert!(tested.worst_share() <= share, "{}: {}", design.name, tested.worst_share());
    tested
}

#[test]
fn the_core_alone_stays_within_a_fiftieth_of_a_percent_over_four_decades() {
    passes(&Design::core(), 5, 0.2);
}

#[test]
fn class_02s_with_transformers_stays_within_half_of_each_limit_and_is_reported() {
    let tested = passes(&Design::class_02s(), 24, 0.5);
    let rows = tested.rows.len();
    let report = Report { tested: vec![tested] };
    assert!(report.passed());
    assert_eq!(report.csv().lines().count(), rows + 1);
    assert_eq!(report.html().matches("<tr class=\"pass\">").count(), rows);
    assert!(report.html().matches("<svg").count() >= 2);
    assert!(report.text().contains("62053-22 t.4"));
}

#[test]
fn class_02s_with_coils_stays_within_half_of_each_limit() {
    passes(&Design::class_02s_rogowski(), 24, 0.5);
}

#[test]
fn a_shunt_in_one_phase_and_coils_of_class_05s_pass() {
    passes(&Design::class_2(), 16, 1.0);
    passes(&Design::class_05s(), 24, 1.0);
}

#[test]
fn a_transformer_that_saturates_with_dc_fails_the_half_waves() {
    let design = Design { principle: sim::laboratory::specimen::Principle::Transformer, ..Design::class_1() };
    let failed = failed(&test(&design, Extent::Short).expect("a specimen can be adjusted"));
    assert!(failed.len() == 1 && failed[0].starts_with("DC and even harmonics"), "{failed:?}");
}
