//! The stacks of the two roles: what each must be told, and nothing more.

use crate::Node;
use g3_adp::{Adp, AdpConfig};
use g3_mac::{Bounds, Mac, MacConfig};
use plc_core::sap::{FrameGeometry, Key, Phy};
use plc_core::{Eui64, Seed};

/// What a coordinator is told when it is built.
#[derive(Clone, Copy)]
pub struct CoordinatorConfig {
    /// The own extended address.
    pub eui64: Eui64,
    /// The frames of the PHY below.
    pub geometry: &'static dyn FrameGeometry,
    /// Entropy: challenges, back-offs.
    pub seed: Seed,
    /// The group master key that joining devices receive.
    pub gmk: Key,
    /// Its slot, 0 or 1.
    pub key_index: u8,
    /// The first frame counter that is certainly unused, from durable storage.
    pub frame_counter: u32,
    /// Devices that may join at most; tables are sized after it.
    pub devices: usize,
}

/// What a device is told when it is built.
#[derive(Clone, Copy)]
pub struct DeviceConfig {
    /// The own extended address.
    pub eui64: Eui64,
    /// The frames of the PHY below.
    pub geometry: &'static dyn FrameGeometry,
    /// Entropy: challenges, back-offs.
    pub seed: Seed,
    /// The key that it shares with the coordinator.
    pub psk: Key,
    /// The first frame counter that is certainly unused, from durable storage.
    pub frame_counter: u32,
}

/// The configuration of every layer of a node, for a caller that wants to change one of them.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The MAC.
    pub mac: MacConfig,
    /// The adaptation layer.
    pub adp: AdpConfig,
}

impl From<CoordinatorConfig> for NodeConfig {
    fn from(c: CoordinatorConfig) -> Self {
        let mut mac = MacConfig::new(c.eui64, c.geometry, c.seed.derive("mac", 0), c.frame_counter);
        let (devices, neighbours, pos, links) = (c.devices, c.devices, c.devices, c.devices);
        mac.bounds = Bounds { devices, neighbours, pos, links, ..Bounds::COORDINATOR };
        let mut adp = AdpConfig::coordinator(c.eui64, c.seed.derive("adp", 0), c.gmk, c.key_index);
        adp.limits.devices = c.devices;
        // All of them may be in reach; a neighbour that is forgotten must be searched for.
        adp.limits.neighbours = adp.limits.neighbours.max(c.devices);
        Self { mac, adp }.for_dense_networks()
    }
}

impl From<DeviceConfig> for NodeConfig {
    fn from(c: DeviceConfig) -> Self {
        let mac = MacConfig::new(c.eui64, c.geometry, c.seed.derive("mac", 0), c.frame_counter);
        Self { mac, adp: AdpConfig::device(c.eui64, c.seed.derive("adp", 0), c.psk) }.for_dense_networks()
    }
}

impl NodeConfig {
    /// Switches on what the standard has for networks in which many nodes hear each other, and leaves off by default: the
    /// way of a device to the coordinator begins as the one over which it has joined, without a search; of the nodes that
    /// hear a route request well few pass it on; broadcasts contend in the largest window. Behind a busbar of ten feeders
    /// a single request is otherwise passed on by everybody at once, and one lost route becomes all of them.
    #[must_use]
    pub fn for_dense_networks(mut self) -> Self {
        self.mac.pib.mac_broadcast_max_cw_enabled = true;
        self.mac.pib.mac_max_frame_retries = DENSE_RETRIES;
        let ib = &mut self.adp.ib;
        (ib.adp_default_coord_route_enabled, ib.adp_cluster_trickle_enabled) = (true, true);
        (ib.adp_cluster_trickle_k, ib.adp_cluster_rc_deviation, ib.adp_cluster_min_lqi) = DENSE_CLUSTER;
        self
    }
}

/// macMaxFrameRetries: two more than the default. A frame that is given up costs a search that reaches everybody; a repetition
/// costs one frame. More would take longer than duplicates are remembered on a busy line.
const DENSE_RETRIES: u8 = 7;
/// adpClusterTrickleK, adpClusterRCDeviation (a hop) and adpClusterMinLQI (7.5 dB): so that 1,000 meters at one busbar join
/// and are read; chosen by the simulation of such a town.
const DENSE_CLUSTER: (u8, u16, u8) = (2, 10, 70);

impl<P: Phy> Node<P> {
    /// A node above `phy`. It does nothing before management asks it to start or to join.
    pub fn assemble(phy: P, config: impl Into<NodeConfig>) -> Self {
        let NodeConfig { mac, adp } = config.into();
        Self::new(phy, Mac::new(mac), Adp::new(adp))
    }
}
