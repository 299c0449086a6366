//! A power flow in words and as tables.

use super::{Demand, PowerFlow, Solution};
use crate::feeder::{Customer, Feeder, Phase};
use std::fmt::Write;

/// Head of the table of [`customers_csv`].
const CUSTOMERS: &str = "minute,customer,bus,phase,kw,kvar,volts,degrees,neutral_v\n";
/// Head of the table of [`buses_csv`].
const BUSES: &str = "minute,bus,v1,deg1,v2,deg2,v3,deg3,neutral_v,i1,i2,i3,unbalance_percent\n";

/// What all customers of a feeder have in one minute of their day.
#[derive(Debug)]
pub struct Snapshot<'a> {
    feeder: &'a Feeder,
    flow: &'a PowerFlow,
    minute: usize,
    demand: Demand,
    solution: Solution,
}

impl<'a> Snapshot<'a> {
    /// Solves a minute.
    ///
    /// # Errors
    /// When there is no solution.
    pub fn new(feeder: &'a Feeder, flow: &'a PowerFlow, minute: usize) -> Result<Self, super::Collapse> {
        let demand = Demand::at_minute(feeder, minute);
        let solution = flow.solve(&demand)?;
        Ok(Self { feeder, flow, minute, demand, solution })
    }

    /// What the transformer gives, kW; what the cables take of it, kW.
    pub fn power_kw(&self) -> (f64, f64) {
        (self.solution.supplied().re / 1e3, self.flow.losses(&self.solution).re / 1e3)
    }

    /// Lowest and highest voltage at any customer, volts, and whose it is.
    pub fn range(&self) -> [(f64, u32); 2] {
        let all = self.feeder.customers().iter().map(|customer| (self.volts(customer), customer.number));
        let lowest = all.clone().fold((f64::INFINITY, 0), |a, b| if b.0 < a.0 { b } else { a });
        [lowest, all.fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a })]
    }

    /// The greatest unbalance at any customer, percent.
    pub fn unbalance(&self) -> f64 {
        let at = |customer: &Customer| self.solution.unbalance(customer.bus);
        self.feeder.customers().iter().map(at).fold(0.0, f64::max)
    }

    fn volts(&self, customer: &Customer) -> f64 {
        self.solution.voltage(customer.bus, customer.phase).norm()
    }

    fn kilo_va(&self, customer: &Customer) -> channel::Complex64 {
        let kilowatts =
            self.feeder.profile(customer.number).map_or(0.0, |profile| profile[self.minute % profile.len()]);
        channel::Complex64::new(1.0, customer.power_factor.acos().tan()) * kilowatts
    }

    /// The minute in words.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes everything");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        self.write_head(text)?;
        writeln!(text, "\ncustomer    bus  phase        kW      kvar         V   % of nominal   neutral V")?;
        self.feeder.customers().iter().try_for_each(|customer| self.write_customer(text, customer))
    }

    fn write_head(&self, text: &mut String) -> std::fmt::Result {
        let (supplied, head) = (self.solution.supplied() / 1e3, self.solution.voltages(0));
        let (_, lost) = self.power_kw();
        writeln!(text, "time              {:02}:{:02}", self.minute / 60, self.minute % 60)?;
        writeln!(
            text,
            "transformer       {:.1} {:.1} {:.1} V",
            head[0].norm(),
            head[1].norm(),
            head[2].norm()
        )?;
        let amperes = self.solution.currents(0);
        writeln!(
            text,
            "currents          {:.1} {:.1} {:.1} A",
            amperes[0].norm(),
            amperes[1].norm(),
            amperes[2].norm()
        )?;
        writeln!(text, "supplied          {:.2} kW, {:.2} kvar", supplied.re, supplied.im)?;
        let customers = self.demand.total() / 1e3;
        writeln!(text, "customers take    {:.2} kW, {:.2} kvar", customers.re, customers.im)?;
        let share = if supplied.re.abs() > 1e-9 { 100.0 * lost / supplied.re } else { 0.0 };
        writeln!(text, "cables take       {lost:.3} kW ({share:.2} %)")?;
        writeln!(text, "unbalance         {:.2} % at most", self.unbalance())
    }

    fn write_customer(&self, text: &mut String, customer: &Customer) -> std::fmt::Result {
        let (number, bus) = (customer.number, self.feeder.buses()[customer.bus].number);
        let (power, volts) = (self.kilo_va(customer), self.volts(customer));
        let neutral = self.solution.neutral(customer.bus).norm();
        let percent = 100.0 * volts / customer.nominal_v;
        let phase = customer.phase as u8;
        writeln!(
            text,
            "{number:>8} {bus:>6}     L{phase} {:>9.3} {:>9.3} {volts:>9.2} {percent:>14.1} {neutral:>11.2}",
            power.re, power.im
        )
    }

    /// A row for each customer, without the head.
    pub fn customers_csv(&self) -> String {
        let row = |customer: &Customer| {
            let (bus, phase) = (self.feeder.buses()[customer.bus].number, customer.phase);
            let (power, voltage) = (self.kilo_va(customer), self.solution.voltage(customer.bus, phase));
            format!(
                "{},{},{bus},{},{:.4},{:.4},{:.4},{:.4},{:.4}\n",
                self.minute,
                customer.number,
                phase as u8,
                power.re,
                power.im,
                voltage.norm(),
                voltage.arg().to_degrees(),
                self.solution.neutral(customer.bus).norm(),
            )
        };
        self.feeder.customers().iter().map(row).collect()
    }

    /// A row for each bus, without the head.
    pub fn buses_csv(&self) -> String {
        let row = |(at, bus): (usize, &crate::feeder::Bus)| {
            let mut row = format!("{},{}", self.minute, bus.number);
            for phase in [Phase::One, Phase::Two, Phase::Three] {
                let voltage = self.solution.voltage(at, phase);
                row += &format!(",{:.4},{:.4}", voltage.norm(), voltage.arg().to_degrees());
            }
            row += &format!(",{:.4}", self.solution.neutral(at).norm());
            for current in self.solution.currents(at) {
                row += &format!(",{:.4}", current.norm());
            }
            row + &format!(",{:.4}\n", self.solution.unbalance(at))
        };
        self.feeder.buses().iter().enumerate().map(row).collect()
    }
}

/// The table of all customers in these minutes.
pub fn customers_csv(snapshots: &[Snapshot<'_>]) -> String {
    snapshots.iter().fold(CUSTOMERS.to_owned(), |text, snapshot| text + &snapshot.customers_csv())
}

/// The table of all buses in these minutes.
pub fn buses_csv(snapshots: &[Snapshot<'_>]) -> String {
    snapshots.iter().fold(BUSES.to_owned(), |text, snapshot| text + &snapshot.buses_csv())
}

/// A day in words, hour by hour, from the snapshots of its minutes in ascending order.
pub fn day_text(snapshots: &[Snapshot<'_>]) -> String {
    let mut text = String::from("hour    mean kW  lost kWh  lowest V   at  highest V   at  unbalance %\n");
    for hour in snapshots.chunk_by(|a, b| a.minute / 60 == b.minute / 60) {
        line(&mut text, &format!("{:02}:00", hour[0].minute / 60), hour).expect("a string takes everything");
    }
    line(&mut text, "day  ", snapshots).expect("a string takes everything");
    text
}

fn line(text: &mut String, name: &str, minutes: &[Snapshot<'_>]) -> std::fmt::Result {
    let powers = minutes.iter().map(Snapshot::power_kw);
    let (supplied, lost) = powers.fold((0.0, 0.0), |sum, power| (sum.0 + power.0, sum.1 + power.1));
    let ranges: Vec<_> = minutes.iter().map(Snapshot::range).collect();
    let lowest =
        ranges.iter().map(|range| range[0]).fold((f64::INFINITY, 0), |a, b| if b.0 < a.0 { b } else { a });
    let highest = ranges.iter().map(|range| range[1]).fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a });
    let unbalance = minutes.iter().map(Snapshot::unbalance).fold(0.0, f64::max);
    writeln!(
        text,
        "{name} {:>9.2} {:>9.3} {:>9.2} {:>4} {:>10.2} {:>4} {unbalance:>12.2}",
        supplied / minutes.len().max(1) as f64,
        lost / 60.0,
        lowest.0,
        lowest.1,
        highest.0,
        highest.1,
    )
}
