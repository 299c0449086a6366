//! The payload: its shape, and its way through the codes.

use super::chain::{Chain, Grid};
use super::layout::pilots;
use super::route::Route;
use super::specs::{ROBO_REPETITION, RS_LEN, RS_PARITY, RS_PARITY_ROBO, S_SYMBOLS, TAIL_BITS};
use super::{BandPlan, Interop};
use crate::fec::{ReedSolomon, Scrambler, Uncorrectable, Viterbi, pack, unpack};
use alloc::vec;
use alloc::vec::Vec;
use plc_core::sap::{Modulation, ModulationScheme, PSDU_MAX, TxParameters};

/// What follows from the header about a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadShape {
    /// OFDM symbols with payload, of all code words together.
    pub symbols: usize,
    /// Reed-Solomon code words, of the same length, one after the other.
    pub blocks: usize,
    /// Carriers with data in a symbol.
    pub carriers: usize,
    /// Carriers with pilots in a symbol.
    pub pilots: usize,
    /// Bits of a carrier.
    pub bits: usize,
    /// How often each coded bit is sent.
    pub repetition: usize,
    /// Parity octets of the Reed-Solomon code.
    pub parity: usize,
    /// Octets of the PSDU.
    pub psdu_len: usize,
    /// Differential or coherent.
    pub scheme: ModulationScheme,
}

impl PayloadShape {
    /// The shape of a payload of `units` steps of the frame length in `blocks` code words; `None` when the standard
    /// does not know it.
    pub fn of(plan: &BandPlan, tx: &TxParameters, units: usize, blocks: usize) -> Option<Self> {
        let (empty, counted) = (Self::empty(plan, tx)?, (1..=plan.blocks_max).contains(&blocks));
        if counted && units <= plan.units_max { empty.filled(units * plan.symbol_unit, blocks) } else { None }
    }

    /// What all frames sent with `tx` have in common: a shape without symbols.
    fn empty(plan: &BandPlan, tx: &TxParameters) -> Option<Self> {
        let (bits, repetition, parity) = match tx.modulation {
            Modulation::Robo => (1, ROBO_REPETITION, RS_PARITY_ROBO),
            Modulation::Bpsk => (1, 1, RS_PARITY),
            Modulation::Qpsk => (2, 1, RS_PARITY),
            Modulation::Psk8 => (3, 1, RS_PARITY),
            Modulation::Qam16 if tx.scheme == ModulationScheme::Coherent => (4, 1, RS_PARITY),
            Modulation::Qam16 => return None,
        };
        if tx.modulation > plan.modulation_max || !plan.is_legal(tx.tone_map) {
            return None;
        }
        let active = plan.active_carriers(tx.tone_map);
        let (pilots, scheme) = (pilots(active, tx.scheme), tx.scheme);
        let (carriers, symbols, blocks, psdu_len) = (active - pilots, 0, 1, 0);
        Some(Self { symbols, blocks, carriers, pilots, bits, repetition, parity, psdu_len, scheme })
    }

    /// The same with `symbols` symbols in `blocks` code words.
    fn filled(self, symbols: usize, blocks: usize) -> Option<Self> {
        if !symbols.is_multiple_of(blocks) {
            return None;
        }
        let room =
            (symbols / blocks * self.carriers * self.bits).checked_sub(2 * TAIL_BITS * self.repetition)?;
        let word = room / (16 * self.repetition);
        let data = word.checked_sub(self.parity).filter(|&len| len > 0 && word <= RS_LEN)?;
        Some(Self { symbols, blocks, psdu_len: data * blocks, ..self })
    }

    /// All shapes of frames sent with `tx`, the shorter first among those with as many code words.
    pub(crate) fn all(plan: &BandPlan, tx: &TxParameters) -> impl Iterator<Item = Self> + use<> {
        let (empty, unit, units_max, blocks_max) =
            (Self::empty(plan, tx), plan.symbol_unit, plan.units_max, plan.blocks_max);
        let shapes = move |empty: Self| {
            let of_blocks =
                move |blocks| (1..=units_max).filter_map(move |units| empty.filled(units * unit, blocks));
            (1..=blocks_max).flat_map(of_blocks)
        };
        empty.into_iter().flat_map(shapes)
    }

    /// The shortest shape that holds `len` octets, with one code word if that is enough.
    pub fn fitting(plan: &BandPlan, tx: &TxParameters, len: usize) -> Option<Self> {
        Self::all(plan, tx).find(|shape| shape.psdu_len >= len)
    }

    /// Octets of a Reed-Solomon code word.
    pub const fn word_len(&self) -> usize {
        self.psdu_len / self.blocks + self.parity
    }

    /// Symbols after the header, S1 and S2 included.
    pub const fn symbols_on_air(&self) -> usize {
        self.symbols + self.s_symbols()
    }

    /// S1 and S2, if there are any.
    pub(crate) const fn s_symbols(&self) -> usize {
        match self.scheme {
            ModulationScheme::Differential => 0,
            ModulationScheme::Coherent => S_SYMBOLS,
        }
    }

    /// Bits on the carriers, of all code words together.
    pub const fn carried_bits(&self) -> usize {
        self.symbols * self.carriers * self.bits
    }

    /// The way of one code word.
    pub(crate) fn chain(&self, interop: &Interop) -> Chain {
        let grid = Grid { carriers: self.carriers, symbols: self.symbols / self.blocks, bits: self.bits };
        Chain::new(interop, grid, self.repetition, self.word_len() * 8)
    }
}

/// The most bits on the carriers of one payload of `plan`: ROBO fills the longest frame, the others stop at
/// the longest code word and the step that it begins.
pub(crate) fn carried_bits_max(plan: &BandPlan) -> usize {
    let robo = plan.symbols_max() * plan.carriers();
    let word = (RS_LEN * 8 + TAIL_BITS) * 2 + plan.symbol_unit * plan.carriers() * 4;
    robo.max(word * plan.blocks_max)
}

/// Information bits of the longest code word, tail included.
pub(crate) const STEPS_MAX: usize = RS_LEN * 8 + TAIL_BITS;

/// A PSDU that came through the codes, and what they corrected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decoded<'a> {
    pub(crate) psdu: &'a [u8],
    /// Octets corrected in all code words together.
    pub(crate) corrected: usize,
    /// Octets corrected in the code word that was struck most.
    pub(crate) most: usize,
}

impl Decoded<'_> {
    /// Whether no code word needed the whole strength of its code.
    pub(crate) const fn is_sure(&self, shape: &PayloadShape) -> bool {
        self.most < shape.parity / 2
    }
}

/// The codes of the payload with their memory. Allocates when built only.
#[derive(Debug)]
pub(crate) struct PayloadCodec {
    interop: Interop,
    route: Route,
    strong: ReedSolomon,
    robo: ReedSolomon,
    word: Vec<u8>,
    bits: Vec<u8>,
    psdu: Vec<u8>,
}

impl PayloadCodec {
    /// For the frames of `plan`.
    pub(crate) fn new(plan: &BandPlan, interop: Interop) -> Self {
        Self {
            interop,
            route: Route::new(carried_bits_max(plan)),
            strong: ReedSolomon::new(RS_PARITY),
            robo: ReedSolomon::new(RS_PARITY_ROBO),
            word: vec![0; RS_LEN],
            bits: vec![0; STEPS_MAX],
            psdu: vec![0; PSDU_MAX],
        }
    }

    /// Codes `psdu`, which has the length of `shape`, into the bits of the carriers. `scrambler` is where the
    /// header has left it. Returns how many bits there are.
    pub(crate) fn encode(
        &mut self,
        psdu: &[u8],
        shape: &PayloadShape,
        mut scrambler: Scrambler,
        sent: &mut [u8],
    ) -> usize {
        let chain = shape.chain(&self.interop);
        self.route.follow(chain);
        let data = shape.psdu_len / shape.blocks;
        for (psdu, sent) in psdu.chunks_exact(data).zip(sent.chunks_exact_mut(chain.len())) {
            let word = &mut self.word[..shape.word_len()];
            word[..data].copy_from_slice(psdu);
            scrambler.apply(&mut word[..data]);
            code(&self.strong, &self.robo, shape).encode(word);
            let bits = &mut self.bits[..word.len() * 8];
            unpack(word, bits);
            self.route.encode(bits, sent);
            scrambler = self.next_scrambler(scrambler);
        }
        chain.len() * shape.blocks
    }

    /// Decodes the soft bits of the carriers.
    pub(crate) fn decode(
        &mut self,
        soft: &[i8],
        coded: &mut [i8],
        viterbi: &mut Viterbi,
        shape: &PayloadShape,
        mut scrambler: Scrambler,
    ) -> Result<Decoded<'_>, Uncorrectable> {
        let chain = shape.chain(&self.interop);
        self.route.follow(chain);
        let (data, mut corrected, mut most) = (shape.psdu_len / shape.blocks, 0, 0);
        for (block, soft) in soft.chunks_exact(chain.len()).enumerate().take(shape.blocks) {
            self.route.decode(soft, coded, viterbi, &mut self.bits);
            if is_silent(&coded[..chain.coded()]) {
                return Err(Uncorrectable);
            }
            let word = &mut self.word[..shape.word_len()];
            pack(&self.bits, word);
            let errors = code(&self.strong, &self.robo, shape).decode(word)?;
            (corrected, most) = (corrected + errors, most.max(errors));
            scrambler.apply(&mut word[..data]);
            self.psdu[block * data..][..data].copy_from_slice(&self.word[..data]);
            scrambler = self.next_scrambler(scrambler);
        }
        Ok(Decoded { psdu: &self.psdu[..shape.psdu_len], corrected, most })
    }

    /// The scrambler of the next code word, from that of the one before.
    fn next_scrambler(&self, scrambler: Scrambler) -> Scrambler {
        if self.interop.block_restarts_scrambler { Scrambler::new() } else { scrambler }
    }

    /// Decodes information `bits`, tails included, where a right PSDU is one guess among several. No code word is corrected
    /// with all that its code has: one octet less makes a wrong PSDU rarer by orders of magnitude. The word of zeros is
    /// refused: it is where doubt about everything leads to.
    pub(crate) fn check(
        &mut self,
        bits: &[u8],
        shape: &PayloadShape,
        mut scrambler: Scrambler,
    ) -> Option<Decoded<'_>> {
        let (data, mut corrected, mut most) = (shape.psdu_len / shape.blocks, 0, 0);
        for (block, bits) in bits.chunks_exact(bits.len() / shape.blocks).enumerate() {
            let word = &mut self.word[..shape.word_len()];
            pack(bits, word);
            let errors = code(&self.strong, &self.robo, shape).decode(word).ok()?;
            if word.iter().all(|&octet| octet == 0) {
                return None;
            }
            (corrected, most) = (corrected + errors, most.max(errors));
            scrambler.apply(&mut word[..data]);
            self.psdu[block * data..][..data].copy_from_slice(&self.word[..data]);
            scrambler = self.next_scrambler(scrambler);
        }
        let decoded = Decoded { psdu: &self.psdu[..shape.psdu_len], corrected, most };
        Some(decoded).filter(|decoded| decoded.is_sure(shape))
    }
}

#[cfg(test)]
impl PayloadCodec {
    /// Damages the first `octets[n]` octets of code word `n`, before the codes within: all of them are linear, so that
    /// the coded error added to the coded word is the coded sum.
    pub(crate) fn strike(&mut self, shape: &PayloadShape, octets: &[usize], sent: &mut [u8]) {
        let chain = shape.chain(&self.interop);
        self.route.follow(chain);
        for (&octets, sent) in octets.iter().zip(sent.chunks_exact_mut(chain.len())) {
            let (mut error, mut coded) = (vec![0; shape.word_len() * 8], vec![0; chain.len()]);
            error[..octets * 8].fill(1);
            self.route.encode(&error, &mut coded);
            sent.iter_mut().zip(coded).for_each(|(sent, error)| *sent ^= error);
        }
    }
}

/// Whether more than half of `soft` says nothing. Silence decodes to the word of zeros, which is one of the code.
fn is_silent(soft: &[i8]) -> bool {
    let silent = |part: &[i8]| usize::from(part.iter().map(|&soft| u8::from(soft == 0)).sum::<u8>());
    soft.chunks(usize::from(u8::MAX)).map(silent).sum::<usize>() > soft.len() / 2
}

fn code<'c>(strong: &'c ReedSolomon, robo: &'c ReedSolomon, shape: &PayloadShape) -> &'c ReedSolomon {
    if shape.parity == RS_PARITY_ROBO { robo } else { strong }
}

#[cfg(test)]
mod tests {
    use super::super::{ARIB, CENELEC_A, FCC};
    use super::*;
    use plc_core::sap::{FrameGeometry, ToneMap};
    use proptest::prelude::*;

    use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
    const MODULATIONS: [Modulation; 5] = [Robo, Bpsk, Qpsk, Psk8, Qam16];
    const SCHEMES: [ModulationScheme; 2] = [ModulationScheme::Differential, ModulationScheme::Coherent];

    #[test]
    fn memory_holds_every_legal_payload() {
        for (plan, map) in
            [&CENELEC_A, &FCC, &ARIB].into_iter().flat_map(|p| (0..p.groups).map(move |g| (p, g)))
        {
            let map = ToneMap::all(map as u32 + 1);
            for (modulation, scheme) in MODULATIONS.into_iter().flat_map(|m| SCHEMES.map(|s| (m, s))) {
                let tx = TxParameters { modulation, scheme, tone_map: map };
                for shape in PayloadShape::all(plan, &tx) {
                    let len = shape.chain(&Interop::default()).len() * shape.blocks;
                    assert!(len <= carried_bits_max(plan), "{shape:?}");
                    assert_eq!(len, shape.carried_bits());
                }
            }
        }
    }

    #[test]
    fn two_code_words_are_used_only_when_one_is_too_small() {
        let tx = TxParameters { modulation: Psk8, ..FCC.robust() };
        let shapes = [239, 240].map(|len| PayloadShape::fitting(&FCC, &tx, len).unwrap());
        assert_eq!(shapes.map(|shape| shape.blocks), [1, 2]);
        assert!(shapes[1].psdu_len.is_multiple_of(2) && shapes[1].symbols.is_multiple_of(2));
        assert_eq!(PayloadShape::of(&FCC, &tx, 19, 2), None);
        assert_eq!(PayloadShape::of(&CENELEC_A, &CENELEC_A.robust(), 20, 2), None);
    }

    #[test]
    fn silence_decodes_to_a_word_of_the_code_and_is_refused() {
        let shape = PayloadShape::fitting(&CENELEC_A, &CENELEC_A.robust(), 40).unwrap();
        let (mut coded, mut viterbi) = (vec![0; 2 * STEPS_MAX], Viterbi::new(STEPS_MAX));
        let silence = vec![0; shape.carried_bits()];
        let mut codec = PayloadCodec::new(&CENELEC_A, Interop::default());
        let decoded = codec.decode(&silence, &mut coded, &mut viterbi, &shape, Scrambler::new());
        assert_eq!(decoded, Err(Uncorrectable));
    }

    /// Octets corrected of two code words that were damaged in so many octets each, and whether that is sure.
    fn corrected(octets: [usize; 2]) -> Result<(usize, bool), Uncorrectable> {
        let tx = TxParameters { modulation: Psk8, ..FCC.robust() };
        let shape = PayloadShape::fitting(&FCC, &tx, 300).unwrap();
        let (mut codec, mut sent) =
            (PayloadCodec::new(&FCC, Interop::default()), vec![0; carried_bits_max(&FCC)]);
        let psdu: Vec<u8> = (0..shape.psdu_len).map(|n| n as u8).collect();
        let len = codec.encode(&psdu, &shape, Scrambler::new(), &mut sent);
        codec.strike(&shape, &octets, &mut sent);
        let soft: Vec<i8> = sent[..len].iter().map(|&bit| 60 - 120 * bit as i8).collect();
        let (mut coded, mut viterbi) = (vec![0; 2 * STEPS_MAX], Viterbi::new(STEPS_MAX));
        let found = codec.decode(&soft, &mut coded, &mut viterbi, &shape, Scrambler::new())?;
        assert_eq!(found.psdu, psdu);
        Ok((found.corrected, found.is_sure(&shape)))
    }

    #[test]
    fn a_payload_is_sure_unless_one_of_its_code_words_needed_every_correction() {
        assert_eq!([[0, 0], [4, 4], [7, 7]].map(corrected), [0, 8, 14].map(|octets| Ok((octets, true))));
        assert_eq!([[8, 0], [0, 8], [8, 8]].map(corrected), [8, 8, 16].map(|octets| Ok((octets, false))));
        assert_eq!(corrected([0, 9]), Err(Uncorrectable));
    }

    /// What the iterative receiver takes of a word of `parity` octets of parity that was damaged in `octets` octets.
    fn taken(plan: &BandPlan, modulation: Modulation, octets: usize) -> Option<usize> {
        let tx = TxParameters { modulation, ..plan.robust() };
        let shape = PayloadShape::fitting(plan, &tx, 40).unwrap();
        let mut codec = PayloadCodec::new(plan, Interop::default());
        let mut word: Vec<u8> = (0..shape.word_len()).map(|n| n as u8 + 1).collect();
        code(&codec.strong, &codec.robo, &shape).encode(&mut word);
        word.iter_mut().take(octets).for_each(|octet| *octet ^= 0x5A);
        let mut bits = vec![0; shape.word_len() * 8 + TAIL_BITS];
        unpack(&word, &mut bits[..shape.word_len() * 8]);
        codec.check(&bits, &shape, Scrambler::new()).map(|decoded| decoded.corrected)
    }

    #[test]
    fn the_iterative_receiver_takes_no_word_that_needed_every_correction() {
        assert_eq!([0, 7, 8, 9].map(|n| taken(&CENELEC_A, Bpsk, n)), [Some(0), Some(7), None, None]);
        assert_eq!([0, 3, 4, 5].map(|n| taken(&CENELEC_A, Robo, n)), [Some(0), Some(3), None, None]);
    }

    proptest! {
        #[test]
        fn a_payload_comes_back_through_all_codes(
            psdu in proptest::collection::vec(any::<u8>(), 1..495),
            map in 1u32..64,
            m in 0usize..5,
            s in 0usize..2,
            fcc: bool,
            reading in 0usize..256,
        ) {
            let plan = if fcc { &FCC } else { &CENELEC_A };
            let tx = TxParameters { modulation: MODULATIONS[m], tone_map: ToneMap(map), scheme: SCHEMES[s] };
            let interop = Interop::readings(plan).nth(reading).unwrap();
            let Some(shape) = PayloadShape::fitting(plan, &tx, psdu.len()) else { return Ok(()) };
            let mut psdu = psdu;
            psdu.resize(shape.psdu_len, 0);
            let mut codec = PayloadCodec::new(plan, interop);
            let mut sent = vec![0; carried_bits_max(plan)];
            let len = codec.encode(&psdu, &shape, Scrambler::new(), &mut sent);
            prop_assert_eq!(len, shape.carried_bits());
            let soft: Vec<i8> = sent[..len].iter().map(|&bit| 60 - 120 * bit as i8).collect();
            let (mut coded, mut viterbi) = (vec![0; 2 * STEPS_MAX], Viterbi::new(STEPS_MAX));
            let decoded = codec.decode(&soft, &mut coded, &mut viterbi, &shape, Scrambler::new());
            prop_assert_eq!(decoded, Ok(Decoded { psdu: &psdu, corrected: 0, most: 0 }));
        }
    }
}
