use super::*;
use crate::vectors::hex;
use crate::wire::msdu;
use alloc::string::ToString;
use alloc::vec;
use plc_core::ShortAddress;
use proptest::prelude::*;

#[test]
fn the_sample_request_of_the_standard_is_reproduced_and_shown() {
    let message = LoadngMessage::Rreq(RouteMessage {
        destination: ShortAddress(1),
        originator: ShortAddress(0),
        sequence: 1,
        flags: RouteMessage::UNICAST,
        metric: 0x0F,
        route_cost: 0,
        hop_limit: 8,
        hop_count: 0,
        weak_links: 0,
        reserved: 0,
    });
    let bytes = hex("4001000001000000014f00008000");
    assert_eq!(msdu(|w| message.emit(w)).unwrap().as_slice(), bytes);
    assert_eq!(LoadngMessage::parse(&mut Reader::new(&bytes)), Ok(message.clone()));
    let text = "RREQ 0000 -> 0001 number 1 cost 0 hops 0 weak 0 limit 8 flags 4 metric f";
    assert_eq!(message.to_string(), text);
}

#[test]
fn too_many_hops_and_trailing_octets_are_refused() {
    let preq = hex("4001fc000100000f000000");
    let mut long = preq.clone();
    long.resize(preq.len() + 4 * RECORDS_MAX, 0);
    assert!(LoadngMessage::parse(&mut Reader::new(&long)).is_ok());
    long.resize(long.len() + 4, 0);
    assert!(LoadngMessage::parse(&mut Reader::new(&long)).is_err());
    let rerr = hex("400102000100020000038000");
    assert_eq!(LoadngMessage::parse(&mut Reader::new(&rerr)), Err(WireError::TrailingBytes));
}

fn nibble() -> impl Strategy<Value = u8> {
    0u8..16
}

fn short() -> impl Strategy<Value = ShortAddress> {
    any::<u16>().prop_map(ShortAddress)
}

fn route() -> impl Strategy<Value = RouteMessage> {
    let addresses = (short(), short(), any::<u16>(), any::<u16>());
    (addresses, nibble(), nibble(), nibble(), nibble(), nibble(), nibble()).prop_map(
        |((destination, originator, sequence, route_cost), flags, metric, limit, count, weak, reserved)| {
            RouteMessage {
                destination,
                originator,
                sequence,
                flags,
                metric,
                route_cost,
                hop_limit: limit,
                hop_count: count,
                weak_links: weak,
                reserved,
            }
        },
    )
}

fn hops() -> impl Strategy<Value = HopRecords> {
    let record = (short(), any::<u8>(), any::<u8>()).prop_map(|(address, attributes, link_cost)| HopRecord {
        address,
        attributes,
        link_cost,
    });
    prop::collection::vec(record, 0..=RECORDS_MAX).prop_map(|hops| HopRecords::from_slice(&hops).unwrap())
}

fn message() -> impl Strategy<Value = LoadngMessage> {
    let rerr = (short(), short(), any::<u8>(), short(), nibble(), nibble()).prop_map(
        |(destination, originator, error, unreachable, hop_limit, reserved)| {
            LoadngMessage::Rerr(Rerr { destination, originator, error, unreachable, hop_limit, reserved })
        },
    );
    let preq = (short(), short(), nibble(), (nibble(), any::<[u8; 3]>()), hops()).prop_map(
        |(destination, originator, metric, reserved, hops)| {
            LoadngMessage::Preq(Preq { destination, originator, metric, reserved, hops })
        },
    );
    let prep = (short(), short(), nibble(), (nibble(), any::<u8>()), short(), hops()).prop_map(
        |(destination, expected_originator, metric, reserved, originator, hops)| {
            LoadngMessage::Prep(Prep { destination, expected_originator, metric, reserved, originator, hops })
        },
    );
    let reverse = (short(), short(), nibble(), nibble(), any::<Option<u8>>()).prop_map(
        |(destination, originator, metric, reserved, cost)| match cost {
            None => LoadngMessage::RlcReq(RlcReq { destination, originator, metric, reserved }),
            Some(link_cost) => {
                LoadngMessage::RlcRep(RlcRep { destination, originator, metric, reserved, link_cost })
            }
        },
    );
    prop_oneof![
        route().prop_map(LoadngMessage::Rreq),
        route().prop_map(LoadngMessage::Rrep),
        rerr,
        preq,
        prep,
        reverse
    ]
}

proptest! {
    #[test]
    fn every_message_comes_back(message in message()) {
        let bytes = msdu(|w| message.emit(w)).unwrap();
        prop_assert_eq!(bytes.len(), message.wire_len());
        prop_assert!(!message.to_string().is_empty());
        prop_assert_eq!(LoadngMessage::parse(&mut Reader::new(&bytes)), Ok(message));
    }

    #[test]
    fn what_is_understood_is_written_the_same_way(kind: u8, body in prop::collection::vec(any::<u8>(), 0..150)) {
        let mut bytes = vec![0x40, 1, kind];
        bytes.extend_from_slice(&body);
        if let Ok(message) = LoadngMessage::parse(&mut Reader::new(&bytes)) {
            prop_assert_eq!(&msdu(|w| message.emit(w)).unwrap()[..], &bytes[..]);
        }
    }
}
