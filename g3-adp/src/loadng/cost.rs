//! What a link costs \[G3 ADP 6.2; confidence B\].

use crate::config::InformationBase;
use crate::specs;
use plc_core::sap::{LinkDirection, LinkQuality, Lqi, Modulation};

/// The cost of one direction: Kr · ROBO + Km · modulation + Kc · (groups unused / groups) +
/// Kq · clip((high − LQI) / (high − low)), rounded once, halves down.
pub fn direction_cost(direction: &LinkDirection, ib: &InformationBase) -> u8 {
    match ib.adp_metric_type {
        specs::METRIC_HOP_COUNT => 0,
        specs::METRIC_CAPACITY => modulation_cost(direction.modulation),
        _ => composite(direction, ib),
    }
}

/// The cost of a link: that of its worse direction, of the hop, and of the share of `routes` in use (how many, of how
/// many). Where the other direction is unknown, `told` by the neighbour or taken for as good as this one, with an
/// extra charge.
pub fn link_cost(link: &LinkQuality, told: Option<u8>, routes: (usize, usize), ib: &InformationBase) -> u8 {
    if ib.adp_metric_type == specs::METRIC_HOP_COUNT {
        return 1;
    }
    let forward = direction_cost(&link.forward, ib);
    let measured = link.reverse.map(|reverse| direction_cost(&reverse, ib));
    let assumed = || forward.saturating_add(ib.adp_add_rev_link_cost);
    let reverse = measured.or(told).unwrap_or_else(assumed);
    let crowded = half_down(usize::from(ib.adp_krt) * routes.0.min(routes.1), routes.1.max(1));
    forward.max(reverse).saturating_add(crowded).saturating_add(ib.adp_kh)
}

/// The cost of a link of which only a beacon was heard.
pub fn beacon_cost(lqi: Lqi, ib: &InformationBase) -> u8 {
    link_cost(&LinkQuality::robust(lqi), None, (0, 1), ib)
}

fn composite(direction: &LinkDirection, ib: &InformationBase) -> u8 {
    let robo = usize::from(direction.modulation == Modulation::Robo);
    let whole = usize::from(ib.adp_kr) * robo
        + usize::from(ib.adp_km) * usize::from(modulation_cost(direction.modulation));
    let groups = usize::from(direction.groups.max(1));
    let unused = groups - usize::from(direction.groups_active).min(groups);
    let (low, high) = (usize::from(ib.adp_low_lqi_value), usize::from(ib.adp_high_lqi_value));
    let span = high.saturating_sub(low).max(1);
    let below = high.saturating_sub(usize::from(direction.lqi.0)).min(span);
    let parts = usize::from(ib.adp_kc) * unused * span + usize::from(ib.adp_kq) * below * groups;
    half_down(whole * groups * span + parts, groups * span)
}

/// How few bits a carrier carries.
const fn modulation_cost(modulation: Modulation) -> u8 {
    match modulation {
        Modulation::Robo | Modulation::Bpsk => 3,
        Modulation::Qpsk => 2,
        Modulation::Psk8 => 1,
        Modulation::Qam16 => 0,
    }
}

/// `numerator / denominator`, to the nearest, halves down, at most 255.
fn half_down(numerator: usize, denominator: usize) -> u8 {
    ((2 * numerator + denominator - 1) / (2 * denominator)).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::PhaseDifference;
    use proptest::prelude::*;

    fn direction(lqi: u8, modulation: Modulation, groups_active: u8) -> LinkDirection {
        LinkDirection { lqi: Lqi(lqi), modulation, groups_active, groups: 6 }
    }

    #[test]
    fn the_link_costs_of_the_defaults_are_reproduced() {
        let table =
            [(0, 14), (40, 12), (52, 12), (80, 11), (100, 10), (120, 9), (160, 8), (200, 6), (255, 4)];
        for (lqi, cost) in table {
            assert_eq!(beacon_cost(Lqi(lqi), &InformationBase::default()), cost, "LQI {lqi}");
        }
    }

    #[test]
    fn every_coefficient_has_its_say() {
        let ib = InformationBase { adp_kq: 0, adp_kh: 0, ..Default::default() };
        let cost = |ib: &InformationBase, direction| direction_cost(&direction, ib);
        let robo = direction(0, Modulation::Robo, 6);
        assert_eq!(cost(&InformationBase { adp_kr: 7, ..ib.clone() }, robo), 7);
        assert_eq!(cost(&InformationBase { adp_kr: 7, ..ib.clone() }, direction(0, Modulation::Bpsk, 6)), 0);
        let km = InformationBase { adp_km: 5, ..ib.clone() };
        assert_eq!(cost(&km, robo), 15);
        assert_eq!(cost(&km, direction(0, Modulation::Psk8, 6)), 5);
        let kc = InformationBase { adp_kc: 10, ..ib.clone() };
        assert_eq!(cost(&kc, direction(0, Modulation::Qpsk, 4)), 3, "a third of ten");
        assert_eq!(cost(&kc, direction(0, Modulation::Qpsk, 3)), 5);
        assert_eq!(cost(&InformationBase { adp_kc: 5, ..ib.clone() }, direction(0, Modulation::Qpsk, 3)), 2);
        let krt = InformationBase { adp_krt: 20, ..ib };
        assert_eq!(link_cost(&LinkQuality::robust(Lqi(0)), None, (75, 150), &krt), 10);
    }

    #[test]
    fn the_worse_direction_counts_measured_before_told_before_assumed() {
        let ib = InformationBase { adp_add_rev_link_cost: 3, adp_kh: 0, ..Default::default() };
        let forward = direction(255, Modulation::Robo, 6);
        let mut link = LinkQuality { forward, reverse: None, phase_difference: PhaseDifference(0) };
        assert_eq!(link_cost(&link, None, (0, 1), &ib), 3);
        assert_eq!(link_cost(&link, Some(8), (0, 1), &ib), 8);
        link.reverse = Some(direction(0, Modulation::Robo, 6));
        assert_eq!(link_cost(&link, Some(8), (0, 1), &ib), 10);
    }

    #[test]
    fn hops_and_capacity_are_metrics_of_their_own() {
        let hops = InformationBase { adp_metric_type: specs::METRIC_HOP_COUNT, ..Default::default() };
        assert_eq!(beacon_cost(Lqi(0), &hops), 1);
        let capacity = InformationBase { adp_metric_type: specs::METRIC_CAPACITY, ..Default::default() };
        assert_eq!(beacon_cost(Lqi(0), &capacity), 3 + 4);
    }

    proptest! {
        #[test]
        fn the_arithmetic_agrees_with_real_numbers(
            k: [u8; 4], lqi: u8, low: u8, high: u8, modulation in 0usize..5, groups in 1u8..25, active in 0u8..30,
        ) {
            use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
            let modulation = [Robo, Bpsk, Qpsk, Psk8, Qam16][modulation];
            let [adp_kr, adp_km, adp_kc, adp_kq] = k;
            let ib = InformationBase {
                adp_kr, adp_km, adp_kc, adp_kq, adp_low_lqi_value: low, adp_high_lqi_value: high, ..Default::default()
            };
            let direction = LinkDirection { lqi: Lqi(lqi), modulation, groups_active: active, groups };
            let span = (f64::from(high) - f64::from(low)).max(1.0);
            let quality = ((f64::from(high) - f64::from(lqi)) / span).clamp(0.0, 1.0);
            let unused = f64::from(groups.saturating_sub(active)) / f64::from(groups);
            let exact = f64::from(adp_kr) * f64::from(u8::from(modulation == Robo))
                + f64::from(adp_km) * f64::from(modulation_cost(modulation))
                + f64::from(adp_kc) * unused + f64::from(adp_kq) * quality;
            let cost = f64::from(direction_cost(&direction, &ib));
            prop_assert!((cost - exact.min(255.0)).abs() <= 0.5 + 1e-9, "{cost} {exact}");
        }
    }
}
