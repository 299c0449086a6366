//! The log of a desk: a line for whatever happens, with the time that the meter shows and who it has to do with.

use super::CarrierKind;
use dlms::server::ServerEvent;
use meter::{ClockShift, MeterEvent};
use plc_core::Utc;
use std::fmt;
use std::net::SocketAddr;

/// Who is at the other end, and how he speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeskPeer {
    /// Where he is.
    pub address: SocketAddr,
    /// How he speaks.
    pub kind: CarrierKind,
}

/// What a desk tells its log.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskEvent {
    /// So many records of its flash had a flipped bit, which was put back.
    Mended(u32),
    /// Clients may come.
    Open,
    /// A client has come.
    Came,
    /// A connection was closed, and why.
    Dropped(String),
    /// A push could not be sent, and why.
    NotReached(String),
    /// Of the meter.
    Meter(MeterEvent),
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct DeskLine {
    /// What the clock of the meter shows.
    pub utc: Option<Utc>,
    /// Whose doing it is, where it is of one connection.
    pub peer: Option<DeskPeer>,
    /// What has happened.
    pub event: DeskEvent,
}

impl fmt::Display for DeskPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CarrierKind::Wrapper => "wrapper",
            CarrierKind::Datagrams => "udp",
            CarrierKind::Hdlc => "hdlc",
        };
        write!(f, "{} {kind}", self.address)
    }
}

impl fmt::Display for DeskLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.utc {
            Some(utc) => write!(f, "{utc} ")?,
            None => f.write_str("no time ")?,
        }
        match self.peer {
            Some(peer) => write!(f, "{peer}: ")?,
            None => f.write_str("meter: ")?,
        }
        self.event.fmt(f)
    }
}

impl fmt::Display for DeskEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mended(count) => {
                write!(f, "{count} records of its flash had a flipped bit, which was put back")
            }
            Self::Open => f.write_str("is open for clients"),
            Self::Came => f.write_str("has come"),
            Self::Dropped(reason) => write!(f, "is closed: {reason}"),
            Self::NotReached(reason) => write!(f, "push to {reason}"),
            Self::Meter(event) => write_meter(f, event),
        }
    }
}

fn write_meter(f: &mut fmt::Formatter<'_>, event: &MeterEvent) -> fmt::Result {
    match event {
        MeterEvent::ClockSet(ClockShift::First) => f.write_str("the clock is set"),
        MeterEvent::ClockSet(ClockShift::Millis(ms)) => {
            write!(
                f,
                "the clock is set, by {}.{:03} s {}",
                ms.unsigned_abs() / 1000,
                ms.unsigned_abs() % 1000,
                if *ms < 0 { "back" } else { "forth" }
            )
        }
        MeterEvent::Switched { connected: true } => f.write_str("the circuit is closed"),
        MeterEvent::Switched { connected: false } => f.write_str("the circuit is opened"),
        MeterEvent::ImageActivated => f.write_str("an image is activated"),
        MeterEvent::SupplyLost { .. } => f.write_str("the supply is lost"),
        MeterEvent::SupplyBack => f.write_str("the supply is back"),
        MeterEvent::Died => f.write_str("the meter has died"),
        MeterEvent::Server(event) => write_server(f, event),
        MeterEvent::Network(_) => f.write_str("the network has changed"),
    }
}

fn write_server(f: &mut fmt::Formatter<'_>, event: &ServerEvent) -> fmt::Result {
    match event {
        ServerEvent::PushConfirmed { client_sap, number } => {
            write!(f, "client {client_sap} has confirmed push {number}")
        }
        ServerEvent::PushFailed { client_sap, number } => {
            write!(f, "client {client_sap} has not confirmed push {number}")
        }
        ServerEvent::Associated { client_sap } => write!(f, "client {client_sap} has opened its association"),
        ServerEvent::AuthenticationFailure { client_sap } => {
            write!(f, "who says to be client {client_sap} has not proved it")
        }
        ServerEvent::Replay { client_sap } => {
            write!(f, "who says to be client {client_sap} has used a counter again")
        }
        ServerEvent::Locked { client_sap } => {
            write!(f, "has failed too often as client {client_sap}, and is heard now and then")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_and_what_in_words() {
        let peer = DeskPeer { address: ([192, 0, 2, 7], 4059).into(), kind: CarrierKind::Hdlc };
        let line =
            |peer, event| DeskLine { utc: Some(Utc::from_secs(1_795_305_600)), peer, event }.to_string();
        let of_server = |event| DeskEvent::Meter(MeterEvent::Server(event));
        assert_eq!(
            line(Some(peer), of_server(ServerEvent::Associated { client_sap: 1 })),
            "2026-11-22T00:00:00Z 192.0.2.7:4059 hdlc: client 1 has opened its association"
        );
        assert_eq!(
            line(Some(peer), DeskEvent::Dropped(String::from("silent for too long"))),
            "2026-11-22T00:00:00Z 192.0.2.7:4059 hdlc: is closed: silent for too long"
        );
        let back = MeterEvent::ClockSet(ClockShift::Millis(-61_005));
        assert_eq!(
            line(None, DeskEvent::Meter(back)),
            "2026-11-22T00:00:00Z meter: the clock is set, by 61.005 s back"
        );
    }
}
