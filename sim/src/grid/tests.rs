use super::*;
use proptest::prelude::*;

const EVENING: usize = 18 * 60;

/// One consumer for each customer of the tables, as they are.
fn all(feeder: &Feeder, feeders: usize) -> Grid {
    let of = |n| feeder.customers().iter().filter_map(move |row| Consumer::of(feeder, n, row.number));
    Grid::new(feeder, feeders, Source::EUROPEAN_LV, (0..feeders).flat_map(of).collect())
}

#[test]
fn every_customer_has_the_voltage_of_the_power_flow_over_all_buses_in_any_minute_and_order() {
    let feeder = Feeder::european_lv();
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
    let mut grid = all(&feeder, 1);
    for minute in [EVENING, 565, 0, 566, 1439] {
        let balance = grid.solve(minute).expect("the feeder carries its load");
        let whole = flow.solve(&Demand::at_minute(&feeder, minute)).expect("the feeder carries its load");
        for (n, row) in feeder.customers().iter().enumerate() {
            for phase in Phase::ALL {
                let apart = grid.voltages(n)[phase.index()] - whole.voltage(row.bus, phase);
                assert!(apart.norm() < 1e-5, "{minute}, customer {}: {apart} V apart", row.number);
            }
            assert!((grid.unbalance(n) - whole.unbalance(row.bus)).abs() < 1e-5);
        }
        assert!((balance.lost_w - flow.losses(&whole).re).abs() < 1e-3, "{balance:?}");
        assert!((balance.supplied_w - whole.supplied().re).abs() < 0.1, "{balance:?}");
    }
}

#[test]
fn a_minute_that_is_like_the_one_before_takes_two_sweeps_at_most() {
    let feeder = Feeder::european_lv();
    let mut grid = all(&feeder, 1);
    let mut sweeps = |minute| grid.solve(minute).expect("the feeder carries its load").sweeps;
    assert!(sweeps(EVENING) > 2);
    assert!(sweeps(EVENING) <= 2);
}

#[test]
fn feeders_at_one_busbar_share_the_drop_at_the_transformer_and_nothing_else() {
    let feeder = Feeder::european_lv();
    let (mut one, mut ten) = (all(&feeder, 1), all(&feeder, 10));
    let morning = 565;
    one.solve(morning).expect("the feeder carries its load");
    ten.solve(morning).expect("the feeders carry their load");
    let head = |grid: &Grid, n: usize| grid.solutions[n].voltages(0)[0].norm();
    let open = Source::EUROPEAN_LV.open_v;
    let (alone, together) = (open - head(&one, 0), open - head(&ten, 0));
    assert!(together > 8.0 * alone && together < 12.0 * alone, "{alone} V, {together} V");
    assert!((0..10).all(|n| (head(&ten, n) - head(&ten, 0)).abs() < 1e-9));
    let fall = |grid: &Grid| grid.solutions[0].voltages(0)[0].norm() - grid.voltages(54)[0].norm();
    let (alone, together) = (fall(&one), fall(&ten));
    assert!(
        alone > 0.5 && (0.5..1.5).contains(&(together / alone)),
        "no cable carries more: {alone}, {together} V"
    );
}

#[test]
fn a_consumer_who_loses_the_supply_lifts_the_voltage_of_those_on_its_phase_and_sees_no_current() {
    let feeder = Feeder::european_lv();
    let mut grid = all(&feeder, 1);
    grid.solve(565).expect("the feeder carries its load");
    let of = |grid: &Grid| {
        feeder
            .customers()
            .iter()
            .enumerate()
            .map(|(n, row)| grid.voltages(n)[row.phase.index()].norm())
            .collect::<Vec<_>>()
    };
    let before = of(&grid);
    let by_load = |a: &usize, b: &usize| {
        let load = |n: usize| feeder.profile(feeder.customers()[n].number).map_or(0.0, |kw| kw[565]);
        load(*a).total_cmp(&load(*b))
    };
    let greatest = (0..55).max_by(by_load).expect("there are 55");
    assert!(grid.supply(greatest, 565).amperes(0) > 10.0);
    grid.set_supplied(greatest, false);
    grid.solve(565).expect("the feeder carries its load");
    let (after, phase) = (of(&grid), feeder.customers()[greatest].phase);
    assert!(after[greatest] > before[greatest] + 1.0, "{} V, {} V", before[greatest], after[greatest]);
    for (n, row) in feeder.customers().iter().enumerate().filter(|(_, row)| row.phase == phase) {
        assert!(after[n] > before[n], "customer {}: {} V, {} V", row.number, before[n], after[n]);
    }
    assert_eq!(grid.supply(greatest, 565).amperes(0), 0.0);
}

#[test]
fn a_meter_sees_the_power_of_its_household_and_a_generator_lifts_its_voltage() {
    let feeder = Feeder::european_lv();
    let noon = 720;
    let household = |watts| Consumer::of(&feeder, 0, 40).expect("it exists").with_generator(watts);
    let mut grid = all(&feeder, 1);
    let solved = |grid: &mut Grid, watts| {
        grid.consumers[39] = household(watts);
        grid.solve(noon).expect("the feeder carries its load");
        (grid.supply(39, noon), grid.voltages(39)[household(watts).phase().index()].norm())
    };
    let load_w = feeder.profile(40).expect("it exists")[noon] * 1e3;
    for (generator, (supply, _)) in [(0.0, solved(&mut grid, 0.0)), (3000.0, solved(&mut grid, 3000.0))] {
        let watts = supply.active(0) as f64 / 1e18;
        // The harmonics carry some tenths of a percent.
        assert!((watts - (load_w - generator)).abs() < 0.005 * load_w + 0.5, "{watts} W of {load_w} W");
    }
    assert!(solved(&mut grid, 3000.0).1 > solved(&mut grid, 0.0).1 + 0.5);
}

#[test]
fn the_distortion_at_the_busbar_is_that_of_a_waveform_and_grows_with_the_load_of_the_feeder() {
    let feeder = Feeder::european_lv();
    let mut grid = all(&feeder, 1);
    let source: f64 = VOLTAGE_HARMONICS.iter().map(|(_, share, _)| share * share).sum::<f64>().sqrt() * 100.0;
    let most = |grid: &Grid| (0..55).map(|n| grid.supply(n, 565).distortion(0)).fold(0.0, f64::max);
    (0..55).for_each(|n| grid.set_supplied(n, false));
    grid.solve(565).expect("nobody takes anything");
    assert!((most(&grid) - source).abs() < 1e-6, "{} %, {source} %", most(&grid));
    (0..55).for_each(|n| grid.set_supplied(n, true));
    grid.solve(565).expect("the feeder carries its load");
    assert!(most(&grid) > source + 0.05 && most(&grid) < 8.0, "{} %", most(&grid));
}

#[test]
fn third_harmonics_of_three_phases_add_up_in_the_neutral_and_fifth_ones_cancel() {
    let feeder = Feeder::european_lv();
    let consumers = Phase::ALL.map(|phase| Consumer::of(&feeder, 0, 55).expect("it exists").on(phase));
    let mut grid = Grid::new(&feeder, 1, Source::EUROPEAN_LV, consumers.into());
    grid.solve(EVENING).expect("one household is little");
    let bus = feeder.customer(55).expect("it exists").bus;
    let residual = |n: usize| {
        let currents = grid.harmonics[n][0].currents(bus);
        let sum: Complex64 = currents.iter().sum();
        sum.norm() / currents[0].norm()
    };
    assert!((residual(0) - 3.0).abs() < 0.05, "{}", residual(0));
    assert!(residual(1) < 0.2 && residual(2) < 0.2, "{} {}", residual(1), residual(2));
}

#[test]
fn a_load_that_no_cable_carries_is_an_error_and_leaves_the_voltages_of_an_idle_feeder() {
    let feeder = Feeder::european_lv();
    let monster = Consumer::of(&feeder, 0, 1).expect("it exists").with_generator(-5e6);
    let mut grid = Grid::new(&feeder, 1, Source::EUROPEAN_LV, vec![monster]);
    assert!(grid.solve(700).is_err());
    assert!((grid.voltages(0)[0].norm() - Source::EUROPEAN_LV.open_v).abs() < 1e-9);
    assert!(grid.solve(0).is_ok(), "and the next minute is another one");
}

#[test]
fn a_supply_is_read_from_its_text_and_nothing_else_is() {
    let feeder = Feeder::european_lv();
    let three = Consumer::of(&feeder, 0, 7).expect("it exists").on_three_phases();
    let mut grid = Grid::new(&feeder, 1, Source::EUROPEAN_LV, vec![three]);
    grid.solve(EVENING).expect("one household is little");
    let supply = grid.supply(0, EVENING);
    assert_eq!(Supply::parse(&supply.text()), Some(supply));
    for text in ["", "0", "0;0", "0;0;0;0", "0;0;x", "0,1,2,3,4;0;0", "0,0,1,1,1,1;0;0", "-1;0;0"] {
        assert_eq!(Supply::parse(text), None, "{text}");
    }
    assert_eq!(Supply::parse(&format!("0,1,{},0,0,0;0;0", i64::MAX)), None);
}

proptest! {
    #[test]
    fn random_text_is_never_read_with_a_panic(text in "[0-9,;\\-]{0,80}") {
        let _ = Supply::parse(&text);
    }
}
