//! What takes a look inside a modem: frames that no transmitter would send.

use super::*;
use crate::g3::FCC;
use plc_core::sap::{FrameGeometry, Modulation, Psdu, TxParameters};
use std::vec::Vec;

/// Octets corrected in a frame of one or two code words, damaged in so many octets each, by a receiver that spends
/// so many iterations; `None` when it is lost.
fn corrected(
    plan: &'static BandPlan,
    modulation: Modulation,
    octets: &[usize],
    iterations: usize,
) -> Option<u8> {
    let tx = TxParameters { modulation, ..plan.robust() };
    let len = plan.fit(&tx, if octets.len() == 1 { 40 } else { 300 }).unwrap().psdu_len;
    let psdu = Psdu::from_slice(&(0..len).map(|n| n as u8).collect::<Vec<_>>()).unwrap();
    let mut modem = Modem::new(plan, ModemConfig { iterations, ..ModemConfig::of(plan) });
    let (gain, at) = (TxGain::default(), Instant::EPOCH);
    let request = PdDataRequest { psdu: psdu.clone(), tx, gain, response_expected: false, at };
    modem.on_any_request(at, &PhyRequest::Data(request));
    modem.transmitter.strike(&PayloadShape::fitting(plan, &tx, len).unwrap(), octets);
    let mut samples = std::vec![0.0; plan.frame_len(plan.symbols_max())];
    modem.fill(&mut samples);
    let mut listener = Modem::new(plan, ModemConfig { iterations, ..ModemConfig::of(plan) });
    let mut said = Vec::new();
    for block in samples.chunks(1000) {
        listener.on_block(block, &mut [0.0; 1000][..block.len()]);
        said.extend(core::iter::from_fn(|| listener.reports.pop()));
    }
    said.into_iter().find_map(|indication| match indication {
        PhyIndication::Data(data) => {
            assert_eq!(data.psdu, psdu);
            Some(data.corrected_octets)
        }
        _ => None,
    })
}

/// Neither the first pass nor the iterations may take it: both would be guessing.
#[test]
fn a_word_that_needs_every_correction_is_taken_only_where_there_is_no_better_receiver() {
    for (modulation, most) in [(Modulation::Robo, 4), (Modulation::Bpsk, 8)] {
        let corrected = |octets, iterations| corrected(&CENELEC_A, modulation, &[octets], iterations);
        assert_eq!([0, 4].map(|n| corrected(usize::from(most), n)), [Some(most), None], "{modulation:?}");
        assert_eq!(
            [0, 4].map(|n| corrected(usize::from(most) - 1, n)),
            [Some(most - 1); 2],
            "{modulation:?}"
        );
    }
}

#[test]
fn two_words_with_corrections_left_in_each_are_taken_whatever_their_sum() {
    assert_eq!(corrected(&FCC, Modulation::Psk8, &[7, 7], 4), Some(14));
    assert_eq!([0, 4].map(|n| corrected(&FCC, Modulation::Psk8, &[0, 8], n)), [Some(8), None]);
}
