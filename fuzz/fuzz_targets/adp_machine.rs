//! An adaptation layer of either role that is told whatever the octets say, in any order and at any pace.
//!
//! It must never panic, never hold more than its limits, and be quiet once it was drained.
#![no_main]

use core::time::Duration;
use g3_adp::{Adp, AdpConfig, AdpInput, AdpOutput};
use libfuzzer_sys::fuzz_target;
use plc_core::sap::*;
use plc_core::wire::Reader;
use plc_core::{Eui64, Instant, MacAddress, Machine, PanId, Seed, ShortAddress};

const PAN: PanId = PanId(0x781D);
const DEVICE: Eui64 = Eui64::from_u64(7);
const PSK: Key = Key([7; 16]);

/// The layer, its time and the handle of the frame that it has sent last.
struct World {
    adp: Adp,
    now: Instant,
    handle: Handle,
}

impl World {
    fn give(&mut self, input: AdpInput) {
        self.adp.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.adp.poll() {
            if let AdpOutput::Mcps(request) = output {
                self.handle = request.handle;
            }
        }
        let (held, limit) = self.adp.occupancy();
        assert!(held <= limit, "{held} of {limit}");
        assert!(self.adp.deadline().is_none_or(|at| at > self.now), "quiet once drained");
    }

    /// Time goes on, over every deadline in between; a layer that never rests is stopped.
    fn pass(&mut self, pause: Duration) {
        let then = self.now + pause;
        for _ in 0..1000 {
            let Some(at) = self.adp.deadline().filter(|&at| at <= then) else { break };
            self.now = at;
            self.adp.tick(at);
            self.drain();
        }
        self.now = self.now.max(then);
    }

    /// One step, or the end of the octets.
    fn step(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let kind = reader.u8().ok()?;
        match kind {
            0..=99 => self.frame(kind, reader)?,
            100..=149 => {
                let statuses = [MacStatus::Success, MacStatus::NoAck, MacStatus::ChannelAccessFailure];
                let status = statuses[usize::from(kind) % 3];
                let confirm = McpsDataConfirm { handle: self.handle, status, retries: 0 };
                self.give(AdpInput::McpsConfirm(confirm));
            }
            150..=199 => self.pass(Duration::from_millis(1 << (kind % 26))),
            200..=219 => self.packet(kind, reader)?,
            220..=229 => self.scan(kind, reader)?,
            _ => self.manage(kind, reader)?,
        }
        Some(())
    }

    fn frame(&mut self, kind: u8, reader: &mut Reader<'_>) -> Option<()> {
        let len = usize::from(reader.u8().ok()?);
        let msdu = Msdu::from_slice(reader.bytes(len.min(reader.remaining())).ok()?).ok()?;
        let own = self.adp.short_address().unwrap_or(ShortAddress(1));
        let src = match kind % 4 {
            0 => MacAddress::Extended(DEVICE),
            n => MacAddress::Short(ShortAddress(u16::from(n) + own.0)),
        };
        let dst = if kind & 16 == 0 { MacAddress::Short(own) } else { MacAddress::BROADCAST };
        let key_index = kind & 1;
        let security = if kind & 32 == 0 { MacSecurity::EncMic32 { key_index } } else { MacSecurity::None };
        let link = LinkQuality::robust(Lqi(kind));
        self.give(AdpInput::McpsIndication(McpsDataIndication {
            src_pan: PAN,
            src,
            dst,
            msdu,
            security,
            link,
        }));
        Some(())
    }

    fn packet(&mut self, handle: u8, reader: &mut Reader<'_>) -> Option<()> {
        let to = ShortAddress(reader.u16_be().ok()?);
        let len = usize::from(reader.u16_be().ok()? % 1240);
        let mut packet = vec![0; 40 + len];
        packet[0] = 0x60;
        packet[4..6].copy_from_slice(&(len as u16).to_be_bytes());
        (packet[6], packet[7]) = (59, 64);
        let own = self.adp.short_address().unwrap_or(ShortAddress(1));
        packet[8..24].copy_from_slice(&g3_adp::addressing::link_local(PAN, own));
        packet[24..40].copy_from_slice(&g3_adp::addressing::link_local(PAN, to));
        let packet = Ipv6Packet::from_slice(&packet).ok()?;
        let priority = if handle & 1 == 0 { Priority::Normal } else { Priority::High };
        self.give(AdpInput::Data(AdpdDataRequest { handle: u16::from(handle), packet, priority }));
        Some(())
    }

    fn scan(&mut self, kind: u8, reader: &mut Reader<'_>) -> Option<()> {
        let input = match kind % 4 {
            0 => AdpInput::MlmeConfirm(MlmeConfirm::Scan(MacStatus::Success)),
            1 => AdpInput::MlmeConfirm(MlmeConfirm::Start(MacStatus::Success)),
            2 => AdpInput::Mlme(MlmeIndication::PanConflict { pan_id: PanId(reader.u16_be().ok()?) }),
            _ => {
                let (lba, rc_coord) = (ShortAddress(reader.u16_be().ok()?), reader.u16_be().ok()?);
                let lqi = Lqi(reader.u8().ok()?);
                AdpInput::Mlme(MlmeIndication::BeaconNotify(PanDescriptor {
                    pan_id: PAN,
                    lba,
                    lqi,
                    rc_coord,
                }))
            }
        };
        self.give(input);
        Some(())
    }

    fn manage(&mut self, kind: u8, reader: &mut Reader<'_>) -> Option<()> {
        let eui64 = DEVICE;
        let request = match kind % 12 {
            0 => AdpmRequest::NetworkStart { pan_id: PAN },
            1 => AdpmRequest::NetworkForm { pan_id: PAN },
            2 => AdpmRequest::NetworkJoin,
            3 => AdpmRequest::NetworkLeave,
            4 => AdpmRequest::Allow { eui64, psk: PSK, short: Some(ShortAddress(reader.u16_be().ok()?)) },
            5 => AdpmRequest::Kick { eui64 },
            6 => AdpmRequest::Rekey { gmk: Key([kind; 16]) },
            7 => AdpmRequest::RetireKey,
            8 => {
                let destination = ShortAddress(reader.u16_be().ok()?);
                AdpmRequest::RouteDiscovery { destination, max_hops: kind }
            }
            9 => {
                let destination = ShortAddress(reader.u16_be().ok()?);
                AdpmRequest::PathDiscovery { destination, metric: kind }
            }
            10 => {
                let (attribute, index) = (IbAttribute(reader.u8().ok()?), reader.u16_be().ok()?);
                AdpmRequest::Get { attribute, index }
            }
            _ => {
                let attribute = IbAttribute(reader.u8().ok()?);
                let value = match reader.u8().ok()? {
                    0 => IbValue::Boolean(kind & 16 == 0),
                    1 => IbValue::Unsigned8(reader.u8().ok()?),
                    2 => IbValue::Unsigned16(reader.u16_be().ok()?),
                    n => IbValue::Octets(IbOctets::new(reader.bytes(usize::from(n % 25)).ok()?)?),
                };
                AdpmRequest::Set { attribute, index: 0, value }
            }
        };
        self.give(AdpInput::Adpm(request));
        Some(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new(bytes);
    let Ok(role) = reader.u8() else { return };
    let seed = Seed::from_u64(u64::from(role));
    let mut config = match role & 1 {
        0 => AdpConfig::coordinator(Eui64::from_u64(1), seed, Key([1; 16]), 0),
        _ => AdpConfig::device(DEVICE, seed, PSK),
    };
    config.limits.routes = config.limits.routes.min(20);
    config.limits.devices = config.limits.devices.min(4);
    config.interop.acknowledged_links_suffice = role & 2 != 0;
    config.ib.adp_cluster_trickle_enabled = role & 4 != 0;
    config.ib.adp_rlc_enabled = role & 8 != 0;
    config.interop.accept_relayed_leave = role & 16 != 0;
    let mut world = World { adp: Adp::new(config), now: Instant::from_secs(1), handle: 0 };
    while world.step(&mut reader).is_some() {}
});
