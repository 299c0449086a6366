//! One MSDU on its way out, cut into segments.

use crate::security::SecuredMsdu;
use crate::specs::{FCS_LEN, SEGMENT_COUNT_MAX};
use crate::wire::{AuxHeader, Mhr, Segment, SegmentControl, check_fcs, psdu_overhead};
use core::time::Duration;
use plc_core::sap::{FrameGeometry, Handle, MacStatus, PSDU_MAX, Priority, Psdu, TxGain, TxParameters};
use plc_core::{Instant, MacAddress, ShortAddress};

/// An MSDU on its way out. Secured once; its segments and their repetitions carry the same octets.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) origin: Origin,
    pub(crate) mhr: Mhr,
    pub(crate) aux: Option<AuxHeader>,
    pub(crate) msdu: SecuredMsdu,
    pub(crate) priority: Priority,
    pub(crate) tx: TxParameters,
    pub(crate) gain: TxGain,
    /// Octets of the largest PSDU with these parameters.
    psdu_max: usize,
    /// Whether the receiver is asked for a tone map response.
    pub(crate) tone_map_request: bool,
    /// Octets acknowledged, or sent if nobody acknowledges.
    pub(crate) sent: usize,
    /// Number of the present segment.
    pub(crate) count: u8,
    /// Transmissions of the present segment that failed.
    pub(crate) failures: u8,
    /// Transmissions beyond the first, over all segments.
    pub(crate) retries: u16,
}

/// Who wanted it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An MCPS-DATA.request.
    Data(Handle),
    /// A scan.
    BeaconRequest,
    /// A beacon request of another node.
    Beacon,
    /// A request for a tone map of a neighbour, which is told this.
    ToneMapResponse { tx: TxParameters, gain: TxGain, at: Instant },
}

/// What a fall-back to the most robust parameters has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FallBack {
    /// Nothing: they were in use, or cannot carry what is left.
    None,
    /// The parameters.
    Parameters,
    /// The parameters, and the segment under way is shorter now.
    Recut,
}

/// A segment ready for the PHY.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ready {
    pub(crate) psdu: Psdu,
    pub(crate) fcs: u16,
    pub(crate) duration: Duration,
}

impl Outgoing {
    /// To be sent with the most robust parameters, until [`Self::speak`] says otherwise.
    pub(crate) fn new(origin: Origin, mhr: Mhr, msdu: SecuredMsdu, geometry: &dyn FrameGeometry) -> Self {
        let tx = geometry.robust();
        Self {
            origin,
            mhr,
            aux: None,
            msdu,
            priority: Priority::Normal,
            tx,
            gain: TxGain::default(),
            psdu_max: geometry.max_psdu(&tx).min(PSDU_MAX),
            tone_map_request: false,
            sent: 0,
            count: 0,
            failures: 0,
            retries: 0,
        }
    }

    /// Sends the rest with these parameters.
    pub(crate) fn speak(&mut self, tx: TxParameters, gain: TxGain, geometry: &dyn FrameGeometry) {
        (self.tx, self.gain) = (tx, gain);
        self.psdu_max = geometry.max_psdu(&tx).min(PSDU_MAX);
    }

    /// Sends the rest with the most robust parameters at full level. What was acknowledged stays; the segment under way
    /// keeps its number and is cut anew if it is too long, which `recut` must allow: a receiver that has it although
    /// no acknowledgement came back has to replace it, or know the whole MSDU.
    pub(crate) fn fall_back(&mut self, geometry: &dyn FrameGeometry, recut: bool) -> FallBack {
        let robust = geometry.robust();
        if self.tx == robust && self.gain == TxGain::default() {
            return FallBack::None;
        }
        let before = self.segment().payload.len();
        let (tx, gain) = (self.tx, self.gain);
        self.speak(robust, TxGain::default(), geometry);
        let shorter = self.segment().payload.len() < before;
        if (shorter && !recut) || !self.fits() {
            self.speak(tx, gain, geometry);
            return FallBack::None;
        }
        if shorter { FallBack::Recut } else { FallBack::Parameters }
    }

    /// Whether what is left fits segments with 6-bit numbers.
    pub(crate) fn fits(&self) -> bool {
        let (present, later) = (self.capacity(self.count), self.capacity(1));
        let rest = (self.msdu.len() - self.sent).saturating_sub(present);
        let more = if later == 0 { usize::from(rest > 0) * usize::MAX } else { rest.div_ceil(later) };
        present > 0 && more <= usize::from(SEGMENT_COUNT_MAX - self.count)
    }

    /// The present segment as a PSDU.
    pub(crate) fn ready(&self, geometry: &dyn FrameGeometry) -> Result<Ready, MacStatus> {
        let segment = self.segment();
        let fit = geometry.fit(&self.tx, segment.wire_len() + FCS_LEN).ok_or(MacStatus::FrameTooLong)?;
        let psdu = segment.psdu(fit.psdu_len).map_err(|_| MacStatus::FrameTooLong)?;
        let fcs = check_fcs(&psdu).map(|(_, fcs)| fcs).map_err(|_| MacStatus::FrameTooLong)?;
        Ok(Ready { psdu, fcs, duration: fit.duration })
    }

    /// Moves on to the next segment; `false` when this was the last.
    pub(crate) fn advance(&mut self) -> bool {
        self.sent += self.segment().payload.len();
        let more = self.sent < self.msdu.len();
        if more {
            (self.count, self.failures) = (self.count + 1, 0);
        }
        more
    }

    /// Whether the receiver is to acknowledge.
    pub(crate) fn acknowledged(&self) -> bool {
        self.mhr.ack_request
    }

    /// To whom, if it has a short address.
    pub(crate) fn neighbour(&self) -> Option<ShortAddress> {
        self.mhr.dst.and_then(|(_, address)| address.short())
    }

    /// Whether it is for everybody.
    pub(crate) fn broadcast(&self) -> bool {
        self.mhr.dst.is_none_or(|(_, address)| address == MacAddress::BROADCAST)
    }

    fn capacity(&self, count: u8) -> usize {
        self.psdu_max.saturating_sub(psdu_overhead(&self.mhr, count))
    }

    fn segment(&self) -> Segment<'_> {
        let rest = &self.msdu[self.sent..];
        let length = rest.len().min(self.capacity(self.count));
        let last = length == rest.len();
        let control = SegmentControl {
            tone_map_request: self.tone_map_request,
            contention_free: !last,
            priority: self.priority,
            last,
            count: self.count,
            length: length as u16,
        };
        let aux = self.aux.filter(|_| self.count == 0);
        Segment { control, mhr: self.mhr, aux, payload: &rest[..length] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GEOMETRY;
    use crate::wire::FrameType;
    use plc_core::sap::{Modulation, ToneMap};
    use plc_core::wire::Reader;
    use std::vec::Vec;

    fn outgoing(len: usize) -> Outgoing {
        let msdu: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let mut mhr = Mhr::new(FrameType::Data, 7);
        mhr.security = true;
        let msdu = SecuredMsdu::from_slice(&msdu).unwrap();
        let mut outgoing = Outgoing::new(Origin::Data(0), mhr, msdu, &GEOMETRY);
        outgoing.aux = Some(AuxHeader { security_control: 0x0D, frame_counter: 1, key_index: 0 });
        outgoing
    }

    fn with(modulation: Modulation) -> TxParameters {
        TxParameters { modulation, ..GEOMETRY.robust() }
    }

    #[test]
    fn segments_fill_the_frame_are_numbered_and_add_up() {
        let mut outgoing = outgoing(404);
        assert!(outgoing.fits());
        let (mut joined, mut lengths) = (Vec::new(), Vec::new());
        loop {
            let ready = outgoing.ready(&GEOMETRY).unwrap();
            let (body, fcs) = check_fcs(&ready.psdu).unwrap();
            assert_eq!(fcs, ready.fcs);
            let segment = Segment::parse(&mut Reader::new(body)).unwrap();
            assert_eq!(usize::from(segment.control.count), lengths.len());
            assert_eq!(segment.aux.is_some(), lengths.is_empty());
            assert_eq!(segment.control.contention_free, !segment.control.last);
            joined.extend_from_slice(segment.payload);
            lengths.push(ready.psdu.len());
            if !outgoing.advance() {
                assert!(segment.control.last);
                break;
            }
        }
        assert_eq!(joined, outgoing.msdu.as_slice());
        assert_eq!(lengths[..3], [133; 3]);
        assert_eq!(lengths.len(), 4);
    }

    #[test]
    fn an_empty_msdu_is_one_segment() {
        let mut outgoing = outgoing(0);
        assert!(outgoing.fits() && outgoing.ready(&GEOMETRY).is_ok());
        assert!(!outgoing.advance());
    }

    #[test]
    fn a_fall_back_keeps_what_was_acknowledged_and_cuts_the_rest_anew() {
        let mut outgoing = outgoing(404);
        outgoing.speak(with(Modulation::Qpsk), TxGain::default(), &GEOMETRY);
        let first = outgoing.segment().payload.len();
        assert!(outgoing.advance());
        assert_eq!(outgoing.clone().fall_back(&GEOMETRY, false), FallBack::None);
        assert_eq!(outgoing.fall_back(&GEOMETRY, true), FallBack::Recut);
        assert_eq!((outgoing.sent, outgoing.count), (first, 1));
        let mut joined = outgoing.msdu[..first].to_vec();
        loop {
            joined.extend_from_slice(outgoing.segment().payload);
            assert!(outgoing.ready(&GEOMETRY).unwrap().psdu.len() <= 133);
            if !outgoing.advance() {
                break;
            }
        }
        assert_eq!((joined.as_slice(), outgoing.count), (outgoing.msdu.as_slice(), 2));
        assert_eq!(outgoing.fall_back(&GEOMETRY, true), FallBack::None);
    }

    #[test]
    fn a_short_segment_only_changes_its_parameters() {
        let mut outgoing = outgoing(50);
        outgoing.speak(with(Modulation::Psk8), TxGain::default(), &GEOMETRY);
        assert_eq!(outgoing.fall_back(&GEOMETRY, false), FallBack::Parameters);
        assert_eq!(outgoing.tx, GEOMETRY.robust());
    }

    #[test]
    fn parameters_that_no_frame_has_do_not_fit() {
        let mut outgoing = outgoing(1);
        let nothing = TxParameters { tone_map: ToneMap(0), ..GEOMETRY.robust() };
        outgoing.speak(nothing, TxGain::default(), &GEOMETRY);
        assert!(!outgoing.fits());
        assert_eq!(outgoing.ready(&GEOMETRY), Err(MacStatus::FrameTooLong));
    }
}
