//! VOLK's Viterbi kernel, which does the forward pass; the way back is ours, as in every user of that kernel.

use std::ffi::{c_char, c_uchar, c_uint};

#[link(name = "volk")]
unsafe extern "C" {
    fn volk_8u_x4_conv_k7_r2_8u_manual(
        next: *mut c_uchar,
        metrics: *mut c_uchar,
        symbols: *mut c_uchar,
        decisions: *mut c_uchar,
        bits: c_uint,
        excess: c_uint,
        branches: *mut c_uchar,
        implementation: *const c_char,
    );
}

const STATES: usize = 64;
const TAIL: usize = 6;
/// Generators 171 and 133, newest bit lowest.
const TAPS: [u8; 2] = [0x4F, 0x6D];

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Aligned([u8; STATES]);

/// A decoder for frames of one length with a tail of six zeros.
pub struct Viterbi {
    bits: usize,
    metrics: [Aligned; 2],
    branches: Aligned,
    /// The decisions of eight steps each.
    decisions: Vec<Aligned>,
}

impl Viterbi {
    pub fn new(bits: usize) -> Self {
        let mut branches = [0; STATES];
        for (n, branch) in branches.iter_mut().enumerate() {
            let (state, taps) = (2 * (n % 32) as u8, TAPS[n / 32]);
            *branch = if (state & taps).count_ones() % 2 == 1 { 255 } else { 0 };
        }
        Self {
            bits,
            metrics: [Aligned([0; STATES]); 2],
            branches: Aligned(branches),
            decisions: vec![Aligned([0; STATES]); (bits + TAIL).div_ceil(8)],
        }
    }

    /// Decodes `symbols`, two for each bit and for each of the tail; 255 is a clear one. One bit per element of `bits`.
    pub fn decode(&mut self, symbols: &[u8], bits: &mut [u8]) {
        assert!(symbols.len() == 2 * (self.bits + TAIL) && bits.len() == self.bits);
        self.metrics[0].0.fill(63);
        self.metrics[0].0[0] = 0;
        let [metrics, next] = &mut self.metrics;
        // SAFETY: the areas have the sizes that the kernel uses for `bits` + 6 steps: 64 octets of metrics each, 64 of
        // branches, 8 of decisions a step, two symbols a step, which are only read.
        unsafe {
            volk_8u_x4_conv_k7_r2_8u_manual(
                next.0.as_mut_ptr(),
                metrics.0.as_mut_ptr(),
                symbols.as_ptr().cast_mut(),
                self.decisions.as_mut_ptr().cast(),
                self.bits as c_uint,
                TAIL as c_uint,
                self.branches.0.as_mut_ptr(),
                c"spiral".as_ptr(),
            );
        }
        self.trace_back(bits);
    }

    fn trace_back(&self, bits: &mut [u8]) {
        let mut state = 0usize;
        for (n, bit) in bits.iter_mut().enumerate().rev() {
            let octets = &self.decisions[(n + TAIL) / 8].0[(n + TAIL) % 8 * 8..][..8];
            let decision = u64::from_le_bytes(octets.try_into().expect("a slice of eight")) >> state & 1;
            state = state >> 1 | (decision as usize) << 5;
            *bit = decision as u8;
        }
    }
}
