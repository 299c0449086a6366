//! The ports through which a meter is reached, as objects.

use super::{Objects, names};
use dlms::apdu::DataAccessResult;
use dlms::axdr::Encoder;
use dlms::hdlc::{Address, Parameters};
use plc_core::sap::{DLMS_PORT, UDP_PAYLOAD_MAX};
use plc_core::time::Duration;

/// The HDLC port of a meter that has one, as its HDLC setup shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HdlcPort {
    /// The address of the meter on the line.
    pub address: Address,
    /// What the meter says in UA.
    pub parameters: Parameters,
    /// A frame with a longer pause between two octets is none.
    pub inter_octet_timeout: Duration,
    /// A link without a frame for so long is closed; zero for never.
    pub inactivity_timeout: Duration,
}

impl Objects<'_> {
    /// Class 23 \[BB 4.7.2\].
    pub(super) fn hdlc_setup(&self, attribute: i8, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        let port = self.hdlc.ok_or(DataAccessResult::ObjectUndefined)?;
        match attribute {
            2 => out.enumeration(COMM_SPEED_9600),
            3 => out.u8(port.parameters.window_transmit),
            4 => out.u8(port.parameters.window_receive),
            5 => out.u16(port.parameters.max_info_transmit),
            6 => out.u16(port.parameters.max_info_receive),
            7 => out.u16(short(port.inter_octet_timeout.as_millis())),
            8 => out.u16(short(port.inactivity_timeout.as_secs().into())),
            9 => out.u16(if port.address.wire_len() > 1 { port.address.lower() } else { NO_STATION }),
            _ => return Err(DataAccessResult::ObjectUndefined),
        }
        Ok(())
    }

    /// Class 41 of the port on which the meter hears DLMS over UDP \[BB 4.9.1\].
    pub(super) fn udp_setup(&self, attribute: i8, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        if self.network.is_none() {
            return Err(DataAccessResult::ObjectUndefined);
        }
        match attribute {
            2 => out.u16(DLMS_PORT),
            3 => out.logical_name(names::IPV6_SETUP),
            4 => out.u16(short(UDP_PAYLOAD_MAX as u128)),
            5 => out.u8(u8::try_from(self.sessions_max).unwrap_or(u8::MAX)),
            // Datagrams have no connection that could be idle.
            6 => out.u16(0),
            _ => return Err(DataAccessResult::ObjectUndefined),
        }
        Ok(())
    }
}

fn short(value: u128) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// comm_speed of a line whose speed nobody has set: the default of the book \[BB 4.7.2; confidence A\].
const COMM_SPEED_9600: u8 = 5;
/// device_address of a station that is addressed by one octet \[BB 4.7.2; confidence B\].
const NO_STATION: u16 = 0;
