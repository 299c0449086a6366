//! Any samples, ratings and constants, of all wirings and with power quality.

use metrology::quality::{QualityCore, Thresholds, Week};
use metrology::{
    Apparent, Calibration, ChannelCalibration, CurrentPoint, Diagnosis, ElementCalibration, Frame, Ledger,
    MeterCore, Ratings, Summation, TamperLimits, TamperWatch, Wiring,
};
use proptest::prelude::*;

fn extreme() -> impl Strategy<Value = i32> {
    prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(0), any::<i32>(), -1000i32..1000]
}

fn channel() -> impl Strategy<Value = ChannelCalibration> {
    (extreme(), extreme(), any::<i64>()).prop_map(|(offset, gain, noise)| ChannelCalibration {
        offset,
        gain,
        noise,
    })
}

fn element() -> impl Strategy<Value = ElementCalibration> {
    let point =
        (any::<u64>(), extreme(), extreme()).prop_map(|(ua, gain, delay)| CurrentPoint { ua, gain, delay });
    (channel(), channel(), prop::array::uniform5(point), any::<i64>(), any::<i64>()).prop_map(
        |(voltage, current, points, active_offset, reactive_offset)| ElementCalibration {
            voltage,
            current,
            points,
            active_offset,
            reactive_offset,
        },
    )
}

fn calibration() -> impl Strategy<Value = Calibration> {
    let any = (prop::array::uniform3(element()), channel())
        .prop_map(|(elements, neutral)| Calibration { elements, neutral });
    prop_oneof![Just(Calibration::default()), any]
}

fn ratings() -> impl Strategy<Value = Ratings> {
    let wiring = prop::sample::select(vec![
        Wiring::OnePhaseTwoWire,
        Wiring::ThreePhaseThreeWire,
        Wiring::ThreePhaseFourWire,
    ]);
    let summation = prop::sample::select(vec![Summation::Vector, Summation::PerPhase, Summation::Absolute]);
    (400u32..=12_800, 1u64..=1 << 35, 1u64..=1 << 28, wiring, summation, any::<bool>()).prop_map(
        |(sample_rate_hz, u_pv_per_lsb, i_pa_per_lsb, wiring, summation, vector)| Ratings {
            sample_rate_hz,
            u_pv_per_lsb,
            i_pa_per_lsb,
            wiring,
            summation,
            apparent: if vector { Apparent::Vector } else { Apparent::Arithmetic },
            ..Ratings::transformer()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_panics_and_registers_never_go_back(
        ratings in ratings(),
        calibration in calibration(),
        runs in prop::collection::vec((prop::array::uniform3(extreme()), prop::array::uniform4(extreme()), 1usize..400, any::<bool>()), 1..30),
    ) {
        let core = MeterCore::calibrated(ratings, &calibration, Ledger::default()).unwrap();
        let mut quality = Box::new(QualityCore::new(core, Thresholds::of_declared(230_000_000)));
        let (mut watch, mut week) = (TamperWatch::new(TamperLimits::default()), Week::default());
        let mut last = quality.core().registers();
        for (u, i, len, settle) in runs {
            quality.process_frames(&vec![Frame { u, i }; len]);
            // And half a cycle the other way, so that there are crossings.
            quality.process_frames(&vec![Frame { u: u.map(|u| !u), i }; len]);
            if settle {
                quality.core_mut().settle();
            }
            let now = quality.core().registers();
            prop_assert!(now.import.milliwatt_hours() >= last.import.milliwatt_hours());
            prop_assert!(now.export.milliwatt_hours() >= last.export.milliwatt_hours());
            last = now;
            let values = quality.core().values();
            watch.on_window(values, &ratings);
            let _ = (Diagnosis::new(values, &ratings), watch.escaping_mw(values, &ratings));
            let _ = (values.power_factor_per_mille(), values.elements[0].lag_mdeg());
            while quality.take_event().is_some() {}
        }
        week.on_ten_minutes(&quality.take_ten_minutes(), 3, 230_000_000);
        let _ = week.verdict();
    }
}
