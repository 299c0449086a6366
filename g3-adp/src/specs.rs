//! The numbers of the standard, each with its clause and how sure we are of it.
//!
//! Confidence: A, two independent sources; B, one; C, general knowledge, to be verified.

use core::time::Duration;

/// RC_COORD of the coordinator itself \[G3 MAC 1.6; confidence A\].
pub const RC_COORD_COORDINATOR: u16 = 0x0000;
/// RC_COORD of a node that has joined and knows no route yet \[G3 MAC 1.6; confidence A\].
pub const RC_COORD_NO_ROUTE: u16 = 0x7FFF;
/// RC_COORD of a node that has not joined \[G3 MAC 1.6; confidence A\].
pub const RC_COORD_NOT_JOINED: u16 = 0xFFFF;

/// Slots of the group master key \[G3 MAC 4; confidence A\].
pub const GMK_SLOTS: u8 = 2;
/// The highest short address of a device \[G3 ADP 5.3; confidence A\].
pub const LAST_DEVICE_ADDRESS: u16 = 0x7FFF;
/// The predefined multicast address of all nodes, ff02::1 \[G3 ADP 5.3; confidence A\].
pub const ALL_NODES: u16 = 0x8001;
/// The largest hopsLeft that a mesh header may start with \[G3 ADP 5.2; confidence A\].
pub const MAX_HOPS_LIMIT: u8 = 14;
/// Entries of adpContextInformationTable \[G3 ADP 5.3; confidence A\].
pub const CONTEXTS: usize = 16;
/// Entries of adpGroupTable \[G3 ADP IB 0x0E; confidence A\].
pub const GROUPS: usize = 16;
/// Bits of a PAN identifier that take part in addresses in some editions \[G3 ADP 5.3; confidence C\].
pub const PAN_ID_MASK: u16 = 0xFCFF;

/// adpSecurityLevel 0x00 \[confidence A\].
pub const SECURITY_LEVEL: u8 = 5;
/// adpBroadcastLogTableEntryTTL 0x02 \[confidence A\].
pub const BROADCAST_LOG_TTL: Duration = Duration::from_secs(120);
/// adpLowLQIValue 0x04 \[confidence A\].
pub const LOW_LQI: u8 = 0;
/// adpHighLQIValue 0x05 \[confidence A\].
pub const HIGH_LQI: u8 = 255;
/// adpMaxHops 0x0F \[confidence A\].
pub const MAX_HOPS: u8 = 8;
/// adpKq 0x16 \[confidence A, older editions 50\].
pub const KQ: u8 = 10;
/// adpKh 0x17 \[confidence A\].
pub const KH: u8 = 4;
/// adpMaxJoinWaitTime 0x20 \[confidence A\].
pub const MAX_JOIN_WAIT: Duration = Duration::from_secs(20);
/// Largest gap between two fragments of a datagram \[G3 ADP 5.4; confidence B, one stack uses 2 s\].
pub const REASSEMBLY_TIMEOUT: Duration = Duration::from_secs(60);

/// macBeaconRandomizationWindowLength of 12 s and a margin \[G3 LBP 7.3.1; confidence A\].
pub const SCAN_DURATION: Duration = Duration::from_secs(15);
/// The first back-off between scans is drawn from this range \[G3 LBP 7.3.1; confidence A\].
pub const SCAN_BACKOFF_FIRST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// The range doubles up to this one \[G3 LBP 7.3.1; confidence A\].
pub const SCAN_BACKOFF_LAST: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(100));
/// The first back-off between join attempts is drawn from this range \[G3 LBP 7.3.3; confidence A\].
pub const JOIN_BACKOFF_FIRST: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_millis(2500));
/// The range doubles up to this one \[G3 LBP 7.3.3; confidence A\].
pub const JOIN_BACKOFF_LAST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// The range of a device that does not get through doubles up to this one instead \[own choice; confidence C\].
pub const JOIN_BACKOFF_CROWDED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(600));
/// The same between scans \[own choice; confidence C\].
pub const SCAN_BACKOFF_CROWDED: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(320));
/// Join attempts on the results of one scan before the next \[confidence C\].
pub const JOIN_ATTEMPTS_PER_SCAN: u8 = 4;
/// Beacons weaker than this are used only when there is no better one \[G3 LBP 7.3.2; confidence B\].
pub const CANDIDATE_LQI: u8 = 53;
/// After KICK the device leaves this much later \[G3 LBP 7.3; confidence A\].
pub const KICK_DELAY: Duration = Duration::from_secs(2);
/// Coordinator: how long to wait for each answer of a device \[G3 LBP 7.3.7; confidence B\].
pub const LBP_MESSAGE_TIMEOUT: Duration = Duration::from_secs(300);
/// Coordinator: a device that has been silent for adpMaxJoinWaitTime and this has given up, and makes room for another \[own choice;
/// confidence C\].
pub const LBP_PATIENCE_MARGIN: Duration = Duration::from_secs(10);
/// Coordinator: repetitions of a message that was not answered \[G3 LBP 7.3.7; confidence B\].
pub const LBP_RETRIES: u8 = 1;
/// Coordinator: devices that may join at the same time \[G3 LBP 7.3.7; confidence B\].
pub const PARALLEL_JOINS: usize = 5;
/// Device: after so long without a protected frame of its PAN it looks for one again. Not of the standard:
/// a coordinator that has lost its memory and has another group key could never be noticed otherwise. As long as a route
/// lives: a plan that reads every 4 hours never meets it, and one that is silent for longer should set it higher
/// \[own choice; confidence C\].
pub const JOIN_WATCHDOG: Duration = ROUTING_TABLE_ENTRY_TTL;
/// How long a MAC confirm may take before the frame counts as lost \[confidence C: six accesses of 50
/// back-offs each stay below it\].
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(180);

/// adpMetricType: hop count \[G3 ADP IB 0x03; confidence A\].
pub const METRIC_HOP_COUNT: u8 = 0x00;
/// adpMetricType: capacity \[G3 ADP IB 0x03; confidence A\].
pub const METRIC_CAPACITY: u8 = 0x0E;
/// adpMetricType: composite \[G3 ADP IB 0x03; confidence A\].
pub const METRIC_COMPOSITE: u8 = 0x0F;
/// adpRREPWait 0x06 \[confidence A\].
pub const RREP_WAIT: Duration = Duration::from_secs(4);
/// adpNetTraversalTime 0x11 \[confidence A\].
pub const NET_TRAVERSAL_TIME: Duration = Duration::from_secs(20);
/// adpRoutingTableEntryTTL 0x12 \[confidence A, older editions 60 min\].
pub const ROUTING_TABLE_ENTRY_TTL: Duration = Duration::from_secs(360 * 60);
/// adpRREQWait 0x19 \[confidence A\].
pub const RREQ_WAIT: Duration = Duration::from_secs(30);
/// adpWeakLQIValue 0x1A \[confidence A\].
pub const WEAK_LQI: u8 = 52;
/// adpBlacklistTableEntryTTL 0x1F \[confidence A\].
pub const BLACKLIST_TTL: Duration = Duration::from_secs(600);
/// adpPathDiscoveryTime 0x21 \[confidence A\].
pub const PATH_DISCOVERY_TIME: Duration = Duration::from_secs(40);
/// Entries of adpDestinationAddressSet \[own choice; confidence C\].
pub const DESTINATIONS: usize = 8;
/// adpRREQJitterLowLQI 0x27 \[confidence A\].
pub const JITTER_LOW_LQI: u8 = 52;
/// adpRREQJitterHighLQI 0x28 \[confidence A\].
pub const JITTER_HIGH_LQI: u8 = 120;
/// adpTrickleLQIThresholdLow 0x2A \[confidence A\].
pub const TRICKLE_LQI_LOW: u8 = 80;
/// adpTrickleImin 0x2D in CENELEC-A \[confidence A; 600 ms in FCC\].
pub const TRICKLE_IMIN: Duration = Duration::from_millis(1200);
/// adpTrickleMaxKi 0x2E \[confidence A\].
pub const TRICKLE_MAX_KI: u8 = 3;
/// adpClusterMinLQI 0x32 \[confidence B\].
pub const CLUSTER_MIN_LQI: u8 = 90;
/// adpClusterTrickleK 0x33 \[confidence B\].
pub const CLUSTER_K: u8 = 3;
/// adpClusterRCDeviation 0x34 \[confidence B\].
pub const CLUSTER_RC_DEVIATION: u16 = 4;
/// adpClusterTrickleI 0x35: K · 3 · the duration of a RREQ, some 100 ms in CENELEC-A \[confidence C\].
pub const CLUSTER_I: Duration = Duration::from_millis(900);
/// The longest adpClusterTrickleI \[confidence B\].
pub const CLUSTER_I_MAX: Duration = Duration::from_millis(4096);
/// adpTrickleLQIThresholdHigh 0x36 \[confidence B\].
pub const TRICKLE_LQI_HIGH: u8 = 90;

/// Sequence numbers this far ahead are newer \[G3 ADP 6.4.1; confidence A\].
pub const SEQUENCE_WINDOW: u16 = 32_767;
/// A number that its owner, or the next hop towards him, says, and that is older than the known one by more than this, is that of a
/// new life: of a node that has lost its memory. Less is a message that others have overtaken \[own choice; confidence C\].
pub const SEQUENCE_REORDER: u16 = 64;
/// The hop count above which a route request is not passed on \[G3 ADP 6.4.5; confidence A\].
pub const HOP_COUNT_LIMIT: u8 = 15;
/// Random part of the delay before a route request is passed on \[confidence C\].
pub const RREQ_JITTER: Duration = Duration::from_millis(300);
/// Pause before a well heard neighbour is asked once more, and what is added to it at random at most: longer than a search for
/// a route keeps the line busy \[ours; confidence C\].
pub const SECOND_CHANCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));
/// How long a neighbour may take to tell the cost of the other direction \[G3 ADP 6.2; confidence B\].
pub const RLC_WAIT: Duration = Duration::from_secs(4);
/// Device: before the route to the coordinator is looked for again after a failure, doubled with each further one
/// \[own choice; confidence C\].
pub const HOME_RETRY: Duration = Duration::from_secs(60);
/// It is doubled up to this \[own choice; confidence C\].
pub const HOME_RETRY_LAST: Duration = Duration::from_secs(960);
/// Sequence numbers that are made durable at a time \[own choice; confidence C\].
pub const SEQUENCE_BLOCK: u32 = 64;
/// Broadcast sequence numbers that are made durable at a time \[own choice; confidence C\].
pub const BROADCAST_BLOCK: u32 = 16;
/// A neighbour that uses another group key than this node is spoken to in its own for so long \[own choice;
/// confidence C\].
pub const OTHER_KEY_TIME: Duration = Duration::from_secs(120);
/// It is spoken to in its own again when it still uses it so long after the first time \[own choice; confidence C\].
pub const OTHER_KEY_PAUSE: Duration = Duration::from_secs(720);
