//! `plcsim meter`.

use crate::MeterArgs;
use crate::pem;
use crate::street::Failure;
use dlms::hdlc::Address;
use meter::{ClockShift, MeterEvent};
use sim::desk::{self, Desk, DeskConfig, DeskEvent, DeskPorts, TestPlan};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Serves one meter over TCP, for ever.
pub(crate) fn serve(args: &MeterArgs) -> Result<(), Failure> {
    let config = DeskConfig {
        customer: args.customer,
        seed: args.seed,
        history_days: args.days,
        hdlc_address: hdlc_address(args)?,
        state: None,
        notified: args.notify,
        plan: plan(args)?,
    };
    if let Some(folder) = &args.pem {
        pem::write(folder, &config.plan)?;
    }
    let ports = DeskPorts {
        wrapper: args.wrapper.map(bind).transpose()?,
        hdlc: args.hdlc.map(bind).transpose()?,
        udp: args.udp.map(bind_udp).transpose()?,
        state: args.state.clone(),
    };
    let where_to_find = listeners(&ports)?;
    desk::serve(config, ports, |desk, line| {
        // A log that nobody reads is no reason to stop.
        let _ = match &line.event {
            DeskEvent::Open => io::stdout().write_all(description(desk, &where_to_find).as_bytes()),
            DeskEvent::Meter(MeterEvent::ClockSet(ClockShift::Millis(0))) => Ok(()),
            _ => writeln!(io::stderr(), "{line}"),
        };
    })?;
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|source| Failure::Listen { address, source })
}

fn bind_udp(address: SocketAddr) -> Result<UdpSocket, Failure> {
    UdpSocket::bind(address).map_err(|source| Failure::Listen { address, source })
}

/// As few octets as the physical device needs, or as many as are wanted.
fn hdlc_address(args: &MeterArgs) -> Result<Address, Failure> {
    let (length, physical) = (args.address_length, args.physical);
    let address = match (length, physical) {
        (None | Some(1), None) => Address::one(MANAGEMENT),
        (None, Some(lower)) => Address::two(MANAGEMENT, lower).or(Address::four(MANAGEMENT, lower)),
        (Some(2), Some(lower)) => Address::two(MANAGEMENT, lower),
        (Some(4), Some(lower)) => Address::four(MANAGEMENT, lower),
        _ => None,
    };
    address.ok_or(Failure::Physical { length, physical })
}

/// The ports as they were given by the system.
fn listeners(ports: &DeskPorts) -> io::Result<String> {
    let mut text = String::new();
    if let Some(socket) = &ports.udp {
        let _ = writeln!(text, "udp = \"{}\"", socket.local_addr()?);
    }
    for (name, listener) in [("wrapper", &ports.wrapper), ("hdlc", &ports.hdlc)] {
        if let Some(listener) = listener {
            let _ = writeln!(text, "{name} = \"{}\"", listener.local_addr()?);
        }
    }
    Ok(text)
}

/// The plan of the file, or the built-in one.
fn plan(args: &MeterArgs) -> Result<TestPlan, Failure> {
    let Some(path) = &args.keys else { return Ok(TestPlan::default()) };
    let failed = |reason: String| Failure::Keys { path: path.clone(), reason };
    let text = std::fs::read_to_string(path)
        .map_err(|error| failed(format!("{error}, expected a file of [[client]] tables in TOML")))?;
    TestPlan::from_toml(&text).map_err(|faults| failed(faults.join("\n  ")))
}

/// Everything that a client has to know, in TOML.
fn description(desk: &Desk, ports: &str) -> String {
    let identity = desk.identity();
    let title: String = identity.meter.system_title().iter().map(|octet| format!("{octet:02x}")).collect();
    format!(
        "{ports}logical_device = \"{}\"\nsystem_title = \"{title}\"\n{}",
        String::from_utf8_lossy(&identity.meter.logical_device_name()),
        desk.plan().to_toml(),
    )
}

/// The management logical device.
const MANAGEMENT: u16 = 1;
