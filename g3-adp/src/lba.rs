//! The LoWPAN bootstrapping agent: a device that relays the joining of its neighbours \[G3 LBP 7.3.4\].

use crate::action::Action;
use crate::counters::Drop;
use crate::transmit::{Chance, Frame, Purpose, Way};
use crate::wire::{LbpCode, LbpFrame};
use plc_core::sap::{MacSecurity, Msdu};
use plc_core::{Eui64, MacAddress, PanId};

/// A message in clear of a neighbour that wants in (or out): to the coordinator, protected.
pub(crate) fn upward(frame: &LbpFrame<'_>, src: MacAddress, msdu: &Msdu) -> Result<Action, Drop> {
    check_device(frame, src)?;
    Ok(Action::Report(msdu.clone()))
}

/// Whether a message in clear comes from the device that it speaks of, and is one that devices send.
pub(crate) fn check_device(frame: &LbpFrame<'_>, src: MacAddress) -> Result<(), Drop> {
    if src != MacAddress::Extended(frame.eui64) {
        return Err(Drop::Security);
    }
    match frame.code {
        LbpCode::Joining | LbpCode::Leave => Ok(()),
        _ => Err(Drop::UnexpectedMessage),
    }
}

/// A message of the coordinator for a neighbour: in clear.
pub(crate) fn downward(
    frame: &LbpFrame<'_>,
    message: &[u8],
    pan_id: PanId,
    extended_source: bool,
) -> Result<Frame, Drop> {
    match frame.code {
        LbpCode::Accepted | LbpCode::Challenge | LbpCode::Decline => {
            let msdu = Msdu::from_slice(message).map_err(|_| Drop::Malformed)?;
            Ok(in_clear(frame.eui64, msdu, pan_id, extended_source))
        }
        _ => Err(Drop::UnexpectedMessage),
    }
}

fn in_clear(eui64: Eui64, msdu: Msdu, dst_pan: PanId, extended_source: bool) -> Frame {
    Frame {
        extended_source,
        dst_pan,
        way: Way::To(MacAddress::Extended(eui64)),
        msdu,
        security: MacSecurity::None,
        purpose: Purpose::Relay,
        chance: Chance::First,
    }
}
