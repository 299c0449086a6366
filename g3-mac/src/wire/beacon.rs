//! The payloads of beacons and of command frames.

use super::{ToneMapLayout, ToneMapResponse};
use crate::OctetOrder;
use crate::specs::{
    ASSOCIATION_PERMIT, COMMAND_BEACON_REQUEST, COMMAND_TONE_MAP_RESPONSE, FINAL_CAP_SLOT, PAN_COORDINATOR,
    SUPERFRAME_ORDERS,
};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// The payload of a beacon of a PAN without superframes \[G3 MAC 1.6; confidence B, partly C\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// Whether devices may join through the sender.
    pub association_permit: bool,
    /// Whether the sender is the PAN coordinator.
    pub coordinator: bool,
    /// Route cost from the sender to the coordinator.
    pub rc_coord: u16,
}

impl Beacon {
    /// Reads the payload; `order` is that of RC_COORD. Beacons with guaranteed time slots or pending
    /// addresses, which no G3 node sends, are refused.
    pub fn parse(reader: &mut Reader<'_>, order: OctetOrder) -> Result<Self, WireError> {
        let _orders = reader.u8()?;
        let flags = reader.u8()?;
        if reader.u16_le()? != 0 {
            return Err(WireError::Invalid("GTS or pending addresses"));
        }
        let rc_coord = match order {
            OctetOrder::Little => reader.u16_le()?,
            OctetOrder::Big => reader.u16_be()?,
        };
        Ok(Self {
            association_permit: flags & ASSOCIATION_PERMIT != 0,
            coordinator: flags & PAN_COORDINATOR != 0,
            rc_coord,
        })
    }

    /// Writes the payload.
    pub fn emit(&self, writer: &mut Writer<'_>, order: OctetOrder) -> Result<(), WireError> {
        let flag = |set, bit| if set { bit } else { 0 };
        writer.u8(SUPERFRAME_ORDERS)?;
        writer.u8(FINAL_CAP_SLOT
            | flag(self.association_permit, ASSOCIATION_PERMIT)
            | flag(self.coordinator, PAN_COORDINATOR))?;
        writer.u16_le(0)?;
        match order {
            OctetOrder::Little => writer.u16_le(self.rc_coord),
            OctetOrder::Big => writer.u16_be(self.rc_coord),
        }
    }

    /// Octets on the wire.
    pub const fn wire_len(&self) -> usize {
        6
    }
}

impl fmt::Display for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "beacon rc_coord {:04x}", self.rc_coord)?;
        let flags = [(self.coordinator, " coordinator"), (self.association_permit, " joinable")];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))
    }
}

/// The payload of a command frame \[G3 MAC 1.4; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Asks every joined node in reach for a beacon.
    BeaconRequest,
    /// How the sender wants to be spoken to.
    ToneMapResponse(ToneMapResponse),
}

impl Command {
    /// Reads the payload; `layout` is that of the band.
    pub fn parse(reader: &mut Reader<'_>, layout: ToneMapLayout) -> Result<Self, WireError> {
        match reader.u8()? {
            COMMAND_BEACON_REQUEST => Ok(Self::BeaconRequest),
            COMMAND_TONE_MAP_RESPONSE => Ok(Self::ToneMapResponse(ToneMapResponse::parse(reader, layout)?)),
            _ => Err(WireError::Invalid("command identifier")),
        }
    }

    /// Writes the payload.
    pub fn emit(&self, writer: &mut Writer<'_>, layout: ToneMapLayout) -> Result<(), WireError> {
        match self {
            Self::BeaconRequest => writer.u8(COMMAND_BEACON_REQUEST),
            Self::ToneMapResponse(response) => {
                writer.u8(COMMAND_TONE_MAP_RESPONSE)?;
                response.emit(writer, layout)
            }
        }
    }

    /// Octets on the wire.
    pub const fn wire_len(&self, layout: ToneMapLayout) -> usize {
        match self {
            Self::BeaconRequest => 1,
            Self::ToneMapResponse(response) => 1 + response.wire_len(layout),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeaconRequest => f.write_str("beacon request"),
            Self::ToneMapResponse(response) => fmt::Display::fmt(response, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::emitted;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn the_beacon_of_a_coordinator_has_the_layout_of_the_standard() {
        let beacon = Beacon { association_permit: true, coordinator: true, rc_coord: 0x0102 };
        assert_eq!(emitted(|w| beacon.emit(w, OctetOrder::Little)), [0xFF, 0xCF, 0, 0, 0x02, 0x01]);
        assert_eq!(emitted(|w| beacon.emit(w, OctetOrder::Big)), [0xFF, 0xCF, 0, 0, 0x01, 0x02]);
        assert_eq!(beacon.to_string(), "beacon rc_coord 0102 coordinator joinable");
    }

    proptest! {
        #[test]
        fn every_beacon_comes_back(association_permit: bool, coordinator: bool, rc_coord: u16, big: bool) {
            let order = if big { OctetOrder::Big } else { OctetOrder::Little };
            let beacon = Beacon { association_permit, coordinator, rc_coord };
            let bytes = emitted(|w| beacon.emit(w, order));
            prop_assert_eq!(bytes.len(), beacon.wire_len());
            prop_assert_eq!(Beacon::parse(&mut Reader::new(&bytes), order), Ok(beacon));
        }

        #[test]
        fn no_octets_panic(bytes: std::vec::Vec<u8>, wide: bool) {
            let _ = Beacon::parse(&mut Reader::new(&bytes), OctetOrder::Big);
            let layout = if wide { ToneMapLayout::Wide } else { ToneMapLayout::Cenelec { seven: false } };
            if let Ok(command) = Command::parse(&mut Reader::new(&bytes), layout) {
                let again = emitted(|w| command.emit(w, layout));
                prop_assert_eq!(again.len(), command.wire_len(layout));
                prop_assert_eq!(Command::parse(&mut Reader::new(&again), layout), Ok(command));
            }
        }
    }
}
