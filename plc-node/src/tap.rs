//! Somebody who listens between a MAC and its PHY.

use alloc::collections::VecDeque;
use g3_mac::wire::{Segment, check_fcs};
use plc_core::sap::{Lqi, Phy, PhyIndication, PhyLoss, PhyRequest, Psdu, TxParameters, Withheld};
use plc_core::wire::Reader;
use plc_core::{Instant, MacAddress, PanId};

/// A frame that went by.
#[derive(Clone, Debug, PartialEq)]
pub struct TappedFrame {
    /// When its first sample left, as the MAC wanted it, or arrived. Of an ACK that was heard and of what was lost, when it had ended.
    pub at: Instant,
    /// How well it was heard; `None` for a frame of this node, and for one that was lost.
    pub lqi: Option<Lqi>,
    /// Whether this node has sent it.
    pub sent: bool,
    /// What it was.
    pub body: FrameBody,
}

/// What a frame was.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameBody {
    /// A payload.
    Data {
        /// Padding and FCS included.
        psdu: Psdu,
        /// How it was sent.
        tx: TxParameters,
        /// Whether it asks for an acknowledgement.
        response_expected: bool,
    },
    /// A frame control header alone.
    Ack {
        /// FCS of the frame that is acknowledged.
        fcs: u16,
        /// Whether more segments are expected.
        more_segments: bool,
        /// NACK.
        negative: bool,
    },
    /// Something that could not be received.
    Lost(PhyLoss),
}

/// Who speaks to whom, as the header of a frame says. Nothing of it is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The PAN of the destination.
    pub pan: Option<PanId>,
    /// Who has sent it.
    pub source: Option<MacAddress>,
    /// Whom it is for.
    pub destination: Option<MacAddress>,
    /// Place of this segment in its MSDU, 0 for the first.
    pub segment: u8,
}

impl FrameBody {
    /// The addresses of a data frame whose check sequence is right.
    pub fn addresses(&self) -> Option<Addresses> {
        let Self::Data { psdu, .. } = self else { return None };
        let (body, _) = check_fcs(psdu).ok()?;
        let Segment { control, mhr, .. } = Segment::parse(&mut Reader::new(body)).ok()?;
        Some(Addresses {
            pan: mhr.dst.map(|(pan, _)| pan),
            source: mhr.src.map(|(_, address)| address),
            destination: mhr.dst.map(|(_, address)| address),
            segment: control.count,
        })
    }
}

/// A PHY with somebody who listens, when asked to. It changes nothing of what goes by.
#[derive(Debug)]
pub struct Tapped<P> {
    phy: P,
    frames: Option<VecDeque<TappedFrame>>,
    missed: u64,
}

/// Frames that wait for whoever listens; more are counted as missed.
pub const TAPPED_MAX: usize = 256;

impl<P> Tapped<P> {
    /// `phy`, and nobody listens yet.
    pub const fn new(phy: P) -> Self {
        Self { phy, frames: None, missed: 0 }
    }

    /// The PHY.
    pub const fn inner(&self) -> &P {
        &self.phy
    }

    /// Whether somebody listens from now on. What nobody has taken is dropped when nobody does.
    pub fn listen(&mut self, wanted: bool) {
        match (wanted, &self.frames) {
            (true, None) => self.frames = Some(VecDeque::new()),
            (false, Some(_)) => self.frames = None,
            _ => {}
        }
    }

    /// The next frame that went by.
    pub fn take(&mut self) -> Option<TappedFrame> {
        self.frames.as_mut()?.pop_front()
    }

    /// Frames that nobody has taken in time.
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    fn note(&mut self, frame: impl FnOnce() -> Option<TappedFrame>) {
        let Some(frames) = &mut self.frames else { return };
        let Some(frame) = frame() else { return };
        if frames.len() < TAPPED_MAX {
            frames.push_back(frame);
        } else {
            self.missed += 1;
        }
    }
}

impl<P: Phy> Phy for Tapped<P> {
    type Medium<'a> = P::Medium<'a>;

    fn on_medium(&mut self, now: Instant, medium: Self::Medium<'_>) {
        self.phy.on_medium(now, medium);
    }

    fn on_request(&mut self, now: Instant, request: PhyRequest) {
        self.note(|| Some(sent(now, &request)));
        self.phy.on_request(now, request);
    }

    fn tick(&mut self, now: Instant) {
        self.phy.tick(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.phy.deadline()
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        let indication = self.phy.poll()?;
        self.note(|| heard(&indication));
        Some(indication)
    }

    fn withheld(&mut self) -> Option<(Instant, Withheld)> {
        let withheld = self.phy.withheld()?;
        if let (_, Withheld::Indication(indication)) = &withheld {
            self.note(|| heard(indication));
        }
        Some(withheld)
    }
}

fn sent(now: Instant, request: &PhyRequest) -> TappedFrame {
    let (at, body) = match request {
        PhyRequest::Data(data) => {
            let (psdu, tx) = (data.psdu.clone(), data.tx);
            (data.at, FrameBody::Data { psdu, tx, response_expected: data.response_expected })
        }
        PhyRequest::Ack(ack) => {
            let (fcs, more_segments, negative) = (ack.fcs, ack.more_segments, ack.negative);
            (ack.at, FrameBody::Ack { fcs, more_segments, negative })
        }
    };
    TappedFrame { at: at.max(now), lqi: None, sent: true, body }
}

fn heard(indication: &PhyIndication) -> Option<TappedFrame> {
    let (at, lqi, body) = match indication {
        PhyIndication::Data(data) => {
            let (psdu, tx) = (data.psdu.clone(), data.tx);
            let response_expected = data.response_expected;
            (data.started, Some(data.lqi), FrameBody::Data { psdu, tx, response_expected })
        }
        PhyIndication::Ack(ack) => {
            let (fcs, more_segments, negative) = (ack.fcs, ack.more_segments, ack.negative);
            (ack.ended, Some(ack.lqi), FrameBody::Ack { fcs, more_segments, negative })
        }
        PhyIndication::Lost { loss, ended } => (*ended, None, FrameBody::Lost(*loss)),
        PhyIndication::Confirm { .. } | PhyIndication::CarrierSense(_) => return None,
    };
    Some(TappedFrame { at, lqi, sent: false, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::{
        Modulation, ModulationScheme, PdAckRequest, PdDataIndication, PhaseDifference, ToneMap,
    };

    /// Says what it was given.
    #[derive(Default)]
    struct Parrot {
        asked: VecDeque<PhyRequest>,
        says: VecDeque<PhyIndication>,
    }

    impl Phy for Parrot {
        type Medium<'a> = PhyIndication;

        fn on_medium(&mut self, _: Instant, medium: PhyIndication) {
            self.says.push_back(medium);
        }
        fn on_request(&mut self, _: Instant, request: PhyRequest) {
            self.asked.push_back(request);
        }
        fn tick(&mut self, _: Instant) {}
        fn deadline(&self) -> Option<Instant> {
            None
        }
        fn poll(&mut self) -> Option<PhyIndication> {
            self.says.pop_front()
        }
    }

    const ACK: PdAckRequest =
        PdAckRequest { fcs: 7, more_segments: false, negative: true, at: Instant::from_secs(2) };

    fn data(psdu: &[u8]) -> PhyIndication {
        let tone_map = ToneMap(0x3F);
        PhyIndication::Data(PdDataIndication {
            psdu: Psdu::from_slice(psdu).unwrap(),
            tx: TxParameters {
                modulation: Modulation::Robo,
                scheme: ModulationScheme::Differential,
                tone_map,
            },
            response_expected: true,
            lqi: Lqi(60),
            group_lqi: heapless::Vec::new(),
            phase_difference: PhaseDifference(0),
            corrected_octets: 0,
            started: Instant::from_secs(3),
            ended: Instant::from_secs(4),
        })
    }

    #[test]
    fn who_listens_hears_both_directions_and_the_mac_misses_nothing() {
        let mut tap = Tapped::new(Parrot::default());
        tap.listen(true);
        tap.on_request(Instant::from_secs(1), PhyRequest::Ack(ACK));
        let lost = PhyIndication::Lost { loss: PhyLoss::Payload, ended: Instant::from_secs(5) };
        for said in [data(&[1, 2, 3]), lost.clone()] {
            tap.on_medium(Instant::from_secs(5), said);
        }
        assert_eq!((tap.poll(), tap.poll(), tap.poll()), (Some(data(&[1, 2, 3])), Some(lost), None));
        assert_eq!(tap.inner().asked, [PhyRequest::Ack(ACK)]);
        let frames: std::vec::Vec<TappedFrame> = core::iter::from_fn(|| tap.take()).collect();
        let told = |frame: &TappedFrame| (frame.at.since(Instant::EPOCH).as_secs(), frame.sent, frame.lqi);
        let expected = [(2, true, None), (3, false, Some(Lqi(60))), (5, false, None)];
        assert_eq!(frames.iter().map(told).collect::<std::vec::Vec<_>>(), expected);
        assert!(matches!(&frames[1].body, FrameBody::Data { psdu, .. } if psdu[..] == [1, 2, 3]));
        assert_eq!(frames[1].body.addresses(), None, "three octets are no frame of a MAC");
    }

    #[test]
    fn nobody_listens_unasked_and_a_listener_that_sleeps_costs_no_more_than_the_bound() {
        let mut tap = Tapped::new(Parrot::default());
        tap.on_request(Instant::EPOCH, PhyRequest::Ack(ACK));
        assert_eq!(tap.take(), None);
        tap.listen(true);
        (0..TAPPED_MAX + 3).for_each(|_| tap.on_request(Instant::EPOCH, PhyRequest::Ack(ACK)));
        assert_eq!(core::iter::from_fn(|| tap.take()).count(), TAPPED_MAX);
        assert_eq!(tap.missed(), 3);
        tap.on_request(Instant::EPOCH, PhyRequest::Ack(ACK));
        tap.listen(false);
        tap.listen(true);
        assert_eq!(tap.take(), None, "what was left is gone with the listener");
    }
}
