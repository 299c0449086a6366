//! The information base of the adaptation layer, by identifier.

/// The identifier of an attribute of the adaptation layer \[G3 ADP 5.6; confidence A, 0x30 to 0x36 B\]. Any number is one;
/// the layer knows which exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IbAttribute(pub u8);

macro_rules! attributes {
    ($($name:ident = $id:literal, $standard:literal;)*) => {
        impl IbAttribute {
            $(#[doc = concat!($standard, ".")] pub const $name: Self = Self($id);)*
        }
    };
}

attributes! {
    SECURITY_LEVEL = 0x00, "adpSecurityLevel";
    PREFIX_TABLE = 0x01, "adpPrefixTable";
    BROADCAST_LOG_TABLE_ENTRY_TTL = 0x02, "adpBroadcastLogTableEntryTTL, minutes";
    METRIC_TYPE = 0x03, "adpMetricType";
    LOW_LQI_VALUE = 0x04, "adpLowLQIValue";
    HIGH_LQI_VALUE = 0x05, "adpHighLQIValue";
    RREP_WAIT = 0x06, "adpRREPWait, seconds";
    CONTEXT_INFORMATION_TABLE = 0x07, "adpContextInformationTable";
    COORD_SHORT_ADDRESS = 0x08, "adpCoordShortAddress";
    RLC_ENABLED = 0x09, "adpRLCEnabled";
    ADD_REV_LINK_COST = 0x0A, "adpAddRevLinkCost";
    BROADCAST_LOG_TABLE = 0x0B, "adpBroadcastLogTable";
    ROUTING_TABLE = 0x0C, "adpRoutingTable";
    UNICAST_RREQ_GEN_ENABLE = 0x0D, "adpUnicastRREQGenEnable";
    GROUP_TABLE = 0x0E, "adpGroupTable";
    MAX_HOPS = 0x0F, "adpMaxHops";
    DEVICE_TYPE = 0x10, "adpDeviceType: 0 device, 1 coordinator";
    NET_TRAVERSAL_TIME = 0x11, "adpNetTraversalTime, seconds";
    ROUTING_TABLE_ENTRY_TTL = 0x12, "adpRoutingTableEntryTTL, minutes";
    KR = 0x13, "adpKr";
    KM = 0x14, "adpKm";
    KC = 0x15, "adpKc";
    KQ = 0x16, "adpKq";
    KH = 0x17, "adpKh";
    RREQ_RETRIES = 0x18, "adpRREQRetries";
    RREQ_WAIT = 0x19, "adpRREQWait, seconds";
    WEAK_LQI_VALUE = 0x1A, "adpWeakLQIValue";
    KRT = 0x1B, "adpKrt";
    SOFT_VERSION = 0x1C, "adpSoftVersion";
    SNIFFER_MODE = 0x1D, "adpSnifferMode";
    BLACKLIST_TABLE = 0x1E, "adpBlacklistTable";
    BLACKLIST_TABLE_ENTRY_TTL = 0x1F, "adpBlacklistTableEntryTTL, minutes";
    MAX_JOIN_WAIT_TIME = 0x20, "adpMaxJoinWaitTime, seconds";
    PATH_DISCOVERY_TIME = 0x21, "adpPathDiscoveryTime, seconds";
    ACTIVE_KEY_INDEX = 0x22, "adpActiveKeyIndex";
    DESTINATION_ADDRESS_SET = 0x23, "adpDestinationAddressSet";
    DEFAULT_COORD_ROUTE_ENABLED = 0x24, "adpDefaultCoordRouteEnabled";
    DELAY_LOW_LQI = 0x25, "adpDelayLowLQI, milliseconds";
    DELAY_HIGH_LQI = 0x26, "adpDelayHighLQI, milliseconds";
    RREQ_JITTER_LOW_LQI = 0x27, "adpRREQJitterLowLQI";
    RREQ_JITTER_HIGH_LQI = 0x28, "adpRREQJitterHighLQI";
    TRICKLE_DATA_ENABLED = 0x29, "adpTrickleDataEnabled";
    TRICKLE_LQI_THRESHOLD_LOW = 0x2A, "adpTrickleLQIThresholdLow";
    TRICKLE_STEP = 0x2B, "adpTrickleStep";
    TRICKLE_FACTOR_IMAX = 0x2C, "adpTrickleFactorImax";
    TRICKLE_IMIN = 0x2D, "adpTrickleImin, milliseconds";
    TRICKLE_MAX_KI = 0x2E, "adpTrickleMaxKi";
    TRICKLE_ADAPTIVE_IMIN = 0x2F, "adpTrickleAdaptiveImin";
    TRICKLE_ADAPTIVE_KI = 0x30, "adpTrickleAdaptiveKi";
    CLUSTER_TRICKLE_ENABLED = 0x31, "adpClusterTrickleEnabled";
    CLUSTER_MIN_LQI = 0x32, "adpClusterMinLQI";
    CLUSTER_TRICKLE_K = 0x33, "adpClusterTrickleK";
    CLUSTER_RC_DEVIATION = 0x34, "adpClusterRCDeviation";
    CLUSTER_TRICKLE_I = 0x35, "adpClusterTrickleI, milliseconds";
    TRICKLE_LQI_THRESHOLD_HIGH = 0x36, "adpTrickleLQIThresholdHigh";
    DISABLE_DEFAULT_ROUTING = 0xF0, "adpDisableDefaultRouting";
}

/// The value of an attribute, or of an entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IbValue {
    /// A truth value.
    Boolean(bool),
    /// One octet.
    Unsigned8(u8),
    /// Two octets.
    Unsigned16(u16),
    /// An entry of a table, packed, least significant octet first; or a version, as text.
    Octets(IbOctets),
}

/// Up to 24 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IbOctets {
    octets: [u8; Self::MAX],
    len: u8,
}

impl IbOctets {
    /// The most octets of an entry.
    pub const MAX: usize = 24;

    /// These octets; `None` when they are too many.
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut all = [0; Self::MAX];
        all.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Self { octets: all, len: octets.len() as u8 })
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}
