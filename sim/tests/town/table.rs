//! The error tables against the receiver that they were made of.

use g3_phy::{BandPlan, CENELEC_A, FCC};
use plc_core::sap::{FrameGeometry, Modulation, ModulationScheme, ToneMap, TxGain, TxParameters};
use sim::calibrate::{Bench, Line, Outcome, Shot};
use sim::frame::ErrorTable;

/// The table and the receiver lose half of the frames at ratios that differ by no more than this, dB. Where its curves fall, from nine tenths
/// to one tenth within some two decibels, a point of a table has 200 frames at least.
const MARGIN_DB: f64 = 1.0;
const FRAMES: usize = 40;

/// Of frames of which it can be said.
type Lost = fn(&Outcome) -> Option<bool>;

fn table(plan: &BandPlan) -> ErrorTable {
    ErrorTable::of_band(plan.name).expect("its table is built in")
}

fn share_lost(plan: &'static BandPlan, shot: &Shot, snr_db: f64, lost: Lost) -> f64 {
    let mut bench = Bench::new(plan, Line::White, 77, 1000);
    let judged: Vec<bool> = (0..FRAMES).filter_map(|_| lost(&bench.shoot(shot, snr_db))).collect();
    judged.iter().filter(|&&lost| lost).count() as f64 / judged.len().max(1) as f64
}

fn within_the_margin(plan: &'static BandPlan, shot: &Shot, half_db: f64, lost: Lost) {
    let share = |db| share_lost(plan, shot, half_db + db, lost);
    let (below, above) = (share(-MARGIN_DB), share(MARGIN_DB));
    assert!(
        below > 0.5 && above < 0.5,
        "{}, {shot:?}, half at {half_db:.1} dB: {below} below, {above} above",
        plan.name
    );
}

fn headers_are_within_the_margin(plan: &'static BandPlan) {
    within_the_margin(plan, &Shot::Ack, table(plan).header.snr_db(0.5), Outcome::header_lost);
}

fn payloads_are_within_the_margin(plan: &'static BandPlan, kinds: &[(Modulation, ModulationScheme)]) {
    let table = table(plan);
    for &(modulation, scheme) in kinds {
        let tx = TxParameters { modulation, scheme, tone_map: ToneMap::all(plan.groups as u32) };
        let octets = plan.fit(&tx, 100).expect("a hundred octets fit").psdu_len;
        let (short, long, share) = table.payload(modulation, scheme, octets);
        let half_db = short.snr_db(0.5) + share * (long.snr_db(0.5) - short.snr_db(0.5));
        let shot = Shot::Data { tx, gain: TxGain::default(), octets };
        within_the_margin(plan, &shot, half_db, Outcome::payload_lost);
    }
}

#[test]
fn the_receiver_loses_half_of_its_headers_where_the_table_says_so() {
    headers_are_within_the_margin(&CENELEC_A);
}

#[test]
fn the_receiver_loses_half_of_its_payloads_where_the_table_says_so() {
    use ModulationScheme::{Coherent, Differential};
    let kinds = [
        (Modulation::Bpsk, Differential),
        (Modulation::Qpsk, Differential),
        (Modulation::Psk8, Differential),
        (Modulation::Qpsk, Coherent),
    ];
    payloads_are_within_the_margin(&CENELEC_A, &kinds);
}

#[test]
fn the_receiver_of_fcc_loses_half_of_its_headers_where_the_table_says_so() {
    headers_are_within_the_margin(&FCC);
}

#[test]
fn the_receiver_of_fcc_loses_half_of_its_payloads_where_the_table_says_so() {
    use ModulationScheme::{Coherent, Differential};
    let kinds = [
        (Modulation::Robo, Differential),
        (Modulation::Qpsk, Differential),
        (Modulation::Psk8, Differential),
        (Modulation::Qam16, Coherent),
    ];
    payloads_are_within_the_margin(&FCC, &kinds);
}

#[test]
fn the_receiver_senses_frames_within_the_time_that_the_table_says() {
    for plan in [&CENELEC_A, &FCC] {
        let (earliest, latest) = table(plan).sense_samples;
        let mut bench = Bench::new(plan, Line::White, 78, 16);
        let sensed: Vec<u32> = (0..FRAMES).filter_map(|_| bench.shoot(&Shot::Ack, 3.0).sensed).collect();
        assert_eq!(sensed.len(), FRAMES);
        let within = sensed.iter().filter(|&&samples| (earliest..=latest).contains(&samples)).count();
        assert!(within >= FRAMES * 9 / 10, "{}: {earliest} to {latest}, {sensed:?}", plan.name);
        assert!(sensed.iter().all(|&samples| samples < 2 * latest), "{}: {sensed:?}", plan.name);
        let width = sensed.iter().max().zip(sensed.iter().min()).map_or(0, |(max, min)| max - min);
        assert!(width > (latest - earliest) / 2, "{}: {earliest} to {latest}, {sensed:?}", plan.name);
    }
}
