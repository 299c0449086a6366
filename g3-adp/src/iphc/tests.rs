use super::*;
use crate::vectors::{PAN, hex};
use alloc::vec::Vec;
use plc_core::wire::{Reader, Writer};
use proptest::prelude::*;

const LINK: Link = Link { pan_id: PAN, source: ShortAddress(1), destination: ShortAddress::COORDINATOR };
const PACKET: &str = "6000000000131140fe80000000000000781d00fffe000001fe80000000000000781d00fffe0000000fdb0fdb0013b3bd0001000100100003c00181";

fn contexts() -> Contexts {
    let mut ib = InformationBase::default();
    let mut prefix = [0; 16];
    prefix[..6].copy_from_slice(&hex("112233445566"));
    ib.adp_context_information_table[1] = Some(Context { prefix, bits: 48, compress: true });
    let mut prefix = [0; 16];
    prefix[..8].copy_from_slice(&hex("20010db800000001"));
    ib.adp_context_information_table[5] = Some(Context { prefix, bits: 64, compress: true });
    let mut hidden = prefix;
    hidden[7] = 2;
    ib.adp_context_information_table[6] = Some(Context { prefix: hidden, bits: 64, compress: false });
    Contexts::new(&ib, PAN)
}

fn on_wire(packet: &[u8], link: Link, mode: Mode<'_>) -> Vec<u8> {
    let compressed = compress(packet, link, mode).unwrap();
    let mut bytes = compressed.header.to_vec();
    bytes.extend_from_slice(&packet[compressed.covered..]);
    bytes
}

fn back(bytes: &[u8], link: Link, contexts: &Contexts) -> Vec<u8> {
    let mut reader = Reader::new(bytes);
    let head = decompress(&mut reader, link, contexts).unwrap();
    let total = head.covered() + reader.remaining();
    let mut buffer = [0; 1400];
    let mut writer = Writer::new(&mut buffer);
    head.emit(total, &mut writer).unwrap();
    writer.bytes(reader.rest()).unwrap();
    writer.written().to_vec()
}

#[test]
fn the_vector_is_reproduced_without_contexts_and_uncompressed() {
    let packet = hex(PACKET);
    let stateless = hex("7e33f00fdb0fdbb3bd0001000100100003c00181");
    assert_eq!(on_wire(&packet, LINK, Mode::Stateless), stateless);
    assert_eq!(back(&stateless, LINK, &contexts()), packet);
    assert_eq!(on_wire(&packet, LINK, Mode::Uncompressed)[0], 0x41);
    assert_eq!(on_wire(&packet, LINK, Mode::Uncompressed)[1..], packet);
}

#[test]
fn the_vector_is_reproduced_with_context_one() {
    let mut packet = hex(PACKET);
    packet[8..16].copy_from_slice(&hex("1122334455660000"));
    packet[24..32].copy_from_slice(&hex("1122334455660000"));
    let bytes = on_wire(&packet, LINK, Mode::Stateful(&contexts()));
    assert_eq!(bytes, hex("7ef711f00fdb0fdbb3bd0001000100100003c00181"));
    assert_eq!(back(&bytes, LINK, &contexts()), packet);
}

#[test]
fn context_zero_is_the_link_local_prefix_with_the_pan() {
    let bytes = on_wire(&hex(PACKET), LINK, Mode::Stateful(&contexts()));
    assert_eq!(bytes[..2], [0x7E, 0x77]);
    assert_eq!(back(&bytes, LINK, &contexts()), hex(PACKET));
}

#[test]
fn an_elided_identifier_is_rebuilt_with_the_pan_and_not_with_zeros() {
    let stateless = hex("7e33f00fdb0fdbb3bd0001000100100003c00181");
    let rebuilt = back(&stateless, Link { pan_id: PanId(0x1234), ..LINK }, &contexts());
    assert_eq!(rebuilt[16..24], hex("123400fffe000001"));
}

#[test]
fn a_context_that_only_decompresses_is_never_used_to_compress() {
    let mut packet = hex(PACKET);
    packet[8..16].copy_from_slice(&hex("20010db800000002"));
    let bytes = on_wire(&packet, LINK, Mode::Stateful(&contexts()));
    assert_eq!(bytes[1] & 0x70, 0);
    assert_eq!(back(&bytes, LINK, &contexts()), packet);
}

#[test]
fn each_port_pair_takes_its_shortest_form() {
    let cases = [(0xF0B1u16, 0xF0BFu16, "f31f"), (0x0FDB, 0xF012, "f10fdb12"), (0xF012, 0x0FDB, "f2120fdb")];
    for (src, dst, expected) in cases {
        let mut packet = hex(PACKET);
        packet[40..42].copy_from_slice(&src.to_be_bytes());
        packet[42..44].copy_from_slice(&dst.to_be_bytes());
        let bytes = on_wire(&packet, LINK, Mode::Stateless);
        assert_eq!(bytes[2..2 + expected.len() / 2], hex(expected));
        assert_eq!(back(&bytes, LINK, &contexts()), packet);
    }
}

#[test]
fn multicast_addresses_take_their_shortest_form() {
    let cases = [
        ("ff020000000000000000000000000001", 1, 0x0B),
        ("ff0e0000000000000000000000123456", 4, 0x0A),
        ("ff050000000000000000001234567890", 6, 0x09),
        ("ff3e004020010db80000000112345678", 6, 0x0C),
        ("ff110000000000010000000000000001", 16, 0x08),
    ];
    for (address, inline, bits) in cases {
        let mut packet = hex(PACKET);
        packet[24..40].copy_from_slice(&hex(address));
        let bytes = on_wire(&packet, LINK, Mode::Stateful(&contexts()));
        assert_eq!(bytes[1] & 0x0F, bits, "{address}");
        let cid = usize::from(bytes[1] >> 7);
        assert_eq!(bytes[2 + cid + inline], 0xF0, "{address}");
        assert_eq!(back(&bytes, LINK, &contexts()), packet);
    }
}

#[test]
fn reserved_forms_and_unknown_contexts_are_refused() {
    for bytes in ["7a3411", "7e7d01", "7ef722f00fdb0fdb0000", "7e33f40fdb0fdb", "7e33e0", "7e3f"] {
        let bytes = hex(bytes);
        assert!(decompress(&mut Reader::new(&bytes), LINK, &contexts()).is_err(), "{bytes:02x?}");
    }
}

fn an_address() -> impl Strategy<Value = [u8; 16]> {
    let prefix = prop_oneof![
        Just(hex("fe80000000000000")),
        Just(hex("1122334455660000")),
        Just(hex("20010db800000001")),
        Just(hex("20010db800000002")),
        Just(hex("0000000000000000")),
        Just(hex("ff02000000000000")),
        Just(hex("ff3e004020010db8")),
        prop::collection::vec(any::<u8>(), 8),
    ];
    let iid = prop_oneof![
        Just(hex("781d00fffe000001")),
        Just(hex("781d00fffe000000")),
        Just(hex("781d00fffe00abcd")),
        Just(hex("000000fffe000001")),
        Just(hex("0000000000000001")),
        Just(hex("0000000012345678")),
        Just(hex("0000000000000000")),
        prop::collection::vec(any::<u8>(), 8),
    ];
    (prefix, iid).prop_map(|(prefix, iid)| [prefix, iid].concat().try_into().unwrap())
}

fn a_packet() -> impl Strategy<Value = Vec<u8>> {
    let flow = prop_oneof![Just(0u32), 0u32..0x10_0000];
    let class = prop_oneof![Just(0u8), 0u8..4, any::<u8>()];
    let port = prop_oneof![0xF0B0u16..0xF0C0, 0xF000u16..0xF100, any::<u16>()];
    let hops = prop_oneof![Just(1u8), Just(64), Just(255), any::<u8>()];
    let next = prop_oneof![Just(17u8), Just(58), any::<u8>()];
    let rest = prop::collection::vec(any::<u8>(), 0..40);
    (class, flow, next, hops, an_address(), an_address(), (port.clone(), port, any::<bool>()), rest).prop_map(
        |(traffic_class, flow_label, next_header, hop_limit, source, destination, (s, d, fits), rest)| {
            let payload_len = rest.len() as u16;
            let header = crate::ipv6::Ipv6Header {
                traffic_class,
                flow_label,
                payload_len,
                next_header,
                hop_limit,
                source,
                destination,
            };
            let mut buffer = [0; 40];
            header.emit(&mut Writer::new(&mut buffer)).unwrap();
            let mut packet = [&buffer[..], &rest].concat();
            if packet.len() >= 48 && fits {
                packet[40..42].copy_from_slice(&s.to_be_bytes());
                packet[42..44].copy_from_slice(&d.to_be_bytes());
                packet[44..46].copy_from_slice(&payload_len.to_be_bytes());
            }
            packet
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_packet_survives_compression(packet in a_packet(), src: u16, dst: u16, plain: bool) {
        let pick = |n: u16| ShortAddress(if n.is_multiple_of(2) { n & 1 } else { n });
        let link = Link { pan_id: PAN, source: pick(src), destination: pick(dst) };
        let contexts = contexts();
        let mode = if plain { Mode::Stateless } else { Mode::Stateful(&contexts) };
        let bytes = on_wire(&packet, link, mode);
        prop_assert_eq!(back(&bytes, link, &contexts), packet);
    }

    #[test]
    fn random_octets_never_panic_the_decompressor(mut bytes in prop::collection::vec(any::<u8>(), 0..80), total in 0usize..2048) {
        if let Some(first) = bytes.first_mut() {
            *first = 0x60 | *first & 0x1F;
        }
        if let Ok(head) = decompress(&mut Reader::new(&bytes), LINK, &contexts()) {
            let mut buffer = [0; 48];
            let mut writer = Writer::new(&mut buffer);
            if head.emit(total, &mut writer).is_ok() {
                prop_assert_eq!(writer.len(), head.covered());
            }
        }
    }

    #[test]
    fn random_octets_never_panic_the_compressor(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = compress(&bytes, LINK, Mode::Stateful(&contexts()));
    }
}
