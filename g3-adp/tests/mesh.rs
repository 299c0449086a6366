//! Routes through towns of many hops.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pipe;

use g3_adp::wire::{LoadngMessage, Rerr, RouteMessage};
use g3_adp::{AdpConfig, AdpInput, Drop};
use pipe::{ALL_NODES, Pipe, address, packet};
use plc_core::sap::*;
use plc_core::wire::{Reader, Writer};
use plc_core::{MacAddress, Machine, ShortAddress};
use proptest::prelude::*;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn chain(nodes: usize, lqi: u8) -> Vec<(usize, usize, u8)> {
    (1..nodes).map(|n| (n - 1, n, lqi)).collect()
}

fn plain(_: &mut AdpConfig) {}

fn loadng(pipe: &Pipe) -> Vec<(usize, LoadngMessage)> {
    let parse = |(at, request): &(usize, McpsDataRequest)| {
        LoadngMessage::parse(&mut Reader::new(&request.msdu)).map(|message| (*at, message)).ok()
    };
    pipe.frames.iter().filter_map(parse).collect()
}

#[test]
fn devices_join_through_a_chain_and_packets_go_both_ways_over_seven_hops() {
    let mut pipe = Pipe::town(1, &chain(8, 200), plain);
    for n in 1..8 {
        assert_eq!(pipe.stations[n].short, ShortAddress(n as u16));
        assert_eq!(usize::from(pipe.stations[n].rc_coord), 6 * n, "a link with LQI 200 costs 6");
    }
    assert_eq!(pipe.way(7, 0), Some((0..8).rev().collect()));
    assert_eq!(pipe.way(0, 7), Some((0..8).collect()));
    pipe.send(0, 7, 1, 1280);
    pipe.send(7, 0, 2, 1280);
    pipe.run(MINUTE);
    for (at, handle) in [(0, 1), (7, 2)] {
        assert_eq!(pipe.stations[at].confirms, [AdpdDataConfirm { handle, status: AdpStatus::Success }]);
    }
    for (at, from) in [(0, 7), (7, 0)] {
        let got: Vec<_> = pipe.stations[at].packets.iter().map(|p| (p.packet.len(), p.hops)).collect();
        assert_eq!(got, [(1280, 7)], "from {from}");
    }
    assert!(loadng(&pipe).is_empty(), "the routes were known");
}

#[test]
fn two_meters_far_apart_find_each_other() {
    let mut pipe = Pipe::town(2, &chain(8, 100), plain);
    pipe.send(7, 1, 1, 100);
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[1].packets.len(), 1);
    assert_eq!(pipe.stations[7].confirms[0].status, AdpStatus::Success);
    assert!(loadng(&pipe).iter().any(|(at, m)| *at == 1 && matches!(m, LoadngMessage::Rrep(_))));
    assert_eq!(pipe.way(1, 7), Some((1..8).collect()));
    assert_eq!(pipe.way(7, 1), Some((1..8).rev().collect()));
}

/// Node 1 of a chain hears by broadcast that node 9, behind the coordinator, looks for node 3, with the unicast flag; how does
/// it pass that on?
fn passed_on_by_node_1(tune: impl Fn(&mut AdpConfig)) -> Vec<MacAddress> {
    let mut pipe = Pipe::town(5, &chain(4, 200), tune);
    pipe.send(1, 3, 1, 60);
    pipe.run(MINUTE);
    assert_eq!(pipe.way(1, 3), Some(vec![1, 2, 3]), "node 1 knows the way");
    let request = RouteMessage {
        destination: ShortAddress(3),
        originator: ShortAddress(9),
        sequence: 1,
        flags: RouteMessage::UNICAST,
        metric: 0x0F,
        route_cost: 6,
        hop_limit: 7,
        hop_count: 1,
        weak_links: 0,
        reserved: 0,
    };
    let mut octets = [0; 64];
    let mut writer = Writer::new(&mut octets);
    LoadngMessage::Rreq(request).emit(&mut writer).unwrap();
    let msdu = Msdu::from_slice(writer.written()).unwrap();
    let (src, dst) = (MacAddress::Short(ShortAddress(0)), MacAddress::BROADCAST);
    let security = MacSecurity::EncMic32 { key_index: 0 };
    let link = LinkQuality::robust(Lqi(200));
    let heard = McpsDataIndication { src_pan: pipe::PAN, src, dst, msdu, security, link };
    let before = pipe.frames.len();
    pipe.give(1, AdpInput::McpsIndication(heard));
    pipe.run(Duration::from_secs(2));
    let own = pipe.frames[before..].iter().filter(|(at, _)| *at == 1);
    own.map(|(_, frame)| frame.dst).collect()
}

#[test]
fn a_request_to_everybody_is_flooded_whatever_its_flag_unless_everybody_shall_pass_it_on_alone() {
    assert_eq!(passed_on_by_node_1(plain), [MacAddress::BROADCAST]);
    let alone = passed_on_by_node_1(|config| config.interop.everybody_passes_unicast = true);
    assert_eq!(alone, [MacAddress::Short(ShortAddress(2))]);
}

/// Node 0 of a square knows the way to node 3 through node 1, and is told by `from` that its frame could not go on.
fn broken_by(from: u16, originator: u16, tune: impl Fn(&mut AdpConfig)) -> bool {
    let links = [(0, 1, 200), (1, 3, 200), (0, 2, 90), (2, 3, 90)];
    let mut pipe = Pipe::town(6, &links, tune);
    pipe.send(0, 3, 1, 60);
    pipe.run(MINUTE);
    assert_eq!(pipe.way(0, 3), Some(vec![0, 1, 3]));
    let (destination, unreachable) = (ShortAddress(originator), ShortAddress(3));
    let (error, hop_limit, own) = (Rerr::HOP_LIMIT, 5, ShortAddress(2));
    let rerr = Rerr { destination, originator: own, error, unreachable, hop_limit, reserved: 0 };
    let mut octets = [0; 64];
    let mut writer = Writer::new(&mut octets);
    LoadngMessage::Rerr(rerr).emit(&mut writer).unwrap();
    let msdu = Msdu::from_slice(writer.written()).unwrap();
    let (src, dst) = (MacAddress::Short(ShortAddress(from)), MacAddress::Short(ShortAddress(0)));
    let (security, link) = (MacSecurity::EncMic32 { key_index: 0 }, LinkQuality::robust(Lqi(90)));
    let heard = McpsDataIndication { src_pan: pipe::PAN, src, dst, msdu, security, link };
    pipe.give(0, AdpInput::McpsIndication(heard));
    pipe.stations[0].adp.routes().iter().any(|route| route.destination == unreachable && route.broken)
}

#[test]
fn an_originator_believes_that_its_frame_could_not_go_on_whichever_way_the_news_comes_and_others_do_not() {
    assert!(broken_by(2, 0, plain), "its own frame, told by another neighbour than the next hop");
    assert!(!broken_by(2, 1, plain), "the frame of another node");
    assert!(broken_by(1, 1, plain), "told by the next hop");
    let strict = |config: &mut AdpConfig| config.interop.originator_believes_errors = false;
    assert!(!broken_by(2, 0, strict));
}

#[test]
fn the_cheapest_route_is_taken_and_weak_links_are_avoided() {
    // 0 - 1 - 4 over good links, 0 - 2 - 4 over poorer ones, 0 - 3 - 4 over one weak and one excellent link.
    let links = [(0, 1, 180), (1, 4, 180), (0, 2, 100), (2, 4, 100), (0, 3, 40), (3, 4, 255)];
    let mut pipe = Pipe::town(3, &links, plain);
    pipe.manage(4, AdpmRequest::RouteDiscovery { destination: ShortAddress(0), max_hops: 8 });
    pipe.run(MINUTE);
    assert_eq!(pipe.way(4, 0), Some(vec![4, 1, 0]));
    assert_eq!(pipe.way(0, 4), Some(vec![0, 1, 4]));
    let (destination, status) = (ShortAddress(0), AdpStatus::Success);
    assert_eq!(pipe.stations[4].told.last(), Some(&AdpmIndication::RouteDiscovered { destination, status }));
}

#[test]
fn a_broken_route_is_repaired_under_way_and_the_frame_arrives() {
    // Two ways around a square, each of five hops in all from end to end.
    let links = [
        (0, 1, 200),
        (1, 2, 200),
        (2, 3, 200),
        (3, 4, 200),
        (4, 5, 200),
        (2, 6, 100),
        (6, 7, 100),
        (7, 4, 100),
    ];
    let mut pipe = Pipe::town(4, &links, plain);
    pipe.send(0, 5, 1, 600);
    pipe.run(MINUTE);
    assert_eq!(pipe.way(0, 5), Some(vec![0, 1, 2, 3, 4, 5]));
    pipe.links.remove(&(2, 3));
    pipe.send(0, 5, 2, 600);
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[5].packets.len(), 2);
    assert_eq!(pipe.way(0, 5), Some(vec![0, 1, 2, 6, 7, 4, 5]));
    let repairs = loadng(&pipe)
        .iter()
        .filter(|(at, m)| *at == 2 && matches!(m, LoadngMessage::Rreq(r) if r.is_repair()))
        .count();
    assert_eq!(repairs, 1, "the node before the gap has asked once");
    // The way back breaks at the other end of the gap, and is repaired from there.
    pipe.send(5, 0, 3, 600);
    pipe.run(MINUTE * 2);
    assert_eq!(pipe.stations[0].packets.len(), 1);
}

#[test]
fn who_sends_to_a_node_that_is_gone_is_told_and_forgets_the_route() {
    let mut pipe = Pipe::town(5, &chain(6, 150), plain);
    pipe.links.remove(&(4, 5));
    pipe.send(0, 5, 1, 100);
    pipe.run(Duration::from_secs(30));
    assert_eq!(pipe.stations[0].confirms[0].status, AdpStatus::Success, "the next hop had it");
    pipe.run(MINUTE);
    let reports: Vec<_> = loadng(&pipe)
        .into_iter()
        .filter_map(|(at, message)| match message {
            LoadngMessage::Rerr(rerr) => Some((at, rerr.destination.0, rerr.unreachable.0, rerr.error)),
            _ => None,
        })
        .collect();
    assert_eq!(reports, [(4, 0, 5, 0), (3, 0, 5, 0), (2, 0, 5, 0), (1, 0, 5, 0)]);
    assert_eq!(pipe.way(0, 5), None);
    pipe.send(0, 5, 2, 100);
    pipe.run(MINUTE * 2);
    assert_eq!(pipe.stations[0].confirms[1].status, AdpStatus::RouteError);
    assert!(pipe.stations[5].packets.is_empty());
}

#[test]
fn a_device_that_loses_its_coordinator_says_so_and_finds_it_again() {
    let mut pipe = Pipe::town(6, &chain(4, 150), plain);
    let cost = pipe.stations[3].rc_coord;
    pipe.links.remove(&(1, 2));
    pipe.send(3, 0, 1, 100);
    pipe.send(2, 0, 1, 100);
    pipe.run(MINUTE * 3);
    assert_eq!(pipe.stations[2].rc_coord, 0xFFFF);
    pipe.links.insert((1, 2), 150);
    pipe.run(MINUTE * 40);
    pipe.send(3, 0, 2, 100);
    pipe.run(MINUTE * 3);
    assert_eq!(pipe.stations[0].packets.len(), 1);
    assert_eq!(pipe.stations[3].rc_coord, cost);
}

#[test]
fn a_broadcast_reaches_everybody_exactly_once_over_seven_hops() {
    let mut links = chain(8, 150);
    links.extend([(0, 2, 90), (1, 3, 90), (4, 6, 90)]);
    let mut pipe = Pipe::town(7, &links, plain);
    let all = packet(900, address(ShortAddress(0)), ALL_NODES);
    pipe.give(0, AdpInput::Data(AdpdDataRequest { handle: 1, packet: all, priority: Priority::Normal }));
    pipe.run(MINUTE);
    assert!((1..8).all(|at| pipe.stations[at].packets.len() == 1));
    assert!(pipe.stations[0].packets.is_empty());
    assert!(pipe.stations.iter().all(|station| station.adp.counters().dropped(Drop::QueueFull) == 0));
}

#[test]
fn a_path_is_discovered_with_the_cost_of_every_hop_there_and_back() {
    let mut pipe = Pipe::town(8, &[(0, 1, 255), (1, 2, 100), (2, 3, 0)], plain);
    pipe.manage(0, AdpmRequest::PathDiscovery { destination: ShortAddress(3), metric: 0x0F });
    pipe.run(MINUTE);
    let Some(AdpmIndication::PathDiscovered { status, path, .. }) = pipe.stations[0].told.last() else {
        panic!()
    };
    let hops: Vec<_> = path.hops().iter().map(|hop| (hop.address.0, hop.cost, hop.phase)).collect();
    let there = [(1, Some(4), 1), (2, Some(10), 1), (3, Some(14), 1)];
    let back = [(2, Some(14), 1), (1, Some(10), 1), (0, Some(4), 1)];
    assert_eq!((*status, hops), (AdpStatus::Success, [there, back].concat()));
    pipe.manage(0, AdpmRequest::PathDiscovery { destination: ShortAddress(3), metric: 0x00 });
    pipe.run(MINUTE);
    let Some(AdpmIndication::PathDiscovered { path, .. }) = pipe.stations[0].told.last() else { panic!() };
    assert!(path.hops().iter().all(|hop| hop.cost.is_none()), "another metric than the nodes use");
}

#[test]
fn a_path_that_ends_on_the_way_is_told_as_far_as_it_goes() {
    let mut pipe = Pipe::town(9, &chain(5, 100), plain);
    pipe.links.remove(&(3, 4));
    pipe.send(2, 4, 1, 100);
    pipe.run(MINUTE * 3);
    pipe.manage(0, AdpmRequest::PathDiscovery { destination: ShortAddress(4), metric: 0x0F });
    pipe.run(MINUTE);
    let Some(AdpmIndication::PathDiscovered { status, path, .. }) = pipe.stations[0].told.last() else {
        panic!()
    };
    assert_eq!(*status, AdpStatus::RouteError);
    assert!(path.hops().iter().all(|hop| hop.address != ShortAddress(4)));
    assert_eq!(path.hops().last().unwrap().address, ShortAddress(0));
}

#[test]
fn with_default_routing_disabled_nobody_looks_for_anybody() {
    let mut pipe = Pipe::town(10, &chain(2, 100), |config| config.ib.adp_disable_default_routing = true);
    pipe.send(0, 1, 1, 100);
    pipe.run(MINUTE * 10);
    assert_eq!(pipe.stations[1].packets.len(), 1);
    assert!(loadng(&pipe).is_empty());
}

#[test]
fn neighbours_are_asked_for_the_other_direction_when_that_is_enabled() {
    let tune = |config: &mut AdpConfig| config.ib.adp_rlc_enabled = true;
    let mut pipe = Pipe::town(11, &chain(4, 100), tune);
    pipe.send(1, 3, 1, 100);
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[3].packets.len(), 1);
    let asked = |pipe: &Pipe| {
        pipe.inputs.iter().any(|(_, _, input)| {
        matches!(input, AdpInput::McpsIndication(frame) if frame.msdu.starts_with(&[0x40, 1, 255]))
    })
    };
    assert!(asked(&pipe));
}

#[test]
fn the_coordinator_is_reached_over_the_agent_before_there_is_a_route() {
    let tune = |config: &mut AdpConfig| config.ib.adp_default_coord_route_enabled = true;
    let mut pipe = Pipe::town(12, &chain(3, 100), tune);
    assert_eq!(pipe.way(2, 0), Some(vec![2, 1, 0]));
    pipe.frames.clear();
    pipe.send(2, 0, 1, 100);
    pipe.run(MINUTE);
    assert_eq!(pipe.stations[0].packets.len(), 1);
    assert!(pipe.stations[2].adp.deadline().is_some());
}

#[test]
fn a_device_whose_frames_reach_the_coordinator_looks_for_it_no_more() {
    let tune = |config: &mut AdpConfig| config.ib.adp_default_coord_route_enabled = true;
    let mut pipe = Pipe::town(15, &[(0, 1, 60), (1, 2, 60), (0, 3, 60)], tune);
    assert_eq!(pipe.way(2, 0), Some(vec![2, 1, 0]));
    pipe.links.extend([((0, 3), 255), ((2, 3), 255)]);
    let nobody = packet(100, address(ShortAddress(0)), address(ShortAddress(99)));
    pipe.give(0, AdpInput::Data(AdpdDataRequest { handle: 1, packet: nobody, priority: Priority::Normal }));
    pipe.run(MINUTE * 5);
    assert_eq!(
        pipe.way(2, 0),
        Some(vec![2, 3, 0]),
        "the request of the coordinator has come over node 3 first"
    );
    pipe.frames.clear();
    for hour in 0..16 {
        pipe.send(0, 2, 2 + hour, 100);
        pipe.run(MINUTE);
        pipe.send(2, 0, 2 + hour, 100);
        pipe.run(MINUTE * 59);
    }
    assert_eq!([0, 2].map(|at| pipe.stations[at].packets.len()), [16, 16]);
    let own = |(at, message): &(usize, LoadngMessage)| matches!(message, LoadngMessage::Rreq(m) if *at == 2 && m.originator.0 == 2);
    let asked: Vec<_> = loadng(&pipe).into_iter().filter(own).collect();
    assert_eq!(asked, [], "node 3 has never answered, so the agent stands in for the route");
}

#[test]
fn a_request_for_contention_free_access_is_refused_or_granted_as_configured() {
    for (grant, answer) in [(false, 3), (true, 2)] {
        let tune = |config: &mut AdpConfig| config.interop.grant_contention_free_access = grant;
        let mut pipe = Pipe::town(13, &chain(2, 100), tune);
        let [src, dst] = [1, 0].map(|short| MacAddress::Short(ShortAddress(short)));
        let (msdu, security) =
            (Msdu::from_slice(&[0x40, 3, 0]).unwrap(), MacSecurity::EncMic32 { key_index: 0 });
        let (src_pan, link) = (pipe::PAN, LinkQuality::robust(Lqi(100)));
        let request = McpsDataIndication { src_pan, src, dst, msdu, security, link };
        pipe.give(0, AdpInput::McpsIndication(request));
        let (at, frame) = pipe.frames.last().unwrap();
        assert_eq!((*at, frame.dst, frame.msdu.as_slice()), (0, src, &[0x40, 3, answer][..]));
    }
}

/// A connected town: a tree, and further links.
fn links() -> impl Strategy<Value = Vec<(usize, usize, u8)>> {
    (4usize..11).prop_flat_map(|nodes| {
        let parents: Vec<_> = (1..nodes).map(|n| 0..n).collect();
        let more = prop::collection::vec((0..nodes, 0..nodes), 0..nodes);
        let lqis = prop::collection::vec(30u8..=255, 2 * nodes);
        (parents, more, lqis).prop_map(|(parents, more, lqis)| {
            let tree = parents.into_iter().enumerate().map(|(n, parent)| (parent, n + 1));
            let pairs = tree.chain(more.into_iter().filter(|(a, b)| a != b));
            pairs.zip(lqis).map(|((a, b), lqi)| (a.min(b), a.max(b), lqi)).collect()
        })
    })
}

/// Whether one can walk from one node to the other.
fn connected(pipe: &Pipe, from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (vec![from], vec![from]);
    while let Some(at) = open.pop() {
        for &(a, b) in pipe.links.keys() {
            for (here, there) in [(a, b), (b, a)] {
                if here == at && !seen.contains(&there) {
                    seen.push(there);
                    open.push(there);
                }
            }
        }
    }
    seen.contains(&to)
}

/// Follows the tables from every node to every other; a circle is a mistake.
fn circle(pipe: &Pipe) -> Option<(usize, usize)> {
    let nodes = pipe.stations.len();
    let next = |at: usize, target: ShortAddress| {
        let routes = pipe.stations[at].adp.routes();
        let route = routes.iter().find(|r| r.destination == target && r.is_known(pipe.now))?;
        pipe.stations.iter().position(|station| station.short == route.next_hop)
    };
    (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to))).find(|&(from, to)| {
        let (mut at, target) = (from, pipe.stations[to].short);
        for _ in 0..=nodes {
            match next(at, target).filter(|_| at != to) {
                Some(hop) => at = hop,
                None => return false,
            }
        }
        true
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn in_any_town_routes_never_run_in_circles_and_packets_arrive_after_links_break(
        links in links(),
        sends in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..8),
        seed in 0u64..1000,
    ) {
        let mut pipe = Pipe::town(seed, &links, |config| config.ib.adp_max_hops = 12);
        let nodes = pipe.stations.len();
        for (from, to, breaks) in sends {
            let (from, to) = (from.index(nodes), to.index(nodes));
            if from == to {
                continue;
            }
            if let Some(way) = pipe.way(from, to).filter(|_| breaks) {
                let link = (way[0].min(way[1]), way[0].max(way[1]));
                let lqi = pipe.links.remove(&link);
                if !connected(&pipe, from, to) {
                    pipe.links.extend(lqi.map(|lqi| (link, lqi)));
                }
            }
            // Links that broke for others may have cut these two off from each other.
            if !connected(&pipe, from, to) {
                continue;
            }
            pipe.stations[to].packets.clear();
            for attempt in 0..4 {
                pipe.send(from, to, attempt, 200);
                pipe.run(MINUTE * 3);
                prop_assert_eq!(circle(&pipe), None);
            }
            prop_assert!(!pipe.stations[to].packets.is_empty(), "from {} to {}", from, to);
        }
    }
}
