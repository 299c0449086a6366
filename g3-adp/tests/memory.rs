//! What an adaptation layer takes of memory, counted by an allocator.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::{Adp, AdpConfig};
use pipe::{COORDINATOR, GMK, Pipe, device_config, eui, psk};
use plc_core::sap::*;
use plc_core::{Instant, Machine, Seed, ShortAddress};
use std::time::Duration;

/// The layer itself, and what it has allocated when it was built; it knows that.
fn size(config: AdpConfig) -> usize {
    let mut adp = None;
    let info = allocation_counter::measure(|| adp = Some(Adp::new(config)));
    let size = size_of::<Adp>() + usize::try_from(info.bytes_current).unwrap();
    assert_eq!(adp.unwrap().footprint(), size);
    size
}

#[test]
fn a_device_fits_into_38_kib() {
    let size = size(device_config(1));
    assert!(size <= 38 * 1024, "{size}");
}

#[test]
fn a_coordinator_of_a_thousand_meters_fits_into_12_mib_with_all_of_them_joined() {
    let mut config = AdpConfig::coordinator(COORDINATOR, Seed::from_u64(1), GMK, 0);
    config.limits.devices = 1000;
    let mut adp = None;
    let info = allocation_counter::measure(|| {
        let mut coordinator = Adp::new(config);
        let give = |adp: &mut Adp, request| adp.handle(Instant::EPOCH, g3_adp::AdpInput::Adpm(request));
        give(&mut coordinator, AdpmRequest::NetworkStart { pan_id: pipe::PAN });
        for n in 1..=1000 {
            let short = Some(ShortAddress(n as u16));
            give(&mut coordinator, AdpmRequest::Allow { eui64: eui(n), psk: psk(n), short });
            while coordinator.poll().is_some() {}
        }
        adp = Some(coordinator);
    });
    drop(adp);
    let size = size_of::<Adp>() + usize::try_from(info.bytes_current).unwrap();
    assert!(size <= 12 * 1024 * 1024, "{size}");
}

#[test]
fn traffic_over_known_routes_leaves_no_memory_behind() {
    let mut pipe = Pipe::town(1, &[(0, 1, 150), (1, 2, 150), (2, 3, 150)], |_| {});
    let at = |pipe: &mut Pipe, rounds: u16| {
        for handle in 0..rounds {
            pipe.send(0, 3, handle, 700);
            pipe.send(3, 0, handle, 700);
            pipe.run(Duration::from_secs(10));
            for station in &mut pipe.stations {
                (station.packets, station.confirms) = (Vec::new(), Vec::new());
            }
            (pipe.frames, pipe.inputs) = (Vec::new(), Vec::new());
        }
    };
    at(&mut pipe, 20);
    let info = allocation_counter::measure(|| at(&mut pipe, 50));
    assert!(info.bytes_current <= 0, "{} octets stay", info.bytes_current);
}
