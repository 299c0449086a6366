//! What the driver shows of the node: the network and the counters of every layer. Called a few times per
//! second by whoever steps the driver; never by the node itself.

use super::driver::Driver;
use super::front_end::FrontEnd;
use crate::live::Live;
use std::collections::BTreeMap;

/// Tells [`Live`] the time, the counters and the ways of frames.
pub fn publish<F: FrontEnd>(live: &Live, driver: &Driver<F>) {
    let counters = counters(driver);
    live.update_status(|status| {
        status.now = status.now.max(driver.utc());
        status.counters = counters;
    });
    let routes = driver.node().adp().routes().iter().filter(|route| route.is_usable(driver.now()));
    live.diagnose(|diagnosis| routes.for_each(|route| diagnosis.on_route(route.destination, route.next_hop)));
}

fn counters<F: FrontEnd>(driver: &Driver<F>) -> BTreeMap<String, u64> {
    let (phy, mac) = (driver.node().phy().counters(), driver.node().mac().counters());
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
