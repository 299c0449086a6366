//! Samples to PPDUs and back: the OFDM modem of G3-PLC.
//!
//! A [`Modem`] stands between the MAC ([`plc_core::sap`]) and the line. Its driver gives it blocks of
//! samples, an [`Exchange`] each, and gets blocks of samples back; its clock is the sample counter.
//!
//! Tour, from the bottom:
//!
//! * [`dsp`]: the Fourier transform and the window; knows no standard;
//! * [`fec`]: scrambler, Reed-Solomon, convolutional code, Viterbi, interleaver, repetition;
//! * [`ofdm`]: differential constellations and symbols with their cyclic prefix;
//! * [`g3`]: what makes it G3-PLC: [`BandPlan`], the numbers ([`g3::specs`]), what is uncertain about them
//!   ([`Interop`]), the frame control header, the transmitter and the receiver with its states
//!   `Search → Sync → Header → Payload`;
//! * [`Modem`]: both halves on one sample counter.
//!
//! ```
//! use g3_phy::{CENELEC_A, Exchange, Modem, ModemConfig};
//! use plc_core::sap::{FrameGeometry, PdDataRequest, Phy, PhyIndication, PhyRequest, Psdu, TxGain};
//! use plc_core::Instant;
//!
//! let tx = CENELEC_A.robust();
//! let fit = CENELEC_A.fit(&tx, 40).expect("40 octets fit a ROBO frame");
//! let mut psdu = Psdu::new();
//! psdu.resize(fit.psdu_len, 0x5A).expect("no frame is longer than a Psdu");
//!
//! let (mut talker, mut listener) = (Modem::new(&CENELEC_A, ModemConfig::default()), Modem::new(&CENELEC_A, ModemConfig::default()));
//! talker.on_request(Instant::EPOCH, PhyRequest::Data(PdDataRequest { psdu: psdu.clone(), tx, gain: TxGain::default(), response_expected: false, at: Instant::EPOCH }));
//! let (mut line, mut mute, silence) = (vec![0.0; 400], vec![0.0; 400], vec![0.0; 400]);
//! let mut received = None;
//! for block in 1..200 {
//!     let now = Instant::from_nanos(block * 1_000_000);
//!     listener.on_medium(now, Exchange::Block { received: &line, transmitted: &mut mute });
//!     talker.on_medium(now, Exchange::Block { received: &silence, transmitted: &mut line });
//!     while let Some(indication) = listener.poll() {
//!         if let PhyIndication::Data(data) = indication { received = Some(data.psdu) }
//!     }
//! }
//! assert_eq!(received, Some(psdu));
//! ```
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod dsp;
pub mod fec;
pub mod g3;
mod modem;
pub mod ofdm;

pub use g3::{ARIB, BandError, BandPlan, CENELEC_A, Counters, FCC, FCC_1A, FCC_1B, Interop, ToneMask};
pub use modem::{Exchange, Modem, ModemConfig, ModemInput};
