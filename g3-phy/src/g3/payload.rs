//! The payload: its shape, and its way through the codes.

use super::chain::Chain;
use super::specs::{ROBO_REPETITION, RS_LEN, RS_PARITY, RS_PARITY_ROBO, TAIL_BITS};
use super::{BandPlan, Interop};
use crate::fec::{ReedSolomon, Scrambler, Uncorrectable, Viterbi, pack, unpack};
use alloc::vec;
use alloc::vec::Vec;
use plc_core::sap::{Modulation, ModulationScheme, TxParameters};

/// What follows from the header about a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadShape {
    /// OFDM symbols.
    pub symbols: usize,
    /// Carriers with data in a symbol.
    pub carriers: usize,
    /// Bits of a carrier.
    pub bits: usize,
    /// How often each coded bit is sent.
    pub repetition: usize,
    /// Parity octets of the Reed-Solomon code.
    pub parity: usize,
    /// Octets of the PSDU.
    pub psdu_len: usize,
}

impl PayloadShape {
    /// The shape of a payload of `units` steps of the frame length; `None` when the standard or this modem
    /// does not know it.
    pub fn of(plan: &BandPlan, tx: &TxParameters, units: usize) -> Option<Self> {
        let (bits, repetition, parity) = match tx.modulation {
            Modulation::Robo => (1, ROBO_REPETITION, RS_PARITY_ROBO),
            Modulation::Bpsk => (1, 1, RS_PARITY),
            Modulation::Qpsk => (2, 1, RS_PARITY),
            Modulation::Psk8 => (3, 1, RS_PARITY),
            Modulation::Qam16 => return None,
        };
        let legal = tx.scheme == ModulationScheme::Differential && plan.is_legal(tx.tone_map);
        if !legal || units > plan.units_max {
            return None;
        }
        let carriers = plan.group_size() * tx.tone_map.0.count_ones() as usize;
        let symbols = units * plan.symbol_unit;
        let room = (symbols * carriers * bits).checked_sub(2 * TAIL_BITS * repetition)?;
        let word = room / (16 * repetition);
        let psdu_len = word.checked_sub(parity).filter(|&len| len > 0 && word <= RS_LEN)?;
        Some(Self { symbols, carriers, bits, repetition, parity, psdu_len })
    }

    /// The shortest shape that holds `len` octets.
    pub fn fitting(plan: &BandPlan, tx: &TxParameters, len: usize) -> Option<Self> {
        let shapes = (1..=plan.units_max).filter_map(|units| Self::of(plan, tx, units));
        shapes.into_iter().find(|shape| shape.psdu_len >= len)
    }

    /// Octets of the Reed-Solomon code word.
    pub const fn word_len(&self) -> usize {
        self.psdu_len + self.parity
    }

    pub(crate) fn chain(&self, interop: &Interop) -> Chain {
        Chain::new(interop, self.carriers, self.symbols * self.bits, self.repetition, self.word_len() * 8)
    }
}

/// The most bits on the carriers of one payload of `plan`: ROBO fills the longest frame, the others stop at
/// the longest code word and the step that it begins.
pub(crate) fn carried_bits_max(plan: &BandPlan) -> usize {
    let robo = plan.symbols_max() * plan.carriers();
    let word = (RS_LEN * 8 + TAIL_BITS) * 2 + plan.symbol_unit * plan.carriers() * 3;
    robo.max(word)
}

/// Information bits of the longest code word, tail included.
pub(crate) const STEPS_MAX: usize = RS_LEN * 8 + TAIL_BITS;

/// The codes of the payload with their memory. Allocates when built only.
#[derive(Debug)]
pub(crate) struct PayloadCodec {
    interop: Interop,
    strong: ReedSolomon,
    robo: ReedSolomon,
    word: Vec<u8>,
    bits: Vec<u8>,
}

impl PayloadCodec {
    pub(crate) fn new(interop: Interop) -> Self {
        Self {
            interop,
            strong: ReedSolomon::new(RS_PARITY),
            robo: ReedSolomon::new(RS_PARITY_ROBO),
            word: vec![0; RS_LEN],
            bits: vec![0; STEPS_MAX],
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
        let word = &mut self.word[..shape.word_len()];
        word[..shape.psdu_len].copy_from_slice(psdu);
        scrambler.apply(&mut word[..shape.psdu_len]);
        code(&self.strong, &self.robo, shape).encode(word);
        let bits = &mut self.bits[..word.len() * 8];
        unpack(word, bits);
        let chain = shape.chain(&self.interop);
        chain.encode(bits, &mut sent[..chain.len()]);
        chain.len()
    }

    /// Decodes the soft bits of the carriers; gives the PSDU and how many octets were corrected.
    pub(crate) fn decode(
        &mut self,
        soft: &[i8],
        coded: &mut [i8],
        viterbi: &mut Viterbi,
        shape: &PayloadShape,
        mut scrambler: Scrambler,
    ) -> Result<(&[u8], usize), Uncorrectable> {
        shape.chain(&self.interop).decode(soft, coded, viterbi, &mut self.bits);
        let word = &mut self.word[..shape.word_len()];
        pack(&self.bits, word);
        let corrected = code(&self.strong, &self.robo, shape).decode(word)?;
        scrambler.apply(&mut word[..shape.psdu_len]);
        Ok((&word[..shape.psdu_len], corrected))
    }
}

fn code<'c>(strong: &'c ReedSolomon, robo: &'c ReedSolomon, shape: &PayloadShape) -> &'c ReedSolomon {
    if shape.parity == RS_PARITY_ROBO { robo } else { strong }
}

#[cfg(test)]
mod tests {
    use super::super::CENELEC_A;
    use super::*;
    use plc_core::sap::{FrameGeometry, ToneMap};
    use proptest::prelude::*;

    #[test]
    fn memory_holds_every_legal_payload() {
        use Modulation::*;
        for modulation in [Robo, Bpsk, Qpsk, Psk8] {
            for map in 1..64 {
                let tx = TxParameters { modulation, tone_map: ToneMap(map), ..CENELEC_A.robust() };
                for units in 0..64 {
                    if let Some(shape) = PayloadShape::of(&CENELEC_A, &tx, units) {
                        let chain = shape.chain(&Interop::default());
                        assert!(chain.len() <= carried_bits_max(&CENELEC_A), "{shape:?}");
                        assert_eq!(chain.len(), shape.symbols * shape.carriers * shape.bits);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_payload_comes_back_through_all_codes(
            psdu in proptest::collection::vec(any::<u8>(), 1..100),
            map in 1u32..64,
            m in 0usize..4,
            block_by_block: bool,
            pad_bit: bool,
        ) {
            let modulation = [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8][m];
            let tx = TxParameters { modulation, tone_map: ToneMap(map), ..CENELEC_A.robust() };
            let mut interop = Interop { pad_bit, ..Interop::default() };
            if block_by_block {
                interop.repetition = crate::fec::RepetitionOrder::BlockByBlock;
            }
            let Some(shape) = PayloadShape::fitting(&CENELEC_A, &tx, psdu.len()) else { return Ok(()) };
            let mut psdu = psdu;
            psdu.resize(shape.psdu_len, 0);
            let mut codec = PayloadCodec::new(interop);
            let mut sent = vec![0; carried_bits_max(&CENELEC_A)];
            let len = codec.encode(&psdu, &shape, Scrambler::new(), &mut sent);
            let soft: Vec<i8> = sent[..len].iter().map(|&bit| 60 - 120 * bit as i8).collect();
            let (mut coded, mut viterbi) = (vec![0; 2 * STEPS_MAX], Viterbi::new(STEPS_MAX));
            let decoded = codec.decode(&soft, &mut coded, &mut viterbi, &shape, Scrambler::new());
            prop_assert_eq!(decoded, Ok((&psdu[..], 0)));
        }
    }
}
