//! A street: meters on an emulated line, and a port at the transformer for the concentrator.
//!
//! The street is clocked from outside, block by block, as an analogue front end would be: see
//! [`Street::exchange`]. Between blocks in which somebody transmits there are long stretches in which
//! nobody does; those are jumped over, with the receivers told of a gap of known length, unless
//! [`StreetConfig::every_sample`] says otherwise.
//!
//! The sites share the processors: between two exchanges they do not know each other, so the outcome never
//! depends on how many processors there are.

pub mod firmware;
mod identity;
mod ledger;
mod line;
mod listener;
mod mix;
mod site;
pub mod stream;

pub(crate) use firmware::Banks;
pub use identity::{MeterIdentity, customers};
pub use line::{MAINS_SWING_DB, noise_of_port, signal_of_band};
pub(crate) use listener::{LISTENER, listener};
pub use mix::MeterMix;
pub(crate) use site::ratings;
pub use site::{Site, SiteEvent};

use crate::feeder::Feeder;
use crate::grid::{Consumer, Grid};
use crate::power_flow::Source;
use channel::Medium;
use plc_core::time::Duration;
use plc_core::{Instant, SampleClock, Seed, Utc, UtcAnchor};
use rayon::prelude::*;

/// Samples per second of the modems: CENELEC-A.
pub const RATE_HZ: u32 = 400_000;
/// Samples that an exchange may have: what a modem takes at once without losing an indication.
const BLOCK_MAX: usize = 8000;
/// Samples of all modems in a gap from which on processors share the metering of it: a fifth of a second of one.
const WORTH_SHARING_GAP: u64 = 80_000;
/// Samples of all modems in a block from which on processors share the modems.
const WORTH_SHARING_BLOCK: usize = 4096;
/// The port of the concentrator on the line.
const CONCENTRATOR: usize = 0;

/// What a street is built from.
#[derive(Clone, Debug)]
pub struct StreetConfig {
    /// Customers that have a meter, spread evenly over the feeder.
    pub customers: usize,
    /// Everything random follows from it.
    pub seed: u64,
    /// UTC at the first sample.
    pub start: Utc,
    /// Second of the profile day at the first sample.
    pub start_second: u32,
    /// Mean signal-to-noise ratio per carrier of the weakest link, instead of what the line would give.
    pub snr_db: Option<f64>,
    /// Hand every sample to every receiver, silent or not.
    pub every_sample: bool,
    /// Samples per exchange, 1 to 8000.
    pub block: usize,
    /// What meters the customers have.
    pub meters: MeterMix,
    /// Places of meters that only push, from 1 in the order of [`customers`].
    pub one_way: Vec<usize>,
    /// By how much the crystals of the meters' clocks are off at most, either way, in thousand-millionths.
    pub drift_ppb: u32,
}

impl StreetConfig {
    /// Eight customers, from 17:55 of a winter day on.
    pub fn new(seed: u64) -> Self {
        Self {
            customers: 8,
            seed,
            start: Utc::from_secs(START_OF_DAY + 17 * 3600 + 55 * 60),
            start_second: 17 * 3600 + 55 * 60,
            snr_db: None,
            every_sample: false,
            block: 139,
            meters: MeterMix::SinglePhase,
            one_way: Vec::new(),
            drift_ppb: 20_000,
        }
    }
}

/// 2026-01-14T00:00:00Z, the date that the undated profile day is given.
const START_OF_DAY: i64 = 1_768_348_800;

/// A street that cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StreetError {
    /// More customers than the feeder has, or none.
    #[error("customers: {asked}, expected 1 to {available}")]
    Customers {
        /// What was asked for.
        asked: usize,
        /// What the feeder has.
        available: usize,
    },
    /// A block that is empty, or longer than a modem takes.
    #[error("block: {0} samples, expected 1 to {BLOCK_MAX}")]
    Block(usize),
    /// The line cannot be laid.
    #[error("line: {0}")]
    Line(String),
    /// A meter cannot be built.
    #[error("meter of customer {customer}: {reason}")]
    Meter {
        /// The customer.
        customer: u32,
        /// Why.
        reason: String,
    },
}

/// How far an exchange has brought the street.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// One block; what the concentrator hears is in its buffer.
    Block,
    /// So many samples of silence, whole blocks.
    Gap(u64),
}

/// The line, the meters on it, and the clock of both.
pub struct Street {
    line: Medium,
    sites: Vec<Site>,
    clock: SampleClock,
    anchor: UtcAnchor,
    sample: u64,
    block: usize,
    every_sample: bool,
    received: Vec<Vec<f32>>,
    line_samples: u64,
}

/// The mains of the street: those who have a meter in their order, then all other customers of the feeder.
fn grid(config: &StreetConfig, feeder: &Feeder, chosen: &[u32]) -> Grid {
    let metered = chosen.iter().enumerate().filter_map(|(place, &number)| {
        let consumer = Consumer::of(feeder, 0, number)?;
        Some(if config.meters.has_three_phases(place) { consumer.on_three_phases() } else { consumer })
    });
    let rest = feeder.customers().iter().filter(|row| !chosen.contains(&row.number));
    let rest = rest.filter_map(|row| Consumer::of(feeder, 0, row.number));
    Grid::new(feeder, 1, Source::EUROPEAN_LV, metered.chain(rest).collect())
}

impl Street {
    /// Builds the street: lays the line after the feeder, puts a meter at each customer.
    ///
    /// # Errors
    /// See [`StreetError`].
    pub fn new(config: &StreetConfig, feeder: &Feeder) -> Result<Self, StreetError> {
        if !(1..=BLOCK_MAX).contains(&config.block) {
            return Err(StreetError::Block(config.block));
        }
        let chosen = customers(config.customers, feeder)?;
        let seed = Seed::from_u64(config.seed);
        let clock = SampleClock::new(RATE_HZ, Instant::EPOCH, 0);
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: config.start };
        let line = line::lay(feeder, &chosen, &seed, config.snr_db)?;
        let day = grid(config, feeder, &chosen).day(chosen.len());
        let site = |((place, &customer), supply)| {
            Site::new((place, customer), feeder, config, (&seed, supply), anchor)
        };
        let sites = chosen.iter().enumerate().zip(day).map(site).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            received: vec![Vec::new(); line.ports()],
            line,
            sites,
            clock,
            anchor,
            sample: 0,
            block: config.block,
            every_sample: config.every_sample,
            line_samples: 0,
        })
    }

    /// Samples per exchange.
    pub const fn block(&self) -> usize {
        self.block
    }

    /// The clock of the line.
    pub const fn clock(&self) -> SampleClock {
        self.clock
    }

    /// The time of the next sample.
    pub const fn now(&self) -> Instant {
        self.clock.instant(self.sample)
    }

    /// UTC of the next sample.
    pub fn utc(&self) -> Utc {
        self.anchor.utc(self.now())
    }

    /// Mean ratio per carrier (dB) of a link between two ports against the background at its end; port 0 is the concentrator, port n
    /// the n-th meter. `None` where there is no link.
    pub fn background_snr_db(&self, from: usize, to: usize) -> Option<f64> {
        let link = self.line.link(from, to)?;
        Some(channel::Signal::cenelec_a().mean_background_snr_db(link, self.line.noise(to)))
    }

    /// The meters.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The meter at a place (from 0) loses its power at once, without a last word, and gets it back after `length`: a new life with what
    /// its flash holds. A place where there is no meter loses nothing.
    pub fn cut(&mut self, place: usize, length: Duration) {
        let now = self.now();
        self.sites.get_mut(place).into_iter().for_each(|site| site.cut(now, length));
    }

    /// Samples that have passed, and how many of them went over the line.
    pub const fn samples(&self) -> (u64, u64) {
        (self.sample, self.line_samples)
    }

    /// Moves the street on. `outgoing` is one block that the concentrator sends, or `None` when it will be silent
    /// for `silent` samples. `received` takes one block that the concentrator hears meanwhile.
    ///
    /// # Panics
    /// Unless `received` holds one block and `outgoing` no more than that: mistakes in the program.
    pub fn exchange(&mut self, outgoing: Option<&[f32]>, silent: u64, received: &mut [f32]) -> Passed {
        if outgoing.is_none() && !self.every_sample {
            let blocks = self.silence(silent) / self.block as u64;
            if blocks > 0 {
                self.skip(blocks * self.block as u64);
                return Passed::Gap(blocks * self.block as u64);
            }
        }
        self.over_the_line(outgoing);
        received.copy_from_slice(&self.received[CONCENTRATOR]);
        Passed::Block
    }

    /// For how many samples certainly nobody sends, at most `limit`.
    fn silence(&self, limit: u64) -> u64 {
        if !self.line.idle() || self.sites.iter().any(Site::is_transmitting) {
            return 0;
        }
        let next = self.sites.iter().filter_map(Site::deadline).min();
        next.map_or(limit, |at| self.clock.index(at).saturating_sub(self.sample).min(limit))
    }

    fn skip(&mut self, samples: u64) {
        self.line.skip(samples);
        self.sample += samples;
        let now = self.now();
        if self.sites.len() as u64 * samples < WORTH_SHARING_GAP {
            self.sites.iter_mut().for_each(|site| site.on_gap(now, samples));
        } else {
            self.sites.par_iter_mut().for_each(|site| site.on_gap(now, samples));
        }
    }

    fn over_the_line(&mut self, outgoing: Option<&[f32]>) {
        let meters = self.sites.iter().map(Site::outgoing);
        let sent: Vec<Option<&[f32]>> = std::iter::once(outgoing).chain(meters).collect();
        self.line.exchange(self.block, &sent, &mut self.received);
        self.sample += self.block as u64;
        self.line_samples += self.block as u64;
        let now = self.now();
        let received = &self.received[CONCENTRATOR + 1..];
        let hear = |(site, received): (&mut Site, &Vec<f32>)| site.on_block(now, received);
        if self.sites.len() * self.block < WORTH_SHARING_BLOCK {
            self.sites.iter_mut().zip(received).for_each(hear);
        } else {
            self.sites.par_iter_mut().zip(received).for_each(hear);
        }
    }
}
