//! The error table against the receiver that it was made of.

use g3_phy::CENELEC_A;
use plc_core::sap::{FrameGeometry, Modulation, ModulationScheme, ToneMap, TxGain, TxParameters};
use sim::calibrate::{Bench, Line, Outcome, Shot};
use sim::frame::ErrorTable;

/// The table and the receiver lose half of the frames at ratios that differ by no more than this, dB. A point of the table has 44 frames
/// at least, and its curves fall from nine tenths to one tenth within some two decibels.
const MARGIN_DB: f64 = 1.0;
const FRAMES: usize = 40;

fn share_lost(shot: &Shot, snr_db: f64, lost: fn(&Outcome) -> Option<bool>) -> f64 {
    let mut bench = Bench::new(&CENELEC_A, Line::White, 77, 1000);
    let judged: Vec<bool> = (0..FRAMES).filter_map(|_| lost(&bench.shoot(shot, snr_db))).collect();
    judged.iter().filter(|&&lost| lost).count() as f64 / judged.len().max(1) as f64
}

fn within_the_margin(shot: &Shot, half_db: f64, lost: fn(&Outcome) -> Option<bool>) {
    let (below, above) =
        (share_lost(shot, half_db - MARGIN_DB, lost), share_lost(shot, half_db + MARGIN_DB, lost));
    assert!(below > 0.5 && above < 0.5, "{shot:?}, half at {half_db:.1} dB: {below} below, {above} above");
}

#[test]
fn the_receiver_loses_half_of_its_headers_where_the_table_says_so() {
    let half_db = ErrorTable::cenelec_a().header.snr_db(0.5);
    within_the_margin(&Shot::Ack, half_db, |outcome| outcome.sensed.map(|_| !outcome.header));
}

#[test]
fn the_receiver_loses_half_of_its_payloads_where_the_table_says_so() {
    let table = ErrorTable::cenelec_a();
    let (scheme, tone_map) = (ModulationScheme::Differential, ToneMap::all(6));
    for modulation in [Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8] {
        let tx = TxParameters { modulation, scheme, tone_map };
        let octets = CENELEC_A.fit(&tx, 100).expect("a hundred octets fit").psdu_len;
        let (short, long, share) = table.payload(modulation, scheme, octets);
        let half_db = short.snr_db(0.5) + share * (long.snr_db(0.5) - short.snr_db(0.5));
        let shot = Shot::Data { tx, gain: TxGain::default(), octets };
        within_the_margin(&shot, half_db, |outcome| outcome.header.then_some(!outcome.payload));
    }
}
