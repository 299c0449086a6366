//! The numbers of the G3-PLC physical layer. Nothing else stands here.
//!
//! Letters in brackets are the confidence: A two independent sources, B one source, C general knowledge.

/// Samples of one OFDM symbol body \[G3 PHY 1; A\].
pub const FFT_LEN: usize = 256;
/// Samples of the cyclic prefix \[G3 PHY 1; A\].
pub const CYCLIC_PREFIX: usize = 30;
/// Samples over which consecutive symbols overlap, and length of the raised-cosine ramps \[G3 PHY 1; A\].
pub const OVERLAP: usize = 8;
/// Distance between the starts of consecutive symbols, in samples \[G3 PHY 1; A\].
pub const SYMBOL_HOP: usize = FFT_LEN + CYCLIC_PREFIX - OVERLAP;
/// The receiver's transform begins so many samples before the end of the cyclic prefix \[G3 PHY 1; B\].
pub const WINDOW_ADVANCE: usize = 11;

/// SYNCP symbols of a preamble \[G3 PHY 1; A\].
pub const SYNCP_COUNT: usize = 8;
/// Samples of one and a half SYNCM \[G3 PHY 1; A\].
pub const SYNCM_LEN: usize = FFT_LEN + FFT_LEN / 2;
/// Preamble amplitude over that of header and payload: 3 dB \[G3 PHY 2; B\].
pub const PREAMBLE_GAIN: f32 = core::f32::consts::SQRT_2;

/// Phases of the CENELEC-A preamble in π/8, lowest carrier first \[G3 PHY 2; A\].
pub const PREAMBLE_CENELEC_A: [u8; 36] = [
    2, 1, 0, 15, 14, 12, 10, 7, 3, 15, 11, 6, 1, 11, 5, 14, 7, 15, 7, 15, 6, 13, 2, 8, 13, 2, 6, 10, 13, 0,
    2, 3, 5, 6, 7, 7,
];

/// Phases of the FCC preamble in π/8, lowest carrier first \[G3 PHY 2; A\].
pub const PREAMBLE_FCC: [u8; 72] = [
    2, 1, 1, 0, 0, 15, 14, 12, 11, 9, 7, 4, 1, 15, 12, 9, 5, 1, 14, 10, 5, 0, 12, 6, 1, 12, 6, 0, 10, 3, 13,
    6, 15, 7, 0, 8, 0, 8, 15, 6, 14, 4, 11, 2, 8, 14, 3, 9, 15, 3, 8, 13, 1, 5, 9, 13, 1, 4, 7, 10, 13, 15,
    1, 3, 4, 5, 7, 7, 8, 9, 10, 10,
];
/// Phases of the ARIB preamble in π/8, lowest carrier first \[G3 PHY 2; B\].
pub const PREAMBLE_ARIB: [u8; 54] = [
    2, 1, 1, 0, 15, 14, 13, 11, 9, 6, 3, 0, 12, 9, 4, 0, 12, 6, 1, 12, 6, 15, 9, 2, 11, 4, 12, 4, 12, 3, 10,
    1, 7, 14, 3, 9, 15, 3, 8, 13, 1, 4, 8, 11, 14, 1, 3, 4, 6, 7, 8, 9, 10, 10,
];
/// Carriers of CENELEC-B \[G3 PHY 1; B\].
pub const CARRIERS_CENELEC_B: usize = 16;

/// Information bits of the CENELEC frame control header \[G3 PHY 5.1; A\].
pub const FCH_BITS_CENELEC: usize = 33;
/// Octets that hold the CENELEC header and its tail \[G3 PHY 5.1; A\].
pub const FCH_OCTETS_CENELEC: usize = 5;
/// Bits that the check sequence of the CENELEC header covers \[G3 PHY 5.3; A\].
pub const FCH_CHECKED_BITS_CENELEC: usize = 28;
/// Information bits of the FCC and ARIB frame control header \[G3 PHY 5.2; B\].
pub const FCH_BITS_FCC: usize = 66;
/// Octets that hold the FCC header and its tail \[G3 PHY 5.2; B\].
pub const FCH_OCTETS_FCC: usize = 9;
/// Bits that the check sequence of the FCC header covers \[G3 PHY 5.3; B\].
pub const FCH_CHECKED_BITS_FCC: usize = 58;
/// How often each coded bit of the header is sent \[G3 PHY 3.5; A\].
pub const FCH_REPETITION: usize = 6;

/// How often each coded bit of a ROBO payload is sent \[G3 PHY 3.5; A\].
pub const ROBO_REPETITION: usize = 4;
/// Zero bits that close the convolutional code \[G3 PHY 3.4; A\].
pub const TAIL_BITS: usize = 6;
/// Parity octets of the Reed-Solomon code, all modulations but ROBO \[G3 PHY 3.1; A\].
pub const RS_PARITY: usize = 16;
/// Parity octets of the Reed-Solomon code in ROBO \[G3 PHY 3.1; A\].
pub const RS_PARITY_ROBO: usize = 8;
/// Octets of the longest Reed-Solomon code word \[G3 PHY 3.3; A\].
pub const RS_LEN: usize = 255;

/// Active carriers for each pilot of a coherent payload \[G3 PHY 4.4; B\].
pub const PILOT_SPACING: usize = 12;
/// Active carriers by which pilots move up from symbol to symbol \[G3 PHY 4.4; B\].
pub const PILOT_STEP: usize = 2;
/// Active carrier of the first pilot in the first symbol, CENELEC bands \[G3 PHY 4.4; B\].
pub const PILOT_OFFSET_CENELEC: usize = 6;
/// Active carrier of the first pilot in the first symbol, FCC and ARIB \[G3 PHY 4.4; B\].
pub const PILOT_OFFSET_FCC: usize = 36;
/// Bits of the dummy sequence that a pilot takes \[G3 PHY 4.4; B\].
pub const PILOT_BITS: usize = 2;
/// Symbols S1 and S2 between header and coherent payload \[G3 PHY 4.3; B\].
pub const S_SYMBOLS: usize = 2;

/// Counts of the phase detection counter in a mains cycle \[G3 PHY 7; B\].
pub const PDC_COUNTS: u64 = 256;

/// Most steps of TXGAIN and of a TXCOEF \[G3 MAC 1.4; B\].
pub const TX_STEPS_MAX: u8 = 15;
