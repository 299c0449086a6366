//! What the application is told, what it tells.

use super::MeterPersist;
use crate::clock::ClockShift;
use crate::firmware::Activation;
use dlms::server::{Origin, ServerEvent};
use metrology::{Frame, Registers, Steady, TamperInputs};
use plc_core::sap::{AdpmIndication, UdpConfirm, UdpIndication, UdpRequest};
use plc_core::{Instant, ShortAddress, UtcAnchor};

/// What happens to the application.
#[derive(Clone, Debug)]
pub enum ApplicationInput<'a> {
    /// A block of samples has ended now: the last of both was taken one sample period ago.
    Samples {
        /// Voltage, in steps of the converter.
        u: &'a [i32],
        /// Current, in steps of the converter.
        i: &'a [i32],
    },
    /// A block of samples of all channels has ended now: the last was taken one sample period ago.
    Frames(&'a [Frame]),
    /// The mains and the load have been like this since the last input of any of these kinds; see [`crate::Measurement::on_steady`].
    Steady(&'a Steady),
    /// A metrology of its own has counted up to now; see [`crate::Measurement::on_registers`].
    Registers(Registers),
    /// The switches and sensors against tampering say so now.
    Inputs(TamperInputs),
    /// Somebody has pressed the button of the meter: it opens the circuit, or closes one that is ready for it, where the mode of the
    /// disconnector lets it.
    Button,
    /// The supply is lost: the meter lives for its hold-up time, then no more.
    SupplyLost,
    /// The supply is back before the meter has died.
    SupplyBack,
    /// What has become of the image on trial: of its self-check ([`crate::Firmware::on_self_check`]), or that no trial could begin.
    Activation(Activation),
    /// The clock is set.
    Clock(UtcAnchor),
    /// From now on the crystal of the clock runs fast by so much against the driver's time.
    ClockRate {
        /// In thousand-millionths; negative: slow.
        fast_ppb: i32,
    },
    /// A datagram has arrived.
    Udp(UdpIndication),
    /// The same, where several senders may be in one place: those of a host that has several connections.
    UdpFrom(Origin, UdpIndication),
    /// A datagram has left, or has not.
    UdpConfirm(UdpConfirm),
    /// The connection that datagrams of this peer came over is gone, and with it every session that was
    /// opened over it. Of use where datagrams are carried by connections.
    PeerLost(ShortAddress),
    /// What became of a push that was to leave for the destination of this number, see [`super::MeterApplication::destination`].
    PushLeft {
        /// The number.
        peer: ShortAddress,
        /// Whether it has left the meter; nobody was reached otherwise.
        reached: bool,
    },
}

/// What a meter tells, for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterEvent {
    /// The clock was set.
    ClockSet(ClockShift),
    /// The circuit was opened or closed: the driver moves the breaker.
    Switched {
        /// Whether it is closed.
        connected: bool,
    },
    /// A verified image is to run: of a meter with two banks, on trial after a restart ([`crate::Firmware::begin_trial`]).
    ImageActivated,
    /// The supply is lost.
    SupplyLost {
        /// Until when the meter lives.
        dies_at: Instant,
    },
    /// The supply is back before the meter has died.
    SupplyBack,
    /// What was stored is used up: the meter does nothing any more.
    Died,
    /// Of the DLMS server.
    Server(ServerEvent),
    /// Of the network.
    Network(AdpmIndication),
}

/// What the application wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum ApplicationOutput {
    /// Send a datagram.
    Udp(UdpRequest),
    /// Make this durable before the datagrams that follow.
    Persist(MeterPersist),
    /// Something worth logging has happened.
    Event(MeterEvent),
}

/// What the application could not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationCounters {
    /// Datagrams to a port that nobody listens to.
    pub wrong_port: u64,
    /// Datagrams to a meter that only pushes.
    pub not_heard: u64,
    /// Answers longer than a datagram.
    pub too_long: u64,
    /// Answers that the network could not deliver.
    pub undelivered: u64,
    /// Rows that the profile keeps but that no record was made of, because one block of samples has
    /// completed too many.
    pub rows_without_record: u64,
    /// Attempts to get in that were left out of the log, since too many others stand in it.
    pub attempts_not_logged: u64,
    /// Outputs that nobody took in time.
    pub outputs_dropped: u64,
}
