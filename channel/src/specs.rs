//! Numbers of the line, each with its source and confidence mark: A two independent sources, B one source,
//! C general knowledge.

/// One echo of a reference channel: gain (without unit) and length in metres.
pub type EchoRow = (f64, f64);

/// Speed of propagation in LV cable, m/s: c / √3.8 [Zimmermann-Dostert; A].
pub const VELOCITY_M_PER_S: f64 = 1.5e8;

/// Attenuation slope of the reference channels, s/m, with exponent k = 1 and a0 = 0 [Zimmermann-Dostert; A].
pub const REFERENCE_A1_S_PER_M: f64 = 7.8e-10;

/// The four-path reference channel [Zimmermann-Dostert; A].
pub const FOUR_PATH: [EchoRow; 4] = [(0.64, 200.0), (0.38, 222.4), (-0.15, 244.8), (0.05, 267.5)];

/// The fifteen-path reference channel [Zimmermann-Dostert; C].
pub const FIFTEEN_PATH: [EchoRow; 15] = [
    (0.029, 90.0),
    (0.043, 102.0),
    (0.103, 113.0),
    (-0.058, 143.0),
    (-0.045, 148.0),
    (-0.040, 200.0),
    (0.038, 260.0),
    (-0.038, 322.0),
    (0.071, 411.0),
    (-0.035, 490.0),
    (0.065, 567.0),
    (-0.055, 740.0),
    (0.042, 960.0),
    (-0.059, 1130.0),
    (0.049, 1250.0),
];

/// Dielectric loss angle of LV cable insulation at tens of kilohertz (PVC; XLPE is lower) [confidence C].
pub const LOSS_TANGENT: f64 = 0.02;

/// Permeability of vacuum, H/m [confidence A].
pub const MU_0: f64 = 1.256_637e-6;

/// Frequency at which cable data sheets state resistance and reactance, Hz [confidence A].
pub const MAINS_HZ: f64 = 50.0;

/// Loss of a signal that must cross from one phase conductor to another, dB [C: field reports say 5 to 25].
pub const CROSS_PHASE_COUPLING_DB: f64 = 12.0;

/// Output impedance of a transmitting modem with its coupler, ohm [confidence C].
pub const TRANSMITTER_OHM: f64 = 1.0;

/// Input impedance of a listening modem with its coupler, ohm [confidence C].
pub const RECEIVER_OHM: f64 = 200.0;

/// Access impedance of an ordinary household in the CENELEC-A band: resistance in ohm, inductance in henry
/// [C: 1 to 20 ohm in magnitude].
pub const HOUSEHOLD_OHM_HENRY: (f64, f64) = (8.0, 12.0e-6);

/// Artificial mains network: 50 ohm ‖ (50 µH + 5 ohm) [CISPR 16-1-2 as EN 50065-1 uses it; C].
pub const LISN: (f64, f64, f64) = (50.0, 5.0, 50.0e-6);

/// Lengths of the three regions of site LV14 as shares of half a mains cycle [IEEE 1901.2 annex; B].
pub const LV14_SHARE: [f64; 3] = [0.8024, 0.16624, 0.03136];

/// Variances of the white noise before the filter of each region [IEEE 1901.2 annex, LV14; B].
pub const LV14_VARIANCE: [f64; 3] = [1.1e-4, 6.6e-4, 6.0e-3];

/// Feed-forward coefficients per region. The last one of region 3 is printed as imaginary in the source and
/// taken as real here [IEEE 1901.2 annex, LV14; B, region 3 C].
pub const LV14_B: [[f64; 4]; 3] =
    [[0.257_96, 0.515_92, 0.071, 0.2579], [0.5, 0.5, 0.0, 0.0], [1.0, -0.092_376, -0.633_53, 0.0]];

/// Feedback coefficients per region, without the leading one [IEEE 1901.2 annex, LV14; B].
pub const LV14_A: [[f64; 2]; 3] = [[-0.757_914, 0.275_01], [-0.899_68, 0.0], [-0.575_198, 0.0]];

/// Middleton class A of ordinary tests: impulsive index A and Γ, background over impulsive power [confidence C].
pub const MIDDLETON_A_GAMMA: (f64, f64) = (0.1, 0.1);

/// Bernoulli-Gaussian of ordinary tests: probability of an impulse, its level over the background in dB [confidence C].
pub const BERNOULLI_GAUSSIAN: (f64, f64) = (0.01, 25.0);

/// First and last carrier frequency and spacing of CENELEC-A, Hz [G3 PHY; A].
pub const CENELEC_A: (f64, f64, f64) = (35_937.5, 90_625.0, 1562.5);

/// First and last carrier frequency and spacing of FCC-1, Hz [G3 PHY; A].
pub const FCC_1: (f64, f64, f64) = (154_687.5, 487_500.0, 4687.5);
