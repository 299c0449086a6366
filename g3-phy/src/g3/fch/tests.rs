use super::*;
use plc_core::sap::{Modulation, ToneMap};
use proptest::prelude::*;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use HeaderFormat::{Arib, Cenelec, Fcc};

fn sof(
    pdc: u8,
    modulation: Modulation,
    scheme: ModulationScheme,
    units: u16,
    response_expected: bool,
) -> Fch {
    let tx = TxParameters { modulation, scheme, tone_map: ToneMap(0x3F) };
    Fch::Sof(Sof { pdc, tx, units, blocks: 1, response_expected })
}

fn emitted(fch: Fch, format: HeaderFormat, placement: CheckPlacement) -> Vec<u8> {
    let mut octets = vec![0; format.octets()];
    fch.emit(&mut Writer::new(&mut octets), format, placement).unwrap();
    octets
}

fn parsed(octets: &[u8], format: HeaderFormat) -> Result<Fch, WireError> {
    Fch::parse(&mut Reader::new(octets), format, CheckPlacement::HighestLast)
}

#[test]
fn published_headers_are_reproduced() {
    use {Modulation::*, ModulationScheme::*};
    let vectors = [
        (sof(0x00, Bpsk, Differential, 10, false), [0x00, 0x4A, 0x3F, 0x02, 0x80]),
        (sof(0xA5, Robo, Differential, 63, true), [0xA5, 0x3F, 0x3F, 0x12, 0x00]),
        (sof(0x80, Psk8, Coherent, 9, false), [0x80, 0xC9, 0x3F, 0x83, 0x80]),
        (sof(0x55, Robo, Differential, 10, true), [0x55, 0x0A, 0x3F, 0x12, 0x00]),
        (Fch::Ack { fcs: 0x5843, more_segments: false, negative: false }, [0x43, 0x00, 0x58, 0x29, 0x80]),
    ];
    for (fch, octets) in vectors {
        assert_eq!(emitted(fch, Cenelec, CheckPlacement::HighestLast), octets, "{fch}");
        assert_eq!(parsed(&octets, Cenelec), Ok(fch));
    }
}

#[test]
fn published_headers_of_fcc_are_reproduced() {
    use {Modulation::*, ModulationScheme::Differential};
    let sof = |pdc, modulation, units, blocks, response_expected| {
        let tx = TxParameters { modulation, scheme: Differential, tone_map: ToneMap(0xFF_FFFF) };
        Fch::Sof(Sof { pdc, tx, units, blocks, response_expected })
    };
    let vectors = [
        (sof(0x00, Bpsk, 40, 1, false), [0x00, 0x20, 0x28, 0xFF, 0xFF, 0xFF, 0x10, 0x21, 0x00]),
        (sof(0xA5, Psk8, 38, 2, true), [0xA5, 0x62, 0x26, 0xFF, 0xFF, 0xFF, 0x00, 0x25, 0x80]),
    ];
    for (fch, octets) in vectors {
        assert_eq!(emitted(fch, Fcc, CheckPlacement::HighestLast), octets, "{fch}");
        assert_eq!(parsed(&octets, Fcc), Ok(fch));
    }
}

#[test]
fn arib_leaves_the_bit_of_the_code_words_clear_and_means_one() {
    let fch = sof(0, Modulation::Qpsk, ModulationScheme::Differential, 300, false);
    let octets = emitted(fch, Arib, CheckPlacement::HighestLast);
    assert_eq!((octets[6], parsed(&octets, Arib)), (0, Ok(fch)));
    let Ok(Fch::Sof(of_fcc)) = parsed(&octets, Fcc) else { panic!("FCC reads the same octets") };
    assert_eq!(of_fcc.blocks, 2);
}

#[test]
fn the_other_placement_puts_the_highest_check_bit_first() {
    // Check value 0x12 = 10010.
    let fch = sof(0, Modulation::Bpsk, ModulationScheme::Differential, 10, false);
    assert_eq!(emitted(fch, Cenelec, CheckPlacement::HighestFirst), [0x00, 0x4A, 0x3F, 0x09, 0x00]);
}

#[test]
fn an_empty_tone_map_is_no_header_even_with_a_right_check() {
    let mut octets = [0, 0x4A, 0, 0, 0];
    (octets[3], octets[4]) = cenelec::check(&octets, CheckPlacement::HighestLast);
    assert_eq!(parsed(&octets, Cenelec), Err(WireError::Invalid("tone map")));
    let mut octets = [0, 0x20, 40, 0, 0, 0, 0x10, 0, 0];
    (octets[7], octets[8]) = fcc::check(&octets);
    assert_eq!(parsed(&octets, Fcc), Err(WireError::Invalid("tone map")));
}

#[test]
fn a_header_reads_as_one_line() {
    let fch = sof(0x55, Modulation::Robo, ModulationScheme::Differential, 10, true);
    assert_eq!(fch.to_string(), "SOF pdc 85, Robo Differential, tone map 00003f, FL 10, response expected");
}

/// Any header of `format`.
fn any_fch(format: HeaderFormat) -> impl Strategy<Value = Fch> {
    let (densest, map, units, blocks, fields) = match format {
        Cenelec => (3usize, 0x3Fu32, 63u16, 1u8, 3usize),
        Fcc => (4, 0xFF_FFFF, 511, 2, 7),
        Arib => (4, 0xFF_FFFF, 511, 1, 7),
    };
    let modulations =
        [Modulation::Robo, Modulation::Bpsk, Modulation::Qpsk, Modulation::Psk8, Modulation::Qam16];
    let start = (any::<u8>(), 0..=densest, any::<bool>(), 1..=map, 0..=units, 1..=blocks, any::<bool>());
    prop_oneof![
        start.prop_map(move |(pdc, m, coherent, map, units, blocks, response_expected)| {
            let (modulation, scheme) = (modulations[m], scheme(coherent));
            let tx = TxParameters { modulation, scheme, tone_map: ToneMap(map) };
            Fch::Sof(Sof { pdc, tx, units, blocks, response_expected })
        }),
        (any::<u16>(), any::<bool>(), any::<bool>()).prop_map(|(fcs, more_segments, negative)| Fch::Ack {
            fcs,
            more_segments,
            negative
        }),
        (4u8..8, any::<[u8; 7]>(), any::<bool>()).prop_map(move |(delimiter, octets, bit)| {
            let mut blanked = [0; Fch::LEN_MAX];
            blanked[..fields].copy_from_slice(&octets[..fields]);
            if format == Cenelec {
                blanked[3] = u8::from(bit) << 7;
            } else {
                blanked[1] &= !0x0E;
            }
            Fch::Reserved { delimiter, fields: blanked }
        }),
    ]
}

fn any_format() -> impl Strategy<Value = HeaderFormat> {
    prop_oneof![Just(Cenelec), Just(Fcc), Just(Arib)]
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed((format, fch) in any_format().prop_flat_map(|f| (Just(f), any_fch(f))), first: bool) {
        let placement = if first { CheckPlacement::HighestFirst } else { CheckPlacement::HighestLast };
        let octets = emitted(fch, format, placement);
        prop_assert_eq!(octets.len(), fch.wire_len(format));
        prop_assert_eq!(Fch::parse(&mut Reader::new(&octets), format, placement), Ok(fch));
    }

    #[test]
    fn any_octets_parse_or_are_refused_and_what_parses_is_emitted_again(
        octets: [u8; 9],
        len in 0usize..10,
        format in any_format(),
        sealed: bool,
    ) {
        let mut octets = octets;
        if sealed && format == Cenelec {
            let head: [u8; 5] = octets[..5].try_into().unwrap();
            let (low, last) = cenelec::check(&head, CheckPlacement::HighestLast);
            (octets[3], octets[4]) = (octets[3] & 0xF0 | low, last);
        } else if sealed {
            (octets[7], octets[8]) = fcc::check(&octets);
        }
        if let Ok(fch) = parsed(&octets[..len], format) {
            prop_assert_eq!(&emitted(fch, format, CheckPlacement::HighestLast)[..], &octets[..format.octets()]);
        }
    }

    #[test]
    fn every_single_wrong_bit_is_noticed(
        (format, fch) in any_format().prop_flat_map(|f| (Just(f), any_fch(f))),
        bit in 0usize..66,
    ) {
        let mut octets = emitted(fch, format, CheckPlacement::HighestLast);
        let bit = bit % format.bits();
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert!(parsed(&octets, format).is_err());
    }
}
