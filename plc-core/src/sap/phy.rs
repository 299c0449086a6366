//! PD: between the MAC and the modem.

use crate::{Instant, MacAddress, PanId};
use core::fmt;
use core::time::Duration;
use heapless::Vec;

/// The largest PSDU of any band: two Reed-Solomon blocks of FCC ROBO \[G3 PHY 3.7\].
pub const PSDU_MAX: usize = 494;

/// Groups of carriers in the tone map of the band that has most of them, FCC \[G3 PHY 1\].
pub const GROUPS_MAX: usize = 24;

/// A PHY service data unit: what one frame carries, padding and FCS included.
pub type Psdu = Vec<u8, PSDU_MAX>;

/// Bits per carrier and coding of the payload. Numbers are those of the tone map response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modulation {
    /// BPSK, each coded bit four times, RS(255,247).
    Robo = 0,
    /// One bit per carrier.
    Bpsk = 1,
    /// Two bits per carrier.
    Qpsk = 2,
    /// Three bits per carrier.
    Psk8 = 3,
    /// Four bits per carrier, FCC only.
    Qam16 = 4,
}

/// What the phase of a carrier is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModulationScheme {
    /// The same carrier one symbol earlier.
    Differential = 0,
    /// The preamble, with pilots.
    Coherent = 1,
}

/// Which groups of carriers carry data; bit 0 is the lowest group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToneMap(pub u32);

impl ToneMap {
    /// All of `groups` groups.
    pub const fn all(groups: u32) -> Self {
        Self(((1u64 << groups) - 1) as u32)
    }
}

impl fmt::Debug for ToneMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

/// How a payload is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxParameters {
    /// Bits per carrier and coding.
    pub modulation: Modulation,
    /// Differential or coherent.
    pub scheme: ModulationScheme,
    /// Groups of carriers that carry data.
    pub tone_map: ToneMap,
}

/// Size of one step of [`TxGain`] (TXRES).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TxStep {
    /// 6 dB.
    #[default]
    SixDb = 0,
    /// 3 dB.
    ThreeDb = 1,
}

/// The gain that a receiver has asked for in its tone map response: TXRES, TXGAIN, TXCOEF \[G3 MAC 1.4; confidence B\].
/// The default is full level on every group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TxGain {
    /// Size of one step.
    pub step: TxStep,
    /// Steps for all carriers, 0 to 15 (TXGAIN).
    pub steps: u8,
    /// Further steps per group of carriers, lowest first, 0 to 15 (TXCOEF).
    pub group_steps: [u8; GROUPS_MAX],
}

impl TxGain {
    /// Steps of `group` in all, the common ones included.
    pub const fn steps_of(&self, group: usize) -> u8 {
        self.steps + self.group_steps[group]
    }

    /// One step in dB.
    pub const fn step_db(&self) -> f32 {
        match self.step {
            TxStep::SixDb => 6.0,
            TxStep::ThreeDb => 3.0,
        }
    }
}

/// Difference of the phase detection counters of receiver and sender, 256 counts to a mains cycle \[G3 PHY 7;
/// confidence B\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhaseDifference(pub u8);

impl PhaseDifference {
    /// The nearest multiple of 60 degrees, 0 to 5: 0 for the same phase, 2 and 4 for the other two of a three-phase
    /// feeder, odd for reversed wires.
    pub const fn sector(self) -> u8 {
        match self.0 {
            22..=64 => 1,
            65..=107 => 2,
            108..=149 => 3,
            150..=192 => 4,
            193..=235 => 5,
            _ => 0,
        }
    }
}

/// Signal quality in the standard's steps: SNR = -10 dB + 0.25 dB · LQI \[G3 PHY 7\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lqi(pub u8);

impl Lqi {
    /// The code nearest below `snr_db`, clipped to the range of the code.
    pub fn from_snr_db(snr_db: f32) -> Self {
        Self(((snr_db + 10.0) * 4.0).clamp(0.0, 255.0) as u8)
    }

    /// The SNR that the code stands for.
    pub fn snr_db(self) -> f32 {
        f32::from(self.0) * 0.25 - 10.0
    }
}

/// PD-DATA.request: send a frame with a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct PdDataRequest {
    /// The payload. Its length must be one that [`FrameGeometry::fit`] has returned.
    pub psdu: Psdu,
    /// How to send it.
    pub tx: TxParameters,
    /// How loud to send it.
    pub gain: TxGain,
    /// Whether the delimiter asks for an acknowledgement.
    pub response_expected: bool,
    /// When the first sample of the preamble shall leave; as soon as possible if that has passed.
    pub at: Instant,
}

/// PD-ACK.request: send a frame control header alone, as ACK or NACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdAckRequest {
    /// FCS of the frame that is acknowledged.
    pub fcs: u16,
    /// Whether more segments are expected (SSCA).
    pub more_segments: bool,
    /// NACK: the header was understood, the payload was not.
    pub negative: bool,
    /// When the first sample of the preamble shall leave.
    pub at: Instant,
}

/// What the MAC asks of the PHY.
#[derive(Clone, Debug, PartialEq)]
pub enum PhyRequest {
    /// PD-DATA.request.
    Data(PdDataRequest),
    /// PD-ACK.request.
    Ack(PdAckRequest),
}

/// How a transmission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PdStatus {
    /// The last sample has left.
    Success,
    /// A transmission was under way already.
    TxBusy,
    /// The PSDU has a length or parameters that no frame of this band can carry.
    InvalidParameters,
}

/// PD-DATA.indication: a frame was received and its code words were consistent.
#[derive(Clone, Debug, PartialEq)]
pub struct PdDataIndication {
    /// The payload, padding and FCS included; the FCS has not been checked.
    pub psdu: Psdu,
    /// How it was sent.
    pub tx: TxParameters,
    /// Whether the delimiter asks for an acknowledgement.
    pub response_expected: bool,
    /// Signal quality over the carriers in use.
    pub lqi: Lqi,
    /// Signal quality per group of carriers, lowest first.
    pub group_lqi: Vec<Lqi, GROUPS_MAX>,
    /// Mains phase here against that at the sender.
    pub phase_difference: PhaseDifference,
    /// Octets that the Reed-Solomon code has put right.
    pub corrected_octets: u8,
    /// When the first sample of the preamble arrived.
    pub started: Instant,
    /// When the last sample of the frame arrived.
    pub ended: Instant,
}

/// An ACK or NACK was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdAckIndication {
    /// FCS of the frame that is acknowledged.
    pub fcs: u16,
    /// Whether the peer expects more segments.
    pub more_segments: bool,
    /// NACK.
    pub negative: bool,
    /// Signal quality.
    pub lqi: Lqi,
    /// When the last sample arrived.
    pub ended: Instant,
}

/// What the receiver hears, for carrier sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarrierSense {
    /// A preamble was detected; a frame control header is being received.
    Preamble,
    /// The header was read: the frame lasts until `ends`, and a response follows it or not.
    Frame {
        /// End of the last symbol of the payload.
        ends: Instant,
        /// Whether the delimiter asks for an acknowledgement.
        response_expected: bool,
    },
    /// The reception ended, however it ended. Nothing is being received.
    Idle,
}

/// Why a frame was lost in the PHY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhyLoss {
    /// A preamble, but the check sequence of the frame control header was wrong.
    Header,
    /// A delimiter, modulation or tone map that this receiver does not know.
    Unsupported,
    /// The Reed-Solomon code word could not be corrected.
    Payload,
}

/// What the PHY tells the MAC.
#[derive(Clone, Debug, PartialEq)]
pub enum PhyIndication {
    /// PD-DATA.indication.
    Data(PdDataIndication),
    /// An acknowledgement.
    Ack(PdAckIndication),
    /// PD-DATA.confirm or PD-ACK.confirm: the transmission asked for last has ended, at this time.
    Confirm {
        /// How it ended.
        status: PdStatus,
        /// End of its last sample, or now if nothing was sent.
        ended: Instant,
    },
    /// Carrier sense has changed.
    CarrierSense(CarrierSense),
    /// A frame was lost.
    Lost {
        /// Where.
        loss: PhyLoss,
        /// When the reception was given up.
        ended: Instant,
    },
}

/// A frame for another node: all that a MAC has to know of it. What a PHY says that knows the addresses itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdOverheard {
    /// Who has sent it, in which PAN.
    pub src: (PanId, MacAddress),
    /// Whether it asks for an acknowledgement.
    pub response_expected: bool,
    /// Whether its sender keeps the channel.
    pub contention_free: bool,
    /// Signal quality over the carriers in use.
    pub lqi: Lqi,
    /// When the last sample of the frame arrived.
    pub ended: Instant,
}

/// What a PHY tells late.
#[derive(Clone, Debug, PartialEq)]
pub enum Withheld {
    /// What it would have told at the time.
    Indication(PhyIndication),
    /// A frame for another node.
    Overheard(PdOverheard),
}

/// A frame that holds a PSDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFit {
    /// Octets of the PSDU, padding included: what [`PdDataRequest::psdu`] must hold exactly.
    pub psdu_len: usize,
    /// Time from the first sample of the preamble to the last of the payload.
    pub duration: Duration,
}

/// The arithmetic of frames of one band, which the MAC needs to cut segments and to plan time.
pub trait FrameGeometry: Sync {
    /// The shortest frame whose PSDU has at least `len` octets, or `None` when no frame is that large.
    fn fit(&self, tx: &TxParameters, len: usize) -> Option<FrameFit>;
    /// The largest PSDU of a frame sent with `tx`, in octets; 0 if `tx` is not of this band.
    fn max_psdu(&self, tx: &TxParameters) -> usize;
    /// The most robust parameters: ROBO on all groups.
    fn robust(&self) -> TxParameters;
    /// One OFDM symbol with its guard interval.
    fn symbol(&self) -> Duration;
    /// An ACK: preamble and frame control header.
    fn ack(&self) -> Duration;
    /// Carriers in one group of the tone map.
    fn group_carriers(&self) -> u32 {
        6
    }
    /// macToneMask: a bit for each carrier that is sent, the lowest in bit 0 of the first octet.
    fn tone_mask(&self) -> [u8; 9] {
        let carriers = self.group_carriers() * self.robust().tone_map.0.count_ones();
        let used = (1u128 << carriers.min(72)) - 1;
        core::array::from_fn(|octet| (used >> (8 * octet)) as u8)
    }
    /// macFreqNotching: whether carriers of the band are left out for the sake of S-FSK.
    fn freq_notching(&self) -> bool {
        false
    }
    /// macPreambleLength: SYNCP symbols of a preamble.
    fn preamble_symbols(&self) -> u8 {
        8
    }
}

/// A PHY as the layers above see it. `Medium` is what the driver exchanges with the line: blocks of
/// samples, or whole frames in a faster simulation.
pub trait Phy {
    /// One exchange with the medium.
    type Medium<'a>;

    /// The medium has moved on to `now`.
    fn on_medium(&mut self, now: Instant, medium: Self::Medium<'_>);
    /// The MAC asks for a transmission.
    fn on_request(&mut self, now: Instant, request: PhyRequest);
    /// A deadline has passed.
    fn tick(&mut self, now: Instant);
    /// When to tick next.
    fn deadline(&self) -> Option<Instant>;
    /// The next indication, in order.
    fn poll(&mut self) -> Option<PhyIndication>;

    /// The next of the indications that were withheld, in order, with its time. A medium may keep back what nothing depends on
    /// ([`crate::sap::Withheld`]); it reaches the MAC before the next thing that happens to the node, as if it had come in time.
    fn withheld(&mut self) -> Option<(Instant, Withheld)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phase_differences_fall_into_sectors_of_sixty_degrees() {
        let sectors = [0, 21, 22, 64, 65, 107, 108, 149, 150, 192, 193, 235, 236, 255]
            .map(|d| PhaseDifference(d).sector());
        assert_eq!(sectors, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 0, 0]);
    }

    #[test]
    fn the_lqi_anchors_of_the_standard_hold() {
        assert_eq!(Lqi::from_snr_db(-10.0), Lqi(0));
        assert_eq!(Lqi::from_snr_db(3.0), Lqi(52));
        assert_eq!(Lqi::from_snr_db(53.75), Lqi(255));
        assert_eq!(Lqi::from_snr_db(99.0), Lqi(255));
        assert!((Lqi(52).snr_db() - 3.0).abs() < 1e-6);
    }
}
