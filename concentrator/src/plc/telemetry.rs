//! What the driver shows of the node: the network, the tables and counters of every layer, and the frames that go by. Called a few times per
//! second by whoever steps the driver; never by the node itself.

use super::driver::Driver;
use super::front_end::FrontEnd;
use crate::line::{Route, Tables};
use crate::live::Live;
use plc_core::Instant;
use std::collections::BTreeMap;

/// Tells [`Live`] the time, the counters and the ways of frames.
pub fn publish<F: FrontEnd>(live: &Live, driver: &mut Driver<F>) {
    let counters = counters(driver);
    live.update_status(|status| {
        status.now = status.now.max(driver.utc());
        status.counters = counters;
    });
    let routes = driver.node().adp().routes().iter().filter(|route| route.is_usable(driver.now()));
    live.diagnose(|diagnosis| routes.for_each(|route| diagnosis.on_route(route.destination, route.next_hop)));
    live.line.set_tables(tables(driver));
}

/// Hands the frames that went by to whoever listens.
pub fn hand_over<F: FrontEnd>(live: &Live, driver: &mut Driver<F>) {
    driver.listen(live.line.is_listened_to());
    while let Some((nanos, frame)) = driver.captured() {
        live.line.captured(nanos, frame);
    }
    live.line.set_missed(driver.node().phy().missed());
}

fn tables<F: FrontEnd>(driver: &Driver<F>) -> Tables {
    let now = driver.now();
    let route = |route: &plc_node::Route| Route {
        destination: route.destination,
        next_hop: route.next_hop,
        cost: route.cost,
        hops: route.hops,
        weak_links: route.weak_links,
        usable: route.is_usable(now),
        expires: route.expires,
        used: (route.used > Instant::EPOCH).then_some(route.used),
    };
    let mut links: Vec<_> = driver.node().mac().neighbours(now).collect();
    links.sort_by_key(|link| link.short);
    Tables { at: now, links, routes: driver.node().adp().routes().iter().map(route).collect() }
}

fn counters<F: FrontEnd>(driver: &Driver<F>) -> BTreeMap<String, u64> {
    let (phy, mac) = (driver.node().phy().inner().counters(), driver.node().mac().counters());
    let endpoint = driver.node().endpoint().counters();
    let named = [
        ("phy_frames_sent", phy.frames_sent),
        ("phy_frames_received", phy.frames_received),
        ("phy_header_losses", phy.header_losses),
        ("phy_payload_losses", phy.payload_losses),
        ("mac_retries", mac.retries.into()),
        ("mac_no_ack", mac.csma_no_ack.into()),
        ("mac_bad_crc", mac.bad_crc.into()),
        ("udp_sent", endpoint.sent),
        ("udp_received", endpoint.received),
        ("udp_malformed", endpoint.malformed),
        ("driver_dropped", driver.dropped()),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}
