//! Requests become frames: addresses, sequence numbers, protection.

use crate::env::Env;
use crate::frame_counter::FrameCounter;
use crate::links::Link;
use crate::mac::MacOutput;
use crate::outgoing::{Origin, Outgoing};
use crate::queue::Answer;
use crate::security::{SecuredMsdu, Source};
use crate::specs::SECURITY_CONTROL;
use crate::wire::{AuxHeader, Beacon, Command, FrameType, Mhr, Segment, SegmentControl, ToneMapResponse};
use plc_core::sap::{Lqi, MacSecurity, MacStatus, McpsDataRequest};
use plc_core::wire::{WireError, Writer};
use plc_core::{Instant, MacAddress, PanId, ShortAddress};

/// Makes frames: owns what numbers them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Composer {
    /// macDSN: the next number.
    pub(crate) dsn: u8,
    /// macBSN: the next number.
    pub(crate) bsn: u8,
    pub(crate) frame_counter: FrameCounter,
}

impl Composer {
    /// `dsn` and `bsn` are random; `frame_counter` comes from durable storage.
    pub(crate) fn new(dsn: u8, bsn: u8, frame_counter: FrameCounter) -> Self {
        Self { dsn, bsn, frame_counter }
    }

    /// An MCPS-DATA.request as a frame, secured if it asks for that.
    pub(crate) fn data(
        &mut self,
        now: Instant,
        request: &McpsDataRequest,
        env: &mut Env,
    ) -> Result<Outgoing, MacStatus> {
        let mut mhr = Mhr::new(FrameType::Data, self.next_dsn());
        mhr.src = Some(source(request, env)?);
        mhr.dst = Some((request.dst_pan, request.dst));
        mhr.ack_request = !request.dst.is_broadcast();
        mhr.security = request.security != MacSecurity::None;
        let msdu = SecuredMsdu::from_slice(&request.msdu).map_err(|_| MacStatus::FrameTooLong)?;
        let mut outgoing = Outgoing::new(Origin::Data(request.handle), mhr, msdu, env.geometry());
        outgoing.priority = request.priority;
        adapt(now, &mut outgoing, request, env);
        if let MacSecurity::EncMic32 { key_index } = request.security {
            self.secure(&mut outgoing, key_index, env)?;
        }
        if outgoing.fits() { Ok(outgoing) } else { Err(MacStatus::FrameTooLong) }
    }

    /// Tells `answer.dst` how to speak to this node. Secured with the key with which it was asked for; always sent in
    /// the most robust way, since it is what repairs a link.
    pub(crate) fn tone_map_response(
        &mut self,
        now: Instant,
        answer: Answer,
        env: &mut Env,
    ) -> Result<Outgoing, MacStatus> {
        let own = env.identity.short().ok_or(MacStatus::NoShortAddress)?;
        let (pan, layout) = (env.identity.pan, env.config.tone_map_layout());
        let link = env.links.find(answer.dst);
        let (tx, gain) = env.config.adaptation.choose(link, &env.airtimes, &env.config.timing);
        let response = ToneMapResponse { tx, gain, lqi: link.map_or(Lqi(0), Link::lqi) };
        let mut mhr = Mhr::new(FrameType::Command, self.next_dsn());
        (mhr.src, mhr.dst) =
            (Some((pan, MacAddress::Short(own))), Some((pan, MacAddress::Short(answer.dst))));
        (mhr.ack_request, mhr.security) = (true, true);
        let origin = Origin::ToneMapResponse { tx, gain, at: now };
        let command = Command::ToneMapResponse(response);
        let mut outgoing = plain(origin, mhr, env, |writer| command.emit(writer, layout))?;
        self.secure(&mut outgoing, answer.key_index, env)?;
        Ok(outgoing)
    }

    /// A beacon request, to everybody.
    pub(crate) fn beacon_request(&mut self, env: &Env) -> Result<Outgoing, MacStatus> {
        let mut mhr = Mhr::new(FrameType::Command, self.next_dsn());
        mhr.dst = Some((PanId::BROADCAST, MacAddress::BROADCAST));
        let layout = env.config.tone_map_layout();
        plain(Origin::BeaconRequest, mhr, env, |writer| Command::BeaconRequest.emit(writer, layout))
    }

    /// A beacon of this node as it is now; there is none without a PAN.
    pub(crate) fn beacon(&mut self, env: &Env) -> Result<Outgoing, MacStatus> {
        if !env.identity.joined() {
            return Err(MacStatus::NoShortAddress);
        }
        let identity = env.identity;
        let mut mhr = Mhr::new(FrameType::Beacon, self.next_bsn());
        mhr.src = Some((identity.pan, MacAddress::Short(identity.short)));
        let (coordinator, rc_coord) = (identity.coordinator, identity.rc_coord);
        let beacon = Beacon { association_permit: true, coordinator, rc_coord };
        plain(Origin::Beacon, mhr, env, |writer| beacon.emit(writer, env.config.interop.rc_coord_order))
    }

    fn secure(&mut self, outgoing: &mut Outgoing, key_index: u8, env: &mut Env) -> Result<(), MacStatus> {
        let short = |(pan, address): (PanId, MacAddress)| Some((pan, address.short()?));
        let (pan, short) = outgoing.mhr.src.and_then(short).ok_or(MacStatus::SecurityError)?;
        if !env.keys.holds(key_index) {
            return Err(MacStatus::UnavailableKey);
        }
        let frame_counter = self.frame_counter.take(|record| env.out.push(MacOutput::Persist(record)))?;
        let aux = AuxHeader { security_control: SECURITY_CONTROL, frame_counter, key_index };
        outgoing.aux = Some(aux);
        let mut header = [0; 64];
        let mut writer = Writer::new(&mut header);
        let segment = Segment {
            control: SegmentControl::default(),
            mhr: outgoing.mhr,
            aux: outgoing.aux,
            payload: &[],
        };
        segment.emit_header(&mut writer).map_err(|_| MacStatus::FrameTooLong)?;
        env.keys.seal(Source { pan, short }, &aux, writer.written(), &mut outgoing.msdu)
    }

    fn next_dsn(&mut self) -> u8 {
        let dsn = self.dsn;
        self.dsn = dsn.wrapping_add(1);
        dsn
    }

    fn next_bsn(&mut self) -> u8 {
        let bsn = self.bsn;
        self.bsn = bsn.wrapping_add(1);
        bsn
    }
}

/// Gives a frame the parameters that its receiver has asked for, and asks for new ones where it is time. Only joined
/// nodes do so, in secured frames: others could not answer in a way that is believed.
fn adapt(now: Instant, outgoing: &mut Outgoing, request: &McpsDataRequest, env: &Env) {
    let (MacAddress::Short(dst), false) = (request.dst, request.extended_source) else { return };
    if request.dst.is_broadcast() || request.security == MacSecurity::None {
        return;
    }
    if let Some(neighbour) = env.neighbours.find(dst) {
        outgoing.speak(neighbour.tx, neighbour.gain, env.geometry());
    }
    outgoing.tone_map_request = env.config.interop.tone_map_requests && env.neighbours.asks(now, dst);
}

/// The source of a request: the own PAN, or that of the destination while there is none.
fn source(request: &McpsDataRequest, env: &Env) -> Result<(PanId, MacAddress), MacStatus> {
    let own = env.identity;
    let pan = if own.pan == PanId::BROADCAST { request.dst_pan } else { own.pan };
    if request.extended_source {
        return Ok((pan, MacAddress::Extended(env.config.eui64)));
    }
    let short: ShortAddress = own.short().ok_or(MacStatus::NoShortAddress)?;
    Ok((pan, MacAddress::Short(short)))
}

/// A frame in clear whose payload `emit` writes.
fn plain(
    origin: Origin,
    mhr: Mhr,
    env: &Env,
    emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>,
) -> Result<Outgoing, MacStatus> {
    let mut payload = [0; 32];
    let mut writer = Writer::new(&mut payload);
    emit(&mut writer).map_err(|_| MacStatus::FrameTooLong)?;
    let msdu = SecuredMsdu::from_slice(writer.written()).map_err(|_| MacStatus::FrameTooLong)?;
    let outgoing = Outgoing::new(origin, mhr, msdu, env.geometry());
    if outgoing.fits() { Ok(outgoing) } else { Err(MacStatus::FrameTooLong) }
}
