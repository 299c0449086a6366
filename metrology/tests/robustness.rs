//! Any samples in any blocks.

mod wave;

use metrology::{MeterCore, Ratings};
use proptest::prelude::*;
use wave::Wave;

/// So many that the largest energy, 2^50 · 2^35 · 2^28 for each of 200 samples a half wave, fits 128 bits.
const HALF_WAVES: u128 = 100;

fn extreme() -> impl Strategy<Value = i32> {
    prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(0), any::<i32>(), -1000i32..1000]
}

fn ratings() -> impl Strategy<Value = Ratings> {
    (400u32..=12_800, 1u64..=1 << 35, 1u64..=1 << 28).prop_map(
        |(sample_rate_hz, u_pv_per_lsb, i_pa_per_lsb)| Ratings {
            sample_rate_hz,
            u_pv_per_lsb,
            i_pa_per_lsb,
            ..Ratings::household()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_samples_panic(
        ratings in ratings(),
        runs in prop::collection::vec((extreme(), extreme(), 1usize..500, any::<bool>()), 1..60),
    ) {
        let mut core = MeterCore::new(ratings).unwrap();
        let mut last = core.registers();
        for (u, i, len, settle) in runs {
            core.process(&vec![u; len], &vec![i; len]);
            if settle {
                core.settle();
            }
            let now = core.registers();
            prop_assert!(now.import.milliwatt_hours() >= last.import.milliwatt_hours());
            prop_assert!(now.export.milliwatt_hours() >= last.export.milliwatt_hours());
            last = now;
        }
    }

    #[test]
    fn the_largest_square_waves_are_counted_as_what_they_are_limited_to(
        ratings in ratings(), half in 20usize..200, export: bool,
    ) {
        let mut core = MeterCore::new(ratings).unwrap();
        for n in 0..HALF_WAVES {
            let u = if n % 2 == 0 { i32::MIN } else { i32::MAX };
            let i = if export { !u } else { u };
            core.process(&vec![u; half], &vec![i; half]);
        }
        core.settle();
        let (with, against) = (core.registers().import, core.registers().export);
        let (with, against) = if export { (against, with) } else { (with, against) };
        let max = (1u128 << 25) - 1;
        let per_sample = max * max * u128::from(ratings.u_pv_per_lsb) * u128::from(ratings.i_pa_per_lsb);
        let unit = 3_600_000_000_000_000_000_000_000 * u128::from(ratings.sample_rate_hz);
        let limit = per_sample.checked_mul(HALF_WAVES * half as u128).unwrap();
        let counted = u128::from(with.milliwatt_hours()) * unit + with.rest();
        prop_assert_eq!((against.milliwatt_hours(), against.rest()), (0, 0));
        prop_assert!(counted <= limit);
        prop_assert!(counted >= limit / 100 * 98 || limit / unit < 100, "{} of {}", counted, limit);
        prop_assert!(core.counters().u_overrange > 0 && core.counters().i_overrange > 0);
    }

    #[test]
    fn blocks_of_any_size_give_the_same(sizes in prop::collection::vec(1usize..2000, 1..40)) {
        let ratings = Ratings::household();
        let mut wave = Wave::sine(49.7, 228.0, 3.0, 0.4);
        wave.noise = 50.0;
        let (u, i, _) = wave.samples(&ratings, 0, sizes.iter().sum());
        let (mut whole, mut cut) = (MeterCore::new(ratings).unwrap(), MeterCore::new(ratings).unwrap());
        whole.process(&u, &i);
        let mut from = 0;
        for size in sizes {
            cut.process(&u[from..from + size], &i[from..from + size]);
            from += size;
        }
        prop_assert_eq!(whole.registers(), cut.registers());
        prop_assert_eq!(whole.instantaneous(), cut.instantaneous());
    }

    #[test]
    fn settling_often_loses_nothing_and_exports_nothing(
        pauses in prop::collection::vec(1usize..3000, 1..30), phi in -1.55f64..1.55,
    ) {
        let ratings = Ratings::household();
        let wave = Wave::sine(50.0, 230.0, 40.0, phi);
        let (u, i, _) = wave.samples(&ratings, 0, 8000 * 15);
        let (mut plain, mut settled) = (MeterCore::new(ratings).unwrap(), MeterCore::new(ratings).unwrap());
        plain.process(&u, &i);
        let mut from = 0;
        for end in pauses.into_iter().scan(0, |at, pause| { *at += pause; Some(*at) }).chain([u.len()]) {
            settled.process(&u[from..end], &i[from..end]);
            settled.settle();
            from = end;
        }
        plain.settle();
        let (a, b) = (plain.registers(), settled.registers());
        prop_assert_eq!(b.export.milliwatt_hours(), 0);
        prop_assert!(a.import.milliwatt_hours().abs_diff(b.import.milliwatt_hours()) <= 100, "{:?} {:?}", a, b);
    }
}

#[test]
fn blocks_of_different_length_count_to_the_shorter() {
    let (mut a, mut b) =
        (MeterCore::new(Ratings::household()).unwrap(), MeterCore::new(Ratings::household()).unwrap());
    let (u, i, _) = Wave::sine(50.0, 230.0, 3.0, 0.4).samples(a.ratings(), 0, 8000);
    a.process(&u, &i[..5000]);
    b.process(&u[..5000], &i[..5000]);
    assert_eq!((a.registers(), a.instantaneous()), (b.registers(), b.instantaneous()));
    assert!(a.registers().import.milliwatt_hours() > 0);
}
