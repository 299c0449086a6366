//! Names and numbers of the standards that orders to meters need. BB is the Blue Book.

use dlms::cosem::LogicalName;

/// Disconnect control, 0-0:96.3.10.255 \[BB 6.2.46; confidence A\].
pub(super) const DISCONNECTOR: LogicalName = LogicalName([0, 0, 96, 3, 10, 255]);
/// Limiter, 0-0:17.0.0.255 \[BB 6.2.19; confidence A\].
pub(super) const LIMITER: LogicalName = LogicalName([0, 0, 17, 0, 0, 255]);
/// Activity calendar, 0-0:13.0.0.255 \[BB 6.2.11; confidence A\].
pub(super) const CALENDAR: LogicalName = LogicalName([0, 0, 13, 0, 0, 255]);

/// Interface classes \[BB 4; confidence A\].
pub(super) mod class {
    pub(in super::super) const ACTIVITY_CALENDAR: u16 = 20;
    pub(in super::super) const DISCONNECT_CONTROL: u16 = 70;
    pub(in super::super) const LIMITER: u16 = 71;
}

/// `output_state` of a disconnect control \[BB 4.5.8.2.2; confidence A\].
pub(super) const OUTPUT_STATE: i8 = 2;
/// `threshold_normal` of a limiter \[BB 4.5.9.2.4; confidence A\].
pub(super) const THRESHOLD_NORMAL: i8 = 4;
/// `remote_disconnect` \[BB 4.5.8.3.1; confidence A\].
pub(super) const REMOTE_DISCONNECT: i8 = 1;
/// `remote_reconnect` \[BB 4.5.8.3.2; confidence A\].
pub(super) const REMOTE_RECONNECT: i8 = 2;
/// `activate_passive_calendar` \[BB 4.5.5.3.1; confidence A\].
pub(super) const ACTIVATE_PASSIVE_CALENDAR: i8 = 1;
