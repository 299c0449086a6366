//! Viterbi decoding with floating-point metrics: slow, exact, and independent of the modem's own.

/// Decoder of the code 171, 133 of constraint length 7.
#[derive(Default)]
pub(crate) struct Viterbi {
    /// Per step, whether the better predecessor is the upper one: even states, then odd ones.
    decisions: Vec<[[u8; 32]; 2]>,
}

const STATES: usize = 64;

impl Viterbi {
    /// The information bits, tail included, of a block that starts and ends in state zero. Two soft bits a step,
    /// positive means 0.
    pub(crate) fn decode(&mut self, soft: &[f32]) -> Vec<u8> {
        let (signs, mut metrics) = (signs(), [-1e30f32; STATES]);
        metrics[0] = 0.0;
        self.decisions.clear();
        for pair in soft.chunks_exact(2) {
            self.decisions.push(step(&signs, &mut metrics, pair[0], pair[1]));
        }
        self.trace_back()
    }

    fn trace_back(&self) -> Vec<u8> {
        let (mut state, mut bits) = (0usize, vec![0; self.decisions.len()]);
        for (bit, decision) in bits.iter_mut().zip(&self.decisions).rev() {
            *bit = (state & 1) as u8;
            state = state >> 1 | usize::from(decision[state & 1][state >> 1]) << 5;
        }
        bits
    }
}

/// Sign of both coded bits on the branch with input 0 from each of the lower states. The state holds the last six
/// inputs, the newest in bit 0.
fn signs() -> [[f32; 32]; 2] {
    let taps = [0o171u8, 0o133].map(|generator| generator.reverse_bits() >> 1);
    taps.map(|taps| {
        core::array::from_fn(
            |j| if ((2 * j as u8) & taps).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 },
        )
    })
}

/// Metrics grow by less than 2¹⁴ times the largest soft bit, so they keep their resolution without being normalised.
fn step(signs: &[[f32; 32]; 2], metrics: &mut [f32; STATES], a: f32, b: f32) -> [[u8; 32]; 2] {
    let (mut even, mut odd, mut taken) = ([0f32; 32], [0f32; 32], [[0u8; 32]; 2]);
    let (lower, upper) = metrics.split_at(32);
    for j in 0..32 {
        let branch = signs[0][j] * a + signs[1][j] * b;
        let (zero, zero_high) = (lower[j] + branch, upper[j] - branch);
        let (one, one_high) = (lower[j] - branch, upper[j] + branch);
        even[j] = zero.max(zero_high);
        odd[j] = one.max(one_high);
        taken[0][j] = u8::from(zero_high > zero);
        taken[1][j] = u8::from(one_high > one);
    }
    for (pair, (even, odd)) in metrics.chunks_exact_mut(2).zip(even.into_iter().zip(odd)) {
        (pair[0], pair[1]) = (even, odd);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use g3_phy::fec::ConvolutionalEncoder;

    #[test]
    fn it_corrects_what_the_free_distance_of_ten_allows() {
        let mut bits: Vec<u8> = (0..200u32).map(|n| (n * n % 7 % 2) as u8).collect();
        bits.extend([0; 6]);
        let mut encoder = ConvolutionalEncoder::new();
        let mut soft: Vec<f32> = bits
            .iter()
            .flat_map(|&bit| encoder.push(bit))
            .map(|coded| 1.0 - 2.0 * f32::from(coded))
            .collect();
        for burst in [30, 150, 300] {
            (0..4).for_each(|n| soft[burst + 2 * n] *= -1.0);
        }
        assert_eq!(Viterbi::default().decode(&soft), bits);
    }
}
