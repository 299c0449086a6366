//! What meters say unasked: pushes to a client that is there without an association.

use crate::meter::Meter;
use crate::one_way::is_of_values;
use crate::specs::alarm_2;
use crate::{CollectorConfig, CollectorEvent, Supply};
use alloc::vec::Vec;
use dlms::apdu::{Ciphered, Envelope, Pdu};
use dlms::axdr::Data;
use dlms::client::{Client, ClientInput, ClientOutput};
use dlms::security::SystemTitle;
use dlms::wrapper::Wpdu;
use plc_core::{Eui64, Instant, Machine};

/// What a push has brought.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The highest counter that was accepted from the meter, if the push was authentic.
    pub counter: Option<u32>,
    /// What it tells.
    pub event: Option<CollectorEvent>,
    /// Of a meter that only pushes: the body of a push of values.
    pub values: Option<Vec<u8>>,
}

/// Whether a datagram is for the client that listens.
pub(crate) fn is_push(config: &CollectorConfig, datagram: &[u8]) -> bool {
    Wpdu::from_bytes(datagram).is_ok_and(|wpdu| wpdu.destination == config.association.push_sap)
}

/// Opens a push of `meter`: it must be ciphered with its keys, under a counter that was never seen.
pub(crate) fn hear(now: Instant, config: &CollectorConfig, meter: &Meter, datagram: &[u8]) -> Heard {
    let Some(title) = title(datagram) else { return Heard::default() };
    let mut client = Client::new(meter.listener(config, title));
    client.handle(now, ClientInput::Connect);
    client.handle(now, ClientInput::Datagram(datagram));
    // It says nothing to the meter, and tells the counter that was accepted.
    client.handle(now, ClientInput::Release);
    let mut heard = Heard::default();
    while let Some(output) = client.poll() {
        match output {
            ClientOutput::ServerCounter(last) => heard.counter = Some(last),
            ClientOutput::DataNotification { body, .. }
                if meter.arrivals.is_some() && is_of_values(&body) =>
            {
                heard.values = Some(body);
            }
            ClientOutput::DataNotification { body, .. } => {
                heard.event = Some(event(meter.entry.eui64, &body));
            }
            _ => {}
        }
    }
    heard
}

/// The title that the envelope names; whose it is, the keys prove.
fn title(datagram: &[u8]) -> Option<SystemTitle> {
    let apdu = Wpdu::from_bytes(datagram).ok()?.apdu;
    match Ciphered::from_bytes(apdu).ok()?.envelope {
        Envelope::General(title) => title,
        _ => None,
    }
}

fn event(meter: Eui64, body: &[u8]) -> CollectorEvent {
    match alarms(body) {
        Some((_, register)) if register & alarm_2::POWER_FAILURE != 0 => {
            CollectorEvent::Supplied { meter, supply: Supply::Lost }
        }
        Some((_, register)) if register & alarm_2::POWER_RESUMED != 0 => {
            CollectorEvent::Supplied { meter, supply: Supply::Back }
        }
        Some((descriptors, _)) => CollectorEvent::Alarmed { meter, descriptors },
        None => CollectorEvent::PushUnknown { meter },
    }
}

/// Both descriptors of an alarm push, and the second register: name, time, descriptor 1, descriptor 2, register 2.
fn alarms(body: &[u8]) -> Option<([u32; 2], u32)> {
    let data = Data::from_bytes(body).ok()?.as_structure()?;
    let [_, _, first, second, register] = data.exactly()?;
    let number = |data: &Data<'_>| u32::try_from(data.as_u64()?).ok();
    Some(([number(&first)?, number(&second)?], number(&register)?))
}
