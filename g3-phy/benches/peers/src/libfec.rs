//! libfec's Reed-Solomon and Viterbi decoders.

use std::ffi::{c_int, c_uchar, c_uint, c_void};

#[link(name = "fec")]
unsafe extern "C" {
    fn init_rs_char(
        bits: c_int,
        polynomial: c_int,
        first: c_int,
        step: c_int,
        roots: c_int,
        pad: c_int,
    ) -> *mut c_void;
    fn decode_rs_char(code: *mut c_void, word: *mut c_uchar, erasures: *mut c_int, count: c_int) -> c_int;
    fn free_rs_char(code: *mut c_void);

    fn create_viterbi27(bits: c_int) -> *mut c_void;
    fn set_viterbi27_polynomial(polynomials: *mut c_int);
    fn init_viterbi27(decoder: *mut c_void, state: c_int) -> c_int;
    fn update_viterbi27_blk(decoder: *mut c_void, symbols: *mut c_uchar, steps: c_int) -> c_int;
    fn chainback_viterbi27(decoder: *mut c_void, data: *mut c_uchar, bits: c_uint, state: c_uint) -> c_int;
    fn delete_viterbi27(decoder: *mut c_void);
}

/// Words of 255 octets with first root α¹.
pub struct ReedSolomon(*mut c_void);

impl ReedSolomon {
    pub fn new(parity: usize) -> Self {
        // SAFETY: plain numbers; the result is checked.
        let code = unsafe { init_rs_char(8, 0x11D, 1, 1, parity as c_int, 0) };
        assert!(!code.is_null());
        Self(code)
    }

    /// Corrects `word`; the number of wrong octets, or -1.
    pub fn decode(&self, word: &mut [u8]) -> i32 {
        assert_eq!(word.len(), 255);
        // SAFETY: the code's words have 255 octets; without erasures the list may be null.
        unsafe { decode_rs_char(self.0, word.as_mut_ptr(), std::ptr::null_mut(), 0) }
    }
}

impl Drop for ReedSolomon {
    fn drop(&mut self) {
        // SAFETY: made by `init_rs_char`, used no more.
        unsafe { free_rs_char(self.0) }
    }
}

/// Generators 171 and 133, for frames of one length with a tail of six zeros.
pub struct Viterbi {
    decoder: *mut c_void,
    octets: Vec<u8>,
    bits: usize,
}

impl Viterbi {
    pub fn new(bits: usize) -> Self {
        assert!(bits.is_multiple_of(8));
        // SAFETY: the library copies the two polynomials; the result is checked.
        let decoder = unsafe {
            set_viterbi27_polynomial([0x4F, 0x6D].as_mut_ptr());
            create_viterbi27(bits as c_int)
        };
        assert!(!decoder.is_null());
        Self { decoder, octets: vec![0; bits / 8], bits }
    }

    /// Decodes `symbols`, two for each bit and for each of the tail; 255 is a clear one.
    pub fn decode(&mut self, symbols: &[u8]) {
        assert_eq!(symbols.len(), 2 * (self.bits + 6));
        // SAFETY: the decoder has room for the frame and its tail, `octets` for its bits; symbols are only read.
        unsafe {
            init_viterbi27(self.decoder, 0);
            update_viterbi27_blk(self.decoder, symbols.as_ptr().cast_mut(), (self.bits + 6) as c_int);
            chainback_viterbi27(self.decoder, self.octets.as_mut_ptr(), self.bits as c_uint, 0);
        }
    }

    /// The bits of the last frame, one per element.
    pub fn bits(&self) -> Vec<u8> {
        (0..self.bits).map(|n| self.octets[n / 8] >> (7 - n % 8) & 1).collect()
    }
}

impl Drop for Viterbi {
    fn drop(&mut self) {
        // SAFETY: made by `create_viterbi27`, used no more.
        unsafe { delete_viterbi27(self.decoder) }
    }
}
