//! Protection and proofs: `cargo bench -p dlms --bench security`.
//!
//! The get-response of 2694 octets is that of one day of a 15-minute profile, see `axdr`.

#[path = "../tests/day/mod.rs"]
mod day;

use day::{get_response, walk};
use divan::{Bencher, black_box};
use dlms::apdu::{Ciphered, Envelope, Pdu};
use dlms::security::{Control, Curve, PrivateKey, SecurityContext, Suite, SystemTitle};
use plc_core::Seed;

const SERVER: SystemTitle = *b"MTR00001";
const SUITES: [u8; 2] = [0, 2];

fn main() {
    divan::main();
}

fn context(suite: u8) -> SecurityContext {
    match suite {
        2 => SecurityContext::suite_2(&[1; 32], &[2; 32]),
        _ => SecurityContext::new(&[1; 16], &[2; 16]),
    }
}

/// The day in general-glo-ciphering, authenticated and encrypted.
fn ciphered(context: &SecurityContext) -> Vec<u8> {
    let plain = get_response();
    assert_eq!(plain.len(), 2694);
    let control = control(context);
    let text = context.protect(control, &SERVER, 7, &plain).expect("its own suite");
    Ciphered { envelope: Envelope::General(Some(SERVER)), control, counter: 7, text: &text }.to_vec()
}

fn control(context: &SecurityContext) -> Control {
    Control::AUTHENTICATED_ENCRYPTED.under(context.suite())
}

/// Out of its envelope, checked and decrypted, and every cell walked.
#[divan::bench(sample_count = 500, sample_size = 100, args = SUITES)]
fn open_and_walk_the_day(bencher: Bencher, suite: u8) {
    let context = context(suite);
    let apdu = ciphered(&context);
    bencher.bench_local(|| {
        let ciphered = Ciphered::from_bytes(black_box(&apdu)).expect("an envelope");
        let plain = context.unprotect(ciphered.control, &SERVER, ciphered.counter, ciphered.text);
        walk(&plain.expect("the right tag"))
    });
}

#[divan::bench(sample_count = 500, sample_size = 100, args = SUITES)]
fn open_the_day(bencher: Bencher, suite: u8) {
    let context = context(suite);
    let apdu = ciphered(&context);
    let ciphered = Ciphered::from_bytes(&apdu).expect("an envelope");
    let Ciphered { control, counter, text, .. } = ciphered;
    bencher.bench_local(|| context.unprotect(control, &SERVER, counter, black_box(text)));
}

#[divan::bench(sample_count = 500, sample_size = 100, args = SUITES)]
fn protect_the_day(bencher: Bencher, suite: u8) {
    let (context, plain) = (context(suite), get_response());
    let control = control(&context);
    bencher.bench_local(|| context.protect(control, &SERVER, 7, black_box(&plain)));
}

fn curves(suite: Suite) -> Curve {
    suite.curve().expect("a suite with public keys")
}

#[divan::bench(sample_count = 20, sample_size = 5, args = [1, 2])]
fn sign(bencher: Bencher, suite: u8) {
    let curve = curves(Suite::from_code(suite).expect("a suite"));
    let key = PrivateKey::random(curve, &mut Seed::from_u64(1).stream());
    bencher.bench_local(|| key.sign(black_box(b"a challenge")));
}

#[divan::bench(sample_count = 20, sample_size = 5, args = [1, 2])]
fn verify(bencher: Bencher, suite: u8) {
    let curve = curves(Suite::from_code(suite).expect("a suite"));
    let key = PrivateKey::random(curve, &mut Seed::from_u64(1).stream());
    let (public, signature) = (key.public_key(), key.sign(b"a challenge"));
    bencher.bench_local(|| public.verify(black_box(b"a challenge"), &signature));
}
