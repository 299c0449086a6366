//! `plcsim meter`.

use crate::MeterArgs;
use crate::street::Failure;
use dlms::hdlc::Address;
use meter::{ClockShift, MeterEvent};
use sim::desk::{self, Desk, DeskConfig, DeskEvent, DeskPorts};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

/// Serves one meter over TCP, for ever.
pub(crate) fn serve(args: &MeterArgs) -> Result<(), Failure> {
    let hdlc_address = match args.physical {
        None => Address::one(MANAGEMENT),
        Some(lower) => Address::two(MANAGEMENT, lower.into()),
    };
    let config = DeskConfig {
        customer: args.customer,
        seed: args.seed,
        history_days: args.days,
        hdlc_address: hdlc_address.ok_or_else(|| Failure::Physical(args.physical.unwrap_or_default()))?,
        counters: None,
    };
    let ports = DeskPorts {
        wrapper: args.wrapper.map(bind).transpose()?,
        hdlc: args.hdlc.map(bind).transpose()?,
        counters: args.counters.clone(),
    };
    let where_to_find = listeners(&ports)?;
    desk::serve(config, ports, |desk, event| {
        // A log that nobody reads is no reason to stop.
        let _ = match event {
            DeskEvent::Open => io::stdout().write_all(description(desk, &where_to_find).as_bytes()),
            DeskEvent::Came(from) => writeln!(io::stderr(), "{from} has come"),
            DeskEvent::Dropped(reason) => writeln!(io::stderr(), "a connection is dropped: {reason}"),
            DeskEvent::Meter(MeterEvent::ClockSet(ClockShift::Millis(0))) => Ok(()),
            DeskEvent::Meter(event) => writeln!(io::stderr(), "{event:?}"),
        };
    })?;
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|source| Failure::Listen { address, source })
}

/// The ports as they were given by the system.
fn listeners(ports: &DeskPorts) -> io::Result<String> {
    let mut text = String::new();
    for (name, listener) in [("wrapper", &ports.wrapper), ("hdlc", &ports.hdlc)] {
        if let Some(listener) = listener {
            let _ = writeln!(text, "{name} = \"{}\"", listener.local_addr()?);
        }
    }
    Ok(text)
}

/// Everything that a client has to know, in TOML.
fn description(desk: &Desk, ports: &str) -> String {
    let identity = desk.identity();
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    format!(
        "{ports}logical_device = \"{}\"\nsystem_title = \"{}\"\nencryption_key = \"{}\"\nauthentication_key = \"{}\"\n",
        String::from_utf8_lossy(&identity.meter.logical_device_name()),
        hex(&identity.meter.system_title()),
        hex(&identity.encryption_key.0),
        hex(&identity.authentication_key.0),
    )
}

/// The management logical device.
const MANAGEMENT: u16 = 1;
