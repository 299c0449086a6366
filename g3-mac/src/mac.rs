//! The machine: routes inputs to procedures, owns them all.

use crate::channel::AirKind;
use crate::config::DeviceCounter;
use crate::env::{Env, Identity, count};
use crate::neighbours::Neighbour;
use crate::receiver::{Accepted, Received, Receiver};
use crate::scan::{BeaconAnswer, Scan};
use crate::sender::Sender;
use crate::specs::KEY_SLOTS;
use crate::wire::ToneMapResponse;
use crate::{Counters, MacConfig};
use core::time::Duration;
use plc_core::sap::{
    Key, MacStatus, McpsDataConfirm, McpsDataIndication, McpsDataRequest, MlmeConfirm, MlmeIndication,
    MlmeRequest, NeighbourEntry, PanDescriptor, PdAckIndication, PdDataIndication, PdOverheard, PdStatus,
    Persist, PhyIndication, PhyLoss, PhyRequest, TxParameters,
};
use plc_core::{Eui64, Instant, Machine, PanId, ShortAddress};

/// What happens to the MAC.
#[derive(Clone, Debug, PartialEq)]
pub enum MacInput {
    /// MCPS-DATA.request.
    Data(McpsDataRequest),
    /// An MLME request.
    Mlme(MlmeRequest),
    /// The PHY has something to tell.
    Phy(PhyIndication),
    /// A frame for another node has passed by.
    Overheard(PdOverheard),
}

/// What the MAC wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum MacOutput {
    /// A transmission.
    Phy(PhyRequest),
    /// MCPS-DATA.confirm.
    DataConfirm(McpsDataConfirm),
    /// MCPS-DATA.indication.
    DataIndication(McpsDataIndication),
    /// An MLME confirm.
    MlmeConfirm(MlmeConfirm),
    /// An MLME indication.
    Mlme(MlmeIndication),
    /// Make this durable before carrying out any later output.
    Persist(Persist),
}

/// The MAC sublayer of one node.
///
/// Every MCPS-DATA.request gets exactly one confirm, also across a reset. At most one transmission is
/// with the PHY at any time.
pub struct Mac {
    pub(crate) env: Env,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    scan: Scan,
    answer: BeaconAnswer,
    /// Whether a slot has had a key since this MAC was built.
    keyed: [bool; KEY_SLOTS],
}

impl Mac {
    /// A MAC that is in no PAN.
    pub fn new(config: MacConfig) -> Self {
        let mut env = Env::new(config);
        let sender = Sender::new(&mut env);
        let receiver = Receiver::new(&env);
        let scan = Scan::new(env.config.bounds.scan_results);
        Self { env, sender, receiver, scan, answer: BeaconAnswer::default(), keyed: [false; KEY_SLOTS] }
    }

    /// What was counted since it was built.
    pub fn counters(&self) -> &Counters {
        &self.env.counters
    }

    /// The EUI-64 that it was built with.
    pub const fn eui64(&self) -> Eui64 {
        self.env.config.eui64
    }

    /// macPANId; `BROADCAST` outside a PAN.
    pub fn pan_id(&self) -> PanId {
        self.env.identity.pan
    }

    /// macShortAddress; `None` before joining.
    pub fn short_address(&self) -> Option<ShortAddress> {
        self.env.identity.short()
    }

    /// Outputs that a driver which does not drain has lost.
    pub fn outputs_dropped(&self) -> u64 {
        self.env.out.dropped()
    }

    /// macDeviceTable exactly as it stands, to be kept over an orderly stop: given back in
    /// [`MacConfig::device_counters`] it costs no frame.
    pub fn device_counters(&self) -> impl Iterator<Item = DeviceCounter> {
        self.receiver.devices.export()
    }

    /// The newest MSDU that was accepted. One PHY indication leads to one at most.
    pub const fn accepted(&self) -> Option<&Accepted> {
        self.receiver.accepted()
    }

    /// Whether it has nothing to send and waits for nothing: what it hears of others then changes only what it knows, and may be
    /// told later, with its time.
    pub fn is_idle(&self) -> bool {
        self.env.channel.started() && !self.env.channel.transmitting() && self.sender.is_idle()
    }

    /// Octets that this MAC takes, tables and queues included. All of it is taken when it is built.
    pub fn footprint(&self) -> usize {
        let heap = self.env.footprint() + self.sender.footprint() + self.receiver.footprint();
        size_of::<Self>() + heap + self.scan.footprint()
    }

    /// Entries held in all queues and tables, and the most that they may hold.
    pub fn occupancy(&self) -> (usize, usize) {
        self.tables().fold((0, 0), |(held, bound), (_, (h, b))| (held + h, bound + b))
    }

    /// Each queue and table by its name: entries held, and the most that it may hold.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, (usize, usize))> {
        let own = [("queue", self.sender.occupancy()), ("scan", self.scan.occupancy())];
        own.into_iter().chain(self.receiver.tables()).chain(self.env.tables())
    }

    /// macNeighbourTable: how to speak to each neighbour that has told it, and how well it hears this node.
    pub fn neighbours(&self, now: Instant) -> impl Iterator<Item = NeighbourEntry> {
        (0..).map_while(move |index| self.env.neighbours.entry(now, index))
    }

    /// Speaks to `neighbour` with `tx` for macTMRTTL, and beyond until it tells something else or a frame to it is given
    /// up. Parameters that no frame of the band has are refused.
    pub fn set_tx_parameters(&mut self, now: Instant, neighbour: ShortAddress, tx: TxParameters) -> bool {
        let known = self.env.geometry().max_psdu(&tx) > 0;
        if known {
            let ttl = self.env.config.timing.tone_map_ttl;
            self.env.neighbours.set(neighbour, Neighbour::new(now, tx, ttl));
        }
        known
    }

    fn on_mlme(&mut self, now: Instant, request: MlmeRequest) {
        match request {
            MlmeRequest::Scan { duration } => self.on_scan(duration),
            MlmeRequest::Start { pan_id } => self.on_start(pan_id),
            MlmeRequest::Reset => self.on_reset(),
            MlmeRequest::SetPanId(pan) => self.env.identity.pan = pan,
            MlmeRequest::SetShortAddress(short) => self.env.identity.short = short,
            MlmeRequest::SetRcCoord(rc_coord) => self.env.identity.rc_coord = rc_coord,
            MlmeRequest::SetKey { index, key } => self.on_key(index, key),
            MlmeRequest::Get { attribute, index } => {
                let result = self.get(now, attribute, index);
                self.confirm(MlmeConfirm::Get { attribute, index, result });
            }
            MlmeRequest::Set { attribute, index, value } => {
                let status = self.set(attribute, index, value).err().unwrap_or(MacStatus::Success);
                self.confirm(MlmeConfirm::Set { attribute, index, status });
            }
        }
    }

    fn on_scan(&mut self, duration: Duration) {
        if self.scan.on_request(duration, &mut self.env) {
            self.sender.on_scan();
        }
    }

    fn on_start(&mut self, pan: PanId) {
        let valid = pan != PanId::BROADCAST;
        if valid {
            let short = ShortAddress::COORDINATOR;
            self.env.identity = Identity { pan, short, rc_coord: 0, coordinator: true };
        }
        let status = if valid { MacStatus::Success } else { MacStatus::InvalidParameter };
        self.confirm(MlmeConfirm::Start(status));
    }

    fn confirm(&mut self, confirm: MlmeConfirm) {
        self.env.out.push(MacOutput::MlmeConfirm(confirm));
    }

    pub(crate) fn on_key(&mut self, index: u8, key: Option<Key>) {
        if !self.env.keys.set(index, key) {
            return;
        }
        // No other slot changes. Records of before a restart belong to the key that the slot is filled with first.
        if !core::mem::replace(&mut self.keyed[usize::from(index)], true) {
            return;
        }
        let env = &mut self.env;
        self.receiver.devices.forget_key(index, |record| env.out.push(MacOutput::Persist(record)));
    }

    fn on_reset(&mut self) {
        self.env.identity = Identity::NONE;
        self.env.keys = crate::security::KeyTable::new();
        self.sender.reset(&mut self.env);
        self.env.forget_neighbours();
        self.receiver.reset();
        self.scan.reset();
        self.answer.reset();
    }

    fn on_phy(&mut self, now: Instant, indication: PhyIndication) {
        match indication {
            PhyIndication::Data(frame) => self.on_frame(now, frame),
            PhyIndication::Ack(ack) => self.on_ack(now, ack),
            PhyIndication::Confirm { status, ended } => self.on_confirm(now, status, ended),
            PhyIndication::CarrierSense(sense) => self.env.channel.on_carrier_sense(now, sense),
            PhyIndication::Lost { loss, ended } => self.on_lost(now, loss, ended),
        }
    }

    fn on_frame(&mut self, now: Instant, mut frame: PdDataIndication) {
        frame.ended = frame.ended.min(now);
        self.env.channel.on_frame(frame.ended, frame.response_expected);
        let received = self.receiver.on_frame(now, &frame, &mut self.env);
        self.receiver.report(&mut self.env);
        self.env.report();
        match received {
            Some(Received::BeaconRequest(lqi)) => self.answer.on_request(now, lqi, &mut self.env),
            Some(Received::Beacon(descriptor)) => self.on_beacon(descriptor),
            Some(Received::ToneMapResponse(src, response)) => self.on_told(now, src, &response, &frame),
            Some(Received::ToneMapRequest(answer)) => self.sender.on_tone_map_request(answer, &mut self.env),
            None => {}
        }
    }

    /// As [`Self::on_frame`] of a good frame for another node.
    fn on_overheard(&mut self, now: Instant, frame: &PdOverheard) {
        let ended = frame.ended.min(now);
        self.env.channel.on_frame(ended, frame.response_expected);
        crate::receiver::overhear(now, frame, &mut self.env);
    }

    fn on_beacon(&mut self, descriptor: PanDescriptor) {
        if self.answer.on_beacon(&descriptor, &mut self.env) && self.sender.spare_beacon() {
            count(&mut self.env.counters.beacons_spared);
        }
        self.scan.on_beacon(descriptor, &mut self.env);
    }

    /// A neighbour says how it wants to be spoken to.
    fn on_told(
        &mut self,
        now: Instant,
        src: ShortAddress,
        response: &ToneMapResponse,
        frame: &PdDataIndication,
    ) {
        let &ToneMapResponse { tx, gain, lqi } = response;
        if self.env.geometry().max_psdu(&tx) == 0 {
            return count(&mut self.env.counters.drops.tone_map_illegal);
        }
        count(&mut self.env.counters.tone_maps_told);
        let phase_difference = frame.phase_difference;
        let neighbour = Neighbour::new(now, tx, self.env.config.timing.tone_map_ttl);
        let neighbour = Neighbour { gain, lqi: Some(lqi), phase_difference, ..neighbour };
        self.env.neighbours.set(src, neighbour);
    }

    fn on_ack(&mut self, now: Instant, mut ack: PdAckIndication) {
        ack.ended = ack.ended.min(now);
        self.env.channel.on_ack(ack.ended, ack.more_segments);
        self.sender.on_ack(&ack, &mut self.env);
    }

    fn on_lost(&mut self, now: Instant, loss: PhyLoss, ended: Instant) {
        let drops = &mut self.env.counters.drops;
        count(if loss == PhyLoss::Header { &mut drops.phy_header } else { &mut drops.phy_payload });
        self.env.channel.on_lost(loss, ended.min(now));
    }

    fn on_confirm(&mut self, now: Instant, status: PdStatus, ended: Instant) {
        let ended = ended.min(now + self.env.config.timing.cifs);
        let sent = (status == PdStatus::Success).then_some(ended);
        let Some(air) = self.env.channel.on_confirm(sent) else { return };
        if sent.is_some() {
            self.env.counters.airtime += air.duration;
        } else {
            count(&mut self.env.counters.drops.phy_refused);
        }
        match air.kind {
            AirKind::Ack if sent.is_some() => count(&mut self.env.counters.acks_sent),
            AirKind::Ack => {}
            AirKind::Frame { .. } => self.sender.on_sent(status, ended, &mut self.env),
        }
    }

    /// Does everything that is due at `now`.
    fn pump(&mut self, now: Instant) {
        while self.step(now) {}
    }

    fn step(&mut self, now: Instant) -> bool {
        if self.env.channel.overdue().is_some_and(|at| at <= now) {
            self.on_confirm(now, PdStatus::TxBusy, now);
            return true;
        }
        if self.answer.expire(now) {
            self.sender.on_beacon_due();
            return true;
        }
        self.sender.advance(now, &mut self.env)
            || self.scan.advance(now, self.sender.requesting_beacons(), &mut self.env)
    }
}

impl Machine for Mac {
    type Input<'a> = MacInput;
    type Output = MacOutput;

    fn handle(&mut self, now: Instant, input: MacInput) {
        self.env.channel.on_use(now);
        match input {
            MacInput::Data(request) => self.sender.on_request(request, &mut self.env),
            MacInput::Mlme(request) => self.on_mlme(now, request),
            MacInput::Phy(indication) => self.on_phy(now, indication),
            MacInput::Overheard(frame) => self.on_overheard(now, &frame),
        }
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        self.pump(now);
    }

    fn deadline(&self) -> Option<Instant> {
        let own = [self.env.channel.overdue(), self.answer.deadline(), self.scan.deadline()];
        own.into_iter().chain([self.sender.deadline(&self.env)]).flatten().min()
    }

    fn poll(&mut self) -> Option<MacOutput> {
        self.env.out.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{KeyTable, SecuredMsdu, Source};
    use crate::testing::{FCC, GEOMETRY};
    use crate::wire::testing::emitted;
    use crate::wire::{
        AuxHeader, Command, FrameType, Mhr, Segment, SegmentControl, ToneMapLayout, ToneMapResponse,
    };
    use plc_core::sap::{CarrierSense, FrameGeometry, Lqi, Modulation, PhaseDifference, ToneMap, TxGain};
    use plc_core::{Eui64, MacAddress, Seed};

    const PAN: PanId = PanId(0x781D);
    const KEY: Key = Key([5; 16]);

    /// A tone map response of node 1 to node 2, secured or not, as the modem reports it.
    fn tone_map_response(tx: TxParameters, secured: bool) -> PdDataIndication {
        let response = ToneMapResponse { tx, gain: TxGain::default(), lqi: Lqi(90) };
        let layout = ToneMapLayout::Cenelec { seven: false };
        let command = emitted(|w| Command::ToneMapResponse(response).emit(w, layout));
        let mut msdu = SecuredMsdu::from_slice(&command).unwrap();
        let mut mhr = Mhr::new(FrameType::Command, u8::from(secured));
        let short = |n| Some((PAN, MacAddress::Short(ShortAddress(n))));
        (mhr.security, mhr.src, mhr.dst) = (secured, short(1), short(2));
        let aux = AuxHeader { security_control: 0x0D, frame_counter: 1, key_index: 0 };
        let segment = |control, payload| Segment { control, mhr, aux: secured.then_some(aux), payload };
        if secured {
            let header = emitted(|w| segment(SegmentControl::default(), &[]).emit_header(w));
            let mut keys = KeyTable::new();
            keys.set(0, Some(KEY));
            keys.seal(Source { pan: PAN, short: ShortAddress(1) }, &aux, &header, &mut msdu).unwrap();
        }
        let control = SegmentControl { last: true, length: msdu.len() as u16, ..Default::default() };
        let psdu = segment(control, &msdu).psdu(133).unwrap();
        let (tx, now) = (GEOMETRY.robust(), Instant::from_secs(1));
        let group_lqi = core::iter::empty().collect();
        PdDataIndication {
            psdu,
            tx,
            response_expected: true,
            lqi: Lqi(9),
            group_lqi,
            phase_difference: PhaseDifference(0),
            corrected_octets: 0,
            started: now,
            ended: now,
        }
    }

    #[test]
    fn a_tone_map_response_sets_the_parameters_towards_its_sender_only_when_it_is_secured() {
        let tx = TxParameters { modulation: Modulation::Qpsk, ..GEOMETRY.robust() };
        let now = Instant::from_secs(1);
        for (secured, expected) in [(false, None), (true, Some(tx))] {
            let mut mac = Mac::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
            mac.handle(now, MacInput::Mlme(MlmeRequest::SetPanId(PAN)));
            mac.handle(now, MacInput::Mlme(MlmeRequest::SetShortAddress(ShortAddress(2))));
            mac.handle(now, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: Some(KEY) }));
            mac.handle(now, MacInput::Phy(PhyIndication::Data(tone_map_response(tx, secured))));
            assert_eq!(mac.env.neighbours.find(ShortAddress(1)).map(|n| n.tx), expected);
            assert_eq!((mac.counters().rx_command, mac.counters().drops.security), (1, u32::from(!secured)));
        }
    }

    /// A member of the PAN with address 2, which has been at it for a while.
    fn member() -> Mac {
        let mut mac = Mac::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        mac.handle(Instant::EPOCH, MacInput::Mlme(MlmeRequest::SetPanId(PAN)));
        mac.handle(Instant::EPOCH, MacInput::Mlme(MlmeRequest::SetShortAddress(ShortAddress(2))));
        mac
    }

    /// A frame from node 1 to node 3, as the modem reports it and as somebody does who knows the addresses.
    fn for_others(contention_free: bool) -> (PdDataIndication, PdOverheard) {
        let mut mhr = Mhr::new(FrameType::Data, 7);
        let short = |n| (PAN, MacAddress::Short(ShortAddress(n)));
        (mhr.src, mhr.dst) = (Some(short(1)), Some(short(3)));
        let control = SegmentControl { last: true, length: 5, contention_free, ..Default::default() };
        let segment = Segment { control, mhr, aux: None, payload: b"12345" };
        let frame = PdDataIndication {
            psdu: segment.psdu(133).unwrap(),
            lqi: Lqi(77),
            ..tone_map_response(GEOMETRY.robust(), false)
        };
        let (lqi, ended) = (frame.lqi, frame.ended);
        let overheard = PdOverheard { src: short(1), response_expected: true, contention_free, lqi, ended };
        (frame, overheard)
    }

    #[test]
    fn a_frame_for_others_leaves_the_same_behind_however_it_is_told() {
        for (contention_free, late) in [(false, 0), (true, 0), (false, 3), (true, 3)] {
            let (frame, overheard) = for_others(contention_free);
            let now = frame.ended + Duration::from_millis(late);
            let told = [PhyIndication::Data(frame), PhyIndication::CarrierSense(CarrierSense::Idle)];
            let (mut whole, mut short) = (member(), member());
            told.into_iter().for_each(|indication| whole.handle(now, MacInput::Phy(indication)));
            short.handle(now, MacInput::Overheard(overheard));
            let left =
                |mac: &Mac| std::format!("{:?} {:?} {:?}", mac.env.channel, mac.counters(), mac.env.pos);
            assert_eq!(left(&whole), left(&short));
            assert_eq!(whole.counters().drops.not_for_us, 1);
            assert!(left(&whole).contains("Lqi(77)"), "{}", left(&whole));
            assert_eq!((whole.poll(), short.poll()), (None, None));
        }
    }

    #[test]
    fn a_mac_is_idle_while_it_has_nothing_to_send() {
        let now = Instant::from_secs(9);
        let fresh = Mac::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        assert!(!fresh.is_idle(), "the first use is the beginning of its time");
        let mut mac = member();
        assert!(mac.is_idle());
        mac.handle(now, MacInput::Mlme(MlmeRequest::Scan { duration: Duration::from_secs(1) }));
        assert!(!mac.is_idle(), "a beacon request waits for its slot");
        while let Some(at) = mac.deadline().filter(|_| !mac.env.channel.transmitting()) {
            mac.tick(at);
        }
        assert!(!mac.is_idle(), "and is on the air");
        let (status, ended) = (PdStatus::Success, now + Duration::from_secs(1));
        mac.handle(ended, MacInput::Phy(PhyIndication::Confirm { status, ended }));
        assert!(mac.is_idle());
    }

    #[test]
    fn a_beacon_that_waits_for_the_channel_is_spared_too() {
        let mut mac = member();
        mac.env.identity.rc_coord = 10;
        let now = Instant::from_secs(9);
        mac.answer.on_request(now, Lqi(90), &mut mac.env);
        while mac.is_idle() {
            let at = mac.deadline().expect("a beacon is due");
            mac.tick(at);
        }
        assert!(!mac.env.channel.transmitting(), "it contends");
        let others = PanDescriptor { pan_id: PAN, lba: ShortAddress(5), lqi: Lqi(90), rc_coord: 10 };
        for spared in [0, 0, 1] {
            mac.on_beacon(others);
            assert_eq!(mac.counters().beacons_spared, spared);
        }
        assert!(mac.is_idle() && mac.deadline().is_none());
    }

    #[test]
    fn parameters_that_no_frame_of_the_band_has_are_counted_and_change_nothing() {
        let (now, tx) = (Instant::from_secs(1), TxParameters { tone_map: ToneMap(0), ..GEOMETRY.robust() });
        let mut mac = Mac::new(MacConfig::new(Eui64::from_u64(1), &GEOMETRY, Seed::from_u64(1), 0));
        mac.handle(now, MacInput::Mlme(MlmeRequest::SetPanId(PAN)));
        mac.handle(now, MacInput::Mlme(MlmeRequest::SetShortAddress(ShortAddress(2))));
        mac.handle(now, MacInput::Mlme(MlmeRequest::SetKey { index: 0, key: Some(KEY) }));
        mac.handle(now, MacInput::Phy(PhyIndication::Data(tone_map_response(tx, true))));
        assert_eq!(mac.env.neighbours.find(ShortAddress(1)), None);
        assert_eq!((mac.counters().drops.tone_map_illegal, mac.counters().tone_maps_told), (1, 0));
    }

    #[test]
    fn the_layout_of_a_tone_map_response_follows_from_the_band() {
        let layout =
            |geometry| MacConfig::new(Eui64::from_u64(1), geometry, Seed::from_u64(1), 0).tone_map_layout();
        assert_eq!(layout(&GEOMETRY), ToneMapLayout::Cenelec { seven: false });
        assert_eq!(layout(&FCC), ToneMapLayout::Wide);
    }
}
