//! The node: a parent that owns its layers and moves primitives between them.

use crate::Endpoint;
use crate::outputs::Outputs;
use alloc::boxed::Box;
use core::fmt;
use g3_adp::{Adp, AdpInput, AdpOutput};
use g3_mac::{Mac, MacInput, MacOutput};
use plc_core::sap::{
    AdpStatus, AdpmIndication, AdpmRequest, Persist, Phy, UdpConfirm, UdpIndication, UdpRequest, Withheld,
};
use plc_core::{Instant, Machine, PanId, ShortAddress};

/// What happens to a node.
pub enum NodeInput<'a, P: Phy> {
    /// The medium has moved on: a block of samples, or a frame.
    Medium(P::Medium<'a>),
    /// The application sends a datagram.
    Udp(UdpRequest),
    /// Management: start, join, leave, allow.
    Adpm(AdpmRequest),
}

impl<P: Phy> fmt::Debug for NodeInput<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Medium(_) => f.write_str("Medium(..)"),
            Self::Udp(request) => write!(f, "{request:?}"),
            Self::Adpm(request) => write!(f, "{request:?}"),
        }
    }
}

/// What a node wants done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeOutput {
    /// A datagram has arrived.
    Udp(UdpIndication),
    /// A datagram has left, or has not.
    UdpConfirm(UdpConfirm),
    /// Management.
    Adpm(AdpmIndication),
    /// Make this durable before the next exchange with the medium.
    Persist(Persist),
}

/// A node. The adaptation layer and the MAC are boxed: their tables are large.
pub struct Node<P: Phy> {
    phy: P,
    mac: Box<Mac>,
    adp: Box<Adp>,
    endpoint: Endpoint,
    out: Outputs,
}

impl<P: Phy> Node<P> {
    /// Assembles a node of its layers.
    pub fn new(phy: P, mac: Mac, adp: Adp) -> Self {
        let out = Outputs::new(adp.parallel_joins());
        Self { phy, mac: Box::new(mac), adp: Box::new(adp), endpoint: Endpoint::default(), out }
    }

    /// The PHY, for its counters and state.
    pub const fn phy(&self) -> &P {
        &self.phy
    }

    /// The MAC, for its counters and tables.
    pub const fn mac(&self) -> &Mac {
        &self.mac
    }

    /// The adaptation layer, for its counters and tables.
    pub const fn adp(&self) -> &Adp {
        &self.adp
    }

    /// The UDP endpoint, for its counters.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The PAN and the short address of this node while it is in a PAN.
    pub const fn address(&self) -> Option<(PanId, ShortAddress)> {
        self.endpoint.address()
    }

    /// Outputs waiting for the driver, and how many there may be.
    pub fn occupancy(&self) -> (usize, usize) {
        self.out.occupancy()
    }

    /// Outputs that a driver which does not drain has lost.
    pub const fn outputs_dropped(&self) -> u64 {
        self.out.dropped()
    }

    /// The PHY, for a medium that withholds what it would tell.
    pub const fn phy_mut(&mut self) -> &mut P {
        &mut self.phy
    }

    /// Tells the MAC what the PHY has withheld; so does everything that happens to the node.
    pub fn catch_up(&mut self) {
        while let Some((at, withheld)) = self.phy.withheld() {
            match withheld {
                Withheld::Indication(indication) => self.mac.handle(at, MacInput::Phy(indication)),
                Withheld::Overheard(frame) => self.mac.handle(at, MacInput::Overheard(frame)),
            }
        }
    }

    /// Octets that this node takes, tables and queues included, without what its PHY has allocated. All of it is taken
    /// when it is built.
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.mac.footprint() + self.adp.footprint() + self.out.footprint()
    }

    /// Moves primitives between the layers until none has anything to say.
    fn pump(&mut self, now: Instant) {
        while self.pump_phy(now) || self.pump_mac(now) || self.pump_adp(now) {}
    }

    fn pump_phy(&mut self, now: Instant) -> bool {
        let Some(indication) = self.phy.poll() else { return false };
        self.mac.handle(now, MacInput::Phy(indication));
        true
    }

    fn pump_mac(&mut self, now: Instant) -> bool {
        let Some(output) = self.mac.poll() else { return false };
        match output {
            MacOutput::Phy(request) => self.phy.on_request(now, request),
            MacOutput::DataConfirm(confirm) => self.adp.handle(now, AdpInput::McpsConfirm(confirm)),
            MacOutput::DataIndication(indication) => {
                self.adp.handle(now, AdpInput::McpsIndication(indication))
            }
            MacOutput::MlmeConfirm(confirm) => self.adp.handle(now, AdpInput::MlmeConfirm(confirm)),
            MacOutput::Mlme(indication) => self.adp.handle(now, AdpInput::Mlme(indication)),
            MacOutput::Persist(record) => self.out.persist(record),
        }
        true
    }

    fn pump_adp(&mut self, now: Instant) -> bool {
        let Some(output) = self.adp.poll() else { return false };
        match output {
            AdpOutput::Mcps(request) => self.mac.handle(now, MacInput::Data(request)),
            AdpOutput::Mlme(request) => self.mac.handle(now, MacInput::Mlme(request)),
            AdpOutput::DataConfirm(c) => self.confirm(c.handle, c.status),
            AdpOutput::DataIndication(indication) => {
                if let Some(datagram) = self.endpoint.on_packet(&indication) {
                    self.out.udp(datagram);
                }
            }
            AdpOutput::Adpm(indication) => self.on_management(indication),
            AdpOutput::Persist(record) => self.out.persist(record),
        }
        true
    }

    fn on_management(&mut self, indication: AdpmIndication) {
        match indication {
            AdpmIndication::Started { pan_id } => {
                self.endpoint.set_address(Some((pan_id, ShortAddress::COORDINATOR)));
            }
            AdpmIndication::Joined { pan_id, short } => self.endpoint.set_address(Some((pan_id, short))),
            AdpmIndication::Left => self.endpoint.set_address(None),
            _ => {}
        }
        self.out.adpm(indication);
    }

    fn on_udp(&mut self, now: Instant, request: &UdpRequest) {
        match self.endpoint.on_request(request) {
            Ok(request) => self.adp.handle(now, AdpInput::Data(request)),
            Err(status) => self.confirm(request.handle, status),
        }
    }

    fn confirm(&mut self, handle: u16, status: AdpStatus) {
        self.out.confirm(UdpConfirm { handle, status });
    }
}

impl<P: Phy> Machine for Node<P> {
    type Input<'a> = NodeInput<'a, P>;
    type Output = NodeOutput;

    fn handle(&mut self, now: Instant, input: NodeInput<'_, P>) {
        self.catch_up();
        match input {
            NodeInput::Medium(medium) => self.phy.on_medium(now, medium),
            NodeInput::Udp(request) => self.on_udp(now, &request),
            NodeInput::Adpm(request) => self.adp.handle(now, AdpInput::Adpm(request)),
        }
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        self.catch_up();
        self.phy.tick(now);
        self.mac.tick(now);
        self.adp.tick(now);
        self.pump(now);
    }

    fn deadline(&self) -> Option<Instant> {
        [self.phy.deadline(), self.mac.deadline(), self.adp.deadline()].into_iter().flatten().min()
    }

    fn poll(&mut self) -> Option<NodeOutput> {
        self.out.pop()
    }
}
