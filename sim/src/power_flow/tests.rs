use super::*;
use crate::feeder::{Phase, Tables};
use proptest::prelude::*;

const PHASES: [Phase; 3] = [Phase::One, Phase::Two, Phase::Three];

/// Minute, customer, volts and degrees at his phase, from another program (OpenDSS 0.14.5 of the C API, fed with the same tables,
/// delta-wye, ISC3 = 3000 A, loads of constant power); its angles come after a transformer that turns by 30 degrees.
const REFERENCE: &str = include_str!("reference.csv");

#[test]
fn every_customer_has_the_voltage_that_another_program_computes() {
    let feeder = Feeder::european_lv();
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
    let mut compared = 0;
    for rows in REFERENCE.lines().collect::<Vec<_>>().chunks(55) {
        let cells = |row: &str| row.split(',').map(|cell| cell.parse::<f64>().unwrap()).collect::<Vec<_>>();
        let solution = flow.solve(&Demand::at_minute(&feeder, cells(rows[0])[0] as usize)).unwrap();
        for row in rows {
            let [_, number, volts, degrees] = cells(row)[..] else { panic!("{row}") };
            let customer = feeder.customer(number as u32).unwrap();
            let ours = solution.voltage(customer.bus, customer.phase);
            let theirs = Complex64::from_polar(volts, (degrees + 30.0).to_radians());
            assert!(
                (ours - theirs).norm() < 0.005,
                "{row}: {} V, {} degrees",
                ours.norm(),
                ours.arg().to_degrees()
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * 55);
}

#[test]
fn what_the_cables_lose_is_what_another_program_computes() {
    let feeder = Feeder::european_lv();
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
    for (minute, watts) in [(0, 1.9356), (565, 2025.966), (1080, 468.458), (1439, 23.793)] {
        let solution = flow.solve(&Demand::at_minute(&feeder, minute)).unwrap();
        let ours = flow.losses(&solution).re;
        assert!((ours - watts).abs() < 0.002 * watts + 0.02, "{minute}: {ours} W");
    }
}

#[test]
fn one_load_at_the_end_of_one_cable_has_the_voltage_of_the_textbook() {
    // 10 kW on L2 through 100 m of 0.3 + 0.07i ohm/km and a neutral of (1.2 - 0.3 + 0i) / 3 = 0.3 ohm/km: v = e - r p / v.
    let feeder = chain(&[(1, 100.0)], "0.3,0.07,1.2,0.07");
    let source = Source { open_v: 230.0, z1: Complex64::ZERO, z0: Complex64::ZERO };
    let mut demand = Demand::none(&feeder);
    demand.add(1, Phase::Two, Complex64::new(10e3, 0.0));
    let solution = PowerFlow::new(&feeder, source).solve(&demand).unwrap();
    let (r, x, e) = (0.06, 0.007, 230.0f64);
    // |e|² = (v + r i)² + (x i)² with i = p / v.
    let volts = solution.voltage(1, Phase::Two).norm();
    let current = 10e3 / volts;
    let open = f64::hypot(volts + r * current, x * current);
    assert!((open - e).abs() < 1e-6, "{open}");
    assert!((solution.neutral(1).norm() - 0.03 * current).abs() < 1e-6, "{}", solution.neutral(1));
    // The others rise: their neutral is lifted.
    assert!(solution.voltage(1, Phase::One).norm() > 230.0);
    assert!(solution.unbalance(1) > 0.0 && solution.unbalance(0) < 1e-9);
}

#[test]
fn a_load_that_no_voltage_satisfies_is_an_error_that_names_the_bus() {
    let feeder = chain(&[(1, 1000.0)], "0.3,0.07,1.2,0.07");
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
    let mut demand = Demand::none(&feeder);
    // Through 0.6 ohm of loop no more than 252² / (4 · 0.6) = 26.5 kW pass.
    demand.add(1, Phase::One, Complex64::new(24e3, 0.0));
    assert!(flow.solve(&demand).is_ok());
    demand.add(1, Phase::One, Complex64::new(6e3, 0.0));
    let collapse = flow.solve(&demand).expect_err("too much");
    assert_eq!(collapse.bus, 2);
    assert!(collapse.to_string().starts_with("no voltage satisfies the load: at bus 2"), "{collapse}");
}

#[test]
fn nobody_at_home_is_the_voltage_of_the_transformer_everywhere() {
    let feeder = Feeder::european_lv();
    let solution = PowerFlow::new(&feeder, Source::EUROPEAN_LV).solve(&Demand::none(&feeder)).unwrap();
    for bus in 0..feeder.buses().len() {
        for phase in PHASES {
            assert!((solution.voltage(bus, phase).norm() - 252.1866).abs() < 1e-3);
        }
    }
}

/// A feeder whose buses hang one below another: by bus (2, 3, ...) the number of the one that feeds it, and the metres to it.
fn chain(lines: &[(usize, f64)], cable: &str) -> Feeder {
    let buses =
        (1..=lines.len() + 1).fold("bus,x_m,y_m\n".to_owned(), |text, n| text + &format!("{n},0,0\n"));
    let cables = format!("cable,r1_ohm_per_km,x1_ohm_per_km,r0_ohm_per_km,x0_ohm_per_km\nc,{cable}\n");
    let lines = lines
        .iter()
        .enumerate()
        .fold("line,from_bus,to_bus,cable,length_m\n".to_owned(), |text, (n, (from, metres))| {
            text + &format!("l{n},{from},{},c,{metres}\n", n + 2)
        });
    let customers = "customer,bus,phase,nominal_voltage_kv,power_factor,profile\n1,2,1,0.23,0.95,1\n";
    let profiles = (0..1440).fold("minute,p1\n".to_owned(), |text, minute| text + &format!("{minute},0\n"));
    let tables = Tables { buses: &buses, cables: &cables, lines: &lines, customers, profiles: &profiles };
    Feeder::from_tables(&tables).expect("the tables are good")
}

/// Kirchhoff's and Ohm's laws at every bus and line, from the voltages alone: the current through each line follows from the
/// voltages at its ends by the inverse of its impedance matrix, and at each bus the currents sum up to what is taken there.
fn worst_residual(flow: &PowerFlow, solution: &Solution, demand: &Demand) -> f64 {
    let count = flow.numbers.len();
    let mut sums = vec![[Complex64::ZERO; 3]; count];
    for branch in &flow.branches {
        // (a I + b J)^-1 = (I - b J / (a + 3 b)) / a, with J all ones.
        let (a, b) = (branch.phase, branch.neutral);
        let drop: PerPhase =
            std::array::from_fn(|n| solution.voltages[branch.from][n] - solution.voltages[branch.to][n]);
        let shared = drop.iter().sum::<Complex64>() * b / (a + 3.0 * b);
        for n in 0..3 {
            let current = (drop[n] - shared) / a;
            sums[branch.to][n] += current;
            sums[branch.from][n] -= current;
        }
    }
    let taken =
        |bus: usize, n: usize| sums[bus][n] * 1.0 - (demand.at(bus)[n] / solution.voltages[bus][n]).conj();
    (1..count)
        .flat_map(|bus| (0..3).map(move |n| (bus, n)))
        .map(|(bus, n)| taken(bus, n).norm())
        .fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn voltages_obey_kirchhoff_and_the_power_is_all_there(
        shape in prop::collection::vec((any::<prop::sample::Index>(), 5.0f64..80.0), 1..12),
        loads in prop::collection::vec((any::<prop::sample::Index>(), 0usize..3, -3e3f64..5e3, -1e3f64..2e3), 0..12),
    ) {
        let lines: Vec<_> = shape.iter().enumerate().map(|(n, (from, metres))| (from.index(n + 1) + 1, *metres)).collect();
        let feeder = chain(&lines, "0.446,0.071,1.505,0.083");
        let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
        let mut demand = Demand::none(&feeder);
        for (bus, phase, watts, vars) in &loads {
            demand.add(bus.index(feeder.buses().len()), PHASES[*phase], Complex64::new(*watts, *vars));
        }
        let solution = flow.solve(&demand).unwrap();
        prop_assert!(worst_residual(&flow, &solution, &demand) < 1e-3);
        let balance = solution.supplied() - demand.total() - flow.losses(&solution);
        prop_assert!(balance.norm() < 1e-3, "{balance}");
    }
}

#[test]
fn tables_for_other_programs_have_a_row_for_each_customer_bus_and_minute() {
    let feeder = Feeder::european_lv();
    let flow = PowerFlow::new(&feeder, Source::EUROPEAN_LV);
    let minutes: Vec<_> = (565..567).map(|minute| Snapshot::new(&feeder, &flow, minute).unwrap()).collect();
    let customers = customers_csv(&minutes);
    let head: Vec<_> = customers.lines().next().unwrap().split(',').collect();
    assert_eq!(customers.lines().count(), 1 + 2 * 55);
    assert!(customers.lines().all(|row| row.split(',').count() == head.len()));
    let seventh = customers.lines().find(|row| row.starts_with("565,7,")).unwrap();
    assert!(seventh.starts_with("565,7,178,2,0.0550,0.0181,244.37"), "{seventh}");
    let buses = buses_csv(&minutes);
    assert_eq!(buses.lines().count(), 1 + 2 * 906);
    assert!(
        buses.lines().all(|row| row.split(',').count() == buses.lines().next().unwrap().split(',').count())
    );
    let day = day_text(&minutes);
    assert!(day.lines().nth(1).unwrap().starts_with("09:00") && day.lines().count() == 3, "{day}");
    assert!(minutes[0].text().contains("customers take    57.36 kW"), "{}", minutes[0].text());
}
