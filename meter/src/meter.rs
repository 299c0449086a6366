//! The meter: its application above a node.

use crate::application::{ApplicationInput, ApplicationOutput, MeterApplication, MeterEvent, MeterPersist};
use crate::config::{MeterConfig, MeterConfigError, MeterState};
use crate::firmware::Activation;
use crate::network::{CounterBase, NodeView};
use core::fmt;
use dlms::server::Origin;
use metrology::{Frame, Registers, Steady, TamperInputs};
use plc_core::sap::{AdpmIndication, AdpmRequest, Phy, UdpIndication};
use plc_core::{Instant, Machine, Outbox, UtcAnchor};
use plc_node::{Node, NodeInput, NodeOutput};

/// Outputs that may wait for the driver.
const OUTBOX: usize = 64;

/// What happens to a meter.
pub enum MeterInput<'a, P: Phy> {
    /// The medium has moved on: a block of samples, or a frame.
    Medium(P::Medium<'a>),
    /// A block of samples of the mains has ended now: the last of both was taken one sample period ago.
    Samples {
        /// Voltage, in steps of the converter.
        u: &'a [i32],
        /// Current, in steps of the converter.
        i: &'a [i32],
    },
    /// A block of samples of all channels has ended now: the last was taken one sample period ago.
    Frames(&'a [Frame]),
    /// The mains and the load have been like this since the last input of any of these kinds; see
    /// [`crate::Measurement::on_steady`].
    Steady(&'a Steady),
    /// A metrology of its own has counted up to now; see [`crate::Measurement::on_registers`].
    Registers(Registers),
    /// The switches and sensors against tampering say so now.
    Inputs(TamperInputs),
    /// Somebody has pressed the button of the meter; see [`ApplicationInput::Button`].
    Button,
    /// The supply is lost: the meter lives for its hold-up time, then no more.
    SupplyLost,
    /// The supply is back before the meter has died.
    SupplyBack,
    /// What has become of the image on trial; see [`ApplicationInput::Activation`].
    Activation(Activation),
    /// The clock is set.
    Clock(UtcAnchor),
    /// From now on the crystal of the clock runs fast by so much against the driver's time.
    ClockRate {
        /// In thousand-millionths; negative: slow.
        fast_ppb: i32,
    },
}

impl<P: Phy> fmt::Debug for MeterInput<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Medium(_) => f.write_str("Medium(..)"),
            Self::Samples { u, .. } => write!(f, "Samples({})", u.len()),
            Self::Frames(frames) => write!(f, "Frames({})", frames.len()),
            Self::Steady(steady) => write!(f, "{steady:?}"),
            Self::Registers(registers) => write!(f, "{registers:?}"),
            Self::Inputs(inputs) => write!(f, "{inputs:?}"),
            Self::Button => f.write_str("Button"),
            Self::SupplyLost => f.write_str("SupplyLost"),
            Self::SupplyBack => f.write_str("SupplyBack"),
            Self::Activation(activation) => write!(f, "{activation:?}"),
            Self::ClockRate { fast_ppb } => write!(f, "ClockRate({fast_ppb})"),
            Self::Clock(anchor) => write!(f, "Clock({})", anchor.utc),
        }
    }
}

/// What a meter wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeterOutput {
    /// Make this durable before the next exchange with the medium.
    Persist(MeterPersist),
    /// Something worth logging has happened.
    Event(MeterEvent),
}

/// A meter: its application above a node. It joins the network when built, and again when it has left.
pub struct Meter<P: Phy> {
    application: MeterApplication,
    node: Node<P>,
    counters_base: CounterBase,
    out: Outbox<MeterOutput, OUTBOX>,
}

impl<P: Phy> Meter<P> {
    /// A meter that comes to life at `now` above `node`, a device that has not been asked to join.
    ///
    /// # Errors
    /// See [`MeterConfig::check`].
    pub fn new(config: MeterConfig, node: Node<P>, now: Instant) -> Result<Self, MeterConfigError> {
        let mut meter = Self {
            application: MeterApplication::new(config)?,
            node,
            counters_base: CounterBase::default(),
            out: Outbox::new(),
        };
        meter.join(now);
        meter.pump(now);
        Ok(meter)
    }

    /// The application, for its measurement and counters.
    pub const fn application(&self) -> &MeterApplication {
        &self.application
    }

    /// The node, for its layers.
    pub const fn node(&self) -> &Node<P> {
        &self.node
    }

    /// The PHY of the node, for a medium that withholds what it would tell.
    pub const fn phy_mut(&mut self) -> &mut P {
        self.node.phy_mut()
    }

    /// Tells the node what its PHY has withheld; so does everything that happens to the meter.
    pub fn catch_up(&mut self) {
        self.node.catch_up();
    }

    /// What must survive a restart, besides the records of the node.
    pub fn state(&mut self) -> MeterState {
        self.application.state()
    }

    /// The application has restarted, with other firmware perhaps; the modem, which is another processor, stays in the network.
    pub fn replace_application(&mut self, now: Instant, application: MeterApplication) {
        self.application = application;
        self.pump(now);
    }

    /// Outputs waiting for the driver, and how many there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        (self.out.len(), OUTBOX)
    }

    fn join(&mut self, now: Instant) {
        self.node.handle(now, NodeInput::Adpm(AdpmRequest::NetworkJoin));
    }

    /// Moves primitives between node and application until neither has anything to say.
    fn pump(&mut self, now: Instant) {
        while self.pump_node(now) || self.pump_application(now) {}
    }

    fn pump_node(&mut self, now: Instant) -> bool {
        let Some(output) = self.node.poll() else { return false };
        match output {
            NodeOutput::Udp(datagram) => self.on_udp(now, &datagram),
            NodeOutput::UdpConfirm(c) => self.application.handle(now, ApplicationInput::UdpConfirm(c)),
            NodeOutput::Adpm(indication) => self.on_network(now, indication),
            NodeOutput::Persist(record) => {
                self.application.keep_node(&record);
                self.emit(MeterOutput::Persist(MeterPersist::Node(record)));
            }
        }
        true
    }

    fn tell(&mut self, now: Instant, input: ApplicationInput<'_>) {
        self.application.handle(now, input);
    }

    fn on_udp(&mut self, now: Instant, datagram: &UdpIndication) {
        let mut network = NodeView { node: &self.node, base: &mut self.counters_base, now };
        let origin = Origin::of_peer(datagram.src.0);
        self.application.on_udp(now, datagram, origin, Some(&mut network));
    }

    fn pump_application(&mut self, now: Instant) -> bool {
        let Some(output) = self.application.poll() else { return false };
        match output {
            ApplicationOutput::Udp(request) => self.node.handle(now, NodeInput::Udp(request)),
            ApplicationOutput::Persist(record) => self.emit(MeterOutput::Persist(record)),
            ApplicationOutput::Event(event) => self.emit(MeterOutput::Event(event)),
        }
        true
    }

    fn on_network(&mut self, now: Instant, indication: AdpmIndication) {
        self.emit(MeterOutput::Event(MeterEvent::Network(indication)));
        match indication {
            AdpmIndication::Left => self.join(now),
            AdpmIndication::Joined { .. } => self.application.on_joined(now),
            _ => {}
        }
    }

    fn emit(&mut self, output: MeterOutput) {
        self.out.push(output);
    }
}

impl<P: Phy> fmt::Debug for Meter<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("identity", self.application.identity()).finish_non_exhaustive()
    }
}

impl<P: Phy> Machine for Meter<P> {
    type Input<'a> = MeterInput<'a, P>;
    type Output = MeterOutput;

    fn handle(&mut self, now: Instant, input: MeterInput<'_, P>) {
        match input {
            MeterInput::Medium(medium) => self.node.handle(now, NodeInput::Medium(medium)),
            MeterInput::Samples { u, i } => self.tell(now, ApplicationInput::Samples { u, i }),
            MeterInput::Frames(frames) => self.tell(now, ApplicationInput::Frames(frames)),
            MeterInput::Steady(steady) => self.tell(now, ApplicationInput::Steady(steady)),
            MeterInput::Registers(registers) => self.tell(now, ApplicationInput::Registers(registers)),
            MeterInput::Inputs(inputs) => self.tell(now, ApplicationInput::Inputs(inputs)),
            MeterInput::Button => self.tell(now, ApplicationInput::Button),
            MeterInput::SupplyLost => self.tell(now, ApplicationInput::SupplyLost),
            MeterInput::SupplyBack => self.tell(now, ApplicationInput::SupplyBack),
            MeterInput::Activation(activation) => self.tell(now, ApplicationInput::Activation(activation)),
            MeterInput::ClockRate { fast_ppb } => self.tell(now, ApplicationInput::ClockRate { fast_ppb }),
            MeterInput::Clock(anchor) => self.tell(now, ApplicationInput::Clock(anchor)),
        }
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        self.node.tick(now);
        self.application.tick(now);
        self.pump(now);
    }

    fn deadline(&self) -> Option<Instant> {
        [self.node.deadline(), self.application.deadline()].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<MeterOutput> {
        self.out.pop()
    }
}
