//! The registers of all elements and of the total.

use crate::energy::{Account, EnergyMeter, Registers, Unit};
use crate::ratings::{Apparent, Ratings, Summation, Wiring};
use crate::values::Values;
use crate::window::Finished;

/// All energies that a meter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Of the meter as a whole.
    pub total: Account,
    /// Of its elements.
    pub elements: [Account; 3],
}

/// Keeps a [`Ledger`].
#[derive(Clone, Debug)]
pub(crate) struct LedgerKeeper {
    /// Reactive and apparent energies; the active ones stand in the meters.
    accounts: Ledger,
    total: EnergyMeter,
    elements: [EnergyMeter; 3],
    /// Whether each element was above the threshold in the last window.
    flows: [bool; 3],
    unit: Unit,
    threshold_uw: u64,
    wiring: Wiring,
    summation: Summation,
    apparent: Apparent,
}

impl LedgerKeeper {
    /// Goes on from `ledger`.
    pub(crate) fn new(ratings: &Ratings, ledger: Ledger) -> Self {
        Self {
            accounts: ledger,
            total: EnergyMeter::new(ratings, ledger.total.active),
            elements: ledger.elements.map(|element| EnergyMeter::new(ratings, element.active)),
            flows: [false; 3],
            unit: Unit::new(ratings),
            threshold_uw: ratings.creep_threshold_mw() * 1000,
            wiring: ratings.wiring,
            summation: ratings.summation,
            apparent: ratings.apparent,
        }
    }

    /// Active energy of the total.
    pub(crate) fn registers(&self) -> Registers {
        self.total.registers()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = self.accounts;
        ledger.total.active = self.registers();
        for (account, meter) in ledger.elements.iter_mut().zip(&self.elements) {
            account.active = meter.registers();
        }
        ledger
    }

    /// A window has ended with these sums of reactive power.
    pub(crate) fn on_window(&mut self, window: &Finished, reactive: &[i128; 3], values: &Values) {
        let (mut active, mut reactives, mut apparent) = ([0i128; 3], [0i128; 3], [0u128; 3]);
        for n in 0..self.wiring.elements() {
            let (sums, element) = (&window.elements[n], &values.elements[n]);
            self.flows[n] = self.passes(element.active_uw.unsigned_abs());
            let reacts = self.passes(element.reactive_uvar.unsigned_abs());
            active[n] = if self.flows[n] { i128::from(sums.ui) } else { 0 };
            reactives[n] = if reacts { reactive[n] } else { 0 };
            apparent[n] = if self.flows[n] || reacts { sums.apparent() } else { 0 };
            self.elements[n].on_window(active[n], element.active_uw / 1000);
            self.accounts.elements[n].on_window(active[n], reactives[n], apparent[n], &self.unit);
        }
        self.on_total(&active, &reactives, &apparent, values);
    }

    /// Credits what the open window has counted so far, by element.
    pub(crate) fn settle(&mut self, ui: &[i64; 3]) {
        let mut open = [0i128; 3];
        for n in 0..self.wiring.elements() {
            open[n] = if self.flows[n] { i128::from(ui[n]) } else { 0 };
            self.elements[n].settle(open[n]);
        }
        if self.summation == Summation::Vector {
            self.total.settle(open.iter().sum());
        }
    }

    /// Of two elements one may rightly be at rest while the other works: their sum decides.
    const fn passes(&self, micro: u64) -> bool {
        matches!(self.wiring, Wiring::ThreePhaseThreeWire) || micro >= self.threshold_uw
    }

    fn on_total(&mut self, active: &[i128; 3], reactive: &[i128; 3], apparent: &[u128; 3], values: &Values) {
        let (sum, mut reactive_sum): (i128, i128) = (active.iter().sum(), reactive.iter().sum());
        match self.summation {
            Summation::Vector => {
                let uw: i64 = (0..3).filter(|&n| self.flows[n]).map(|n| values.elements[n].active_uw).sum();
                self.total.on_window(sum, uw / 1000);
            }
            Summation::PerPhase => active.iter().for_each(|&part| self.total.count(part)),
            Summation::Absolute => active.iter().for_each(|&part| self.total.count(part.abs())),
        }
        let three_wires = self.wiring == Wiring::ThreePhaseThreeWire;
        if three_wires && values.reactive_uvar.unsigned_abs() < self.threshold_uw {
            reactive_sum = 0;
        }
        let arithmetic: u128 = apparent.iter().sum();
        let apparent = match self.apparent {
            Apparent::Vector => length(sum, reactive_sum),
            Apparent::Arithmetic if three_wires => (arithmetic * HALF_SQRT_3_Q30) >> 30,
            Apparent::Arithmetic => arithmetic,
        };
        self.accounts.total.on_window(sum, reactive_sum, apparent, &self.unit);
    }
}

/// √3/2 with 30 fractional bits.
pub(crate) const HALF_SQRT_3_Q30: u128 = 929_887_697;

/// Length of a vector of sums, each below 2^66: five bits of either are given up for the square to fit.
const fn length(x: i128, y: i128) -> u128 {
    let (x, y) = (x.unsigned_abs() >> 5, y.unsigned_abs() >> 5);
    (x * x + y * y).isqrt() << 5
}
