//! Requests become frames: addresses, sequence numbers, protection.

use crate::env::Env;
use crate::frame_counter::FrameCounter;
use crate::mac::MacOutput;
use crate::outgoing::{Origin, Outgoing};
use crate::security::{SecuredMsdu, Source};
use crate::specs::SECURITY_CONTROL;
use crate::wire::{AuxHeader, Beacon, Command, FrameType, Mhr, Segment, SegmentControl};
use plc_core::sap::{MacSecurity, MacStatus, McpsDataRequest, TxParameters};
use plc_core::wire::{WireError, Writer};
use plc_core::{MacAddress, PanId, ShortAddress};

/// Makes frames: owns what numbers them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Composer {
    dsn: u8,
    frame_counter: FrameCounter,
}

impl Composer {
    /// `dsn` is random; `frame_counter` comes from durable storage.
    pub(crate) fn new(dsn: u8, frame_counter: FrameCounter) -> Self {
        Self { dsn, frame_counter }
    }

    /// An MCPS-DATA.request as a frame, secured if it asks for that.
    pub(crate) fn data(
        &mut self,
        request: &McpsDataRequest,
        tx: TxParameters,
        env: &mut Env,
    ) -> Result<Outgoing, MacStatus> {
        let mut mhr = Mhr::new(FrameType::Data, self.next_dsn());
        mhr.src = Some(source(request, env)?);
        mhr.dst = Some((request.dst_pan, request.dst));
        mhr.ack_request = !request.dst.is_broadcast();
        mhr.security = request.security != MacSecurity::None;
        let msdu = SecuredMsdu::from_slice(&request.msdu).map_err(|_| MacStatus::FrameTooLong)?;
        let mut outgoing = Outgoing::new(Origin::Data(request.handle), mhr, msdu, tx);
        outgoing.priority = request.priority;
        if let MacSecurity::EncMic32 { key_index } = request.security {
            self.secure(&mut outgoing, key_index, env)?;
        }
        if outgoing.fits(env.geometry()) { Ok(outgoing) } else { Err(MacStatus::FrameTooLong) }
    }

    /// A beacon request, to everybody.
    pub(crate) fn beacon_request(&mut self, env: &Env) -> Result<Outgoing, MacStatus> {
        let mut mhr = Mhr::new(FrameType::Command, self.next_dsn());
        mhr.dst = Some((PanId::BROADCAST, MacAddress::BROADCAST));
        plain(Origin::BeaconRequest, mhr, env, |writer| Command::BeaconRequest.emit(writer))
    }

    /// A beacon of this node as it is now; there is none without a PAN.
    pub(crate) fn beacon(&mut self, env: &Env) -> Result<Outgoing, MacStatus> {
        if !env.identity.joined() {
            return Err(MacStatus::NoShortAddress);
        }
        let identity = env.identity;
        let mut mhr = Mhr::new(FrameType::Beacon, self.next_dsn());
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
        self.dsn = self.dsn.wrapping_add(1);
        self.dsn
    }
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
    let outgoing = Outgoing::new(origin, mhr, msdu, env.geometry().robust());
    if outgoing.fits(env.geometry()) { Ok(outgoing) } else { Err(MacStatus::FrameTooLong) }
}
