use super::*;
use crate::g3::tx::Transmitter;
use crate::g3::{CENELEC_A, Fch, Interop, ToneMask};
use plc_core::sap::FrameGeometry;

fn samples(plan: &'static BandPlan, deep: bool) -> Vec<f32> {
    let mut transmitter = Transmitter::new(plan, Interop::default(), 1.0, deep);
    transmitter.load_alone(&Fch::Ack { fcs: 0x1234, more_segments: false, negative: false });
    let mut samples = vec![0.0; plan.frame_len(0) + 1];
    assert_eq!(transmitter.fill(&mut samples), plan.frame_len(0));
    samples
}

/// The windows of receivers, which begin eleven samples before the bodies, hold the same with deep notches and without;
/// so do all SYNCP but the first.
#[test]
fn nothing_changes_but_the_beginnings_of_symbols() {
    let plan: &BandPlan = std::boxed::Box::leak(std::boxed::Box::new(
        CENELEC_A.with_mask(ToneMask::carriers(23, 39, 49)).unwrap(),
    ));
    let (plain, deep) = (samples(plan, false), samples(plan, true));
    let changed: Vec<usize> = (0..plain.len()).filter(|&n| plain[n] != deep[n]).collect();
    let edges =
        |n: usize| n < SPAN || (2048..2048 + SPAN).contains(&n) || n >= 2424 && (n - 2424) % 278 < SPAN;
    assert!(changed.iter().all(|&n| edges(n)), "{changed:?}");
    let symbols = plan.fch_symbols();
    assert!(changed.len() > (symbols + 2) * (SPAN - 2) && symbols == 19, "{}", changed.len());
    assert!(plan.ack() > CENELEC_A.ack());
}

#[test]
fn without_a_mask_there_is_nothing_to_do() {
    assert!(Notch::of(&CENELEC_A, 1.0).is_none());
    assert_eq!(samples(&CENELEC_A, false), samples(&CENELEC_A, true));
}
