//! Attributes that are one number, and where they stand.

use crate::config::InformationBase;
use crate::specs;
use core::time::Duration;
use plc_core::sap::{AdpStatus, IbAttribute, IbValue};

/// Where an attribute of one number stands.
enum Place<'a> {
    Boolean(&'a mut bool),
    Unsigned8(&'a mut u8),
    Unsigned16(&'a mut u16),
    /// A time in whole units.
    Time(&'a mut Duration, Duration),
}

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// The value of an attribute of one number.
pub(super) fn get(ib: &InformationBase, attribute: IbAttribute) -> Option<IbValue> {
    // A copy, so that one list of places serves both ways; management is not in a hurry.
    let mut ib = ib.clone();
    Some(match place(&mut ib, attribute)? {
        Place::Boolean(value) => IbValue::Boolean(*value),
        Place::Unsigned8(value) => IbValue::Unsigned8(*value),
        Place::Unsigned16(value) => IbValue::Unsigned16(*value),
        Place::Time(value, unit) => {
            let units = value.as_millis() / unit.as_millis();
            IbValue::Unsigned16(u16::try_from(units).unwrap_or(u16::MAX))
        }
    })
}

/// Writes an attribute of one number; `None`: it is not one.
pub(super) fn set(ib: &mut InformationBase, attribute: IbAttribute, value: IbValue) -> Option<AdpStatus> {
    let valid = is_valid(attribute, value);
    let place = place(ib, attribute)?;
    if !valid {
        return Some(AdpStatus::InvalidRequest);
    }
    match (place, value) {
        (Place::Boolean(place), IbValue::Boolean(value)) => *place = value,
        (Place::Unsigned8(place), IbValue::Unsigned8(value)) => *place = value,
        (Place::Unsigned16(place), IbValue::Unsigned16(value)) => *place = value,
        (Place::Time(place, unit), IbValue::Unsigned16(value)) => *place = unit * u32::from(value),
        _ => return Some(AdpStatus::InvalidRequest),
    }
    Some(AdpStatus::Success)
}

fn is_valid(attribute: IbAttribute, value: IbValue) -> bool {
    match (attribute, value) {
        (IbAttribute::MAX_HOPS, IbValue::Unsigned8(hops)) => (1..=specs::MAX_HOPS_LIMIT).contains(&hops),
        (IbAttribute::METRIC_TYPE, IbValue::Unsigned8(metric)) => metric <= 0x0F,
        (IbAttribute::CLUSTER_TRICKLE_I, IbValue::Unsigned16(millis)) => {
            Duration::from_millis(u64::from(millis)) <= specs::CLUSTER_I_MAX
        }
        _ => true,
    }
}

/// One line for each attribute.
fn place(ib: &mut InformationBase, attribute: IbAttribute) -> Option<Place<'_>> {
    use IbAttribute as Id;
    use Place::{Boolean, Time, Unsigned8, Unsigned16};
    Some(match attribute {
        Id::RLC_ENABLED => Boolean(&mut ib.adp_rlc_enabled),
        Id::UNICAST_RREQ_GEN_ENABLE => Boolean(&mut ib.adp_unicast_rreq_gen_enable),
        Id::SNIFFER_MODE => Boolean(&mut ib.adp_sniffer_mode),
        Id::DEFAULT_COORD_ROUTE_ENABLED => Boolean(&mut ib.adp_default_coord_route_enabled),
        Id::TRICKLE_DATA_ENABLED => Boolean(&mut ib.adp_trickle_data_enabled),
        Id::TRICKLE_ADAPTIVE_IMIN => Boolean(&mut ib.adp_trickle_adaptive_imin),
        Id::TRICKLE_ADAPTIVE_KI => Boolean(&mut ib.adp_trickle_adaptive_ki),
        Id::CLUSTER_TRICKLE_ENABLED => Boolean(&mut ib.adp_cluster_trickle_enabled),
        Id::DISABLE_DEFAULT_ROUTING => Boolean(&mut ib.adp_disable_default_routing),
        Id::METRIC_TYPE => Unsigned8(&mut ib.adp_metric_type),
        Id::LOW_LQI_VALUE => Unsigned8(&mut ib.adp_low_lqi_value),
        Id::HIGH_LQI_VALUE => Unsigned8(&mut ib.adp_high_lqi_value),
        Id::ADD_REV_LINK_COST => Unsigned8(&mut ib.adp_add_rev_link_cost),
        Id::MAX_HOPS => Unsigned8(&mut ib.adp_max_hops),
        Id::KR => Unsigned8(&mut ib.adp_kr),
        Id::KM => Unsigned8(&mut ib.adp_km),
        Id::KC => Unsigned8(&mut ib.adp_kc),
        Id::KQ => Unsigned8(&mut ib.adp_kq),
        Id::KH => Unsigned8(&mut ib.adp_kh),
        Id::RREQ_RETRIES => Unsigned8(&mut ib.adp_rreq_retries),
        Id::WEAK_LQI_VALUE => Unsigned8(&mut ib.adp_weak_lqi_value),
        Id::KRT => Unsigned8(&mut ib.adp_krt),
        Id::RREQ_JITTER_LOW_LQI => Unsigned8(&mut ib.adp_rreq_jitter_low_lqi),
        Id::RREQ_JITTER_HIGH_LQI => Unsigned8(&mut ib.adp_rreq_jitter_high_lqi),
        Id::TRICKLE_LQI_THRESHOLD_LOW => Unsigned8(&mut ib.adp_trickle_lqi_threshold_low),
        Id::TRICKLE_STEP => Unsigned8(&mut ib.adp_trickle_step),
        Id::TRICKLE_FACTOR_IMAX => Unsigned8(&mut ib.adp_trickle_factor_imax),
        Id::TRICKLE_MAX_KI => Unsigned8(&mut ib.adp_trickle_max_ki),
        Id::CLUSTER_MIN_LQI => Unsigned8(&mut ib.adp_cluster_min_lqi),
        Id::CLUSTER_TRICKLE_K => Unsigned8(&mut ib.adp_cluster_trickle_k),
        Id::TRICKLE_LQI_THRESHOLD_HIGH => Unsigned8(&mut ib.adp_trickle_lqi_threshold_high),
        Id::CLUSTER_RC_DEVIATION => Unsigned16(&mut ib.adp_cluster_rc_deviation),
        Id::COORD_SHORT_ADDRESS => Unsigned16(&mut ib.adp_coord_short_address.0),
        Id::BROADCAST_LOG_TABLE_ENTRY_TTL => Time(&mut ib.adp_broadcast_log_table_entry_ttl, MINUTE),
        Id::RREP_WAIT => Time(&mut ib.adp_rrep_wait, SECOND),
        Id::NET_TRAVERSAL_TIME => Time(&mut ib.adp_net_traversal_time, SECOND),
        Id::ROUTING_TABLE_ENTRY_TTL => Time(&mut ib.adp_routing_table_entry_ttl, MINUTE),
        Id::RREQ_WAIT => Time(&mut ib.adp_rreq_wait, SECOND),
        Id::BLACKLIST_TABLE_ENTRY_TTL => Time(&mut ib.adp_blacklist_table_entry_ttl, MINUTE),
        Id::MAX_JOIN_WAIT_TIME => Time(&mut ib.adp_max_join_wait_time, SECOND),
        Id::PATH_DISCOVERY_TIME => Time(&mut ib.adp_path_discovery_time, SECOND),
        Id::DELAY_LOW_LQI => Time(&mut ib.adp_delay_low_lqi, MILLISECOND),
        Id::DELAY_HIGH_LQI => Time(&mut ib.adp_delay_high_lqi, MILLISECOND),
        Id::TRICKLE_IMIN => Time(&mut ib.adp_trickle_imin, MILLISECOND),
        Id::CLUSTER_TRICKLE_I => Time(&mut ib.adp_cluster_trickle_i, MILLISECOND),
        _ => return None,
    })
}
