//! Every reading of the standard's unclear points, at both ends of a line and at one end alone.
//!
//! Whether a reading matters to a frame is not asked of the code of the receiver: it does if the transmitter makes other
//! samples of it. The value of the padding is the exception, since no receiver looks at it.

mod common;
use common::*;
use g3_phy::{ARIB, BandPlan, CENELEC_A, FCC, Interop, Modem, ModemConfig};
use plc_core::sap::*;

/// Noise between the two ends, in dB below the carriers.
const SNR_DB: f64 = 30.0;

fn modem_with(plan: &'static BandPlan, interop: Interop) -> Modem {
    Modem::new(plan, ModemConfig { interop, ..ModemConfig::of(plan) })
}

fn sent(plan: &'static BandPlan, interop: Interop, psdu: &Psdu, tx: TxParameters) -> Vec<f32> {
    waveform_of(&mut modem_with(plan, interop), data(psdu, tx), 100)
}

/// Whether a receiver that reads the standard like `interop` delivers `psdu`.
fn delivers(plan: &'static BandPlan, interop: Interop, samples: &[f32], psdu: &Psdu) -> bool {
    let said = listen_with(&mut modem_with(plan, interop), samples, 1000);
    received(&said).iter().any(|frame| frame.psdu == *psdu)
}

/// The same reading with the padding of the default.
fn unpadded(interop: Interop) -> Interop {
    Interop { pad_bit: Interop::default().pad_bit, ..interop }
}

/// Sends a frame of at least `len` octets with every reading; how many of them matter to it.
fn readings_that_matter(plan: &'static BandPlan, tx: TxParameters, len: usize) -> usize {
    let (default, mut noise) = (Interop::default(), Noise::new(len as u64));
    let psdu = noise.octets(plan.fit(&tx, len).expect("the frame exists").psdu_len);
    let usual = sent(plan, default, &psdu, tx);
    let mut matter = 0;
    for interop in Interop::readings(plan) {
        let mut samples = sent(plan, interop, &psdu, tx);
        let same = samples == usual || interop.pad_bit && sent(plan, unpadded(interop), &psdu, tx) == usual;
        noise.add(&mut samples, SNR_DB);
        assert!(delivers(plan, interop, &samples, &psdu), "does not understand itself: {interop:?}");
        assert_eq!(delivers(plan, default, &samples, &psdu), same, "{interop:?}");
        matter += usize::from(!same);
    }
    matter
}

/// On 18 carriers and 12 symbols of DQPSK, where the interleaver exchanges its row steps: everything matters but the
/// padding, so that two readings are the default.
#[test]
fn every_reading_of_cenelec_a_works_with_itself_and_with_no_other_that_matters() {
    let tx = tx(Modulation::Qpsk, 0b01_0101);
    assert_eq!(readings_that_matter(&CENELEC_A, tx, 10), Interop::readings(&CENELEC_A).count() - 2);
}

#[test]
fn every_reading_of_arib_works_with_itself_and_with_no_other_that_matters() {
    let tx = tx(Modulation::Qpsk, 0b10_1010_0101_0010_0000);
    assert_eq!(readings_that_matter(&ARIB, tx, 10), Interop::readings(&ARIB).count() - 2);
}

/// In one code word the restart for the second does not matter, in all 72 carriers the exchange of row steps does not,
/// and 16-QAM is in neither frame.
#[test]
fn every_reading_of_fcc_works_with_itself_and_with_no_other_that_matters() {
    let all = Interop::readings(&FCC).count();
    assert_eq!(readings_that_matter(&FCC, tx(Modulation::Qpsk, 0x3F), 10), all - 8);
    assert_eq!(readings_that_matter(&FCC, tx(Modulation::Psk8, 0xFF_FFFF), 250), all - 8);
}

fn coherent(tx: TxParameters) -> TxParameters {
    TxParameters { scheme: ModulationScheme::Coherent, ..tx }
}

/// Two of 18 carriers are pilots, and on 16 the interleaver never exchanges its row steps. Of
/// one bit a carrier there is one interleaver in any reading.
#[test]
fn every_reading_works_with_coherent_payloads_of_cenelec_a_and_arib() {
    let cenelec = coherent(tx(Modulation::Qpsk, 0b01_0101));
    assert_eq!(readings_that_matter(&CENELEC_A, cenelec, 10), Interop::readings(&CENELEC_A).count() - 4);
    let arib = coherent(tx(Modulation::Robo, 0b10_1010_0101_0010_0000));
    assert_eq!(readings_that_matter(&ARIB, arib, 10), Interop::readings(&ARIB).count() - 8);
}

/// On 66 carriers the exchange of row steps does not matter. In eight phases 16-QAM does not either, in one code word the
/// restart for the second.
#[test]
fn every_reading_works_with_coherent_payloads_of_fcc() {
    let all = Interop::readings(&FCC).count();
    assert_eq!(readings_that_matter(&FCC, coherent(tx(Modulation::Psk8, 0xFF_FFFF)), 250), all - 8);
    assert_eq!(readings_that_matter(&FCC, coherent(tx(Modulation::Qam16, 0xFF_FFFF)), 250), all - 4);
    assert_eq!(readings_that_matter(&FCC, coherent(tx(Modulation::Qam16, 0xFF_FFFF)), 100), all - 8);
}
