//! The iterative receiver for differentially keyed blocks: detector and decoder tell each other what they know.
//!
//! Differential keying is a code of rate one, the convolutional code is another, and an interleaver stands between
//! them. So the waveform of the standard is a serial concatenation that nobody has asked to be one, and can be decoded as
//! one: with the line known, each carrier is a trellis over its phases ([`trellis`]), which gives posteriors of the bits;
//! the decoder of the code ([`Siso`]) gives its own; each takes those of the other as priors. What is thought to have
//! been sent serves to learn the line better ([`channel`]).

mod channel;
mod trellis;

use super::BandPlan;
use super::chain::Chain;
use crate::dsp::Complex;
use crate::fec::Siso;
use crate::ofdm::{Dpsk, PHASES};
use alloc::vec;
use alloc::vec::Vec;
use channel::Channel;
use trellis::{Lane, Trellis};

/// A block of coded bits on differentially keyed carriers, and what was heard before it. Carriers stand symbol by symbol,
/// all those of the band; their windows are one symbol apart, and phases count from that of SYNCP.
#[derive(Clone, Copy)]
pub(crate) struct Received<'a> {
    /// The way of one code word; several follow each other symbol by symbol.
    pub(crate) chain: Chain,
    pub(crate) keying: Dpsk,
    /// Whether the carrier at a position has data.
    pub(crate) active: &'a dyn Fn(usize) -> bool,
    /// Whether a carrier has the opposite of phase 0 before the first symbol.
    pub(crate) opposite: &'a dyn Fn(usize) -> bool,
    pub(crate) symbols: &'a [Complex<f32>],
    /// The SYNCP, all together.
    pub(crate) reference: &'a [Complex<f32>],
    /// What brings the reference to the level of header and payload.
    pub(crate) reference_scale: f32,
    /// Where the SYNCP stand in the mean, in symbols from the first of the block: negative.
    pub(crate) reference_at: f32,
    /// How many symbols of header and payload the reference is worth.
    pub(crate) reference_weight: f32,
    /// Symbols with their data taken off, the last just before the block; may be empty.
    pub(crate) pilots: &'a [Complex<f32>],
    /// Noise of each carrier, a first guess.
    pub(crate) noise: &'a [f32],
}

impl Received<'_> {
    fn active_count(&self) -> usize {
        (0..self.reference.len()).filter(|&position| (self.active)(position)).count()
    }

    /// Code words in the block.
    fn words(&self) -> usize {
        let symbols = self.symbols.len() / self.reference.len();
        symbols * self.active_count() * self.keying.bits() / self.chain.len().max(1)
    }

    /// How many symbols the pilots are worth.
    fn known(&self) -> f32 {
        self.reference_weight + (self.pilots.len() / self.reference.len()) as f32
    }
}

/// Detector, decoder and what they tell each other. Allocates when built only.
#[derive(Debug)]
pub(crate) struct Turbo {
    channel: Channel,
    trellis: Trellis,
    siso: Siso,
    carriers: usize,
    /// Points of the trellis by symbol and carrier, then what was sent in the mean.
    points: Vec<Complex<f32>>,
    lane: Vec<Complex<f32>>,
    /// Log-likelihood ratios of the bits on the carriers: from the code, and from the carriers.
    prior: Vec<f32>,
    extrinsic: Vec<f32>,
    lane_prior: Vec<f32>,
    lane_extrinsic: Vec<f32>,
    /// The same of the coded bits: from the carriers, and from the code.
    coded: Vec<f32>,
    beyond: Vec<f32>,
    bits: Vec<u8>,
}

impl Turbo {
    /// For blocks of at most `symbols` symbols on the carriers of `plan` with `carried` bits, made from `steps`
    /// information bits.
    pub(crate) fn new(plan: &BandPlan, symbols: usize, carried: usize, steps: usize) -> Self {
        let carriers = plan.carriers();
        Self {
            channel: Channel::new(plan, symbols),
            trellis: Trellis::new(symbols),
            siso: Siso::new(steps),
            carriers,
            points: vec![Complex::default(); symbols * carriers],
            lane: vec![Complex::default(); symbols],
            prior: vec![0.0; carried],
            extrinsic: vec![0.0; carried],
            lane_prior: vec![0.0; symbols * Dpsk::BITS_MAX],
            lane_extrinsic: vec![0.0; symbols * Dpsk::BITS_MAX],
            coded: vec![0.0; 2 * steps],
            beyond: vec![0.0; 2 * steps],
            bits: vec![0; steps],
        }
    }

    /// Makes ready for a new block, which is within the bounds of construction.
    pub(crate) fn begin(&mut self, received: &Received<'_>) {
        self.channel.assume(received);
        self.prior.fill(0.0);
        self.beyond.fill(0.0);
        self.detect(received);
    }

    /// Goes once more through detector and decoder; gives the likeliest information bits with their tails, code word by
    /// code word.
    pub(crate) fn iterate(&mut self, received: &Received<'_>) -> &[u8] {
        self.channel.learn(received, &self.points);
        self.detect(received);
        if received.chain.factor() > 1 {
            // What the copies of a bit tell each other is worth another look before the code is asked.
            self.exchange(received, false);
            self.detect(received);
        }
        self.exchange(received, true)
    }

    /// Goes through the trellis of every carrier; leaves what was sent in `points`.
    fn detect(&mut self, received: &Received<'_>) {
        let (carriers, bits) = (self.carriers, received.keying.bits());
        self.channel.points(received, &mut self.points);
        let symbols = received.symbols.len() / carriers;
        let active = received.active_count();
        let mut rank = 0;
        for position in 0..carriers {
            if (received.active)(position) {
                self.load_lane(position, symbols, bits, rank * bits, active * bits);
                let start = if (received.opposite)(position) { PHASES / 2 } else { 0 };
                self.trellis.detect(
                    received.keying,
                    start,
                    Lane {
                        phasors: &mut self.lane[..symbols],
                        prior: &self.lane_prior[..symbols * bits],
                        extrinsic: &mut self.lane_extrinsic[..symbols * bits],
                    },
                );
                self.store_lane(position, symbols, bits, rank * bits, active * bits);
                rank += 1;
            } else {
                let rows = self.points.chunks_exact_mut(carriers).take(symbols);
                rows.for_each(|row| row[position] = Complex::default());
            }
        }
    }

    /// Gathers the points and priors of a carrier whose first bit has the index `first`, and `stride` bits further on the
    /// one in the next symbol.
    fn load_lane(&mut self, position: usize, symbols: usize, bits: usize, first: usize, stride: usize) {
        let column = self.points[position..].iter().step_by(self.carriers);
        self.lane[..symbols].iter_mut().zip(column).for_each(|(to, from)| *to = *from);
        for (n, to) in self.lane_prior[..symbols * bits].chunks_exact_mut(bits).enumerate() {
            to.copy_from_slice(&self.prior[first + n * stride..][..bits]);
        }
    }

    fn store_lane(&mut self, position: usize, symbols: usize, bits: usize, first: usize, stride: usize) {
        let column = self.points[position..].iter_mut().step_by(self.carriers);
        self.lane[..symbols].iter().zip(column).for_each(|(from, to)| *to = *from);
        for (n, from) in self.lane_extrinsic[..symbols * bits].chunks_exact(bits).enumerate() {
            self.extrinsic[first + n * stride..][..bits].copy_from_slice(from);
        }
    }

    /// Lets the copies of each coded bit tell each other what they know, and with `decode` the code as well.
    fn exchange(&mut self, received: &Received<'_>, decode: bool) -> &[u8] {
        let (chain, words) = (&received.chain, received.words());
        let (coded, steps) = (chain.coded(), chain.coded() / 2);
        for word in 0..words {
            let extrinsic = &self.extrinsic[word * chain.len()..][..chain.len()];
            let prior = &mut self.prior[word * chain.len()..][..chain.len()];
            let sums = &mut self.coded[word * coded..][..coded];
            let beyond = &mut self.beyond[word * coded..][..coded];
            for (bit, sum) in sums.iter_mut().enumerate() {
                *sum = (0..chain.factor()).map(|copy| extrinsic[chain.destination(bit, copy)]).sum();
            }
            if decode {
                self.siso.decode(sums, beyond, &mut self.bits[word * steps..][..steps]);
            }
            for (bit, (sum, beyond)) in sums.iter().zip(beyond).enumerate() {
                for copy in 0..chain.factor() {
                    let place = chain.destination(bit, copy);
                    prior[place] = sum + *beyond - extrinsic[place];
                }
            }
        }
        &self.bits[..words * steps]
    }
}

#[cfg(test)]
mod tests;
