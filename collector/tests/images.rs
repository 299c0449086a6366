//! Firmware over the line: in parts behind those that are read, resumed after any loss, activated when the meter believes it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod street;

use collector::{
    BACKGROUND, CollectorConfig, CollectorEvent, CollectorInput, Image, ImageFault, ImageProgress,
    ImageStage, Order, OrderEnd, Work,
};
use plc_core::{Instant, Seed};
use std::time::Duration;
use street::image::{BLOCK_LEN, Fate, signed};
use street::{Network, PERIOD, Street, eui64, midnight};

const LEN: usize = 20_030;
const BLOCKS: u32 = 201;

fn config() -> CollectorConfig {
    CollectorConfig {
        // Some ten blocks, on this line.
        image_part: Duration::from_millis(1500),
        clock_tolerance: Duration::from_secs(30),
        ..CollectorConfig::new(Seed::from_u64(5))
    }
}

fn order(street: &mut Street, n: u16, octets: &[u8], progress: ImageProgress) {
    order_from(street, n, octets, progress, Instant::EPOCH);
}

fn order_from(street: &mut Street, n: u16, octets: &[u8], progress: ImageProgress, from: Instant) {
    let image = Image { identifier: b"fw-2".to_vec(), octets: octets.into(), activate_from: from, progress };
    let until = street.now + Duration::from_secs(86_400);
    let work = Work::Image(image);
    let meter = eui64(n);
    street.input(CollectorInput::Order(Order { number: n.into(), meter, work, priority: BACKGROUND, until }));
}

fn ends(street: &Street, n: u16) -> Vec<(Instant, OrderEnd)> {
    let ended = street.events.iter().filter_map(|(at, event)| match event {
        CollectorEvent::OrderEnded { number, end, .. } if *number == u64::from(n) => Some((*at, end.clone())),
        _ => None,
    });
    ended.collect()
}

fn progress(street: &Street, n: u16) -> ImageProgress {
    let told = street.events.iter().rev().find_map(|(_, event)| match event {
        CollectorEvent::OrderProgress { number, progress, .. } if *number == u64::from(n) => {
            Some(progress.clone())
        }
        _ => None,
    });
    told.unwrap_or_default()
}

/// Orders the image again whenever a part of it has ended, as whoever keeps jobs does; how it has ended.
fn carry(street: &mut Street, n: u16, octets: &[u8]) -> (OrderEnd, usize) {
    order(street, n, octets, ImageProgress::default());
    let (mut seen, mut parts) = (0, 0);
    for _ in 0..20_000 {
        let hours = street.now.since(Instant::EPOCH).as_secs_f64() / 3600.0;
        street.run_until_hours(hours + 1.0 / 3600.0);
        let ends = ends(street, n);
        let Some((at, end)) = ends.get(seen) else { continue };
        let OrderEnd::Partly { pause } = end else { return (end.clone(), parts) };
        if street.now >= *at + *pause {
            (seen, parts) = (seen + 1, parts + 1);
            order(street, n, octets, progress(street, n));
        }
    }
    panic!("no end: {:?}", progress(street, n));
}

fn taken(street: &Street, n: u16) -> &[u32] {
    &street.meters[&n].objects.image.taken
}

#[test]
fn an_image_comes_over_in_parts_is_verified_activated_and_the_version_told() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    street.run_until_hours(0.1);
    let image = signed(LEN);
    let (end, parts) = carry(&mut street, 1, &image);
    let OrderEnd::Done(answers) = end else { panic!("{end:?}") };
    assert_eq!(format!("{answers:?}"), format!("[Value({:?})]", b"\x09\x032.0"));
    assert!(parts > 5, "{parts}");
    assert_eq!(street.meters[&1].objects.image.octets, image);
    assert_eq!(taken(&street, 1), (0..BLOCKS).collect::<Vec<_>>(), "each block once");
    let told = progress(&street, 1);
    assert_eq!((told.stage, told.done, told.all), (ImageStage::Activating, BLOCKS, BLOCKS));
    assert_eq!(told.version, b"1.0");
}

#[test]
fn an_image_that_was_not_signed_so_is_refused_and_never_activated() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    let mut image = signed(LEN);
    image[5] ^= 1;
    let (end, _) = carry(&mut street, 1, &image);
    assert_eq!(end, OrderEnd::Image(ImageFault::NotBelieved));
    assert_eq!(street.meters[&1].objects.image.version, b"1.0");
    assert!(progress(&street, 1).stage < ImageStage::Verified);
}

#[test]
fn what_became_of_an_image_is_read_back_also_from_a_meter_that_has_forgotten_it() {
    for fate in [Fate::Runs, Fate::RunsForgotten, Fate::RollsBack, Fate::RollsBackForgotten] {
        let mut street = Street::new(config(), 1, Network::GOOD);
        street.meters.get_mut(&1).unwrap().objects.image.fate = fate;
        let (end, _) = carry(&mut street, 1, &signed(500));
        match fate {
            Fate::Runs | Fate::RunsForgotten => assert!(matches!(end, OrderEnd::Done(_)), "{fate:?} {end:?}"),
            _ => assert_eq!(end, OrderEnd::Image(ImageFault::RolledBack(b"1.0".to_vec())), "{fate:?}"),
        }
    }
}

#[test]
fn on_a_bad_line_no_block_is_forgotten_and_reads_lose_nothing() {
    let mut street = Street::new(config(), 3, Network::BAD);
    let image = signed(LEN);
    let (end, _) = carry(&mut street, 1, &image);
    assert!(matches!(end, OrderEnd::Done(_)), "{end:?}");
    assert_eq!(street.meters[&1].objects.image.octets, image);
    let end = street.now.since(Instant::EPOCH).as_secs_f64() / 3600.0;
    street.run_until_hours(end.ceil() + 0.2);
    for n in 1..=3 {
        let captured = street.captures(n, street::IMPORT);
        let (first, last) = (*captured.first_key_value().unwrap().0, *captured.last_key_value().unwrap().0);
        street.assert_complete(n, first, last);
        assert!(last >= midnight() + PERIOD * 4);
    }
}

#[test]
fn a_concentrator_that_restarts_goes_on_where_the_meter_is() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    let image = signed(LEN);
    order(&mut street, 1, &image, ImageProgress::default());
    let mut hours = 0.0;
    while taken(&street, 1).len() < 7 {
        hours += 0.1 / 3600.0;
        street.run_until_hours(hours);
    }
    // In the middle of a part: what was told last is that it was begun.
    let known = progress(&street, 1);
    assert_eq!((known.stage, known.done), (ImageStage::Begun, 0));
    street.restart();
    let before = taken(&street, 1).len();
    order(&mut street, 1, &image, known);
    street.run_until_hours(hours + 60.0 / 3600.0);
    let after = &taken(&street, 1)[before..];
    assert!(after.len() > 3 && !after.contains(&0) && after.is_sorted(), "{after:?}");
}

#[test]
fn a_meter_that_has_lost_what_it_had_gets_it_again_and_one_with_the_image_of_another_is_left_alone() {
    let mut street = Street::new(config(), 2, Network::GOOD);
    let (image, other) = (signed(LEN), signed(LEN - 1));
    order(&mut street, 1, &image, ImageProgress::default());
    street.run_until_hours(0.01);
    let known = progress(&street, 1);
    assert!(known.done > 0);
    let objects = &mut street.meters.get_mut(&1).unwrap().objects;
    objects.image.transfer = objects.image.transfer.forgotten();
    objects.image.taken.clear();
    order(&mut street, 1, &image, known.clone());
    street.run_until_hours(0.02);
    assert_eq!(taken(&street, 1).first(), Some(&0));
    // Somebody else has brought another image over meanwhile, and it was verified.
    let (end, _) = carry(&mut street, 2, &other);
    assert!(matches!(end, OrderEnd::Done(_)));
    let objects = &mut street.meters.get_mut(&2).unwrap().objects;
    objects.image.transfer.on_verified(Some(&[0; 64]));
    order(&mut street, 2, &image, known);
    let hours = street.now.since(Instant::EPOCH).as_secs_f64() / 3600.0;
    street.run_until_hours(hours + 0.01);
    assert_eq!(ends(&street, 2).last().unwrap().1, OrderEnd::Image(ImageFault::Another));
}

#[test]
fn an_image_waits_for_its_time_although_it_is_verified() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    let (image, from) = (signed(5 * BLOCK_LEN), Instant::from_secs(7200));
    order_from(&mut street, 1, &image, ImageProgress::default(), from);
    street.run_until_hours(0.1);
    let (at, end) = ends(&street, 1)[0].clone();
    assert_eq!(end, OrderEnd::Partly { pause: from.since(at) });
    assert_eq!(progress(&street, 1).stage, ImageStage::Verified);
    assert_eq!(street.meters[&1].objects.image.version, b"1.0");
    street.run_until_hours(2.01);
    let known = progress(&street, 1);
    order_from(&mut street, 1, &image, known, from);
    street.run_until_hours(2.02);
    assert_eq!(street.meters[&1].objects.image.version, b"2.0");
}

#[test]
fn those_who_are_to_be_read_go_ahead_and_an_image_never_takes_the_last_place() {
    let config = CollectorConfig { image_part: Duration::from_secs(3600), ..config() };
    let mut street = Street::new(config, 12, Network { delay_max_ms: 2000, ..Network::GOOD });
    street.run_until_hours(0.2);
    for n in 1..=6 {
        order(&mut street, n, &signed(100_000), ImageProgress::default());
    }
    street.run_until_hours(0.24);
    assert_eq!(street.collector.sessions_on_line(), 1, "two places, of which one stays free");
    let began = street.now;
    street.run_until_hours(0.5);
    let read = street.events.iter().filter(|(at, event)| {
        *at > began && matches!(event, CollectorEvent::MeterRead { captures: 1.., .. })
    });
    assert!(read.count() >= 11, "all but the one that has the place");
}

#[test]
fn an_image_without_a_name_or_octets_is_refused() {
    let mut street = Street::new(config(), 1, Network::GOOD);
    order(&mut street, 1, &[], ImageProgress::default());
    assert_eq!(ends(&street, 1)[0].1, OrderEnd::NoRoom);
}
