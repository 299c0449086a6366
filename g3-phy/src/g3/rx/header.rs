//! Header: the symbols of the frame control header, and what it says.

use super::State;
use super::again::Line;
use super::demap::quantise;
use super::heard::Anchor;
use super::kit::Kit;
use super::payload::Payload;
use super::reports::Reports;
use super::search::Search;
use crate::dsp::Complex;
use crate::fec::{Scrambler, pack};
use crate::g3::route::Route;
use crate::g3::specs::SYMBOL_HOP;
use crate::g3::tx::header_chain;
use crate::g3::{BandPlan, Fch, Interop, PayloadShape, Sof};
use plc_core::sap::{CarrierSense, Lqi, PdAckIndication, PhyIndication};
use plc_core::wire::Reader;

/// So many symbols of the header are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    start: u64,
    symbol: usize,
    frame: u64,
    /// Samples from the centre of the preamble to the first symbol.
    age: f32,
}

/// Correlation of a decoded header with the carriers, in standard deviations of chance, below which a right check
/// sequence is chance. The likeliest of all headers in pure noise reaches about 6.5.
const CORRELATION: f32 = 8.5;
/// No carrier of one symbol says more than this about a header, as a log-likelihood ratio.
const CLEAR: f32 = 3.0;
/// Soft bits of eight bits for a log-likelihood ratio of one.
const SOFT_SCALE: f32 = 25.0;

impl Header {
    /// The first symbol's window starts at `start`; the frame began at `frame`, and the centre of its preamble was `age`
    /// samples before `start`.
    pub(super) const fn from(start: u64, frame: u64, age: f32) -> Self {
        Self { start, symbol: 0, frame, age }
    }

    pub(super) const fn window_start(&self) -> u64 {
        self.start
    }

    pub(super) fn step(self, window: &[f32], kit: &mut Kit, reports: &mut Reports) -> State {
        kit.analyse(window, self.start);
        let carriers = kit.carriers.len();
        kit.header_kept[self.symbol] = kit.blanker.kept();
        kit.header[self.symbol * carriers..][..carriers].copy_from_slice(&kit.carriers);
        let next = Self { start: self.start + SYMBOL_HOP as u64, symbol: self.symbol + 1, ..self };
        if next.symbol < kit.plan.fch_symbols() { State::Header(next) } else { next.decide(kit, reports) }
    }

    fn decide(self, kit: &mut Kit, reports: &mut Reports) -> State {
        let end = self.frame + kit.plan.frame_len(0) as u64;
        weigh(kit);
        demap(kit);
        match decode(kit).or_else(|| self.decode_again(kit)) {
            Some(Fch::Sof(sof)) => self.on_sof(sof, end, kit, reports),
            Some(Fch::Ack { fcs, more_segments, negative }) => {
                self.learn(kit);
                let lqi = Lqi::from_snr_db(mean_snr_db(kit));
                let ended = reports.instant(end);
                let ack = PdAckIndication { fcs, more_segments, negative, lqi, ended };
                reports.received(PhyIndication::Ack(ack));
                self.search()
            }
            Some(Fch::Reserved { .. }) => {
                reports.unsupported(end);
                self.search()
            }
            None => {
                reports.header_loss(end);
                self.search()
            }
        }
    }

    fn on_sof(self, sof: Sof, end: u64, kit: &mut Kit, reports: &mut Reports) -> State {
        let shape = PayloadShape::of(kit.plan, &sof.tx, usize::from(sof.units), usize::from(sof.blocks));
        let Some(shape) = shape else {
            reports.header_loss(end);
            return self.search();
        };
        self.learn(kit);
        let payload = Payload::from((self.start, self.frame, self.age), sof, shape, kit);
        let ends = reports.instant(payload.ended());
        reports.sense(CarrierSense::Frame { ends, response_expected: sof.response_expected });
        State::Payload(payload)
    }

    /// Listens on after the header.
    const fn search(self) -> State {
        State::Search(Search::from(self.start))
    }

    /// With what differential keying ties together. A header that is keyed against SYNCP has nothing to gain.
    fn decode_again(self, kit: &mut Kit) -> Option<Fch> {
        if kit.coherent_header {
            return None;
        }
        let Kit {
            again,
            header_route,
            plan,
            preamble,
            heard,
            header,
            header_trust,
            bits,
            sent,
            interop,
            used,
            ..
        } = kit;
        let line = Line { plan, preamble, heard, header, age: self.age };
        again.header(line, header_chain(plan, interop), |found| {
            bits[..found.len()].copy_from_slice(found);
            let (route, anchor, used, trust) = (&*header_route, &heard.anchor, &used[..], &header_trust[..]);
            Guess { plan, used, coherent: false, interop, route, header, anchor, trust, bits, sent }.check()
        })
    }

    /// Takes the data off the header's symbols, which are known now, and learns the line from them.
    fn learn(self, kit: &mut Kit) {
        let Kit { header, preamble, sent, estimate, heard, plan, used, .. } = kit;
        for (symbol, sent) in header.chunks_exact_mut(plan.carriers()).zip(sent.chunks_exact(used.len())) {
            for (&position, &bit) in used.iter().zip(sent) {
                symbol[position] = if bit == 1 { -symbol[position] } else { symbol[position] };
                heard.anchor.opposite[position] = bit == 1;
            }
        }
        estimate.learn(header, preamble, self.age, heard);
    }
}

/// What each symbol counts for: the usual noise over its own.
fn weigh(kit: &mut Kit) {
    let Kit { header, header_kept, header_trust, header_sorted, heard, plan, demapper, .. } = kit;
    let symbol = |n: usize| (&header[n * plan.carriers()..][..plan.carriers()], header_kept[n]);
    heard.anchor.find_noise(demapper.kernel, symbol, header_trust, header_sorted);
    header_trust.iter_mut().for_each(|noise| *noise = 1.0 / *noise);
}

/// Soft bits of all symbols of the header, from the phases of two symbols in a row against those of the preamble.
fn demap(kit: &mut Kit) {
    let Kit { header, header_trust, heard, soft, used, plan, coherent_header, .. } = kit;
    let anchor = &heard.anchor;
    let symbol = |n: usize| &header[n * plan.carriers()..][..plan.carriers()];
    let mut before = 0.0;
    for (n, soft) in soft.chunks_exact_mut(used.len()).enumerate().take(plan.fch_symbols()) {
        let trust = header_trust[n];
        for (soft, &position) in soft.iter_mut().zip(used.iter()) {
            let own = trust * sign(anchor, position, symbol(n)[position]);
            let alone = n == 0 || *coherent_header;
            let value =
                if alone { own } else { both(own, before * sign(anchor, position, symbol(n - 1)[position])) };
            *soft = quantise(SOFT_SCALE * value);
        }
        before = trust;
    }
}

/// Log-likelihood ratio of `carrier` having the phase of SYNCP over having its opposite.
fn sign(anchor: &Anchor, position: usize, carrier: Complex<f32>) -> f32 {
    4.0 * (carrier * anchor.gains[position].conj()).re / anchor.noise[position]
}

/// Log-likelihood ratio of the sum of two bits from those of the bits.
fn both(a: f32, b: f32) -> f32 {
    a.abs().min(b.abs()).copysign(a * b) + doubt((a + b).abs()) - doubt((a - b).abs())
}

/// ln(1 + exp(-`x`)) for a positive `x`, to a hundredth.
fn doubt(x: f32) -> f32 {
    let place = (x * DOUBTS_PER_ONE).min((DOUBTS.len() - 2) as f32 + 0.999);
    let (n, rest) = (place as usize, place - libm::floorf(place));
    DOUBTS[n] + rest * (DOUBTS[n + 1] - DOUBTS[n])
}

/// Entries of [`DOUBTS`] in a unit.
const DOUBTS_PER_ONE: f32 = 2.0;
/// ln(1 + exp(-x)) in steps of one half.
const DOUBTS: [f32; 18] = [
    core::f32::consts::LN_2,
    0.474_08,
    0.313_26,
    0.201_41,
    0.126_93,
    0.078_89,
    0.048_59,
    0.029_75,
    0.018_15,
    0.011_05,
    0.006_72,
    0.004_08,
    0.002_48,
    0.001_50,
    0.000_91,
    0.000_55,
    0.000_34,
    0.0,
];

fn decode(kit: &mut Kit) -> Option<Fch> {
    let Kit {
        header_route,
        soft,
        coded,
        viterbi,
        bits,
        plan,
        interop,
        sent,
        header,
        header_trust: trust,
        heard,
        used,
        coherent_header,
        ..
    } = kit;
    header_route.decode(&soft[..sent.len()], coded, viterbi, bits);
    let used = &used[..];
    let (coherent, anchor) = (*coherent_header, &heard.anchor);
    Guess { plan, used, coherent, interop, route: header_route, header, anchor, trust, bits, sent }.check()
}

/// Information bits that may be those of the header.
struct Guess<'a> {
    plan: &'a BandPlan,
    /// Positions of the carriers that send something.
    used: &'a [usize],
    /// Whether headers are keyed against SYNCP.
    coherent: bool,
    interop: &'a Interop,
    route: &'a Route,
    header: &'a [Complex<f32>],
    anchor: &'a Anchor,
    /// What each symbol counts for.
    trust: &'a [f32],
    bits: &'a mut [u8],
    sent: &'a mut [u8],
}

impl Guess<'_> {
    /// The header, if its check sequence is right and not by chance. The phases of all its symbols are then in `sent`.
    fn check(mut self) -> Option<Fch> {
        self.scramble();
        let mut octets = [0; Fch::LEN_MAX];
        pack(&self.bits[..self.plan.fch_bits()], &mut octets);
        let placement = self.interop.check_placement;
        let fch = Fch::parse(&mut Reader::new(&octets), self.plan.header, placement).ok();
        fch.filter(|_| self.correlation() > CORRELATION)
    }

    fn scramble(&mut self) {
        if self.interop.fch_scrambled {
            Scrambler::new().apply_bits(&mut self.bits[..self.plan.fch_bits()]);
        }
    }

    /// Codes the header again; how well it agrees with the carriers, in standard deviations of chance.
    fn correlation(&mut self) -> f32 {
        self.scramble();
        let Self { plan, used, coherent, route, header, anchor, trust, bits, sent, .. } = self;
        route.encode(&bits[..plan.fch_bits()], sent);
        let (mut agreed, mut variance) = (0.0, f32::MIN_POSITIVE);
        for (symbol, carriers) in header.chunks_exact(plan.carriers()).enumerate() {
            let (before, sent) = sent.split_at_mut(symbol * used.len());
            let before = before.rchunks_exact(used.len()).next().filter(|_| !*coherent).unwrap_or(&[]);
            sent.iter_mut().zip(before).for_each(|(sent, before)| *sent ^= before);
            for (sent, &position) in sent.iter().zip(used.iter()) {
                let value = (trust[symbol] * sign(anchor, position, carriers[position])).clamp(-CLEAR, CLEAR);
                agreed += if *sent == 1 { -value } else { value };
                variance += value * value;
            }
        }
        agreed / libm::sqrtf(variance)
    }
}

fn mean_snr_db(kit: &Kit) -> f32 {
    kit.used.iter().map(|&position| kit.heard.anchor.snr_db(position)).sum::<f32>() / kit.used.len() as f32
}
