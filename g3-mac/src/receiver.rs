//! The way in: check, filter, acknowledge, reassemble, open, deliver.

use crate::channel::AirKind;
use crate::device_table::DeviceTable;
use crate::duplicates::{Duplicates, MsduId};
use crate::env::{Env, count};
use crate::mac::MacOutput;
use crate::queue::Answer;
use crate::reassembly::{Assembled, Assembly, Reassembly, Refusal};
use crate::security::Source;
use crate::wire::{Beacon, Command, FrameType, Mhr, Segment, ToneMapResponse, check_fcs};
use core::time::Duration;
use plc_core::sap::{
    LinkDirection, LinkQuality, Lqi, MacSecurity, MacStatus, McpsDataIndication, MlmeIndication, Msdu,
    PanDescriptor, PdAckRequest, PdDataIndication, PdOverheard, PhyRequest,
};
use plc_core::wire::Reader;
use plc_core::{Instant, MacAddress, PanId, ShortAddress};

/// Receives segments and delivers MSDUs \[G3 MAC 1.7, 4\].
pub(crate) struct Receiver {
    pub(crate) devices: DeviceTable,
    duplicates: Duplicates,
    reassembly: Reassembly,
    accepted: Option<Accepted>,
    accepted_count: u64,
    resets: u32,
}

/// The newest MSDU that a MAC has accepted, for whoever watches the MAC from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// MSDUs accepted since the MAC was built, this one included.
    pub count: u64,
    /// Resets before it: each forgets what was accepted.
    pub resets: u32,
    /// Who has sent it.
    pub src: Option<(PanId, MacAddress)>,
    /// Data, command or beacon.
    pub frame_type: FrameType,
    /// macDSN of its sender.
    pub dsn: u8,
    /// The slot of its key and its frame counter, if it was secured.
    pub secured: Option<(u8, u32)>,
}

/// What was received and is not data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Received {
    /// A node looks for PANs, and was heard like this.
    BeaconRequest(Lqi),
    /// A beacon.
    Beacon(PanDescriptor),
    /// A neighbour says how it wants to be spoken to.
    ToneMapResponse(ShortAddress, ToneMapResponse),
    /// A neighbour asks how it shall speak to this node.
    ToneMapRequest(Answer),
}

/// Whom a frame is for, as far as this node is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Us,
    Everybody,
}

impl Receiver {
    pub(crate) fn new(env: &Env) -> Self {
        let (config, bounds, timing) = (&env.config, &env.config.bounds, &env.config.timing);
        let mut devices = DeviceTable::new(bounds.devices, config.device_counter_block, config.after_restart);
        config.device_counters.iter().for_each(|counter| devices.restore(counter));
        Self {
            devices,
            duplicates: Duplicates::new(bounds.duplicates, timing.duplicate_ttl),
            reassembly: Reassembly::new(bounds.reassemblies, timing.reassembly),
            accepted: None,
            accepted_count: 0,
            resets: 0,
        }
    }

    /// A frame has arrived.
    pub(crate) fn on_frame(
        &mut self,
        now: Instant,
        frame: &PdDataIndication,
        env: &mut Env,
    ) -> Option<Received> {
        let (body, fcs) = match check_fcs(&frame.psdu) {
            Ok(checked) => checked,
            Err(fcs) => return on_bad_fcs(now, frame, fcs, env),
        };
        let Ok((segment, header)) = Segment::parse_with_header(&mut Reader::new(body)) else {
            count(&mut env.counters.drops.malformed);
            return None;
        };
        env.channel.on_burst(segment.control.contention_free);
        on_heard(now, segment.mhr.src, frame.lqi, env);
        let audience = audience(&segment.mhr, env)?;
        let assembly = self.take(now, &segment, header, env);
        if audience == Audience::Us && frame.response_expected && assembly.is_some() {
            let ack = PdAckRequest {
                fcs,
                more_segments: !segment.control.last,
                negative: false,
                at: frame.ended + env.config.timing.rifs,
            };
            acknowledge(now, ack, env);
        }
        self.deliver(now, assembly??, audience, frame, env)
    }

    /// Forgets addresses and what was under way.
    pub(crate) fn reset(&mut self) {
        self.devices.clear();
        self.duplicates.clear();
        self.reassembly.clear();
        self.resets = self.resets.wrapping_add(1);
    }

    /// The newest MSDU that was accepted.
    pub(crate) const fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// macDuplicateDetectionTTL has changed.
    pub(crate) fn retime(&mut self, duplicate_ttl: Duration) {
        self.duplicates.retime(duplicate_ttl);
    }

    /// Octets on the heap.
    pub(crate) fn footprint(&self) -> usize {
        self.devices.footprint() + self.duplicates.footprint() + self.reassembly.footprint()
    }

    /// Writes the drops that the tables have counted into `env`.
    pub(crate) fn report(&self, env: &mut Env) {
        env.counters.drops.device_evicted = self.devices.evicted();
        env.counters.drops.unfinished = self.reassembly.unfinished();
    }

    /// Each table by its name: entries held, and the most that it may hold.
    pub(crate) fn tables(&self) -> [(&'static str, (usize, usize)); 3] {
        [
            ("devices", self.devices.occupancy()),
            ("duplicates", self.duplicates.occupancy()),
            ("reassemblies", self.reassembly.occupancy()),
        ]
    }

    /// `None`: not taken. `Some(None)`: taken, or known already. `Some(Some(_))`: the MSDU is complete.
    fn take(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        header: &[u8],
        env: &mut Env,
    ) -> Option<Option<Assembly>> {
        let id = msdu_id(&segment.mhr);
        if id.is_some_and(|id| self.duplicates.contains(now, id)) {
            count(&mut env.counters.drops.duplicate);
            return Some(None);
        }
        match self.reassembly.accept(now, segment, header) {
            Assembled::Complete(assembly) => Some(Some(assembly)),
            Assembled::Partial => Some(None),
            Assembled::Refused(refusal) => {
                count(counter_of(refusal, env));
                None
            }
        }
    }

    /// What was opened is not taken again; what could not be opened may be a forgery of what is to come.
    fn remember(&mut self, now: Instant, assembly: &Assembly) {
        msdu_id(&assembly.mhr).into_iter().for_each(|id| self.duplicates.insert(now, id));
    }

    /// Notes what is accepted, whatever comes of it.
    fn note(&mut self, assembly: &Assembly) {
        let Mhr { frame_type, dsn, src, .. } = assembly.mhr;
        self.accepted_count += 1;
        let secured = assembly.aux.map(|aux| (aux.key_index, aux.frame_counter));
        let (count, resets) = (self.accepted_count, self.resets);
        self.accepted = Some(Accepted { count, resets, src, frame_type, dsn, secured });
    }

    fn deliver(
        &mut self,
        now: Instant,
        mut assembly: Assembly,
        audience: Audience,
        frame: &PdDataIndication,
        env: &mut Env,
    ) -> Option<Received> {
        let security = match self.open(&mut assembly, env) {
            Ok(security) => security,
            Err(status) => {
                let src = assembly.mhr.src.map(|(_, src)| src);
                src.into_iter().for_each(|src| env.refuse(src, status));
                return None;
            }
        };
        self.remember(now, &assembly);
        self.note(&assembly);
        measure(now, &assembly, audience, frame, env);
        match assembly.mhr.frame_type {
            FrameType::Data => {
                indicate(&assembly, security, frame, env);
                tone_map_request(&assembly, audience)
            }
            FrameType::Command => on_command(&assembly, frame.lqi, env),
            FrameType::Beacon => on_beacon(&assembly, frame.lqi, env),
            FrameType::Other(_) => {
                count(&mut env.counters.drops.malformed);
                None
            }
        }
    }

    /// Decrypts and checks what is secured, and judges what is not \[G3 MAC 4\].
    fn open(&mut self, assembly: &mut Assembly, env: &mut Env) -> Result<MacSecurity, MacStatus> {
        let Some(aux) = assembly.aux else {
            return if may_be_clear(&assembly.mhr) {
                Ok(MacSecurity::None)
            } else {
                Err(MacStatus::SecurityError)
            };
        };
        let Some((pan, MacAddress::Short(short))) = assembly.mhr.src else {
            return Err(MacStatus::SecurityError);
        };
        env.keys.open(Source { pan, short }, &aux, &assembly.header, &mut assembly.msdu)?;
        let persist = |record| env.out.push(MacOutput::Persist(record));
        if !self.devices.accept(short, aux.key_index, aux.frame_counter, persist) {
            return Err(MacStatus::CounterError);
        }
        Ok(MacSecurity::EncMic32 { key_index: aux.key_index })
    }
}

/// A good frame for another node has arrived.
pub(crate) fn overhear(now: Instant, frame: &PdOverheard, env: &mut Env) {
    env.channel.on_burst(frame.contention_free);
    on_heard(now, Some(frame.src), frame.lqi, env);
    count(&mut env.counters.drops.not_for_us);
}

fn msdu_id(mhr: &Mhr) -> Option<MsduId> {
    let (frame_type, dsn, secured) = (mhr.frame_type, mhr.dsn, mhr.security);
    mhr.src.map(|src| MsduId { src, frame_type, dsn, secured })
}

/// Any frame, whomever it is for, shows who is about: nodes of the own PAN, and other PANs \[G3 MAC 3, 8\].
fn on_heard(now: Instant, src: Option<(PanId, MacAddress)>, lqi: Lqi, env: &mut Env) {
    let Some((pan, src)) = src else { return };
    if !env.identity.joined() || pan == PanId::BROADCAST {
        return;
    }
    if pan != env.identity.pan {
        on_foreign(now, pan, env);
    } else if let MacAddress::Short(short) = src
        && short != env.identity.short
    {
        env.pos.on_heard(now, short, lqi);
    }
}

/// MLME-SYNC-LOSS with ALTERNATE_PANID_DETECTION.
fn on_foreign(now: Instant, pan_id: PanId, env: &mut Env) {
    count(&mut env.counters.foreign_frames);
    if env.conflicts.on_foreign(now, pan_id) {
        env.out.push(MacOutput::Mlme(MlmeIndication::PanConflict { pan_id }));
    } else {
        count(&mut env.counters.drops.pan_conflict);
    }
}

/// Frames for this node that a member of the PAN has secured show how well it is heard.
fn measure(now: Instant, assembly: &Assembly, audience: Audience, frame: &PdDataIndication, env: &mut Env) {
    if let (Audience::Us, Some(_), Some((_, MacAddress::Short(src)))) =
        (audience, assembly.aux, assembly.mhr.src)
    {
        let request = assembly.tone_map_request.then_some(&frame.tx);
        env.links.on_frame(now, src, frame, &env.config.adaptation);
        request.into_iter().for_each(|tx| env.links.on_request(now, src, tx));
    }
}

/// A member of the PAN wants to know how to speak to this node.
fn tone_map_request(assembly: &Assembly, audience: Audience) -> Option<Received> {
    match (audience, assembly.aux, assembly.mhr.src) {
        (Audience::Us, Some(aux), Some((_, MacAddress::Short(dst)))) if assembly.tone_map_request => {
            Some(Received::ToneMapRequest(Answer { dst, key_index: aux.key_index }))
        }
        _ => None,
    }
}

/// Beacons and commands may travel in clear, and data of a device that has no short address yet.
fn may_be_clear(mhr: &Mhr) -> bool {
    let extended = |side: Option<(PanId, MacAddress)>| matches!(side, Some((_, MacAddress::Extended(_))));
    mhr.frame_type != FrameType::Data || extended(mhr.src) || extended(mhr.dst)
}

/// Whether a frame is for this node: the filter of the standard. A node in no PAN yet hears its extended
/// address in every PAN.
fn audience(mhr: &Mhr, env: &mut Env) -> Option<Audience> {
    let own = env.identity;
    let eui64 = MacAddress::Extended(env.config.eui64);
    let is_own = |address: MacAddress| {
        address == eui64 || own.short().is_some_and(|s| address == MacAddress::Short(s))
    };
    if mhr.src.is_some_and(|(pan, src)| is_own(src) && (pan == own.pan || src == eui64)) {
        count(&mut env.counters.drops.own_source);
        return None;
    }
    let in_pan = |pan: PanId| pan == own.pan || pan == PanId::BROADCAST;
    let audience = match mhr.dst {
        None if mhr.frame_type == FrameType::Beacon => Some(Audience::Everybody),
        Some((pan, MacAddress::BROADCAST)) if in_pan(pan) => Some(Audience::Everybody),
        Some((pan, dst)) if is_own(dst) && (in_pan(pan) || own.pan == PanId::BROADCAST) => Some(Audience::Us),
        _ => None,
    };
    if audience.is_none() {
        count(&mut env.counters.drops.not_for_us);
    }
    audience
}

/// The FCS is wrong; with the NACK switch on, a frame that seems to be for this node is refused aloud.
fn on_bad_fcs(now: Instant, frame: &PdDataIndication, fcs: Option<u16>, env: &mut Env) -> Option<Received> {
    count(&mut env.counters.bad_crc);
    if !env.config.interop.nack || !frame.response_expected {
        return None;
    }
    let segment = Segment::parse(&mut Reader::new(&frame.psdu)).ok()?;
    if audience(&segment.mhr, env)? == Audience::Us {
        let at = frame.ended + env.config.timing.rifs;
        let more_segments = !segment.control.last;
        acknowledge(now, PdAckRequest { fcs: fcs?, more_segments, negative: true, at }, env);
    }
    None
}

/// Sends an acknowledgement, unless it would come too late for its sender or something is on the air.
fn acknowledge(now: Instant, ack: PdAckRequest, env: &mut Env) {
    if env.channel.transmitting() || now > ack.at + env.config.timing.cifs {
        return count(&mut env.counters.drops.ack);
    }
    env.transmit(now, PhyRequest::Ack(ack), AirKind::Ack, env.config.timing.ack);
}

fn counter_of(refusal: Refusal, env: &mut Env) -> &mut u32 {
    let drops = &mut env.counters.drops;
    match refusal {
        Refusal::OutOfOrder => &mut drops.out_of_order,
        Refusal::TooLong => &mut drops.too_long,
    }
}

/// What is known of the link over which a frame of `src` came.
fn link_of(frame: &PdDataIndication, src: MacAddress, env: &Env) -> LinkQuality {
    let robust = env.geometry().robust();
    let forward = LinkDirection::new(frame.lqi, &frame.tx, &robust);
    let reverse = src.short().and_then(|short| env.neighbours.reverse(short, &robust));
    LinkQuality { forward, reverse, phase_difference: frame.phase_difference }
}

fn indicate(assembly: &Assembly, security: MacSecurity, frame: &PdDataIndication, env: &mut Env) {
    let (Some((src_pan, src)), Some((_, dst))) = (assembly.mhr.src, assembly.mhr.dst) else {
        return count(&mut env.counters.drops.malformed);
    };
    let Ok(msdu) = Msdu::from_slice(&assembly.msdu) else {
        return count(&mut env.counters.drops.too_long);
    };
    let link = link_of(frame, src, env);
    let counters = &mut env.counters;
    count(if dst.is_broadcast() { &mut counters.rx_data_broadcast } else { &mut counters.rx_data });
    let indication = McpsDataIndication { src_pan, src, dst, msdu, security, link };
    env.out.push(MacOutput::DataIndication(indication));
}

/// A tone map response counts only when it was secured: anybody could make a node unreachable otherwise.
fn on_command(assembly: &Assembly, lqi: Lqi, env: &mut Env) -> Option<Received> {
    let mut reader = Reader::new(&assembly.msdu);
    let command = Command::parse(&mut reader, env.config.tone_map_layout())
        .and_then(|command| reader.finish().map(|()| command));
    let Ok(command) = command else {
        count(&mut env.counters.drops.malformed);
        return None;
    };
    count(&mut env.counters.rx_command);
    match (command, assembly.mhr.src, assembly.aux) {
        (Command::BeaconRequest, ..) => Some(Received::BeaconRequest(lqi)),
        (Command::ToneMapResponse(response), Some((_, MacAddress::Short(src))), Some(_)) => {
            Some(Received::ToneMapResponse(src, response))
        }
        (Command::ToneMapResponse(_), ..) => {
            count(&mut env.counters.drops.security);
            None
        }
    }
}

fn on_beacon(assembly: &Assembly, lqi: Lqi, env: &mut Env) -> Option<Received> {
    let mut reader = Reader::new(&assembly.msdu);
    let beacon = Beacon::parse(&mut reader, env.config.interop.rc_coord_order)
        .and_then(|beacon| reader.finish().map(|()| beacon));
    let (Ok(beacon), Some((pan_id, MacAddress::Short(lba)))) = (beacon, assembly.mhr.src) else {
        count(&mut env.counters.drops.malformed);
        return None;
    };
    count(&mut env.counters.rx_beacons);
    Some(Received::Beacon(PanDescriptor { pan_id, lba, lqi, rc_coord: beacon.rc_coord }))
}
