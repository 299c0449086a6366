//! Frames that nobody honest has sent.

use super::concentrator::PAN;
use crate::frame::{Body, Frame, FrameEvent, FramePhy};
use g3_adp::wire::{EapCode, EapMessage, LbpCode, LbpFrame, LoadngMessage, PskMessage, RouteMessage, msdu};
use g3_mac::specs::FCS_LEN;
use g3_mac::wire::{Beacon, FrameType, Mhr, Segment, SegmentControl};
use g3_mac::{Mac, MacConfig, MacInput, MacOutput, OctetOrder};
use g3_phy::BandPlan;
use plc_core::sap::{
    FrameGeometry, Key, MacSecurity, McpsDataRequest, MlmeRequest, Msdu, PdDataRequest, Phy, PhyIndication,
    PhyRequest, Priority, TxGain,
};
use plc_core::wire::WireError;
use plc_core::{Eui64, Instant, MacAddress, Machine, Seed, ShortAddress};

/// The first short address of neighbours and agents that do not exist; no town has as many meters.
pub(super) const FORGED: u16 = 0x4000;
/// The first extended address of devices that do not exist.
const STRANGER: u64 = 0x0251_4DEE_0000_0000;

/// A rogue that knows no key and would be let in.
pub(super) struct Outsider<'a> {
    pub(super) plan: &'static BandPlan,
    /// Agents that it asks, in turn.
    pub(super) agents: &'a [ShortAddress],
    /// Meters that it pretends to be.
    pub(super) victims: &'a [Eui64],
}

impl Outsider<'_> {
    /// For each of so many devices: a beacon of an agent that does not exist, the request of a stranger, and in the name of a meter
    /// a request, an answer to a challenge with a code that is made up, and a farewell.
    pub(super) fn joins(&self, devices: usize) -> Vec<Frame> {
        (0..devices).filter_map(|n| self.join(n).ok()).flatten().collect()
    }

    fn join(&self, n: usize) -> Result<Vec<Frame>, WireError> {
        let stranger = Eui64::from_u64(STRANGER + n as u64);
        let victim = self.victims.get(n % self.victims.len().max(1)).copied().unwrap_or(stranger);
        let made_up = [n as u8; 16];
        let psk =
            PskMessage::Second { rand_s: made_up, rand_p: made_up, mac_p: made_up, id_p: &victim.0[..] };
        let eap = EapMessage { code: EapCode::Response, identifier: n as u8, psk: Some(psk) };
        let answer = msdu(|writer| eap.emit(writer))?;
        let says = [
            (stranger, LbpCode::Joining, &[][..]),
            (victim, LbpCode::Joining, &[][..]),
            (victim, LbpCode::Joining, &answer[..]),
            (victim, LbpCode::Leave, &[][..]),
        ];
        let mut frames = vec![self.beacon(n)?];
        for (part, (eui64, code, data)) in says.into_iter().enumerate() {
            frames.push(self.message((4 * n + part) as u8, n, &LbpFrame::new(code, eui64, data))?);
        }
        Ok(frames)
    }

    fn message(&self, dsn: u8, n: usize, lbp: &LbpFrame<'_>) -> Result<Frame, WireError> {
        let agent = self.agents.get(n % self.agents.len().max(1)).copied();
        let mut mhr = Mhr::new(FrameType::Data, dsn);
        mhr.ack_request = true;
        mhr.src = Some((PAN, MacAddress::Extended(lbp.eui64)));
        mhr.dst = Some((PAN, MacAddress::Short(agent.unwrap_or(ShortAddress::COORDINATOR))));
        self.frame(mhr, &msdu(|writer| lbp.emit(writer))?)
    }

    /// It says that the coordinator is as near as can be.
    fn beacon(&self, n: usize) -> Result<Frame, WireError> {
        let mut mhr = Mhr::new(FrameType::Beacon, n as u8);
        mhr.src = Some((PAN, MacAddress::Short(ShortAddress(FORGED + n as u16))));
        let beacon = Beacon { association_permit: true, coordinator: false, rc_coord: 0 };
        self.frame(mhr, &msdu(|writer| beacon.emit(writer, OctetOrder::Little))?)
    }

    fn frame(&self, mhr: Mhr, payload: &Msdu) -> Result<Frame, WireError> {
        let control = SegmentControl { last: true, length: payload.len() as u16, ..Default::default() };
        let segment = Segment { control, mhr, aux: None, payload };
        let tx = self.plan.robust();
        let fit = self.plan.fit(&tx, segment.wire_len() + FCS_LEN).ok_or(WireError::NoRoom)?;
        let (psdu, at) = (segment.psdu(fit.psdu_len)?, Instant::EPOCH);
        let request =
            PdDataRequest { psdu, tx, gain: TxGain::default(), response_expected: mhr.ack_request, at };
        sent(&mut FramePhy::new(self.plan), at, PhyRequest::Data(request)).ok_or(WireError::NoRoom)
    }
}

/// A rogue that has stolen the group key: it seals what it sends as a member would, under any address.
pub(super) struct Insider {
    phy: FramePhy,
    mac: Mac,
    now: Instant,
}

impl Insider {
    /// One that sends from `now` on. It sends fewer than a hundred frames a second, so no counter comes twice.
    pub(super) fn new(plan: &'static BandPlan, gmk: Key, seed: Seed, now: Instant) -> Self {
        let seconds = now.since(Instant::EPOCH).as_secs();
        let first = u32::try_from(seconds.saturating_mul(100)).unwrap_or(u32::MAX / 2).saturating_add(1);
        let mac = Mac::new(MacConfig::new(Eui64::from_u64(STRANGER), plan, seed, first));
        let mut insider = Self { phy: FramePhy::new(plan), mac, now: Instant::EPOCH };
        insider.tell(MlmeRequest::SetPanId(PAN));
        insider.tell(MlmeRequest::SetKey { index: 0, key: Some(gmk) });
        insider
    }

    /// From each of so many neighbours a request for a route to nobody, which goes one hop: whoever hears it knows one node more.
    pub(super) fn neighbours(mut self, neighbours: usize) -> Vec<Frame> {
        (0..neighbours).filter_map(|n| self.neighbour(ShortAddress(FORGED + n as u16))).collect()
    }

    fn neighbour(&mut self, short: ShortAddress) -> Option<Frame> {
        let request = RouteMessage {
            destination: ShortAddress(FORGED - 1),
            originator: short,
            sequence: 1,
            flags: 0,
            metric: g3_adp::specs::METRIC_COMPOSITE,
            route_cost: 0,
            hop_limit: 1,
            hop_count: 0,
            weak_links: 0,
            reserved: 0,
        };
        self.tell(MlmeRequest::SetShortAddress(short));
        let data = McpsDataRequest {
            handle: short.0,
            extended_source: false,
            dst_pan: PAN,
            dst: MacAddress::BROADCAST,
            msdu: msdu(|writer| LoadngMessage::Rreq(request).emit(writer)).ok()?,
            security: MacSecurity::EncMic32 { key_index: 0 },
            priority: Priority::Normal,
        };
        self.mac.handle(self.now, MacInput::Data(data));
        self.run()
    }

    fn tell(&mut self, request: MlmeRequest) {
        self.mac.handle(self.now, MacInput::Mlme(request));
    }

    /// Lets time pass until the MAC has sent its frame.
    fn run(&mut self) -> Option<Frame> {
        let mut frame = None;
        for _ in 0..STEPS {
            while let Some(output) = self.mac.poll() {
                if let MacOutput::Phy(request) = output {
                    frame = sent(&mut self.phy, self.now, request);
                    self.on_sent(frame.as_ref()?);
                }
            }
            if frame.is_some() {
                return frame;
            }
            self.now = self.mac.deadline()?;
            self.mac.tick(self.now);
        }
        None
    }

    fn on_sent(&mut self, frame: &Frame) {
        self.now = frame.ends;
        self.phy.on_medium(self.now, FrameEvent::Sent);
        while let Some(indication) = self.phy.poll() {
            if let PhyIndication::Confirm { .. } = indication {
                self.mac.handle(self.now, MacInput::Phy(indication));
            }
        }
    }
}

/// Deadlines of a MAC until it sends, at most: contention with nobody takes a few.
const STEPS: usize = 64;

/// The frame that a PHY makes of a request.
fn sent(phy: &mut FramePhy, now: Instant, request: PhyRequest) -> Option<Frame> {
    let mut frame = None;
    phy.on_request(now, request);
    phy.on_medium(now, FrameEvent::Start(&mut frame));
    frame.map(|frame| *frame).filter(|frame| matches!(frame.body, Body::Data { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameKind, Head};
    use g3_mac::wire::check_fcs;
    use g3_phy::{CENELEC_A, FCC};
    use plc_core::wire::Reader;

    const KEY: Key = Key([3; 16]);

    fn kinds(frames: &[Frame]) -> Vec<FrameKind> {
        frames.iter().map(|frame| Head::of(frame).kind).collect()
    }

    #[test]
    fn each_forged_device_sends_a_beacon_and_four_messages_in_clear() {
        for plan in [&CENELEC_A, &FCC] {
            let victims = [Eui64::from_u64(7)];
            let outsider = Outsider { plan, agents: &[ShortAddress(0), ShortAddress(9)], victims: &victims };
            let frames = outsider.joins(2);
            let [beacon, joining] = [FrameKind::Beacon, FrameKind::Joining];
            assert_eq!(kinds(&frames), [[beacon, joining, joining, joining, joining]; 2].concat());
            let agents = [&frames[1], &frames[6]].map(|frame| Head::of(frame).dst);
            assert_eq!(agents, [0, 9].map(|short| Some((PAN, MacAddress::Short(ShortAddress(short))))));
            assert!(frames.iter().all(|frame| frame.start < frame.ends));
        }
    }

    #[test]
    fn each_forged_neighbour_has_an_address_of_its_own_and_a_counter_above_all_before() {
        let frames = Insider::new(&CENELEC_A, KEY, Seed::from_u64(1), Instant::EPOCH).neighbours(40);
        assert_eq!(kinds(&frames), [FrameKind::Broadcast; 40]);
        let mut counters = Vec::new();
        for (n, frame) in frames.iter().enumerate() {
            let Body::Data { psdu, .. } = &frame.body else { unreachable!("they are data") };
            let (body, _) = check_fcs(psdu).expect("its check sequence is right");
            let segment = Segment::parse(&mut Reader::new(body)).expect("it is well formed");
            let short = ShortAddress(FORGED + n as u16);
            assert_eq!(segment.mhr.src, Some((PAN, MacAddress::Short(short))));
            counters.push(segment.aux.expect("it is secured").frame_counter);
        }
        assert!(counters.windows(2).all(|pair| pair[0] < pair[1]), "{counters:?}");
    }

    #[test]
    fn a_member_takes_what_an_insider_has_sealed_and_refuses_what_is_sealed_with_another_key() {
        for (key, taken) in [(KEY, 1), (Key([4; 16]), 0)] {
            let frame =
                Insider::new(&CENELEC_A, key, Seed::from_u64(1), Instant::EPOCH).neighbours(1).remove(0);
            let mut member = Insider::new(&CENELEC_A, KEY, Seed::from_u64(2), Instant::EPOCH);
            member.tell(MlmeRequest::SetShortAddress(ShortAddress(5)));
            let quality = crate::frame::Quality {
                lqi: plc_core::sap::Lqi(100),
                group_lqi: heapless::Vec::new(),
                phase_difference: plc_core::sap::PhaseDifference(0),
            };
            member.phy.on_medium(frame.ends, FrameEvent::Received { frame: &frame, quality: &quality });
            while let Some(indication) = member.phy.poll() {
                member.mac.handle(frame.ends, MacInput::Phy(indication));
            }
            let count = member.mac.accepted().map_or(0, |accepted| accepted.count);
            assert_eq!((count, member.mac.counters().drops.security), (taken, 1 - taken as u32));
        }
    }
}
