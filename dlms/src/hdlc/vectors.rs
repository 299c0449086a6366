//! Frames from the field, and the laws of the frame codec.

use super::*;
use crate::apdu::{Pdu, law};
use crate::hex::hex;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Frames between flags: an octet of each is changed in turn.
const CAPTURED: [&str; 16] = [
    "7ea0070321930f017e",
    "7ea01e210373c37a818012050180060180070400000001080400000001533b7e",
    "7ea02b032110fbafe6e600601da109060760857405080101be10040e01000000065f1f0400401e5dffff91237e",
    "7ea0372103306c7ce6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400000018020000073cb07e",
    "7ea0190321326fd8e6e600c001c100080000010000ff0200601a7e",
    "7ea030210352596be6e700c401c100090c07ea0b160705110700000000090f090c07ea0b160705110700000000090ff81c7e",
    "7ea00a00020023219318717e",
    "7ea023210002002373f6c58180140502008006020080070400000001080400000001ce6a7e",
    "7ea0199575546835e6e600c0018100080000010000ff01000dfd7e",
    "7ea018759574e9e8e6e700c401810009060000010000fffd497e",
    "7ea01e7595966f67e6e700c4018100090c07d20c04030a060bff007800f3307e",
    "7ea0199575767837e6e600c0018100080000010000ff020065d77e",
    "7ea01e610373b57c81801205018006013e07040000000108040000000107227e",
    "7ea02102230b930b8b818014050207ee060207ee070400000001080400000001b5d47e",
    "7ea00a002254d361513f997e",
    "7ea067cf022313fbf1e6e700db0844556677889900aa4f20888877775540d5496ab897685e9b7e469942209b881fe280526f77c9d1dee763afb463a9bbe88449cb3fe79725875de945a405cb0f3119d3e06e3c4790130a29bc090cdf4b323cd7019d628ca255fce57e",
];

fn body(text: &str) -> Vec<u8> {
    let octets = hex(text);
    octets[1..octets.len() - 1].to_vec()
}

#[test]
fn captured_frames_are_read_and_written_to_the_same_octets() {
    for text in CAPTURED {
        let octets = hex(text);
        let frame =
            Frame::read(&octets[1..octets.len() - 1]).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let mut again = Vec::new();
        assert!(frame.append_to(&mut again));
        assert_eq!(again, octets, "{text}");
    }
}

#[test]
fn captured_frames_are_what_they_are() {
    let shown: Vec<String> =
        CAPTURED.iter().map(|text| alloc::format!("{}", Frame::read(&body(text)).unwrap())).collect();
    assert_eq!(shown[0], "16 > 1: SNRM P/F");
    assert_eq!(shown[1], "1 > 16: UA P/F, 21 octets");
    assert_eq!(shown[2], "16 > 1: I 0 0 P/F, 34 octets");
    assert_eq!(shown[4], "16 > 1: I 1 1 P/F, 16 octets");
    assert_eq!(shown[6], "16 > 1/17: SNRM P/F");
    assert_eq!(shown[13], "5 > 1/17: SNRM P/F, 23 octets");
    assert_eq!(shown[14], "48 > 17/5481: RR 2 P/F");
    assert_eq!(shown[15], "1/17 > 103: UI P/F, 93 octets");
}

#[test]
fn a_flag_inside_the_cipher_text_ends_no_frame() {
    let octets = hex(CAPTURED[15]);
    assert!(octets[1..octets.len() - 1].contains(&0x7E));
    let mut deframer = Deframer::new();
    assert_eq!(deframer.take(&mut &octets[..]), Some(body(CAPTURED[15])));
}

#[test]
fn every_changed_octet_is_noticed() {
    for text in CAPTURED {
        let good = body(text);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(Frame::read(&bad).is_err(), "{text} at {at}");
        }
    }
}

#[test]
fn header_and_frame_checks_are_told_apart() {
    let good = body(CAPTURED[4]);
    let fault = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        Frame::read(&bad).err()
    };
    let mut other_type = good.clone();
    other_type[0] ^= 0x10;
    assert_eq!(Frame::read(&other_type).err(), Some(FrameFault::Format));
    assert_eq!(fault(1), Some(FrameFault::Length));
    assert_eq!(fault(4), Some(FrameFault::HeaderCheck));
    assert_eq!(fault(5), Some(FrameFault::HeaderCheck));
    assert_eq!(fault(9), Some(FrameFault::FrameCheck));
    assert_eq!(fault(good.len() - 1), Some(FrameFault::FrameCheck));
}

#[test]
fn a_frame_longer_than_its_length_field_can_say_is_not_written() {
    let (destination, source) = (Address::one(1).unwrap(), Address::one(16).unwrap());
    let control = Control::from_octet(0x13);
    let mut octets = Vec::new();
    let frame = |information| Frame { destination, source, control, segmented: false, information };
    let information = alloc::vec![7; 2047 - 9];
    assert!(frame(&information).append_to(&mut octets));
    assert_eq!(Frame::read(&octets[1..octets.len() - 1]).map(|f| f.information.len()), Ok(2038));
    let information = alloc::vec![7; 2047 - 8];
    octets.clear();
    assert!(!frame(&information).append_to(&mut octets) && octets.is_empty());
}

/// A frame with random fields.
fn frames() -> impl Strategy<Value = (Address, Address, u8, bool, Vec<u8>)> {
    let address = (0u8..3, any::<u16>(), any::<u16>()).prop_map(|(kind, upper, lower)| match kind {
        0 => Address::one(upper & 0x7F).unwrap(),
        1 => Address::two(upper & 0x7F, lower & 0x7F).unwrap(),
        _ => Address::four(upper & 0x3FFF, lower & 0x3FFF).unwrap(),
    });
    (address.clone(), address, any::<u8>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..300))
}

proptest! {
    #[test]
    fn what_is_written_is_read((destination, source, control, segmented, information) in frames()) {
        let control = Control::from_octet(control);
        let frame = Frame { destination, source, control, segmented, information: &information };
        let octets = frame.to_vec();
        prop_assert_eq!(octets.len(), frame.wire_len());
        prop_assert_eq!(Frame::read(&octets), Ok(frame));
    }

    #[test]
    fn parsing_keeps_the_laws(bytes in law::near(&body(CAPTURED[4]))) {
        law::check::<Frame<'_>>(&bytes)?;
    }

    #[test]
    fn up_to_three_wrong_bits_are_always_noticed(
        (destination, source, control, segmented, information) in frames(),
        bits in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let control = Control::from_octet(control);
        let mut octets = Frame { destination, source, control, segmented, information: &information }.to_vec();
        let wrong: alloc::collections::BTreeSet<usize> = bits.iter().map(|bit| bit.index(octets.len() * 8)).collect();
        wrong.iter().for_each(|bit| octets[bit / 8] ^= 1 << (bit % 8));
        prop_assert!(Frame::read(&octets).is_err());
    }
}

use alloc::string::String;
