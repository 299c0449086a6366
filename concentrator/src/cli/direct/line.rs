//! The way to a meter: a connection, or a serial line.

use super::fault::{Blame, Fault};
use anyhow::Context;
use dlms::mode_e::{LineFormat, LineSettings};
use plc_core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{ControlModes, OptionalActions, Termios, tcdrain, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A way to a meter.
pub(super) enum Line {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Serial(File),
}

/// What a line has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Octets(usize),
    Nothing,
}

impl Line {
    pub(super) fn tcp(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
        let socket = socket.map_err(|error| {
            Fault::error(Blame::Unreachable, format!("{address}: {error}, expected a meter"))
        })?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(CONNECT_TIMEOUT))?;
        Ok(Self::Tcp(socket))
    }

    /// A socket for datagrams to the meter and from nobody else.
    pub(super) fn udp(address: SocketAddr) -> anyhow::Result<Self> {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket));
        socket.map(Self::Udp).map_err(|error| {
            Fault::error(Blame::Unreachable, format!("{address}: {error}, expected a meter"))
        })
    }

    /// Eight bits without parity.
    pub(super) fn serial(device: &Path, bits_per_second: u32) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
            .open(device)
            .map_err(|error| Fault::error(Blame::Unreachable, format!("{}: {error}", device.display())))?;
        configure(&file, bits_per_second, LineFormat::EightNone)
            .with_context(|| format!("{}: expected a serial line", device.display()))?;
        Ok(Self::Serial(file))
    }

    /// Sets a serial line, once everything before is on it. A connection has no settings: whoever is at its other end knows them.
    pub(super) fn set(&mut self, settings: LineSettings) -> anyhow::Result<()> {
        let Self::Serial(file) = self else { return Ok(()) };
        tcdrain(&*file)?;
        Ok(configure(file, settings.rate.bits_per_second(), settings.format)?)
    }

    pub(super) fn send(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        let sent = match self {
            Self::Tcp(socket) => socket.write_all(octets),
            Self::Udp(socket) => socket.send(octets).map(|_| ()),
            Self::Serial(file) => file.write_all(octets),
        };
        sent.map_err(|error| self.lost(&error))
    }

    /// The line, by the address of the meter where it has one, and what was expected there.
    fn lost(&self, error: &std::io::Error) -> anyhow::Error {
        let address = match self {
            Self::Tcp(socket) => socket.peer_addr().ok(),
            Self::Udp(socket) => socket.peer_addr().ok(),
            Self::Serial(_) => None,
        };
        let line = address.map_or_else(|| String::from("the line"), |address| address.to_string());
        Fault::error(Blame::Unreachable, format!("{line}: {error}, expected a meter"))
    }

    /// Waits for octets.
    pub(super) fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> anyhow::Result<Heard> {
        let wait = wait.max(Duration::from_millis(1));
        let read = match self {
            Self::Tcp(socket) => {
                socket.set_read_timeout(Some(wait))?;
                socket.read(buffer)
            }
            Self::Udp(socket) => {
                socket.set_read_timeout(Some(wait))?;
                match socket.recv(buffer) {
                    // An empty datagram is no end.
                    Ok(0) => return Ok(Heard::Nothing),
                    heard => heard,
                }
            }
            Self::Serial(file) => {
                let timeout = Timespec {
                    tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                    tv_nsec: wait.subsec_nanos().into(),
                };
                if poll(&mut [PollFd::new(&*file, PollFlags::IN)], Some(&timeout))? == 0 {
                    return Ok(Heard::Nothing);
                }
                file.read(buffer)
            }
        };
        match read {
            Ok(0) => Err(Fault::error(Blame::Unreachable, "the meter has closed the connection")),
            Ok(len) => Ok(Heard::Octets(len)),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                Ok(Heard::Nothing)
            }
            Err(error) => Err(self.lost(&error)),
        }
    }
}

fn configure(file: &File, bits_per_second: u32, format: LineFormat) -> rustix::io::Result<()> {
    let mut settings: Termios = tcgetattr(file)?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    settings.control_modes -=
        ControlModes::CSIZE | ControlModes::PARENB | ControlModes::PARODD | ControlModes::CSTOPB;
    settings.control_modes |= match format {
        LineFormat::EightNone => ControlModes::CS8,
        LineFormat::SevenEven => ControlModes::CS7 | ControlModes::PARENB,
    };
    settings.set_speed(bits_per_second)?;
    tcsetattr(file, OptionalActions::Now, &settings)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
