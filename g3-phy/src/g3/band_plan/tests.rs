use super::*;
use proptest::prelude::*;
use std::string::ToString;

fn tx(plan: &BandPlan, modulation: Modulation) -> TxParameters {
    TxParameters { modulation, ..plan.robust() }
}

fn coherent(plan: &BandPlan, modulation: Modulation) -> TxParameters {
    TxParameters { scheme: ModulationScheme::Coherent, ..tx(plan, modulation) }
}

static PHASES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

use Modulation::*;

#[test]
fn the_largest_psdus_are_the_published_ones() {
    let largest = |plan: &BandPlan| [Robo, Bpsk, Qpsk, Psk8, Qam16].map(|m| plan.max_psdu(&tx(plan, m)));
    assert_eq!(largest(&CENELEC_A), [133, 235, 235, 226, 0]);
    assert_eq!(largest(&BandPlan::cenelec_b(&PHASES).unwrap()), [54, 235, 239, 235, 0]);
    assert_eq!(largest(&BandPlan { blocks_max: 1, ..FCC }), [247, 239, 235, 239, 0]);
    assert_eq!(largest(&FCC), [494, 478, 470, 478, 0]);
    assert_eq!(largest(&ARIB), [247, 239, 239, 236, 0]);
}

#[test]
fn the_longest_frames_have_the_published_numbers_of_symbols() {
    let symbols = |plan: &BandPlan, m| {
        let tx = tx(plan, m);
        PayloadShape::fitting(plan, &tx, plan.max_psdu(&tx)).unwrap().symbols
    };
    assert_eq!([Robo, Bpsk, Qpsk, Psk8].map(|m| symbols(&CENELEC_A, m)), [252, 112, 56, 36]);
    assert_eq!([Robo, Bpsk, Qpsk, Psk8].map(|m| symbols(&FCC, m)), [456, 114, 56, 38]);
    assert_eq!([Robo, Bpsk, Qpsk, Psk8].map(|m| symbols(&ARIB, m)), [304, 76, 38, 25]);
}

#[test]
fn sixteen_qam_is_coherent_and_of_fcc() {
    assert!(FCC.max_psdu(&coherent(&FCC, Qam16)) > 400);
    assert_eq!(CENELEC_A.max_psdu(&coherent(&CENELEC_A, Qam16)), 0);
    assert_eq!(ARIB.max_psdu(&coherent(&ARIB, Qam16)), 0);
}

#[test]
fn frame_lengths_follow_the_published_table() {
    let psdu = |m, units| PayloadShape::of(&CENELEC_A, &tx(&CENELEC_A, m), units, 1).map(|s| s.psdu_len);
    assert_eq!((psdu(Psk8, 3), psdu(Qpsk, 3), psdu(Bpsk, 3)), (Some(64), Some(37), Some(10)));
    assert_eq!((psdu(Psk8, 5), psdu(Qpsk, 5), psdu(Bpsk, 5)), (Some(118), Some(73), Some(28)));
    assert_eq!((psdu(Bpsk, 10), psdu(Robo, 10)), (Some(73), Some(13)));
    assert_eq!((psdu(Qpsk, 13), psdu(Bpsk, 13), psdu(Robo, 13)), (Some(217), Some(100), Some(20)));
    assert_eq!((psdu(Bpsk, 28), psdu(Robo, 28), psdu(Robo, 63)), (Some(235), Some(54), Some(133)));
}

#[test]
fn air_time_and_header_are_those_of_the_standard() {
    let b = BandPlan::cenelec_b(&PHASES).unwrap();
    assert_eq!([&CENELEC_A, &b, &FCC, &ARIB].map(BandPlan::fch_symbols), [13, 30, 12, 16]);
    assert_eq!(CENELEC_A.symbol(), Duration::from_micros(695));
    assert_eq!(CENELEC_A.ack(), Duration::from_nanos(15_115_000));
    assert_eq!(CENELEC_A.frame_len(252), 2432 + 278 * 265);
    let robust = FCC.fit(&FCC.robust(), 100).unwrap().duration;
    let coherent = FCC.fit(&coherent(&FCC, Robo), 100).unwrap().duration;
    assert!(coherent >= robust + 2 * FCC.symbol());
}

#[test]
fn whole_frames_run_at_the_published_rates() {
    let rate = |plan: &BandPlan, m| {
        let tx = tx(plan, m);
        let fit = plan.fit(&tx, plan.max_psdu(&tx)).unwrap();
        (fit.psdu_len as f64 * 8e-2 / fit.duration.as_secs_f64()).round() / 10.0
    };
    assert_eq!([Robo, Bpsk, Qpsk, Psk8].map(|m| rate(&CENELEC_A, m)), [5.6, 20.2, 34.8, 45.0]);
    assert_eq!([Robo, Bpsk, Qpsk, Psk8].map(|m| rate(&FCC, m)), [35.8, 122.5, 211.5, 281.0]);
    assert_eq!([Robo, Bpsk, Qpsk, Psk8].map(|m| rate(&ARIB, m)), [25.9, 81.9, 131.5, 163.8]);
}

#[test]
fn the_parts_of_fcc_are_tone_masks_of_24_and_40_carriers() {
    assert_eq!((FCC_1A.used_carriers(), FCC_1B.used_carriers()), (24, 40));
    assert!(FCC_1A.is_used(23) && !FCC_1A.is_used(24) && !FCC_1B.is_used(31) && FCC_1B.is_used(32));
    assert_eq!((FCC_1A.fch_symbols(), FCC_1B.fch_symbols()), (36, 22));
    assert!(!FCC_1A.is_legal(ToneMap(1 << 8)) && FCC_1A.is_legal(ToneMap(1 << 7)));
}

#[test]
fn parameters_of_another_band_fit_nothing() {
    let foreign = TxParameters { tone_map: ToneMap(0x40), ..CENELEC_A.robust() };
    assert_eq!(CENELEC_A.fit(&foreign, 1), None);
    assert_eq!(CENELEC_A.fit(&TxParameters { tone_map: ToneMap(0), ..foreign }, 1), None);
    assert_eq!(CENELEC_A.fit(&CENELEC_A.robust(), 134), None);
}

#[test]
fn cenelec_b_without_its_phases_is_an_error_that_says_what_is_missing() {
    let error = BandPlan::named("cenelec-b").unwrap_err();
    assert!(error.to_string().contains("16 phases of its preamble"), "{error}");
    static WRONG: [u8; 16] = [16; 16];
    assert_eq!(BandPlan::cenelec_b(&WRONG).unwrap_err(), BandError::Phase { phase: 16 });
    assert_eq!(BandPlan::named("fcc-1.A").unwrap(), &FCC_1A);
    assert_eq!(BandPlan::named("CENELEC-C").unwrap_err(), BandError::Unknown);
}

#[test]
fn a_mask_leaves_enough_carriers_of_the_band_or_is_refused() {
    let s_fsk = ToneMask::carriers(23, 39, 49);
    assert_eq!(CENELEC_A.with_mask(s_fsk).unwrap().used_carriers(), 25);
    assert_eq!(CENELEC_A.with_mask(ToneMask(!0 >> 97)).unwrap_err(), BandError::Masked { left: 5 });
    assert_eq!(CENELEC_A.with_mask(ToneMask(1 << 36)).unwrap_err(), BandError::OutsideOfTheBand);
}

#[test]
fn a_mask_of_carriers_beside_the_band_or_of_none_is_refused() {
    for (from, to) in [(400, 500), (10, 25), (58, 59), (40, 39), (149, 149), (150, 150), (0, usize::MAX)] {
        let mask = ToneMask::carriers(23, from, to);
        assert_eq!(CENELEC_A.with_mask(mask).unwrap_err(), BandError::OutsideOfTheBand, "{from} to {to}");
    }
    assert_eq!([ToneMask::carriers(23, 23, 23).0, ToneMask::carriers(23, 24, 26).0], [1, 0b1110]);
}

#[test]
fn a_preamble_that_no_receiver_would_find_is_refused() {
    for count in [0, 1, 3, 65, usize::MAX] {
        assert_eq!(CENELEC_A.with_syncp(count).unwrap_err(), BandError::Syncp { count });
    }
    assert_eq!([4, 64].map(|count| CENELEC_A.with_syncp(count).unwrap().preamble_symbols()), [4, 64]);
}

proptest! {
    #[test]
    fn a_fit_holds_what_was_asked_and_fits_itself(
        len in 1usize..495,
        map in 1u32..64,
        m in 0usize..5,
        band in 0usize..4,
        coherent: bool,
    ) {
        let plan = [&CENELEC_A, &FCC, &ARIB, &FCC_1B][band];
        let scheme = if coherent { ModulationScheme::Coherent } else { ModulationScheme::Differential };
        let map = if band == 3 { map << 12 } else { map };
        let tx = TxParameters { tone_map: ToneMap(map), scheme, ..tx(plan, [Robo, Bpsk, Qpsk, Psk8, Qam16][m]) };
        match plan.fit(&tx, len) {
            Some(fit) => {
                prop_assert!(fit.psdu_len >= len && fit.psdu_len <= plan.max_psdu(&tx));
                prop_assert_eq!(plan.fit(&tx, fit.psdu_len), Some(fit));
            }
            None => prop_assert!(len > plan.max_psdu(&tx)),
        }
    }
}
